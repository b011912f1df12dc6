#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Arrow and Parquet outputs as others read them, with the values of NDJSON: pyarrow (with full validation), Polars, pandas,
DuckDB, ClickHouse (chdb), apache-arrow for JavaScript; of the bundled capture and of captures of the corpus.

    arrow_readers.py --flowtap PROGRAM --capture FILE [--corpus DIR] [--every N]

The libraries are those of the interpreter that tests/readers.py finds; JavaScript's stands below FT_NODE_MODULES. What
is not there is skipped, which is said; without pyarrow all of it (77).
"""
import argparse
import importlib
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "support")]
import checks  # noqa: E402: tests/support/checks.py
import readers  # noqa: E402: tests/readers.py
from checks import check, load  # noqa: E402

PROFILES = "base", "all,app,splt,link,packets", "bytes,nprint,nf-v3", "netfound"
GROUPS = "flow_key", "aggregate_metrics", "features", "exporter"


def flat(event, collect):
    out = {}
    for k, v in event.items():
        if collect and k == "features":
            out["other"] = v
        elif isinstance(v, dict) and k in GROUPS:
            out.update(v)
        elif k != "event_type":
            out[k] = v
    return out


def same(pa, table, rows, what):
    check(table.num_rows == len(rows), what, table.num_rows, len(rows))
    for f in table.schema:
        check(f.nullable and not pa.types.is_null(f.type) and not pa.types.is_dictionary(f.type), what, f)
        column, want = table[f.name], [r[f.name] for r in rows]
        if pa.types.is_timestamp(f.type):
            check(str(f.type) == "timestamp[us, tz=UTC]", what, f)
            got = column.cast(pa.int64()).to_pylist()
            want = [None if v is None else round(v * 1e6) for v in want]
        else:
            got = column.to_pylist()
        if pa.types.is_string(f.type):
            got = [json.loads(a) if isinstance(b, (dict, list)) else a for a, b in zip(got, want)]
        if pa.types.is_binary(f.type) or pa.types.is_fixed_size_binary(f.type):
            want = [None if v is None else bytes.fromhex(v) for v in want]
        if pa.types.is_floating(f.type):
            ok = all((a is None) == (b is None) and (a is None or abs(a - b) <= 1e-14 * max(1, abs(a)))
                     for a, b in zip(got, want))
        else:
            ok = got == want
        check(ok, what, f.name, [x for x in zip(got, want) if x[0] != x[1]][:3])


def compare(pa, flowtap, args, work, what, where=""):
    """Stream and file against NDJSON of the same run. Returns the table."""
    names = [str(work / n) for n in ("x.arrows", "x.arrow", "x.ndjson", "x.parquet")]
    for old in work.iterdir():  # collect adds to files, and puts aside
        old.unlink()
    subprocess.run([flowtap, *args, "-w1", "-o", f"arrow:{names[0]}{where}", "-o", f"arrow:{names[1]}{where}",
                    "-o", f"ndjson:{names[2]}{where}", "-o", f"parquet:{names[3]}{where}"], stderr=subprocess.DEVNULL, check=False)
    if not os.path.exists(names[2]):  # no capture at all
        check(not os.path.exists(names[0]), what, "an output without the other")
        return None, [], names
    with open(names[2], encoding="utf-8") as f:
        rows = [flat(json.loads(line), args[0] == "collect") for line in f]
    with open(names[0], "rb") as f:
        stream = pa.ipc.open_stream(f).read_all()
    file = pa.ipc.open_file(names[1]).read_all()
    parquet = importlib.import_module("pyarrow.parquet").ParquetFile(names[3])
    check(parquet.metadata.num_rows == len(rows), what, "the footer of Parquet")
    check(sorted(os.listdir(work)) == sorted(os.path.basename(n) for n in names), what, os.listdir(work))
    for table, kind in (stream, "stream"), (file, "file"), (parquet.read(), "Parquet"):
        table.validate(full=True)
        if rows:
            check(table.column_names == list(rows[0]), what, kind)
        same(pa, table, rows, f"{what} {kind}")
    return stream, rows, names


def others(pa, table, rows, names):
    """Readers of other projects find as many rows, and the same sum."""
    want = len(rows), sum(r["byte_count"] for r in rows)
    polars, pandas, duckdb, chdb = load("polars"), load("pandas"), load("duckdb"), load("chdb")
    if polars:
        for frame in polars.read_ipc_stream(names[0]), polars.read_ipc(names[1]), polars.read_parquet(names[3]):
            check((frame.height, frame["byte_count"].sum()) == want, "Polars")
            check(frame["src_ip"].to_list() == [r["src_ip"] for r in rows], "Polars: text")
    if pandas:
        frame = table.to_pandas()
        check((len(frame), frame["byte_count"].sum()) == want, "pandas")
        check((len(pandas.read_feather(names[1])),) == want[:1], "pandas: the file as Feather")
    if duckdb:
        flows = table  # noqa: F841: DuckDB finds it by its name
        for what in "flows", f"'{names[3]}'":
            got = duckdb.sql(f"select count(*), sum(byte_count)::bigint from {what}").fetchall()
            check(got == [want], "DuckDB", what, got)
        got = duckdb.sql(f"select count(*) from '{names[3]}' where dst_port = 443").fetchall()
        check(got == [(sum(r["dst_port"] == 443 for r in rows),)], "DuckDB: by the statistics", got)
    if chdb:
        out = chdb.query(f"select count(), sum(byte_count) from file('{names[0]}', ArrowStream)", "CSV")
        check(str(out).strip() == f"{want[0]},{want[1]}", "ClickHouse", out)
        session = importlib.import_module("chdb.session").Session()
        session.query("create database if not exists d engine = Atomic")
        # it takes no bytes of more than 256 into a table without being told
        session.query("set allow_suspicious_fixed_string_types = 1")
        session.query(f"create table d.flows engine = MergeTree order by tuple() as "
                      f"select * from file('{names[0]}', ArrowStream)")
        out = session.query("select count(), sum(byte_count) from d.flows", "CSV")
        check(str(out).strip() == f"{want[0]},{want[1]}", "ClickHouse: MergeTree", out)
        out = session.query(f"select count(), sum(byte_count) from file('{names[3]}', Parquet)", "CSV")
        check(str(out).strip() == f"{want[0]},{want[1]}", "ClickHouse: Parquet", out)
        fixed = [f.name for f in table.schema if pa.types.is_fixed_size_binary(f.type)]
        for name, kind in (names[0], "ArrowStream"), (names[3], "Parquet"):
            for column in fixed:  # as the schema's DDL has them; zeros at the end are cut
                session.query("create or replace table d.bytes (x Nullable(String)) engine = MergeTree order by tuple()")
                session.query(f"insert into d.bytes select {column} from file('{name}', {kind})")
                out = session.query("select lower(hex(x)) from d.bytes", "TSV")
                want = sorted(bytes.fromhex(r[column]).rstrip(b"\0").hex() for r in rows)
                check(sorted(str(out).split()) == want, "ClickHouse: bytes", kind, column)
        session.cleanup()


def javascript(rows, names):
    modules = os.environ.get("FT_NODE_MODULES")
    if not modules or not pathlib.Path(modules, "apache-arrow").exists():
        print("apache-arrow of JavaScript is not here: skipped")
        return
    program = """
