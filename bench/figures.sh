#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# figures.sh: what a packet, a record and an event cost, beside the floor of the same run.
#
#   figures.sh [-n RUNS] [-c CPU] [-w WORKDIR] [-k PACKETS] [-x NAME=PROGRAM]... [ROW ...]
#
# Rows: small imix snap stretched one scan flows app workers ndjson cic samples datagrams
# start live; all of them without a name. -x takes flowtaps of other versions; each gets
# the profiles that it knows, an old one none. -k makes every capture that short, to try
# the script. Each round runs every command once; figures are medians over the rounds,
# ratios medians of the rounds' ratios. YAF=PROGRAM and CICFLOWMETER=PROGRAM
# name those that are outside of PATH.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
runs=${RUNS:-5} cpu=0 work=${PEERS_WORK:-${TMPDIR:-/tmp}/flowtap-bench} packets=''
names=() programs=()
while getopts n:c:w:k:x: o; do
	case $o in
	n) runs=$OPTARG ;;
	c) cpu=$OPTARG ;;
	w) work=$OPTARG ;;
	k) packets=$OPTARG ;;
	x) names+=("${OPTARG%%=*}"); programs+=("$(realpath "${OPTARG#*=}")") ;;
	*) sed -n '3,13s/^# \{0,1\}//p' "$0"; exit 2 ;;
	esac
done
shift $((OPTIND - 1))
if [ ${#names[@]} = 0 ]; then names=(flowtap) programs=("$here/../build/release/flowtap"); fi
if [ $# = 0 ]; then
	set -- small imix snap stretched one scan flows app workers ndjson cic samples datagrams start live
fi
mkdir -p "$work/bin" "$work/pcaps"
bin=$work/bin stats=$(mktemp -d "$work/figures.XXXXXX") sample=$here/../examples/sample.pcap
ns=flowtap-bench-$$ live_pid=
live_end() { # what a live row that was broken off leaves
	[ -z "$live_pid" ] || kill "$live_pid" 2>/dev/null || true
	ip netns del "$ns-a" 2>/dev/null || true
	ip netns del "$ns-b" 2>/dev/null || true
}
trap 'live_end; rm -rf "$stats"' EXIT

# ---- our own tools and captures, made when they are not there; moved into place, so that ----
# ---- several runs can share the folder                                                  ----
for t in runstat gen_pcap gen_netflow pcap_floor sendpcap; do
	[ "$bin/$t" -nt "$here/$t.c" ] && continue
	libs=; case $t in gen_pcap) libs=-lm ;; pcap_floor) libs=-lpcap ;; esac
	${CC:-gcc} -O2 -Wall -Wextra -o "$stats/$t" "$here/$t.c" $libs
	mv "$stats/$t" "$bin/$t"
done
capture() { # NAME TRUTH_OPTION GENERATOR ARG...: sets pcap, its file, and truth, what is in it
	pcap=$work/pcaps/$1${packets:+-$packets}.pcap
	truth=${pcap%.pcap}.json
	if ! [ -s "$pcap" ] || ! [ -s "$truth" ]; then
		"$bin/$3" "${@:4}" ${packets:+-n "$packets"} -o "$stats/pcap" "$2" "$stats/json" 2>/dev/null
		mv "$stats/pcap" "$pcap"
		mv "$stats/json" "$truth"
	fi
	cat "$pcap" >/dev/null
}
made() { capture "$1" -t gen_pcap -p "${@:2}"; } # NAME PROFILE [ARG...]
truth_of() { sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" "$truth"; }

# ---- the programs: of each the names and arguments of what is to be measured ----
variants=()
for i in "${!programs[@]}"; do
	p=${programs[i]}
	if "$p" read --quiet -w 1 -p all -o null: "$sample" >/dev/null 2>&1; then
		variants+=("${names[i]} base|$p|-p base|-p base,app" "${names[i]} all|$p|-p all|-p all,app")
	else
		variants+=("${names[i]}|$p||--app")
	fi
done
yaf=${YAF:-$(command -v yaf || true)}
cicflowmeter=${CICFLOWMETER:-$(command -v cicflowmeter || true)} # the one in Python

# ---- running: command KEY 'COMMAND' ..., then rounds; a shell is in between only for a pipe ----
keys=()
declare -A cmd
command_() { keys+=("$1"); cmd[$1]=$2; }
rounds() { # runstat's arguments; leaves a file of RUNS lines for each key
	local k i c

	for k in "${keys[@]}"; do : >"$stats/$k"; done
	for ((i = 0; i < runs; i++)); do
		for k in "${keys[@]}"; do
			case ${cmd[$k]} in *'|'*) c=(bash -c "${cmd[$k]}") ;; *) read -ra c <<<"${cmd[$k]}" ;; esac
			"$bin/runstat" -t 120 "$@" -o "$stats/$k" "${c[@]}" >/dev/null 2>&1 </dev/null ||
				echo "figures.sh: '${cmd[$k]}' failed" >&2
		done
	done
}
begin() { keys=() cmd=(); }
# the median of an awk expression of KEY's wall user sys cpu rss, in seconds and KiB, and KEY2's wall2 user2 cpu2
of() { # EXPRESSION KEY [KEY2]
	paste "$stats/$2" "$stats/${3:-$2}" | awk -F'\t' '{wall=$1; user=$2; sys=$3; cpu=$2+$3; rss=$4
		wall2=$6; user2=$7; cpu2=$7+$8; print '"$1"'}' | sort -g |
		awk '{a[NR]=$1} END {printf "%.4f", NR % 2 ? a[(NR+1)/2] : (a[NR/2]+a[NR/2+1])/2}'
}
f() { printf "%.${1}f" "$2"; }
title() { printf '\n%s\n\n| %s |\n|%s\n' "$1" "$2" "$(sed 's/[^|]*|/---|/g' <<<"$2 |")"; }

