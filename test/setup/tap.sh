#!/usr/bin/env bash
# tap.sh NAME ...
#	Run test/t/NAME.pl with the test modules of PostgreSQL.  They make their
#	own clusters, so not as root.
#
# What mostly waits runs beside the others, which measure how long something
# takes and so run one after another.

. "$(dirname "$0")/tally.sh"

find_postgres
pgxs=$(dirname "$("$PG_CONFIG" --pgxs)")/../..
export PATH=$bindir:$PATH
export PERL5LIB=$pgxs/src/test/perl:$top/test/t${PERL5LIB:+:$PERL5LIB}
export PG_REGRESS=$pgxs/src/test/regress/pg_regress
export PG_ABS_SRCDIR=$top/test
export TESTDIR=$top TESTDATADIR=$top/tmp_check TESTLOGDIR=$top/tmp_check/log
export top_builddir=$top
unset PGHOST PGPORT PGUSER PGDATABASE
rm -rf "$top/tmp_check"
mkdir -p "$TESTLOGDIR"
cd "$top"
logs=$top/tmp_check
export logs top
waiting=" 003_trainer_faults 013_pg_cron "

# Run one; what it died of stands in a log of its own.
run_test()
{
	local status=0

	timeout 900 prove -v "test/t/$1.pl" || status=$?
	[ "$status" -eq 0 ] ||
		grep -E '^[^#].* at [^ ]+ line [0-9]+\.$' \
			"$TESTLOGDIR/regress_log_$1" | tail -n 3
	return "$status"
}
export -f run_test

beside 9 $(for name; do [ "${waiting/ $name /}" = "$waiting" ] || say "$name"; done)
beside 1 $(for name; do [ "${waiting/ $name /}" != "$waiting" ] || say "$name"; done)
tally_beside "$@"
tally_end
