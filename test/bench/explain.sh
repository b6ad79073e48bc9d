#!/usr/bin/env bash
# explain.sh
#	`make bench-explain`: contributions of one row after the other, by the
#	forest module, against pred_contribs of libxgboost on all rows at once,
#	both in one thread.  The measuring is in explain.py; no server.
#
# BENCH_ROUNDS changes the interleaved rounds.

. "$(dirname "$0")/../setup/tally.sh"

"$top/test/setup/packages.sh" bench
cd "$top"
exec env BENCH_ROUNDS="${BENCH_ROUNDS:-5}" /usr/bin/python3 \
	test/bench/explain.py
