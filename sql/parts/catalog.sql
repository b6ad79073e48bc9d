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
