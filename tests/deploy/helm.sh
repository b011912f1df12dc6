#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds helm once from the Go module proxy, into a cache outside of the tree (some minutes). Tests look there, or in PATH.
#
#     tests/deploy/helm.sh
set -eu
cache=${FT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flowtap}
[ ! -x "$cache/go/bin/helm" ] || exit 0
command -v go >/dev/null 2>&1 || {
	echo "helm: there is no go" >&2
	exit 1
}
mkdir -p "$cache/go"
GOPATH="$cache/go" GOFLAGS="-p=2" timeout 1500 go install helm.sh/helm/v3/cmd/helm@v3.16.4
