#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what reads our outputs in tests, once, into a cache outside of the tree: Python packages
# from PyPI, a quarter of an hour at most for each lot. What cannot be had is said; tests that need it are skipped.
#
#     scripts/readers.sh
# shellcheck disable=SC2086
set -eu
cache=${FT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flowtap}
python=$cache/python/bin/python
core="pyarrow pandas polars duckdb numpy"
more="maxminddb scikit-learn chdb moto[server] opentelemetry-proto prometheus_client pgserver lancedb qdrant-client confluent-kafka[avro,schemaregistry] fastavro[zstandard] avro[zstandard] ipfix check-jsonschema kubernetes-validate mcp"
stamp=$cache/python/installed-11

install() {
	timeout 900 "$python" -m pip install -q --disable-pip-version-check --retries 1 --timeout 20 "$@" >&2
}

[ -z "${FT_PYTHON:-}" ] || exit 0 # another one is to be used
[ ! -e "$stamp" ] || exit 0
mkdir -p "$cache"
if ! { [ -x "$python" ] || python3 -m venv "$cache/python"; } >&2 ||
	! install $core; then
	echo "readers: pyarrow and others cannot be had; tests that need them are skipped" >&2
	exit 0
fi
for p in $more; do
	install "$p" ||
		echo "readers: $p cannot be had; tests that need it are skipped" >&2
done
: >"$stamp"
