-- Charts as SVG.
--
-- Bodies in standard SQL: they mean the same under every search_path, and a
-- source is still looked up by that of the caller, with the caller's rights.

CREATE FUNCTION mlops.draw(spec jsonb)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'mlops_draw';
COMMENT ON FUNCTION mlops.draw(jsonb) IS
'a chart of any numbers as SVG: lines, steps, points, bars, bands, cells';
