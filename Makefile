# SPDX-License-Identifier: Apache-2.0
# The front door. Everything else is CMake (presets) and scripts/.
.PHONY: build run test bench detectors lint fuzz fuzz-long soak kills spool-kills spool-hour asan tsan interop sizes deb install clean
SET = test
build:   ; @scripts/setup.sh build && cmake --preset release >/dev/null && cmake --build --preset release
run:     build ; @scripts/run.sh
test:    ; @scripts/setup.sh test && scripts/readers.sh && cmake --preset release >/dev/null && cmake --build --preset release && ctest --test-dir build/release -j2 --output-on-failure
bench:   build ; @bench/run.sh
detectors: build ; @scripts/setup.sh attacks && python3 -B tests/detect/traffic.py $(SET) build/detectors --corpus "$${FT_CORPUS:-../shared/corpus/public}" && python3 -B tests/detect/measure.py --set $(SET) --folder build/detectors --corpus "$${FT_CORPUS:-../shared/corpus/public}" --publish
lint:    ; @scripts/setup.sh test && cmake --preset release >/dev/null && cmake --build --preset release && ctest --test-dir build/release -R '^lint/' --output-on-failure
fuzz:    ; @scripts/setup.sh test && scripts/fuzz.sh $(TARGETS)
fuzz-long: ; @scripts/setup.sh test && scripts/fuzz.sh --long $(TARGETS)
soak:    build ; @scripts/setup.sh test && scripts/soak.sh
kills:   build ; @scripts/setup.sh test && FLOWTAP="$${FLOWTAP:-$$PWD/build/release/flowtap}" KILLS="$${KILLS:-200}" python3 -B tests/fault/kills.py
spool-kills: build ; @scripts/setup.sh test && FLOWTAP="$${FLOWTAP:-$$PWD/build/release/flowtap}" KILLS="$${KILLS:-1000}" python3 -B tests/fault/fault_spool.py Spool.test_kills
spool-hour: build ; @scripts/setup.sh test && FLOWTAP="$${FLOWTAP:-$$PWD/build/release/flowtap}" RECORDS="$${RECORDS:-18000000}" python3 -B tests/fault/spool_hour.py
sizes:   build ; @scripts/setup.sh test && scripts/readers.sh && python3 -B tests/interop/sizes.py --flowtap "$${FLOWTAP:-build/release/flowtap}" --large
asan tsan: ; @scripts/setup.sh test && cmake --preset $@ >/dev/null && cmake --build --preset $@ && ctest --test-dir build/$@ -j2 --output-on-failure
interop: build ; @scripts/setup.sh test && tests/interop/differential_tshark.py --flowtap build/release/flowtap --corpus "$${FT_CORPUS:-../shared/corpus/public}" --known tests/interop/known.tsv
deb:     ; @scripts/setup.sh deb && scripts/deb.sh && python3 -B tests/deploy/deb.py build/deb
install: build ; @cmake --install build/release
clean:   ; @rm -rf build
