/*
 * detectors.c
 *		Detectors of change in a stream of numbers.
 *
 * ADWIN keeps an exponential histogram of the window: row i has buckets of
 * 2^i values, oldest first, each with its sum and its squared deviations.
 * KSWIN draws from the older part of its window with the generator and the
 * method of drawing of Python's random module, so that a seed means the same
 * there and here.  The order of all operations on doubles is part of the
 * contract: detections must come at the same values as elsewhere.
 */
#include "math/detectors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/twister.h"

#define DETECTOR_MAGIC		0x6d6c6474
#define MOST_WINDOW			1000
#define LEAST_DISTANCE		0.1

typedef struct Kind
{
	const char *name;
	MlopsDetectorOption options[MLOPS_DETECTOR_OPTIONS + 1];
} Kind;

static const Kind kinds[MLOPS_DETECTOR_KINDS] = {
	{"adwin", {
		{"delta", 0.002, 1e-300, 1, false},
		{"clock", 32, 1, 1e9, true},
		{"max_buckets", 5, 1, 100, true},
		{"min_window_length", 5, 1, 1e9, true},
		{"grace_period", 10, 0, 1e9, true}
	}},
	{"page_hinkley", {
		{"min_instances", 30, 1, 1e9, true},
		{"delta", 0.005, 0, 1e300, false},
		{"threshold", 50, 0, 1e300, false},
		{"alpha", 1 - 0.0001, 0, 1, false},
		{"mode", MLOPS_PH_BOTH, MLOPS_PH_BOTH, MLOPS_PH_DOWN, true}
	}},
	{"ddm", {
		{"warm_start", 30, 1, 1e9, true},
		{"warning_threshold", 2, 0, 1e300, false},
		{"drift_threshold", 3, 0, 1e300, false}
	}},
	{"kswin", {
		{"alpha", 0.005, 0, 1, false},
		{"window_size", 100, 2, MOST_WINDOW, true},
		{"stat_size", 30, 1, MOST_WINDOW, true},
		{"seed", 42, 0, 4294967295.0, true}
	}}
};

static void start(MlopsDetector *d);
static bool update_adwin(MlopsDetector *d, double value);
static double *bucket(MlopsDetector *d, uint32_t row, uint32_t i);
static void add_bucket(MlopsDetector *d, uint32_t row, double total,
					   double variance);
static void drop_buckets(MlopsDetector *d, uint32_t row, uint32_t n);
static void compress(MlopsDetector *d);
static void drop_oldest(MlopsDetector *d);
static bool cut_once(MlopsDetector *d);
static bool differ(const MlopsDetector *d, double n0, double n1,
				   double difference);
static bool update_page_hinkley(MlopsDetector *d, double value);
static bool update_ddm(MlopsDetector *d, double value);
static bool update_kswin(MlopsDetector *d, double value);
static int	compare(const void *a, const void *b);
static double greatest_step(double *a, double *b, int n);
static double equal_p_value(double distance, int n);
static bool valid_options(const MlopsDetector *d);
static bool valid_adwin(const MlopsDetector *d);
static bool valid_kswin(const MlopsDetector *d);

