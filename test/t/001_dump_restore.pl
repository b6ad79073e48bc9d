# Models go with a dump: a restored database predicts the same bits, keeps
# grants, aliases and history, and trains on where the old one stopped.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use MlopsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $old = new_node('old');
my $folder = PostgreSQL::Test::Utils::tempdir();

$old->safe_psql('postgres', <<'SQL');
CREATE ROLE analyst LOGIN;
CREATE ROLE stranger LOGIN;
GRANT USAGE ON SCHEMA mlops TO analyst, stranger;
SQL
load_csv($old, 'flights', 'dep_time timestamp, delay integer, '
	  . 'distance integer, origin text, destination text');
load_csv($old, 'iris', 'sepal_length float8, sepal_width float8, '
	  . 'petal_length float8, petal_width float8, species text');
load_csv($old, 'diabetes', 'age integer, sex integer, bmi float8, bp float8, '
	  . 's1_tc integer, s2_ldl float8, s3_hdl float8, s4_tch float8, '
	  . 's5_ltg float8, s6_glu integer, progression integer');

# binary twice, multiclass, regression; aliases, a rollback, grants, a drop
$old->safe_psql('postgres', <<'SQL');
SELECT version FROM mlops.train('late', 'flights', 'delay > 15',
	exclude => 'delay', event_time => 'dep_time',
	params => '{"num_boost_round": 20}');
SELECT version FROM mlops.train('late', 'flights', 'delay > 15',
	exclude => 'delay', event_time => 'dep_time', deploy => true,
	params => '{"num_boost_round": 20, "max_depth": 4}');
SELECT version FROM mlops.train('species', 'iris', 'species',
	params => '{"num_boost_round": 10}', description => 'flowers');
SELECT version FROM mlops.train('progression', 'diabetes', 'progression',
	params => '{"num_boost_round": 15}');
SELECT version FROM mlops.train('progression', 'diabetes', 'progression',
	params => '{"num_boost_round": 5}');
SELECT mlops.set_alias('late/1', 'challenger', 'the older one');
SELECT mlops.rollback('late', 'second thoughts');
SELECT mlops.deploy('late/2', 'after all');
SELECT mlops.drop_version('progression/2');
SELECT mlops.grant_model('late', 'analyst', 'predict');
SELECT mlops.grant_model('species', 'analyst', 'read');
SELECT mlops.set_label_source('late',
	'SELECT dep_time, origin, delay > 15 AS was_late FROM flights',
	'{dep_time,origin}', 'was_late');
SELECT mlops.create_monitor('late', 'flights', window_size => '1 month',
	metrics => '{psi,brier}', name => 'of late',
	target => 'delay > 15');
SELECT count(*) FROM mlops.run_monitor('of late');
CREATE VIEW scored AS SELECT f.*, mlops.predict('late', f) AS p FROM flights f;
CREATE TABLE expected AS
	SELECT 'late' AS model, dep_time::text AS id, origin || destination AS rest,
		mlops.predict('late', f) AS p FROM flights f
	UNION ALL SELECT 'late/1', dep_time::text, origin || destination,
		mlops.predict('late/1', f) FROM flights f
	UNION ALL SELECT 'late@challenger', dep_time::text, origin || destination,
		mlops.predict('late@challenger', f) FROM flights f
	UNION ALL SELECT 'species', i::text, mlops.predict_label('species', i),
		unnest(mlops.predict_proba('species', i)) FROM iris i
	UNION ALL SELECT 'progression', d::text, '',
		mlops.predict('progression', d) FROM diabetes d;
SQL

# Everything that a dump must carry, as text; times of transactions too.
my $state = <<'SQL';
SET timezone = 'UTC';
SELECT 'model', m::text FROM mlops.models m
UNION ALL SELECT 'version', v::text FROM mlops.versions v
UNION ALL SELECT 'deployment', d::text FROM mlops.deployments d
UNION ALL SELECT 'run', r::text FROM mlops.runs r
UNION ALL SELECT 'metric', x::text FROM mlops.metrics x
UNION ALL SELECT 'baseline', b::text FROM mlops.baselines b
UNION ALL SELECT 'monitor', o::text FROM mlops.monitors o
UNION ALL SELECT 'window', w::text FROM mlops.monitor_windows w
UNION ALL SELECT 'result', f::text FROM mlops.monitor_results f
UNION ALL SELECT 'label', l::text FROM mlops.label_source l
UNION ALL SELECT 'grant', g::text FROM mlops.model_grant g
UNION ALL SELECT 'bytes', md5(mlops.export_model(model || '/' || version))
	FROM mlops.versions WHERE dropped_at IS NULL
ORDER BY 1, 2
SQL
my $before = $old->safe_psql('postgres', $state);
my $ids = $old->safe_psql('postgres', <<'SQL');
SELECT (SELECT max(model_id) FROM mlops.model),
	(SELECT max(version_id) FROM mlops.version),
	(SELECT max(run_id) FROM mlops.run),
	(SELECT max(history_id) FROM mlops.alias_history)
SQL
ok(length $before > 1000, 'there is something to restore');

$old->command_ok(
	[ 'pg_dump', '-Fc', '-f', "$folder/custom", $old->connstr('postgres') ],
	'pg_dump -Fc');
$old->command_ok(
	[ 'pg_dump', '-f', "$folder/plain.sql", $old->connstr('postgres') ],
	'pg_dump, plain');
$old->command_ok(
	[ 'pg_dumpall', '--roles-only', '-f', "$folder/roles.sql",
		'-d', $old->connstr('postgres') ],
	'pg_dumpall, roles');
