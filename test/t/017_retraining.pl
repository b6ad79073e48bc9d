# A retraining that is cut short leaves nothing, or one row that says why: a
# cancel, a lost trainer, a server that crashes.  Afterwards all goes on, and
# a dump takes policy and decisions along.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = new_node('retraining');
my $retrain = "SELECT action, error_code FROM (SELECT action, decision_id "
  . "FROM mlops.retrain('m', until => '2024-06-01')) r "
  . "LEFT JOIN mlops.decisions d USING (decision_id, action)";

# a recipe that is quick on the first rows, and takes minutes on all of them
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE seen AS
SELECT g AS id, timestamptz '2024-01-01' + g * interval '1 min' AS at,
	   hashint4(g) / 1e9 AS a, hashint4(g + 1) / 1e9 AS b,
	   hashint4(g + 2) / 1e9 AS c, hashint4(g) > hashint4(g + 5) AS y
FROM generate_series(1, 200000) g;
SELECT version FROM mlops.train('m', 'SELECT * FROM seen WHERE id <= 500', 'y',
	key => 'id', event_time => 'at', exclude => 'at', validation => 0,
	params => '{"num_boost_round": 5000, "max_depth": 8}');
SELECT mlops.set_retraining_policy('m', source => 'seen',
	gate => '{"min_gain": -100, "min_probability": 0}');
SQL

sub state_of
{
	return $node->safe_psql('postgres', <<'SQL');
SELECT (SELECT count(*) FROM mlops.version), (SELECT count(*) FROM mlops.run),
	(SELECT string_agg(action || coalesce(' ' || error_code, ''), ',' ORDER BY decision_id)
	 FROM mlops.decision), (SELECT serving FROM mlops.models)
SQL
}

is(state_of(), '1|1||1', 'one version serves');

# cancelled while the challenger is trained
my $run = start_training($node, $retrain, 'training');
my $from = time();
$node->safe_psql('postgres', "SELECT pg_cancel_backend($run->{backend})");
await_end($run, $from, 5, 'cancel');
is(sqlstate_of($run->{err}), '57014', 'a cancel is an error');
is(state_of(), '1|1||1', 'and leaves nothing');

# the session ends
$run = start_training($node, $retrain, 'training');
$from = time();
$node->safe_psql('postgres', "SELECT pg_terminate_backend($run->{backend})");
await_end($run, $from, 5, 'terminate');
is(state_of(), '1|1||1', 'nothing is left of a session that ended');

# the trainer is killed: a decision, and the statement goes on
$run = start_training($node, $retrain, 'training');
$from = time();
kill 'KILL', $run->{trainer};
await_end($run, $from, 5, 'trainer killed');
like($run->{out}, qr/^failed/, 'a lost trainer is a failed decision');
is($run->{err}, '', 'and no error');
is(state_of(), '1|1|failed 38000|1', 'which says why');
is( $node->safe_psql('postgres',
		'SELECT count(*) FROM mlops.stat_progress_train'),
	'0', 'no training is shown as running');

# another retraining meanwhile does not wait, and a prediction works
$run = start_training($node, $retrain, 'training');
is( $node->safe_psql('postgres',
		"SELECT action FROM mlops.retrain('m', until => '2024-06-01')"),
	'skipped', 'one retraining at a time');
is( $node->safe_psql('postgres',
		"SELECT mlops.predict('m', s) IS NOT NULL FROM seen s WHERE id = 1"),
	't', 'the champion serves meanwhile');

# the server crashes in it
$node->stop('immediate');
eval { finish_sql($run) };
$node->start;
is(state_of(), '1|1|failed 38000|1', 'a crash leaves what was there');
my $quick = "SELECT mlops.set_retraining_policy('m', "
  . "source => 'SELECT * FROM seen WHERE id < 800', "
  . "gate => '{\"min_gain\": -100, \"min_probability\": 0}')";
$node->safe_psql('postgres', $quick);
is($node->safe_psql('postgres', $retrain =~ s/error_code/1/r),
	'promoted|1', 'the next retraining works');
is(state_of(), '3|3|failed 38000,promoted|3', 'and its version serves');

# policy and decisions are part of a dump
my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ],
	'dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok(
	[ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d',
		$node->connstr('restored') ], 'restore');
for my $view ('mlops.decisions', 'mlops.retraining_policies')
{
	my $query = "SELECT * FROM $view ORDER BY 1";
	is($node->safe_psql('restored', $query),
		$node->safe_psql('postgres', $query), "$view is restored");
}
is( $node->safe_psql('restored',
		"SELECT action, decision_id > 2 FROM mlops.retrain('m', dry_run => true, until => '2024-06-01')"),
	'skipped|t', 'and goes on');

$node->stop;
done_testing();