int
mlops_detector_kind(const char *name)
{
	for (int i = 0; i < MLOPS_DETECTOR_KINDS; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return i;
	return -1;
}

const char *
mlops_detector_name(MlopsDetectorKind kind)
{
	return kinds[kind].name;
}

const MlopsDetectorOption *
mlops_detector_options(MlopsDetectorKind kind)
{
	return kinds[kind].options;
}

bool
mlops_detector_check(MlopsDetectorKind kind, const double *options,
					 const char **reason)
{
	if (kind == MLOPS_KSWIN &&
		2 * options[MLOPS_KSWIN_STAT_SIZE] > options[MLOPS_KSWIN_WINDOW_SIZE])
	{
		*reason = "Of kswin, window_size must be at least twice stat_size.";
		return false;
	}
	if (kind == MLOPS_DDM && options[MLOPS_DDM_WARNING_THRESHOLD] >
		options[MLOPS_DDM_DRIFT_THRESHOLD])
	{
		*reason = "Of ddm, warning_threshold must be at most drift_threshold.";
		return false;
	}
	return true;
}

size_t
mlops_detector_size(MlopsDetectorKind kind, const double *options)
{
	size_t		body = 0;

	if (kind == MLOPS_ADWIN)
		body = MLOPS_ADWIN_ROWS * 2 *
			((size_t) options[MLOPS_ADWIN_MAX_BUCKETS] + 1);
	else if (kind == MLOPS_KSWIN)
		body = (size_t) options[MLOPS_KSWIN_WINDOW_SIZE] +
			MLOPS_TWISTER_WORDS / 2;
	return offsetof(MlopsDetector, body) + body * sizeof(double);
}

void
mlops_detector_init(MlopsDetector *detector, MlopsDetectorKind kind,
					const double *options)
{
	size_t		size = mlops_detector_size(kind, options);

	memset(detector, 0, size);
	detector->magic = DETECTOR_MAGIC;
	detector->kind = kind;
	detector->size = size;
	for (int i = 0; kinds[kind].options[i].name != NULL; i++)
		detector->options[i] = options[i];
	start(detector);
}

bool
mlops_detector_valid(const void *bytes, size_t size)
{
	const MlopsDetector *d = bytes;

	if (size < offsetof(MlopsDetector, body) || d->magic != DETECTOR_MAGIC ||
		d->kind >= MLOPS_DETECTOR_KINDS || d->drift > 1 || d->warning > 1 ||
		d->size != size || !valid_options(d) ||
		size != mlops_detector_size(d->kind, d->options))
		return false;
	switch ((MlopsDetectorKind) d->kind)
	{
		case MLOPS_ADWIN:
			return valid_adwin(d);
		case MLOPS_PAGE_HINKLEY:
			return isfinite(d->of.page_hinkley.mean) &&
				!isnan(d->of.page_hinkley.up) &&
				!isnan(d->of.page_hinkley.down) &&
				!isnan(d->of.page_hinkley.least_up) &&
				!isnan(d->of.page_hinkley.most_down);
		case MLOPS_DDM:
			return d->of.ddm.rate >= 0 && d->of.ddm.rate <= 1 &&
				!isnan(d->of.ddm.least_rate) &&
				!isnan(d->of.ddm.least_error) && !isnan(d->of.ddm.least_sum);
		case MLOPS_KSWIN:
			return valid_kswin(d);
	}
	return false;
}

void
mlops_detector_update(MlopsDetector *detector, double value)
{
	bool		drift = false;

	if (detector->drift)
		start(detector);
	detector->n++;
	detector->warning = 0;
	switch ((MlopsDetectorKind) detector->kind)
	{
		case MLOPS_ADWIN:
			drift = update_adwin(detector, value);
			break;
		case MLOPS_PAGE_HINKLEY:
			drift = update_page_hinkley(detector, value);
			break;
		case MLOPS_DDM:
			drift = update_ddm(detector, value);
			break;
		case MLOPS_KSWIN:
			drift = update_kswin(detector, value);
			break;
	}
	detector->drift = drift;
}

double
mlops_detector_estimate(const MlopsDetector *detector)
{
	double		sum = 0;

	switch ((MlopsDetectorKind) detector->kind)
	{
		case MLOPS_ADWIN:
			return detector->of.adwin.total / detector->of.adwin.width;
		case MLOPS_PAGE_HINKLEY:
			return detector->n > 0 ? detector->of.page_hinkley.mean : NAN;
		case MLOPS_DDM:
			return detector->n > 0 ? detector->of.ddm.rate : NAN;
		case MLOPS_KSWIN:
			for (uint64_t i = 0; i < detector->of.kswin.n; i++)
				sum += detector->body[i];
			return sum / detector->of.kswin.n;
	}
	return NAN;
}

/* Forget all values; the body of ADWIN needs no clearing. */
static void
start(MlopsDetector *d)
{
	memset(&d->of, 0, sizeof(d->of));
	d->drift = d->warning = 0;
	switch ((MlopsDetectorKind) d->kind)
	{
		case MLOPS_ADWIN:
			d->of.adwin.n_rows = 1;
			break;
		case MLOPS_PAGE_HINKLEY:
			d->of.page_hinkley.least_up = INFINITY;
			d->of.page_hinkley.most_down = -1;
			break;
		case MLOPS_DDM:
			d->of.ddm.least_rate = INFINITY;
			d->of.ddm.least_error = INFINITY;
			d->of.ddm.least_sum = INFINITY;
			break;
		case MLOPS_KSWIN:
			d->of.kswin.position =
				mlops_twister_seed((uint32_t *) (d->body + (size_t)
												 d->options[MLOPS_KSWIN_WINDOW_SIZE]),
								   (uint32_t) d->options[MLOPS_KSWIN_SEED]);
			break;
	}
}

/* ADWIN: take the value into the window, and shorten it while it differs. */
static bool
update_adwin(MlopsDetector *d, double value)
{
	MlopsAdwin *a = &d->of.adwin;
	bool		drift = false;

	add_bucket(d, 0, value, 0);
	a->width += 1;
	if (a->width > 1)
	{
		double		distance = value - a->total / (a->width - 1);

		a->variance += (a->width - 1) * distance * distance / a->width;
	}
	a->total += value;
	compress(d);
	a->ticks++;
	if (a->ticks % (uint64_t) d->options[MLOPS_ADWIN_CLOCK] != 0 ||
		a->width <= d->options[MLOPS_ADWIN_GRACE_PERIOD])
		return false;
	while (cut_once(d))
		drift = true;
	return drift;
}

/* Sum and squared deviations of a bucket, two doubles. */
static double *
bucket(MlopsDetector *d, uint32_t row, uint32_t i)
{
	size_t		room = (size_t) d->options[MLOPS_ADWIN_MAX_BUCKETS] + 1;

	return d->body + 2 * (row * room + i);
}

/* Add a bucket as the youngest of its row. */
static void
add_bucket(MlopsDetector *d, uint32_t row, double total, double variance)
{
	double	   *b = bucket(d, row, d->of.adwin.counts[row]++);

	b[0] = total;
	b[1] = variance;
}

/* Remove the oldest n buckets of a row. */
static void
drop_buckets(MlopsDetector *d, uint32_t row, uint32_t n)
{
	MlopsAdwin *a = &d->of.adwin;

	a->counts[row] -= n;
	memmove(bucket(d, row, 0), bucket(d, row, n),
			2 * sizeof(double) * a->counts[row]);
}

/* Where a row has one bucket too many, merge its oldest two into the next. */
static void
compress(MlopsDetector *d)
{
	MlopsAdwin *a = &d->of.adwin;
	uint32_t	most = (uint32_t) d->options[MLOPS_ADWIN_MAX_BUCKETS];

	for (uint32_t row = 0; row < a->n_rows && a->counts[row] > most; row++)
	{
		const double *b = bucket(d, row, 0);
		double		n = ldexp(1, row);
		double		distance = b[0] / n - b[2] / n;

		if (row + 1 == MLOPS_ADWIN_ROWS)
		{
			/* beyond 2^48 values: forget the oldest */
			drop_oldest(d);
			return;
		}
		if (row + 1 == a->n_rows)
			a->n_rows++;
		add_bucket(d, row + 1, b[0] + b[2],
				   b[1] + b[3] + n * n * distance * distance / (n + n));
		drop_buckets(d, row, 2);
	}
}

/* Remove the oldest bucket from the window. */
static void
drop_oldest(MlopsDetector *d)
{
	MlopsAdwin *a = &d->of.adwin;
	uint32_t	row = a->n_rows - 1;
	const double *b = bucket(d, row, 0);
	double		n = ldexp(1, row);
	double		distance;

	a->width -= n;
	a->total -= b[0];
	distance = b[0] / n - a->total / a->width;
	a->variance -= b[1] + n * a->width * distance * distance / (n + a->width);
	drop_buckets(d, row, 1);
	if (a->counts[row] == 0)
		a->n_rows--;
}

/*
 * Drop the oldest bucket if somewhere an older and a younger part of the
 * window differ; false if they nowhere do.
 */
static bool
cut_once(MlopsDetector *d)
{
	MlopsAdwin *a = &d->of.adwin;
	double		n0 = 0;
	double		n1 = a->width;
	double		u0 = 0;
	double		u1 = a->total;
	double		least = d->options[MLOPS_ADWIN_MIN_WINDOW_LENGTH];

	for (uint32_t row = a->n_rows; row-- > 0;)
	{
		double		n = ldexp(1, row);

		for (int i = 0; i < a->counts[row] - 1; i++)
		{
			double		u = *bucket(d, row, i);

			n0 += n;
			n1 -= n;
			u0 += u;
			u1 -= u;
			if (n1 >= least && n0 >= least &&
				differ(d, n0, n1, u0 / n0 - u1 / n1))
			{
				drop_oldest(d);
				return true;
			}
		}
	}
	return false;
}

/* Is a difference of two parts' means more than chance allows? */
static bool
differ(const MlopsDetector *d, double n0, double n1, double difference)
{
	const MlopsAdwin *a = &d->of.adwin;
	double		least = d->options[MLOPS_ADWIN_MIN_WINDOW_LENGTH];
	double		chance = log(2 * log(a->width) /
							 d->options[MLOPS_ADWIN_DELTA]);
	double		m = 1 / (n0 - least + 1) + 1 / (n1 - least + 1);

	return fabs(difference) > sqrt(2 * m * (a->variance / a->width) *
								   chance) + 2.0 / 3 * chance * m;
}

/* Page-Hinkley: sums of what lies above and below the mean, fading. */
static bool
update_page_hinkley(MlopsDetector *d, double value)
{
	MlopsPageHinkley *p = &d->of.page_hinkley;
	double		alpha = d->options[MLOPS_PH_ALPHA];
	double		delta = d->options[MLOPS_PH_DELTA];
	double		threshold = d->options[MLOPS_PH_THRESHOLD];
	int			mode = (int) d->options[MLOPS_PH_MODE];
	double		distance;

	p->n++;
	p->mean += (value - p->mean) / p->n;
	distance = value - p->mean;
	p->up = alpha * p->up + distance - delta;
	p->down = alpha * p->down + distance + delta;
	p->least_up = fmin(p->least_up, p->up);
	p->most_down = fmax(p->most_down, p->down);
	if (p->n < d->options[MLOPS_PH_MIN_INSTANCES])
		return false;
	return (mode != MLOPS_PH_DOWN && p->up - p->least_up > threshold) ||
		(mode != MLOPS_PH_UP && p->most_down - p->down > threshold);
}

/* DDM: the error rate against the lowest that it has been. */
static bool
update_ddm(MlopsDetector *d, double value)
{
	MlopsDdm   *m = &d->of.ddm;
	double		error;

	m->n++;
	m->rate += (value - m->rate) / m->n;
	error = sqrt(fmax(m->rate * (1 - m->rate), 0) / m->n);
	if (m->n <= d->options[MLOPS_DDM_WARM_START])
		return false;
	if (m->rate + error <= m->least_sum)
	{
		m->least_rate = m->rate;
		m->least_error = error;
		m->least_sum = m->rate + error;
	}
	if (m->rate + error > m->least_rate +
		d->options[MLOPS_DDM_DRIFT_THRESHOLD] * m->least_error)
		return true;
	d->warning = m->rate + error > m->least_rate +
		d->options[MLOPS_DDM_WARNING_THRESHOLD] * m->least_error;
	return false;
}

/* KSWIN: the youngest values against some drawn from the older ones. */
static bool
update_kswin(MlopsDetector *d, double value)
{
	MlopsKswin *k = &d->of.kswin;
	uint64_t	size = (uint64_t) d->options[MLOPS_KSWIN_WINDOW_SIZE];
	int			n = (int) d->options[MLOPS_KSWIN_STAT_SIZE];
	uint32_t	drawn[MOST_WINDOW];
	double		older[MOST_WINDOW];
	double		younger[MOST_WINDOW];
	double		distance;

	if (k->n == size)
		memmove(d->body, d->body + 1, sizeof(double) * --k->n);
	d->body[k->n++] = value;
	if (k->n < size)
		return false;
	mlops_twister_sample((uint32_t *) (d->body + size), &k->position,
						 (uint32_t) (size - n), (uint32_t) n, drawn);
	for (int i = 0; i < n; i++)
		older[i] = d->body[drawn[i]];
	memcpy(younger, d->body + size - n, sizeof(double) * n);
	distance = greatest_step(older, younger, n);
	return distance > LEAST_DISTANCE &&
		equal_p_value(distance, n) <= d->options[MLOPS_KSWIN_ALPHA];
}

/* qsort() comparator of doubles. */
static int
compare(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/*
 * The Kolmogorov-Smirnov distance of two samples of n values, which are
 * sorted.
 */
static double
greatest_step(double *a, double *b, int n)
{
	int			i = 0;
	int			j = 0;
	int			greatest = 0;

	qsort(a, n, sizeof(double), compare);
	qsort(b, n, sizeof(double), compare);
	while (i < n && j < n)
	{
		double		x = a[i] < b[j] ? a[i] : b[j];

		while (i < n && a[i] <= x)
			i++;
		while (j < n && b[j] <= x)
			j++;
		if (abs(i - j) > greatest)
			greatest = abs(i - j);
	}
	return (double) greatest / n;
}

/*
 * The exact two-sided p-value of that distance of two samples of n values:
 * 2 (C(2n, n - h) - C(2n, n - 2h) + ...) / C(2n, n), h the distance in steps
 * of 1 / n.
 */
static double
equal_p_value(double distance, int n)
{
	int			h = (int) lround(distance * n);
	double		p = 0;

	if (h == 0)
		return 1;
	for (int k = n / h; k >= 0; k--)
	{
		double		ratio = 1;

		for (int j = 0; j < h; j++)
			ratio = (n - k * h - j) * ratio / (n + k * h + j + 1);
		p = ratio * (1 - p);
	}
	return fmin(2 * p, 1);
}

/* Are the options of stored bytes those that a detector can have? */
static bool
valid_options(const MlopsDetector *d)
{
	const MlopsDetectorOption *option = kinds[d->kind].options;
	const char *reason;

	for (int i = 0; option[i].name != NULL; i++)
	{
		double		value = d->options[i];

		if (!(value >= option[i].least && value <= option[i].most) ||
			(option[i].whole && value != floor(value)))
			return false;
	}
	return mlops_detector_check(d->kind, d->options, &reason);
}

/* Is there a bucket for each value of the window, and room for the next? */
static bool
valid_adwin(const MlopsDetector *d)
{
	const MlopsAdwin *a = &d->of.adwin;
	size_t		room = (size_t) d->options[MLOPS_ADWIN_MAX_BUCKETS] + 1;
	double		width = 0;

	if (a->n_rows < 1 || a->n_rows > MLOPS_ADWIN_ROWS ||
		!isfinite(a->total) || !isfinite(a->variance))
		return false;
	for (uint32_t row = 0; row < MLOPS_ADWIN_ROWS; row++)
	{
		if (a->counts[row] >= room ||
			(row >= a->n_rows && a->counts[row] > 0))
			return false;
		width += ldexp(a->counts[row], row);
		for (uint32_t i = 0; i < 2 * a->counts[row]; i++)
			if (!isfinite(d->body[2 * row * room + i]))
				return false;
	}
	return width == a->width && (a->n_rows == 1 ||
								 a->counts[a->n_rows - 1] > 0);
}

/*
 * Is the window within bounds, and can the generator's state give more than
 * zeros?
 */
static bool
valid_kswin(const MlopsDetector *d)
{
	const MlopsKswin *k = &d->of.kswin;
	const uint32_t *words = (const uint32_t *)
		(d->body + (size_t) d->options[MLOPS_KSWIN_WINDOW_SIZE]);
	uint32_t	any = words[0] & 0x80000000u;

	if (k->n > d->options[MLOPS_KSWIN_WINDOW_SIZE] ||
		k->position > MLOPS_TWISTER_WORDS)
		return false;
	for (uint64_t i = 0; i < k->n; i++)
		if (!isfinite(d->body[i]))
			return false;
	for (int i = 1; i < MLOPS_TWISTER_WORDS; i++)
		any |= words[i];
	return any != 0;
}
