#!/usr/bin/env bash
# lint.sh
#	Rules of the tree that no compiler knows.  One TAP line per rule, what
#	breaks it below; last line: N passed, N failed.  Needs universal-ctags;
#	the rules on symbols need the built module.

set -uo pipefail

cd "$(dirname "$0")/../.." || exit 1
export LC_ALL=C.UTF-8
passed=0
failed=0

# rule NAME FUNCTION: the rule holds if the function prints nothing.
rule()
{
	local output

	output=$("$2" 2>&1)
	if [ -z "$output" ]; then
		passed=$((passed + 1))
		printf 'ok %d - %s\n' $((passed + failed)) "$1"
	else
		failed=$((failed + 1))
		printf 'not ok %d - %s\n' $((passed + failed)) "$1"
		printf '%s\n' "$output" | head -n 40 | sed 's/^/# /'
	fi
}

list() { make -s "print-$1" | tr ' ' '\n' | grep -v '^$' | sort; }

sources() { ls src/*.c src/*/*.c src/*/*.h; }

# name, file, first line, last line of each C function
functions()
{
	ctags --languages=C --kinds-C=f --fields=+ne -f - \
		$(ls src/*.c src/*/*.c) |
		awk -F '\t' '{
			line = last = 0
			for (i = 4; i <= NF; i++) {
				if ($i ~ /^line:/) line = substr($i, 6)
				if ($i ~ /^end:/) last = substr($i, 5)
			}
			print $1 "\t" $2 "\t" line "\t" last
		}'
}

# --- C: layers ---------------------------------------------------------------

# Lower numbers may not include higher ones.  What is plain C may include
# only what is plain C.
layers()
{
	grep -n '^# *include *"' $(sources) | awk -F '[:"]' '
		BEGIN {
			n = split("trainer base math forest catalog data train serve watch govern", name, " ")
			for (i = 1; i <= n; i++) rank[name[i]] = i
			plain["trainer"] = plain["math"] = plain["forest"] = 1
		}
		{
			split($1, from, "/"); split($4, to, "/")
			f = from[2]; t = to[1]
			if (from[3] == "") next			# src/mlops.c is above all
			if (!(f in rank)) { print $1 ": folder without a layer"; next }
			if (f in plain) {
				if (!(t in plain) || (f == "trainer" && t != "trainer") ||
					(t == "trainer" && f != "trainer") || rank[t] > rank[f])
					print $1 ":" $2 ": plain C includes \"" $4 "\""
				next
			}
			if (t == "trainer" && to[2] != "protocol.h")
				print $1 ":" $2 ": \"" $4 "\" is private to the trainer"
			if (system("test -f src/" $4) == 0 && rank[t] > rank[f])
				print $1 ":" $2 ": " f " includes \"" $4 "\", which is above it"
		}'
}

xgboost_door()
{
	grep -ln '<xgboost/' $(sources) | grep -v '^src/trainer/'
}

only_compat_knows_versions()
{
	grep -n '^# *if.*PG_VERSION_NUM' $(sources) |
		grep -v '^src/base/compat\.h:'
}

# PostgreSQL 18 has no such word
noreturn_by_compat()
{
	grep -L '^#include "base/compat.h"' \
		$(grep -l 'pg_attribute_noreturn' $(sources)) |
		grep -v '^src/base/compat.h$'
}

sql_callable_places()
{
	grep -n '^PG_FUNCTION_INFO_V1' $(sources) |
		grep -Ev '^src/(govern|watch|serve|train)/'
}

# The types' input and output functions stand where the types do.
spi_places()
{
	grep -nE '"executor/spi\.h"|\bSPI_[a-z]+ *\(' $(sources) |
		grep -Ev '^src/(catalog|data)/'
}

headers_stand_alone()
{
	grep -n '"postgres\.h"' src/*/*.h
	for header in src/*/*.h; do
		guard=MLOPS_$(basename "$header" .h | tr 'a-z-' 'A-Z_')_H
		grep -q "^#ifndef MLOPS_[A-Z0-9_]*_H$" "$header" ||
			echo "$header: no guard such as $guard"
	done
}

# --- C: names and shape --------------------------------------------------------

extern_functions()
{
	functions | while IFS=$'\t' read -r name file line last; do
		case $name in
			mlops_* | _PG_init) continue ;;
			main) [ "${file%/*}" = src/trainer ] && continue ;;
		esac
		# the line of the return type tells static from extern
		sed -n "$((line > 3 ? line - 3 : 1)),${line}p" "$file" |
			tac | awk 'NR == 1 || /^[a-zA-Z_]/ { print } NR > 1 && /^[};\/# ]|\*\/|^$/ { exit }' |
			grep -q '^static\|^PG_FUNCTION' || echo "$file:$line: $name"
	done
}

module_symbols()
{
	[ -f mlops.so ] || return 0
	nm -D --defined-only mlops.so | awk '{ print $NF }' |
		grep -Ev '^(mlops_|pg_finfo_mlops_|_PG_init$|Pg_magic_func$)'
}

