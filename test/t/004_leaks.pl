# One backend trains, is cancelled and fails a hundred times; its memory,
# descriptors, mappings and children are then what they were after warm-up.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

# versions that were served stay loaded, up to mlops.cache_size: not here
my $node = new_node('leaks', conf => "mlops.cache_size = 0\n");
my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_safe('SET client_min_messages = error');
my $pid = $session->query_safe('SELECT pg_backend_pid()');
my $rounds = q(params => '{"num_boost_round": 3}', deploy => 'true');
my $endless = 'params => \'{"early_stopping_rounds": 0, '
  . '"num_boost_round": 100000}\'';

$session->query_safe(
	'CREATE TABLE r AS ' . rows_sql(3000) . '; ALTER TABLE r ADD id serial');

# What the backend holds.
sub holdings
{
	my %held = (
		descriptors => scalar(() = glob "/proc/$pid/fd/*"),
		contexts => $session->query_safe(
			'SELECT sum(total_bytes) FROM pg_backend_memory_contexts'));

	open(my $maps, '<', "/proc/$pid/maps") or die "maps: $!";
	$held{memfds} = grep { /memfd:/ } <$maps>;
	close($maps);
	open(my $status, '<', "/proc/$pid/status") or die "status: $!";
	$held{private} = (map { /^RssAnon:\s+(\d+)/ } <$status>)[0];
	close($status);
	$held{children} = grep
	{
		my $line = eval { slurp_file("$_/stat") } // '';
		$line =~ /\) \S (\d+)/ && $1 == $pid
	} glob '/proc/[0-9]*';
	return \%held;
}

# In turns: trainings, time-outs in two phases, errors of several kinds.
sub train_all
{
	my ($good, $cancelled, $failed) = @_;
	my %count = (good => 0, cancelled => 0, failed => 0);
	my @fault = (
		train_sql('m', 'SELECT id AS a, 1 / (id - 2500) AS b, y FROM r'),
		train_sql('m', 'SELECT * FROM r', q(params => '{"max_dept": 3}')),
		train_sql('m', 'SELECT * FROM r', q(exclude => 'nowhere')),
		train_sql('m', 'SELECT a, b, y FROM r WHERE id < 0'),
		"DO \$\$ BEGIN PERFORM mlops.train('x', 'r', 'y', $rounds); "
		  . "RAISE EXCEPTION 'afterwards'; END \$\$");
	for my $i (1 .. $good)
	{
		my $out = $session->query_safe(
			train_sql('m', 'SELECT * FROM r', $rounds)
			  . "; SELECT count(mlops.predict('m', r)) FROM r");
		$count{good} += $out =~ /3000$/;
	}
	for my $i (1 .. $cancelled)
	{
		my $time = 40 + 17 * ($i % 9);
		$session->query("SET statement_timeout = '${time}ms'");
		$session->query(train_sql('m', 'SELECT * FROM r', $endless));
		$count{cancelled} += $session->{stderr} =~ /statement timeout/;

		# which may strike here as well
		do
		{
			$session->{stderr} = '';
			$session->query('RESET statement_timeout');
		} while ($session->{stderr} =~ /statement timeout/);
	}
	for my $i (1 .. $failed)
	{
		$session->query($fault[ $i % @fault ]);
		$count{failed} += $session->{stderr} =~ /ERROR/;
		$session->{stderr} = '';
	}
	return "$count{good} $count{cancelled} $count{failed}";
}

is(train_all(8, 9, 10), '8 9 10', 'warm-up');
my $first = holdings();
is(train_all(40, 30, 30), '40 30 30', '40 trained, 30 cancelled, 30 failed');
my $last = holdings();

note(join ', ', map { "$_ $first->{$_} -> $last->{$_}" } sort keys %$first);
is($last->{children}, 0, 'no child, not even a zombie');
is($last->{memfds}, 0, 'no mapping of training data');
cmp_ok($last->{descriptors}, '<=', $first->{descriptors} + 3,
	'no descriptor');
cmp_ok($last->{contexts}, '<=', $first->{contexts} * 1.2 + 262144,
	'no memory in contexts');
cmp_ok($last->{private}, '<=', $first->{private} + 8192,
	'no private memory (8 MB of tolerance)');
is( $session->query_safe("SELECT count(*) FROM mlops.versions"), '48',
	'each training has stored one version');
is( $session->query_safe('SELECT count(*) FROM mlops.stat_progress_train'),
	'0', 'none is shown as running');

$session->quit;
unlike(log_since($node), qr/WARNING:.*leak/i, 'the log speaks of no leak');
$node->stop;
done_testing();
