#!/usr/bin/env bash
# streams.sh
#	`make bench-streams`: real streams, window by window, through the calls
#	that jobs make, in one private server.  The replay is in streams.py.
#
# MLOPS_TEST_DATA names the folder of the data sets that are not shipped;
# BENCH_ONLY chooses streams by a regular expression, BENCH_SHUFFLES how many
# shuffles of each are watched for false alarms.

. "$(dirname "$0")/../setup/cluster.sh"

"$top/test/setup/packages.sh" bench
find_postgres
build_tree "$top" env PG_CONFIG="$PG_CONFIG"
# a server of one's own needs no root
become=
[ -w "$("$PG_CONFIG" --pkglibdir)" ] || become=as_root
why="by hand: sudo make -C $top install" $become make -s -C "$top" \
	PG_CONFIG="$PG_CONFIG" install >/dev/null

data=$(realpath -m "${MLOPS_TEST_DATA:-$top/../shared/data}")
work=$(mktemp -d "${MLOPS_CHECK_DIR:-/tmp}/mlops-bench.XXXXXX")
trap 'cluster_stop "$work/pg"; rm -rf "$work"' EXIT
chmod 711 "$work"
mkdir "$work/pg" "$work/files"
cp "$top/test/bench/streams.py" "$work/"
for file in "$data"/{elec2,bike_sharing_hour,bank_marketing,powersupply} \
	"$top/test/data/flights"; do
	[ ! -r "$file.csv.gz" ] || cp "$file.csv.gz" "$work/files/"
done
[ "$(id -un)" = "$server_user" ] || chown -R "$server_user" "$work"
cluster_create "$work/pg" "shared_preload_libraries = 'mlops'" \
	"shared_buffers = 512MB" "max_wal_size = 4GB" "log_min_messages = warning"
cluster_start "$work/pg"

cd "$work"
as_server env BENCH_ONLY="${BENCH_ONLY:-}" \
	BENCH_SHUFFLES="${BENCH_SHUFFLES:-3}" BENCH_TELL="${BENCH_TELL:-}" \
	/usr/bin/python3 streams.py </dev/null
