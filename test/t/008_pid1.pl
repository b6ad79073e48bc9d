# Under a postmaster that is process 1, as in a container, the trainers of
# killed backends become its children: a badly reaped one would restart the
# cluster.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use IPC::Run;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

# A user namespace makes it possible without being root, where that is allowed.
my @unshare = ('unshare', '--user', '--map-current-user', '--pid', '--fork',
	'--mount-proc', '--kill-child');
my $probe = '';
plan skip_all => 'no unshare(1)' unless -x '/usr/bin/unshare';
IPC::Run::run([ @unshare, 'sh', '-c', 'echo $$' ], '>', \$probe, '2>', \my $why);
if ($probe ne "1\n")
{
	# the mount of /proc may be what is refused; it is not needed
	@unshare = grep { $_ ne '--mount-proc' } @unshare;
	IPC::Run::run([ @unshare, 'sh', '-c', 'echo $$' ], '>', \$probe,
		'2>', \$why);
}
chomp($why //= '');
plan skip_all => "a process namespace is not permitted here ($why)"
  if $probe ne "1\n";

my $node = new_node('container');
$node->stop;

# The server in a namespace of its own; its lock file names process 1.
my ($out, $err) = ('', '');
my $logfile = $node->logfile;
my $server = IPC::Run::start(
	[ @unshare, 'postgres', '-D', $node->data_dir ],
	'<', \undef, '>>', $logfile, '2>&1');
my $up = 0;
for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
{
	last if $up = ($node->psql('postgres', 'SELECT 1'))[0] == 0;
	usleep(100_000);
}
ok($up, 'the server is up') or BAIL_OUT('no server in a process namespace');
like(slurp_file($node->data_dir . '/postmaster.pid'),
	qr/^1\n/, 'as process 1');
my $born = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');

my $endless = train_sql('m', rows_sql(20000),
	'params => \'{"early_stopping_rounds": 0, "num_boost_round": 100000, '
	  . '"max_depth": 3}\'');
my $quick = train_sql('m', rows_sql(2000), q(params => '{"num_boost_round": 3}'));

# Process numbers are those of the namespace: pg_stat_activity has them, and
# so has the view of trainings.
for my $way (qw(pg_cancel_backend pg_terminate_backend))
{
	for my $turn (1 .. 3)
	{
		my $run = start_sql($node, $endless);
		backend_of($run);
		wait_training($run, 'training');
		my $from = time();
		$node->safe_psql('postgres', "SELECT $way($run->{backend})");
		finish_sql($run);
		ok(time() - $from < 5, "$way, $turn: ends");
		is( sqlstate_of($run->{err}),
			$way eq 'pg_cancel_backend' ? '57014' : '57P01',
			"$way, $turn: SQLSTATE");
	}
}

# a client that dies
my $run = start_sql($node, $endless);
backend_of($run);
wait_training($run, 'training');
kill 'KILL', $run->{psql};
eval { finish_sql($run) };
ok( $node->poll_query_until('postgres',
		"SELECT NOT EXISTS (SELECT FROM pg_stat_activity "
		  . "WHERE pid = $run->{backend})"),
	'a dead client: backend is gone');

# trainings that end well, and an error while rows are read
is($node->safe_psql('postgres', $quick), $_, "training $_") for 1 .. 3;
my ($status, $text, $error) = $node->psql('postgres',
	train_sql('m',
		'SELECT g AS a, 1 / (g - 1500) AS b, g % 2 = 0 AS y '
		  . 'FROM generate_series(1, 2000) g'),
	extra_params => [ '-v', 'VERBOSITY=verbose' ]);
is(sqlstate_of($error), '22012', 'an error while rows are read');

is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'),
	$born, 'the server has not restarted');
unlike(
	log_since($node),
	qr/terminating any other active server processes|untracked|PANIC/,
	'no process was taken for a crashed one');

# no trainer is left: all children of process 1 are the server's own
is(scalar(grep { /mlops-trainer/ } map { eval { slurp_file("$_/comm") } // '' }
		map { "/proc/$_" } descendants($server->{KIDS}->[0]->{PID})),
	0, 'no trainer is left');

# SIGINT to process 1 of the namespace is a fast stop
kill 'INT', $_ for first_child($server->{KIDS}->[0]->{PID});
eval { IPC::Run::finish($server) };
pass('the server has stopped');
done_testing();

# The children of a process, as this namespace numbers them.
sub first_child
{
	my ($parent) = @_;
	my @found;

	for my $directory (glob '/proc/[0-9]*')
	{
		my $line = eval { slurp_file("$directory/stat") } // '';
		push @found, $directory =~ /(\d+)$/
		  if $line =~ /\) \S (\d+)/ && $1 == $parent;
	}
	return @found;
}

# All processes below one.
sub descendants
{
	my @found = first_child(@_);
	return (@found, map { descendants($_) } @found);
}
