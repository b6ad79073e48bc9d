/*
 * image.c
 *		A loaded version as one piece of memory without pointers.
 *
 * A header with the numbers of the version and where the rest lies, then the
 * signature, as jsonb and as what was read of that, which takes longer than
 * all else, the strings, each with its final zero, and the forest: what is
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
	Size		flat;			/* a FlatSignature */
	Size		strings;		/* task, objective, target, classes */
	Size		forest;			/* aligned to MLOPS_FOREST_ALIGN */
} Image;

/* A MlopsSignature; what is a pointer there is an offset here. */
typedef struct FlatSignature
{
	int			n_inputs;
	int			n_features;
	Size		inputs;			/* FlatInput[n_inputs] */
	Size		feature_names;	/* Size[n_features], of strings */
	Size		categorical;	/* bool[n_features] */
	Size		time_zone;		/* a string, 0: none */
} FlatSignature;

/* A MlopsInput, likewise. */
typedef struct FlatInput
{
	int			kind;
	int			first_feature;
	int			n_features;
	int			n_categories;
	Size		name;
	Size		type_name;
	Size		categories;		/* Size[n_categories], of strings */
} FlatInput;

static void lay_out(const MlopsPredictor *predictor, Image *image,
					Size *size);
static Size reserve(Size *end, Size n);
static void put(char *base, Size at, const void *bytes, Size n);
static Size put_string(char *base, Size *end, const char *string);
static Size put_strings(char *base, Size *end, char **strings, int n);
static void put_signature(char *base, Size *end,
						  const MlopsSignature *signature);
static MlopsSignature *get_signature(char *base, Size at);
static char **get_strings(char *base, Size at, int n);
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
	size = image->flat;
	put_signature(memory, &size, predictor->signature);
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
	predictor->signature = get_signature(base, image->flat);
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
	image->flat = MAXALIGN(image->signature + VARSIZE(version->signature));
	image->strings = image->flat;
	put_signature(NULL, &image->strings, predictor->signature);
	image->forest = TYPEALIGN(MLOPS_FOREST_ALIGN,
							  image->strings + string_bytes(version));
	*size = image->forest + mlops_forest_size(predictor->forest);
}

/* Take n bytes behind the end, aligned, and move that; returns where. */
static Size
reserve(Size *end, Size n)
{
	Size		at = MAXALIGN(*end);

	*end = at + n;
	return at;
}

/* Write something there; without a base nothing is written. */
static void
put(char *base, Size at, const void *bytes, Size n)
{
	if (base != NULL && n > 0)
		memcpy(base + at, bytes, n);
}

/* Put a string behind the end; returns where. */
static Size
put_string(char *base, Size *end, const char *string)
{
	Size		at = *end;
	Size		n = strlen(string) + 1;

	put(base, at, string, n);
	*end = at + n;
	return at;
}

/* Put an array of places of strings there, and these behind it. */
static Size
put_strings(char *base, Size *end, char **strings, int n)
{
	Size		at = reserve(end, sizeof(Size) * n);

	for (int i = 0; i < n; i++)
	{
		Size		string = put_string(base, end, strings[i]);

		put(base, at + sizeof(Size) * i, &string, sizeof(Size));
	}
	return at;
}

/*
 * Put a signature behind the end, which is aligned.  Throws nothing.
 */
static void
put_signature(char *base, Size *end, const MlopsSignature *signature)
{
	int			n = signature->n_inputs;
	FlatSignature flat = {n, signature->n_features};
	Size		at = reserve(end, sizeof(flat));

	flat.inputs = reserve(end, sizeof(FlatInput) * n);
	for (int i = 0; i < n; i++)
	{
		const MlopsInput *input = &signature->inputs[i];
		FlatInput	one = {input->kind, input->first_feature,
		input->n_features, input->n_categories};

		one.name = put_string(base, end, input->name);
		one.type_name = put_string(base, end, input->type_name);
		one.categories = put_strings(base, end, input->categories,
									 input->n_categories);
		put(base, flat.inputs + sizeof(one) * i, &one, sizeof(one));
	}
	flat.feature_names = put_strings(base, end, signature->feature_names,
									 signature->n_features);
	flat.categorical = reserve(end, sizeof(bool) * signature->n_features);
	put(base, flat.categorical, signature->categorical,
		sizeof(bool) * signature->n_features);
	if (signature->time_zone != NULL)
		flat.time_zone = put_string(base, end, signature->time_zone);
	put(base, at, &flat, sizeof(flat));
}

/* A signature whose strings are where they lie; the rest is palloc'd. */
static MlopsSignature *
get_signature(char *base, Size at)
{
	const FlatSignature *flat = (const FlatSignature *) (base + at);
	const FlatInput *inputs = (const FlatInput *) (base + flat->inputs);
	MlopsSignature *signature = palloc0(sizeof(MlopsSignature));

	signature->n_inputs = flat->n_inputs;
	signature->n_features = flat->n_features;
	signature->inputs = palloc0(sizeof(MlopsInput) * flat->n_inputs);
	for (int i = 0; i < flat->n_inputs; i++)
	{
		MlopsInput *input = &signature->inputs[i];

		input->name = base + inputs[i].name;
		input->type_name = base + inputs[i].type_name;
		input->kind = (MlopsInputKind) inputs[i].kind;
		input->first_feature = inputs[i].first_feature;
		input->n_features = inputs[i].n_features;
		input->n_categories = inputs[i].n_categories;
		if (input->n_categories > 0)
			input->categories = get_strings(base, inputs[i].categories,
											input->n_categories);
	}
	signature->feature_names = get_strings(base, flat->feature_names,
										   flat->n_features);
	signature->categorical = (bool *) (base + flat->categorical);
	if (flat->time_zone != 0)
		signature->time_zone = base + flat->time_zone;
	return signature;
}

/* An array of strings, which are where they lie. */
static char **
get_strings(char *base, Size at, int n)
{
	const Size *places = (const Size *) (base + at);
	char	  **strings = palloc(sizeof(char *) * Max(n, 1));

	for (int i = 0; i < n; i++)
		strings[i] = base + places[i];
	return strings;
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
