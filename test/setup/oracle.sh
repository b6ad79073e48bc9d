#!/usr/bin/env bash
# oracle.sh NAME ...
#	Run test/oracle/NAME.py against the server that the environment names
#	(PGHOST and so on), with Debian's own python3, which has xgboost,
#	scikit-learn and scipy.  Last line: N passed, N failed.

. "$(dirname "$0")/tally.sh"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
cd "$top"
for name; do
	say "# $name"
	tally "$log" timeout 900 "${PYTHON:-/usr/bin/python3}" \
		"test/oracle/$name.py"
done
tally_end
