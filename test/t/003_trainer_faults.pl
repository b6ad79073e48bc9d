# Whatever happens to the trainer, its caller gets a clear error, and neither
# the server nor any other session is affected.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = new_node('faults');
my $born = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');
my $endless = train_sql('m', rows_sql(20000),
	'params => \'{"early_stopping_rounds": 0, "num_boost_round": 100000, '
	  . '"max_depth": 3}\'');
my $slow = train_sql('m', slow_rows_sql());

# another session, with a table of its own, that must not notice anything
my $other = $node->background_psql('postgres');
$other->set_query_timer_restart;
$other->query_safe('CREATE TEMP TABLE kept AS SELECT 42 AS x');

# Signal the trainer in a phase and look at the error.
sub strike
{
	my ($signal, $phase, $sql, $limit) = @_;
	my $run = start_training($node, $sql, $phase);
	my $from = time();

	kill $signal, $run->{trainer};
	my $name = "SIG$signal, $phase";
	await_end($run, $from, $limit, $name);
	is(sqlstate_of($run->{err}), '38000', "$name: SQLSTATE");
	like($run->{err}, qr/ERROR: .*trainer process/, "$name: message");
	note($run->{err});
	ok(!is_gone($run->{backend}) || $run->{out} eq '',
		"$name: nothing returned");
	return $run->{err};
}

for my $signal (qw(KILL SEGV ABRT TERM))
{
	my $error = strike($signal, 'training', $endless, 5);
	like($error, qr/HINT:/, "SIGKILL: hint") if $signal eq 'KILL';
}
strike('KILL', 'reading', $slow, 10);

# a stopped one is given up when it has been silent for 30 seconds
my $error = strike('STOP', 'training', $endless, 45);
like($error, qr/does not respond/, 'SIGSTOP: silent');

# it can be cancelled while it is stopped
my $run = start_training($node, $endless, 'training');
kill 'STOP', $run->{trainer};
my $from = time();
$node->safe_psql('postgres', "SELECT pg_cancel_backend($run->{backend})");
await_end($run, $from, 5, 'cancel of a stopped trainer');
is(sqlstate_of($run->{err}), '57014', 'cancel of a stopped trainer: SQLSTATE');

# memory: the rows do not fit, and what training takes does not fit
my ($status, $out, $err) = $node->psql('postgres',
	"SET mlops.max_train_memory = '16MB'; "
	  . train_sql('m', rows_sql(400000)),
	extra_params => [ '-v', 'VERBOSITY=verbose' ]);
is(sqlstate_of($err), '54000', 'too many rows for max_train_memory');
like($err, qr/HINT:.*max_train_memory/, 'with a hint');

my $wide = join ', ',
  map { "hashfloat8(g * $_ + 0.5) / 1e9 AS f$_" } 1 .. 40;
($status, $out, $err) = $node->psql('postgres',
	"SET mlops.max_train_memory = '32MB'; "
	  . train_sql('m',
		"SELECT $wide, g % 3 = 0 AS y FROM generate_series(1, 50000) g",
		'params => \'{"max_depth": 20, "max_bin": 4096, '
		  . '"num_boost_round": 1000, "early_stopping_rounds": 0, '
		  . '"min_child_weight": 0}\''),
	extra_params => [ '-v', 'VERBOSITY=verbose' ]);
like(sqlstate_of($err), qr/^(54000|38000)$/,
	'training over max_train_memory ends with a plain error');
like($err, qr/HINT:.*max_train_memory/, 'with a hint');
note($err);

# nobody else has noticed
is($other->query_safe('SELECT x FROM kept'), '42', 'another session goes on');
$other->quit;
is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'),
	$born, 'the server has not restarted');
unlike(
	log_since($node),
	qr/terminating any other active server processes|PANIC/,
	'no backend has crashed');
is(leftovers($node), '0|0|0|0|0', 'nothing is stored');
is( $node->safe_psql('postgres', train_sql('m', rows_sql(2000),
			q(params => '{"num_boost_round": 3}'))),
	'1', 'the next training works');

$node->stop;
done_testing();
