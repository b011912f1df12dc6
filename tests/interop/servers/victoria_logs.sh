#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds VictoriaLogs once, from the Go module proxy, into a cache outside of the tree (some minutes). Tests look there,
# or where FT_VICTORIA_LOGS says.
#
#     tests/interop/servers/victoria_logs.sh
set -eu
cache=${FT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flowtap}
[ ! -x "$cache/go/bin/victoria-logs" ] || exit 0
command -v go >/dev/null 2>&1 || {
	echo "victoria_logs: there is no go" >&2
	exit 1
}
mkdir -p "$cache/go"
GOPATH=$cache/go timeout 1800 go install -p 2 github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs@v1.52.2
