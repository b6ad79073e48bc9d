# Metrics for Prometheus: the real exporter of Debian reads the queries of
# docs/monitoring with a role that may do nothing else, and the dashboard asks
# for what there is.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use HTTP::Tiny;
use IPC::Run;
use JSON::PP;
use MlopsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $exporter = (grep { -x } map { "$_/prometheus-postgres-exporter" }
	split(/:/, $ENV{PATH}), '/usr/bin')[0];
plan skip_all => 'prometheus-postgres-exporter is not installed'
  unless defined $exporter;
my $monitoring = "$FindBin::RealBin/../../docs/monitoring";
my $queries = slurp_file("$monitoring/queries.yaml");
my $dashboard = decode_json(slurp_file("$monitoring/grafana.json"));

# --- something to show ---------------------------------------------------------

my $node = new_node('metrics');
$node->safe_psql('postgres', <<'SQL');
-- a day that begins meanwhile would be one more
DO $$ BEGIN PERFORM pg_sleep(61) WHERE now()::time >= '23:59'; END $$;
CREATE TABLE stream AS
SELECT i AS id, date_trunc('day', now()) - interval '10 days' + i * interval '6 minutes' AS at,
	abs(hashint4(i)) % 100 + CASE WHEN i >= 1920 THEN 60 ELSE 0 END AS "a ""b\",
	abs(hashint4(i + 7)) % 50 AS b, abs(hashint4(i)) % 100 + abs(hashint4(i + 3)) % 60 > 80 AS y
FROM generate_series(0, 2399) i;
SELECT mlops.train('stream', 'SELECT * FROM stream WHERE id < 1200', 'y', exclude => 'id', event_time => 'at',
	params => '{"num_boost_round": 5}');
SELECT mlops.train('hidden', 'stream', 'y', exclude => 'id', event_time => 'at', params => '{"num_boost_round": 2}');
SET client_min_messages = error;
SELECT mlops.watch('stream', 'stream');
SELECT mlops.alter_monitor('stream', metrics => '{drift,performance,estimate}', baseline_source => 'SELECT * FROM stream WHERE id < 1200');
SELECT count(*) FROM mlops.run_monitor('stream');
SELECT mlops.retrain('stream');
SELECT mlops.schedule('stream', schedule => NULL, kind => 'monitor', name => 'by hand') AS job \gset
SELECT mlops.run_job(:job);
SELECT sum(mlops.predict('stream', s)) FROM stream s;
CREATE ROLE exporter LOGIN;
SELECT mlops.grant_model('stream', 'exporter', 'read');
SQL

# --- the exporter -----------------------------------------------------------------

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $log = '';
my $run;
# one of its collectors has had two names
my ($bgwriter) = `$exporter --help 2>&1` =~ /collector\.((?:stat_)?bgwriter)/;
{
	local $ENV{DATA_SOURCE_NAME} = sprintf('host=%s port=%d user=exporter dbname=postgres sslmode=disable',
		$node->host, $node->port);
	$run = IPC::Run::start(
		[ $exporter, "--extend.query-path=$monitoring/queries.yaml",
		  '--disable-default-metrics', '--disable-settings-metrics',
		  '--no-collector.database', "--no-collector.$bgwriter",
		  "--web.listen-address=127.0.0.1:$port" ],
		'<', \undef, '>', \$log, '2>&1');
}

# it does not outlive a script that dies
END
{
	local $?;
	eval { $run->signal('KILL') } if defined $run;
}

# The page of metrics, as soon as there is one.
sub scrape
{
	local $ENV{no_proxy} = '127.0.0.1';
	my $deadline = time() + $PostgreSQL::Test::Utils::timeout_default;

	while (time() < $deadline)
	{
		my $answer = HTTP::Tiny->new(timeout => 20)->get("http://127.0.0.1:$port/metrics");
		return $answer->{content} if $answer->{success};
		usleep(100_000);
	}
	die "no metrics: $log";
}

