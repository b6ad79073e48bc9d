/*
 * batch_call.c
 *		Calls of the predict functions with columns, read from a plan.
 *
 * What is a call is told by the C function behind it, so that nobody's own
 * function of the same name is taken for one.
 */
#include "postgres.h"

#include "access/transam.h"
#include "base/base.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "serve/batch.h"
#include "utils/builtins.h"

static bool read_values(FuncExpr *expression, int names,
						MlopsBatchCall *call);
static text *constant_text(Node *node);

bool
mlops_batch_call_read(Node *node, MlopsBatchCall *call)
{
	FuncExpr   *expression = (FuncExpr *) node;
	FmgrInfo	function;
	Const	   *version;
	int			names = 1;

	memset(call, 0, sizeof(MlopsBatchCall));
	if (node == NULL || !IsA(node, FuncExpr) ||
		expression->funcid < FirstNormalObjectId ||
		expression->funcretset || expression->funcvariadic ||
		list_length(expression->args) < 3)
		return false;
	call->call = expression;
	call->model = constant_text(linitial(expression->args));
	if (call->model == NULL)
		return false;
	fmgr_info(expression->funcid, &function);
	if (!mlops_prediction_kind(function.fn_addr, &call->kind))
		return false;

	if (call->kind == MLOPS_PREDICT_PINNED)
	{
		version = lsecond(expression->args);
		if (!IsA(version, Const) || version->constisnull)
			return false;
		call->pinned_version = DatumGetInt32(version->constvalue);
		names = 2;
		if (call->pinned_version <= 0)
			return false;
	}
	else if (call->kind == MLOPS_PREDICT_PROBABILITY)
	{
		call->label = constant_text(lsecond(expression->args));
		names = 2;
		if (call->label == NULL)
			return false;
	}
	return read_values(expression, names, call);
}

bool
mlops_batch_call_same(const MlopsBatchCall *a, const MlopsBatchCall *b)
{
	bool		a_margin = a->kind == MLOPS_PREDICT_MARGIN ||
		a->kind == MLOPS_PREDICT_MARGINS;
	bool		b_margin = b->kind == MLOPS_PREDICT_MARGIN ||
		b->kind == MLOPS_PREDICT_MARGINS;

	return a_margin == b_margin && a->pinned_version == b->pinned_version &&
		VARSIZE_ANY_EXHDR(a->model) == VARSIZE_ANY_EXHDR(b->model) &&
		memcmp(VARDATA_ANY(a->model), VARDATA_ANY(b->model),
			   VARSIZE_ANY_EXHDR(a->model)) == 0 &&
		VARSIZE(a->names) == VARSIZE(b->names) &&
		memcmp(a->names, b->names, VARSIZE(a->names)) == 0 &&
		equal(a->values, b->values) && equal(a->sign, b->sign);
}

bool
mlops_batch_call_is_plain(const MlopsBatchCall *call)
{
	Bitmapset  *seen = NULL;
	ListCell   *cell;

	if (call->sign != NULL && !IsA(call->sign, Var))
		return false;
	foreach(cell, call->values)
	{
		Var		   *var = (Var *) mlops_batch_bare_value(lfirst(cell));

		if (!IsA(var, Var) || bms_is_member(var->varattno, seen))
			return false;
		seen = bms_add_member(seen, var->varattno);
	}
	return true;
}

Expr *
mlops_batch_bare_value(Expr *value)
{
	while (IsA(value, RelabelType))
		value = ((RelabelType *) value)->arg;
	return value;
}

/*
 * The columns: their names are argument number `names`, their values follow,
 * one by one or as one row, and behind them may stand the sign.
 */
static bool
read_values(FuncExpr *expression, int names, MlopsBatchCall *call)
{
	Const	   *array;
	int			n_names;
	int			n = list_length(expression->args) - names - 1;
	Node	   *first;

	if (n < 1)
		return false;
	array = list_nth(expression->args, names);
	if (!IsA(array, Const) || array->consttype != TEXTARRAYOID ||
		array->constisnull)
		return false;
	call->names = DatumGetArrayTypeP(array->constvalue);
	n_names = ArrayGetNItems(ARR_NDIM(call->names), ARR_DIMS(call->names));
	first = list_nth(expression->args, names + 1);
	if (exprType(first) == RECORDOID)
	{
		if (!IsA(first, RowExpr) || n > 2)
			return false;
		call->values = ((RowExpr *) first)->args;
		if (n == 2)
			call->sign = list_nth(expression->args, names + 2);
	}
	else
	{
		call->values = list_copy_tail(expression->args, names + 1);
		if (n == n_names + 1)
		{
			call->sign = llast(call->values);
			call->values = list_truncate(call->values, n_names);
		}
	}
	return n_names > 0 && list_length(call->values) == n_names;
}

/* The text of a constant, or of a model reference; NULL if it is none. */
static text *
constant_text(Node *node)
{
	Const	   *constant = (Const *) node;

	if (!IsA(node, Const) || constant->constisnull ||
		constant->constlen != -1 || constant->consttype == UNKNOWNOID)
		return NULL;
	return DatumGetTextPP(constant->constvalue);
}
