# pg_cron runs jobs on its own: from its own database and from another one,
# through windows of a stream that goes on, with a stop of the server in
# between; what has lost its role, its model or its row does no harm.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time sleep);

my $sharedir = `pg_config --sharedir`;
chomp $sharedir;
$sharedir = "$ENV{PG_SHAREDIR}" if defined $ENV{PG_SHAREDIR};
plan skip_all => 'pg_cron is not installed'
  unless -e "$sharedir/extension/pg_cron.control";

my $each_minute = '* * * * *';
my $node = new_node('cron', conf => <<'CONF');
shared_preload_libraries = 'mlops,pg_cron'
cron.database_name = 'postgres'
cron.use_background_workers = on
max_worker_processes = 24
timezone = 'UTC'
CONF

# Run SQL as a role; returns SQLSTATE, standard output and all that was said.
sub try_as
{
	my ($database, $role, $sql) = @_;
	my ($status, $out, $err) = $node->psql($database,
		"SET client_min_messages = warning; SET ROLE $role; $sql",
		extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	return (sqlstate_of($err), $out, $err);
}

sub value { return $node->safe_psql(@_) }

# --- what is missing is said -------------------------------------------------

# Five minutes of rows before the minute that it is made in and ten after, 20 a
# second; from two minutes after that minute's begin on, the numbers are others.
# Windows are of 20 seconds, so that whatever the second is in which this runs,
# each holds the same rows, and the first that is bad is bad in all of them.
my $stream = <<'SQL';
CREATE TABLE stream AS
SELECT i AS id, date_trunc('minute', now()) + (i - 6000) * interval '50 milliseconds' AS at,
	abs(hashint4(i)) % 100 + CASE WHEN i >= 8400 THEN 60 ELSE 0 END AS a,
	abs(hashint4(i + 7)) % 50 AS b, abs(hashint4(i)) % 100 + abs(hashint4(i + 3)) % 60 > 80 AS y
FROM generate_series(0, 18000) i;
GRANT SELECT ON stream TO PUBLIC;
SELECT mlops.train('stream', 'SELECT * FROM stream WHERE id < 4800', 'y',
	exclude => 'id', event_time => 'at', params => '{"num_boost_round": 5}');
SELECT mlops.grant_model('stream', 'analyst', 'manage'), mlops.grant_model('stream', 'leaver', 'manage'),
	mlops.grant_model('stream', 'nobody', 'manage');
SET ROLE analyst;
SELECT mlops.create_monitor('stream', 'stream', window_size => '20 seconds',
	start_at => (SELECT at FROM stream WHERE id = 4800));
SELECT mlops.create_alert_rule('stream');
SQL
$node->safe_psql('postgres', 'CREATE ROLE analyst LOGIN; CREATE ROLE leaver LOGIN; CREATE ROLE nobody; CREATE DATABASE sales');
$node->safe_psql('sales', 'CREATE EXTENSION mlops');
$node->safe_psql($_, $stream) for qw(postgres sales);

my ($code, $out, $err) = try_as('postgres', 'analyst', "SELECT mlops.schedule('stream', '$each_minute')");
is($code, '55000', 'without the extension: SQLSTATE');
like($err, qr/HINT:  .*CREATE EXTENSION pg_cron/, 'and the command');
($code, $out, $err) = try_as('sales', 'analyst', "SELECT mlops.schedule('stream', '$each_minute')");
is($code, '55000', 'from another database: SQLSTATE');
like($err, qr/not installed in database "postgres"/, 'and where it is missing');
$node->safe_psql('postgres', 'CREATE EXTENSION pg_cron');

($code, $out, $err) = try_as('postgres', 'analyst', "SELECT mlops.schedule('stream', '$each_minute')");
is($code, '42501', 'without rights on pg_cron: SQLSTATE');
like($err, qr/HINT:  .*GRANT USAGE ON SCHEMA cron TO analyst;/, 'and the command');
my ($grants) = $err =~ /in database "postgres": (.*)/;
$node->safe_psql('postgres', "$grants; GRANT USAGE ON SCHEMA cron TO PUBLIC");
($code, $out, $err) = try_as('sales', 'analyst', "SELECT mlops.schedule('stream', '$each_minute')");
is($code, '42501', 'without rights on schedule_in_database: SQLSTATE');
($grants) = $err =~ /in database "postgres": (.*)/;
like($grants, qr/GRANT EXECUTE ON FUNCTION cron.schedule_in_database/, 'and the command');
$node->safe_psql('postgres', $grants);
$node->safe_psql('postgres', 'REVOKE CONNECT ON DATABASE postgres FROM PUBLIC');
($code, $out, $err) = try_as('sales', 'analyst', "SELECT mlops.schedule('stream', '$each_minute')");
is($code, '42501', 'without the right to connect: SQLSTATE');
like($err, qr/GRANT CONNECT ON DATABASE postgres TO analyst;/, 'and the command');
$node->safe_psql('postgres', 'GRANT CONNECT ON DATABASE postgres TO PUBLIC');
($code, $out, $err) = try_as('postgres', 'nobody', "SELECT mlops.schedule('stream', '$each_minute')");
is($code, '55000', 'a role that cannot log in: SQLSTATE');
like($err, qr/cannot log in/, 'and why');

# --- jobs, to be run from the next minute on ---------------------------------

# which must not begin before the last of them is there
my $left = 60 - time() % 60;
sleep($left + 1) if $left < 30;
my $kept = $node->background_psql('postgres');
$kept->query_safe('LISTEN mlops_events');
my %job;
$job{here} = value('postgres', "SET ROLE analyst; SELECT mlops.schedule('stream', '$each_minute')");
$job{there} = value('sales', "SET ROLE analyst; SELECT mlops.schedule('stream', '$each_minute')");
$job{failing} = value('postgres', "SET ROLE leaver; SELECT mlops.schedule('stream', '$each_minute', kind => 'retrain', name => 'failing')");
# its role goes
$node->safe_psql('postgres', "CREATE ROLE gone LOGIN; SELECT mlops.grant_model('stream', 'gone', 'manage')");
$job{gone} = value('postgres', "SET ROLE gone; SELECT mlops.schedule('stream', '$each_minute', kind => 'watch', name => 'of gone')");
is(value('sales', "DROP ROLE gone; SELECT 1"), 1, 'a role with a job is dropped, from the other database');
is(value('postgres', "SELECT count(*) FROM cron.job WHERE username = 'gone'"), 0, 'and pg_cron has none of its jobs');
# its model goes
$node->safe_psql('postgres', "SELECT mlops.train('doomed', 'stream', 'y', features => '{a,b}', event_time => 'at', params => '{\"num_boost_round\": 2}')");
$job{doomed} = value('postgres', "SELECT mlops.schedule('doomed', '$each_minute', kind => 'watch')");
$node->safe_psql('postgres', "SELECT mlops.drop_model('doomed')");
# its row is undone, pg_cron's is not
$job{undone} = (split /\n/, value('sales', "BEGIN; SELECT mlops.schedule('stream', '$each_minute', name => 'undone'); ROLLBACK"))[0];
# one that was restored on another cluster
$job{restored} = value('postgres', "SELECT mlops.schedule('stream', '$each_minute', name => 'restored')");
$node->safe_psql('postgres', "UPDATE mlops.job SET system_identifier = '1' WHERE job_id = $job{restored}");
# one that is ended in a transaction which is undone goes on, and one that is
# ended does not
$node->safe_psql('sales', "BEGIN; SELECT mlops.unschedule('monitor stream'); ROLLBACK");
$job{ended} = value('sales', "SELECT mlops.schedule('stream', '$each_minute', name => 'ended')");
my $of_sales = "SELECT string_agg(command, ',' ORDER BY jobid) FROM cron.job WHERE database = 'sales'";
my $before = value('postgres', $of_sales);
$node->safe_psql('sales', "SELECT mlops.unschedule('ended')");
like($before, qr/run_job\($job{ended}\)/, 'scheduled in another database');
is(value('postgres', $of_sales), "SELECT mlops.run_job($job{there}),SELECT mlops.run_job($job{undone})",
	'and ended there, with the transaction');
is(value('postgres', "SELECT count(*) FROM cron.job WHERE username = 'analyst'"), 2, 'the jobs of pg_cron are the role\'s');
is(value('postgres', "SELECT next_run - date_trunc('minute', now()) FROM mlops.schedules WHERE name = 'monitor stream'"),
	'00:01:00', 'next_run');

# --- the first minute --------------------------------------------------------

my $runs = "SELECT count(*) >= %d FROM mlops.job_runs WHERE name = 'monitor stream'";
$node->poll_query_until($_, sprintf($runs, 1)) or die "no run in $_" for qw(postgres sales);
$node->poll_query_until('postgres', "SELECT count(*) >= 1 FROM mlops.job_runs WHERE name = 'failing'") or die 'no failing run';
my $first = value('postgres', "SELECT count(*) FROM mlops.monitor_windows WHERE state = 'completed'");
cmp_ok($first, '>=', 3, "windows computed by jobs: $first");
is(value($_, "SELECT string_agg(DISTINCT run_by || ' ' || state, ',') FROM mlops.job_runs WHERE name = 'monitor stream'"),
	'analyst completed', "run by the role that scheduled it, in $_") for qw(postgres sales);
is(value('postgres', "SELECT DISTINCT state, error_code FROM mlops.job_runs WHERE name = 'failing'"),
	'failed|55000', 'a failure is a row');
is(value('postgres', "SELECT subject, severity, state FROM mlops.alerts WHERE event = 'failure'"),
	'job failing|warning|open', 'and an alert');
my $heard = qr/"mlops_events" with payload "\{"event": "failure", "model": "stream"/;
my $said = '';
for (1 .. 100)
{
	$said .= $kept->query('SELECT 1');
	last if $said =~ $heard;
	sleep(0.1);
}
like($said, $heard, 'who listens hears of it');
$kept->quit;

# the model that was dropped, and the row that was undone
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM cron.job WHERE command IN ('SELECT mlops.run_job($job{doomed})', 'SELECT mlops.run_job($job{undone})')"
	  . " AND jobid <> 0 AND (database = 'sales' OR command NOT LIKE '%($job{undone})')")
  or die 'jobs have not ended themselves';
