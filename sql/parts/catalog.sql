-- The catalog.  Only functions change it; the views at the end of the script
-- show to each role what it may see.  Times are those of transactions.
--
-- Primary keys everywhere, names instead of oids, no triggers of our own and
-- no partitions, so that the tables can be replicated and distributed.  The
-- columns that are read on the path of predict are addressed by number in
-- src/catalog: add new ones at the end.

CREATE TABLE mlops.model (
	model_id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name			text COLLATE "C" NOT NULL UNIQUE
					CHECK (name <> '' AND name !~ '[/@]' AND octet_length(name) <= 200),
	owner			text COLLATE "C" NOT NULL,
	description		text,
	keep_versions	integer NOT NULL DEFAULT 0 CHECK (keep_versions >= 0),
	created_at		timestamptz NOT NULL DEFAULT now(),
	created_by		text NOT NULL
);
COMMENT ON TABLE mlops.model IS 'models';

CREATE TABLE mlops.model_grant (
	model_id		bigint NOT NULL REFERENCES mlops.model ON DELETE CASCADE,
	role			text COLLATE "C" NOT NULL,
	privilege		text COLLATE "C" NOT NULL
					CHECK (privilege IN ('predict', 'read', 'manage')),
	granted_at		timestamptz NOT NULL DEFAULT now(),
	granted_by		text NOT NULL,
	PRIMARY KEY (model_id, role, privilege)
);
COMMENT ON TABLE mlops.model_grant IS
'what roles other than its owner may do with a model';

CREATE TABLE mlops.run (
	run_id			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	parent_run_id	bigint,
	kind			text NOT NULL CHECK (kind IN ('train', 'import')),
	state			text NOT NULL CHECK (state IN ('completed', 'failed')),
	error			text,
	model_id		bigint NOT NULL,
	model			text NOT NULL,
	started_at		timestamptz NOT NULL,
	ended_at		timestamptz NOT NULL,
	current_role_name text NOT NULL,
	session_role_name text NOT NULL,
	application_name text NOT NULL,
	trigger_kind	text NOT NULL,
	arguments		jsonb NOT NULL,
	effective		jsonb NOT NULL,
	source			text NOT NULL,
	query			text NOT NULL,
	relations		jsonb NOT NULL,
	row_security	boolean NOT NULL,
	server_version	text NOT NULL,
	extension_version text NOT NULL,
	library_version	text NOT NULL,
	threads			integer NOT NULL,
	seed			bigint NOT NULL,
	snapshot		text NOT NULL,
	wal_position	text NOT NULL,
	rows_train		bigint NOT NULL,
	rows_validation	bigint NOT NULL,
	rows_test		bigint NOT NULL,
	rows_skipped	bigint NOT NULL,
	fingerprint_ordered text NOT NULL,
	fingerprint_unordered text NOT NULL,
	event_time_min	timestamptz,
	event_time_max	timestamptz,
	peak_memory		bigint NOT NULL,
	read_seconds	double precision NOT NULL,
	train_seconds	double precision NOT NULL,
	cpu_seconds		double precision NOT NULL,
	advice			jsonb NOT NULL DEFAULT '[]'
);
COMMENT ON TABLE mlops.run IS
'runs: everything that made a version, so that it can be made again';
CREATE INDEX run_model_id ON mlops.run (model_id);

CREATE TABLE mlops.version (
	version_id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	model_id		bigint NOT NULL REFERENCES mlops.model ON DELETE CASCADE,
	version			integer NOT NULL CHECK (version > 0),
	dropped_at		timestamptz,
	task			text NOT NULL
					CHECK (task IN ('binary', 'multiclass', 'regression',
						   'ranking', 'survival')),
	model_size		bigint NOT NULL,
	forest_size		bigint NOT NULL,
	class_type		text,
	classes			text[],
	signature		jsonb NOT NULL,
	dropped_by		text,
	run_id			bigint NOT NULL REFERENCES mlops.run,
	objective		text NOT NULL,
	booster			text NOT NULL,
	n_features		integer NOT NULL,
	n_trees			integer NOT NULL,
	n_rounds		integer NOT NULL,
	target			text NOT NULL,
	library_version	text NOT NULL,
	model_sha256	text NOT NULL,
	description		text,
	created_at		timestamptz NOT NULL DEFAULT now(),
	created_by		text NOT NULL,
	UNIQUE (model_id, version),
	CHECK ((task IN ('binary', 'multiclass')) = (classes IS NOT NULL))
);
COMMENT ON TABLE mlops.version IS
'versions of models; a dropped one keeps its row and its number';
CREATE INDEX version_run_id ON mlops.version (run_id);

