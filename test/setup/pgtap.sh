#!/usr/bin/env bash
# pgtap.sh NAME ...
#	Run test/pgtap/NAME.sql by pg_prove, each in a database of its own with
#	pgtap and mlops, on the server that the environment names.

. "$(dirname "$0")/tally.sh"

find_postgres
export PATH=$bindir:$PATH PG_ABS_SRCDIR=$top/test
log=$(mktemp)
trap 'rm -f "$log"' EXIT
cd "$top"
for name; do
	say "# $name"
	psql -X -q -c 'DROP DATABASE IF EXISTS mlops_pgtap' \
		-c 'CREATE DATABASE mlops_pgtap' 2>/dev/null
	psql -X -q -d mlops_pgtap -c 'CREATE EXTENSION pgtap' \
		-c 'CREATE EXTENSION mlops'
	tally "$log" timeout 600 pg_prove -v -d mlops_pgtap "test/pgtap/$name.sql"
	psql -X -q -c 'DROP DATABASE mlops_pgtap'
done
tally_end
