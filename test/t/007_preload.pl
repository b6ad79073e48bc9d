# What needs shared_preload_libraries says so; all else works without.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $endless = 'params => \'{"early_stopping_rounds": 0, '
  . '"num_boost_round": 100000, "max_depth": 3}\'';
my $quick = train_sql('m', rows_sql(2000), q(params => '{"num_boost_round": 5}'));
my $count = 'SELECT count(p), min(p) >= 0 AND max(p) <= 1 FROM '
  . "(SELECT mlops.predict('m', r) AS p FROM (" . rows_sql(100) . ') r) s';

# without
my $node = new_node('plain', preload => 0);
is($node->safe_psql('postgres', $quick), '1', 'without: train');
is($node->safe_psql('postgres', $count), '100|t', 'without: predict');
my ($status, $out, $err) = $node->psql('postgres',
	'TABLE mlops.stat_progress_train',
	extra_params => [ '-v', 'VERBOSITY=verbose' ]);
is(sqlstate_of($err), '55000', 'without: stat_progress_train');
like($err, qr/HINT:.*shared_preload_libraries = 'mlops'/,
	'without: the line to add');

# the trainer goes with its backend there, too
my $run = start_sql($node, train_sql('m', rows_sql(20000), $endless));
my $trainer = trainer_of(backend_of($run));
$node->safe_psql('postgres', "SELECT pg_cancel_backend($run->{backend})");
finish_sql($run);
ok(is_gone($trainer, 'mlops-trainer'), 'without: cancel');
is($node->safe_psql('postgres', 'SELECT count(*) FROM mlops.versions'),
	'1', 'without: nothing stored');

# from now on with; the database stays
$node->append_conf('postgresql.conf',
	"shared_preload_libraries = 'mlops'\nmlops.threads = 1\n");
$node->restart;
is($node->safe_psql('postgres', $count), '100|t', 'with: predict');
is($node->safe_psql('postgres', 'TABLE mlops.stat_progress_train'),
	'', 'with: nothing runs');

$node->safe_psql('postgres', <<'SQL');
CREATE ROLE trainer LOGIN;
CREATE ROLE member LOGIN IN ROLE trainer;
CREATE ROLE stranger LOGIN;
CREATE ROLE watcher LOGIN IN ROLE pg_read_all_stats;
GRANT USAGE ON SCHEMA mlops TO PUBLIC;
CREATE DATABASE elsewhere;
SQL
$node->safe_psql('elsewhere', 'CREATE EXTENSION mlops');

# while rows are read
$run = start_training($node, train_sql('slow',
		slow_rows_sql()),
	'reading', 0, user => 'trainer');
$node->poll_query_until('postgres', <<'SQL')
SELECT EXISTS (SELECT FROM mlops.stat_progress_train WHERE rows_read > 0
	AND model = 'slow')
SQL
  or die 'rows read are not shown';
pass('with: rows read');
is( $node->safe_psql('postgres',
		'SELECT remaining IS NULL FROM mlops.stat_progress_train'),
	't', 'with: nothing is forecast while rows are read');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($run->{backend})");
finish_sql($run);

# while it trains
$run = start_training($node,
	train_sql('long', rows_sql(20000), $endless),
	'training', 3, user => 'trainer');
is( $node->safe_psql('postgres', <<"SQL"), 't|long|20000|t|100000|t|t|t',
SELECT pid = $run->{backend}, model, rows_read, round >= 3, rounds,
	metric <> '' AND value > 0, remaining > '0', started_at < clock_timestamp()
FROM mlops.stat_progress_train
SQL
	'with: model, rows, round, rounds, metric, remaining, start');
my $round = $node->safe_psql('postgres',
	'SELECT round FROM mlops.stat_progress_train');
ok( $node->poll_query_until('postgres',
		"SELECT round > $round FROM mlops.stat_progress_train"),
	'with: rounds advance');

# who sees it
for my $case ([ trainer => 1 ], [ member => 1 ], [ stranger => 0 ],
	[ watcher => 1 ])
{
	my ($role, $sees) = @$case;
	is( $node->safe_psql('postgres',
			'SELECT count(*) FROM mlops.stat_progress_train',
			extra_params => [ '-U', $role ]),
		$sees, "with: $role sees $sees training");
}
is( $node->safe_psql('elsewhere',
		'SELECT count(*) FROM mlops.stat_progress_train'),
	'0', 'with: not in another database');

# two at a time
my $second = start_training($node,
	train_sql('two', rows_sql(20000), $endless), 'training');
is( $node->safe_psql('postgres',
		'SELECT string_agg(model, \' \' ORDER BY model) '
		  . 'FROM mlops.stat_progress_train'),
	'long two', 'with: two trainings');

$node->safe_psql('postgres',
	"SELECT pg_cancel_backend($_->{backend})") for $run, $second;
finish_sql($_) for $run, $second;
is($node->safe_psql('postgres', 'TABLE mlops.stat_progress_train'),
	'', 'with: gone when they have ended');

$node->stop;
done_testing();
