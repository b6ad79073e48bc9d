#!/usr/bin/env bash
# forest.sh
#	`make bench-forest`: predictions of rows in memory by every path of the
#	forest module, row by row and in batches, against libxgboost on all rows
#	at once, in one thread.  The measuring is in forest.py; no server.
#
# BENCH_ROUNDS changes the interleaved rounds.

. "$(dirname "$0")/../setup/tally.sh"

"$top/test/setup/packages.sh" bench
cd "$top"
exec env BENCH_ROUNDS="${BENCH_ROUNDS:-5}" /usr/bin/python3 \
	test/bench/forest.py
