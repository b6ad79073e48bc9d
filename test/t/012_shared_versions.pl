# Versions in shared memory: a hundred sessions hold one copy, backends that
# die give back what they hold, what is dropped while others read gives right
# numbers, and so does a server that has crashed, and a standby.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use MlopsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $sessions = 100;
my $node = new_node('shared', allows_streaming => 1,
	conf => "max_connections = 130\nrestart_after_crash = on\n");

$node->safe_psql('postgres',
	'CREATE TABLE r AS ' . rows_sql(3000)
	  . '; ALTER TABLE r ADD id serial; CREATE TABLE few AS SELECT * FROM r WHERE id <= 20');
# leaves of one row, so that there are many of them
$node->safe_psql('postgres', train_sql('big', 'SELECT a, b, c, d, y FROM r',
		q(params => '{"num_boost_round": 400, "max_depth": 12, "early_stopping_rounds": 0, "min_child_weight": 0}')));
my $size = $node->safe_psql('postgres',
	"SELECT forest_size FROM mlops.versions WHERE model = 'big'");
my $numbers = q(SELECT md5(string_agg(mlops.predict('big', few)::text, ','
	ORDER BY id)) FROM few);
my $held = q(SELECT coalesce(sum(sessions), 0) FROM mlops.stat_cache
	WHERE shared AND model = 'big');

# Memory of a process that is its own, in bytes.
sub private_memory
{
	my ($pid) = @_;
	my $text = slurp_file("/proc/$pid/smaps_rollup");
	my ($dirty) = $text =~ /^Private_Dirty:\s+(\d+)/m;
	return $dirty * 1024;
}

# Have many sessions predict, and return what each takes on average.
sub memory_of_many
{
	my ($expected) = @_;
	my @all;
	my $good = 0;
	my $sum = 0;

	for my $i (1 .. $sessions)
	{
		my $session = $node->background_psql('postgres');
		my $pid = $session->query_safe('SELECT pg_backend_pid()');
		$good++ if $session->query_safe($numbers) eq $expected;
		push @all, [ $session, $pid ];
	}
	$sum += private_memory($_->[1]) for @all;
	is($good, $sessions, "$sessions sessions: right numbers");
	is($node->safe_psql('postgres', $held), '0',
		'sessions that do nothing hold nothing');
	$_->[0]->quit for @all;
	return $sum / $sessions;
}

# --- one copy for all -------------------------------------------------------

my $expected = $node->safe_psql('postgres', $numbers);
my $shared = memory_of_many($expected);
is( $node->safe_psql('postgres', <<'SQL'),
SELECT count(*), sum(loads) FROM mlops.stat_cache WHERE shared AND model = 'big'
SQL
	'1|1', 'it lies there once and was read once');

$node->append_conf('postgresql.conf', "mlops.shared_cache_size = 0\n");
$node->restart;
is($node->safe_psql('postgres', 'SELECT count(*) FROM mlops.stat_cache'),
	'0', 'without: nothing is shared');
my $alone = memory_of_many($expected);
note(sprintf('a session takes %.2f MB, without shared memory %.2f MB, '
	  . 'the version %.2f MB', map { $_ / 1048576 } $shared, $alone, $size));
cmp_ok($alone - $shared, '>', 0.9 * $size,
	'a session does not hold a copy of its own');

# --- ends of backends -------------------------------------------------------

$node->append_conf('postgresql.conf', "mlops.shared_cache_size = 32MB\n");
$node->restart;
my $in_transaction = sub {
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_safe('BEGIN');
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	is($session->query_safe($numbers), $expected, 'in a transaction');
	return ($session, $pid);
};
my ($session, $pid) = $in_transaction->();
is($node->safe_psql('postgres', $held), '1', 'a transaction holds it');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 10000)");
is($node->safe_psql('postgres', $held), '0', 'terminated: given back');
eval { $session->quit };

