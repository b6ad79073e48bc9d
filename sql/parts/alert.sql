-- Alerts: what people are told, and what they answered.

CREATE FUNCTION mlops.create_alert_rule(
	model text,
	name text DEFAULT NULL,
	events mlops.name_list DEFAULT '{drift,performance,no_data,failure}',
	metrics mlops.name_list DEFAULT NULL,
	features mlops.name_list DEFAULT NULL,
	least_status text DEFAULT 'detected',
	severity text DEFAULT 'warning',
	min_count integer DEFAULT 1,
	period interval DEFAULT NULL,
	cooldown interval DEFAULT '1 day',
	auto_reset boolean DEFAULT true)
RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_create_alert_rule';
COMMENT ON FUNCTION mlops.create_alert_rule(text, text, mlops.name_list,
	mlops.name_list, mlops.name_list, text, text, integer, interval, interval,
	boolean) IS
'raise alerts on what happens to a model';

CREATE FUNCTION mlops.drop_alert_rule(name text)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_drop_alert_rule';
COMMENT ON FUNCTION mlops.drop_alert_rule(text) IS
'raise no more alerts by a rule, and resolve those that it raised';

CREATE FUNCTION mlops.acknowledge(alert bigint, note text DEFAULT NULL)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_acknowledge';
COMMENT ON FUNCTION mlops.acknowledge(bigint, text) IS
'say that somebody has seen an alert';
