# A training ends within seconds when its statement is cancelled, times out,
# is terminated or loses its client, in every phase, and leaves nothing.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $limit = 5;
my $node = new_node('cancel');

# many short rounds; rounds that take long; rows that come slowly, and ones
# that one waits for
my $endless = '"early_stopping_rounds": 0, "num_boost_round": 100000';
my %training = (
	rounds => train_sql('m', rows_sql(20000),
		qq(params => '{$endless, "max_depth": 3}')),
	round => train_sql('m', rows_sql(150000, 'hashint4(g+7)/1e9 AS f'),
		qq(params => '{$endless, "max_depth": 16, "max_bin": 4096, )
		  . qq("min_child_weight": 0.001, "colsample_bynode": 0.9}')),
	reading => train_sql('m', slow_rows_sql()),
	waiting => train_sql('m',
		'SELECT g AS a, g % 7 AS b, g % 2 = 0 AS y, '
		  . 'pg_sleep(0.02) IS NULL AS s FROM generate_series(1, 100000) g'));

# Start it, do something to it, see it end.
sub end_by
{
	my ($kind, $what, $action, $state) = @_;
	my $phase = $kind =~ /ing$/ ? 'reading' : 'training';
	my $run = start_training($node, $training{$kind}, $phase,
		$kind eq 'rounds' ? 1 : 0);

	my $from = time();
	$action->($run);
	await_end($run, $from, $limit, "$what, $kind");
	is(sqlstate_of($run->{err}), $state, "$what, $kind: SQLSTATE")
	  if defined $state;
	if ($what =~ /client is killed|terminate/)
	{
		ok( await_gone($run->{backend}, 'postgres', $from, $limit) < $limit,
			"$what, $kind: backend is gone");
	}
	return;
}

sub ask
{
	my ($function) = @_;
	return sub { $node->safe_psql('postgres',
			"SELECT $function($_[0]->{backend})") };
}

for my $kind (qw(rounds round reading waiting))
{
	end_by($kind, 'cancel', ask('pg_cancel_backend'), '57014');
	end_by($kind, 'terminate', ask('pg_terminate_backend'), '57P01');
	end_by($kind, 'Ctrl-C', sub { kill 'INT', $_[0]->{psql} }, '57014');
	end_by($kind, 'client is killed', sub { kill 'KILL', $_[0]->{psql} });
}

# a time-out that strikes in mid-training, and while rows are read
for my $kind (qw(rounds round reading waiting))
{
	my $from = time();
	my ($status, $out, $err) = $node->psql('postgres',
		"SET statement_timeout = '1500ms'; $training{$kind}",
		extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	my $took = time() - $from - 1.5;

	is(sqlstate_of($err), '57014', "statement_timeout, $kind: SQLSTATE");
	ok($took < $limit, "statement_timeout, $kind: within $limit s");
	note(sprintf('statement_timeout, %s: %.3f s', $kind, $took));
}

# a cancelled training in a savepoint: the session goes on and can train
my ($status, $out, $err) = $node->psql('postgres', <<"SQL");
SET statement_timeout = '1500ms';
DO \$do\$
BEGIN
	PERFORM version FROM ($training{rounds}) t;
EXCEPTION WHEN query_canceled THEN
	RAISE NOTICE 'caught';
END \$do\$;
SQL
is($status, 0, 'a cancelled training can be caught');
like($err, qr/caught/, 'and is');

is(leftovers($node), '0|0|0|0|0', 'nothing is stored');
is( $node->safe_psql('postgres', train_sql('m', rows_sql(2000),
			q(params => '{"num_boost_round": 3}'))),
	'1', 'the next training works');
is( $node->safe_psql('postgres',
		'SELECT count(*) FROM mlops.stat_progress_train'),
	'0', 'no training is shown as running');

$node->stop;
done_testing();