CREATE TABLE mlops.artefact (
	version_id		bigint NOT NULL REFERENCES mlops.version ON DELETE CASCADE,
	kind			text COLLATE "C" NOT NULL CHECK (kind IN ('model', 'forest')),
	chunk			integer NOT NULL CHECK (chunk >= 0),
	data			bytea NOT NULL
					CHECK (octet_length(data) BETWEEN 1 AND 16777216),
	PRIMARY KEY (version_id, kind, chunk)
);
ALTER TABLE mlops.artefact ALTER COLUMN data SET STORAGE EXTERNAL;
COMMENT ON TABLE mlops.artefact IS
'the bytes of versions: the model as XGBoost wrote it, and the forest that predicts';

CREATE TABLE mlops.alias_history (
	history_id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	model_id		bigint NOT NULL,
	model			text NOT NULL,
	alias			text NOT NULL,
	action			text NOT NULL CHECK (action IN
					('deploy', 'rollback', 'set_alias', 'drop_alias')),
	version_id		bigint,
	version			integer,
	previous_id		bigint,
	note			text,
	changed_at		timestamptz NOT NULL DEFAULT now(),
	changed_by		text NOT NULL,
	session_role_name text NOT NULL,
	CHECK ((action = 'drop_alias') = (version IS NULL))
);
COMMENT ON TABLE mlops.alias_history IS
'every change of what an alias points to, by whom; rollback goes to previous_id';
CREATE INDEX alias_history_model_id ON mlops.alias_history (model_id, alias);

-- Read for every statement that predicts: tiny, apart, and vacuumed eagerly.
CREATE TABLE mlops.alias (
	model			text COLLATE "C" NOT NULL,
	alias			text COLLATE "C" NOT NULL
					CHECK (alias ~ '^[a-z_][a-z0-9_]*$' AND octet_length(alias) <= 63),
	model_id		bigint NOT NULL REFERENCES mlops.model ON DELETE CASCADE,
	version_id		bigint NOT NULL REFERENCES mlops.version ON DELETE CASCADE,
	version			integer NOT NULL,
	history_id		bigint NOT NULL,
	PRIMARY KEY (model, alias)
) WITH (fillfactor = 30, autovacuum_vacuum_threshold = 50,
		autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0);
COMMENT ON TABLE mlops.alias IS 'which version an alias points to';
CREATE INDEX alias_version_id ON mlops.alias (version_id);

CREATE TABLE mlops.metric (
	run_id			bigint NOT NULL REFERENCES mlops.run ON DELETE CASCADE,
	split			text NOT NULL,
	name			text NOT NULL,
	value			double precision,
	PRIMARY KEY (run_id, split, name)
);
COMMENT ON TABLE mlops.metric IS
'metrics of runs per split; NULL where one is undefined';

CREATE TABLE mlops.metric_history (
	run_id			bigint NOT NULL REFERENCES mlops.run ON DELETE CASCADE,
	round			integer NOT NULL,
	split			text NOT NULL,
	name			text NOT NULL,
	value			double precision,
	PRIMARY KEY (run_id, split, name, round)
);
COMMENT ON TABLE mlops.metric_history IS
'metrics of runs after each boosting round';

CREATE TABLE mlops.baseline (
	version_id		bigint NOT NULL REFERENCES mlops.version ON DELETE CASCADE,
	kind			text NOT NULL
					CHECK (kind IN ('number', 'category', 'prediction')),
	feature			text NOT NULL,
	n				bigint NOT NULL,
	n_missing		bigint NOT NULL,
	min				double precision,
	max				double precision,
	mean			double precision,
	stddev			double precision,
	skewness		double precision,
	quantiles		double precision[],
	edges			double precision[],
	bin_counts		bigint[],
	width_counts	bigint[],
	categories		text[],
	category_counts	bigint[],
	n_other			bigint,
	PRIMARY KEY (version_id, kind, feature)
);
COMMENT ON TABLE mlops.baseline IS
'statistics of features and predictions over the training rows of a version';

-- What watches models.  Everything that a schedule runs is a row here, so that
-- a job's text is only its number.

CREATE TABLE mlops.label_source (
	model_id		bigint PRIMARY KEY REFERENCES mlops.model ON DELETE CASCADE,
	query			text NOT NULL,
	key				text[] NOT NULL CHECK (cardinality(key) > 0),
	label			text NOT NULL,
	created_at		timestamptz NOT NULL DEFAULT now(),
	created_by		text NOT NULL
);
COMMENT ON TABLE mlops.label_source IS
'where the labels of a model''s rows come from, later than the rows';

