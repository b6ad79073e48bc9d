# Two hundred deploys a second, among them ones to a version with other
# columns, while pgbench predicts in each of its query modes.  Every statement
# compares what it predicts with what the version gives that serves under its
# own snapshot, and divides by zero if they differ, which ends the client.
# What is allowed, rarely, is a serialization failure.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('deploys');
my $seconds = 3;

$node->safe_psql('postgres', <<'SQL');
SET client_min_messages = error;
CREATE TABLE t AS SELECT i AS id, i AS a, (i * 7919 % 200)::float8 AS b,
	repeat('x', 50) AS unused, (i * 31 % 200) AS c, i > 100 AS y
FROM generate_series(1, 200) i;
CREATE INDEX ON t (id);
SELECT mlops.train('m', 'SELECT a, y FROM t', 'y');
SELECT mlops.train('m', 'SELECT a, NOT y AS y FROM t', 'y');
SELECT mlops.train('m', 'SELECT b, c, b > 70 AS y FROM t', 'y');
CREATE TABLE expected AS
SELECT 1 AS version, id, mlops.predict('m/1', t) AS p FROM t
UNION ALL SELECT 2, id, mlops.predict('m/2', t) FROM t
UNION ALL SELECT 3, id, mlops.predict('m/3', t) FROM t;
CREATE INDEX ON expected (id, version);
VACUUM ANALYZE;
SQL
is($node->safe_psql('postgres',
		'SELECT count(*) > 100 FROM expected a JOIN expected b USING (id) '
	  . 'WHERE a.version = 1 AND b.version = 2 AND a.p <> b.p'),
	't', 'the versions differ');

# A script for pgbench in a file of its own.
sub script
{
	my ($name, $text) = @_;
	my $file = $node->basedir . "/$name.sql";

	append_to_file($file, $text);
	return $file;
}

my $point = <<'SQL';
SELECT 1 / count(*) FILTER (WHERE mlops.predict('m', t) = e.p)
FROM mlops.alias s JOIN expected e USING (version) JOIN t ON t.id = e.id
WHERE s.model = 'm' AND s.alias = 'champion' AND e.id = :id;
SQL
my $table = <<'SQL';
SELECT 1 / (CASE WHEN bool_and(mlops.predict('m', t) = e.p) THEN 1 ELSE 0 END)
FROM mlops.alias s JOIN expected e USING (version) JOIN t ON t.id = e.id
WHERE s.model = 'm' AND s.alias = 'champion';
SQL
my $draw = "\\set id random(1, 200)\n";
my %script = (
	point => script('point', $draw . $point),
	table => script('table', $table),
	committed => script('committed', "${draw}BEGIN;\n$point$table${point}END;\n"),
	repeatable => script('repeatable',
		"${draw}BEGIN ISOLATION LEVEL REPEATABLE READ;\n$point$table${point}END;\n"));
my $deploy = script('deploy',
	"\\set v random(1, 3)\nSELECT mlops.deploy(('m/' || :v)::mlops.model_ref);\n");

# Run a script in a mode beside the deploys; returns what pgbench counted.
sub under_load
{
	my ($mode, $name) = @_;
	my ($deploy_out, $deploy_err) = ('', '');
	my ($out, $err) = ('', '');
	my $deploys = IPC::Run::start(
		[ 'pgbench', '-n', '-R', 200, '-T', $seconds, '-f', $deploy,
			$node->connstr('postgres') ],
		'<', \undef, '>', \$deploy_out, '2>', \$deploy_err);
	my $run = IPC::Run::start(
		[ 'pgbench', '-n', '-c', 2, '-M', $mode, '-T', $seconds - 1,
			'--failures-detailed', '-f', $script{$name},
			$node->connstr('postgres') ],
		'<', \undef, '>', \$out, '2>', \$err);
	my $status = $run->finish;
	my $deployed = $deploys->finish;
	my ($done) = $out =~ /transactions actually processed: (\d+)/;
	my ($failed) = $out =~ /serialization failures: (\d+)/;
	my ($n_deploys) = $deploy_out =~ /actually processed: (\d+)/;

	ok($status && $err !~ /ERROR/, "$mode, $name: only right numbers")
	  or diag($err);
	ok($deployed, "$mode, $name: deploys went on") or diag($deploy_err);
	note("$mode, $name: $done transactions, $failed failures, "
		  . "$n_deploys deploys");
	cmp_ok($n_deploys, '>', 20, "$mode, $name: there were deploys");
	# each needs a deploy between a statement's plan and its snapshot: there
	# are as many as deploys, times the share of time spent there by two
	cmp_ok($failed, '<', 5 + $n_deploys / 2, "$mode, $name: failures are rare");
	return;
}

for my $mode (qw(simple extended prepared))
{
	under_load($mode, $_) for qw(point table committed repeatable);
}

# Afterwards the plans are what they should be.
my $session = $node->background_psql('postgres');
$session->query_safe('SET plan_cache_mode = force_generic_plan');
$session->query_safe(
	q(PREPARE p AS SELECT sum(mlops.predict('m', t))::text FROM t));
for my $version (1, 3, 2, 3, 1)
{
	$node->safe_psql('postgres', "SELECT mlops.deploy('m/$version')");
	is($session->query_safe('EXECUTE p'),
		$node->safe_psql('postgres',
			"SELECT sum(p)::text FROM expected WHERE version = $version"),
		"version $version after a deploy");
}
$session->quit;
$node->stop;
done_testing();
