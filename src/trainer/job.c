/*
 * job.c
 *		One TRAIN from its frame to its model and predictions.
 */
#include <stdlib.h>
#include <string.h>

#include <xgboost/c_api.h>

#include "trainer/worker.h"

/* A model is sent in pieces of this many bytes. */
#define PIECE	(512 * 1024)

static bool check_command(const MlopsTrainCommand *command,
						  const MlopsRows *rows);
static const char *next_string(const char **at, const char *end);
static bool parse_params(MlopsJob *job, const char **at, const char *end);
static bool parse_features(MlopsJob *job, const char **at, const char *end);
static void choose_matrix(MlopsJob *job);
static bool send_model(const MlopsJob *job);

/*
 * Check a TRAIN frame's payload and take it apart.  The payload and the
 * initial model must outlive the job.
 */
bool
mlops_job_parse(MlopsJob *job, const MlopsRows *rows, const MlopsInit *init,
				void *payload, size_t length)
{
	const char *at = (const char *) payload + sizeof(MlopsTrainCommand);
	const char *end = (const char *) payload + length;

	memcpy(&job->command, payload, sizeof(MlopsTrainCommand));
	if (!check_command(&job->command, rows) ||
		!parse_params(job, &at, end) || !parse_features(job, &at, end))
		return false;
	if (at != end)
		return mlops_fail("TRAIN frame is longer than its contents");
	if (job->command.flags & MLOPS_TRAIN_INIT)
	{
		if (init->bytes == NULL || init->filled < init->total)
			return mlops_fail("there is no initial model");
		job->init = init;
	}
	choose_matrix(job);
	return true;
}

/*
 * Train, send the model, predict; fills job->result.
 */
bool
mlops_job_run(MlopsJob *job, MlopsRows *rows)
{
	double		cpu = mlops_cpu_seconds();
	double		begin = mlops_now();
	double		built;
	double		trained;

	mlops_memory_reset();
	if (!mlops_rows_check(rows, job))
		return false;
	if (rows->count[MLOPS_ROLE_TRAIN] == 0)
		return mlops_fail("there are no rows to train on");
	if ((job->command.flags & MLOPS_TRAIN_VALIDATE) &&
		rows->count[MLOPS_ROLE_VALIDATION] == 0)
		return mlops_fail("there are no rows to validate on");

	if (!mlops_build_matrices(job, rows))
		return false;
	built = mlops_now();
	(void) mlops_memory_peak();
	if (!mlops_boost(job))
		return false;
	trained = mlops_now();
	(void) mlops_memory_peak();
	if (!send_model(job))
		return false;
	if (job->command.flags & MLOPS_TRAIN_PREDICT)
	{
		/* the same margins as probabilities of the classes */
		if (job->softmax && XGBoosterSetParam(job->booster, "objective",
											  "multi:softprob") != 0)
			return mlops_fail_library();
		if (!mlops_predict_all(job, rows))
			return false;
		mlops_wire_send(MLOPS_FRAME_PREDICTED, NULL, 0, NULL, 0);
	}

	job->result.build_seconds = built - begin;
	job->result.train_seconds = trained - built;
	job->result.predict_seconds = mlops_now() - trained;
	job->result.cpu_seconds = mlops_cpu_seconds() - cpu;
	job->result.peak_memory = mlops_memory_peak();
	return true;
}

/*
 * Free a job and all that it holds.
 */
void
mlops_job_free(MlopsJob *job)
{
	if (job->booster != NULL)
		XGBoosterFree(job->booster);
	if (job->validation != NULL)
		XGDMatrixFree(job->validation);
	if (job->train != NULL)
		XGDMatrixFree(job->train);
	free(job->feature_names);
	free(job->feature_types);
	free(job);
}

/*
 * Are the numbers of a TRAIN in range, and fit for the matrix?
 */
static bool
check_command(const MlopsTrainCommand *command, const MlopsRows *rows)
{
	const uint32_t known = MLOPS_TRAIN_MAXIMIZE | MLOPS_TRAIN_VALIDATE |
		MLOPS_TRAIN_PREDICT | MLOPS_TRAIN_INIT;

	if (rows->blocks == NULL)
		return mlops_fail("there are no rows to train on");
	if (command->n_rounds < 1 || command->n_rounds > MLOPS_MAX_ROUNDS)
		return mlops_fail("number of rounds is out of range");
	if (command->max_bin < 2 || command->max_bin > MLOPS_MAX_BIN)
		return mlops_fail("max_bin is out of range");
	if (command->n_params > MLOPS_MAX_PARAMS)
		return mlops_fail("there are too many parameters");
	if (command->n_features != rows->layout.n_features)
		return mlops_fail("number of features is not the matrix's");
	if ((command->flags & ~known) != 0)
		return mlops_fail("TRAIN frame has unknown flags");
	if (command->early_stopping > 0 &&
		!(command->flags & MLOPS_TRAIN_VALIDATE))
		return mlops_fail("early stopping needs rows to validate on");
	if ((command->flags & MLOPS_TRAIN_PREDICT) && rows->output == NULL)
		return mlops_fail("there is no room for predictions");
	return true;
}

