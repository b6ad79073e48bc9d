-- Jobs that pg_cron runs.

CREATE FUNCTION mlops.schedule(
	subject text,
	schedule text DEFAULT '0 * * * *',
	kind text DEFAULT 'monitor',
	name text DEFAULT NULL)
RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_schedule_job';
COMMENT ON FUNCTION mlops.schedule(text, text, text, text) IS
'let pg_cron run a monitor, retrain a model or watch it';

CREATE FUNCTION mlops.unschedule(name text)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_unschedule_job';
COMMENT ON FUNCTION mlops.unschedule(text) IS
'end a job';

CREATE FUNCTION mlops.run_job(job bigint)
RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_run_job';
COMMENT ON FUNCTION mlops.run_job(bigint) IS
'run a job now, as pg_cron does; says what was done';

CREATE FUNCTION mlops._next_run(
	schedule text,
	last_started timestamptz)
RETURNS timestamptz
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_next_run';
COMMENT ON FUNCTION mlops._next_run(text, timestamptz) IS
'when pg_cron will run a schedule next';

CREATE FUNCTION mlops._job_obstacle(
	run_as text,
	system_identifier text)
RETURNS text
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_job_obstacle';
COMMENT ON FUNCTION mlops._job_obstacle(text, text) IS
'why pg_cron cannot run a job here; NULL if nothing is known';
