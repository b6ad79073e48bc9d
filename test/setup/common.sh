# common.sh
#	Shared by the set-up scripts, which source it: where the tree is, how
#	to become root, which PostgreSQL is meant.

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

say() { printf '%s\n' "$*"; }

die()
{
	printf 'error: %s\n' "$*" >&2
	exit 1
}

# Run a command as root: as it is, or with sudo.  $why tells the reader what
# to do by hand where neither is possible.
as_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }
	then
		sudo "$@"
	else
		die "this needs root or sudo; ${why:-run as root: $*}"
	fi
}

# The major version of PostgreSQL to build for: the one of $PG_CONFIG if
# given, else the highest whose headers or server are installed, else the
# one that the distribution offers.
postgres_version()
{
	local version dir

	if [ -n "${PG_CONFIG:-}" ]; then
		version=$("$PG_CONFIG" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
	else
		version=$(
			for dir in /usr/lib/postgresql/*/lib/pgxs \
				/usr/lib/postgresql/*/bin/postgres
			do
				[ ! -e "$dir" ] || say "$dir"
			done | cut -d / -f 5 | sort -rn | head -n 1
		)
		[ -n "$version" ] || version=$(apt_postgres_version)
	fi
	say "$version"
}

# What `apt-get install postgresql` would bring; nothing if apt knows none.
apt_postgres_version()
{
	apt-cache policy postgresql 2>/dev/null |
		sed -n 's/^ *Candidate: \([0-9][0-9]*\)[+~].*/\1/p'
}

# Set version, bindir and PG_CONFIG to the PostgreSQL that is installed.
find_postgres()
{
	version=$(postgres_version)
	: "${PG_CONFIG:=/usr/lib/postgresql/$version/bin/pg_config}"
	[ -x "$PG_CONFIG" ] || PG_CONFIG=$(command -v pg_config) ||
		die "no pg_config; install postgresql-server-dev-$version"
	export PG_CONFIG
	bindir=$("$PG_CONFIG" --bindir)
}
