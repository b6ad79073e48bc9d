-- Watching: whether new rows are like those that a version was trained on.

CREATE FUNCTION mlops.drift(
	model mlops.model_ref,
	source text,
	reference text DEFAULT NULL,
	method text DEFAULT NULL,
	by mlops.name_list DEFAULT NULL,
	features mlops.name_list DEFAULT NULL,
	thresholds jsonb DEFAULT NULL)
RETURNS TABLE (slice jsonb, feature text, kind text, status text,
	metric text, value double precision, threshold double precision,
	psi double precision, js double precision, hellinger double precision,
	tv double precision, kl double precision, linf double precision,
	wasserstein double precision, wasserstein_std double precision,
	ks double precision, chi2 double precision, cramers_v double precision,
	p_value double precision, p_adjusted double precision,
	n bigint, n_reference bigint,
	missing double precision, missing_reference double precision,
	unseen double precision, out_of_range double precision,
	importance double precision, impact double precision, exact boolean)
LANGUAGE c STABLE PARALLEL UNSAFE COST 100000 ROWS 20
AS 'MODULE_PATHNAME', 'mlops_drift';
COMMENT ON FUNCTION mlops.drift(mlops.model_ref, text, text, text,
	mlops.name_list, mlops.name_list, jsonb) IS
'how far the rows of a source are from those that a version was trained on';

CREATE FUNCTION mlops.drift_between(
	source text,
	reference text,
	features mlops.name_list DEFAULT NULL,
	by mlops.name_list DEFAULT NULL,
	method text DEFAULT NULL,
	thresholds jsonb DEFAULT NULL)
RETURNS TABLE (slice jsonb, feature text, kind text, status text,
	metric text, value double precision, threshold double precision,
	psi double precision, js double precision, hellinger double precision,
	tv double precision, kl double precision, linf double precision,
	wasserstein double precision, wasserstein_std double precision,
	ks double precision, chi2 double precision, cramers_v double precision,
	p_value double precision, p_adjusted double precision,
	n bigint, n_reference bigint,
	missing double precision, missing_reference double precision,
	unseen double precision, out_of_range double precision,
	importance double precision, impact double precision, exact boolean)
LANGUAGE c STABLE PARALLEL UNSAFE COST 100000 ROWS 20
AS 'MODULE_PATHNAME', 'mlops_drift_between';
COMMENT ON FUNCTION mlops.drift_between(text, text, mlops.name_list,
	mlops.name_list, text, jsonb) IS
'how far the rows of a source are from those of another';

CREATE FUNCTION mlops._moved_add(mlops.sample_state, double precision, boolean)
RETURNS mlops.sample_state
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_moved_add';
COMMENT ON FUNCTION mlops._moved_add(mlops.sample_state, double precision, boolean) IS
'state of the drift aggregates';

CREATE FUNCTION mlops._psi_final(mlops.sample_state)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_psi_final';
COMMENT ON FUNCTION mlops._psi_final(mlops.sample_state) IS
'state of the drift aggregates';

CREATE AGGREGATE mlops.psi(
	value double precision,
	is_current boolean)
