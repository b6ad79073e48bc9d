#!/usr/bin/env bash
# demo.sh [stop]
#	From nothing to the end of docs/tour.sql: packages, build, install, a
#	private server with the extension and pg_cron preloaded, the tour.
#
# The server's folder is $MLOPS_DEMO_DIR, else /tmp/mlops-demo-UID.  Each run
# starts it anew.  The server is stopped at the end unless KEEP=1.

. "$(dirname "$0")/cluster.sh"

dir=${MLOPS_DEMO_DIR:-/tmp/mlops-demo-$(id -u)}

# Make $dir ours and empty; refuse a folder that is somebody else's.
fresh_folder()
{
	if [ -e "$dir" ] || [ -L "$dir" ]; then
		[ -O "$dir" ] && [ ! -L "$dir" ] && [ -f "$dir/.mlops-demo" ] ||
			die "$dir is in the way and not of an earlier demo; remove it or set MLOPS_DEMO_DIR"
		cluster_stop "$dir/pg"
		rm -rf "$dir"
	fi
	mkdir -m 711 "$dir"
	touch "$dir/.mlops-demo"
	mkdir "$dir/pg"
	[ "$(id -un)" = "$server_user" ] || chown "$server_user" "$dir/pg"
}

if [ "${1:-}" = stop ]; then
	if [ ! -f "$dir/.mlops-demo" ]; then
		say "There is no demo in $dir."
		exit 0
	fi
	find_postgres
	[ -O "$dir" ] || die "$dir is not yours"
	cluster_stop "$dir/pg"
	say "The demo's server is stopped."
	exit 0
fi

"$top/test/setup/packages.sh" demo
find_postgres
say "Building with PostgreSQL $version ..."
build_tree "$top" env
why="by hand: sudo make -C $top install" as_root \
	make -s -C "$top" PG_CONFIG="$PG_CONFIG" install >/dev/null

fresh_folder
trap '[ "${KEEP:-0}" = 1 ] && [ -n "${done:-}" ] || cluster_stop "$dir/pg"' EXIT
cluster_create "$dir/pg" \
	"shared_preload_libraries = 'pg_cron,mlops'" \
	"cron.database_name = 'demo'" "cron.host = '$dir/pg/s'" \
	"max_worker_processes = 16" "log_min_messages = warning"
cluster_start "$dir/pg"
psql=$bindir/psql
"$psql" -X -q -c 'CREATE DATABASE demo'
export PGDATABASE=demo
"$psql" -X -q -c 'CREATE EXTENSION pg_cron'

"$psql" -X -q -v ON_ERROR_STOP=1 -v flights="$top/test/data/flights.csv.gz" \
	-P pager=off -P border=1 -P "null=-" -P footer=off \
	<"$top/docs/tour.sql"
done=1

say
if [ "${KEEP:-0}" = 1 ]; then
	say "The server is still running.  To look around:"
	say
	say "    $psql -h $dir/pg/s -U postgres demo"
	say
	say "make demo-stop stops it."
else
	say "The server stops now.  make demo KEEP=1 leaves it running; then this is"
	say "how to look around:"
	say
	say "    $psql -h $dir/pg/s -U postgres demo"
fi
