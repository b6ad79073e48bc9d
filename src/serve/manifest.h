/*
 * manifest.h
 *		The manifest of a bundle, read into the records that are stored.
 */
#ifndef MLOPS_MANIFEST_H
#define MLOPS_MANIFEST_H

#include "serve/exchange.h"
#include "utils/jsonb.h"

/* What a manifest says of the bytes after it. */
typedef struct MlopsManifest
{
	char	   *model;			/* name at home */
	size_t		model_size;
	char	   *model_sha256;
	/* to be compared with what the model's bytes say */
	char	   *objective;
	char	   *booster;
	int64		n_features;
	int64		n_trees;
	int64		n_rounds;
} MlopsManifest;

/*
 * Read a manifest: the run, the version but for its bytes, metrics and
 * baselines go to the arrival.  Members that are not known are passed over.
 * 22023 names the member that is missing, of a wrong type or out of range.
 */
extern void mlops_manifest_read(Jsonb *jsonb, MlopsManifest *manifest,
								MlopsArrival *arrival);

#endif							/* MLOPS_MANIFEST_H */
