-- Metric aggregates: truth first, prediction second, weight last.
--
-- States are arrays of compensated sums, or types of their own, never
-- internal, so that partial aggregates can cross workers and nodes.

CREATE TYPE mlops.sample_state;
CREATE FUNCTION mlops._sample_state_in(cstring) RETURNS mlops.sample_state
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_sample_state_in';
COMMENT ON FUNCTION mlops._sample_state_in(cstring) IS 'I/O';
CREATE FUNCTION mlops._sample_state_out(mlops.sample_state) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_sample_state_out';
COMMENT ON FUNCTION mlops._sample_state_out(mlops.sample_state) IS 'I/O';
CREATE FUNCTION mlops._sample_state_recv(internal) RETURNS mlops.sample_state
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_sample_state_recv';
COMMENT ON FUNCTION mlops._sample_state_recv(internal) IS 'I/O';
CREATE FUNCTION mlops._sample_state_send(mlops.sample_state) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_sample_state_send';
COMMENT ON FUNCTION mlops._sample_state_send(mlops.sample_state) IS 'I/O';
CREATE TYPE mlops.sample_state (
	INPUT = mlops._sample_state_in,
	OUTPUT = mlops._sample_state_out,
	RECEIVE = mlops._sample_state_recv,
	SEND = mlops._sample_state_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = extended
);
COMMENT ON TYPE mlops.sample_state IS
'state of metric aggregates that need all rows';

CREATE TYPE mlops.class_state;
CREATE FUNCTION mlops._class_state_in(cstring) RETURNS mlops.class_state
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_class_state_in';
COMMENT ON FUNCTION mlops._class_state_in(cstring) IS 'I/O';
CREATE FUNCTION mlops._class_state_out(mlops.class_state) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_class_state_out';
COMMENT ON FUNCTION mlops._class_state_out(mlops.class_state) IS 'I/O';
CREATE FUNCTION mlops._class_state_recv(internal) RETURNS mlops.class_state
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_class_state_recv';
COMMENT ON FUNCTION mlops._class_state_recv(internal) IS 'I/O';
CREATE FUNCTION mlops._class_state_send(mlops.class_state) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_class_state_send';
COMMENT ON FUNCTION mlops._class_state_send(mlops.class_state) IS 'I/O';
CREATE TYPE mlops.class_state (
	INPUT = mlops._class_state_in,
	OUTPUT = mlops._class_state_out,
	RECEIVE = mlops._class_state_recv,
	SEND = mlops._class_state_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = extended
);
COMMENT ON TYPE mlops.class_state IS
'state of metric aggregates over classes: a confusion matrix';

