/*
 * warm_start.h
 *		A stored version to go on from.
 */
#ifndef MLOPS_WARM_START_H
#define MLOPS_WARM_START_H

#include "train/call.h"

typedef struct MlopsWarmStart
{
	const char *reference;		/* as given */
	int			version;
	int			n_rounds;		/* that the model has */
	int			library[3];		/* version that wrote it */
	char	   *model;			/* UBJ or JSON */
	size_t		model_size;
} MlopsWarmStart;

/*
 * Load the version that the call's init_model names, for which the current
 * role needs the privilege read, and let the call take task, features,
 * classes and booster from it; 22023 if it asks for other ones.
 */
extern MlopsWarmStart *mlops_warm_start_open(MlopsTrainCall *call);

/* 0A000 if the library, "1.7.4", cannot read what wrote the model. */
extern void mlops_warm_start_check_library(const MlopsWarmStart *start,
										   const char *version);

#endif							/* MLOPS_WARM_START_H */
