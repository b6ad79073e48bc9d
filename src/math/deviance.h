/*
 * deviance.h
 *		The loss of one prediction.
 */
#ifndef MLOPS_DEVIANCE_H
#define MLOPS_DEVIANCE_H

/*
 * The unit deviance of the Tweedie family: power 1 is Poisson (y >= 0), 2
 * gamma (y > 0), between them y >= 0; mu > 0.  Otherwise, and for infinite
 * values, NaN.
 */
extern double mlops_unit_deviance(double y, double mu, double power);

/* alpha (y - p) if y is above the prediction p, else (1 - alpha) (p - y). */
extern double mlops_unit_pinball(double y, double prediction, double alpha);

#endif							/* MLOPS_DEVIANCE_H */