pass('jobs without a model or a row have ended themselves');
is(value('postgres', "SELECT count(*) FROM mlops.schedules WHERE name = 'watch doomed'"), 0, 'with their rows');
like(log_since($node), qr/model "doomed" does not exist any more, and job "watch doomed" has ended itself/, 'and said so');
is(value('postgres', "SELECT problem, next_run IS NULL, runs FROM mlops.schedules WHERE name = 'of gone'"),
	'role "gone" does not exist|t|0', 'a job without its role is shown as such');
$node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM cron.job_run_details WHERE database = 'postgres'"
	  . " AND command = 'SELECT mlops.run_job($job{restored})' AND status = 'succeeded')")
  or die 'no run of a restored job';
is(value('postgres', "SELECT problem, runs FROM mlops.schedules WHERE name = 'restored'"),
	'it was scheduled on another cluster|0', 'a job of another cluster does nothing');

# --- a stop over a minute, and what was missed -------------------------------

$node->stop('fast');
my $down = 61 - time() % 60;
note(sprintf('down for %.0f s', $down));
sleep($down);
$node->start;
my $windows = "SELECT count(*), bool_and(gap = '20 seconds' OR gap IS NULL), count(DISTINCT window_start) = count(*)"
  . ' FROM (SELECT window_start, window_start - lag(window_start) OVER (ORDER BY window_start) AS gap'
  . ' FROM mlops.monitor_windows) w';