# killed while it holds it: the server starts anew, with nothing shared
($session, $pid) = $in_transaction->();
my $offset = -s $node->logfile;
kill 'KILL', $pid;
eval { $session->quit };
$node->wait_for_log(qr/all server processes terminated; reinitializing/,
	$offset);
$node->poll_query_until('postgres', 'SELECT true') or die 'no restart';
is( $node->safe_psql('postgres',
		'SELECT count(*) FROM mlops.stat_cache WHERE shared'),
	'0', 'killed: shared memory is made anew');
is($node->safe_psql('postgres', $numbers), $expected, 'killed: same numbers');
is($node->safe_psql('postgres', $held), '0', 'killed: nothing is held');

# --- more versions than there is room for -------------------------------------

$node->append_conf('postgresql.conf', "mlops.shared_cache_size = 1MB\n");
$node->restart;
my $versions = 24;
$node->safe_psql('postgres', <<"SQL");
SET client_min_messages = error;
SELECT count(mlops.train('m', format('SELECT a, b, c, d, (y <> (id %% %s = 0)) AS y FROM r', 2 + i), 'y',
	params => '{"num_boost_round": 20, "max_depth": 8, "early_stopping_rounds": 0, "min_child_weight": 0}'))
FROM generate_series(1, $versions) i;
SQL
$node->safe_psql('postgres', <<"SQL");
CREATE TABLE expected AS
SELECT v, sum(mlops.predict('m/' || v, few)) AS total
FROM few, generate_series(1, $versions) v GROUP BY v;
SQL
is($node->safe_psql('postgres', 'SELECT count(DISTINCT total) FROM expected'),
	$versions, 'the versions differ');
cmp_ok($node->safe_psql('postgres',
		"SELECT sum(forest_size) FROM mlops.versions WHERE model = 'm'"),
	'>', 2 * 1048576, 'they need more than there is');

my $script = $node->basedir . '/read.sql';
append_to_file($script, <<"SQL");
\\set v random(1, $versions)
\\set w random(1, $versions)
BEGIN;
SELECT 1 / (sum(mlops.predict_pinned('m', :v, few)) = (SELECT total FROM expected WHERE v = :v))::int FROM few;
SELECT 1 / (sum(mlops.predict_pinned('m', :w, few)) = (SELECT total FROM expected WHERE v = :w))::int FROM few;
SELECT 1 / (sum(mlops.predict_pinned('m', :v, few)) = (SELECT total FROM expected WHERE v = :v))::int FROM few;
COMMIT;
SQL
my $again = $node->basedir . '/connect.sql';
append_to_file($again, <<"SQL");
\\set v random(1, $versions)
SELECT 1 / (sum(mlops.predict('m/:v', few)) = (SELECT total FROM expected WHERE v = :v))::int FROM few;
SQL
$offset = -s $node->logfile;
$node->command_ok(
	[ 'pgbench', '-n', '-T', '4', '-c', '8', '-j', '2', '-f', $script,
		$node->connstr('postgres') ],
	'eight clients predict with all of them in turn');
$node->command_ok(
	[ 'pgbench', '-n', '-C', '-T', '2', '-c', '4', '-f', $again,
		$node->connstr('postgres') ],
	'clients that connect for each statement');
unlike(log_since($node, $offset), qr/ERROR|PANIC|FATAL/, 'no errors');
my ($there, $bytes, $used) = split /\|/, $node->safe_psql('postgres',
	'SELECT count(*), sum(bytes), sum(sessions) FROM mlops.stat_cache WHERE shared');
note("$there versions of $bytes bytes are there");
cmp_ok($there, '<', $versions, 'not all fit');
cmp_ok($there, '>', 1, 'but some do');
cmp_ok($bytes, '<=', 1048576, 'within the limit');
is($used, '0', 'nothing is held');

