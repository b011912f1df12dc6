#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A table as netFound's scripts open it, with pyarrow, from standard input: checked, its schema theirs; its rows as JSON."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import readers

readers.needs("pyarrow")
import pyarrow as pa

SCHEMA = pa.schema([("flow_duration", pa.uint64()), ("burst_tokens", pa.list_(pa.list_(pa.uint16()))), ("directions", pa.list_(pa.bool_())),
                    ("bytes", pa.list_(pa.uint32())), ("iats", pa.list_(pa.uint64())), ("counts", pa.list_(pa.uint32())),
                    ("protocol", pa.uint16()), ("labels", pa.string())])
table = pa.ipc.open_stream(sys.stdin.buffer.read()).read_all()
table.validate(full=True)
assert table.schema.equals(SCHEMA), table.schema
json.dump([list(r.values()) for r in table.to_pylist()], sys.stdout)
