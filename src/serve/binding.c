/*
 * binding.c
 *		Encoders that are kept with a loaded version.
 *
 * They hang on the predictor and are freed with the version.  An encoder that
 * holds something that may change while it is kept, the labels of an enum, is
 * not kept.
 */
#include "postgres.h"

#include "serve/binding.h"
#include "utils/memutils.h"

/* Encoders of one version. */
#define MAX_BINDINGS 8

struct MlopsBinding
{
	struct MlopsBinding *next;
	ArrayType  *names;
	int			n;
	Oid		   *types;			/* [n] */
	MlopsEncoder *encoder;
};

MlopsEncoder *
mlops_binding_find(const MlopsPredictor *predictor, const ArrayType *names,
				   const Oid *types, int n)
{
	for (MlopsBinding *binding = predictor->bindings; binding != NULL;
		 binding = binding->next)
		if (binding->n == n &&
			memcmp(binding->types, types, sizeof(Oid) * n) == 0 &&
			VARSIZE(binding->names) == VARSIZE(names) &&
			memcmp(binding->names, names, VARSIZE(names)) == 0)
			return binding->encoder;
	return NULL;
}

void
mlops_binding_keep(const MlopsPredictor *predictor, const ArrayType *names,
				   const Oid *types, int n, MlopsEncoder *encoder,
				   MemoryContext context)
{
	MlopsPredictor *keeper = unconstify(MlopsPredictor *, predictor);
	MlopsBinding *binding = keeper->bindings;
	int			n_bindings = 0;

	for (; binding != NULL; binding = binding->next)
		n_bindings++;
	if (n_bindings >= MAX_BINDINGS || !mlops_encoder_is_lasting(encoder))
		return;

	binding = MemoryContextAlloc(context, sizeof(MlopsBinding));
	binding->names = MemoryContextAlloc(context, VARSIZE(names));
	memcpy(binding->names, names, VARSIZE(names));
	binding->types = MemoryContextAlloc(context, sizeof(Oid) * n);
	memcpy(binding->types, types, sizeof(Oid) * n);
	binding->n = n;
	binding->encoder = encoder;
	binding->next = keeper->bindings;
	keeper->bindings = binding;
	MemoryContextSetParent(context, GetMemoryChunkContext(keeper));
}
