# The backend that trains is killed, or the whole server is: no trainer lives
# on, no half of a version is there after the restart, and training works.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $limit = 5;
my $node = new_node('crash', conf => "restart_after_crash = on\n");
my $quick = train_sql('m', rows_sql(2000), q(params => '{"num_boost_round": 3}'));
my %training = (
	training => train_sql('m', rows_sql(20000),
		'params => \'{"early_stopping_rounds": 0, "num_boost_round": 100000, '
		  . '"max_depth": 3}\''),
	reading => train_sql('m', slow_rows_sql()));

is($node->safe_psql('postgres', $quick), '1', 'a version to keep');
my $version = 1;
my $numbers = 'SELECT md5(string_agg(mlops.predict(\'m/1\', r)::text, \',\' '
  . 'ORDER BY g)) FROM (' . rows_sql(500, 'g') . ') r';
my $before = $node->safe_psql('postgres', $numbers);

# After the crash: everything is as before it, and works.
sub check_after
{
	my ($what) = @_;

	is( $node->safe_psql('postgres', <<'SQL'),
SELECT count(*), max(version), count(*) FILTER (WHERE run_id IN
	(SELECT run_id FROM mlops.run)), (SELECT count(*) FROM mlops.run),
	(SELECT count(DISTINCT version_id) FROM mlops.artefact)
FROM mlops.version
SQL
		"$version|$version|$version|$version|$version",
		"$what: no half version");
	is( $node->safe_psql('postgres',
			'SELECT count(*) FROM mlops.stat_progress_train'),
		'0', "$what: no training is shown");
	is($node->safe_psql('postgres', $numbers), $before,
		"$what: same numbers");
	is($node->safe_psql('postgres', $quick),
		++$version, "$what: the next training works");
	return;
}

for my $phase (qw(training reading))
{
	# the backend alone: the postmaster restarts all
	my $run = start_training($node, $training{$phase}, $phase);
	my $from = time();
	my $offset = -s $node->logfile;
	kill 'KILL', $run->{backend};
	ok(await_gone($run->{trainer}, 'mlops-trainer', $from, $limit) < $limit,
		"backend killed, $phase: no trainer");
	eval { finish_sql($run) };
	$node->wait_for_log(qr/all server processes terminated; reinitializing/,
		$offset);
	$node->poll_query_until('postgres', 'SELECT true');
	check_after("backend killed, $phase");

	# all of the server, at once
	$run = start_training($node, $training{$phase}, $phase);
	$from = time();
	$node->stop('immediate');
	ok(await_gone($run->{trainer}, 'mlops-trainer', $from, $limit) < $limit,
		"immediate stop, $phase: no trainer");
	eval { finish_sql($run) };
	$node->start;
	check_after("immediate stop, $phase");

	# the postmaster alone: the backend must notice, and the trainer go
	$run = start_training($node, $training{$phase}, $phase);
	$from = time();
	my @server = server_processes($node);
	$node->kill9;
	ok(await_gone($run->{trainer}, 'mlops-trainer', $from, $limit) < $limit,
		"postmaster killed, $phase: no trainer")
	  if $phase eq 'training';

	# while rows are read nothing waits for the postmaster's death, as in any
	# query: the backend is ended by hand
	kill 'KILL', $run->{backend} if $phase eq 'reading';
	eval { finish_sql($run) };
	ok(await_gone($run->{trainer}, 'mlops-trainer', time(), $limit) < $limit,
		"postmaster and backend gone, $phase: no trainer");
	ok(await_gone($run->{backend}, 'postgres', time(), $limit) < $limit,
		"postmaster and backend gone, $phase: no backend");
	start_again($node, @server);
	check_after("postmaster killed, $phase");
}

# a fast stop ends a training as well
my $run = start_training($node, $training{training}, 'training');
my $from = time();
$node->stop('fast');
ok(await_gone($run->{trainer}, 'mlops-trainer', $from, $limit) < $limit,
	'fast stop: no trainer');
eval { finish_sql($run) };
$node->start;
check_after('fast stop');

$node->stop;
done_testing();

# The postmaster and its children.
sub server_processes
{
	my ($server) = @_;
	my ($postmaster) =
	  slurp_file($server->data_dir . '/postmaster.pid') =~ /^(\d+)/;
	my @children = grep
	{
		my $line = eval { slurp_file("/proc/$_/stat") } // '';
		$line =~ /\) \S (\d+)/ && $1 == $postmaster
	} map { /(\d+)$/ } glob '/proc/[0-9]*';

	return ($postmaster, @children);
}

# Start it when the processes of the killed server are gone: for a moment they
# still hold its shared memory, and the lock file names one of them.
sub start_again
{
	my ($server, @processes) = @_;
	my $deadline = time() + $PostgreSQL::Test::Utils::timeout_default;

	usleep(20_000)
	  while (time() < $deadline && grep { -d "/proc/$_" } @processes);
	$server->start;
	return;
}