$old->stop;

my $new = new_node('new', extension => 0);
$new->safe_psql('postgres',
	'CREATE ROLE analyst LOGIN; CREATE ROLE stranger LOGIN');

for my $form (qw(custom plain))
{
	$new->safe_psql('postgres', "CREATE DATABASE $form TEMPLATE template0");
	if ($form eq 'custom')
	{
		$new->command_ok(
			[ 'pg_restore', '--exit-on-error', '-d', $new->connstr($form),
				"$folder/custom" ],
			'pg_restore');
	}
	else
	{
		$new->command_ok(
			[ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d',
				$new->connstr($form), '-f', "$folder/plain.sql" ],
			'psql, plain dump');
	}

	is( $new->safe_psql($form, <<'SQL'), '0|0', "$form: same predictions");
WITH got AS MATERIALIZED (
	SELECT 'late' AS model, dep_time::text AS id, origin || destination AS rest,
		mlops.predict('late', f) AS p FROM flights f
	UNION ALL SELECT 'late/1', dep_time::text, origin || destination,
		mlops.predict('late/1', f) FROM flights f
	UNION ALL SELECT 'late@challenger', dep_time::text, origin || destination,
		mlops.predict('late@challenger', f) FROM flights f
	UNION ALL SELECT 'species', i::text, mlops.predict_label('species', i),
		unnest(mlops.predict_proba('species', i)) FROM iris i
	UNION ALL SELECT 'progression', d::text, '',
		mlops.predict('progression', d) FROM diabetes d)
SELECT (SELECT count(*) FROM (TABLE got EXCEPT ALL TABLE expected) x),
	(SELECT count(*) FROM (TABLE expected EXCEPT ALL TABLE got) x)
SQL
	is( $new->safe_psql($form,
			'SELECT count(*), count(DISTINCT p) > 100 FROM expected'),
		'180892|t', "$form: over all rows");
	is( $new->safe_psql($form,
			"SELECT count(*) FROM scored WHERE p <> mlops.predict('late/2', "
			  . "(SELECT f FROM flights f WHERE f.dep_time = scored.dep_time "
			  . "AND f.origin = scored.origin "
			  . "AND f.destination = scored.destination LIMIT 1)) "
			  . "AND dep_time < '2001-01-03'"),
		'0', "$form: a view with predict");
	my $after = $new->safe_psql($form, $state);
	ok($after eq $before, "$form: models, history, runs, metrics, bytes")
	  or diag(first_difference($before, $after));

	# grants hold
	my ($status, $out, $err) = $new->psql($form,
		q(SELECT mlops.predict('late', r) BETWEEN 0 AND 1 FROM (SELECT
			'2001-01-01 10:00'::timestamp AS dep_time, 500 AS distance,
			'LAX' AS origin, 'PHX' AS destination) r),
		extra_params => [ '-U', 'analyst' ]);
	is($out, 't', "$form: a granted role predicts");
	($status, $out, $err) = $new->psql($form,
		"SELECT mlops.deploy('late/1')",
		extra_params => [ '-U', 'analyst', '-v', 'VERBOSITY=verbose' ]);
	is(sqlstate_of($err), '42501', "$form: but does not deploy");
	($status, $out, $err) = $new->psql($form,
		"SELECT mlops.classes('late')",
		extra_params => [ '-U', 'stranger', '-v', 'VERBOSITY=verbose' ]);
	is(sqlstate_of($err), '42501', "$form: a stranger is refused");

	# it goes on: windows that are known, next numbers, next ids
	is( $new->safe_psql($form,
			"SELECT count(*) FROM mlops.run_monitor('of late')"),
		'0', "$form: a monitor has nothing to do again");
	is( $new->safe_psql($form,
			"SELECT mlops.create_monitor('late', 'flights', name => 'next')"),
		'next', "$form: a new monitor");
	is( $new->safe_psql($form, <<'SQL'), '3|t', "$form: next version");
SELECT version, deployed FROM mlops.train('late', 'flights', 'delay > 15',
	exclude => 'delay', event_time => 'dep_time', deploy => true,
	params => '{"num_boost_round": 3}')
SQL
	is( $new->safe_psql($form, <<'SQL'), '3', "$form: no number twice");
SELECT version FROM mlops.train('progression', 'diabetes', 'progression',
	params => '{"num_boost_round": 3}')
SQL
	is( $new->safe_psql($form, <<'SQL'), '1', "$form: a new model");
SELECT version FROM mlops.train('fresh', 'iris', 'species',
	params => '{"num_boost_round": 3}')
SQL
	my @ids = split /\|/, $ids;
	is( $new->safe_psql($form, <<"SQL"), 't|t|t|t', "$form: ids go on");
SELECT (SELECT max(model_id) FROM mlops.model) > $ids[0],
	(SELECT max(version_id) FROM mlops.version) > $ids[1],
	(SELECT max(run_id) FROM mlops.run) > $ids[2],
	(SELECT max(history_id) FROM mlops.alias_history) > $ids[3]
SQL
	is($new->safe_psql($form, "SELECT mlops.rollback('late')"),
		'2', "$form: rolled back to what served before the dump");
}
$new->stop;
done_testing();

# The first line in which two texts differ.
sub first_difference
{
	my @lines = map { [ split /\n/ ] } @_;

	for my $i (0 .. $#{ $lines[0] })
	{
		my ($one, $other) = ($lines[0][$i], $lines[1][$i] // '');
		return "$one\n$other" if $one ne $other;
	}
	return 'more lines';
}
