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
	base_margin		text DEFAULT NULL,
	task			text DEFAULT NULL,
	positive		text DEFAULT NULL,
	query_group		text DEFAULT NULL,
	target_upper	text DEFAULT NULL,
	event_observed	text DEFAULT NULL,
	params			jsonb DEFAULT '{}',
	init_model		mlops.model_ref DEFAULT NULL,
	validation		double precision DEFAULT 0.1,
	test			double precision DEFAULT 0.2,
	split			text DEFAULT NULL,
	split_column	text DEFAULT NULL,
	deploy			mlops.deploy_mode DEFAULT 'first',
	seed			bigint DEFAULT 42,
	description		text DEFAULT NULL)
RETURNS mlops.train_result
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_train';
COMMENT ON FUNCTION mlops.train(text, text, text, mlops.name_list,
	mlops.name_list, mlops.name_list, text, text, text, text, text, text, text,
	text, jsonb, mlops.model_ref, double precision, double precision, text,
	text, mlops.deploy_mode, bigint, text) IS
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

-- Evaluation.  These functions run a query of the caller: not parallel safe.

CREATE FUNCTION mlops.evaluate(
	model			mlops.model_ref,
	source			text,
	target			text DEFAULT NULL,
	by				mlops.name_list DEFAULT NULL,
	weight			text DEFAULT NULL,
	query_group		text DEFAULT NULL,
	target_upper	text DEFAULT NULL,
	event_observed	text DEFAULT NULL,
	confidence		double precision DEFAULT 0.95,
	OUT slice		jsonb,
	OUT metric		text,
	OUT value		double precision,
	OUT ci_low		double precision,
	OUT ci_high		double precision,
	OUT n			bigint)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL UNSAFE COST 1000000
AS 'MODULE_PATHNAME', 'mlops_evaluate';
COMMENT ON FUNCTION mlops.evaluate(mlops.model_ref, text, text,
	mlops.name_list, text, text, text, text, double precision) IS
'metrics of a version on a relation or query, in all and by slices';

CREATE FUNCTION mlops.confusion_matrix(
	model			mlops.model_ref,
	source			text,
	target			text DEFAULT NULL,
	threshold		double precision DEFAULT 0.5,
	weight			text DEFAULT NULL,
	OUT actual		text,
	OUT predicted	text,
	OUT n			bigint,
	OUT share		double precision)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL UNSAFE COST 1000000
AS 'MODULE_PATHNAME', 'mlops_confusion_matrix';
COMMENT ON FUNCTION mlops.confusion_matrix(mlops.model_ref, text, text,
	double precision, text) IS
'rows of a relation or query by actual and predicted class';

CREATE FUNCTION mlops.roc_curve(
	model			mlops.model_ref,
	source			text,
	target			text DEFAULT NULL,
	label			text DEFAULT NULL,
	weight			text DEFAULT NULL,
	points			integer DEFAULT 200,
	OUT threshold	double precision,
	OUT fpr			double precision,
	OUT tpr			double precision)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL UNSAFE COST 1000000
AS 'MODULE_PATHNAME', 'mlops_roc_curve';
COMMENT ON FUNCTION mlops.roc_curve(mlops.model_ref, text, text, text, text,
	integer) IS
'false and true positive rates by threshold';

CREATE FUNCTION mlops.pr_curve(
	model			mlops.model_ref,
	source			text,
	target			text DEFAULT NULL,
	label			text DEFAULT NULL,
	weight			text DEFAULT NULL,
	points			integer DEFAULT 200,
	OUT threshold	double precision,
	OUT recall		double precision,
	OUT "precision"	double precision)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL UNSAFE COST 1000000
AS 'MODULE_PATHNAME', 'mlops_pr_curve';
COMMENT ON FUNCTION mlops.pr_curve(mlops.model_ref, text, text, text, text,
	integer) IS
'recall and precision by threshold';

CREATE FUNCTION mlops.lift_curve(
	model			mlops.model_ref,
	source			text,
	target			text DEFAULT NULL,
	label			text DEFAULT NULL,
	weight			text DEFAULT NULL,
	bins			integer DEFAULT 10,
	OUT bin			integer,
	OUT share		double precision,
	OUT n			bigint,
	OUT positives	bigint,
	OUT "precision"	double precision,
	OUT lift		double precision,
	OUT gain		double precision)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL UNSAFE COST 1000000
AS 'MODULE_PATHNAME', 'mlops_lift_curve';
COMMENT ON FUNCTION mlops.lift_curve(mlops.model_ref, text, text, text, text,
	integer) IS
'lift and gain of the rows with the highest predictions, bin by bin';

CREATE FUNCTION mlops.calibration_curve(
	model			mlops.model_ref,
	source			text,
	target			text DEFAULT NULL,
	label			text DEFAULT NULL,
	weight			text DEFAULT NULL,
	bins			integer DEFAULT 10,
	OUT bin			integer,
	OUT n			bigint,
	OUT mean_prediction double precision,
	OUT observed	double precision,
	OUT low			double precision,
	OUT high		double precision)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL UNSAFE COST 1000000
AS 'MODULE_PATHNAME', 'mlops_calibration_curve';
COMMENT ON FUNCTION mlops.calibration_curve(mlops.model_ref, text, text, text,
	text, integer) IS
'predicted probabilities and what was observed, bin by bin';

CREATE FUNCTION mlops.compare(
	model			mlops.model_ref,
	other			mlops.model_ref,
	source			text,
	target			text DEFAULT NULL,
	weight			text DEFAULT NULL,
	query_group		text DEFAULT NULL,
	target_upper	text DEFAULT NULL,
	event_observed	text DEFAULT NULL,
	confidence		double precision DEFAULT 0.95,
	seed			bigint DEFAULT 42,
	OUT metric		text,
	OUT value		double precision,
	OUT other_value	double precision,
	OUT difference	double precision,
	OUT ci_low		double precision,
	OUT ci_high		double precision,
	OUT p_value		double precision,
	OUT better		text,
	OUT n			bigint)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL UNSAFE COST 1000000
AS 'MODULE_PATHNAME', 'mlops_compare';
COMMENT ON FUNCTION mlops.compare(mlops.model_ref, mlops.model_ref, text,
	text, text, text, text, text, double precision, bigint) IS
'two versions on the same rows, with paired tests';
