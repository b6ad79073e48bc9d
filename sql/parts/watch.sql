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
