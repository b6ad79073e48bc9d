# A hot standby predicts with what has just been deployed on the primary, and
# refuses whatever writes.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use MlopsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = new_node('primary', allows_streaming => 1);
$primary->safe_psql('postgres',
	'CREATE ROLE analyst; CREATE TABLE r AS ' . rows_sql(3000));
$primary->safe_psql('postgres', train_sql('m', 'SELECT * FROM r',
		q(params => '{"num_boost_round": 5}')));
$primary->backup('copy');

my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'copy', has_streaming => 1);
$standby->start;

my $numbers = q(SELECT md5(string_agg(mlops.predict('m', r)::text, ','
	ORDER BY r::text)) FROM r);
my $state = q(SELECT (SELECT serving FROM mlops.models),
	(SELECT count(*) FROM mlops.versions), (SELECT count(*) FROM mlops.runs),
	(SELECT count(*) FROM mlops.deployments));

# The same state and the same numbers on both; returns the numbers.
sub agree
{
	my ($what) = @_;
	$primary->wait_for_catchup($standby);
	my $here = $primary->safe_psql('postgres', $numbers);
	is($standby->safe_psql('postgres', $numbers), $here,
		"$what: same numbers");
	is( $standby->safe_psql('postgres', $state),
		$primary->safe_psql('postgres', $state),
		"$what: same catalog");
	return $here;
}

my $first = agree('first version');

# a session of the standby that has the old version loaded sees the new one
my $session = $standby->background_psql('postgres');
is($session->query_safe($numbers), $first, 'a session on the standby');
$session->query_safe("PREPARE p AS $numbers");
is($session->query_safe('EXECUTE p'), $first, 'a prepared statement there');

$primary->safe_psql('postgres', train_sql('m', 'SELECT * FROM r',
		q(params => '{"num_boost_round": 9, "max_depth": 3}'), ));
is(agree('trained, not deployed'), $first, 'nothing changes yet');
$primary->safe_psql('postgres', q(SELECT mlops.deploy('m/2')));
my $second = agree('deployed');
isnt($second, $first, 'other numbers after the deployment');
is($session->query_safe($numbers), $second,
	'the same session at once, its cache too');
is($session->query_safe('EXECUTE p'), $second, 'the prepared statement too');
$primary->safe_psql('postgres', q(SELECT mlops.rollback('m')));
is(agree('rolled back'), $first, 'the old numbers');
is($session->query_safe('EXECUTE p'), $first, 'the session as well');
$session->quit;

# exports are the same bytes
my $export = q(SELECT md5(mlops.export_model('m/2')),
	md5(mlops.export_model('m', 'json')));
is( $standby->safe_psql('postgres', $export),
	$primary->safe_psql('postgres', $export),
	'exports');

# whatever writes is refused
my %write = (
	train => train_sql('m', 'SELECT * FROM r'),
	'train, new model' => train_sql('n', 'SELECT * FROM r'),
	deploy => q(SELECT mlops.deploy('m/2')),
	rollback => q(SELECT mlops.rollback('m')),
	set_alias => q(SELECT mlops.set_alias('m/2', 'challenger')),
	grant_model => q(SELECT mlops.grant_model('m', 'analyst', 'predict')),
	create_alert_rule => q(SELECT mlops.create_alert_rule('m')),
	schedule => q(SELECT mlops.schedule('m', NULL, 'watch')),
	run_job => q(SELECT mlops.run_job(1)),
	drop_version => q(SELECT mlops.drop_version('m/2')),
	drop_model => q(SELECT mlops.drop_model('m')));
for my $what (sort keys %write)
{
	my ($status, $out, $err) = $standby->psql('postgres', $write{$what},
		extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	is(sqlstate_of($err), '25006', "$what on a standby is read-only")
	  or diag($err);
}
is( $standby->safe_psql('postgres',
		'SELECT count(*) FROM mlops.stat_progress_train'),
	'0', 'the view of trainings works there');

$standby->restart;
is(agree('standby restarted'), $first, 'same numbers after a restart');
$primary->safe_psql('postgres', q(SELECT mlops.deploy('m/2')));
is(agree('and follows'), $second, 'the next deployment');

# promoted, it trains on
$standby->promote;
is( $standby->safe_psql('postgres', train_sql('m', 'SELECT * FROM r',
			q(params => '{"num_boost_round": 2}'))),
	'3', 'promoted, it trains the next version');

$standby->stop;
$primary->stop;
done_testing();
