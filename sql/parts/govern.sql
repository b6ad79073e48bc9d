-- Who may do what, and the views that show it.

CREATE FUNCTION mlops.grant_model(model text, role text, privilege text)
RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_grant_model';
COMMENT ON FUNCTION mlops.grant_model(text, text, text) IS
'let a role predict with, read or manage a model';

CREATE FUNCTION mlops.revoke_model(model text, role text, privilege text)
RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_revoke_model';
COMMENT ON FUNCTION mlops.revoke_model(text, text, text) IS
'take back what mlops.grant_model() gave';

CREATE FUNCTION mlops.alter_model(
	model			text,
	owner			text DEFAULT NULL,
	description		text DEFAULT NULL,
	keep_versions	integer DEFAULT NULL)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_alter_model';
COMMENT ON FUNCTION mlops.alter_model(text, text, text, integer) IS
'change a model''s owner, description or the number of versions it keeps';

CREATE FUNCTION mlops.has_model_privilege(model text, privilege text)
RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_has_model_privilege';
COMMENT ON FUNCTION mlops.has_model_privilege(text, text) IS
'whether the current role may predict with, read or manage a model';
