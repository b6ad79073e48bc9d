# Versions that come from elsewhere.  A thousand files that are wrong in one
# way or another go through mlops.import_model() in one session, which none of
# them ends.  Bundles move versions between databases, also after a dump was
# restored, and damaged or forged ones are refused.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use MlopsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('exchange');
my $folder = PostgreSQL::Test::Utils::tempdir();

# --- hostile files --------------------------------------------------------

my $models = "$FindBin::RealBin/../data/models";
my $hostile = "$folder/hostile";
my $count = `/usr/bin/python3 $FindBin::RealBin/../setup/hostile.py $models $hostile`;
chomp $count;
cmp_ok($count, '>=', 900, 'hostile files');

# All in one session: import each within a time limit, note what came of it,
# and let whatever is taken predict and be written in every format.
my $offset = -s $node->logfile;
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE outcome (name text, pid integer, state text, message text,
	detail text, seconds float8);
CREATE PROCEDURE try_all(folder text) LANGUAGE plpgsql AS $$
DECLARE
	file text;
	data bytea;
	start timestamptz;
	wrong text;
	message text;
	detail text;
BEGIN
	FOR file IN SELECT f FROM pg_ls_dir(folder) f ORDER BY f COLLATE "C" LOOP
		data := pg_read_binary_file(folder || '/' || file);
		start := clock_timestamp();
		wrong := NULL; message := NULL; detail := NULL;
		BEGIN
			PERFORM mlops.import_model('hostile', data, deploy => false,
				signature => CASE WHEN file ~ 'categor|split_type' THEN
					'["f0","f1","f2","f3","f4",
					  "f5"]'::jsonb END);
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS wrong = RETURNED_SQLSTATE,
				message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
		END;
		INSERT INTO outcome VALUES (file, pg_backend_pid(), wrong, message,
			detail, extract(epoch FROM clock_timestamp() - start));
		COMMIT;
	END LOOP;
END $$;
SQL
my ($status, $out, $err) = $node->psql('postgres',
	"SELECT pg_backend_pid(); CALL try_all('$hostile'); "
	  . 'SELECT pg_backend_pid()');
my @pids = split /\n/, $out;
is($status, 0, 'the session goes on to the end');
ok(@pids == 2 && $pids[0] eq $pids[1], 'in the same backend');
is( $node->safe_psql('postgres',
		'SELECT count(*), count(DISTINCT pid), min(pid) FROM outcome'),
	"$count|1|$pids[0]",
	'which saw all files');
is( $node->safe_psql('postgres', <<'SQL'),
SELECT string_agg(DISTINCT state, ',') FROM outcome WHERE state IS NOT NULL
	AND state NOT IN ('22023', '0A000', '54000')
SQL
	'', 'refused as bad parameters, or as beyond a limit');
is( $node->safe_psql('postgres', <<'SQL'),
SELECT count(*) FROM outcome WHERE state IS NOT NULL
	AND (message = '' OR detail !~ '\.$' OR detail ~ '[^ -~]')
SQL
	'0', 'each with a reason');
my $slowest = $node->safe_psql('postgres',
	'SELECT max(seconds) FROM outcome');
cmp_ok($slowest, '<', 5, 'the slowest takes less than 5 s');
note "slowest: $slowest s; "
  . $node->safe_psql('postgres',
	"SELECT count(*) FILTER (WHERE state IS NOT NULL) || ' of ' || count(*) "
	  . "|| ' refused; taken: ' || string_agg(name, ' ' ORDER BY name) "
	  . "FILTER (WHERE state IS NULL AND name NOT LIKE 'random%') "
	  . 'FROM outcome');

# What is wrong by construction is refused.  These few are not wrong: numbers
# that are as good as others, an infinite threshold, what was there already.
is( $node->safe_psql('postgres', <<'SQL'), '', 'nothing forged is taken');
SELECT string_agg(name, ' ' ORDER BY name) FROM outcome
WHERE state IS NULL AND name NOT LIKE 'random%'
	AND name !~ ('^(base_score_(-?[0-9]+|1e3)|condition_-?1e\+39|'
		|| 'linear_classes_1|num_(class_[01]|target_1|deleted_0|feature_5|'
		|| 'parallel_tree_1)|size_leaf_vector_[01]|tree_features_5)$')
SQL

# what was taken, by chance or because nothing is wrong, serves and exports
is( $node->safe_psql('postgres', <<'SQL'), '0', 'what was taken can be used');
SELECT count(*) FROM mlops.versions v,
	LATERAL (SELECT 'hostile/' || v.version AS m) r
