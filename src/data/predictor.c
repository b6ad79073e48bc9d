/*
 * predictor.c
 *		A stored version, loaded and ready to predict rows.
 *
 * What is stored may have come from a dump or a replica, so it is checked
 * like anything from outside, and so is that its parts fit together.
 */
#include "postgres.h"

#include <stdlib.h>

#include "base/base.h"
#include "data/predictor.h"

/* Rows that are predicted together, unless they have more numbers than: */
#define BATCH_ROWS		128
#define BATCH_NUMBERS	(1024 * 1024)

static const MlopsForest *load_forest(MlopsVersion *version,
									  Snapshot snapshot);
static const MlopsForest *rebuild_forest(MlopsVersion *version,
										 Snapshot snapshot,
										 MlopsForestError *error);

MlopsPredictor *
mlops_predictor_load(int64 version_id, Snapshot snapshot)
{
	MlopsPredictor *predictor = palloc0(sizeof(MlopsPredictor));
	MlopsVersion *version = mlops_version_load(version_id, snapshot);
	int			n_outputs = version->n_classes > 2 ? version->n_classes : 1;

	if (version->dropped)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("version with id %lld was dropped",
						(long long) version_id),
				 errhint("The view mlops.versions lists the versions.")));
	predictor->version = version;
	predictor->signature = mlops_signature_from_jsonb(version->signature);
	predictor->forest = load_forest(version, snapshot);
	mlops_forest_info(predictor->forest, &predictor->info);
	if (predictor->info.n_features != predictor->signature->n_features ||
		predictor->info.n_outputs != n_outputs)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("forest and signature of version id %lld do not match",
						(long long) version_id)));
	return predictor;
}

void *
mlops_predictor_build(const void *model, size_t model_size, size_t *size,
					  MlopsForestError *error)
{
	void	   *block;
	char	   *copy;

	if (!mlops_forest_build(model, model_size, &block, size, error))
		return NULL;

	/* nothing may throw before the block is freed */
	copy = palloc_extended(*size + MLOPS_FOREST_ALIGN,
						   MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
	if (copy != NULL)
	{
		copy = (char *) TYPEALIGN(MLOPS_FOREST_ALIGN, copy);
		memcpy(copy, block, *size);
	}
	free(block);
	if (copy == NULL)
		mlops_out_of_memory();
	return copy;
}

int
mlops_predictor_rows(const MlopsForestInfo *info)
{
	int			most = BATCH_NUMBERS /
		Max(Max(info->n_features, info->n_outputs), 1);

	return Max(Min(BATCH_ROWS, most), 1);
}

/* The stored forest, or one made from the model if its layout is outdated. */
static const MlopsForest *
load_forest(MlopsVersion *version, Snapshot snapshot)
{
	MlopsForestError error;
	const MlopsForest *forest;
	bool		committed;
	char	   *block = mlops_artefact_read(version->version_id, "forest",
											version->forest_size, snapshot,
											&committed);

	version->committed &= committed;
	forest = mlops_forest_open(block, version->forest_size, &error);
	if (forest == NULL &&
		mlops_forest_is_outdated(block, version->forest_size))
		forest = rebuild_forest(version, snapshot, &error);
	if (forest == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("forest of version id %lld cannot be used",
						(long long) version->version_id),
				 errdetail_internal("%s.", error.message)));
	return forest;
}

/* Make the forest anew from the model; NULL and error if that fails. */
static const MlopsForest *
rebuild_forest(MlopsVersion *version, Snapshot snapshot,
			   MlopsForestError *error)
{
	bool		committed;
	char	   *model = mlops_artefact_read(version->version_id, "model",
											version->model_size, snapshot,
											&committed);
	size_t		size;
	void	   *block = mlops_predictor_build(model, version->model_size,
											  &size, error);

	version->committed &= committed;
	return block ? mlops_forest_open(block, size, error) : NULL;
}
