#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# From traffic to what an agent makes of it.
#
#     triage.sh eth0 [STORE [SECONDS]]      live, as root or with CAP_NET_RAW
#     triage.sh FILE.pcap [STORE]           a capture
#
# FLOWTAP: the program, if it is not in the path.
set -eu
what=${1:?an interface or a capture} store=${2:-./store} seconds=${3:-120}
flowtap=${FLOWTAP:-flowtap}

# 1. Watch: flow records with names and vectors, what hosts do in each minute, and alerts, kept for a week in 2 GB at most.
#    A service would leave --duration away: the store can be asked while it is written.
if [ -f "$what" ]; then
    "$flowtap" read --quiet -e flow,window,alert -p vector --app --window 60 -o "store:$store?keep=7d&max=2GB" "$what"
else
    "$flowtap" live --quiet -i "$what" --duration "$seconds" -e flow,window,alert -p vector --app --window 60 \
        -o "store:$store?keep=7d&max=2GB&slice=5s"
fi

# 2. Ask: an agent starts `flowtap mcp` itself, with a configuration like
#        {"mcpServers": {"flowtap": {"command": "flowtap", "args": ["mcp", "--store", "/var/lib/flowtap/store"]}}}
#    and this is all that passes between them: lines of JSON.
ask() { # tool, arguments
    printf '%s\n' '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",
        "capabilities":{},"clientInfo":{"name":"sh","version":"1"}}}' | tr -d '\n'
    printf '\n%s\n' '{"jsonrpc":"2.0","method":"notifications/initialized"}'
    printf '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"%s","arguments":%s}}\n' "$1" "$2"
}
ask overview '{"window":"all"}' | "$flowtap" mcp --store "$store" | tail -n 1
ask detect '{"window":"all"}' | "$flowtap" mcp --store "$store" | tail -n 1

# 3. Triage: overview, alerts, who is behind each, what is like it (ask.py; an agent decides for itself what comes next).
python3 "$(dirname "$0")/ask.py" "$store" --flowtap "$flowtap"

# 4. By hand, without an agent: SQL, and what is like one flow or host.
"$flowtap" query "$store" 'SELECT src_ip, sum(byte_count) AS bytes FROM flow GROUP BY 1 ORDER BY 2 DESC LIMIT 5' --format table
"$flowtap" query "$store" 'SELECT rule, severity, address, peer FROM alert ORDER BY timestamp' --format table