WHERE v.model = 'hostile'
	AND (mlops.export_model(m, 'json') IS NULL
		 OR mlops.export_model(m, 'ubj') IS NULL
		 OR mlops.export_model(m, 'text') IS NULL
		 OR mlops.export_bundle(m) IS NULL)
SQL
unlike(log_since($node, $offset),
	qr/terminated by signal|PANIC|FATAL|server process|reinitializing/,
	'no backend died');
$node->safe_psql('postgres',
	"SELECT mlops.drop_model(model) FROM mlops.models; DROP TABLE outcome");

# a bomb can be cancelled: refusing takes no longer than reading
($status, $out, $err) = $node->psql(
	'postgres', <<"SQL", extra_params => [ '-v', 'VERBOSITY=verbose' ]);
SET statement_timeout = '60s';
SELECT mlops.import_model('bomb', convert_to('{"learner":['
	|| repeat('{},', 20000000) || '{}]}', 'UTF8'))
SQL
is(sqlstate_of($err), '22023', 'sixty megabytes of objects');

# --- bundles ----------------------------------------------------------------

load_csv($node, 'flights', 'dep_time timestamp, delay integer, '
	  . 'distance integer, origin text, destination text');
load_csv($node, 'iris', 'sepal_length float8, sepal_width float8, '
	  . 'petal_length float8, petal_width float8, species text');
$node->safe_psql('postgres', <<'SQL');
SELECT version FROM mlops.train('late', 'flights', 'delay > 15',
	exclude => 'delay', event_time => 'dep_time', description => 'Größe "x"',
	params => '{"num_boost_round": 10}');
SELECT version FROM mlops.train('species', 'iris', 'species',
	params => '{"num_boost_round": 5}');
CREATE TABLE bundle AS
	SELECT m AS name, mlops.export_bundle(m) AS data
	FROM unnest('{late,species}'::text[]) m;
CREATE TABLE expected AS
	SELECT 'late' AS model, f::text AS line, mlops.predict('late', f) AS p
	FROM flights f
	UNION ALL SELECT 'species', i::text, unnest(mlops.predict_proba('species', i))
	FROM iris i;
SQL

# What is the same wherever a version is; ids, roles and times are not.
my $state = <<'SQL';
SET timezone = 'UTC';
SELECT 'version', to_jsonb(v) - '{run_id,created_at,created_by,version,
	aliases}'::text[] FROM mlops.versions v
