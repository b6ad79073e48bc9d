/*
 * metrics_deviance.c
 *		Metrics of counts, positive amounts and quantiles.
 *
 * The deviances are the mean unit deviances of the Tweedie family, twice the
 * difference in log likelihood to a perfect prediction.
 */
#include <math.h>

#include "math/deviance.h"
#include "math/metric_row.h"
#include "math/sum.h"

static double mean_deviance(const float *label, const float *prediction,
							const float *weight, size_t n, double power);

double
mlops_unit_deviance(double y, double mu, double power)
{
	if (!(mu > 0) || !(power == 2 ? y > 0 : y >= 0) || isinf(mu) || isinf(y))
		return NAN;
	if (power == 1)
		return 2 * ((y > 0 ? y * log(y / mu) : 0) - y + mu);
	if (power == 2)
		return 2 * (log(mu / y) + y / mu - 1);
	return 2 * (pow(y, 2 - power) / ((1 - power) * (2 - power)) -
				y * pow(mu, 1 - power) / (1 - power) +
				pow(mu, 2 - power) / (2 - power));
}

double
mlops_unit_pinball(double y, double prediction, double alpha)
{
	double		d = y - prediction;

	return d >= 0 ? alpha * d : (alpha - 1) * d;
}

int
mlops_metrics_deviance(const float *label, const float *prediction,
					   const float *weight, size_t n, double power,
					   MlopsMetric out[MLOPS_MAX_METRICS])
{
	const char *name = power == 1 ? "poisson_deviance" :
		power == 2 ? "gamma_deviance" : "tweedie_deviance";
	MlopsMetric plain[MLOPS_MAX_METRICS];
	static const char *const others[] = {"rmse", "mae", "r2", "mean_error"};
	int			count;
	int			m = 0;
	size_t		i;

	count = mlops_metrics_regression(label, prediction, weight, n, plain);
	m = set_metric(out, m, name,
				   mean_deviance(label, prediction, weight, n, power), true);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		m = set_metric(out, m, others[i],
					   mlops_metric_get(plain, count, others[i]), true);
	return m;
}

int
mlops_metrics_quantile(const float *label, const float *prediction,
					   const float *weight, size_t n, double alpha,
					   MlopsMetric out[MLOPS_MAX_METRICS])
{
	MlopsSum	loss = {0};
	MlopsSum	covered = {0};
	MlopsSum	absolute = {0};
	MlopsSum	error = {0};
	MlopsSum	all = {0};
	bool		valid = true;
	double		total;
	int			m = 0;
	size_t		i;

	for (i = 0; i < n && valid; i++)
	{
		double		y = label[i];
		double		p = prediction[i];
		double		w;
		int			counts = row_weight(weight, i, &w);

		if (counts == 0)
			continue;
		valid = counts > 0 && !isnan(y) && !isnan(p);
		mlops_sum_add(&all, w);
		mlops_sum_add(&loss, w * mlops_unit_pinball(y, p, alpha));
		mlops_sum_add(&covered, y <= p ? w : 0);
		mlops_sum_add(&absolute, w * fabs(y - p));
		mlops_sum_add(&error, w * (p - y));
	}
	total = mlops_sum_value(&all);
	m = set_metric(out, m, "pinball_loss",
				   ratio(mlops_sum_value(&loss), total), valid);
	m = set_metric(out, m, "coverage",
				   ratio(mlops_sum_value(&covered), total), valid);
	m = set_metric(out, m, "mae",
				   ratio(mlops_sum_value(&absolute), total), valid);
	m = set_metric(out, m, "mean_error",
				   ratio(mlops_sum_value(&error), total), valid);
	return m;
}

/* The weighted mean of the unit deviances, NaN if one is not defined. */
static double
mean_deviance(const float *label, const float *prediction,
			  const float *weight, size_t n, double power)
{
	MlopsSum	sum = {0};
	MlopsSum	all = {0};
	size_t		i;

	for (i = 0; i < n; i++)
	{
		double		w;
		double		d = mlops_unit_deviance(label[i], prediction[i], power);
		int			counts = row_weight(weight, i, &w);

		if (counts == 0)
			continue;
		if (counts < 0 || isnan(d))
			return NAN;
		mlops_sum_add(&sum, w * d);
		mlops_sum_add(&all, w);
	}
	return ratio(mlops_sum_value(&sum), mlops_sum_value(&all));
}