module_libraries()
{
	[ -f mlops.so ] || return 0
	ldd mlops.so | grep -E 'xgboost|gomp|stdc\+\+'
	# not grep -q: it would end the pipe before ldd does
	ldd src/trainer/mlops-trainer | grep xgboost >/dev/null ||
		echo "mlops-trainer does not link libxgboost"
}

function_length()
{
	functions | awk -F '\t' '$4 - $3 + 1 > 120 {
		print $2 ":" $3 ": " $1 " has " $4 - $3 + 1 " lines" }'
}

median_function()
{
	functions | awk -F '\t' '{ print $4 - $3 + 1 }' | sort -n |
		awk '{ v[NR] = $1 }
			 END { if (NR && v[int((NR + 1) / 2)] > 22)
					   print "median of function lengths: " v[int((NR + 1) / 2)] }'
}

file_length()
{
	wc -l $(sources) | awk '$2 != "total" && $1 > 800 {
		print $2 ": " $1 " lines" }'
}

line_width()
{
	for file in $(sources); do
		expand -t 4 "$file" | awk -v file="$file" '
			length($0) > 79 { print file ":" NR ": " length($0) " columns" }'
	done >"$scratch"
	total=$(cat $(sources) | wc -l)
	long=$(wc -l <"$scratch")
	[ $((long * 100)) -le "$total" ] ||
		{ echo "$long of $total lines"; cat "$scratch"; }
}

