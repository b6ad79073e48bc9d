/*
 * policy.h
 *		Policies out of the arguments of a call.
 */
#ifndef MLOPS_WATCH_POLICY_H
#define MLOPS_WATCH_POLICY_H

#include "catalog/policy.h"
#include "fmgr.h"

/* Which argument is which; -1: there is none, and the default holds. */
typedef struct MlopsPolicyArguments
{
	int			trigger_on;
	int			gate;
	int			cooldown;
	int			source;
	int			event_time;
	int			max_age;
	int			min_new_rows;
	int			memory;
	int			refit;
	int			guard;
	int			max_per_day;
	int			max_failures;
	int			enabled;
} MlopsPolicyArguments;

/*
 * Read and check them; 22004 or 22023 with the argument's name.  The policy is
 * the current role's, and its source means what it means here.
 */
extern MlopsPolicy *mlops_policy_of(FunctionCallInfo fcinfo,
									const MlopsPolicyArguments *arguments);

/* What holds without a policy, and where one says nothing. */
extern MlopsPolicy *mlops_policy_default(void);

#endif							/* MLOPS_WATCH_POLICY_H */
