/*
 * trainer.h
 *		The backend's side of mlops-trainer: start it, feed it, hear it.
 *
 * One MlopsTrainer is one trainer process.  It ends with the memory context
 * that it was started in, on every way out.  Nothing that it says is
 * trusted: every frame is checked, and what cannot be is an error.
 *
 * While it waits, the backend answers cancel, timeouts, shutdown and the
 * loss of its client at once, whatever the trainer does.
 *
 * All errors that come from the trainer have SQLSTATE 38000.
 */
#ifndef MLOPS_TRAINER_H
#define MLOPS_TRAINER_H

#include "data/matrix.h"
#include "nodes/pg_list.h"

typedef struct MlopsTrainer MlopsTrainer;

/* A parameter as XGBoost takes it: name and value in text. */
typedef struct MlopsTrainerParam
{
	const char *name;
	const char *value;
} MlopsTrainerParam;

/* What one TRAIN asks for. */
typedef struct MlopsTrainRequest
{
	const MlopsTrainerParam *params;	/* complete: objective, seed, ... */
	int			n_params;
	int			n_rounds;		/* boosting rounds at most */
	int			early_stopping; /* rounds without a better metric; 0: off */
	bool		maximize;		/* the last metric is better when larger */
	char	  **feature_names;	/* n_features of them */
	const bool *categorical;	/* n_features of them */
	int			n_features;
	int			max_bin;
	bool		validate;		/* rows of role VALIDATION are evaluated */
	bool		predict;		/* fill the output region for all roles */
	const void *init_model;		/* model to go on from (UBJ), or NULL */
	size_t		init_size;
	int			init_rounds;	/* rounds that it has */
} MlopsTrainRequest;

/* One line of the evaluation history. */
typedef struct MlopsEvaluation
{
	int			round;			/* from 0 */
	const char *split;			/* "train" or "validation" */
	const char *metric;			/* XGBoost's name */
	double		value;
} MlopsEvaluation;

/* What came back. */
typedef struct MlopsTrainOutcome
{
	char	   *model;			/* UBJ bytes, palloc'd (huge) */
	size_t		model_size;
	int			n_rounds;		/* in the model, those of init_model included */
	bool		stopped_early;
	List	   *history;		/* of MlopsEvaluation * */
	uint64		peak_memory;	/* bytes, private to the trainer */
	double		cpu_seconds;
	double		build_seconds;	/* making the quantile matrix */
	double		train_seconds;
} MlopsTrainOutcome;

/* Called after each round; arg is the caller's. */
typedef void (*MlopsRoundCallback) (int round, int n_rounds,
									const char *metric, double value,
									void *arg);

/*
 * Start a trainer on the matrix and hear its HELLO.  Lives in the current
 * memory context.
 */
extern MlopsTrainer *mlops_trainer_start(MlopsMatrix *matrix, int n_threads,
										 int nice);

/* libxgboost's version at run time, "1.7.4"; and as three numbers. */
extern const char *mlops_trainer_version(const MlopsTrainer *trainer);

/*
 * Notice if the trainer has died meanwhile, and answer interrupts and the
 * loss of the client; cheap, for use while rows are read.
 */
extern void mlops_trainer_poll(MlopsTrainer *trainer);

/*
 * Train on the matrix as it is now; _begin returns at once, and the backend
 * may do something else before it takes the outcome with _finish.  The
 * request must live until then.  max_memory bounds the trainer's private
 * memory in bytes, and the kernel enforces it; it holds from the first
 * training on.  May be done again after _finish.
 */
extern void mlops_trainer_begin(MlopsTrainer *trainer,
								const MlopsTrainRequest *request,
								uint64 max_memory);
extern MlopsTrainOutcome *mlops_trainer_finish(MlopsTrainer *trainer,
											   MlopsRoundCallback callback,
											   void *arg);

/* End the process and reap it. */
extern void mlops_trainer_stop(MlopsTrainer *trainer);

#endif							/* MLOPS_TRAINER_H */
