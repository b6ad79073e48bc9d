#!/usr/bin/env bash
# oracle.sh NAME ...
#	Run test/oracle/NAME.py against the server that the environment names
#	(PGHOST and so on), with Debian's own python3, which has xgboost,
#	scikit-learn and scipy.  Last line: N passed, N failed.
#
# Each has a database of its own, so two run at a time, with one thread each
# where it does not start processes of its own.

. "$(dirname "$0")/tally.sh"

logs=$(mktemp -d)
export logs OMP_THREAD_LIMIT=1 OPENBLAS_NUM_THREADS=1
cd "$top"

run_test()
{
	local status=0

	export PGDATABASE=mlops_$1
	psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE" \
		-c "CREATE DATABASE $PGDATABASE" 2>/dev/null
	psql -X -q -c 'CREATE EXTENSION mlops'
	timeout 1200 "${PYTHON:-/usr/bin/python3}" "test/oracle/$1.py" || status=$?
	psql -X -q -d postgres -c "DROP DATABASE $PGDATABASE"
	return "$status"
}
export -f run_test

beside 2 "$@"
tally_beside "$@"
rm -r "$logs"
tally_end
