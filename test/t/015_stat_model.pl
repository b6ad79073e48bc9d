# The counts of mlops.stat_model: they outlive a stop in order, not a crash,
# and a file that is not as it should be does no harm.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use MlopsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('uses', allows_streaming => 1,
	conf => "restart_after_crash = on\n");
my $file = $node->data_dir . '/pg_stat/mlops_stat_model.stat';
my $versions = 4;
my $counts = 'SELECT * FROM mlops.stat_model ORDER BY version';

$node->safe_psql('postgres', 'CREATE TABLE r AS ' . rows_sql(200));
$node->safe_psql('postgres', train_sql('m', rows_sql(300),
		q(params => '{"num_boost_round": 2}'))) for 1 .. $versions;

# Predict with the versions in turn, the last one most; the counts then.
sub use_all
{
	my ($at) = @_;
	$at //= $node;
	$at->safe_psql('postgres',
		"SELECT mlops.predict('m/$_', r) FROM r LIMIT 10 * $_")
	  for 1 .. $versions;
	return $at->safe_psql('postgres', $counts);
}

# Rows of each version.
sub rows_of
{
	my ($at) = @_;
	return $at->safe_psql('postgres',
		"SELECT string_agg(rows::text, ' ' ORDER BY version) FROM mlops.stat_model");
}

# --- a stop in order -----------------------------------------------------------

my $before = use_all();
is(rows_of($node), '10 20 30 40', 'counts');
ok(!-e $file, 'no file while the server runs');
$node->stop;
ok(-s $file, 'a file while it is down');
ok(!-e "$file.tmp", 'and that alone');
$node->start;
is($node->safe_psql('postgres', $counts), $before, 'restart: the same counts');
ok(!-e $file, 'restart: no file any more');
use_all();
is(rows_of($node), '20 40 60 80', 'restart: counting goes on');
$node->restart;
$node->restart;
is(rows_of($node), '20 40 60 80', 'restarted twice, not used in between');
$node->safe_psql('postgres', 'SELECT mlops.stat_model_reset()');
$node->restart;
is($node->safe_psql('postgres', $counts), '', 'reset: nothing comes again');
ok(!-e $file, 'reset: no file');

# a session that is in a transaction when the server stops
my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_safe('BEGIN');
$session->query_safe("SELECT mlops.predict('m/1', r) FROM r LIMIT 5");
$node->stop('fast');
eval { $session->quit };
$node->start;
is(rows_of($node), '5', 'what an open transaction has counted is kept');

# --- a start that fails ----------------------------------------------------------

$node->stop;
my $hba = $node->data_dir . '/pg_hba.conf';
my $good = slurp_file($hba);
append_to_file($hba, "nonsense\n");
is($node->start(fail_ok => 1), 0, 'a start that fails');
unlink $hba;
append_to_file($hba, $good);
$node->start;
is(rows_of($node), '5', 'a start that fails loses nothing');

# --- ends without order ------------------------------------------------------------

use_all();
$node->stop('immediate');
ok(!-e $file, 'immediate stop: no file');
$node->start;
is($node->safe_psql('postgres', $counts), '', 'immediate stop: nothing');

use_all();
$session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $session->query_safe('SELECT pg_backend_pid()');
my $offset = -s $node->logfile;
kill 'KILL', $pid;
eval { $session->quit };
$node->wait_for_log(qr/all server processes terminated; reinitializing/,
	$offset);
$node->poll_query_until('postgres', 'SELECT true') or die 'no restart';
is($node->safe_psql('postgres', $counts), '', 'crash: nothing');
ok(!-e $file, 'crash: no file');

# --- files that are not as they should be ----------------------------------------------

# Stop with counts, change the file, start: what is in the log must match.
sub broken_file
{
	my ($change, $message, $what) = @_;
	use_all();
	$node->stop;
	my $bytes = slurp_file($file);
	unlink $file;
	append_to_file($file, $change->($bytes));
	my $offset = -s $node->logfile;
	$node->start;
	is($node->safe_psql('postgres', $counts), '', "$what: nothing");
	like(log_since($node, $offset),
		qr{LOG:  ignoring invalid data in file "pg_stat/mlops_stat_model\.stat"\n.*DETAIL:  $message},
		"$what: said in the log");
	ok(!-e $file, "$what: removed");
	return;
}

