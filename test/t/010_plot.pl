# Charts as a browser shows them: nothing is cut off, no labels overlap, all
# shapes are there, no script in a name runs, and none is blank.
use strict;
use warnings;

use Compress::Zlib;
use FindBin;
use IPC::Run;
use JSON::PP;
use lib $FindBin::RealBin;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir();

# the fonts that the packages of the check bring, whatever else is installed
my $fonts = '/usr/share/fonts/truetype/dejavu';
append_to_file("$dir/fonts.conf", <<"XML");
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>$fonts</dir>
  <cachedir>$dir/fonts</cachedir>
</fontconfig>
XML

# Run Chromium with these arguments; returns what it printed.
sub browse
{
	my (@arguments) = @_;
	my ($out, $err) = ('', '');

	# whatever the user's home is like
	local $ENV{HOME} = $dir;
	local $ENV{FONTCONFIG_FILE} = "$dir/fonts.conf" if -d $fonts;
	local $ENV{XDG_CONFIG_HOME} = "$dir/config";
	local $ENV{XDG_CACHE_HOME} = "$dir/cache";
	my @command = (
		'chromium', '--headless', '--no-sandbox', '--disable-gpu',
		'--disable-dev-shm-usage', '--no-first-run',
		'--hide-scrollbars', "--user-data-dir=$dir/profile", @arguments);
	my $done = eval {
		IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err,
			IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	};
	die "chromium failed (apt-get install chromium): $@ $err" unless $done;
	return $out;
}

