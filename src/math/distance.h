/*
 * distance.h
 *		How far two distributions over the same bins are apart.
 *
 * Plain C, no allocation.  A distribution is k shares that add up to 1, or k
 * counts; k is at most MLOPS_DISTANCE_BINS.
 *
 * A distance between two samples of one population is not 0, and the smaller
 * the samples and the more the bins, the larger it is.  What a distance would
 * be without any drift is told by mlops_distance_null().
 */
#ifndef MLOPS_DISTANCE_H
#define MLOPS_DISTANCE_H

#define MLOPS_DISTANCE_BINS	128

/* What a share of 0 counts as where a logarithm is taken of it. */
#define MLOPS_DISTANCE_ZERO	1e-4

typedef enum MlopsDistance
{
	MLOPS_PSI,					/* population stability index */
	MLOPS_KL,					/* Kullback-Leibler, of p from q, natural log */
	MLOPS_KL_SYMMETRIC,			/* both ways, zeros in denominators filled */
	MLOPS_JS,					/* Jensen-Shannon divergence, base 2: 0 to 1 */
	MLOPS_HELLINGER,			/* 0 to 1 */
	MLOPS_TV,					/* total variation, 0 to 1 */
	MLOPS_LINF					/* the largest difference of a share */
} MlopsDistance;

/* Counts as shares; all 0 if there is nothing. */
extern void mlops_shares(const double *counts, int k, double *shares);

/*
 * Put a small share in place of each 0: MLOPS_DISTANCE_ZERO, or a millionth of
 * the smallest share if that is no larger.  The sum is not kept.
 */
extern void mlops_shares_fill(double *shares, int k);

/*
 * The distance between the reference's shares p and the current q.  PSI
 * takes zeros as MLOPS_DISTANCE_ZERO; KL does, too, and scales both to a sum
 * of 1 then.
 */
extern double mlops_distance(MlopsDistance kind, const double *p,
							 const double *q, int k);

/*
 * Two counts of k bins with the rare ones in one: of the first n_rare bins
 * those with less than `share` of the reference, and bin n_rare itself, which
 * becomes bin 0.  Returns how many there are then; share 0 changes nothing.
 */
extern int	mlops_distance_merge(const double *reference,
								 const double *current, int k, int n_rare,
								 double share, double *merged_reference,
								 double *merged_current);

/* What chance does to a distance. */
typedef struct MlopsChance
{
	MlopsDistance kind;
	const double *reference;	/* counts */
	const double *current;
	int			k;
	int			n_rare;			/* merged as above, by what is drawn */
	double		share;
	double		hidden;			/* share that bin n_rare lacks in the reference,
								 * whose rows chose what has a bin; or 0 */
} MlopsChance;

/*
 * That share: bin n_rare of the reference holds what has less than `least` rows
 * there.  By Good and Turing, what they are c of each is to be expected c + 1
 * times in other rows; so those below `least` are more by what is `least`
 * times in the reference.  The largest of that and the two counts above is
 * taken, for single counts vary.
 */
extern double mlops_distance_hidden(const double *reference, int k,
									int n_rare, double least);

/*
 * The quantile at `level` of the distance between two samples of the sizes of
 * these counts, if both were drawn from what they are together: of 2,000
 * drawings, the same each time.  If some hundred show that it is well above
 * `value`, it is estimated from these.  NaN if one of them is empty.
 */
extern double mlops_distance_null(const MlopsChance *chance, double level,
								  double value);

#endif							/* MLOPS_DISTANCE_H */