# A function has a comment right above it, or above its prototype.  At most
# one in twenty does not.
function_comments()
{
	functions | awk -F '\t' '
		function commented(file, line,    i, text) {
			for (i = line - 1; i > 0; i--) {
				text = lines[file, i]
				if (text ~ /\*\/[ \t]*$/) return 1
				if (file ~ /\.h$/ && text != "") continue
				if (text ~ /^[};]/ || text ~ /^#/) return 0
				if (text ~ /;[ \t]*$/ && text !~ /^PG_FUNCTION/ &&
					text !~ /^extern/) return 0
				if (text == "" && !(lines[file, i - 1] ~ /^PG_FUNCTION|\*\/[ \t]*$/))
					return 0
			}
			return 0
		}
		function load(file,    n, text) {
			if (file in loaded) return
			loaded[file] = 1
			while ((getline text < file) > 0) {
				lines[file, ++n] = text
				if (file ~ /\.h$/ && match(text, /mlops_[a-z0-9_]+\(/))
					declared[substr(text, RSTART, RLENGTH - 1)] = file SUBSEP n
			}
			close(file)
		}
		BEGIN {
			while (("ls src/*/*.h" | getline header) > 0) load(header)
		}
		{
			load($2)
			total++
			if (commented($2, $3)) next
			if ($1 in declared) {
				split(declared[$1], place, SUBSEP)
				if (commented(place[1], place[2])) next
			}
			bare[++n_bare] = $2 ":" $3 ": " $1
		}
		END {
			if (n_bare * 20 > total) {
				print n_bare " of " total " functions have no comment"
				for (i = 1; i <= n_bare; i++) print bare[i]
			}
		}'
}

line_comments()
{
	grep -nE '(^|[^:"])//' $(sources) | grep -v 'https\?://'
}

# Every ereport of ERROR or above names its SQLSTATE.
error_codes()
{
	awk '
		FNR == 1 { open = 0 }
		/ereport\((ERROR|FATAL|PANIC)/ { open = 1; text = ""; start = FNR }
		open {
			text = text $0
			if (/;[ \t]*$/) {
				if (text !~ /errcode/) print FILENAME ":" start
				open = 0
			}
		}' $(sources)
}

settings_sorted()
{
	grep -o '"mlops\.[a-z_]*"' src/base/settings.c | sort -c 2>&1
}

# --- SQL --------------------------------------------------------------------

# kind and name of what the install script creates, but casts and the like
sql_objects()
{
	tr '\n' ' ' <<<"$(sed 's/--.*//' sql/parts/*.sql)" | tr ';' '\n' |
		grep -oiE 'CREATE (FUNCTION|PROCEDURE|AGGREGATE|VIEW|TABLE|TYPE|DOMAIN) (mlops\.)?[a-z_0-9]+' |
		awk '{ sub(/^mlops\./, "", $3); print $2, $3 }' | sort -u
}

sql_comments()
{
	sql_objects | while read -r kind name; do
		grep -qiE "COMMENT ON $kind (mlops\.)?$name\b" sql/parts/*.sql ||
			echo "no COMMENT ON $kind mlops.$name"
	done
}

sql_reference()
{
	sql_objects | while read -r kind name; do
		case $kind:$name in
			*:_*) ;;
			FUNCTION:* | PROCEDURE:* | AGGREGATE:*)
				grep -qsE "^###* .*\b$name\b" docs/reference.md ||
					echo "docs/reference.md has no section ### $name" ;;
			*)
				grep -qsE "\b$name\b" docs/*.md ||
					echo "no page of docs/ mentions mlops.$name" ;;
		esac
	done
}

settings_reference()
{
	grep -o '"mlops\.[a-z_]*"' src/base/settings.c | tr -d '"' |
		while read -r name; do
			grep -qs "$name" docs/configuration.md ||
				echo "docs/configuration.md does not mention $name"
		done
}

sql_dumped()
{
	sql_objects | awk '$1 == "TABLE" { print $2 }' | while read -r name; do
		grep -q "pg_extension_config_dump('mlops\.$name'" sql/parts/*.sql ||
			echo "rows of mlops.$name would not be dumped"
	done
}

sql_plain_create()
{
	grep -niE 'CREATE OR REPLACE|IF NOT EXISTS|SECURITY DEFINER' \
		sql/parts/*.sql
}

sql_parts_listed()
{
	diff <(ls sql/parts/*.sql | sort) <(list SQL_PARTS) | grep '^[<>]'
}

# --- tests ------------------------------------------------------------------

# listed FILES SUFFIX LIST ...: the lists name exactly these files.
listed()
{
	local files=$1 suffix=$2 file

	shift 2
	diff <(for file in $files; do
			[ ! -f "$file" ] || basename "$file" "$suffix"
		done | sort) <(for name; do list "$name"; done | sort) |
		sed -n "s|^< |not in the Makefile: |p; s|^> |no such file: |p"
}

regress_listed()
{
	listed 'test/sql/*.sql' .sql REGRESS REGRESS_PRELOAD REGRESS_NOPRELOAD
}
isolation_listed() { listed 'test/specs/*.spec' .spec ISOLATION; }
tap_listed() { listed 'test/t/*.pl' .pl TAP; }
pgtap_listed() { listed 'test/pgtap/*.sql' .sql PGTAP; }
oracle_listed() { listed 'test/oracle/*_oracle.py' .py ORACLE; }
unit_listed() { listed 'test/unit/*_test.c' _test.c UNIT; }
fuzz_listed() { listed 'test/fuzz/*_fuzz.c' _fuzz.c FUZZ; }

# Variants end in _1 and so on.
expected_used()
{
	diff <(ls expected/*.out 2>/dev/null | sed 's|^expected/||; s|\.out$||' |
			sed 's/_[0-9]$//' | sort -u) \
		<(for name in REGRESS REGRESS_PRELOAD REGRESS_NOPRELOAD ISOLATION; do
			list "$name"
		done | sort) |
		sed -n 's|^< |no test: expected/|p; s|^> |no expected output: |p'
}

# --- all of it --------------------------------------------------------------

files()
{
	ls Makefile README.md LICENSE mlops.control src/*.c src/*/*.[ch] \
		sql/parts/*.sql docs/*.* docs/*/*.* test/*/*.{c,h,sh,py,sql,pl,pm,spec,md} \
		2>/dev/null | grep -v '^test/lint/'
}

unfinished()
{
	grep -nwE 'TODO|FIXME|XXX|HACK|not implemented' $(files)
}

trailing_space()
{
	grep -nE '[[:blank:]]+$' $(files) test/lint/*
}

shell_syntax()
{
	for file in test/setup/*.sh test/lint/*.sh test/bench/*.sh .ci/run; do
		[ ! -f "$file" ] || bash -n "$file"
	done
}

scratch=$(mktemp)
trap 'rm -f "$scratch"' EXIT

rule "includes and layers point downward" layers
rule "only the trainer includes xgboost" xgboost_door
rule "only base/compat.h asks for the server's version" only_compat_knows_versions
rule "functions that do not return: by base/compat.h" noreturn_by_compat
rule "PG_FUNCTION_INFO_V1 in the stages only" sql_callable_places
rule "SPI in catalog and data only" spi_places
rule "headers have guards and no postgres.h" headers_stand_alone
rule "extern functions start with mlops_" extern_functions
rule "the module exports mlops_ only" module_symbols
rule "the module links no libxgboost" module_libraries
rule "functions have at most 120 lines" function_length
rule "the median function has at most 22 lines" median_function
rule "files have at most 800 lines" file_length
rule "at most one line in a hundred over 79 columns" line_width
rule "functions have comments" function_comments
rule "no line comments" line_comments
rule "every error has an errcode" error_codes
rule "settings are in alphabetical order" settings_sorted
rule "every SQL object has a comment" sql_comments
rule "every SQL object is in the documentation" sql_reference
rule "every setting is in the documentation" settings_reference
rule "every table is dumped" sql_dumped
rule "the install script only creates" sql_plain_create
rule "every install part is in the Makefile" sql_parts_listed
rule "every regress test is listed" regress_listed
rule "every isolation test is listed" isolation_listed
rule "every TAP test is listed" tap_listed
rule "every pgTAP test is listed" pgtap_listed
rule "every oracle test is listed" oracle_listed
rule "every unit test is listed" unit_listed
rule "every fuzz target is listed" fuzz_listed
rule "every expected output has its test" expected_used
rule "nothing is marked as unfinished" unfinished
rule "no trailing blanks" trailing_space
rule "shell scripts parse" shell_syntax

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
