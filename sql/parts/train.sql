-- Training.

CREATE FUNCTION mlops.train(
	model			text,
	source			text,
	target			text,
	features		mlops.name_list DEFAULT NULL,
	exclude			mlops.name_list DEFAULT NULL,
	key				mlops.name_list DEFAULT NULL,
	event_time		text DEFAULT NULL,
	weight			text DEFAULT NULL,
	task			text DEFAULT NULL,
	positive		text DEFAULT NULL,
	params			jsonb DEFAULT '{}',
	validation		double precision DEFAULT 0.1,
	test			double precision DEFAULT 0.2,
	deploy			mlops.deploy_mode DEFAULT 'first',
	seed			bigint DEFAULT 42,
	description		text DEFAULT NULL)
RETURNS mlops.train_result
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_train';
COMMENT ON FUNCTION mlops.train(text, text, text, mlops.name_list,
	mlops.name_list, mlops.name_list, text, text, text, text, jsonb,
	double precision, double precision, mlops.deploy_mode, bigint, text) IS
'train a model on a relation or query and store it as a new version';

CREATE FUNCTION mlops._progress_train(
	OUT pid integer, OUT model text, OUT phase text, OUT rows_read bigint,
	OUT rows_estimated bigint, OUT round integer, OUT rounds integer,
	OUT metric text, OUT value double precision, OUT started_at timestamptz,
	OUT phase_started_at timestamptz, OUT database_id oid, OUT role_id oid)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'mlops_progress_train';
COMMENT ON FUNCTION mlops._progress_train() IS
'trainings that run now, in all databases; see mlops.stat_progress_train';