CREATE TABLE mlops.monitor (
	monitor_id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name			text COLLATE "C" NOT NULL UNIQUE
					CHECK (name <> '' AND octet_length(name) <= 200),
	model_id		bigint NOT NULL REFERENCES mlops.model ON DELETE CASCADE,
	reference		text NOT NULL,
	source			text NOT NULL,
	event_time		text NOT NULL,
	window_size		interval NOT NULL,
	lateness		interval NOT NULL,
	start_at		timestamptz,
	segments		text[],
	metrics			text[],
	features		text[],
	thresholds		jsonb NOT NULL,
	baseline_source	text,
	target			text,
	enabled			boolean NOT NULL DEFAULT true,
	created_at		timestamptz NOT NULL DEFAULT now(),
	created_by		text NOT NULL,
	time_zone		text NOT NULL,
	search_path		text NOT NULL
);
COMMENT ON TABLE mlops.monitor IS
'monitors: what is measured of which rows, window by window';
CREATE INDEX monitor_model_id ON mlops.monitor (model_id);

CREATE TABLE mlops.monitor_window (
	monitor_id		bigint NOT NULL REFERENCES mlops.monitor ON DELETE CASCADE,
	window_start	timestamptz NOT NULL,
	window_end		timestamptz NOT NULL,
	state			text NOT NULL
					CHECK (state IN ('completed', 'empty', 'failed')),
	status			text NOT NULL
					CHECK (status IN ('none', 'potential', 'detected',
						   'insufficient data')),
	version			integer,
	n_rows			bigint NOT NULL,
	n_labelled		bigint NOT NULL,
	error			text,
	error_code		text,
	runs			integer NOT NULL DEFAULT 1,
	computed_at		timestamptz NOT NULL,
	computed_by		text NOT NULL,
	seconds			double precision NOT NULL,
	fingerprint		bigint NOT NULL,
	PRIMARY KEY (monitor_id, window_start)
);
COMMENT ON TABLE mlops.monitor_window IS
'windows that a monitor has looked at, and how they were';

CREATE TABLE mlops.monitor_result (
	monitor_id		bigint NOT NULL,
	window_start	timestamptz NOT NULL,
	measure			text NOT NULL
					CHECK (measure IN ('drift', 'consecutive drift',
						   'performance', 'estimate')),
	slice			jsonb NOT NULL,
	feature			text NOT NULL,
	metric			text NOT NULL,
	status			text NOT NULL
					CHECK (status IN ('none', 'potential', 'detected',
						   'insufficient data')),
	value			double precision,
	threshold		double precision,
	ci_low			double precision,
	ci_high			double precision,
	n				bigint NOT NULL,
	importance		double precision,
	kind			text NOT NULL
					CHECK (kind IN ('model', 'number', 'category', 'prediction')),
	PRIMARY KEY (monitor_id, window_start, measure, kind, feature, metric,
		slice),
	FOREIGN KEY (monitor_id, window_start)
		REFERENCES mlops.monitor_window ON DELETE CASCADE
);
COMMENT ON TABLE mlops.monitor_result IS
'figures of windows, a row each: feature is empty where one is of the model as a whole';

CREATE TABLE mlops.alert_rule (
	rule_id			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name			text COLLATE "C" NOT NULL UNIQUE
					CHECK (name <> '' AND octet_length(name) <= 200),
	model_id		bigint NOT NULL REFERENCES mlops.model ON DELETE CASCADE,
	events			text[] NOT NULL,
	metrics			text[],
	features		text[],
	least_status	text NOT NULL
					CHECK (least_status IN ('potential', 'detected')),
	severity		text NOT NULL
					CHECK (severity IN ('info', 'warning', 'critical')),
	min_count		integer NOT NULL CHECK (min_count > 0),
	period			interval,
	cooldown		interval NOT NULL,
	auto_reset		boolean NOT NULL,
	enabled			boolean NOT NULL DEFAULT true,
	created_at		timestamptz NOT NULL DEFAULT now(),
	created_by		text NOT NULL
);
COMMENT ON TABLE mlops.alert_rule IS 'when an alert is raised';
CREATE INDEX alert_rule_model_id ON mlops.alert_rule (model_id);

CREATE TABLE mlops.alert (
	alert_id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	rule_id			bigint REFERENCES mlops.alert_rule ON DELETE SET NULL,
	model_id		bigint NOT NULL REFERENCES mlops.model ON DELETE CASCADE,
	rule			text NOT NULL,
	event			text NOT NULL,
	subject			text COLLATE "C" NOT NULL,
	severity		text NOT NULL,
	state			text NOT NULL
					CHECK (state IN ('pending', 'open', 'acknowledged', 'resolved')),
	n_seen			integer NOT NULL,
	first_seen_at	timestamptz NOT NULL,
	last_seen_at	timestamptz NOT NULL,
	raised_at		timestamptz,
	resolved_at		timestamptz,
	acknowledged_at	timestamptz,
	acknowledged_by	text,
	note			text,
	message			text NOT NULL,
	details			jsonb NOT NULL,
	slice			jsonb NOT NULL,
	feature			text NOT NULL,
	raised_for		timestamptz,
	seen_at			timestamptz[] NOT NULL
);
COMMENT ON TABLE mlops.alert IS 'alerts, and what became of them';
CREATE INDEX alert_model_id ON mlops.alert (model_id, state);
CREATE INDEX alert_unresolved ON mlops.alert (rule_id, subject)
	WHERE state <> 'resolved';
