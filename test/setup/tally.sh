# tally.sh
#	Count what tests report, for the scripts that source this.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

passed=0
failed=0

# count_results LOG STATUS
# "PASSED FAILED" of a log in any of the forms that our tests use: a last
# line "N passed, N failed", TAP, or pg_regress before and since version 16.
# A run that failed without a failed test, or that ran none, is one failure;
# one that says why it is skipped counts nothing.
count_results()
{
	awk -v status="$2" '
		/^[0-9]+ passed, [0-9]+ failed/ { sp = $1; sf = $3; sums = 1 }
		/^1\.\.0 # SKIP/ || /\.\. skipped: / { skipped = 1 }
		/^ok [0-9]+.*# SKIP/ || /^ok [0-9]+.*# skip/ { next }
		/^ok [0-9]/ { p++ }
		/^not ok/ { f++ }
		/^(test )? *[A-Za-z0-9_]+ +\.\.\. ok / { p++ }
		/^(test )? *[A-Za-z0-9_]+ +\.\.\. FAILED/ { f++ }
		END {
			if (sums) { p = sp; f = sf }
			if (f == 0 && (status != 0 || (p == 0 && !skipped))) f = 1
			print p + 0, f + 0
		}' "$1"
}

# tally LOG COMMAND ...
# Run a command, show and keep what it prints, add up its results.
tally()
{
	local log=$1 status=0

	shift
	"$@" >"$log" 2>&1 </dev/null || status=$?
	tally_log "$log" "$status" "$*"
}

# tally_log LOG STATUS COMMAND
# Show what a command has printed, add up its results.
tally_log()
{
	local result

	result=$(count_results "$1" "$2")
	passed=$((passed + ${result% *}))
	failed=$((failed + ${result#* }))
	cat "$1"
	[ "$2" -eq 0 ] || say "# exit status $2: $3"
}

# beside N NAME ...
# Call the script's function run_test NAME for each, N at a time, beside the
# script and whatever it started by another call, with logs in $logs.
beside()
{
	local n=$1

	shift
	printf '%s\n' "$@" |
		xargs -r -P "$n" -n 1 bash -c 'set -euo pipefail; note_test "$1"' - &
	lanes="${lanes:-} $!"
	trap 'kill $lanes 2>/dev/null || true' EXIT
}

# One of them; its status is there when its log is whole.
note_test()
{
	local status=0 from=$SECONDS

	(run_test "$1") >"$logs/$1.out" 2>&1 </dev/null || status=$?
	say "$status $((SECONDS - from))" >"$logs/$1.new"
	mv "$logs/$1.new" "$logs/$1.status"
}
export -f say note_test

# tally_beside NAME ...
# Wait for each in this order and tally it, with the seconds that it took.
tally_beside()
{
	local name status seconds

	for name; do
		say "# $name"
		until [ -e "$logs/$name.status" ]; do
			kill -0 $lanes 2>/dev/null || break
			sleep 0.1
		done
		read -r status seconds 2>/dev/null <"$logs/$name.status" ||
			{ status=125 seconds=; touch "$logs/$name.out"; }
		tally_log "$logs/$name.out" "$status" "$name"
		say "# $name: $seconds s"
	done
}

# The last line, and the exit status to it.
tally_end()
{
	say "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
	exit
}
