/*
 * forest_fixture.h
 *		What the tests of the forest module share: the fixtures of
 *		test/data/models (see test/oracle/make_models.py).
 */
#ifndef FOREST_FIXTURE_H
#define FOREST_FIXTURE_H

#include "check.h"
#include "forest/forest.h"

typedef struct Fixture
{
	const char *name;
	unsigned char *model;		/* the file, then a NUL */
	size_t		size;
	bool		json;
	char		objective[64];
	char		booster[16];
	unsigned	n_rows;
	unsigned	n_features;
	unsigned	n_outputs;
	float	   *rows;			/* [n_rows][n_features] */
	float	   *margins;		/* [n_rows][n_outputs], from the library */
	float	   *predictions;
} Fixture;

#define FIXTURE_COUNT 11

/* Fixture by number, below FIXTURE_COUNT; fixture_free() frees it. */
extern void fixture_load(unsigned number, Fixture *fixture);
extern void fixture_load_named(const char *name, Fixture *fixture);
extern void fixture_free(Fixture *fixture);

/* Build and open; NULL with err set if refused.  *block is to be freed. */
extern const MlopsForest *fixture_open(const void *model, size_t size,
									   void **block, MlopsForestError *err);

/* Number of outputs whose bits differ from the library's. */
extern unsigned fixture_mismatches(const Fixture *fixture,
								   const MlopsForest *forest);

/* Copy of bytes in a buffer of just that size, for the sanitizer. */
extern void *fixture_copy(const void *bytes, size_t size);

#endif							/* FOREST_FIXTURE_H */
