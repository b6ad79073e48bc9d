-- Prediction, and which version serves.

CREATE FUNCTION mlops.predict(model mlops.model_ref, input record)
RETURNS double precision
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 50
AS 'MODULE_PATHNAME', 'mlops_predict';
COMMENT ON FUNCTION mlops.predict(mlops.model_ref, record) IS
'predict a row: a value, or the probability of the positive class';

CREATE FUNCTION mlops.predict_label(model mlops.model_ref, input record)
RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 50
AS 'MODULE_PATHNAME', 'mlops_predict_label';
COMMENT ON FUNCTION mlops.predict_label(mlops.model_ref, record) IS
'predict the class of a row';

CREATE FUNCTION mlops.predict_proba(model mlops.model_ref, input record)
RETURNS double precision[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 50
AS 'MODULE_PATHNAME', 'mlops_predict_proba';
COMMENT ON FUNCTION mlops.predict_proba(mlops.model_ref, record) IS
'probabilities of a row''s classes, in the order of mlops.classes()';

CREATE FUNCTION mlops.predict_proba(model mlops.model_ref, input record,
	label text)
RETURNS double precision
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 50
AS 'MODULE_PATHNAME', 'mlops_predict_proba_label';
COMMENT ON FUNCTION mlops.predict_proba(mlops.model_ref, record, text) IS
'probability that a row is of one class';

CREATE FUNCTION mlops.predict_pinned(model text, version integer,
	input record)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 50
AS 'MODULE_PATHNAME', 'mlops_predict_pinned';
COMMENT ON FUNCTION mlops.predict_pinned(text, integer, record) IS
'predict a row by a version that is given by number, for indexes and the like';

CREATE FUNCTION mlops.classes(model mlops.model_ref)
RETURNS text[]
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_classes';
COMMENT ON FUNCTION mlops.classes(mlops.model_ref) IS
'labels of a classification model, the positive one of a binary model last';

CREATE FUNCTION mlops.deploy(model mlops.model_ref, note text DEFAULT NULL)
RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_deploy';
COMMENT ON FUNCTION mlops.deploy(mlops.model_ref, text) IS
'make a version the one that serves; returns its number';

CREATE FUNCTION mlops.rollback(model text, note text DEFAULT NULL)
RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_rollback';
COMMENT ON FUNCTION mlops.rollback(text, text) IS
'make the version serve that served before; returns its number';

CREATE FUNCTION mlops.set_alias(model mlops.model_ref, alias text,
	note text DEFAULT NULL)
RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_set_alias';
COMMENT ON FUNCTION mlops.set_alias(mlops.model_ref, text, text) IS
'let an alias point to a version; returns its number';

CREATE FUNCTION mlops.drop_alias(model text, alias text,
	note text DEFAULT NULL)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_drop_alias';
COMMENT ON FUNCTION mlops.drop_alias(text, text, text) IS 'remove an alias';

CREATE FUNCTION mlops.drop_version(model mlops.model_ref)
RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_drop_version';
COMMENT ON FUNCTION mlops.drop_version(mlops.model_ref) IS
'remove the bytes of a version that no alias points to';

CREATE FUNCTION mlops.drop_model(model text)
RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_drop_model';
COMMENT ON FUNCTION mlops.drop_model(text) IS
'remove a model with all its versions';

CREATE FUNCTION mlops.export_model(model mlops.model_ref,
	format text DEFAULT 'ubj')
RETURNS bytea
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_export_model';
COMMENT ON FUNCTION mlops.export_model(mlops.model_ref, text) IS
'a version as a file: ubj or json, which XGBoost loads, or text for people';

-- More of a prediction, and why it is what it is.

CREATE FUNCTION mlops.predict_margin(model mlops.model_ref, input record)
RETURNS double precision
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 50
AS 'MODULE_PATHNAME', 'mlops_predict_margin';
COMMENT ON FUNCTION mlops.predict_margin(mlops.model_ref, record) IS
'predict a row, without the transformation that the objective ends with';

CREATE FUNCTION mlops.predict_margins(model mlops.model_ref, input record)
RETURNS double precision[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 50
AS 'MODULE_PATHNAME', 'mlops_predict_margins';
COMMENT ON FUNCTION mlops.predict_margins(mlops.model_ref, record) IS
'margins of all outputs of a row, in the order of mlops.classes() if there are several';

CREATE FUNCTION mlops.predict_full(model mlops.model_ref, input record,
	reasons integer DEFAULT 3)
RETURNS mlops.prediction
LANGUAGE c STABLE PARALLEL SAFE COST 500
AS 'MODULE_PATHNAME', 'mlops_predict_full';
COMMENT ON FUNCTION mlops.predict_full(mlops.model_ref, record, integer) IS
'predict a row: value, label, probabilities, the version that predicts, and why';

CREATE FUNCTION mlops.predict_json(model mlops.model_ref, input jsonb)
RETURNS double precision
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 60
AS 'MODULE_PATHNAME', 'mlops_predict_json';
COMMENT ON FUNCTION mlops.predict_json(mlops.model_ref, jsonb) IS
'predict a JSON object whose members are columns';

CREATE FUNCTION mlops.predict_array(model mlops.model_ref, input anyarray)
RETURNS double precision
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 50
AS 'MODULE_PATHNAME', 'mlops_predict_array';
COMMENT ON FUNCTION mlops.predict_array(mlops.model_ref, anyarray) IS
'predict an array of numbers, one for each feature';

CREATE FUNCTION mlops.predict_leaf(model mlops.model_ref, input record)
RETURNS integer[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 50
AS 'MODULE_PATHNAME', 'mlops_predict_leaf';
COMMENT ON FUNCTION mlops.predict_leaf(mlops.model_ref, record) IS
'the leaf that a row reaches in each tree';

CREATE FUNCTION mlops.predict_as_of(model text, input record,
	as_of timestamptz)
RETURNS double precision
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 50
AS 'MODULE_PATHNAME', 'mlops_predict_as_of';
COMMENT ON FUNCTION mlops.predict_as_of(text, record, timestamptz) IS
'predict a row by the version that served at a time';

CREATE FUNCTION mlops.explain(model mlops.model_ref, input record,
	label text DEFAULT NULL)
RETURNS TABLE (feature text, value text, contribution double precision)
LANGUAGE c STABLE PARALLEL SAFE COST 500 ROWS 20
AS 'MODULE_PATHNAME', 'mlops_explain_rows';
COMMENT ON FUNCTION mlops.explain(mlops.model_ref, record, text) IS
'what each feature of a row adds to its margin, the largest first, the bias last';

CREATE FUNCTION mlops.explain_text(model mlops.model_ref, input record,
	top integer DEFAULT 3, label text DEFAULT NULL)
RETURNS text
LANGUAGE c STABLE PARALLEL SAFE COST 500
AS 'MODULE_PATHNAME', 'mlops_explain_text';
COMMENT ON FUNCTION mlops.explain_text(mlops.model_ref, record, integer, text) IS
'the features that move a prediction most, in one line';

CREATE FUNCTION mlops.importance(model mlops.model_ref,
	source text DEFAULT NULL)
RETURNS TABLE (feature text, weight double precision, gain double precision,
	cover double precision, total_gain double precision,
	total_cover double precision, shap double precision)
LANGUAGE c STABLE PARALLEL UNSAFE COST 10000 ROWS 20
AS 'MODULE_PATHNAME', 'mlops_importance';
COMMENT ON FUNCTION mlops.importance(mlops.model_ref, text) IS
'what each feature counts in a version, and over the rows of a source';

CREATE FUNCTION mlops.partial_dependence(model mlops.model_ref, source text,
	feature text, points integer DEFAULT 20, label text DEFAULT NULL,
	max_rows integer DEFAULT 1000)
RETURNS TABLE (value text, number double precision,
	prediction double precision, low double precision,
	high double precision, n bigint)
LANGUAGE c STABLE PARALLEL UNSAFE COST 10000 ROWS 20
AS 'MODULE_PATHNAME', 'mlops_partial_dependence';
COMMENT ON FUNCTION mlops.partial_dependence(mlops.model_ref, text, text, integer, text, integer) IS
'mean predictions over a source with one feature set to each of several values';

CREATE FUNCTION mlops.what_if(model mlops.model_ref, input record,
	feature text, candidates text[] DEFAULT NULL, label text DEFAULT NULL)
RETURNS TABLE (value text, prediction double precision,
	change double precision, label text)
LANGUAGE c STABLE PARALLEL SAFE COST 1000 ROWS 20
AS 'MODULE_PATHNAME', 'mlops_what_if';
COMMENT ON FUNCTION mlops.what_if(mlops.model_ref, record, text, text[], text) IS
'predictions of a row with other values in one column';

CREATE FUNCTION mlops.import_model(
	model			text,
	data			bytea,
	signature		jsonb DEFAULT NULL,
	classes			text[] DEFAULT NULL,
	target			text DEFAULT NULL,
	deploy			mlops.deploy_mode DEFAULT 'first',
	description		text DEFAULT NULL)
RETURNS mlops.train_result
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_import_model';
COMMENT ON FUNCTION mlops.import_model(text, bytea, jsonb, text[], text,
	mlops.deploy_mode, text) IS
'store a model file of XGBoost, JSON or UBJ, as a new version';

CREATE FUNCTION mlops.export_bundle(model mlops.model_ref)
RETURNS bytea
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'mlops_export_bundle';
COMMENT ON FUNCTION mlops.export_bundle(mlops.model_ref) IS
'a version with its signature, metrics, baseline and run, for another database';

CREATE FUNCTION mlops.import_bundle(
	bundle			bytea,
	model			text DEFAULT NULL,
	deploy			mlops.deploy_mode DEFAULT 'false')
RETURNS mlops.train_result
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_import_bundle';
COMMENT ON FUNCTION mlops.import_bundle(bytea, text, mlops.deploy_mode) IS
'store what mlops.export_bundle() returned as a new version';

CREATE TYPE mlops.score_result AS (
	into_table		text,
	model			text,
	version			integer,
	inserted		bigint,
	updated			bigint,
	removed			bigint,
	elapsed			interval
);
COMMENT ON TYPE mlops.score_result IS 'what mlops.score() returns';

CREATE FUNCTION mlops.score(
	model			mlops.model_ref,
	source			text,
	into_table		text,
	key				mlops.name_list,
	columns			mlops.name_list DEFAULT NULL,
	changed_at		text DEFAULT NULL,
	lookback		interval DEFAULT '1 hour',
	reasons			integer DEFAULT 0,
	prune			boolean DEFAULT false,
	rescore			boolean DEFAULT false)
RETURNS mlops.score_result
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_score';
COMMENT ON FUNCTION mlops.score(mlops.model_ref, text, text, mlops.name_list,
	mlops.name_list, text, interval, integer, boolean, boolean) IS
'predict new and changed rows of a source into a table';

CREATE TYPE mlops._scored AS (
	prediction		double precision,
	label			text,
	probability		double precision,
	reasons			text,
	model			text,
	version			integer,
	input_hash		bigint
);
COMMENT ON TYPE mlops._scored IS 'what mlops._score() returns';

CREATE FUNCTION mlops._score(model mlops.model_ref, input record,
	reasons integer)
RETURNS mlops._scored
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'mlops_score_row';
COMMENT ON FUNCTION mlops._score(mlops.model_ref, record, integer) IS
'predict a row for mlops.score(), with a hash of its features';

CREATE FUNCTION mlops._score(model mlops.model_ref, input record)
RETURNS mlops._scored
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 60
AS 'MODULE_PATHNAME', 'mlops_score_plain';
COMMENT ON FUNCTION mlops._score(mlops.model_ref, record) IS
'predict a row for mlops.score(), with a hash of its features, without reasons';

CREATE FUNCTION mlops._named(names text[], VARIADIC "any")
RETURNS record
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_named_row';
COMMENT ON FUNCTION mlops._named(text[], "any") IS
'a row of the values with these column names';

CREATE FUNCTION mlops.create_function(
	model			mlops.model_ref,
	name			text,
	output			text DEFAULT 'prediction',
	security		text DEFAULT 'invoker',
	or_replace		boolean DEFAULT false)
RETURNS regprocedure
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_create_function';
COMMENT ON FUNCTION mlops.create_function(mlops.model_ref, text, text, text,
	boolean) IS
'make a SQL function with the model''s columns as named arguments';

-- How calls with a row are planned: what the planner puts in their place.

CREATE FUNCTION mlops._predict_support(internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_predict_support';
COMMENT ON FUNCTION mlops._predict_support(internal) IS
'planner support of the predict functions';

CREATE FUNCTION mlops._predict(model mlops.model_ref, columns text[],
	VARIADIC input "any")
RETURNS double precision
LANGUAGE c STABLE PARALLEL SAFE COST 50
SUPPORT mlops._predict_support
AS 'MODULE_PATHNAME', 'mlops_predict_columns';
COMMENT ON FUNCTION mlops._predict(mlops.model_ref, text[], "any") IS
'predict() as planned: by the columns that the model takes';

CREATE FUNCTION mlops._predict_label(model mlops.model_ref, columns text[],
	VARIADIC input "any")
RETURNS text
LANGUAGE c STABLE PARALLEL SAFE COST 50
SUPPORT mlops._predict_support
AS 'MODULE_PATHNAME', 'mlops_predict_label_columns';
COMMENT ON FUNCTION mlops._predict_label(mlops.model_ref, text[], "any") IS
'predict_label() as planned: by the columns that the model takes';

CREATE FUNCTION mlops._predict_proba(model mlops.model_ref, columns text[],
	VARIADIC input "any")
RETURNS double precision[]
LANGUAGE c STABLE PARALLEL SAFE COST 50
SUPPORT mlops._predict_support
AS 'MODULE_PATHNAME', 'mlops_predict_proba_columns';
COMMENT ON FUNCTION mlops._predict_proba(mlops.model_ref, text[], "any") IS
'predict_proba() as planned: by the columns that the model takes';

CREATE FUNCTION mlops._predict_proba(model mlops.model_ref, label text,
	columns text[], VARIADIC input "any")
RETURNS double precision
LANGUAGE c STABLE PARALLEL SAFE COST 50
SUPPORT mlops._predict_support
AS 'MODULE_PATHNAME', 'mlops_predict_proba_label_columns';
COMMENT ON FUNCTION mlops._predict_proba(mlops.model_ref, text, text[], "any") IS
'predict_proba() with a label as planned: by the columns that the model takes';

CREATE FUNCTION mlops._predict_pinned(model text, version integer,
	columns text[], VARIADIC input "any")
RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 50
SUPPORT mlops._predict_support
AS 'MODULE_PATHNAME', 'mlops_predict_pinned_columns';
COMMENT ON FUNCTION mlops._predict_pinned(text, integer, text[], "any") IS
'predict_pinned() as planned: by the columns that the model takes';

CREATE FUNCTION mlops._predict_margin(model mlops.model_ref, columns text[],
	VARIADIC input "any")
RETURNS double precision
LANGUAGE c STABLE PARALLEL SAFE COST 50
SUPPORT mlops._predict_support
AS 'MODULE_PATHNAME', 'mlops_predict_margin_columns';
COMMENT ON FUNCTION mlops._predict_margin(mlops.model_ref, text[], "any") IS
'predict_margin() as planned: by the columns that the model takes';

CREATE FUNCTION mlops._predict_margins(model mlops.model_ref, columns text[],
	VARIADIC input "any")
RETURNS double precision[]
LANGUAGE c STABLE PARALLEL SAFE COST 50
SUPPORT mlops._predict_support
AS 'MODULE_PATHNAME', 'mlops_predict_margins_columns';
COMMENT ON FUNCTION mlops._predict_margins(mlops.model_ref, text[], "any") IS
'predict_margins() as planned: by the columns that the model takes';

CREATE FUNCTION mlops.__score(model mlops.model_ref, columns text[],
	VARIADIC input "any")
RETURNS mlops._scored
LANGUAGE c STABLE PARALLEL SAFE COST 60
SUPPORT mlops._predict_support
AS 'MODULE_PATHNAME', 'mlops_score_columns';
COMMENT ON FUNCTION mlops.__score(mlops.model_ref, text[], "any") IS
'_score() as planned: by the columns that the model takes';

ALTER FUNCTION mlops._score(mlops.model_ref, record)
SUPPORT mlops._predict_support;
ALTER FUNCTION mlops.predict(mlops.model_ref, record)
SUPPORT mlops._predict_support;
ALTER FUNCTION mlops.predict_label(mlops.model_ref, record)
SUPPORT mlops._predict_support;
ALTER FUNCTION mlops.predict_proba(mlops.model_ref, record)
SUPPORT mlops._predict_support;
ALTER FUNCTION mlops.predict_proba(mlops.model_ref, record, text)
SUPPORT mlops._predict_support;
ALTER FUNCTION mlops.predict_pinned(text, integer, record)
SUPPORT mlops._predict_support;
ALTER FUNCTION mlops.predict_margin(mlops.model_ref, record)
SUPPORT mlops._predict_support;
ALTER FUNCTION mlops.predict_margins(mlops.model_ref, record)
SUPPORT mlops._predict_support;

CREATE FUNCTION mlops._stat_cache()
RETURNS TABLE (version_id bigint, bytes bigint, loads bigint, hits bigint,
	load_time double precision, last_use timestamptz, shared boolean,
	sessions integer)
LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED COST 10 ROWS 10
AS 'MODULE_PATHNAME', 'mlops_stat_cache';
COMMENT ON FUNCTION mlops._stat_cache() IS
'versions in shared memory and in this session''s; see mlops.stat_cache';

CREATE FUNCTION mlops._stat_model()
RETURNS TABLE (version_id bigint, calls bigint, rows bigint,
	total_time double precision, errors bigint, missing bigint, unseen bigint,
	cache_hits bigint, loads bigint, load_time double precision,
	first_use timestamptz, last_use timestamptz)
LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED COST 10 ROWS 10
AS 'MODULE_PATHNAME', 'mlops_stat_model';
COMMENT ON FUNCTION mlops._stat_model() IS
'what versions are used for; see mlops.stat_model';

CREATE FUNCTION mlops.stat_model_reset(model text DEFAULT NULL)
RETURNS void
LANGUAGE c VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'mlops_stat_model_reset';
COMMENT ON FUNCTION mlops.stat_model_reset(text) IS
'count the uses of a model anew, or of all models that the role may manage';

CREATE FUNCTION mlops.predict_batch(model mlops.model_ref, source text,
	key mlops.name_list)
RETURNS TABLE (key jsonb, prediction double precision, label text,
	probability double precision)
LANGUAGE c STABLE PARALLEL UNSAFE COST 1000 ROWS 1000
AS 'MODULE_PATHNAME', 'mlops_predict_batch';
COMMENT ON FUNCTION mlops.predict_batch(mlops.model_ref, text,
	mlops.name_list) IS
'predict all rows of a source, each with the columns that name it';
