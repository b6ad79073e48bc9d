#!/usr/bin/env bash
# fuzz.sh NAME ...
#	Build test/fuzz/NAME_fuzz.c with libFuzzer under the address and
#	undefined behaviour sanitizers, and run each for FUZZ_SECONDS (60).
#
# Seeds: test/fuzz/NAME/ and test/data/models/, where they exist.  What it
# finds stays in build/fuzz/NAME/.  Last line: N passed, N failed.

. "$(dirname "$0")/tally.sh"

"$top/test/setup/packages.sh" fuzz
flags="-std=gnu11 -g -O1 -ffp-contract=off -fno-omit-frame-pointer
	-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Isrc"
build=$top/build/fuzz
cd "$top"

# One target: TAP lines around what libFuzzer says.
fuzz()
{
	local name=$1 seeds=() folder

	for folder in "test/fuzz/$name" test/data/models; do
		[ ! -d "$folder" ] || seeds+=("$folder")
	done
	mkdir -p "$build/$name/corpus"
	if "$build/${name}_fuzz" -max_total_time="${FUZZ_SECONDS:-60}" \
		-timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$build/$name/" "$build/$name/corpus" "${seeds[@]}"
	then
		say "ok 1 - fuzz $name"
	else
		say "not ok 1 - fuzz $name, see $build/$name"
	fi
}

mkdir -p "$build"
for name; do
	${CLANG:-clang} $flags -o "$build/${name}_fuzz" "test/fuzz/${name}_fuzz.c" \
		src/forest/*.c src/math/*.c -ljansson -lm ||
		die "test/fuzz/${name}_fuzz.c does not compile"
	tally "$build/$name.log" fuzz "$name"
done
tally_end
