#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The main job for a first look: live events from the default interface until Ctrl-C. Without the
# privilege to capture, or when no packet comes within three seconds, the bundled capture instead.
set -u
cd "$(dirname "$0")/.."
flowtap=build/release/flowtap
err=$(mktemp) out=$(mktemp)
pid= tail=
cleanup() { [ -z "$tail" ] || kill "$tail" 2>/dev/null; rm -f "$err" "$out"; }
trap cleanup EXIT

sample() {
	echo "flowtap: $1" >&2
	echo "flowtap: showing the bundled capture instead: flowtap read examples/sample.pcap" >&2
	$flowtap read -w 1 examples/sample.pcap
	exit $?
}

$flowtap live -o "ndjson:$out" 2>"$err" &
pid=$!
trap 'kill -INT $pid 2>/dev/null' INT TERM
i=0
while [ $i -lt 30 ] && [ ! -s "$out" ] && kill -0 $pid 2>/dev/null; do
	sleep 0.1
	i=$((i + 1))
done
if ! kill -0 $pid 2>/dev/null; then
	wait $pid
	sample "$(sed -n 's/^flowtap: error: //p' "$err" | head -1)"
fi
if [ ! -s "$out" ]; then
	kill -INT $pid
	wait $pid
	sample "no packet came within three seconds: $(sed -n 's/^flowtap: \(capturing on [^:]*\).*/\1/p' "$err") is silent"
fi
cat "$err" >&2
tail -n +1 -f "$out" &
tail=$!
wait $pid
while kill -0 $pid 2>/dev/null; do wait $pid; done
sleep 0.3
sed '1,2d' "$err" >&2