my $at_start = (split /\|/, value('postgres', $windows))[0];
$node->poll_query_until($_, sprintf($runs, 2)) or die "no run after the stop in $_" for qw(postgres sales);
$node->poll_query_until('postgres', "SELECT count(*) >= 2 FROM mlops.job_runs WHERE name = 'failing'") or die 'no second failing run';
for my $database (qw(postgres sales))
{
	my ($n, $is_gapless, $is_once) = split /\|/, value($database, $windows);
	is("$is_gapless $is_once", 't t', "$database: windows without a gap, each once");
	cmp_ok($n, '>=', $at_start + 5, "$database: what was missed is caught up ($at_start, $n)");
	is(value($database, "SELECT bool_and(state = 'completed') FROM mlops.monitor_windows"), 't', "$database: all completed");
	is(value($database, "SELECT state, severity, subject, acknowledged_by FROM mlops.alerts WHERE event = 'drift'"),
		'open|warning|monitor stream|', "$database: the alert is raised on its own");
	is(value($database, "SELECT min(window_start) = (SELECT at FROM stream WHERE id = 8400)"
		. " FROM mlops.monitor_results WHERE kind = 'model' AND measure = 'drift' AND status = 'detected'"), 't', "$database: drift from the first other row on");
	is(value($database, "SELECT raised_for = (SELECT at FROM stream WHERE id = 8400)"
		. " FROM mlops.alerts WHERE event = 'drift'"), 't', "$database: for the first window that was bad");
}
is(value('postgres', "SELECT last_state, last_error, duration < '1 minute', failures FROM mlops.schedules WHERE name = 'monitor stream'"),
	'completed||t|0', 'schedules');
is(value('postgres', "SELECT n_seen >= 2, state FROM mlops.alerts WHERE event = 'failure'"), 't|open',
	'what fails again is the same alert');

# --- two runs at once ----------------------------------------------------------

my $session = $node->background_psql('postgres');
$session->query_safe("BEGIN; SELECT mlops.run_job($job{here})");
is(value('postgres', "SELECT mlops.run_job($job{here})"), 'it is running already', 'two at once');
$session->query_safe('COMMIT');
$session->quit;
is(value('postgres', "SELECT count(*) >= 1 FROM mlops.job_runs WHERE name = 'monitor stream' AND state = 'skipped'"), 't', 'a row that says so');

# --- a job is ended by the monitor's end ---------------------------------------

$node->safe_psql('sales', "SELECT mlops.drop_monitor('stream')");
$node->safe_psql('postgres', "SELECT mlops.unschedule(name) FROM mlops.schedules");
is(value('postgres', "SELECT string_agg(username, ',' ORDER BY 1) FROM cron.job"), '', 'pg_cron has nothing left');
is(value($_, 'SELECT count(*) FROM mlops.job'), 0, "no jobs in $_") for qw(postgres sales);

# --- and by that of its database ------------------------------------------------

$node->safe_psql('sales', "SELECT mlops.schedule('stream', '$each_minute', kind => 'watch')");
is(value('postgres', 'SELECT count(*) FROM cron.job'), 1, 'a job of another database');
$node->safe_psql('postgres', 'DROP DATABASE sales WITH (FORCE)');
is(value('postgres', 'SELECT count(*) FROM cron.job'), 0, 'goes with it');
unlike(log_since($node), qr/PANIC|terminated by signal/, 'no process has died');
$node->stop;
done_testing();