CREATE FUNCTION mlops._sums_combine(double precision[], double precision[])
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_sums_combine';
COMMENT ON FUNCTION mlops._sums_combine(double precision[], double precision[]) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._sample_combine(mlops.sample_state, mlops.sample_state)
RETURNS mlops.sample_state
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_sample_combine';
COMMENT ON FUNCTION mlops._sample_combine(mlops.sample_state, mlops.sample_state) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._mean_final(double precision[])
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_mean_final';
COMMENT ON FUNCTION mlops._mean_final(double precision[]) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._root_mean_final(double precision[])
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_root_mean_final';
COMMENT ON FUNCTION mlops._root_mean_final(double precision[]) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._squared_error_add(double precision[], double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_squared_error_add';
COMMENT ON FUNCTION mlops._squared_error_add(double precision[], double precision, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._squared_error_add(double precision[], double precision, double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_squared_error_add';
COMMENT ON FUNCTION mlops._squared_error_add(double precision[], double precision, double precision, double precision) IS
'state of the metric aggregates';

CREATE AGGREGATE mlops.rmse(
	label double precision,
	prediction double precision)
(
	SFUNC = mlops._squared_error_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._root_mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.rmse(double precision, double precision) IS
'root of the mean squared error';

CREATE AGGREGATE mlops.rmse(
	label double precision,
	prediction double precision,
	weight double precision)
(
	SFUNC = mlops._squared_error_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._root_mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.rmse(double precision, double precision, double precision) IS
'root of the mean squared error, weighted';

CREATE FUNCTION mlops._absolute_error_add(double precision[], double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_absolute_error_add';
COMMENT ON FUNCTION mlops._absolute_error_add(double precision[], double precision, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._absolute_error_add(double precision[], double precision, double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_absolute_error_add';
COMMENT ON FUNCTION mlops._absolute_error_add(double precision[], double precision, double precision, double precision) IS
'state of the metric aggregates';

CREATE AGGREGATE mlops.mae(
	label double precision,
	prediction double precision)
(
	SFUNC = mlops._absolute_error_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mae(double precision, double precision) IS
'mean absolute error';

CREATE AGGREGATE mlops.mae(
	label double precision,
	prediction double precision,
	weight double precision)
(
	SFUNC = mlops._absolute_error_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mae(double precision, double precision, double precision) IS
'mean absolute error, weighted';

CREATE FUNCTION mlops._relative_error_add(double precision[], double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_relative_error_add';
COMMENT ON FUNCTION mlops._relative_error_add(double precision[], double precision, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._relative_error_add(double precision[], double precision, double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_relative_error_add';
COMMENT ON FUNCTION mlops._relative_error_add(double precision[], double precision, double precision, double precision) IS
'state of the metric aggregates';

CREATE AGGREGATE mlops.mape(
	label double precision,
	prediction double precision)
(
	SFUNC = mlops._relative_error_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mape(double precision, double precision) IS
'mean absolute error relative to the label';

CREATE AGGREGATE mlops.mape(
	label double precision,
	prediction double precision,
	weight double precision)
(
	SFUNC = mlops._relative_error_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mape(double precision, double precision, double precision) IS
'mean absolute error relative to the label, weighted';

CREATE FUNCTION mlops._pinball_add(double precision[], double precision, double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_pinball_add';
COMMENT ON FUNCTION mlops._pinball_add(double precision[], double precision, double precision, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._pinball_add(double precision[], double precision, double precision, double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_pinball_add';
COMMENT ON FUNCTION mlops._pinball_add(double precision[], double precision, double precision, double precision, double precision) IS
'state of the metric aggregates';

CREATE AGGREGATE mlops.pinball_loss(
	label double precision,
	prediction double precision,
	alpha double precision)
(
	SFUNC = mlops._pinball_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.pinball_loss(double precision, double precision, double precision) IS
'mean loss of a quantile';

CREATE AGGREGATE mlops.pinball_loss(
	label double precision,
	prediction double precision,
	alpha double precision,
	weight double precision)
(
	SFUNC = mlops._pinball_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.pinball_loss(double precision, double precision, double precision, double precision) IS
'mean loss of a quantile, weighted';

CREATE FUNCTION mlops._poisson_add(double precision[], double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_poisson_add';
COMMENT ON FUNCTION mlops._poisson_add(double precision[], double precision, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._poisson_add(double precision[], double precision, double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_poisson_add';
COMMENT ON FUNCTION mlops._poisson_add(double precision[], double precision, double precision, double precision) IS
'state of the metric aggregates';

CREATE AGGREGATE mlops.poisson_deviance(
	label double precision,
	prediction double precision)
(
	SFUNC = mlops._poisson_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.poisson_deviance(double precision, double precision) IS
'mean Poisson deviance';

CREATE AGGREGATE mlops.poisson_deviance(
	label double precision,
	prediction double precision,
	weight double precision)
(
	SFUNC = mlops._poisson_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.poisson_deviance(double precision, double precision, double precision) IS
'mean Poisson deviance, weighted';

CREATE FUNCTION mlops._gamma_add(double precision[], double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_gamma_add';
COMMENT ON FUNCTION mlops._gamma_add(double precision[], double precision, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._gamma_add(double precision[], double precision, double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_gamma_add';
COMMENT ON FUNCTION mlops._gamma_add(double precision[], double precision, double precision, double precision) IS
'state of the metric aggregates';

CREATE AGGREGATE mlops.gamma_deviance(
	label double precision,
	prediction double precision)
(
	SFUNC = mlops._gamma_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.gamma_deviance(double precision, double precision) IS
'mean gamma deviance';

CREATE AGGREGATE mlops.gamma_deviance(
	label double precision,
	prediction double precision,
	weight double precision)
(
	SFUNC = mlops._gamma_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.gamma_deviance(double precision, double precision, double precision) IS
'mean gamma deviance, weighted';

CREATE FUNCTION mlops._tweedie_add(double precision[], double precision, double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_tweedie_add';
COMMENT ON FUNCTION mlops._tweedie_add(double precision[], double precision, double precision, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._tweedie_add(double precision[], double precision, double precision, double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_tweedie_add';
COMMENT ON FUNCTION mlops._tweedie_add(double precision[], double precision, double precision, double precision, double precision) IS
'state of the metric aggregates';

CREATE AGGREGATE mlops.tweedie_deviance(
	label double precision,
	prediction double precision,
	power double precision)
(
	SFUNC = mlops._tweedie_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.tweedie_deviance(double precision, double precision, double precision) IS
'mean Tweedie deviance';

CREATE AGGREGATE mlops.tweedie_deviance(
	label double precision,
	prediction double precision,
	power double precision,
	weight double precision)
(
	SFUNC = mlops._tweedie_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.tweedie_deviance(double precision, double precision, double precision, double precision) IS
'mean Tweedie deviance, weighted';

CREATE FUNCTION mlops._r2_add(double precision[], double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_r2_add';
COMMENT ON FUNCTION mlops._r2_add(double precision[], double precision, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._r2_add(double precision[], double precision, double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_r2_add';
COMMENT ON FUNCTION mlops._r2_add(double precision[], double precision, double precision, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._r2_combine(double precision[], double precision[])
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_r2_combine';
COMMENT ON FUNCTION mlops._r2_combine(double precision[], double precision[]) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._r2_final(double precision[])
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_r2_final';
COMMENT ON FUNCTION mlops._r2_final(double precision[]) IS
'state of the metric aggregates';

CREATE AGGREGATE mlops.r2(
	label double precision,
	prediction double precision)
(
	SFUNC = mlops._r2_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0,0,0,0,0,0}',
	COMBINEFUNC = mlops._r2_combine,
	FINALFUNC = mlops._r2_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.r2(double precision, double precision) IS
'share of the variance explained';

CREATE AGGREGATE mlops.r2(
	label double precision,
	prediction double precision,
	weight double precision)
(
	SFUNC = mlops._r2_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0,0,0,0,0,0}',
	COMBINEFUNC = mlops._r2_combine,
	FINALFUNC = mlops._r2_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.r2(double precision, double precision, double precision) IS
'share of the variance explained, weighted';

CREATE FUNCTION mlops._log_loss_add(double precision[], boolean, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_log_loss_add_boolean';
COMMENT ON FUNCTION mlops._log_loss_add(double precision[], boolean, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._log_loss_add(double precision[], boolean, double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_log_loss_add_boolean';
COMMENT ON FUNCTION mlops._log_loss_add(double precision[], boolean, double precision, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._log_loss_add(double precision[], double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_log_loss_add_number';
COMMENT ON FUNCTION mlops._log_loss_add(double precision[], double precision, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._log_loss_add(double precision[], double precision, double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_log_loss_add_number';
COMMENT ON FUNCTION mlops._log_loss_add(double precision[], double precision, double precision, double precision) IS
'state of the metric aggregates';

CREATE AGGREGATE mlops.log_loss(
	label boolean,
	probability double precision)
(
	SFUNC = mlops._log_loss_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.log_loss(boolean, double precision) IS
'mean negative log likelihood';

CREATE AGGREGATE mlops.log_loss(
	label boolean,
	probability double precision,
	weight double precision)
(
	SFUNC = mlops._log_loss_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.log_loss(boolean, double precision, double precision) IS
'mean negative log likelihood, weighted';

CREATE AGGREGATE mlops.log_loss(
	label double precision,
	probability double precision)
(
	SFUNC = mlops._log_loss_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.log_loss(double precision, double precision) IS
'mean negative log likelihood';

CREATE AGGREGATE mlops.log_loss(
	label double precision,
	probability double precision,
	weight double precision)
(
	SFUNC = mlops._log_loss_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.log_loss(double precision, double precision, double precision) IS
'mean negative log likelihood, weighted';

CREATE FUNCTION mlops._brier_add(double precision[], boolean, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_brier_add_boolean';
COMMENT ON FUNCTION mlops._brier_add(double precision[], boolean, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._brier_add(double precision[], boolean, double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_brier_add_boolean';
COMMENT ON FUNCTION mlops._brier_add(double precision[], boolean, double precision, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._brier_add(double precision[], double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_brier_add_number';
COMMENT ON FUNCTION mlops._brier_add(double precision[], double precision, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._brier_add(double precision[], double precision, double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_brier_add_number';
COMMENT ON FUNCTION mlops._brier_add(double precision[], double precision, double precision, double precision) IS
'state of the metric aggregates';

CREATE AGGREGATE mlops.brier(
	label boolean,
	probability double precision)
(
	SFUNC = mlops._brier_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.brier(boolean, double precision) IS
'mean squared error of the probability';

CREATE AGGREGATE mlops.brier(
	label boolean,
	probability double precision,
	weight double precision)
(
	SFUNC = mlops._brier_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.brier(boolean, double precision, double precision) IS
'mean squared error of the probability, weighted';

CREATE AGGREGATE mlops.brier(
	label double precision,
	probability double precision)
(
	SFUNC = mlops._brier_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.brier(double precision, double precision) IS
'mean squared error of the probability';

CREATE AGGREGATE mlops.brier(
	label double precision,
	probability double precision,
	weight double precision)
(
	SFUNC = mlops._brier_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.brier(double precision, double precision, double precision) IS
'mean squared error of the probability, weighted';

CREATE FUNCTION mlops._ece_add(double precision[], boolean, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_ece_add_boolean';
COMMENT ON FUNCTION mlops._ece_add(double precision[], boolean, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._ece_add(double precision[], boolean, double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_ece_add_boolean';
COMMENT ON FUNCTION mlops._ece_add(double precision[], boolean, double precision, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._ece_add(double precision[], double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_ece_add_number';
COMMENT ON FUNCTION mlops._ece_add(double precision[], double precision, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._ece_add(double precision[], double precision, double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_ece_add_number';
COMMENT ON FUNCTION mlops._ece_add(double precision[], double precision, double precision, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._ece_final(double precision[])
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_ece_final';
COMMENT ON FUNCTION mlops._ece_final(double precision[]) IS
'state of the metric aggregates';

CREATE AGGREGATE mlops.ece(
	label boolean,
	probability double precision)
(
	SFUNC = mlops._ece_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._ece_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.ece(boolean, double precision) IS
'expected calibration error, 10 bins of equal width';

CREATE AGGREGATE mlops.ece(
	label boolean,
	probability double precision,
	weight double precision)
(
	SFUNC = mlops._ece_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._ece_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.ece(boolean, double precision, double precision) IS
'expected calibration error, 10 bins of equal width, weighted';

CREATE AGGREGATE mlops.ece(
	label double precision,
	probability double precision)
(
	SFUNC = mlops._ece_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._ece_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.ece(double precision, double precision) IS
'expected calibration error, 10 bins of equal width';

CREATE AGGREGATE mlops.ece(
	label double precision,
	probability double precision,
	weight double precision)
(
	SFUNC = mlops._ece_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._ece_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.ece(double precision, double precision, double precision) IS
'expected calibration error, 10 bins of equal width, weighted';

CREATE FUNCTION mlops._scored_add(mlops.sample_state, boolean, double precision)
RETURNS mlops.sample_state
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_scored_add_boolean';
COMMENT ON FUNCTION mlops._scored_add(mlops.sample_state, boolean, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._scored_add(mlops.sample_state, boolean, double precision, double precision)
RETURNS mlops.sample_state
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_scored_add_boolean';
COMMENT ON FUNCTION mlops._scored_add(mlops.sample_state, boolean, double precision, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._scored_add(mlops.sample_state, double precision, double precision)
RETURNS mlops.sample_state
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_scored_add_number';
COMMENT ON FUNCTION mlops._scored_add(mlops.sample_state, double precision, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._scored_add(mlops.sample_state, double precision, double precision, double precision)
RETURNS mlops.sample_state
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_scored_add_number';
COMMENT ON FUNCTION mlops._scored_add(mlops.sample_state, double precision, double precision, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._roc_auc_final(mlops.sample_state)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_roc_auc_final';
COMMENT ON FUNCTION mlops._roc_auc_final(mlops.sample_state) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._pr_auc_final(mlops.sample_state)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_pr_auc_final';
COMMENT ON FUNCTION mlops._pr_auc_final(mlops.sample_state) IS
'state of the metric aggregates';

CREATE AGGREGATE mlops.roc_auc(
	label boolean,
	score double precision)
(
	SFUNC = mlops._scored_add,
	STYPE = mlops.sample_state,
	INITCOND = '\x000000000000000000000000',
	SSPACE = 4096,
	COMBINEFUNC = mlops._sample_combine,
	FINALFUNC = mlops._roc_auc_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.roc_auc(boolean, double precision) IS
'area under the ROC curve';

CREATE AGGREGATE mlops.roc_auc(
	label boolean,
	score double precision,
	weight double precision)
(
	SFUNC = mlops._scored_add,
	STYPE = mlops.sample_state,
	INITCOND = '\x000000000000000000000000',
	SSPACE = 4096,
	COMBINEFUNC = mlops._sample_combine,
	FINALFUNC = mlops._roc_auc_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.roc_auc(boolean, double precision, double precision) IS
'area under the ROC curve, weighted';

CREATE AGGREGATE mlops.roc_auc(
	label double precision,
	score double precision)
(
	SFUNC = mlops._scored_add,
	STYPE = mlops.sample_state,
	INITCOND = '\x000000000000000000000000',
	SSPACE = 4096,
	COMBINEFUNC = mlops._sample_combine,
	FINALFUNC = mlops._roc_auc_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.roc_auc(double precision, double precision) IS
'area under the ROC curve';

CREATE AGGREGATE mlops.roc_auc(
	label double precision,
	score double precision,
	weight double precision)
(
	SFUNC = mlops._scored_add,
	STYPE = mlops.sample_state,
	INITCOND = '\x000000000000000000000000',
	SSPACE = 4096,
	COMBINEFUNC = mlops._sample_combine,
	FINALFUNC = mlops._roc_auc_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.roc_auc(double precision, double precision, double precision) IS
'area under the ROC curve, weighted';

CREATE AGGREGATE mlops.pr_auc(
	label boolean,
	score double precision)
(
	SFUNC = mlops._scored_add,
	STYPE = mlops.sample_state,
	INITCOND = '\x000000000000000000000000',
	SSPACE = 4096,
	COMBINEFUNC = mlops._sample_combine,
	FINALFUNC = mlops._pr_auc_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.pr_auc(boolean, double precision) IS
'average precision';

CREATE AGGREGATE mlops.pr_auc(
	label boolean,
	score double precision,
	weight double precision)
(
	SFUNC = mlops._scored_add,
	STYPE = mlops.sample_state,
	INITCOND = '\x000000000000000000000000',
	SSPACE = 4096,
	COMBINEFUNC = mlops._sample_combine,
	FINALFUNC = mlops._pr_auc_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.pr_auc(boolean, double precision, double precision) IS
'average precision, weighted';

CREATE AGGREGATE mlops.pr_auc(
	label double precision,
	score double precision)
(
	SFUNC = mlops._scored_add,
	STYPE = mlops.sample_state,
	INITCOND = '\x000000000000000000000000',
	SSPACE = 4096,
	COMBINEFUNC = mlops._sample_combine,
	FINALFUNC = mlops._pr_auc_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.pr_auc(double precision, double precision) IS
'average precision';

CREATE AGGREGATE mlops.pr_auc(
	label double precision,
	score double precision,
	weight double precision)
(
	SFUNC = mlops._scored_add,
	STYPE = mlops.sample_state,
	INITCOND = '\x000000000000000000000000',
	SSPACE = 4096,
	COMBINEFUNC = mlops._sample_combine,
	FINALFUNC = mlops._pr_auc_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.pr_auc(double precision, double precision, double precision) IS
'average precision, weighted';

CREATE FUNCTION mlops._ndcg_add(mlops.sample_state, double precision, double precision)
RETURNS mlops.sample_state
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_ndcg_add';
COMMENT ON FUNCTION mlops._ndcg_add(mlops.sample_state, double precision, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._ndcg_add(mlops.sample_state, double precision, double precision, integer)
RETURNS mlops.sample_state
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_ndcg_add';
COMMENT ON FUNCTION mlops._ndcg_add(mlops.sample_state, double precision, double precision, integer) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._ndcg_final(mlops.sample_state)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_ndcg_final';
COMMENT ON FUNCTION mlops._ndcg_final(mlops.sample_state) IS
'state of the metric aggregates';

CREATE AGGREGATE mlops.ndcg(
	relevance double precision,
	score double precision)
(
	SFUNC = mlops._ndcg_add,
	STYPE = mlops.sample_state,
	INITCOND = '\x000000000000000000000000',
	SSPACE = 4096,
	COMBINEFUNC = mlops._sample_combine,
	FINALFUNC = mlops._ndcg_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.ndcg(double precision, double precision) IS
'normalised discounted cumulative gain of one query';

CREATE AGGREGATE mlops.ndcg(
	relevance double precision,
	score double precision,
	k integer)
(
	SFUNC = mlops._ndcg_add,
	STYPE = mlops.sample_state,
	INITCOND = '\x000000000000000000000000',
	SSPACE = 4096,
	COMBINEFUNC = mlops._sample_combine,
	FINALFUNC = mlops._ndcg_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.ndcg(double precision, double precision, integer) IS
'normalised discounted cumulative gain of the first k';

CREATE FUNCTION mlops._concordance_add(mlops.sample_state, double precision, boolean, double precision)
RETURNS mlops.sample_state
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_concordance_add';
COMMENT ON FUNCTION mlops._concordance_add(mlops.sample_state, double precision, boolean, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._concordance_add(mlops.sample_state, double precision, boolean, double precision, double precision)
RETURNS mlops.sample_state
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_concordance_add';
COMMENT ON FUNCTION mlops._concordance_add(mlops.sample_state, double precision, boolean, double precision, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._concordance_final(mlops.sample_state)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_concordance_final';
COMMENT ON FUNCTION mlops._concordance_final(mlops.sample_state) IS
'state of the metric aggregates';

CREATE AGGREGATE mlops.concordance(
	event_time double precision,
	observed boolean,
	prediction double precision)
(
	SFUNC = mlops._concordance_add,
	STYPE = mlops.sample_state,
	INITCOND = '\x000000000000000000000000',
	SSPACE = 4096,
	COMBINEFUNC = mlops._sample_combine,
	FINALFUNC = mlops._concordance_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.concordance(double precision, boolean, double precision) IS
'Harrells concordance';

CREATE AGGREGATE mlops.concordance(
	event_time double precision,
	observed boolean,
	prediction double precision,
	weight double precision)
(
	SFUNC = mlops._concordance_add,
	STYPE = mlops.sample_state,
	INITCOND = '\x000000000000000000000000',
	SSPACE = 4096,
	COMBINEFUNC = mlops._sample_combine,
	FINALFUNC = mlops._concordance_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.concordance(double precision, boolean, double precision, double precision) IS
'Harrells concordance, weighted';

CREATE FUNCTION mlops._two_class_add(double precision[], boolean, boolean)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_two_class_add_boolean';
COMMENT ON FUNCTION mlops._two_class_add(double precision[], boolean, boolean) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._two_class_add(double precision[], boolean, boolean, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_two_class_add_boolean';
COMMENT ON FUNCTION mlops._two_class_add(double precision[], boolean, boolean, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._two_class_add(double precision[], double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_two_class_add_number';
COMMENT ON FUNCTION mlops._two_class_add(double precision[], double precision, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._two_class_add(double precision[], double precision, double precision, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_two_class_add_number';
COMMENT ON FUNCTION mlops._two_class_add(double precision[], double precision, double precision, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._precision_final(double precision[])
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_precision_final';
COMMENT ON FUNCTION mlops._precision_final(double precision[]) IS
'state of the metric aggregates';

CREATE AGGREGATE mlops.precision_score(
	label boolean,
	predicted boolean)
(
	SFUNC = mlops._two_class_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0,0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._precision_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.precision_score(boolean, boolean) IS
'share of true among predicted positives';

CREATE AGGREGATE mlops.precision_score(
	label boolean,
	predicted boolean,
	weight double precision)
(
	SFUNC = mlops._two_class_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0,0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._precision_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.precision_score(boolean, boolean, double precision) IS
'share of true among predicted positives, weighted';

CREATE AGGREGATE mlops.precision_score(
	label double precision,
	predicted double precision)
(
	SFUNC = mlops._two_class_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0,0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._precision_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.precision_score(double precision, double precision) IS
'share of true among predicted positives';

CREATE AGGREGATE mlops.precision_score(
	label double precision,
	predicted double precision,
	weight double precision)
(
	SFUNC = mlops._two_class_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0,0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._precision_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.precision_score(double precision, double precision, double precision) IS
'share of true among predicted positives, weighted';

CREATE FUNCTION mlops._recall_final(double precision[])
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_recall_final';
COMMENT ON FUNCTION mlops._recall_final(double precision[]) IS
'state of the metric aggregates';

CREATE AGGREGATE mlops.recall_score(
	label boolean,
	predicted boolean)
(
	SFUNC = mlops._two_class_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0,0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._recall_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.recall_score(boolean, boolean) IS
'share of predicted among true positives';

CREATE AGGREGATE mlops.recall_score(
	label boolean,
	predicted boolean,
	weight double precision)
(
	SFUNC = mlops._two_class_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0,0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._recall_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.recall_score(boolean, boolean, double precision) IS
'share of predicted among true positives, weighted';

CREATE AGGREGATE mlops.recall_score(
	label double precision,
	predicted double precision)
(
	SFUNC = mlops._two_class_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0,0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._recall_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.recall_score(double precision, double precision) IS
'share of predicted among true positives';

CREATE AGGREGATE mlops.recall_score(
	label double precision,
	predicted double precision,
	weight double precision)
(
	SFUNC = mlops._two_class_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0,0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._recall_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.recall_score(double precision, double precision, double precision) IS
'share of predicted among true positives, weighted';

CREATE FUNCTION mlops._f1_final(double precision[])
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_f1_final';
COMMENT ON FUNCTION mlops._f1_final(double precision[]) IS
'state of the metric aggregates';

CREATE AGGREGATE mlops.f1(
	label boolean,
	predicted boolean)
(
	SFUNC = mlops._two_class_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0,0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._f1_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.f1(boolean, boolean) IS
'harmonic mean of precision and recall';

CREATE AGGREGATE mlops.f1(
	label boolean,
	predicted boolean,
	weight double precision)
(
	SFUNC = mlops._two_class_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0,0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._f1_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.f1(boolean, boolean, double precision) IS
'harmonic mean of precision and recall, weighted';

CREATE AGGREGATE mlops.f1(
	label double precision,
	predicted double precision)
(
	SFUNC = mlops._two_class_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0,0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._f1_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.f1(double precision, double precision) IS
'harmonic mean of precision and recall';

CREATE AGGREGATE mlops.f1(
	label double precision,
	predicted double precision,
	weight double precision)
(
	SFUNC = mlops._two_class_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0,0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._f1_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.f1(double precision, double precision, double precision) IS
'harmonic mean of precision and recall, weighted';

CREATE FUNCTION mlops._hit_add(double precision[], anycompatible, anycompatible)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_hit_add';
COMMENT ON FUNCTION mlops._hit_add(double precision[], anycompatible, anycompatible) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._hit_add(double precision[], anycompatible, anycompatible, double precision)
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_hit_add';
COMMENT ON FUNCTION mlops._hit_add(double precision[], anycompatible, anycompatible, double precision) IS
'state of the metric aggregates';

CREATE AGGREGATE mlops.accuracy(
	label anycompatible,
	predicted anycompatible)
(
	SFUNC = mlops._hit_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.accuracy(anycompatible, anycompatible) IS
'share of rows predicted right';

CREATE AGGREGATE mlops.accuracy(
	label anycompatible,
	predicted anycompatible,
	weight double precision)
(
	SFUNC = mlops._hit_add,
	STYPE = double precision[],
	INITCOND = '{0,0,0,0}',
	COMBINEFUNC = mlops._sums_combine,
	FINALFUNC = mlops._mean_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.accuracy(anycompatible, anycompatible, double precision) IS
'share of rows predicted right, weighted';

CREATE FUNCTION mlops._class_add(mlops.class_state, anycompatible, anycompatible)
RETURNS mlops.class_state
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_class_add';
COMMENT ON FUNCTION mlops._class_add(mlops.class_state, anycompatible, anycompatible) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._class_add(mlops.class_state, anycompatible, anycompatible, double precision)
RETURNS mlops.class_state
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_class_add';
COMMENT ON FUNCTION mlops._class_add(mlops.class_state, anycompatible, anycompatible, double precision) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._class_combine(mlops.class_state, mlops.class_state)
RETURNS mlops.class_state
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_class_combine';
COMMENT ON FUNCTION mlops._class_combine(mlops.class_state, mlops.class_state) IS
'state of the metric aggregates';

CREATE FUNCTION mlops._balanced_accuracy_final(mlops.class_state)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_balanced_accuracy_final';
COMMENT ON FUNCTION mlops._balanced_accuracy_final(mlops.class_state) IS
'state of the metric aggregates';

CREATE AGGREGATE mlops.balanced_accuracy(
	label anycompatible,
	predicted anycompatible)
(
	SFUNC = mlops._class_add,
	STYPE = mlops.class_state,
	INITCOND = '\x000000000000000000000000',
	SSPACE = 4096,
	COMBINEFUNC = mlops._class_combine,
	FINALFUNC = mlops._balanced_accuracy_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.balanced_accuracy(anycompatible, anycompatible) IS
'mean recall of the classes';

CREATE AGGREGATE mlops.balanced_accuracy(
	label anycompatible,
	predicted anycompatible,
	weight double precision)
(
	SFUNC = mlops._class_add,
	STYPE = mlops.class_state,
	INITCOND = '\x000000000000000000000000',
	SSPACE = 4096,
	COMBINEFUNC = mlops._class_combine,
	FINALFUNC = mlops._balanced_accuracy_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.balanced_accuracy(anycompatible, anycompatible, double precision) IS
'mean recall of the classes, weighted';

CREATE FUNCTION mlops._f1_macro_final(mlops.class_state)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_f1_macro_final';
COMMENT ON FUNCTION mlops._f1_macro_final(mlops.class_state) IS
'state of the metric aggregates';

CREATE AGGREGATE mlops.f1_macro(
	label anycompatible,
	predicted anycompatible)
(
	SFUNC = mlops._class_add,
	STYPE = mlops.class_state,
	INITCOND = '\x000000000000000000000000',
	SSPACE = 4096,
	COMBINEFUNC = mlops._class_combine,
	FINALFUNC = mlops._f1_macro_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.f1_macro(anycompatible, anycompatible) IS
'mean F1 of the classes';

CREATE AGGREGATE mlops.f1_macro(
	label anycompatible,
	predicted anycompatible,
	weight double precision)
(
	SFUNC = mlops._class_add,
	STYPE = mlops.class_state,
	INITCOND = '\x000000000000000000000000',
	SSPACE = 4096,
	COMBINEFUNC = mlops._class_combine,
	FINALFUNC = mlops._f1_macro_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.f1_macro(anycompatible, anycompatible, double precision) IS
'mean F1 of the classes, weighted';

CREATE FUNCTION mlops._mcc_final(mlops.class_state)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_mcc_final';
COMMENT ON FUNCTION mlops._mcc_final(mlops.class_state) IS
'state of the metric aggregates';

CREATE AGGREGATE mlops.mcc(
	label anycompatible,
	predicted anycompatible)
(
	SFUNC = mlops._class_add,
	STYPE = mlops.class_state,
	INITCOND = '\x000000000000000000000000',
	SSPACE = 4096,
	COMBINEFUNC = mlops._class_combine,
	FINALFUNC = mlops._mcc_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mcc(anycompatible, anycompatible) IS
'Matthews correlation coefficient';

CREATE AGGREGATE mlops.mcc(
	label anycompatible,
	predicted anycompatible,
	weight double precision)
(
	SFUNC = mlops._class_add,
	STYPE = mlops.class_state,
	INITCOND = '\x000000000000000000000000',
	SSPACE = 4096,
	COMBINEFUNC = mlops._class_combine,
	FINALFUNC = mlops._mcc_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mcc(anycompatible, anycompatible, double precision) IS
'Matthews correlation coefficient, weighted';
