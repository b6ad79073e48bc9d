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
'a version as a file that XGBoost loads: ubj or json';