# Other bytes in place of those at an offset.
sub replaced
{
	my ($bytes, $at, $new) = @_;
	substr($bytes, $at, length $new, $new);
	return $bytes;
}

broken_file(sub { '' }, qr/It is shorter/, 'empty');
broken_file(sub { 'no such thing' }, qr/It is shorter/, 'a line of text');
broken_file(sub { 'garbage ' x 1000 }, qr/It does not begin/, 'garbage');
broken_file(sub { substr $_[0], 0, -1 }, qr/Its size/, 'one byte less');
broken_file(sub { $_[0] . 'x' }, qr/Its size/, 'one byte more');
broken_file(sub { substr $_[0], 0, 24 }, qr/Its size/, 'a header alone');
broken_file(sub { replaced($_[0], 4, pack 'L', 99) },
	qr/It was written by another version/, 'another format');
broken_file(sub { replaced($_[0], 8, pack 'L', 999) },
	qr/It was written by another version/, 'another server');
broken_file(sub { replaced($_[0], 12, pack 'L', 8) },
	qr/It was written by another version/, 'other records');
broken_file(sub { replaced($_[0], 16, pack 'L', 0xffffffff) },
	qr/Its size/, 'more records than there may be');
broken_file(sub { replaced($_[0], 16, pack 'L', 3) },
	qr/Its size/, 'fewer records than there are');
broken_file(sub { replaced($_[0], 60, chr(1 ^ ord substr $_[0], 60, 1)) },
	qr/Its checksum/, 'one bit');

# one that cannot be written
mkdir "$file.tmp" or die $!;
use_all();
$offset = -s $node->logfile;
$node->restart;
like(log_since($node, $offset), qr/LOG:  could not write file "[^"]*\.tmp"/,
	'cannot be written: said in the log');
is($node->safe_psql('postgres', $counts), '', 'cannot be written: nothing');
rmdir "$file.tmp" or die $!;

# --- settings -----------------------------------------------------------------------

# for a table with less room: those used last, the file has them in that order
use_all();
$node->append_conf('postgresql.conf', "mlops.stat_model_max = 2\n");
$node->restart;
is(rows_of($node), '30 40', 'less room: what was used last');
$node->append_conf('postgresql.conf', "mlops.stat_model_max = 3\n");
$node->restart;
$node->safe_psql('postgres', "SELECT mlops.predict('m/1', r) FROM r LIMIT 1");
is(rows_of($node), '1 30 40', 'and more again');

# off by a reload: not written
$node->append_conf('postgresql.conf', "mlops.stat_model_save = off\n");
$node->reload;
$node->poll_query_until('postgres',
	q(SELECT NOT current_setting('mlops.stat_model_save')::boolean))
  or die 'no reload';
is(rows_of($node), '1 30 40', 'not saved: counts as before');
$node->stop;
ok(!-e $file, 'not saved: no file');
$node->start;
is($node->safe_psql('postgres', $counts), '', 'not saved: nothing');

# off at the start: an old file must not come up later
use_all();
$node->append_conf('postgresql.conf', "mlops.stat_model_save = on\n");
$node->restart;
is($node->safe_psql('postgres', $counts), '',
	'the postmaster stops as it was set then');
use_all();
$node->stop;
ok(-e $file, 'saved');
$node->append_conf('postgresql.conf', "mlops.stat_model_save = off\n");
$node->start;
is($node->safe_psql('postgres', $counts), '', 'not read: nothing');
ok(!-e $file, 'not read: removed');
$node->append_conf('postgresql.conf', "mlops.stat_model_save = on\n");
$node->restart;

# --- a standby --------------------------------------------------------------------

use_all();
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
is($standby->safe_psql('postgres', $counts), '',
	'standby: nothing of the primary');
my $own = use_all($standby);
$standby->restart;
is($standby->safe_psql('postgres', $counts), $own,
	'standby: its own counts after a restart');
$standby->promote;
is($standby->safe_psql('postgres', $counts), $own, 'standby: and promoted');
$standby->restart;
is($standby->safe_psql('postgres', $counts), $own, 'and restarted');

$standby->stop;
$node->stop;
done_testing();