# ---- packets to flow records that are counted, not written ----
packets_row() { # TITLE: the capture that was made, to null:
	local n v name p a

	n=$(truth_of packets)
	begin
	command_ mmap "$bin/pcap_floor mmap $pcap"
	command_ pcap "$bin/pcap_floor pcap $pcap"
	[ -z "$yaf" ] || command_ yaf "$yaf --in $pcap --out $stats/o.ipfix --max-flows 8000000"
	for v in "${variants[@]}"; do
		IFS='|' read -r name p a _ <<<"$v"
		command_ "$name" "$p read --quiet -w 1 -e flow $a -o null: $pcap"
	done
	rounds -c "$cpu"
	title "$1: $n packets, $(truth_of flows_bi) flows" \
		'program | user ns/packet | CPU ns/packet | of mapped file | of libpcap | times YAF | MiB'
	for name in "${keys[@]}"; do
		printf '| %s | %s | %s | %s | %s | %s | %s |\n' "$name" "$(f 1 "$(of "user/$n*1e9" "$name")")" \
			"$(f 1 "$(of "cpu/$n*1e9" "$name")")" "$(f 2 "$(of 'cpu/cpu2' "$name" mmap)")" \
			"$(f 2 "$(of 'cpu/cpu2' "$name" pcap)")" \
			"$([ -z "$yaf" ] || f 2 "$(of 'cpu2/cpu' "$name" yaf)")" "$(f 0 "$(of 'rss/1024' "$name")")"
	done
	rm -f "$stats/o.ipfix"
}
row_small() { made small small; packets_row small; }
row_imix() { made imix imix; packets_row imix; }
row_snap() { made snap snap; packets_row snap; }
row_one() { made one one; packets_row 'one-packet flows, timed out'; }
row_scan() { made scan scan; packets_row 'a scan beyond --max-flows'; }
row_flows() {
	local n

	for n in 1000 10000 100000 1000000; do
		made "flows-$n" flows -f $n
		packets_row "flows of one size"
	done
}
# the same packets in 400 s, beside imix itself
row_stretched() {
	local imix v name p a

	made imix imix; imix=$pcap
	made stretched stretched
	begin
	for v in "${variants[@]}"; do
		IFS='|' read -r name p a _ <<<"$v"
		command_ "$name imix" "$p read --quiet -w 1 -e flow $a -o null: $imix"
		command_ "$name" "$p read --quiet -w 1 -e flow $a -o null: $pcap"
	done
	rounds -c "$cpu"
	title 'imix stretched to 400 s' 'program | user ns/packet | of imix, user | of imix, CPU | MiB'
	for v in "${variants[@]}"; do
		name=${v%%|*}
		printf '| %s | %s | %s | %s | %s |\n' "$name" \
			"$(f 1 "$(of "user/$(truth_of packets)*1e9" "$name")")" \
			"$(f 2 "$(of 'user/user2' "$name" "$name imix")")" \
			"$(f 2 "$(of 'cpu/cpu2' "$name" "$name imix")")" "$(f 0 "$(of 'rss/1024' "$name")")"
	done
}
row_app() {
	local v name p a app

	made imix imix
	begin
	for v in "${variants[@]}"; do
		IFS='|' read -r name p a app <<<"$v"
		command_ "$name" "$p read --quiet -w 1 -e flow $a -o null: $pcap"
		command_ "$name app" "$p read --quiet -w 1 -e flow $app -o null: $pcap"
	done
	rounds -c "$cpu"
	title 'imix with --app' 'program | CPU, of it without | user, of it without'
	for v in "${variants[@]}"; do
		name=${v%%|*}
		printf '| %s | %s | %s |\n' "$name" "$(f 2 "$(of 'cpu/cpu2' "$name app" "$name")")" \
			"$(f 2 "$(of 'user/user2' "$name app" "$name")")"
	done
}
row_workers() {
	local v name p a c

	title 'Workers (wall wants two idle cores; CPU is of both)' \
		'capture | program | -w 1, ms wall | -w 2, ms wall | times as fast | CPU, of -w 1'
	for c in imix small snap; do
		made $c $c
		begin
		for v in "${variants[@]}"; do
			IFS='|' read -r name p a _ <<<"$v"
			command_ "$name 1" "$p read --quiet -w 1 -e flow $a -o null: $pcap"
			command_ "$name 2" "$p read --quiet -w 2 -e flow $a -o null: $pcap"
		done
		rounds
		for v in "${variants[@]}"; do
			name=${v%%|*}
			printf '| %s | %s | %s | %s | %s | %s |\n' $c "$name" "$(f 0 "$(of 'wall*1e3' "$name 1")")" \
				"$(f 0 "$(of 'wall*1e3' "$name 2")")" "$(f 2 "$(of 'wall2/wall' "$name 2" "$name 1")")" \
				"$(f 2 "$(of 'cpu/cpu2' "$name 2" "$name 1")")"
		done
	done
}
# what writing a record adds: NDJSON to /dev/null less null:, a record
row_ndjson() {
	local v name p a c n bytes

	title 'A flow record as NDJSON to /dev/null, less null:' \
		'capture | program | records | bytes | user us/record | CPU us/record'
	for c in snap one; do
		made $c $c
		begin
		for v in "${variants[@]}"; do
			IFS='|' read -r name p a _ <<<"$v"
			command_ "$name null" "$p read --quiet -w 1 -e flow $a -o null: $pcap"
			command_ "$name" "$p read --quiet -w 1 -e flow $a -o ndjson:/dev/null $pcap"
		done
		rounds -c "$cpu"
		for v in "${variants[@]}"; do
			IFS='|' read -r name p a _ <<<"$v"
			read -r n bytes <<<"$("$p" read --quiet -w 1 -e flow $a -o ndjson:- "$pcap" | wc -lc)"
			printf '| %s | %s | %s | %s | %s | %s |\n' $c "$name" "$n" $((bytes / n)) \
				"$(f 2 "$(of "(user-user2)/$n*1e6" "$name" "$name null")")" \
				"$(f 2 "$(of "(cpu-cpu2)/$n*1e6" "$name" "$name null")")"
		done
	done
}
# the tables of the two CICFlowMeters, of a capture that the one in Python ends with
row_cic() {
	local i k n

	made imix-short imix -n 50000
	n=$(truth_of packets)
	begin
	if [ -n "$cicflowmeter" ]; then command_ 'cicflowmeter (Python)' "$cicflowmeter -f $pcap -c $stats/o.csv"; fi
	for i in "${!programs[@]}"; do
		command_ "${names[i]} -p cic" "${programs[i]} read --quiet -w 1 -e flow -o csv:$stats/f.csv?dialect=cic $pcap"
	done
	rounds -c "$cpu" -t 600
	title "imix of $n packets as the table of CICFlowMeter" \
		'program | user s | CPU s | CPU us/packet | times as fast, CPU | MiB'
	for k in "${keys[@]}"; do
		printf '| %s | %s | %s | %s | %s | %s |\n' "$k" "$(f 3 "$(of user "$k")")" "$(f 3 "$(of cpu "$k")")" \
			"$(f 2 "$(of "cpu/$n*1e6" "$k")")" \
			"$([ -z "$cicflowmeter" ] || f 0 "$(of cpu2/cpu "$k" 'cicflowmeter (Python)')")" \
			"$(f 0 "$(of rss/1024 "$k")")"
	done
	rm -f "$stats/o.csv" "$stats/f.csv"
}
# a sample a packet; the profile says nothing about samples, so each program runs once
row_samples() {
	local i p k n

	made imix imix
	n=$(truth_of packets)
	begin
	for i in "${!programs[@]}"; do
		p=${programs[i]}
		command_ "${names[i]} null:, -w 1" "$p read --quiet -w 1 -o null: $pcap"
		command_ "${names[i]} nowhere, -w 1" "$p read --quiet -w 1 -o ndjson:/dev/null $pcap"
		command_ "${names[i]} file, -w 1" "$p read --quiet -w 1 -o ndjson:$stats/o.json $pcap"
		command_ "${names[i]} pipe, -w 1" "$p read --quiet -w 1 -o ndjson:- $pcap | cat >/dev/null"
		command_ "${names[i]} pipe, -w 2" "$p read --quiet -w 2 -o ndjson:- $pcap | cat >/dev/null"
	done
	rounds
	rm -f "$stats/o.json"
	title 'A sample a packet of imix (two cores; CPU time with that of the reader)' \
		'program, to | M/s, wall | CPU ns/event'
	for k in "${keys[@]}"; do
		printf '| %s | %s | %s |\n' "$k" "$(f 2 "$(of "$n/wall/1e6" "$k")")" "$(f 0 "$(of "cpu/$n*1e9" "$k")")"
	done
}
row_datagrams() {
	local kind i k n

	title 'Datagrams to records, CPU' 'datagrams | program, to | M records/s | ns/record'
	for kind in v9 sflow; do
		capture "nf-$kind" -T gen_netflow -k "$kind" -n 200000
		n=$(truth_of records)
		begin
		command_ mmap "$bin/pcap_floor mmap $pcap"
		for i in "${!programs[@]}"; do
			k="${programs[i]} collect --quiet -l pcap:$pcap -w 1 -e sample,flow -o"
			command_ "${names[i]} null:" "$k null:"
			command_ "${names[i]} NDJSON" "$k ndjson:/dev/null"
		done
		rounds -c "$cpu"
		for k in "${keys[@]}"; do
			printf '| %s | %s | %s | %s |\n' $kind "$k" "$(f 2 "$(of "$n/cpu/1e6" "$k")")" \
				"$(f 1 "$(of "cpu/$n*1e9" "$k")")"
		done
	done
}
row_start() {
	local i k

	begin
	for i in "${!programs[@]}"; do
		command_ "${names[i]} -w 1" "${programs[i]} read --quiet -w 1 -o ndjson:- $sample"
		command_ "${names[i]} as many as CPUs" "${programs[i]} read --quiet -o ndjson:- $sample"
	done
	runs=$((runs * 3)) rounds -f
	title 'Start to the first event of a small file' 'program | ms | MiB'
	for k in "${keys[@]}"; do
		printf '| %s | %s | %s |\n' "$k" "$(f 1 "$(of 'wall*1e3' "$k")")" "$(f 0 "$(of 'rss/1024' "$k")")"
	done
}

