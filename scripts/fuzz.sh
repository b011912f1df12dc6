#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs every fuzz target for FUZZ_SECONDS (default 60) from its seeds; a finding ends it with an error.
# With FT_CORPUS, the directory of public captures, fuzz_netflow starts from their datagrams as well.
set -eu
cd "$(dirname "$0")/.."
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz
if [ -n "${FT_CORPUS:-}" ]; then
	python3 -B tests/fuzz/seeds_collect.py build/fuzz/public --public "$FT_CORPUS"
fi
for src in tests/fuzz/fuzz_*.c; do
	name=$(basename "$src" .c)
	corpus=build/fuzz/corpus/$name
	mkdir -p "$corpus"
	public=build/fuzz/public/${name#fuzz_}
	[ -d "$public" ] || public=
	echo "== $name"
	build/fuzz/tests/fuzz/"$name" -max_total_time="${FUZZ_SECONDS:-60}" -rss_limit_mb=2048 -timeout=10 \
		-artifact_prefix=build/fuzz/ -print_final_stats=0 "$corpus" "tests/fuzz/corpus/${name#fuzz_}" $public 2>&1 |
		tail -n 4
done
