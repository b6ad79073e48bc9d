/*
 * groups.c
 *		Query groups stay whole: all rows of one have one role.
 *
 * A split by the group itself sees to it.  A split by time gives a group the
 * role of its newest row, so that nothing newer than the boundary is trained
 * on.  One that split_column parts is an error.
 */
#include "postgres.h"

#include "data/plan.h"

static void set_role(MlopsMatrix *matrix, uint64 from, uint64 to, uint8 role);

void
mlops_groups_settle(MlopsDataset *dataset, MlopsMatrix *matrix)
{
	uint64		n_rows = matrix->layout.n_rows;
	uint64		n_parted = 0;
	uint64		first = 0;		/* row of the group */

	while (first < n_rows)
	{
		uint64		at = mlops_matrix_seek(matrix, first);
		uint8		role = mlops_matrix_role(matrix)[at];
		uint32		group = mlops_matrix_group(matrix)[at];
		uint64		next = first + 1;
		bool		parted = false;

		for (; next < n_rows; next++)
		{
			uint8		other;

			at = mlops_matrix_seek(matrix, next);
			if (mlops_matrix_group(matrix)[at] != group)
				break;
			other = mlops_matrix_role(matrix)[at];
			parted |= (other != role);
			/* the roles are in the order of time */
			role = Max(role, other);
		}
		n_parted += parted;
		if (parted)
			set_role(matrix, first, next, role);
		dataset->n_groups[role]++;
		first = next;
	}
	if (n_parted > 0 && dataset->split != MLOPS_SPLIT_TIME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split_column \"%s\" parts query groups",
						dataset->plan->split_name),
				 errdetail("Rows of one group fall into different splits in " UINT64_FORMAT " of " UINT64_FORMAT " groups.",
						   n_parted, dataset->plan->n_groups)));
}

/*
 * Set the role of the rows from .. to - 1.
 */
static void
set_role(MlopsMatrix *matrix, uint64 from, uint64 to, uint8 role)
{
	for (uint64 row = from; row < to; row++)
	{
		uint64		at = mlops_matrix_seek(matrix, row);

		mlops_matrix_role(matrix)[at] = role;
	}
}
