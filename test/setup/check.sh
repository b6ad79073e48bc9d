#!/usr/bin/env bash
# check.sh
#	Every test, from nothing: packages, a build with all warnings as errors,
#	installation, then each suite in private servers.
#
# The tree is copied to a folder that the server's user can enter (as root
# that is postgres, who may not see the checkout) and built there, so what is
# tested is what the sources say, not what an earlier build left.  Logs stay
# there if something fails.  Last line: N passed, N failed.

. "$(dirname "$0")/tally.sh"
. "$(dirname "$0")/cluster.sh"

strict="-Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare"
strict="$strict -Wno-missing-field-initializers"
started=$SECONDS
failed_logs=

# Copy the sources into $work/tree.
copy_tree()
{
	local entries="Makefile README.md LICENSE .gitignore .editorconfig
		mlops.control sql src test expected docs"

	mkdir "$work/tree" "$work/log"
	tar -C "$top" -cf - --exclude='*.o' --exclude='*.d' --exclude='*.so' \
		--exclude='*.bc' --exclude='sql/mlops--*.sql' \
		--exclude='mlops-trainer' --exclude='__pycache__' $entries |
		tar -C "$work/tree" -xf - --no-same-owner
	chmod -R u+rwX,go+rX "$work/tree"
	[ "$(id -un)" = "$server_user" ] || chown -R "$server_user" "$work"
}