# Width and height of a PNG of 8 bits a channel, and how many different colours
# it has, counted until there are more than enough.
sub colours_of
{
	my ($png, $enough) = @_;
	my ($at, $data, %seen) = (8, '');
	my ($width, $height, $depth, $type) = unpack('x16 N N C C', $png);
	my $size = { 2 => 3, 6 => 4 }->{$type} or die "PNG of type $type";

	while ($at < length($png))
	{
		my ($length, $name) = unpack("x$at N a4", $png);
		$data .= substr($png, $at + 8, $length) if $name eq 'IDAT';
		$at += $length + 12;
	}
	$data = uncompress($data);
	my @above = (0) x ($width * $size);
	for my $y (0 .. $height - 1)
	{
		my $start = $y * ($width * $size + 1);
		my $filter = ord(substr($data, $start, 1));
		my @line = unpack('C*', substr($data, $start + 1, $width * $size));

		for my $i (0 .. $#line)
		{
			my $left = $i < $size ? 0 : $line[ $i - $size ];
			my $corner = $i < $size ? 0 : $above[ $i - $size ];
			my $up = $above[$i];
			my $guess = $left + $up - $corner;
			my ($a, $b, $c) = map { abs($guess - $_) } $left, $up, $corner;

			$line[$i] = ($line[$i] + (
					  $filter == 0 ? 0
					: $filter == 1 ? $left
					: $filter == 2 ? $up
					: $filter == 3 ? ($left + $up) >> 1
					: $a <= $b && $a <= $c ? $left
					: $b <= $c ? $up
					: $corner)) & 255;
		}
		# every 3rd pixel of every 3rd line is enough
		if ($y % 3 == 0)
		{
			for (my $x = 0; $x < $width; $x += 3)
			{
				$seen{ join ',', @line[ $x * $size .. $x * $size + 2 ] }++;
			}
			last if keys %seen > $enough;
		}
		@above = @line;
	}
	return ($width, $height, scalar keys %seen);
}

# --- the charts ---------------------------------------------------------------

my $node = new_node('plot');
my $header = `gzip -dc $FindBin::RealBin/../data/breast_cancer.csv.gz | head -1`;
chomp $header;
load_csv($node, 'breast_cancer',
	join ', ', map { "$_ " . ($_ eq 'diagnosis' ? 'text' : 'float8') }
	  split /,/, $header);
load_csv($node, 'flights', 'dep_time timestamp, delay integer, '
	  . 'distance integer, origin text, destination text');
load_csv($node, 'iris', 'sepal_length float8, sepal_width float8, '
	  . 'petal_length float8, petal_width float8, species text');
load_csv($node, 'diabetes', 'age integer, sex integer, bmi float8, bp float8, '
	  . 's1_tc integer, s2_ldl float8, s3_hdl float8, s4_tch float8, '
	  . 's5_ltg float8, s6_glu integer, progression integer');
load_csv($node, 'digits',
	join ', ', map { "$_ integer" } (map { "px$_" } 0 .. 63), 'digit');

my $hostile = '</svg><script>hostile=1</script><img src=x onerror=hostile=1>';
$node->safe_psql('postgres', <<"SQL");
SELECT mlops.train('late', 'flights', 'delay > 15', exclude => 'delay', event_time => 'dep_time');
SELECT mlops.train('cancer', 'breast_cancer', 'diagnosis');
SELECT mlops.train('iris', 'iris', 'species');
SELECT mlops.train('diabetes', 'diabetes', 'progression');
SELECT mlops.train('digit', 'digits', 'digit', task => 'multiclass', params => '{"num_boost_round": 10}');
CREATE TABLE odd AS
SELECT i AS "$hostile", (ARRAY['&lt;', '"''>', 'Größe 日本語 ' || repeat('lang ', 30)])[1 + i % 3] AS "naïve <b>名前</b> & that is a very long name",
	i % 7 * 1e9 AS big, i * (i % 3) AS y FROM generate_series(1, 300) i;
SELECT mlops.train('odd <i>&amp;<script> ' || repeat('long ', 30), 'odd', 'y');
SQL
my $odd = "'odd <i>&amp;<script> ' || repeat('long ', 30)";

# name, SQL, and how many shapes of which selector it has, by SQL
my @charts = (
	[ roc => "mlops.plot('late', 'roc', 'flights')", 'path.line' => '2' ],
	[ roc_classes => "mlops.plot('iris', 'roc', 'iris')", 'path.line' => '4' ],
	[ pr => "mlops.plot('cancer', 'pr', 'breast_cancer')", 'path.line' => '2' ],
	[   pr_classes => "mlops.plot('iris', 'pr', 'iris')", 'path.line' => '3' ],
	[   lift => "mlops.plot('late', 'lift', 'flights')",
		'rect.bar' => "(SELECT count(*) FROM mlops.lift_curve('late', 'flights'))" ],
	[   calibration => "mlops.plot('late', 'calibration', 'flights')",
		'circle' => "(SELECT count(*) FROM mlops.calibration_curve('late', 'flights'))" ],
	[ confusion => "mlops.plot('cancer', 'confusion', 'breast_cancer')", 'rect.cell' => '4' ],
	[ confusion_classes => "mlops.plot('digit', 'confusion', 'digits')", 'rect.cell' => '100' ],
	[ learning => "mlops.plot('diabetes', 'learning_curve')", 'path.line' => '3' ],
	[ importance => "mlops.plot('cancer', 'importance', 'breast_cancer')", 'rect.bar' => '25' ],
	[ importance_gain => "mlops.plot('diabetes', 'importance')", 'rect.bar' => '10' ],
	[ dependence => "mlops.plot('diabetes', 'partial_dependence', 'diabetes', feature => 'bmi')", 'path.band' => '1' ],
	[   dependence_category => "mlops.plot('late', 'partial_dependence', 'flights', feature => 'origin')",
		'circle' => '30' ],
	[ reasons => "(SELECT mlops.plot_reasons('cancer', b) FROM breast_cancer b LIMIT 1)", 'rect.bar' => '13' ],
	[   reasons_class => "(SELECT mlops.plot_reasons('iris', i, 'virginica') FROM iris i LIMIT 1)",
		'rect.bar' => '4' ],
	[ odd_importance => "mlops.plot($odd, 'importance')", 'rect.bar' => '3' ],
	[ odd_reasons => "(SELECT mlops.plot_reasons($odd, o) FROM odd o LIMIT 1)", 'rect.bar' => '3' ],
	[ odd_dependence => "mlops.plot($odd, 'partial_dependence', 'odd', feature => '$hostile', title => '$hostile')", 'path.line' => '1' ],
	[   odd_category => "mlops.plot($odd, 'partial_dependence', 'odd', feature => 'naïve <b>名前</b> & that is a very long name')",
		'circle' => '3' ],
	[   groups => q{mlops.draw(jsonb_build_object('title', 'Groups', 'series', (SELECT jsonb_agg(jsonb_build_object(
			'type', 'bars', 'name', 'series ' || s, 'x', '["a", "bb with a rather long name", "c"]'::jsonb,
			'y', jsonb_build_array(s, -s, 1e12 * s))) FROM generate_series(1, 12) s)))}, 'rect.bar' => '36' ],
	[   many => q{(SELECT mlops.draw(jsonb_build_object('x', '{"label": "x"}'::jsonb, 'y', '{"label": "y"}'::jsonb,
			'series', jsonb_build_array(jsonb_build_object('type', 'points', 'name', 'points', 'x', jsonb_agg(i), 'y', jsonb_agg(sin(i)))))) FROM generate_series(1, 50000) i)},
		'circle' => '2000' ],
	[   columns => q{(SELECT mlops.draw(jsonb_build_object('series', jsonb_build_array(jsonb_build_object('type', 'bars',
			'x', jsonb_agg('category ' || i), 'y', jsonb_agg(i), 'labels', jsonb_agg(i::text))))) FROM generate_series(1, 120) i)}, 'rect.bar' => '120' ],
	[   crowded => q{(SELECT mlops.draw(jsonb_build_object('title', 'Labels that leave each other room', 'series', jsonb_build_array(
			jsonb_build_object('type', 'points', 'x', jsonb_agg(sin(i)), 'y', jsonb_agg(cos(i * i)), 'labels', jsonb_agg('point ' || i)))))
			FROM generate_series(1, 90) i)}, 'circle' => '90' ],
	[   narrow => q{(SELECT mlops.draw(jsonb_build_object('width', 300, 'series', jsonb_build_array(jsonb_build_object('type', 'bars',
			'x', jsonb_agg('a rather long category ' || i), 'y', jsonb_agg(i))))) FROM generate_series(1, 20) i)}, 'rect.bar' => '20' ],
	[   small => q{mlops.draw('{"width": 220, "height": 220, "title": "A title without room",
			"x": {"label": "a label without room for all of it"}, "y": {"label": "a label without room for all of it"},
			"series": [{"name": "one", "x": [1234567, 1234570], "y": [0.00001, 0.00002]}, {"name": "two", "x": [1234567], "y": [0]}]}')},
		'path.line' => '2' ],
	[ empty => q{mlops.draw('{"title": "Nothing", "series": [{"x": [], "y": []}]}')}, 'text.empty' => '1' ],
);

# --- in the browser -------------------------------------------------------------

my $measure = <<'JS';
const result = {};
let waiting = 0;
function colours(svg, into) {
	const image = new Image(), box = svg.viewBox.baseVal;
	waiting++;
	image.onload = () => {
		const canvas = document.createElement('canvas');
		canvas.width = box.width; canvas.height = box.height;
		const context = canvas.getContext('2d');
		context.drawImage(image, 0, 0);
		const data = context.getImageData(0, 0, box.width, box.height).data;
		const seen = new Set();
		for (let i = 0; i < data.length; i += 4)
			seen.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
		into.colours = seen.size;
		if (--waiting == 0) report();
	};
	image.onerror = () => { into.colours = -1; if (--waiting == 0) report(); };
	image.src = 'data:image/svg+xml;charset=utf-8,' +
		encodeURIComponent(new XMLSerializer().serializeToString(svg));
}
function report() {
	const out = document.createElement('pre');
	out.id = 'result';
	out.textContent = JSON.stringify({charts: result,
		hostile: window.hostile === undefined ? 0 : 1,
		scripts: document.querySelectorAll('section script, section img').length});
	document.body.replaceChildren(out);
}
for (const section of document.querySelectorAll('section')) {
	const svg = section.querySelector('svg');
	const root = svg.getBoundingClientRect(), box = svg.viewBox.baseVal;
	const texts = [...svg.querySelectorAll('text')].map(t => {
		const r = t.getBoundingClientRect();
		const text = t.firstChild ? t.firstChild.textContent : '';
		return {text, kind: t.getAttribute('class'), left: r.left - root.left,
			top: r.top - root.top, right: r.right - root.left,
			bottom: r.bottom - root.top, empty: r.width == 0};
	});
	const outside = texts.filter(t => t.left < -0.5 || t.top < -0.5 ||
		t.right > box.width + 0.5 || t.bottom > box.height + 0.5);
	const overlaps = [];
	for (let i = 0; i < texts.length; i++)
		for (let j = 0; j < i; j++) {
			const a = texts[i], b = texts[j];
			if (!a.empty && !b.empty && a.left < b.right - 1 &&
				b.left < a.right - 1 && a.top < b.bottom - 2 &&
				b.top < a.bottom - 2)
				overlaps.push(a.kind + ': ' + a.text + ' | ' + b.kind + ': ' + b.text);
		}
	result[section.id] = {texts: texts.length,
		kinds: [...new Set(texts.map(t => t.kind))].sort(),
		outside: outside.map(t => t.kind + ': ' + t.text), overlaps,
		width: root.width, children: section.children.length,
		shapes: svg.querySelectorAll(section.dataset.shape).length,
		beyond: [...svg.querySelectorAll('svg.data *')].filter(s =>
			isNaN(s.getBoundingClientRect().left)).length,
		role: svg.getAttribute('role'),
		described: svg.querySelector(':scope > title').textContent != '' &&
			svg.querySelector(':scope > desc') != null};
	colours(svg, result[section.id]);
}
JS

my (%svg, %expected);
my $page = "<!DOCTYPE html><html><head><meta charset=\"utf-8\"></head>"
  . "<body style=\"margin:0;width:4000px\">\n";
for my $chart (@charts)
{
	my ($name, $sql, $shape, $count) = @$chart;

	$svg{$name} = $node->safe_psql('postgres', "SELECT $sql");
	$expected{$name} = $node->safe_psql('postgres', "SELECT $count");
	$page .= "<section id=\"$name\" data-shape=\"$shape\">$svg{$name}</section>\n";
}
append_to_file("$dir/page.html", "$page<script>$measure</script></body></html>");
my $dom = browse('--virtual-time-budget=30000', '--dump-dom',
	"file://$dir/page.html");
my ($json) = $dom =~ m{<pre id="result">(.*?)</pre>}s;
ok(defined $json, 'the page was measured') or diag(substr($dom, 0, 2000));
$json =~ s/&lt;/</g;
$json =~ s/&gt;/>/g;
$json =~ s/&amp;/&/g;
my $result = decode_json($json);

is($result->{hostile}, 0, 'no script of a name has run');
is($result->{scripts}, 0, 'no elements came out of names');
is(scalar keys %{ $result->{charts} }, scalar @charts, 'all charts are there');
for my $chart (@charts)
{
	my ($name, undef, $shape) = @$chart;
	my $got = $result->{charts}->{$name};

	is(join("\n", @{ $got->{outside} }), '', "$name: all text is inside");
	is(join("\n", @{ $got->{overlaps} }), '', "$name: no text on another");
	is($got->{shapes}, $expected{$name}, "$name: $expected{$name} of $shape");
	is($got->{children}, 1, "$name: one element");
	ok($got->{role} eq 'img' && $got->{described}, "$name: is described");
	cmp_ok($got->{colours}, '>', 5, "$name: not blank as an image");
	ok($got->{texts} > 3, "$name: labelled");
}

# each by itself, on light and on dark paper
for my $chart (@charts)
{
	my ($name) = @$chart;
	my ($width, $height) = $svg{$name} =~ /viewBox="0 0 ([\d.]+) ([\d.]+)"/;

	append_to_file("$dir/$name.svg", $svg{$name});
	browse("--screenshot=$dir/$name.png",
		sprintf('--window-size=%d,%d', $width, $height + 1),
		"file://$dir/$name.svg");
	my ($w, $h, $colours) = colours_of(slurp_file("$dir/$name.png"), 5);
	ok($w == int($width) && $colours > 5, "$name: a picture in colours");
}
browse("--screenshot=$dir/dark.png", '--window-size=720,500',
	'--blink-settings=preferredColorScheme=0', "file://$dir/lift.svg");
isnt(slurp_file("$dir/dark.png"), slurp_file("$dir/lift.png"),
	'another picture on a dark screen');

$node->stop;
done_testing();
