-- Types of arguments and results.

-- A model reference.  It has no collation, unlike text, so that calls with
-- it can be sent to foreign servers.
CREATE TYPE mlops.model_ref;
CREATE FUNCTION mlops._model_ref_in(cstring) RETURNS mlops.model_ref
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_model_ref_in';
COMMENT ON FUNCTION mlops._model_ref_in(cstring) IS 'I/O';
CREATE FUNCTION mlops._model_ref_out(mlops.model_ref) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_model_ref_out';
COMMENT ON FUNCTION mlops._model_ref_out(mlops.model_ref) IS 'I/O';
CREATE FUNCTION mlops._model_ref_recv(internal) RETURNS mlops.model_ref
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_model_ref_recv';
COMMENT ON FUNCTION mlops._model_ref_recv(internal) IS 'I/O';
CREATE FUNCTION mlops._model_ref_send(mlops.model_ref) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_model_ref_send';
COMMENT ON FUNCTION mlops._model_ref_send(mlops.model_ref) IS 'I/O';
CREATE TYPE mlops.model_ref (
	INPUT = mlops._model_ref_in,
	OUTPUT = mlops._model_ref_out,
	RECEIVE = mlops._model_ref_recv,
	SEND = mlops._model_ref_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = int4,
	STORAGE = extended
);
COMMENT ON TYPE mlops.model_ref IS
'a model by name: ''churn'' (what serves now), ''churn/3'' (a version) or ''churn@challenger'' (an alias)';
CREATE CAST (text AS mlops.model_ref) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (varchar AS mlops.model_ref) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (mlops.model_ref AS text) WITHOUT FUNCTION AS ASSIGNMENT;

-- A list of names, forgiving in what it takes.
CREATE TYPE mlops.name_list;
CREATE FUNCTION mlops._name_list_in(cstring) RETURNS mlops.name_list
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_name_list_in';
COMMENT ON FUNCTION mlops._name_list_in(cstring) IS 'I/O';
CREATE FUNCTION mlops._name_list_out(mlops.name_list) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_name_list_out';
COMMENT ON FUNCTION mlops._name_list_out(mlops.name_list) IS 'I/O';
CREATE TYPE mlops.name_list (
	INPUT = mlops._name_list_in,
	OUTPUT = mlops._name_list_out,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = int4,
	STORAGE = extended
);
COMMENT ON TYPE mlops.name_list IS
'names: ARRAY[''id'',''ts''], ''{id,ts}'' or one bare name';
CREATE FUNCTION mlops._name_list(text[]) RETURNS mlops.name_list
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_name_list_cast';
COMMENT ON FUNCTION mlops._name_list(text[]) IS 'cast';
CREATE FUNCTION mlops._text_array(mlops.name_list) RETURNS text[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_name_list_cast';
COMMENT ON FUNCTION mlops._text_array(mlops.name_list) IS 'cast';
CREATE CAST (text[] AS mlops.name_list)
	WITH FUNCTION mlops._name_list(text[]) AS IMPLICIT;
CREATE CAST (mlops.name_list AS text[])
	WITH FUNCTION mlops._text_array(mlops.name_list) AS ASSIGNMENT;

CREATE TYPE mlops.deploy_mode AS ENUM ('first', 'true', 'false', 'if_better');
COMMENT ON TYPE mlops.deploy_mode IS
'whether a new version serves: first (if none does yet), true, false, if_better (than the one that serves, on the same rows)';
CREATE FUNCTION mlops._deploy_mode(boolean) RETURNS mlops.deploy_mode
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN $1 THEN 'true'::mlops.deploy_mode
			ELSE 'false'::mlops.deploy_mode END;
COMMENT ON FUNCTION mlops._deploy_mode(boolean) IS 'cast';
CREATE CAST (boolean AS mlops.deploy_mode)
	WITH FUNCTION mlops._deploy_mode(boolean) AS IMPLICIT;
CREATE CAST (text AS mlops.deploy_mode) WITH INOUT AS IMPLICIT;

CREATE TYPE mlops.train_result AS (
	model			text,
	version			integer,
	task			text,
	rows_train		bigint,
	rows_validation	bigint,
	rows_test		bigint,
	metrics			jsonb,
	deployed		boolean,
	elapsed			interval
);
COMMENT ON TYPE mlops.train_result IS 'what mlops.train() returns';

CREATE TYPE mlops.prediction AS (
	prediction		double precision,
	label			text,
	probability		double precision,
	probabilities	double precision[],
	model			text,
	version			integer,
	reasons			text
);
COMMENT ON TYPE mlops.prediction IS 'what mlops.predict_full() returns';