CREATE INDEX alert_last_seen_at ON mlops.alert (rule_id, subject, last_seen_at);
CREATE INDEX alert_raised_for ON mlops.alert (rule_id, subject, raised_for);

CREATE TABLE mlops.job (
	job_id			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name			text COLLATE "C" NOT NULL UNIQUE
					CHECK (name <> '' AND octet_length(name) <= 200),
	kind			text NOT NULL
					CHECK (kind IN ('monitor', 'retrain', 'watch')),
	model_id		bigint NOT NULL,
	subject			text NOT NULL,
	schedule		text,
	run_as			text NOT NULL,
	cron_job_id		bigint,
	cron_database	text,
	system_identifier text NOT NULL,
	created_at		timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE mlops.job IS
'what a schedule runs: a monitor, a retraining, or all that watches a model';

CREATE TABLE mlops.job_run (
	job_run_id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	job_id			bigint NOT NULL REFERENCES mlops.job ON DELETE CASCADE,
	state			text NOT NULL CHECK (state IN ('completed', 'failed', 'skipped')),
	started_at		timestamptz NOT NULL,
	ended_at		timestamptz NOT NULL,
	message			text,
	error			text,
	error_code		text,
	run_by			text NOT NULL
);
COMMENT ON TABLE mlops.job_run IS 'each time that a job ran, and how it ended';
CREATE INDEX job_run_job_id ON mlops.job_run (job_id, started_at);

CREATE TABLE mlops.retraining_policy (
	model_id		bigint PRIMARY KEY REFERENCES mlops.model ON DELETE CASCADE,
	source			text,
	event_time		text,
	trigger_on		text[] NOT NULL,
	gate			jsonb NOT NULL,
	cooldown		interval NOT NULL,
	max_per_day		integer NOT NULL CHECK (max_per_day > 0),
	max_age			interval,
	min_new_rows	bigint NOT NULL CHECK (min_new_rows > 0),
	memory			interval,
	refit			boolean NOT NULL,
	guard			boolean NOT NULL,
	max_failures	integer NOT NULL CHECK (max_failures > 0),
	enabled			boolean NOT NULL DEFAULT true,
	created_at		timestamptz NOT NULL DEFAULT now(),
	created_by		text NOT NULL,
	search_path		text NOT NULL,
	time_zone		text NOT NULL
);
COMMENT ON TABLE mlops.retraining_policy IS
'when a model is trained again, and when the new version may serve';

CREATE TABLE mlops.decision (
	decision_id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	model_id		bigint NOT NULL REFERENCES mlops.model ON DELETE CASCADE,
	model			text NOT NULL,
	decided_at		timestamptz NOT NULL,
	action			text NOT NULL
					CHECK (action IN ('promoted', 'kept', 'skipped', 'failed',
						   'rolled back')),
	dry_run			boolean NOT NULL,
	triggers		text[] NOT NULL,
	reason			text NOT NULL,
	champion		integer,
	challenger		integer,
	refitted		integer,
	trainings		integer NOT NULL,
	n_rows			bigint,
	data_until		timestamptz,
	metric			text,
	champion_value	double precision,
	challenger_value double precision,
	gain			double precision,
	ci_low			double precision,
	ci_high			double precision,
	probability		double precision,
	checks			jsonb NOT NULL,
	seconds			double precision NOT NULL,
	decided_by		text NOT NULL,
	error_code		text
);
COMMENT ON TABLE mlops.decision IS
'every decision on a retraining or a rollback: figures, and the reason';
CREATE INDEX decision_model_id ON mlops.decision (model_id, decided_at);

-- One call a statement: two in one SELECT fail.
SELECT pg_catalog.pg_extension_config_dump('mlops.model', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.model_model_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.model_grant', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.run', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.run_run_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.version', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.version_version_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.artefact', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.alias_history', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.alias_history_history_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.alias', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.metric', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.metric_history', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.baseline', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.label_source', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.monitor', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.monitor_monitor_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.monitor_window', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.monitor_result', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.alert_rule', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.alert_rule_rule_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.alert', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.alert_alert_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.job', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.job_job_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.job_run', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.job_run_job_run_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.retraining_policy', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.decision', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.decision_decision_id_seq', '');