/*
 * The string at *at, moved behind its NUL; NULL if there is none before end.
 */
static const char *
next_string(const char **at, const char *end)
{
	const char *text = *at;
	const char *stop = end > text ? memchr(text, '\0', end - text) : NULL;

	if (stop == NULL)
		return NULL;
	*at = stop + 1;
	return text;
}

/*
 * Take the parameters out of the payload.
 */
static bool
parse_params(MlopsJob *job, const char **at, const char *end)
{
	for (uint32_t i = 0; i < job->command.n_params; i++)
	{
		const char *name = next_string(at, end);
		const char *value = next_string(at, end);

		if (name == NULL || value == NULL)
			return mlops_fail("TRAIN frame is too short");
		if (name[0] == '\0' || strlen(name) > MLOPS_MAX_NAME)
			return mlops_fail("a parameter's name is empty or too long");
		job->param_names[i] = name;
		job->param_values[i] = value;
	}
	return true;
}

/*
 * Take the features out of the payload.
 */
static bool
parse_features(MlopsJob *job, const char **at, const char *end)
{
	uint32_t	n_features = job->command.n_features;

	job->feature_names = calloc(n_features, sizeof(char *));
	job->feature_types = calloc(n_features, sizeof(char *));
	if (job->feature_names == NULL || job->feature_types == NULL)
		return mlops_fail("out of memory");
	for (uint32_t i = 0; i < n_features; i++)
	{
		const char *text = next_string(at, end);

		if (text == NULL)
			return mlops_fail("TRAIN frame is too short");
		if ((text[0] != 'c' && text[0] != 'q') || text[1] == '\0' ||
			strlen(text + 1) > MLOPS_MAX_NAME)
			return mlops_fail("a feature's name or type is not valid");
		job->feature_types[i] = text[0] == 'c' ? "c" : "q";
		job->feature_names[i] = text + 1;
	}
	return true;
}

/*
 * Only hist on trees works on a binned matrix; others need the values.  So
 * does a model to go on from: its trees were cut at other values.  A linear
 * model is summed up by one thread, so that the sums are the same everywhere.
 */
static void
choose_matrix(MlopsJob *job)
{
	bool		hist = false;

	for (uint32_t i = 0; i < job->command.n_params; i++)
	{
		if (strcmp(job->param_names[i], "tree_method") == 0)
			hist = strcmp(job->param_values[i], "hist") == 0;
		if (strcmp(job->param_names[i], "objective") == 0)
			job->softmax = strcmp(job->param_values[i], "multi:softmax") == 0;
		if (strcmp(job->param_names[i], "booster") == 0)
		{
			job->linear = strcmp(job->param_values[i], "gblinear") == 0;
			job->rewrites = job->linear ||
				strcmp(job->param_values[i], "dart") == 0;
		}
	}
	job->quantile = hist && !job->linear && job->init == NULL;
	if (job->linear)
		job->n_threads = 1;
}

/*
 * Send the booster as UBJ.  The bytes are the library's until the next call.
 */
static bool
send_model(const MlopsJob *job)
{
	MlopsModelPiece piece = {0, 0};
	const char *bytes;
	bst_ulong	size;

	if (XGBoosterSaveModelToBuffer(job->booster, "{\"format\":\"ubj\"}",
								   &size, &bytes) != 0)
		return mlops_fail_library();
	if (size == 0 || size > MLOPS_MAX_MODEL)
		return mlops_fail("model of %llu bytes is too large",
						  (unsigned long long) size);
	piece.total = size;
	while (piece.offset < piece.total)
	{
		uint64_t	rest = piece.total - piece.offset;
		size_t		part = rest < PIECE ? rest : PIECE;

		mlops_wire_send(MLOPS_FRAME_MODEL, &piece, sizeof(piece),
						bytes + piece.offset, part);
		piece.offset += part;
	}
	return true;
}