my $page = scrape();
$page = scrape() unless $page =~ /^mlops_/m;
my (%labels, %value);
for my $line (split /\n/, $page)
{
	next unless $line =~ /^(\w+?)\{(.*)\} (\S+)$/ || $line =~ /^(\w+)()\ (\S+)$/;
	my ($name, $inside, $value) = ($1, $2, $3);
	my %of;
	$of{$1} = $2 while $inside =~ /(\w+)="((?:[^"\\]|\\.)*)"/g;
	delete $of{server};
	$labels{$name}{$_} = 1 for keys %of;
	push @{ $value{$name} }, [ \%of, $value ];
}
is($value{pg_exporter_last_scrape_error}[0][1], 0, 'no query failed');
is((grep { $_->[1] != 0 } @{ $value{pg_exporter_user_query_load_error} // [] }), 0, 'the file was read');
unlike($log, qr/level=error|level=warn/, 'nothing is complained of') or diag($log);

# --- every metric of the file, with the values of the views --------------------------

my ($top, %usage, @counters);
for my $line (split /\n/, $queries)
{
	$top = $1 if $line =~ /^(\w+):$/;
	next unless $line =~ /^\s+- (\w+): \{usage: "(\w+)", description: "[^"]+"\}$/;
	if ($2 eq 'LABEL')
	{
		push @{ $usage{$top} }, $1;
		next;
	}
	push @counters, [ "${top}_$1", $top ];
}
cmp_ok(scalar @counters, '>=', 40, 'metrics in the file: ' . @counters);
my @absent = grep { !defined $value{$_} } map { $_->[0] } @counters;
is("@absent", '', 'each of them is there');
my @wrong = grep { join(' ', sort keys %{ $labels{ $_->[0] } // {} }) ne join(' ', sort @{ $usage{ $_->[1] } }) } @counters;
is(join(' ', map { $_->[0] } @wrong), '', 'with the labels of the file');
is(scalar(grep { ($_->[0]{model} // '') eq 'hidden' } map { @$_ } values %value), 0,
	'a model that the role may not read is not shown');

# The value of a metric by labels; NULL is NaN.
sub metric
{
	my ($name, %want) = @_;
	my @found = grep { my $of = $_->[0]; !grep { $of->{$_} ne $want{$_} } keys %want } @{ $value{$name} // [] };
	return @found == 1 ? $found[0][1] + 0 : scalar(@found) . ' of them';
}

sub number { return $node->safe_psql('postgres', "SELECT $_[0]") + 0 }

is(metric('mlops_model_serving_version', model => 'stream'), number("serving FROM mlops.models WHERE model = 'stream'"), 'version that serves');
is(metric('mlops_monitor_windows', monitor => 'stream'), number("windows FROM mlops.monitors WHERE monitor = 'stream'"), 'windows');
is(metric('mlops_monitor_status', monitor => 'stream'), 2, 'status');
is(metric('mlops_alert_open', model => 'stream'), number("count(*) FROM mlops.alerts WHERE model = 'stream' AND state = 'open'"), 'open alerts');
cmp_ok(metric('mlops_alert_open', model => 'stream'), '>', 0, 'there are some');
is(metric('mlops_job_runs', job => 'by hand'), 1, 'runs of a job');
is(metric('mlops_use_rows', model => 'stream', version => number("serving FROM mlops.models WHERE model = 'stream'")),
	number("rows FROM mlops.stat_model s JOIN mlops.models m ON m.model = s.model AND m.serving = s.version WHERE m.model = 'stream'"), 'rows predicted');
is(sprintf('%.9g', metric('mlops_drift_value', feature => 'a \\"b\\\\', metric => 'psi')),
	sprintf('%.9g', number(q(value FROM mlops.drift_latest WHERE monitor = 'stream' AND slice = '{}' AND metric = 'psi' AND feature = 'a "b\'))),
	'drift of a feature with a strange name');
is(sprintf('%.9g', metric('mlops_figure_value', measure => 'performance', metric => 'roc_auc')),
	sprintf('%.9g', number("value FROM mlops.monitor_results WHERE monitor = 'stream' AND metric = 'roc_auc' AND measure = 'performance' AND value IS NOT NULL ORDER BY window_start DESC LIMIT 1")),
	'performance');

# --- the dashboard asks for metrics and labels that there are ------------------------

my @targets = map { my $panel = $_; map { [ $panel->{title}, $_ ] } @{ $panel->{targets} // [] } } @{ $dashboard->{panels} };
cmp_ok(scalar @targets, '>=', 20, 'queries of the dashboard: ' . @targets);
my @unknown;
for my $target (@targets)
{
	my ($title, $query) = @$target;
	my $expression = $query->{expr};
	my %known;
	while ($expression =~ /\b(mlops_\w+)\{([^}]*(?:\{\}[^}]*)?)\}/g)
	{
		my ($name, $inside) = ($1, $2);
		push @unknown, "$title: $name" unless defined $value{$name};
		$known{$_} = 1 for keys %{ $labels{$name} // {} };
		for my $label ($inside =~ /(\w+)\s*(?:=~|!~|!=|=)\s*"/g)
		{
			push @unknown, "$title: $name has no $label" unless $labels{$name}{$label};
		}
	}
	push @unknown, "$title: no metric" unless %known;
	my $grouped = $expression =~ /\bby \(([\w, ]+)\)/ ? $1 : undef;
	my %kept = defined $grouped ? map { $_ => 1 } split(/, /, $grouped) : %known;
	push @unknown, map { "$title: by $_" } grep { !$known{$_} } keys %kept;
	push @unknown, map { "$title: legend $_" } grep { !$kept{$_} } $query->{legendFormat} =~ /\{\{(\w+)\}\}/g;
}
is("@unknown", '', 'all that it asks for is there');
my %ids = map { $_->{id} => 1 } @{ $dashboard->{panels} };
is(scalar keys %ids, scalar @{ $dashboard->{panels} }, 'panels have numbers of their own');

$run->kill_kill;
$node->stop;
done_testing();
