#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A long run of flowtap live under changing load, for SOAK_SECONDS (600): see tests/live/soak.py.
# Needs root: it makes two network namespaces, and removes them.
set -eu
cd "$(dirname "$0")/.."
exec python3 -B tests/live/soak.py "${FLOWTAP:-$PWD/build/release/flowtap}" "$PWD"
