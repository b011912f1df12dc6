#!/bin/bash -eu
# SPDX-License-Identifier: Apache-2.0
# Builds every fuzz target into $OUT, each with its seeds, as OSS-Fuzz and ClusterFuzzLite call it: SRC,
# WORK, OUT, CC, CXX, CFLAGS, CXXFLAGS and LIB_FUZZING_ENGINE are set. docs/fuzzing.md says how to try it.
cd "$SRC/flowtap"
build=$WORK/flowtap

# RPATH, not RUNPATH: it holds for the libraries of the libraries, too
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE= -DFT_FUZZ=ON "-DFT_FUZZ_ENGINE=$LIB_FUZZING_ENGINE" \
	"-DCMAKE_BUILD_RPATH=\$ORIGIN/lib" -DCMAKE_EXE_LINKER_FLAGS=-Wl,--disable-new-dtags
cmake --build "$build" --target fuzz_targets

mkdir -p "$OUT/lib"
for source in tests/fuzz/fuzz_*.c; do
	name=$(basename "$source" .c)
	cp "$build/tests/fuzz/$name" "$OUT/"
	rm -f "$OUT/${name}_seed_corpus.zip"
	zip -q -j -r "$OUT/${name}_seed_corpus.zip" "tests/fuzz/corpus/${name#fuzz_}"
	# where they run there are the libraries of C and C++, and no others
	ldd "$build/tests/fuzz/$name" | awk '$2 == "=>" && $3 ~ /^\// && $1 !~ /^lib(c|m|dl|rt|pthread|resolv|gcc_s|stdc\+\+)\.so/ { print $3 }' |
		xargs -r cp -L -t "$OUT/lib"
done