(
	SFUNC = mlops._moved_add,
	STYPE = mlops.sample_state,
	INITCOND = '\x000000000000000000000000',
	SSPACE = 4096,
	COMBINEFUNC = mlops._sample_combine,
	FINALFUNC = mlops._psi_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.psi(double precision, boolean) IS
'population stability index of the current values, in bins of the others';

CREATE FUNCTION mlops._ks_final(mlops.sample_state)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_ks_final';
COMMENT ON FUNCTION mlops._ks_final(mlops.sample_state) IS
'state of the drift aggregates';

CREATE AGGREGATE mlops.ks(
	value double precision,
	is_current boolean)
(
	SFUNC = mlops._moved_add,
	STYPE = mlops.sample_state,
	INITCOND = '\x000000000000000000000000',
	SSPACE = 4096,
	COMBINEFUNC = mlops._sample_combine,
	FINALFUNC = mlops._ks_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.ks(double precision, boolean) IS
'Kolmogorov-Smirnov statistic of the current values and the others';

CREATE FUNCTION mlops._wasserstein_final(mlops.sample_state)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_wasserstein_final';
COMMENT ON FUNCTION mlops._wasserstein_final(mlops.sample_state) IS
'state of the drift aggregates';

CREATE AGGREGATE mlops.wasserstein(
	value double precision,
	is_current boolean)
(
	SFUNC = mlops._moved_add,
	STYPE = mlops.sample_state,
	INITCOND = '\x000000000000000000000000',
	SSPACE = 4096,
	COMBINEFUNC = mlops._sample_combine,
	FINALFUNC = mlops._wasserstein_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.wasserstein(double precision, boolean) IS
'Wasserstein distance of the current values from the others';

CREATE TYPE mlops.detector_state;
CREATE FUNCTION mlops._detector_state_in(cstring) RETURNS mlops.detector_state
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_detector_state_in';
COMMENT ON FUNCTION mlops._detector_state_in(cstring) IS 'I/O';
CREATE FUNCTION mlops._detector_state_out(mlops.detector_state) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_detector_state_out';
COMMENT ON FUNCTION mlops._detector_state_out(mlops.detector_state) IS 'I/O';
CREATE FUNCTION mlops._detector_state_recv(internal) RETURNS mlops.detector_state
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_detector_state_recv';
COMMENT ON FUNCTION mlops._detector_state_recv(internal) IS 'I/O';
CREATE FUNCTION mlops._detector_state_send(mlops.detector_state) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_detector_state_send';
COMMENT ON FUNCTION mlops._detector_state_send(mlops.detector_state) IS 'I/O';
CREATE TYPE mlops.detector_state (
	INPUT = mlops._detector_state_in,
	OUTPUT = mlops._detector_state_out,
	RECEIVE = mlops._detector_state_recv,
	SEND = mlops._detector_state_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = extended
);
COMMENT ON TYPE mlops.detector_state IS
'a detector of changes in a stream, with what it has seen';

CREATE TYPE mlops.change_points AS (
	n				bigint,
	detections		bigint[],
	warnings		bigint[],
	estimate		double precision,
	in_warning		boolean
);
COMMENT ON TYPE mlops.change_points IS
'what a detector found: positions count from 1';

CREATE FUNCTION mlops.detector(kind text, options jsonb DEFAULT '{}')
RETURNS mlops.detector_state
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_detector_create';
COMMENT ON FUNCTION mlops.detector(text, jsonb) IS
'a detector of changes that has seen nothing';

CREATE FUNCTION mlops.detector_update(
	state			mlops.detector_state,
	value			double precision)
RETURNS mlops.detector_state
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_detector_add';
COMMENT ON FUNCTION mlops.detector_update(mlops.detector_state, double precision) IS
'a detector after one more value';

CREATE FUNCTION mlops.detector_status(state mlops.detector_state)
RETURNS mlops.change_points
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_detector_status';
COMMENT ON FUNCTION mlops.detector_status(mlops.detector_state) IS
'what a detector has found';

CREATE FUNCTION mlops._adwin_add(mlops.detector_state, double precision)
RETURNS mlops.detector_state
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_adwin_add';
COMMENT ON FUNCTION mlops._adwin_add(mlops.detector_state, double precision) IS
'state of a detector';
CREATE AGGREGATE mlops.adwin(
	value double precision)
(
	SFUNC = mlops._adwin_add,
	STYPE = mlops.detector_state,
	FINALFUNC = mlops.detector_status,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.adwin(double precision) IS
'changes of a mean, by adaptive windowing';

CREATE FUNCTION mlops._adwin_add(mlops.detector_state, double precision, double precision)
RETURNS mlops.detector_state
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_adwin_add';
COMMENT ON FUNCTION mlops._adwin_add(mlops.detector_state, double precision, double precision) IS
'state of a detector';
CREATE AGGREGATE mlops.adwin(
	value double precision,
	delta double precision)
(
	SFUNC = mlops._adwin_add,
	STYPE = mlops.detector_state,
	FINALFUNC = mlops.detector_status,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.adwin(double precision, double precision) IS
'changes of a mean, by adaptive windowing of that confidence';

CREATE FUNCTION mlops._page_hinkley_add(mlops.detector_state, double precision)
RETURNS mlops.detector_state
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_page_hinkley_add';
COMMENT ON FUNCTION mlops._page_hinkley_add(mlops.detector_state, double precision) IS
'state of a detector';
CREATE AGGREGATE mlops.page_hinkley(
	value double precision)
(
	SFUNC = mlops._page_hinkley_add,
	STYPE = mlops.detector_state,
	FINALFUNC = mlops.detector_status,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.page_hinkley(double precision) IS
'changes of a mean, by the Page-Hinkley test';

CREATE FUNCTION mlops._page_hinkley_add(mlops.detector_state, double precision, double precision)
RETURNS mlops.detector_state
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_page_hinkley_add';
COMMENT ON FUNCTION mlops._page_hinkley_add(mlops.detector_state, double precision, double precision) IS
'state of a detector';
CREATE AGGREGATE mlops.page_hinkley(
	value double precision,
	threshold double precision)
(
	SFUNC = mlops._page_hinkley_add,
	STYPE = mlops.detector_state,
	FINALFUNC = mlops.detector_status,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.page_hinkley(double precision, double precision) IS
'changes of a mean, by the Page-Hinkley test of that threshold';

CREATE FUNCTION mlops._page_hinkley_add(mlops.detector_state, double precision, double precision, double precision)
RETURNS mlops.detector_state
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_page_hinkley_add';
COMMENT ON FUNCTION mlops._page_hinkley_add(mlops.detector_state, double precision, double precision, double precision) IS
'state of a detector';
CREATE AGGREGATE mlops.page_hinkley(
	value double precision,
	threshold double precision,
	delta double precision)
(
	SFUNC = mlops._page_hinkley_add,
	STYPE = mlops.detector_state,
	FINALFUNC = mlops.detector_status,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.page_hinkley(double precision, double precision, double precision) IS
'changes of a mean, by the Page-Hinkley test of that threshold and tolerance';

CREATE FUNCTION mlops._ddm_add(mlops.detector_state, boolean)
RETURNS mlops.detector_state
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_ddm_add_boolean';
COMMENT ON FUNCTION mlops._ddm_add(mlops.detector_state, boolean) IS
'state of a detector';
CREATE AGGREGATE mlops.ddm(
	error boolean)
(
	SFUNC = mlops._ddm_add,
	STYPE = mlops.detector_state,
	FINALFUNC = mlops.detector_status,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.ddm(boolean) IS
'a rising rate of errors';

CREATE FUNCTION mlops._ddm_add(mlops.detector_state, double precision)
RETURNS mlops.detector_state
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_ddm_add_number';
COMMENT ON FUNCTION mlops._ddm_add(mlops.detector_state, double precision) IS
'state of a detector';
CREATE AGGREGATE mlops.ddm(
	error double precision)
(
	SFUNC = mlops._ddm_add,
	STYPE = mlops.detector_state,
	FINALFUNC = mlops.detector_status,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.ddm(double precision) IS
'a rising rate of errors, which are 0 or 1';

CREATE FUNCTION mlops._kswin_add(mlops.detector_state, double precision)
RETURNS mlops.detector_state
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_kswin_add';
COMMENT ON FUNCTION mlops._kswin_add(mlops.detector_state, double precision) IS
'state of a detector';
CREATE AGGREGATE mlops.kswin(
	value double precision)
(
	SFUNC = mlops._kswin_add,
	STYPE = mlops.detector_state,
	FINALFUNC = mlops.detector_status,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.kswin(double precision) IS
'changes of a distribution, by Kolmogorov-Smirnov tests';

CREATE FUNCTION mlops._kswin_add(mlops.detector_state, double precision, double precision)
RETURNS mlops.detector_state
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_kswin_add';
COMMENT ON FUNCTION mlops._kswin_add(mlops.detector_state, double precision, double precision) IS
'state of a detector';
CREATE AGGREGATE mlops.kswin(
	value double precision,
	alpha double precision)
(
	SFUNC = mlops._kswin_add,
	STYPE = mlops.detector_state,
	FINALFUNC = mlops.detector_status,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.kswin(double precision, double precision) IS
'changes of a distribution, by Kolmogorov-Smirnov tests of that level';

CREATE FUNCTION mlops._detect_changes_add(mlops.detector_state, double precision, text, jsonb)
RETURNS mlops.detector_state
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_detect_changes_add';
COMMENT ON FUNCTION mlops._detect_changes_add(mlops.detector_state, double precision, text, jsonb) IS
'state of a detector';
CREATE AGGREGATE mlops.detect_changes(
	value double precision,
	kind text,
	options jsonb)
(
	SFUNC = mlops._detect_changes_add,
	STYPE = mlops.detector_state,
	FINALFUNC = mlops.detector_status,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.detect_changes(double precision, text, jsonb) IS
'changes in a stream, by a detector of that kind and options';

CREATE FUNCTION mlops.performance(
	model			mlops.model_ref,
	source			text,
	event_time		text,
	window_size		interval,
	target			text DEFAULT NULL,
	by				mlops.name_list DEFAULT NULL,
	weight			text DEFAULT NULL,
	query_group		text DEFAULT NULL,
	target_upper	text DEFAULT NULL,
	event_observed	text DEFAULT NULL,
	confidence		double precision DEFAULT 0.95,
	OUT window_start	timestamptz,
	OUT slice		jsonb,
	OUT metric		text,
	OUT value		double precision,
	OUT ci_low		double precision,
	OUT ci_high		double precision,
	OUT n			bigint)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL UNSAFE COST 1000000
AS 'MODULE_PATHNAME', 'mlops_performance';
COMMENT ON FUNCTION mlops.performance(mlops.model_ref, text, text, interval,
	text, mlops.name_list, text, text, text, text, double precision) IS
'realised metrics of a version by windows of time, in all and by slices';

CREATE FUNCTION mlops.estimate_performance(
	model			mlops.model_ref,
	source			text,
	reference		text,
	target			text DEFAULT NULL,
	calibration		text DEFAULT 'isotonic',
	confidence		double precision DEFAULT 0.95,
	OUT metric		text,
	OUT estimate	double precision,
	OUT low			double precision,
	OUT high		double precision,
	OUT realized_reference	double precision,
	OUT n			bigint,
	OUT note		text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL UNSAFE COST 1000000
AS 'MODULE_PATHNAME', 'mlops_estimate_performance';
COMMENT ON FUNCTION mlops.estimate_performance(mlops.model_ref, text, text,
	text, text, double precision) IS
'metrics that a version is expected to have on rows without labels';

CREATE FUNCTION mlops.drift_multivariate(
	source text,
	reference text,
	features mlops.name_list DEFAULT NULL,
	method text DEFAULT 'classifier',
	model mlops.model_ref DEFAULT NULL,
	max_rows integer DEFAULT 25000,
	seed bigint DEFAULT 42,
	thresholds jsonb DEFAULT NULL,
	OUT method text, OUT value double precision,
	OUT threshold_low double precision, OUT threshold_high double precision,
	OUT status text, OUT ci_low double precision, OUT ci_high double precision,
	OUT n bigint, OUT n_reference bigint, OUT features jsonb)
RETURNS record
LANGUAGE c STABLE PARALLEL UNSAFE COST 1000000
AS 'MODULE_PATHNAME', 'mlops_drift_multivariate';
COMMENT ON FUNCTION mlops.drift_multivariate(text, text, mlops.name_list, text,
	mlops.model_ref, integer, bigint, jsonb) IS
'whether the columns of two sources go together in the same way';

CREATE FUNCTION mlops.drift_glance(
	model mlops.model_ref,
	relation text,
	features mlops.name_list DEFAULT NULL,
	escalate boolean DEFAULT true,
	thresholds jsonb DEFAULT NULL)
RETURNS TABLE (feature text, kind text, status text, psi double precision,
	linf double precision, missing double precision,
	missing_reference double precision, analyzed_at timestamptz,
	n double precision, source text)
LANGUAGE c STABLE PARALLEL UNSAFE COST 10000 ROWS 20
AS 'MODULE_PATHNAME', 'mlops_drift_glance';
COMMENT ON FUNCTION mlops.drift_glance(mlops.model_ref, text, mlops.name_list,
	boolean, jsonb) IS
'what the statistics of a table say of drift, without a scan';