const { tableFromIPC } = require(process.argv[1] + '/apache-arrow'), fs = require('fs');
for (const n of process.argv.slice(2)) {
  const t = tableFromIPC(fs.readFileSync(n)); let sum = 0n;
  for (const row of t) sum += BigInt(row.byte_count);
  console.log(t.numRows + ' ' + sum);
}"""
    r = subprocess.run(["node", "-e", program, modules, *names[:2]], capture_output=True, text=True, check=False)
    want = f"{len(rows)} {sum(r['byte_count'] for r in rows)}"
    check(r.stdout.split("\n")[:2] == [want, want], "JavaScript", r.stdout, r.stderr)


def repeat(capture, times, out):
    """The capture again and again, an hour later each time: its flows in several batches, of any number of rows."""
    data = pathlib.Path(capture).read_bytes()
    check(data[:4] == b"\xd4\xc3\xb2\xa1", "a capture in another byte order", capture)
    records, at = [], 24
    while at < len(data):
        sec, frac, caplen, wire = struct.unpack_from("<4I", data, at)
        records.append((sec, frac, caplen, wire, data[at + 16:at + 16 + caplen]))
        at += 16 + caplen
    with open(out, "wb") as f:
        f.write(data[:24])
        for k in range(times):
            for sec, frac, caplen, wire, packet in records:
                f.write(struct.pack("<4I", sec + 3600 * k, frac, caplen, wire) + packet)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--flowtap", required=True)
    p.add_argument("--capture", required=True)
    p.add_argument("--corpus")
    p.add_argument("--every", type=int, default=40)
    a = p.parse_args()
    readers.use()
    pa = load("pyarrow")
    if pa is None:
        sys.exit(77)
    importlib.import_module("pyarrow.ipc")
    with tempfile.TemporaryDirectory(prefix="flowtap-arrow-") as work:
        work = pathlib.Path(work)
        work.chmod(0o755)
        for profiles in PROFILES:
            table, rows, names = compare(pa, a.flowtap, ["read", a.capture, "-e", "flow", "-p", profiles], work,
                                         profiles)
            others(pa, table, rows, names)
            javascript(rows, names)
        with tempfile.NamedTemporaryFile(prefix="flowtap-many-", suffix=".pcap") as many:
            os.chmod(many.name, 0o644)
            repeat(a.capture, 301, many.name)
            for profiles in "base", "all,app,splt":
                _, rows, _ = compare(pa, a.flowtap, ["read", many.name, "-e", "flow", "-p", profiles], work,
                                     f"{profiles}, many rows")
                check(len(rows) > 4000, "many rows", len(rows))
            _, rows, _ = compare(pa, a.flowtap, ["read", many.name, "-e", "flow", "--idle-timeout", "60"], work,
                                 "netfound, many rows", "?columns=burst_tokens,directions,iats")
            check(len(rows) > 4000, "netfound, many rows", len(rows))
        _, some, _ = compare(pa, a.flowtap, ["read", a.capture, "-e", "flow"], work, "where=",
                             "?where=dst_port=443 or packet_count>10")
        _, every, _ = compare(pa, a.flowtap, ["read", a.capture, "-e", "flow"], work, "all")
        wanted = [r for r in every if r["dst_port"] == 443 or r["packet_count"] > 10]
        check(0 < len(some) < len(every) and some == wanted, "where=")
        n = 0
        captures = sorted(pathlib.Path(a.corpus).rglob("*.pcap*")) if a.corpus else []
        for f in captures[::a.every]:
            exported = f.relative_to(a.corpus).parts[0] in ("ipfix", "netflow", "sflow")
            args = ["collect", "-l", f"pcap:{f}"] if exported else ["read", str(f), "-e", "flow", "-p", PROFILES[1]]
            compare(pa, a.flowtap, args, work, f"{f.relative_to(a.corpus)}")
            n += 1
        print(f"{n} captures of the corpus")
    checks.ended()


if __name__ == "__main__":
    main()
