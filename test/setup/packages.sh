#!/usr/bin/env bash
# packages.sh WHAT
#	Install the Debian packages that WHAT needs and that are missing:
#	build, demo, check, bench or fuzz.  With --list, only print the missing
#	ones.
#
# Works on a machine where nothing is installed but make.  The first
# PostgreSQL server that comes this way creates and starts no cluster of its
# own, and no daemon is started: the scripts beside this one do what is needed.

. "$(dirname "$0")/common.sh"

list_only=
if [ "${1:-}" = --list ]; then
	list_only=1
	shift
fi
what=${1:?build, demo, check, bench or fuzz}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	say "Not a Debian system: no packages are installed, what is here is used."
	exit 0
fi

# The packages of $what for PostgreSQL $version, one a line.
wanted()
{
	local build demo check

	build="gcc libc6-dev make libxgboost-dev libjansson-dev
		postgresql-server-dev-$version"
	demo="$build postgresql-$version postgresql-$version-cron"
	check="$demo binutils libipc-run-perl perl postgresql-$version-pgtap
		chromium fonts-dejavu-core libtap-parser-sourcehandler-pgtap-perl
		default-jdk-headless libpostgresql-jdbc-java odbc-postgresql
		unixodbc-dev procps prometheus-postgres-exporter
		python3-numpy python3-pandas python3-psycopg2
		python3-scipy python3-sklearn python3-xgboost universal-ctags"
	case $what in
		build) say $build ;;
		demo) say $demo ;;
		check) say $check ;;
		bench) say $demo python3-numpy python3-pandas python3-psycopg2 \
			python3-xgboost "postgresql-plpython3-$version" ;;
		fuzz) say $build clang llvm "libclang-rt-$(clang_version)-dev" ;;
		*) die "packages.sh: build, demo, check, bench or fuzz" ;;
	esac | tr ' ' '\n'
}

clang_version()
{
	apt-cache depends clang | sed -n 's/^ *Depends: clang-\([0-9]*\)$/\1/p'
}

missing()
{
	local package

	for package in $(wanted); do
		dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null |
			grep -q 'ok installed' || say "$package"
	done
}

apt()
{
	why="install these packages: $packages"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		-o Dpkg::Options::=--force-confold \
		-o Dpkg::Use-Pty=0 "$@" </dev/null
}

# Install $packages; the log is shown only if it fails.
install_packages()
{
	local log guard=/etc/postgresql-common/createcluster.d/mlops.conf
	local policy=/usr/sbin/policy-rc.d

	log=$(mktemp)
	if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
		as_root mkdir -p "${guard%/*}"
		say 'create_main_cluster = false' | as_root tee "$guard" >/dev/null
	else
		guard=
	fi
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
		as_root chmod +x "$policy"
	else
		policy=
	fi
	say "Installing from the distribution:" $packages
	apt install --no-install-recommends $packages >"$log" 2>&1 ||
		{ apt update && apt install --no-install-recommends $packages; } \
			>"$log" 2>&1 || failed=1
	[ -z "$guard" ] || as_root rm -f "$guard"
	[ -z "$policy" ] || as_root rm -f "$policy"
	if [ -n "${failed:-}" ]; then
		tail -n 40 "$log" >&2
		rm -f "$log"
		die "could not install; by hand: apt-get install" $packages
	fi
	rm -f "$log"
	case " $packages " in
		*" prometheus-postgres-exporter "*)
			! command -v systemctl >/dev/null ||
				as_root systemctl disable prometheus-postgres-exporter \
					>/dev/null 2>&1 || true ;;
	esac
}

version=$(postgres_version)
if [ -z "$version" ]; then
	# a fresh machine has no package lists yet
	packages="postgresql libxgboost-dev libjansson-dev"
	apt update >/dev/null || die "apt-get update failed"
	version=$(postgres_version)
	[ -n "$version" ] || die "apt knows no package postgresql"
fi
packages=$(missing | xargs)
if [ -n "$list_only" ]; then
	say "$packages"
elif [ -n "$packages" ]; then
	install_packages
fi