# what transactions hold cannot go: others load versions of their own
my @holders = map {
	my $holder = $node->background_psql('postgres');
	$holder->query_safe('BEGIN');
	$holder->query_safe("SELECT sum(mlops.predict('m/$_', few)) FROM few");
	$holder
} 1 .. $versions;
my $wrong = 0;
for my $v (1 .. $versions)
{
	$wrong++ if $node->safe_psql('postgres', "SELECT sum(mlops.predict('m/$v', few)) "
		  . "= (SELECT total FROM expected WHERE v = $v) FROM few") ne 't';
	$wrong++ if $holders[ $v - 1 ]->query_safe("SELECT sum(mlops.predict('m/$v', few)) "
		  . "= (SELECT total FROM expected WHERE v = $v) FROM few") ne 't';
}
is($wrong, 0, 'all of it in use: right numbers');
is( $node->safe_psql('postgres',
		'SELECT count(*) FROM mlops.stat_cache WHERE shared AND sessions = 0'),
	'0', 'all of it in use: nothing of it was dropped');
$_->quit for @holders;

# --- the uses of all ---------------------------------------------------------

is( $node->safe_psql('postgres', <<'SQL'), 't|t|t',
SELECT sum(rows) > 1000, sum(errors) = 0, bool_and(total_time > 0)
FROM mlops.stat_model WHERE model = 'm'
SQL
	'uses are counted for all sessions');
$node->append_conf('postgresql.conf', "mlops.stat_model_max = 5\n");
$node->restart;
$node->safe_psql('postgres', "SELECT mlops.predict('m/$_', few) FROM few")
  for 1 .. $versions;
is( $node->safe_psql('postgres',
		"SELECT count(*), sum(rows), max(version) FROM mlops.stat_model WHERE model = 'm'"),
	"5|100|$versions", 'of so many as are to be kept');

# --- versions that come again under their ids ------------------------------------

my $total = q(SELECT sum(mlops.predict('m/1', few)) FROM few);
my $first = $node->safe_psql('postgres', $total);
$node->safe_psql('postgres', <<'SQL');
BEGIN;
CREATE TABLE kept_version AS TABLE mlops.version;
CREATE TABLE kept_artefact AS TABLE mlops.artefact;
TRUNCATE mlops.version CASCADE;
UPDATE kept_artefact a SET version_id = b.version_id
FROM kept_version v JOIN kept_version b USING (model_id), mlops.model m
WHERE a.version_id = v.version_id AND m.model_id = v.model_id AND m.name = 'm'
	AND v.version + b.version = 3 AND v.version IN (1, 2);
UPDATE kept_version v SET (model_size, forest_size) = (SELECT
		sum(octet_length(data)) FILTER (WHERE kind = 'model'), sum(octet_length(data)) FILTER (WHERE kind = 'forest')
	FROM kept_artefact a WHERE a.version_id = v.version_id);
INSERT INTO mlops.version OVERRIDING SYSTEM VALUE TABLE kept_version;
INSERT INTO mlops.artefact TABLE kept_artefact;
COMMIT;
SQL
is( $node->safe_psql('postgres', $total),
	$node->safe_psql('postgres', 'SELECT total FROM expected WHERE v = 2'),
	'tables filled from elsewhere: the numbers of what is there now');

# --- a standby -----------------------------------------------------------------

$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
my $all = q(SELECT count(*) FILTER (WHERE v > 2 AND total <>
	(SELECT sum(mlops.predict('m/' || v, few)) FROM few)) FROM expected);
is($standby->safe_psql('postgres', $all), '0', 'standby: right numbers');
is( $standby->safe_psql('postgres',
		'SELECT count(*) > 0 FROM mlops.stat_cache WHERE shared'),
	't', 'standby: versions are shared');
is( $standby->safe_psql('postgres',
		"SELECT count(*), max(errors) FROM mlops.stat_model WHERE model = 'm'"),
	'5|0', 'standby: uses are counted');
$standby->safe_psql('postgres', 'SELECT mlops.stat_model_reset()');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM mlops.stat_model'),
	'0', 'standby: and reset');

$standby->stop;
$node->stop;
done_testing();
