#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs fuzz targets from their seeds; a finding ends it with an error that names the input.
#
#     scripts/fuzz.sh [--long] [TARGET...]       all targets, or e2e, packet, ... (docs/fuzzing.md)
#
#     --long          the corpus is kept outside of the tree, grows from run to run, and is minimised
#                     at the end of each target
#     FUZZ_SECONDS    for each target: 60; with --long 600
#     FUZZ_RUNS       at most so many inputs a target; FUZZ_SEED: the same ones in each run. Unset: any
#     FUZZ_JOBS       targets that run at the same time: 1
#     FT_FUZZ_CORPUS  where --long keeps what it finds: ~/.cache/flowtap/fuzz
#     FT_CORPUS       the directory of public captures: fuzz_netflow starts from their datagrams, too
#     FT_FUZZ_BIN     a directory of targets that are built already
set -eu
cd "$(dirname "$0")/.."

# One target; exit status 255 makes xargs stop.
one() {
	name=fuzz_$1
	seeds=tests/fuzz/corpus/$1
	corpus=$FUZZ_KEPT/$1
	public=build/fuzz/public/$1
	log=$FUZZ_KEPT/$1.log
	[ -d "$public" ] || public=
	mkdir -p "$corpus" "$FUZZ_KEPT/findings"
	rc=0
	# shellcheck disable=SC2086
	"$FT_FUZZ_BIN/$name" -max_total_time="$FUZZ_SECONDS" -seed="${FUZZ_SEED:-0}" -runs="${FUZZ_RUNS:--1}" -rss_limit_mb=2048 -timeout=10 -print_final_stats=1 \
		-artifact_prefix="$FUZZ_KEPT/findings/$1-" "$corpus" "$seeds" $public >"$log" 2>&1 || rc=$?
	if [ "$rc" -ne 0 ]; then
		input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
		tail -n 40 "$log" >&2
		echo "fuzz: $name ended with status $rc: ${input:-no input was written}, see $log" >&2
		echo "fuzz: again: $FT_FUZZ_BIN/$name ${input:-$corpus}" >&2
		exit 255
	fi
	echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs in ${FUZZ_SECONDS} s"
	[ -z "$FUZZ_LONG" ] || minimise "$1"
}

# Keeps the inputs that add something to the others, the seeds included.
minimise() {
	before=$(find "$corpus" -type f | wc -l)
	rm -rf "$corpus.new"
	mkdir "$corpus.new"
	# shellcheck disable=SC2086
	if ! "$FT_FUZZ_BIN/$name" -merge=1 -rss_limit_mb=2048 -timeout=10 -artifact_prefix="$FUZZ_KEPT/findings/$1-" \
		"$corpus.new" "$corpus" "$seeds" $public >"$FUZZ_KEPT/$1.merge.log" 2>&1; then
		rm -rf "$corpus.new"
		echo "fuzz: $name: the corpus could not be minimised, see $FUZZ_KEPT/$1.merge.log" >&2
		exit 255
	fi
	rm -rf "$corpus.old"
	mv "$corpus" "$corpus.old"
	mv "$corpus.new" "$corpus"
	rm -rf "$corpus.old"
	echo "$name: $(find "$corpus" -type f | wc -l) of $before inputs are kept in $corpus"
}

if [ "${1:-}" = --one ]; then
	one "$2"
	exit 0
fi
FUZZ_LONG=
if [ "${1:-}" = --long ]; then
	FUZZ_LONG=1
	shift
fi
if [ -n "$FUZZ_LONG" ]; then
	FUZZ_SECONDS=${FUZZ_SECONDS:-600}
	FUZZ_KEPT=${FT_FUZZ_CORPUS:-$HOME/.cache/flowtap/fuzz}
else
	FUZZ_SECONDS=${FUZZ_SECONDS:-60}
	FUZZ_KEPT=build/fuzz/corpus
fi
if [ -z "${FT_FUZZ_BIN:-}" ]; then
	cmake --preset fuzz >/dev/null
	cmake --build --preset fuzz
	FT_FUZZ_BIN=build/fuzz/tests/fuzz
fi
export FUZZ_LONG FUZZ_SECONDS FUZZ_KEPT FT_FUZZ_BIN
if [ $# -eq 0 ]; then
	for src in tests/fuzz/fuzz_*.c; do
		name=$(basename "$src" .c)
		set -- "$@" "${name#fuzz_}"
	done
fi
for target; do
	if [ ! -x "$FT_FUZZ_BIN/fuzz_$target" ]; then
		echo "fuzz: there is no target $target" >&2
		exit 2
	fi
done
if [ -n "${FT_CORPUS:-}" ]; then
	python3 -B tests/fuzz/seeds_collect.py build/fuzz/public --public "$FT_CORPUS"
fi
mkdir -p "$FUZZ_KEPT"
printf '%s\n' "$@" | xargs -P "${FUZZ_JOBS:-1}" -I '{}' scripts/fuzz.sh --one '{}'
