/*
 * image.c
 *		A loaded version as one piece of memory without pointers.
 *
 * A header with the numbers of the version and where the rest lies, then the
 * signature, the strings, each with its final zero, and the forest: what is
 * read when it is opened lies together.  Offsets are from the start of the
 * image.
 */
#include "postgres.h"

#include "data/image.h"

typedef struct Image
{
	int64		version_id;
	int64		model_id;
	int64		run_id;
	Size		model_size;
	Size		forest_size;	/* as stored */
	int			version;
	int			n_classes;
	Size		signature;		/* a Jsonb, with a long header */
	Size		strings;		/* task, objective, target, classes */
	Size		forest;			/* aligned to MLOPS_FOREST_ALIGN */
} Image;

static void lay_out(const MlopsPredictor *predictor, Image *image,
					Size *size);
static Size string_bytes(const MlopsVersion *version);
static void write_string(char **at, const char *string);
static char *read_string(char **at);

Size
mlops_image_size(const MlopsPredictor *predictor)
{
	Image		image;
	Size		size;

	lay_out(predictor, &image, &size);
	return size;
}

void
mlops_image_write(const MlopsPredictor *predictor, void *memory)
{
	const MlopsVersion *version = predictor->version;
	Image	   *image = memory;
	Size		size;
	char	   *at;

	lay_out(predictor, image, &size);
	memcpy((char *) memory + image->forest, predictor->forest,
		   mlops_forest_size(predictor->forest));
	memcpy((char *) memory + image->signature, version->signature,
		   VARSIZE(version->signature));
	at = (char *) memory + image->strings;
	write_string(&at, version->task);
	write_string(&at, version->objective);
	write_string(&at, version->target);
	for (int i = 0; i < version->n_classes; i++)
		write_string(&at, version->classes[i]);
}

MlopsPredictor *
mlops_image_open(const void *memory)
{
	const Image *image = memory;
	MlopsPredictor *predictor = palloc0(sizeof(MlopsPredictor));
	MlopsVersion *version = palloc0(sizeof(MlopsVersion));
	char	   *base = unconstify(char *, (const char *) memory);
	char	   *at = base + image->strings;

	version->version_id = image->version_id;
	version->model_id = image->model_id;
	version->run_id = image->run_id;
	version->version = image->version;
	version->model_size = image->model_size;
	version->forest_size = image->forest_size;
	version->committed = true;
	version->signature = (Jsonb *) (base + image->signature);
	version->task = read_string(&at);
	version->objective = read_string(&at);
	version->target = read_string(&at);
	version->n_classes = image->n_classes;
	if (image->n_classes > 0)
		version->classes = palloc(sizeof(char *) * image->n_classes);
	for (int i = 0; i < image->n_classes; i++)
		version->classes[i] = read_string(&at);

	predictor->version = version;
	predictor->signature = mlops_signature_from_jsonb(version->signature);
	predictor->forest = (const MlopsForest *) (base + image->forest);
	mlops_forest_info(predictor->forest, &predictor->info);
	return predictor;
}

/* Fill the header of a version's image, and tell the size of all. */
static void
lay_out(const MlopsPredictor *predictor, Image *image, Size *size)
{
	const MlopsVersion *version = predictor->version;

	memset(image, 0, sizeof(Image));
	image->version_id = version->version_id;
	image->model_id = version->model_id;
	image->run_id = version->run_id;
	image->model_size = version->model_size;
	image->forest_size = version->forest_size;
	image->version = version->version;
	image->n_classes = version->n_classes;
	image->signature = MAXALIGN(sizeof(Image));
	image->strings = image->signature + VARSIZE(version->signature);
	image->forest = TYPEALIGN(MLOPS_FOREST_ALIGN,
							  image->strings + string_bytes(version));
	*size = image->forest + mlops_forest_size(predictor->forest);
}

/* What the strings take. */
static Size
string_bytes(const MlopsVersion *version)
{
	Size		bytes = strlen(version->task) + strlen(version->objective) +
		strlen(version->target) + 3;

	for (int i = 0; i < version->n_classes; i++)
		bytes += strlen(version->classes[i]) + 1;
	return bytes;
}

/* Append one with its final zero. */
static void
write_string(char **at, const char *string)
{
	Size		length = strlen(string) + 1;

	memcpy(*at, string, length);
	*at += length;
}

/* The next one, where it lies. */
static char *
read_string(char **at)
{
	char	   *string = *at;

	*at += strlen(string) + 1;
	return string;
}
