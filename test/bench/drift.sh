#!/usr/bin/env bash
# drift.sh
#	`make bench-drift`: mlops.drift over a million rows against what people
#	write by hand in SQL and in Python, in one private server.
#	The measuring is in drift.py.
#
# BENCH_ROWS and BENCH_ROUNDS change the size and the interleaved rounds.

. "$(dirname "$0")/../setup/cluster.sh"

"$top/test/setup/packages.sh" bench
find_postgres
build_tree "$top" env PG_CONFIG="$PG_CONFIG"
why="by hand: sudo make -C $top install" as_root make -s -C "$top" \
	PG_CONFIG="$PG_CONFIG" install >/dev/null

work=$(mktemp -d "${MLOPS_CHECK_DIR:-/tmp}/mlops-bench.XXXXXX")
chmod 711 "$work"
mkdir "$work/pg"
cp "$top/test/bench/drift.py" "$work/"
[ "$(id -un)" = "$server_user" ] || chown -R "$server_user" "$work"
trap 'cluster_stop "$work/pg"; rm -rf "$work"' EXIT
cluster_create "$work/pg" "shared_preload_libraries = 'mlops'" \
	"shared_buffers = 1GB" "max_wal_size = 4GB" "log_min_messages = warning"
cluster_start "$work/pg"

cd "$work"
as_server env BENCH_ROWS="${BENCH_ROWS:-1000000}" \
	BENCH_ROUNDS="${BENCH_ROUNDS:-3}" BENCH_LOG="$work/pg/log" \
	/usr/bin/python3 drift.py </dev/null
