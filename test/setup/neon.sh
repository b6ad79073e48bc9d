#!/usr/bin/env bash
# neon.sh
#	`make neoncheck`: the unit test of all paths, built for aarch64 and run by
#	an emulator of that processor.  Takes some minutes.
#
# Needs gcc-aarch64-linux-gnu and qemu-user.  Last line: N passed, N failed.

. "$(dirname "$0")/tally.sh"

build=$top/build/neon
mkdir -p "$build"
cd "$top"
command -v aarch64-linux-gnu-gcc qemu-aarch64 >/dev/null ||
	die "apt-get install gcc-aarch64-linux-gnu qemu-user"
aarch64-linux-gnu-gcc -std=gnu11 -g -O2 -static -ffp-contract=off -Wall \
	-Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Isrc -Itest/unit -o "$build/forest_paths_test" \
	test/unit/forest_paths_test.c test/unit/forest_fixture.c \
	test/unit/check.c src/forest/*.c -lm
tally "$build/forest_paths.log" timeout 900 qemu-aarch64 \
	"$build/forest_paths_test"
tally_end
