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
	local log=$1 status=0 result

	shift
	"$@" >"$log" 2>&1 </dev/null || status=$?
	result=$(count_results "$log" "$status")
	passed=$((passed + ${result% *}))
	failed=$((failed + ${result#* }))
	cat "$log"
	[ "$status" -eq 0 ] || say "# exit status $status: $*"
}

# The last line, and the exit status to it.
tally_end()
{
	say "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
	exit
}
