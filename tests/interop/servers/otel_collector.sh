#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds an OpenTelemetry collector (OTLP in, a file out) once, by the collector's builder, from the Go module proxy, into
# a cache outside of the tree (some minutes). Tests look there, or where FT_OTEL_COLLECTOR says.
#
#     tests/interop/servers/otel_collector.sh
set -eu
version=v0.165.0
cache=${FT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flowtap}
[ ! -x "$cache/go/bin/flowtap-otelcol" ] || exit 0
command -v go >/dev/null 2>&1 || {
	echo "otel_collector: there is no go" >&2
	exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$cache/go"
export GOPATH="$cache/go" GOFLAGS="-p=2"
timeout 900 go install go.opentelemetry.io/collector/cmd/builder@$version
cat >"$work/builder.yaml" <<-YAML
	dist:
	  name: flowtap-otelcol
	  module: example.org/otelcol
	  output_path: $work/build
	receivers:
	  - gomod: go.opentelemetry.io/collector/receiver/otlpreceiver $version
	exporters:
	  - gomod: github.com/open-telemetry/opentelemetry-collector-contrib/exporter/fileexporter $version
YAML
# its last step, "go mod tidy", wants the modules of all tests, too, and the proxy may not have them all
timeout 900 "$cache/go/bin/builder" --config "$work/builder.yaml" --skip-compilation || test -s "$work/build/go.mod"
(cd "$work/build" && timeout 1800 go build -mod=mod -trimpath -ldflags=-s -o flowtap-otelcol .)
mv "$work/build/flowtap-otelcol" "$cache/go/bin/"
