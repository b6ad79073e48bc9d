# cluster.sh
#	A private PostgreSQL: functions for the scripts that source this.
#
# A cluster lives in a folder of its own: data/ and log, and the socket in
# s/.  It listens on that socket only, so it takes no port and meets nobody.
# Only the user that runs it can enter s/, hence trust authentication.
#
# PostgreSQL refuses to run as root.  Then the server, and all that needs to
# run as the same user, runs as the system user postgres.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# where the server's user may be, too
cd /

if [ "$(id -u)" -eq 0 ]; then
	server_user=postgres
else
	server_user=$(id -un)
fi

# Run a command as the user that runs the server.  Root's HOME is closed to
# it.
as_server()
{
	if [ "$(id -un)" = "$server_user" ]; then
		"$@"
	else
		HOME=/nonexistent setpriv --reuid="$server_user" \
			--regid="$(id -g "$server_user")" --init-groups -- "$@"
	fi
}

# cluster_create DIR [NAME=VALUE ...]
# A new cluster in DIR, which must exist and belong to the server's user,
# with these settings beside our own.
cluster_create()
{
	local dir=$1 setting

	shift
	[ "${#dir}" -lt 80 ] || die "path too long for a socket: $dir"
	as_server "$bindir/initdb" -D "$dir/data" -U postgres -A trust \
		-E UTF8 --locale=C.UTF-8 --no-instructions --no-sync \
		>"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; die initdb; }
	as_server mkdir -m 700 -p "$dir/s"
	{
		say "listen_addresses = ''"
		say "unix_socket_directories = '$dir/s'"
		say "port = 5432"
		say "timezone = 'UTC'"
		for setting; do
			say "$setting"
		done
	} | as_server tee -a "$dir/data/postgresql.conf" >/dev/null
}

# cluster_start DIR: start it and let libpq find it.
cluster_start()
{
	local dir=$1

	as_server "$bindir/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 60 -s start \
		>/dev/null </dev/null || { tail -n 30 "$dir/log" >&2; die "the server does not start"; }
	export PGHOST=$dir/s PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	unset PGHOSTADDR PGSERVICE PGOPTIONS
}

# cluster_stop DIR: stop it if it runs.
cluster_stop()
{
	local dir=$1

	[ -f "$dir/data/postmaster.pid" ] || return 0
	as_server "$bindir/pg_ctl" -D "$dir/data" -m fast -w -t 60 -s stop ||
		as_server "$bindir/pg_ctl" -D "$dir/data" -m immediate -w -s stop
}

# Build the tree in $1 with more make arguments, quietly unless it fails.
build_tree()
{
	local tree=$1 log

	shift
	log=$(mktemp)
	if ! "$@" make -s -C "$tree" -j"$(nproc)" >"$log" 2>&1; then
		cat "$log" >&2
		rm -f "$log"
		die "the build failed"
	fi
	rm -f "$log"
}
