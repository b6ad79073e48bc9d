#!/usr/bin/env bash
# unit.sh NAME ...
#	Build test/unit/NAME_test.c with the plain C of src/ under the address
#	and undefined behaviour sanitizers, and run it.
#
# Other .c files of test/unit that end neither in _test nor in _cli are
# linked to every test.  The tests of the trainer get its program as their
# argument, built without the sanitizers, which libxgboost does not know and
# which would take the memory that it is to be limited in.  Last line: N
# passed, N failed.

. "$(dirname "$0")/tally.sh"

cc=${CC:-gcc}
flags="-std=gnu11 -g -O1 -ffp-contract=off -fno-omit-frame-pointer
	-fsanitize=address,undefined -fno-sanitize-recover=all -Wall -Wextra
	-Wno-unused-parameter -Wno-sign-compare"
build=$top/build/unit
mkdir -p "$build"
cd "$top"

# Compile one source of the tree into $build; always, as no headers are
# tracked here.
compile()
{
	$cc $flags -Isrc -Itest/unit -c -o "$build/${1//\//_}.o" "$1"
}
export -f compile
export cc flags build

sources=$(ls src/forest/*.c src/math/*.c test/unit/*.c |
	grep -v -e '_test\.c$' -e '_cli\.c$')
tests=
for name; do
	tests="$tests test/unit/${name}_test.c"
done
printf '%s\n' $sources $tests |
	xargs -P "$(nproc)" -I{} bash -c 'compile "$1"' - {} ||
	die "the unit tests do not compile"

objects=
for source in $sources; do
	objects="$objects $build/${source//\//_}.o"
done
$cc -std=gnu11 -O2 -g -fopenmp -Isrc -o "$build/mlops-trainer" \
	src/trainer/*.c -lxgboost
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0

# Link and run one.
run_test()
{
	local arguments=

	$cc $flags -o "$build/${1}_test" "$build/test_unit_${1}_test.c.o" \
		$objects -ljansson -lm || return
	[ "${1#trainer}" = "$1" ] || arguments=$build/mlops-trainer
	timeout 600 "$build/${1}_test" $arguments
}
export -f run_test
export objects logs=$build

rm -f "$logs"/*.status
beside "$(nproc)" "$@"
tally_beside "$@"
tally_end
