# Programs that predict by JDBC and by ODBC keep their prepared statements over
# deploys, also to a version with other columns: each next statement gives the
# new version's numbers, to the bit, with parameters as text and as binary.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $jar = '/usr/share/java/postgresql.jar';
my ($driver) = glob('/usr/lib/*/odbc/psqlodbcw.so');
my $programs = "$FindBin::RealBin/../clients";

die "apt-get install libpostgresql-jdbc-java default-jdk-headless\n"
  unless -r $jar && !system('command -v javac >/dev/null');
die "apt-get install odbc-postgresql unixodbc-dev\n"
  unless defined $driver && -r '/usr/include/sqlext.h';

my $node = new_node('clients',
	conf => "listen_addresses = '127.0.0.1'\nlog_statement = all\n");
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE t AS SELECT i AS id, i::float8 AS a,
	(i * 7919 % 200)::float8 AS b, (i * 31 % 200)::float8 AS c, i > 3 AS y
FROM generate_series(1, 200) i;
CREATE INDEX ON t (id);
SELECT mlops.train('m', 'SELECT a, b, y FROM t', 'y');
SELECT mlops.train('m', 'SELECT a, b, NOT y AS y FROM t', 'y');
SELECT mlops.train('m', 'SELECT b, c, b > 70 AS y FROM t', 'y');
VACUUM ANALYZE;
SQL

# What a program should print for a version, with or without arrays.
sub expected
{
	my ($version, $arrays) = @_;
	my $text = '';

	for my $id (1 .. 5)
	{
		my ($row, $array) = split /\|/, $node->safe_psql('postgres',
			"SELECT encode(float8send(mlops.predict('m/$version', t)), 'hex'), "
			  . "encode(float8send(mlops.predict_array('m/$version', ARRAY[a, b])), 'hex') "
			  . "FROM t WHERE id = $id");
		$text .= "$_ $id $row\n" for qw(literal table row json);
		$text .= "array $id $array\n" if $arrays;
	}
	return $text;
}

my %expected;
for my $version (1 .. 3)
{
	$expected{$version} = expected($version, 0);
	$expected{"$version with arrays"} = expected($version, 1);
}
isnt($expected{1}, $expected{2}, 'versions 1 and 2 differ');
isnt($expected{2}, $expected{3}, 'versions 2 and 3 differ');

# Have a program predict under deploys, in transactions of one statement and
# of many; some of its statements have names on the server, or none has.
sub predict_across_deploys
{
	my ($name, $kind, $named, @command) = @_;
	my ($in, $out, $err) = ('', '', '');
	my $logged = -s $node->logfile;
	my $wait = IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default);
	my $run = IPC::Run::start(\@command, '<', \$in, '>', \$out, '2>', \$err,
		$wait);
	# version to deploy before, and what to say
	my @steps = (
		[1, 'go'], [1, 'go'], [2, 'go'], [2, 'go'], [3, 'go'], [3, 'go'],
		[1, 'begin'], [2, 'go'], [3, 'go'], [1, 'go'], [3, 'commit'],
		[2, 'go']);

	for my $i (0 .. $#steps)
	{
		my ($version, $line) = @{ $steps[$i] };

		$node->safe_psql('postgres', "SELECT mlops.deploy('m/$version')");
		$out = '';
		$in = "$line\n";
		my $going = eval {
			pump $run until $out =~ /^done\n/m || !$run->pumpable;
			1;
		};
		is($out, $expected{"$version$kind"} . "done\n",
			"$name, step $i, $line: version $version")
		  or diag($@, $err);
		last unless $going && $run->pumpable;
	}
	ok($run->finish, "$name ended well") or diag($err);

	my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile, $logged);
	my $executed = () = $log =~ /execute (?!<unnamed>)\S+: SELECT mlops/g;
	note("$name: $executed executions of named statements");
	ok($named ? $executed > 100 : $executed == 0,
		"$name: statements on the server") or diag($executed);
	return;
}

# JDBC: statements on the server at once, binary or not, later, and never;
# strings as varchar, or of a type that the server finds out.
my $url = 'jdbc:postgresql://127.0.0.1:' . $node->port . '/postgres?user='
  . (getpwuid($<))[0];
my @variants = (
	[1, 'prepareThreshold=1'],
	[1, 'prepareThreshold=1&binaryTransfer=false'],
	[1, 'prepareThreshold=-1'],
	[1, 'prepareThreshold=5'],
	[0, 'prepareThreshold=0'],
	[1, 'prepareThreshold=1&stringtype=unspecified'],
	[0, 'preferQueryMode=simple']);
for my $variant (@variants)
{
	my ($named, $options) = @$variant;

	predict_across_deploys("JDBC, $options", ' with arrays', $named, 'java',
		'-cp', $jar, "$programs/Predict.java", "$url&$options");
}

# ODBC: statements on the server or in the client.
my $program = $node->basedir . '/predict_odbc';
is(system('gcc', '-std=gnu11', '-O2', '-Wall', '-Wextra', '-o', $program,
		"$programs/predict_odbc.c", '-lodbc'),
	0, 'the ODBC program compiles');
for my $server_side (1, 0)
{
	predict_across_deploys("ODBC, UseServerSidePrepare=$server_side", '',
		$server_side, $program,
		"Driver=$driver;Servername=127.0.0.1;Port=" . $node->port
		  . ";Database=postgres;Uid=" . (getpwuid($<))[0]
		  . ";UseServerSidePrepare=$server_side");
}

$node->stop;
done_testing();