# suite NAME COMMAND ...
# Run it as the server's user in the copy; one line now, the log at failure.
# It is a session of its own, so that all of it can be ended.
suite()
{
	local name=$1 status=0 log result from=$SECONDS

	shift
	log=$work/log/${name// /-}.log
	(cd "$work/tree" && as_server setsid --wait bash -c \
		'echo $$ >"$0" && exec timeout 1500 "$@"' "$work/session" "$@") \
		>"$log" 2>&1 </dev/null &
	# unlike a command in the foreground, this lets a signal be heard at once
	wait $! || status=$?
	rm -f "$work/session"
	result=$(count_results "$log" "$status")
	passed=$((passed + ${result% *}))
	failed=$((failed + ${result#* }))
	printf '%-28s %5d passed %4d failed %5d s\n' "$name" \
		"${result% *}" "${result#* }" $((SECONDS - from))
	grep -h '\.\. skipped: ' "$log" || true
	if [ "${result#* }" -ne 0 ]; then
		failed_logs="$failed_logs $log"
		show_failure "$log"
	fi
}

# The lines of a log that say what failed.
failures()
{
	grep -nE '^not ok|FAILED|^# +(Failed|got|expected|at )|^# +'"'"'|runtime error|ERROR: Add|Error|^exit' \
		"$1" | head -n 40 || true
}

# The names of what failed, each after those of suite and script, of some logs.
failed_names()
{
	awk 'FNR == 1 {
			suite = FILENAME; gsub(/.*\/|\.log$/, "", suite)
			script = ""
		}
		/^# ([0-9]+_)?[a-z]+(_[a-z0-9]+)*$/ { script = $2 ": " }
		/^not ok|^(test )? *[A-Za-z0-9_]+ +\.\.\. FAILED|^# exit status/ ||
		/^[^#].* at [^ ]+ line [0-9]+\.$/ ||
		/runtime error|ERROR: Add|: Error/ { print suite ": " script $0 }' "$@" |
		cut -c -200
}

# What a reader needs of the log of a failed suite.
show_failure()
{
	say "---- $1"
	failures "$1"
	say "---- its end"
	tail -n 40 "$1"
	if [ -s "$work/tree/regression.diffs" ]; then
		say "---- differences"
		head -n 150 "$work/tree/regression.diffs"
		mv "$work/tree/regression.diffs" "$1.diffs"
	fi
	say "----"
}

# with_cluster NAME SETTING ... -- FUNCTION
# Call the function with a new server, and stop that.
with_cluster()
{
	local dir=$work/$1 settings=()

	shift
	while [ "$1" != -- ]; do
		settings+=("$1")
		shift
	done
	as_server mkdir "$dir"
	cluster_create "$dir" "fsync = off" "log_min_messages = warning" \
		"max_prepared_transactions = 5" "${settings[@]}"
	cluster_start "$dir"
	"$2"
	cluster_stop "$dir"
	# a crash that no test noticed
	if grep -q 'was terminated by signal\|TRAP:' "$dir/log"; then
		say "---- a server process died: $dir/log"
		grep -n 'was terminated by signal\|TRAP:' "$dir/log" | head
		failed=$((failed + 1))
	fi
}

# A list of the Makefile.
list() { make -s -C "$top" "print-$1"; }

# suite_of NAME TESTS COMMAND ...: the suite with its tests as arguments, if
# there are any.  lint holds the lists against the files.
suite_of()
{
	local name=$1 tests=$2

	shift 2
	[ -z "$tests" ] || suite "$name" "$@" $tests
}

# The suites against a server that preloads the extension and pg_cron.
preloaded_suites()
{
	local make="make -s installcheck PG_CONFIG=$PG_CONFIG"

	[ -z "$regress$regress_preload" ] || suite "regress, preloaded" \
		$make ISOLATION= REGRESS="$regress $regress_preload"
	[ -z "$isolation" ] || suite "isolation" $make REGRESS=
	suite_of "pgtap" "$pgtap" test/setup/pgtap.sh
	suite_of "oracle" "$oracle" test/setup/oracle.sh
}

# The suites against a server that preloads nothing.
plain_suites()
{
	[ -z "$regress" ] || suite "regress, not preloaded" \
		make -s installcheck PG_CONFIG="$PG_CONFIG" ISOLATION= \
		REGRESS="$regress $regress_nopreload"
}

# End what is left of the suite that was running.
end_suite()
{
	local session signal

	session=$(cat "$work/session" 2>/dev/null) || return 0
	for signal in TERM KILL; do
		pkill -"$signal" -s "$session" || return 0
		for _ in {1..100}; do
			pgrep -s "$session" >/dev/null || return 0
			sleep 0.2
		done
	done
}

# On every way out: nothing is left running, the logs are where they help.
finish()
{
	local pid_file

	end_suite
	find "$work" -name postmaster.pid | while read -r pid_file; do
		as_server "$bindir/pg_ctl" -D "${pid_file%/*}" -m immediate -w -s stop
	done >/dev/null 2>&1 || true
	# what ends the script before its end is a failure too
	[ -n "${finished:-}" ] || failed=$((failed + 1))
	if [ "$failed" -eq 0 ]; then
		rm -rf "$work"
	else
		say "Logs are in $work"
		# once more, where whoever sees but the end of all this looks
		say "---- what failed"
		[ -z "$failed_logs" ] || failed_names $failed_logs | tail -n 15
	fi
	say "$passed passed, $failed failed"
}

"$top/test/setup/packages.sh" check
find_postgres
work=$(mktemp -d "${MLOPS_CHECK_DIR:-/tmp}/mlops-check.XXXXXX")
chmod 755 "$work"
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
regress=$(list REGRESS)
regress_preload=$(list REGRESS_PRELOAD)
regress_nopreload=$(list REGRESS_NOPRELOAD)
isolation=$(list ISOLATION)
pgtap=$(list PGTAP)
oracle=$(list ORACLE)

# Data sets that are not shipped, for the oracle tests, where there are any.
: "${MLOPS_TEST_DATA:=$top/../shared/data}"
if [ -d "$MLOPS_TEST_DATA" ]; then
	export MLOPS_TEST_DATA MLOPS_ORACLE_DATA=$MLOPS_TEST_DATA
else
	unset MLOPS_TEST_DATA
fi

copy_tree
say "Building with PostgreSQL $version, warnings are errors ..."
build_tree "$work/tree" as_server env COPT="$strict" PG_CONFIG="$PG_CONFIG"
why="by hand: sudo make -C $top install" as_root make -s -C "$work/tree" \
	PG_CONFIG="$PG_CONFIG" install COPT="$strict" >/dev/null

suite "lint" test/lint/lint.sh
suite_of "unit" "$(list UNIT)" test/setup/unit.sh
with_cluster with "shared_preload_libraries = 'pg_cron,mlops'" \
	"cron.database_name = 'postgres'" -- preloaded_suites
with_cluster without -- plain_suites
suite_of "tap" "$(list TAP)" test/setup/tap.sh
say "$((SECONDS - started)) s in all"
finished=1
[ "$failed" -eq 0 ]
