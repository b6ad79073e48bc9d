# MlopsTest.pm
#	What the TAP tests share: clusters with the extension, trainings that run
#	beside the test, and a look at the processes they leave.
package MlopsTest;

use strict;
use warnings;

use Exporter 'import';
use FindBin;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

our @EXPORT = qw(new_node rows_sql slow_rows_sql train_sql start_sql finish_sql backend_of
  trainer_of wait_training start_training is_gone await_gone await_end
  leftovers sqlstate_of load_csv log_since);

my $serial = 0;

# A running cluster with the extension in database postgres, whatever the
# locale and the time zone of the caller are.  Options: conf (lines), preload
# (default 1), extension (default 1), allows_streaming.
sub new_node
{
	my ($name, %option) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(
		allows_streaming => $option{allows_streaming} // 0,
		extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
	$node->append_conf('postgresql.conf',
		"timezone = 'UTC'\nlog_timezone = 'UTC'\n");
	$node->append_conf('postgresql.conf', "mlops.threads = 1\n")
	  if $option{preload} // 1;
	$node->append_conf('postgresql.conf',
		"shared_preload_libraries = 'mlops'\n")
	  if $option{preload} // 1;
	$node->append_conf('postgresql.conf', $option{conf})
	  if defined $option{conf};
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION mlops')
	  if $option{extension} // 1;
	return $node;
}

# A query of n rows that look random and are always the same: a, b, c, d
# (numbers), e (text) and y (boolean).
sub rows_sql
{
	my ($n, $extra) = @_;
	$extra = defined $extra ? ", $extra" : '';
	return
	    'SELECT abs(hashint4(g)) % 1000 AS a, hashint4(g + 1) / 1e9 AS b, '
	  . 'hashint4(g + 2) / 1e9 AS c, abs(hashint4(g + 3)) % 77 AS d, '
	  . "chr(97 + abs(hashint4(g + 4)) % 9) AS e$extra, "
	  . '(abs(hashint4(g)) % 1000 + abs(hashint4(g + 5)) % 700) > 800 AS y '
	  . "FROM generate_series(1, $n) g";
}

# A query that takes a minute to read, 5,000 rows a second.
sub slow_rows_sql
{
	return
	    'SELECT g AS a, g % 7 AS b, g % 2 = 0 AS y, CASE WHEN g % 50 = 0 '
	  . 'THEN pg_sleep(0.01) IS NULL END AS s '
	  . 'FROM generate_series(1, 300000) g';
}

# A call of mlops.train on a query, with further arguments as SQL.
sub train_sql
{
	my ($model, $source, $more) = @_;
	$more = defined $more ? ", $more" : '';
	return "SELECT version FROM mlops.train('$model', \$src\$$source\$src\$, "
	  . "'y'$more)";
}

# Run SQL by a psql of its own beside the test.
sub start_sql
{
	my ($node, $sql, %option) = @_;
	my $run = { name => 'beside' . ++$serial, out => '', err => '' };

	local $ENV{PGAPPNAME} = $run->{name};
	local $ENV{PGUSER} = $option{user} if defined $option{user};
	my @command = (
		'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose',
		'-d', $node->connstr($option{dbname} // 'postgres'), '-c', $sql);
	$run->{handle} = IPC::Run::start(
		\@command, '<', \undef, '>', \$run->{out}, '2>', \$run->{err},
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	$run->{psql} = $run->{handle}->{KIDS}->[0]->{PID};
	$run->{node} = $node;
	return $run;
}

# Wait until that psql ends; returns seconds since `from` (default: now).
sub finish_sql
{
	my ($run, $from) = @_;
	$from //= time();
	IPC::Run::finish($run->{handle});
	return time() - $from;
}

# The backend that serves a psql of start_sql.
sub backend_of
{
	my ($run) = @_;
	my $deadline = time() + $PostgreSQL::Test::Utils::timeout_default;

	while (time() < $deadline)
	{
		my $pid = $run->{node}->safe_psql('postgres',
			"SELECT pid FROM pg_stat_activity "
			  . "WHERE application_name = '$run->{name}'");
		return $run->{backend} = $pid if $pid ne '';
		usleep(20_000);
	}
	die "no backend for $run->{name}: $run->{err}";
}

# Name and parent of a process that lives, or nothing; a zombie is dead.
sub process_of
{
	my ($pid) = @_;
	open(my $file, '<', "/proc/$pid/stat") or return;
	my $line = <$file>;
	return unless defined $line && $line =~ /^\d+ \((.*)\) (\S) (\d+)/s;
	return if $2 eq 'Z';
	return ($1, $3);
}

# Children of a process by the name mlops-trainer, zombies not counted.
sub trainers_below
{
	my ($parent) = @_;
	my @found;

	for my $directory (glob '/proc/[0-9]*')
	{
		my ($pid) = $directory =~ /(\d+)$/;
		my ($name, $ppid) = process_of($pid);
		push @found, $pid
		  if defined $name && $ppid == $parent && $name eq 'mlops-trainer';
	}
	return @found;
}

# The trainer of a backend, as soon as there is one.
sub trainer_of
{
	my ($backend) = @_;
	my $deadline = time() + $PostgreSQL::Test::Utils::timeout_default;

	while (time() < $deadline)
	{
		my @found = trainers_below($backend);
		return $found[0] if @found;
		usleep(10_000);
	}
	die "backend $backend has no trainer";
}

# Wait until a backend's training is in a phase (and, in 'training', has done
# a round unless `round` is 0).  Needs preloading.
sub wait_training
{
	my ($run, $phase, $round) = @_;
	$round //= $phase eq 'training' ? 1 : 0;
	$run->{node}->poll_query_until('postgres',
		"SELECT EXISTS (SELECT FROM mlops.stat_progress_train "
		  . "WHERE pid = $run->{backend} AND phase = '$phase' "
		  . "AND coalesce(round, 0) >= $round)")
	  or die "no training in phase $phase: $run->{err}";
	return;
}

# Start a training beside the test and wait for its phase; returns the run
# with `backend` and `trainer` set.
sub start_training
{
	my ($node, $sql, $phase, $round, %option) = @_;
	my $run = start_sql($node, $sql, %option);

	backend_of($run);
	wait_training($run, $phase, $round);
	$run->{trainer} = trainer_of($run->{backend});
	return $run;
}

# Has the process ended?
sub is_gone
{
	my ($pid, $name) = @_;
	my ($is) = process_of($pid);
	return !defined $is || (defined $name && $is ne $name);
}

# Seconds from `from` until a process has ended; more than `limit` if not.
sub await_gone
{
	my ($pid, $name, $from, $limit) = @_;
	until (is_gone($pid, $name))
	{
		last if time() - $from > $limit;
		usleep(5_000);
	}
	return time() - $from;
}

# After `from` something was done that ends the training of the run: check
# that it did within `limit` seconds, with psql (unless it is dead), backend
# (idle, gone or back at work) and trainer.
sub await_end
{
	my ($run, $from, $limit, $what) = @_;
	my $took = await_gone($run->{trainer}, 'mlops-trainer', $from, $limit);

	eval { finish_sql($run) };
	my $all = time() - $from;
	ok($took < $limit, "$what: trainer is gone within $limit s");
	ok($all < $limit + 1, "$what: client hears of it");
	note(sprintf('%s: trainer %.3f s, client %.3f s', $what, $took, $all));
	return $took;
}

# What trainings have stored: versions, runs, models, artefacts, baselines.
sub leftovers
{
	my ($node) = @_;
	return $node->safe_psql('postgres', <<'SQL');
SELECT (SELECT count(*) FROM mlops.version), (SELECT count(*) FROM mlops.run),
	(SELECT count(*) FROM mlops.model), (SELECT count(*) FROM mlops.artefact),
	(SELECT count(*) FROM mlops.baseline)
SQL
}

# The SQLSTATE in what psql wrote with VERBOSITY=verbose.
sub sqlstate_of
{
	my ($text) = @_;
	return $text =~ /(?:ERROR|FATAL):\s+([0-9A-Z]{5}):/ ? $1 : 'none';
}

# Make a table from a file of test/data; the columns are SQL.
sub load_csv
{
	my ($node, $table, $columns) = @_;
	my $path = "$FindBin::RealBin/../data/$table.csv.gz";

	$node->safe_psql('postgres', <<"SQL");
CREATE TABLE $table ($columns);
COPY $table FROM PROGRAM 'gzip -dc "$path"' (FORMAT csv, HEADER)
SQL
	return;
}

# The server's log from an offset.
sub log_since
{
	my ($node, $offset) = @_;
	return substr(slurp_file($node->logfile), $offset // 0);
}

1;
