#!/usr/bin/env bash
# serving.sh
#	`make bench-serving`: predictions in queries against libxgboost as a C
#	program, as plpython3u and as Python clients use it, in private servers.
#	The measuring is in serving.py, the C program is serving_library.c.
#
# BENCH_ROWS and BENCH_ROUNDS change the size and the interleaved rounds,
# BENCH_ONLY chooses measures by a regular expression; MLOPS_TEST_DATA names
# the folder of letter_recognition.csv.gz.

. "$(dirname "$0")/../setup/cluster.sh"

"$top/test/setup/packages.sh" bench
find_postgres
build_tree "$top" env PG_CONFIG="$PG_CONFIG"
# a server of one's own needs no root
become=
[ -w "$("$PG_CONFIG" --pkglibdir)" ] || become=as_root
why="by hand: sudo make -C $top install" $become make -s -C "$top" \
	PG_CONFIG="$PG_CONFIG" install >/dev/null

rows=${BENCH_ROWS:-1000000}
data=$(realpath -m "${MLOPS_TEST_DATA:-$top/../shared/data}")
work=$(mktemp -d "${MLOPS_CHECK_DIR:-/tmp}/mlops-bench.XXXXXX")
# Whatever serving.py has started ends when it ends: its children read a pipe
# from it or are servers that are stopped here.
trap 'cluster_stop "$work/pg"; cluster_stop "$work/plain"; rm -rf "$work"' EXIT
chmod 711 "$work"
mkdir "$work/pg" "$work/plain" "$work/files"
cp "$top/test/bench/serving.py" "$work/"
[ ! -r "$data/letter_recognition.csv.gz" ] ||
	cp "$data/letter_recognition.csv.gz" "$work/files/"
gcc -O2 -Wall -o "$work/serving_library" \
	"$top/test/bench/serving_library.c" -lxgboost
[ "$(id -un)" = "$server_user" ] || chown -R "$server_user" "$work"

settings=("jit = off" "max_parallel_workers_per_gather = 0"
	"synchronize_seqscans = off" "autovacuum = off" "max_wal_size = 8GB"
	"checkpoint_timeout = 1h" "log_min_messages = warning")
cluster_create "$work/pg" "shared_preload_libraries = 'mlops'" \
	"shared_buffers = $((rows / 500 + 256))MB" "${settings[@]}"
cluster_create "$work/plain" "shared_buffers = 64MB" "${settings[@]}"
cluster_start "$work/plain"
cluster_start "$work/pg"

cd "$work"
as_server env BENCH_ROWS="$rows" BENCH_ROUNDS="${BENCH_ROUNDS:-5}" \
	BENCH_ONLY="${BENCH_ONLY:-}" BENCH_POINT_RUNS="${BENCH_POINT_RUNS:-10}" \
	BENCH_PLAIN="$work/plain/s" BENCH_PGBENCH="$bindir/pgbench" \
	/usr/bin/python3 serving.py </dev/null
