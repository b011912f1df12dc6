#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds goflow2 once, from the Go module proxy, into a cache outside of the tree. Tests look there, or where FT_GOFLOW2
# says.
#
#     tests/interop/servers/goflow2.sh
set -eu
cache=${FT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flowtap}
[ ! -x "$cache/go/bin/goflow2" ] || exit 0
command -v go >/dev/null 2>&1 || {
	echo "goflow2: there is no go" >&2
	exit 1
}
mkdir -p "$cache/go"
GOPATH=$cache/go timeout 1800 go install -p 2 github.com/netsampler/goflow2/v2/cmd/goflow2@v2.2.6