# ---- live: two namespaces of our own, the sender on one core, the program on the other ----
cpu_ns() { cat /proc/"$1"/task/*/schedstat | awk '{s+=$1} END {printf "%.0f", s}'; }
live_run() { # KEY COMMAND...: CPU ns for each packet that came through, between the first and the last
	local key=$1 before after sent took pid lost

	shift
	ip netns exec "$ns-b" taskset -c 1 "$@" >/dev/null 2>"$stats/live.log" &
	pid=$!
	live_pid=$pid
	sleep 1
	before=$(cpu_ns $pid)
	read -r sent took <<<"$(ip netns exec "$ns-a" taskset -c 0 "$bin/sendpcap" -i v0 -r 340000 \
		-n "${packets:-1000000}" "$pcap")"
	sleep 0.3
	after=$(cpu_ns $pid)
	kill -INT $pid
	wait $pid || true
	live_pid=
	lost=$(sed -nE 's/^ +kernel dropped +([0-9]+).*/\1/p; s/^([0-9]+) packets dropped by kernel/\1/p' "$stats/live.log")
	awk -v c=$((after - before)) -v n="$sent" -v t="$took" -v l="${lost:-0}" \
		'BEGIN {printf "%.4f\t%.4f\t%d\t0\t0\n", n/t/1e3, c/(n > l ? n-l : n), l}' >>"$stats/$key"
}
row_live() {
	local i r v name p a k

	title 'Live on veth, a packet every 2.94 us' 'program | kpps sent | lost | CPU ns/packet | of tcpdump'
	if [ "$(id -u)" != 0 ] || ! command -v tcpdump >/dev/null || [ "$(nproc)" -lt 2 ]; then
		echo '(skipped: it takes root, tcpdump and two cores)'
		return
	fi
	made imix imix
	ip netns add "$ns-a"
	ip netns add "$ns-b"
	ip -n "$ns-a" link add v0 type veth peer name v1 netns "$ns-b"
	ip -n "$ns-a" link set v0 up
	ip -n "$ns-b" link set v1 up
	begin
	for v in "${variants[@]}"; do
		name=${v%%|*}
		keys+=("$name null:" "$name NDJSON")
	done
	for k in tcpdump "${keys[@]}"; do : >"$stats/$k"; done
	for ((r = 0; r < runs; r++)); do
		live_run tcpdump tcpdump -i v1 -n -w /dev/null
		for v in "${variants[@]}"; do
			IFS='|' read -r name p a _ <<<"$v"
			live_run "$name null:" "$p" live -i v1 -w 1 -e sample,flow $a -o null:
			live_run "$name NDJSON" "$p" live -i v1 -w 1 -e sample,flow $a -o ndjson:/dev/null
		done
	done
	live_end
	for k in tcpdump "${keys[@]}"; do
		printf '| %s | %s | %s | %s | %s |\n' "$k" "$(f 0 "$(of wall "$k")")" "$(f 0 "$(of sys "$k")")" \
			"$(f 0 "$(of user "$k")")" "$(f 2 "$(of user/user2 "$k" tcpdump)")"
	done
}

for row in "$@"; do
	declare -F "row_$row" >/dev/null || { echo "figures.sh: no row '$row'" >&2; exit 2; }
done
for row in "$@"; do "row_$row"; done
