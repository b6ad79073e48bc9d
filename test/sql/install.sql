-- The extension as it is installed: everything has a comment, every name can
-- be written without quotes, everything is dumped.
CREATE EXTENSION mlops;
SELECT mlops.extension_version() = extversion AS same_version, extrelocatable,
	   extnamespace::regnamespace
FROM pg_extension WHERE extname = 'mlops';

-- Members by kind; none without a comment.  Array types, casts, row types of
-- tables and views, and types' internals have none.
CREATE VIEW member AS
SELECT i.type, i.identity, d.classid, d.objid
FROM pg_depend d, pg_identify_object(d.classid, d.objid, d.objsubid) i
WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'mlops');
SELECT type, identity FROM member
WHERE type NOT IN ('cast', 'sequence')
  AND NOT (type = 'type' AND (identity LIKE '%[]'
		   OR EXISTS (SELECT FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid
					  WHERE t.oid = objid AND c.relkind <> 'c')))
  AND obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid))
	  IS NULL
ORDER BY 1, 2;

-- What people see: functions without an underscore, views, types.
SELECT p.proname, pg_get_function_arguments(p.oid) AS arguments,
	   pg_get_function_result(p.oid) AS result, p.provolatile AS v,
	   p.proparallel AS p, p.proisstrict AS s
FROM pg_proc p
WHERE pronamespace = 'mlops'::regnamespace AND proname !~ '^_'
ORDER BY 1, 2;
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'mlops'::regnamespace AND c.relkind IN ('v', 'c')
  AND a.attnum > 0
ORDER BY 1, a.attnum;

-- Names of arguments and columns need no quotes anywhere.
CREATE VIEW name AS
SELECT p.oid::regprocedure::text AS owner, n.name
FROM pg_proc p, unnest(p.proargnames) n(name)
WHERE p.pronamespace = 'mlops'::regnamespace
UNION ALL
SELECT p.oid::regprocedure::text, p.proname
FROM pg_proc p WHERE p.pronamespace = 'mlops'::regnamespace
UNION ALL
SELECT a.attrelid::regclass::text, a.attname
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'mlops'::regnamespace AND c.relkind IN ('r', 'v', 'c')
  AND a.attnum > 0 AND NOT a.attisdropped;
SELECT count(*) > 100 AS names FROM name;
SELECT n.owner, n.name, k.catdesc FROM name n LEFT JOIN pg_get_keywords() k
  ON k.word = n.name
WHERE n.name <> ''
  AND (k.catcode IN ('R', 'T') OR n.name !~ '^[a-z_][a-z0-9_]*$')
ORDER BY 1, 2;

-- Tables and sequences that a dump would lose.
SELECT c.oid::regclass AS not_dumped FROM pg_class c
WHERE c.relnamespace = 'mlops'::regnamespace AND c.relkind IN ('r', 'S')
  AND NOT c.oid = ANY (SELECT unnest(extconfig) FROM pg_extension
					   WHERE extname = 'mlops')
ORDER BY 1::text;
-- and those without a primary key
SELECT c.oid::regclass AS no_primary_key FROM pg_class c
WHERE c.relnamespace = 'mlops'::regnamespace AND c.relkind = 'r'
  AND NOT EXISTS (SELECT FROM pg_index i
				  WHERE i.indrelid = c.oid AND i.indisprimary);

-- Nobody but the owner reaches tables and sequences; everybody the views.
SELECT c.relname, c.relkind
FROM pg_class c
WHERE c.relnamespace = 'mlops'::regnamespace AND c.relkind IN ('r', 'S', 'v')
  AND c.relacl IS NOT NULL
  AND EXISTS (SELECT FROM aclexplode(c.relacl) x WHERE x.grantee = 0)
ORDER BY 1;

SELECT name, setting, unit, min_val, max_val, context, short_desc
FROM pg_settings WHERE name LIKE 'mlops.%' AND context NOT IN ('postmaster', 'sighup') ORDER BY 1;
SET mlops.no_such_setting = 1;
SET mlops.max_categories = 1;
SET mlops.max_categories = 50;
RESET mlops.max_categories;

-- It goes as it came; the schema stays, as PostgreSQL has it.
DROP VIEW member, name;
BEGIN;
DROP EXTENSION mlops;
SELECT to_regnamespace('mlops'), to_regtype('mlops.model_ref');
ROLLBACK;

-- For the tests that follow: the first column of the first row, or the error.
CREATE FUNCTION try(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	m text; h text; d text; result text;
BEGIN
	EXECUTE sql INTO result;
	RETURN 'ok: ' || COALESCE(result, 'NULL');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, h = PG_EXCEPTION_HINT,
		d = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(E'\n', SQLSTATE || ': ' || m,
		NULLIF('DETAIL: ' || d, 'DETAIL: '), NULLIF('HINT: ' || h, 'HINT: '));
END $$;