UNION ALL SELECT 'run', (to_jsonb(r) #- '{effective,imported_from}')
	- '{run_id,run_by,session_role,application_name,trigger_kind,version}'
	::text[] FROM mlops.runs r WHERE model IN ('late', 'species')
UNION ALL SELECT 'metric', to_jsonb(m) - 'version' FROM mlops.metrics m
UNION ALL SELECT 'baseline', to_jsonb(b) - 'version' FROM mlops.baselines b
UNION ALL SELECT 'bytes', to_jsonb(md5(mlops.export_model(model || '/'
	|| version))) FROM mlops.versions
ORDER BY 1, 2
SQL
my $before = $node->safe_psql('postgres', $state);

$node->safe_psql('postgres', 'CREATE DATABASE elsewhere TEMPLATE template0');
$node->safe_psql('elsewhere', 'CREATE EXTENSION mlops');
$node->command_ok(
	[ 'bash', '-c', 'set -o pipefail; pg_dump -t bundle -t flights -t iris '
		  . '-t expected "$0" | psql -Xq -v ON_ERROR_STOP=1 -d "$1"',
		$node->connstr('postgres'), $node->connstr('elsewhere') ],
	'bundles go as values of a table');
is( $node->safe_psql('elsewhere', <<'SQL'),
SELECT r.model, r.version, r.task, r.rows_train > 0, r.metrics <> '{}',
	r.deployed
FROM bundle, mlops.import_bundle(data, deploy => true) r ORDER BY 1
SQL
	"late|1|binary|t|t|t\nspecies|1|multiclass|t|t|t", 'import_bundle');
my $predictions = <<'SQL';
WITH got AS MATERIALIZED (
	SELECT 'late' AS model, f::text AS line, mlops.predict('late', f) AS p
	FROM flights f
	UNION ALL SELECT 'species', i::text, unnest(mlops.predict_proba('species', i))
	FROM iris i)
SELECT (SELECT count(*) FROM (TABLE got EXCEPT ALL TABLE expected) x),
	(SELECT count(*) FROM (TABLE expected EXCEPT ALL TABLE got) x),
	(SELECT count(*) FROM got)
SQL
is($node->safe_psql('elsewhere', $predictions),
	'0|0|60450', 'the same predictions');
my $after = $node->safe_psql('elsewhere', $state);
ok($after eq $before, 'the same views') or diag(difference($before, $after));
is( $node->safe_psql('elsewhere', <<'SQL'),
SELECT trigger_kind, kind, effective #>> '{imported_from,model}',
	effective #>> '{imported_from,version}',
	effective #>> '{imported_from,trigger_kind}'
FROM mlops.runs WHERE model = 'late'
SQL
	'import|train|late|1|manual', 'the run says where it comes from');

# on to a restored dump, under another name
$node->command_ok(
	[ 'pg_dump', '-Fc', '-f', "$folder/dump", $node->connstr('elsewhere') ],
	'dump of what was imported');
$node->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
$node->command_ok(
	[ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'),
		"$folder/dump" ],
	'restored');
is($node->safe_psql('restored', $predictions),
	'0|0|60450', 'a restored import predicts the same');
ok($node->safe_psql('restored', $state) eq $before,
	'and shows the same');
is( $node->safe_psql('restored', <<'SQL'),
SELECT model, version, deployed
FROM mlops.import_bundle(mlops.export_bundle('late'), 'later', 'first')
SQL
	'later|1|t', 'a bundle of what came in a bundle');
is( $node->safe_psql('restored', <<'SQL'),
SELECT count(*) FILTER (WHERE mlops.predict('later', f) <> mlops.predict('late', f)),
	count(*) FROM flights f
SQL
	'0|60000', 'predicts the same too');

# --- damaged and forged bundles -------------------------------------------------

# Tamper with a bundle and make its checksums good again.
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION uint(bytes bytea) RETURNS bigint LANGUAGE sql AS
$$SELECT ('x' || encode(bytes, 'hex'))::bit(64)::bigint$$;
CREATE FUNCTION manifest(b bytea) RETURNS jsonb LANGUAGE sql AS
$$SELECT convert_from(substr(b, 25, uint(substr(b, 17, 8))::int), 'UTF8')::jsonb$$;
CREATE FUNCTION forged(b bytea, m text, model bytea DEFAULT NULL) RETURNS bytea
LANGUAGE sql AS $$
	SELECT body || sha256(body) FROM (SELECT substr(b, 1, 16)
		|| int8send(octet_length(convert_to(m, 'UTF8'))::bigint)
		|| convert_to(m, 'UTF8')
		|| COALESCE(model, substr(b, 25 + uint(substr(b, 17, 8))::int,
			octet_length(b) - 24 - 32 - uint(substr(b, 17, 8))::int))) x(body)$$;
CREATE FUNCTION attempt(b bytea, OUT state text, OUT reason text)
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM mlops.import_bundle(b, 'forged');
	RAISE EXCEPTION 'taken' USING ERRCODE = 'ZZ000';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE,
		reason = PG_EXCEPTION_DETAIL;
	IF reason = '' THEN reason := SQLERRM; END IF;
END $$;
SQL
is( $node->safe_psql('postgres', <<'SQL'),
SELECT (attempt(forged(data, manifest(data)::text))).state
FROM bundle WHERE name = 'late'
SQL
	'ZZ000', 'a bundle that was put together again is taken');

# each path of the manifest: gone, and of every wrong type
my $forged = $node->safe_psql('postgres', <<'SQL');
WITH RECURSIVE m AS (
	SELECT data, manifest(data) AS m FROM bundle WHERE name = 'late'),
paths AS (
	SELECT ARRAY[key] AS path, value FROM m, jsonb_each(m.m)
	UNION ALL
	SELECT path || step, next FROM paths, LATERAL (
		SELECT key AS step, value AS next FROM jsonb_each(
			CASE jsonb_typeof(value) WHEN 'object' THEN value ELSE '{}' END)
		UNION ALL SELECT (i - 1)::text, e FROM jsonb_array_elements(
			CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE '[]' END)
			WITH ORDINALITY x(e, i) WHERE i <= 2) s
	WHERE path[1:2] NOT IN ('{run,arguments}', '{run,effective}',
		'{run,relations}')),
wrong(w) AS (VALUES ('null'::jsonb), ('-1'), ('1e300'), ('"x"'), ('true'),
	('[]'), ('{}'), ('[[]]'), ('0.5')),
tried AS (
	SELECT path, w, (attempt(forged(data, jsonb_set(m.m, path, w)::text))).*
	FROM m, paths, wrong WHERE path IS NOT NULL
	UNION ALL
	SELECT path, NULL, (attempt(forged(data, (m.m #- path)::text))).*
	FROM m, paths)
SELECT count(*) > 1000, count(*) FILTER (WHERE state = '22023') > 600,
	string_agg(DISTINCT state, ',' ORDER BY state)
		FILTER (WHERE state NOT IN ('22023', '22007', 'ZZ000')),
	bool_and(reason <> '')
FROM tried
SQL
is($forged, 't|t||t', 'members of the manifest, gone or of a wrong type');

my @damages = (
	[ 'nothing', q(''::bytea), 'begin' ],
	[ 'a model file', q(mlops.export_model('late')), 'begin' ],
	[ 'half of it', 'substr(data, 1, octet_length(data) / 2)', 'checksum' ],
	[ 'a byte more', q(data || '\x00'::bytea), 'checksum' ],
	[ 'a bit', 'set_bit(data, 9999, 1 - get_bit(data, 9999))', 'checksum' ],
	[ 'format 0', 'set_byte(data, 15, 0)', 'format' ],
	[ 'another model',
		q(forged(data, manifest(data)::text, mlops.export_model('species'))),
		'bytes' ],
	[ 'no JSON', q(forged(data, 'x')), '' ],
	[ 'deep JSON', q(forged(data, repeat('[', 1000000))), '' ],
	[ 'an array', q(forged(data, '[]')), 'object' ],
	[ 'another task',
		q(forged(data, jsonb_set(manifest(data), '{version,task}', '"ranking"')::text)),
		'' ],
	[ 'fewer classes',
		q(forged(data, jsonb_set(manifest(data), '{version,classes}', '["a"]')::text)),
		'' ],
	[ 'fewer features',
		q(forged(data, (manifest(data) #- '{version,signature,inputs,0}')::text)),
		'signature' ],
);
for my $damage (@damages)
{
	my ($what, $sql, $reason) = @$damage;
	my $got = $node->safe_psql('postgres',
		"SELECT (attempt($sql)).* FROM bundle WHERE name = 'late'");
	like($got, qr/^(22023|22P02|54001)\|.*$reason/i, "refused: $what");
}
like($node->safe_psql('postgres', <<'SQL'), qr/^0A000\|.*format 2/, 'a later format');
SELECT (attempt(set_byte(data, 15, 2))).* FROM bundle WHERE name = 'late'
SQL
is($node->safe_psql('postgres',
		"SELECT count(*) FROM mlops.models WHERE model = 'forged'"),
	'0', 'nothing of them stays');
unlike(log_since($node, $offset),
	qr/terminated by signal|PANIC|server process|reinitializing/,
	'no backend died');

# --- rights -------------------------------------------------------------------------

$node->safe_psql('postgres', <<'SQL');
CREATE ROLE reader LOGIN;
CREATE ROLE stranger LOGIN;
GRANT SELECT ON bundle TO reader, stranger;
SELECT mlops.grant_model('late', 'reader', 'read');
SQL
is(as_role('stranger', "SELECT mlops.export_bundle('late')"),
	'42501', 'a stranger exports nothing');
is(as_role('reader', "SELECT mlops.export_bundle('late')"),
	'none', 'who may read exports');
is( as_role('reader',
		"SELECT mlops.import_bundle(data, 'late') FROM bundle LIMIT 1"),
	'42501',
	'but does not add a version');
is( as_role('reader',
		"SELECT mlops.import_bundle(data, 'mine') FROM bundle LIMIT 1"),
	'none',
	'but may make a model of a new name');
is( $node->safe_psql('postgres', <<'SQL'),
SELECT owner, run_by, created_by
FROM mlops.models JOIN mlops.runs USING (model) JOIN mlops.versions USING (model)
WHERE model = 'mine'
SQL
	'reader|reader|reader', 'which is then its own');
$node->stop;
done_testing();

# The SQLSTATE that a role gets, or none.
sub as_role
{
	my ($role, $sql) = @_;
	my ($got, $rows, $text) = $node->psql('postgres', $sql,
		extra_params => [ '-U', $role, '-v', 'VERBOSITY=verbose' ]);
	return sqlstate_of($text);
}

# The first line in which two texts differ.
sub difference
{
	my @lines = map { [ split /\n/ ] } @_;

	for my $i (0 .. $#{ $lines[0] })
	{
		my ($one, $other) = ($lines[0][$i], $lines[1][$i] // '');
		return "$one\n$other" if $one ne $other;
	}
	return 'more lines';
}
