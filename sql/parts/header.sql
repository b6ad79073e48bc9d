-- complain if the script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION mlops" to load this file. \quit

GRANT USAGE ON SCHEMA mlops TO PUBLIC;
COMMENT ON SCHEMA mlops IS 'models: training, versions, predictions';

CREATE FUNCTION mlops.extension_version() RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_extension_version';
COMMENT ON FUNCTION mlops.extension_version() IS
'version of the mlops library that is loaded';
