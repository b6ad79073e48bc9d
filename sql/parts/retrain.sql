-- The loop: when a model is trained again, and which version serves.

CREATE TYPE mlops.decision_result AS (
	decision_id		bigint,
	action			text,
	triggers		text[],
	reason			text,
	champion		integer,
	challenger		integer,
	refitted		integer,
	metric			text,
	champion_value	double precision,
	challenger_value double precision,
	gain			double precision,
	ci_low			double precision,
	ci_high			double precision,
	probability		double precision,
	trainings		integer
);
COMMENT ON TYPE mlops.decision_result IS 'what mlops.retrain() returns';

CREATE FUNCTION mlops.set_retraining_policy(
	model			text,
	trigger_on		mlops.name_list DEFAULT '{performance,age}',
	gate			jsonb DEFAULT '{}',
	cooldown		interval DEFAULT '1 day',
	source			text DEFAULT NULL,
	event_time		text DEFAULT NULL,
	max_age			interval DEFAULT '30 days',
	min_new_rows	bigint DEFAULT 100,
	memory			interval DEFAULT NULL,
	refit			boolean DEFAULT true,
	guard			boolean DEFAULT true,
	max_per_day		integer DEFAULT 4,
	max_failures	integer DEFAULT 3,
	enabled			boolean DEFAULT true)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_set_retraining_policy';
COMMENT ON FUNCTION mlops.set_retraining_policy(text, mlops.name_list, jsonb,
	interval, text, text, interval, bigint, interval, boolean, boolean,
	integer, integer, boolean) IS
'when a model is trained again, and when the new version may serve';

CREATE FUNCTION mlops.drop_retraining_policy(model text)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_drop_retraining_policy';
COMMENT ON FUNCTION mlops.drop_retraining_policy(text) IS
'remove the retraining policy of a model';

CREATE FUNCTION mlops.retrain(
	model			text,
	reason			text DEFAULT 'manual',
	force			boolean DEFAULT true,
	dry_run			boolean DEFAULT false,
	until			timestamptz DEFAULT NULL)
RETURNS mlops.decision_result
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_retrain';
COMMENT ON FUNCTION mlops.retrain(text, text, boolean, boolean, timestamptz) IS
'train a challenger, hold it against the version that serves, and decide';

CREATE FUNCTION mlops.watch(
	model			text,
	source			text,
	event_time		text DEFAULT NULL,
	window_size		interval DEFAULT '1 day',
	schedule		text DEFAULT '7 * * * *',
	target			text DEFAULT NULL,
	trigger_on		mlops.name_list DEFAULT '{performance,age}',
	gate			jsonb DEFAULT '{}',
	cooldown		interval DEFAULT '1 day',
	max_age			interval DEFAULT '30 days',
	min_new_rows	bigint DEFAULT 100,
	memory			interval DEFAULT NULL,
	refit			boolean DEFAULT true,
	guard			boolean DEFAULT true)
RETURNS SETOF text
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_watch';
COMMENT ON FUNCTION mlops.watch(text, text, text, interval, text, text,
	mlops.name_list, jsonb, interval, interval, bigint, interval, boolean,
	boolean) IS
'watch a model: a monitor, a retraining policy, an alert rule and a schedule';

CREATE FUNCTION mlops.unwatch(model text)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_unwatch';
COMMENT ON FUNCTION mlops.unwatch(text) IS
'undo mlops.watch(): monitor, policy, alert rule and schedule of that model';
