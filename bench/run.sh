#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The figures of docs/performance.md: flowtap beside the peers that are installed, on one core, on the
# captures of gen_pcap; then events, workers and start. See README.md in this folder.
# 'run.sh figures ...' is figures.sh: the cost of a packet, a record and an event, row by row.
set -eu
cd "$(dirname "$0")/.."
if [ "${1:-}" = figures ]; then exec bench/figures.sh "${@:2}"; fi
work=${PEERS_WORK:-${TMPDIR:-/tmp}/flowtap-bench}
flowtap=$PWD/build/release/flowtap
export PEERS_WORK=$work
bench/peers.sh -n "${RUNS:-3}" -x "flowtap=exec $flowtap read --quiet -w 1 -e flow -o null: {pcap}" \
	-x "flowtap-ndjson=exec $flowtap read --quiet -w 1 -e flow -o ndjson:{out}/o.json {pcap}" "${@:-imix}"
imix=$work/pcaps/imix.pcap
[ -s "$imix" ] || exit 0
time_of() { # COMMAND: wall seconds, median of RUNS
	for _ in $(seq "${RUNS:-3}"); do
		s=$(date +%s%N); bash -c "$1" >/dev/null 2>&1; e=$(date +%s%N)
		echo $(((e - s) / 1000))
	done | sort -n | awk '{a[NR]=$1} END {printf "%.3f s", a[int((NR+1)/2)] / 1e6}'
}
echo
echo "imix, 2 M packets (medians of wall time)"
for w in 1 2; do echo "  flow records to null:, -w $w          $(time_of "$flowtap read --quiet -w $w -e flow -o null: $imix")"; done
echo "  samples to a file, -w 1               $(time_of "$flowtap read --quiet -w 1 -o ndjson:$work/o.json $imix")"
echo "  samples to a pipe that is read, -w 1  $(time_of "$flowtap read --quiet -w 1 -o ndjson:- $imix | cat >/dev/null")"
echo "  samples to a pipe that is read, -w 2  $(time_of "$flowtap read --quiet -w 2 -o ndjson:- $imix | cat >/dev/null")"
echo "  a small file, start to end            $(time_of "$flowtap read --quiet -w 1 -o ndjson:- examples/sample.pcap")"
rm -f "$work/o.json"
