-- Monitors: figures of the rows of each window of time.

CREATE FUNCTION mlops.set_label_source(
	model			text,
	query			text,
	key				mlops.name_list,
	label			text DEFAULT NULL)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_set_label_source';
COMMENT ON FUNCTION mlops.set_label_source(text, text, mlops.name_list, text) IS
'say where the labels of a model''s rows come from, later than the rows';

CREATE FUNCTION mlops.create_monitor(
	model			mlops.model_ref,
	source			text,
	event_time		text DEFAULT NULL,
	window_size		interval DEFAULT '1 day',
	schedule		text DEFAULT NULL,
	segments		mlops.name_list DEFAULT NULL,
	metrics			mlops.name_list DEFAULT NULL,
	thresholds		jsonb DEFAULT '{}',
	name			text DEFAULT NULL,
	features		mlops.name_list DEFAULT NULL,
	target			text DEFAULT NULL,
	baseline_source	text DEFAULT NULL,
	lateness		interval DEFAULT '0',
	start_at		timestamptz DEFAULT NULL)
RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_create_monitor';
COMMENT ON FUNCTION mlops.create_monitor(mlops.model_ref, text, text,
	interval, text, mlops.name_list, mlops.name_list, jsonb, text,
	mlops.name_list, text, text, interval, timestamptz) IS
'watch a model on the rows of a source, window by window; returns the name';

CREATE FUNCTION mlops.alter_monitor(
	monitor			text,
	enabled			boolean DEFAULT NULL,
	source			text DEFAULT NULL,
	event_time		text DEFAULT NULL,
	segments		mlops.name_list DEFAULT NULL,
	metrics			mlops.name_list DEFAULT NULL,
	thresholds		jsonb DEFAULT NULL,
	features		mlops.name_list DEFAULT NULL,
	target			text DEFAULT NULL,
	baseline_source	text DEFAULT NULL,
	lateness		interval DEFAULT NULL)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_alter_monitor';
COMMENT ON FUNCTION mlops.alter_monitor(text, boolean, text, text,
	mlops.name_list, mlops.name_list, jsonb, mlops.name_list, text, text,
	interval) IS
'change what is given of a monitor, which then is the caller''s';

CREATE FUNCTION mlops.drop_monitor(monitor text)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_drop_monitor';
COMMENT ON FUNCTION mlops.drop_monitor(text) IS
'drop a monitor and all that it has found';

CREATE FUNCTION mlops.run_monitor(
	monitor			text,
	until			timestamptz DEFAULT NULL,
	max_windows		integer DEFAULT 1000,
	recompute		interval DEFAULT NULL,
	max_duration	interval DEFAULT NULL,
	OUT window_start	timestamptz,
	OUT window_end		timestamptz,
	OUT state			text,
	OUT status			text,
	OUT n_rows			bigint,
	OUT n_labelled		bigint,
	OUT message			text)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000000
AS 'MODULE_PATHNAME', 'mlops_run_monitor';
COMMENT ON FUNCTION mlops.run_monitor(text, timestamptz, integer, interval,
	interval) IS
'compute the windows of a monitor that are due; returns those computed';
