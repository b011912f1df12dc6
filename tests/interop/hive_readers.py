#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""?hive= as others read it: pyarrow, DuckDB, Polars find every row once, with date and hour as columns that say what each
row's timestamp says; rows of no time have null there.

    hive_readers.py --flowtap PROGRAM

The libraries are those of the interpreter that tests/readers.py finds; what is not there is skipped, which is said.
"""
import argparse
import datetime
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

BEGIN, N, STEP = 1719409371, 3000, 61  # 51 hours
UTC = datetime.timezone.utc


def capture(times):
    out = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    for i, t in enumerate(times):
        udp = struct.pack("!HHHH", 1000 + i % 60000, 53, 28, 0) + b"x" * 20
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), i & 0xFFFF, 0, 64, 17, 0, b"\xc0\0\2\1", b"\xc0\0\2\2")
        frame = b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + ip + udp
        out += struct.pack("<IIII", t, 0, len(frame), len(frame)) + frame
    return bytes(out)


def fits(rows, hours, what):
    """rows: (timestamp, date, hour). Every flow once, where it belongs."""
    check(len(rows) == N, what, len(rows))
    wrong = []
    for t, date, hour in rows:
        t = t if isinstance(t, datetime.datetime) else datetime.datetime.fromtimestamp(t, UTC)
        t = t.astimezone(UTC) if t.tzinfo else t.replace(tzinfo=UTC)
        if str(date) != str(t.date()) or (hours and int(hour) != t.hour):
            wrong.append((t, date, hour))
    check(not wrong, what, wrong[:3])


def pyarrow(folder, kind, hours):
    ds = load("pyarrow.dataset")
    if ds is None:
        return
    d = ds.dataset(str(folder), format=kind, partitioning="hive")
    t = d.to_table()
    t.validate(full=True)
    hour = t["hour"].to_pylist() if hours else [None] * t.num_rows
    fits(list(zip(t["timestamp"].to_pylist(), t["date"].to_pylist(), hour)), hours, f"pyarrow {kind}")
    if hours and kind == "parquet":
        one = d.to_table(filter=(ds.field("date") == "2024-06-27") & (ds.field("hour") == 5))
        check(0 < one.num_rows < 100 and {x.hour for x in one["timestamp"].to_pylist()} == {5}, "pyarrow, one hour")
        fragments = list(d.get_fragments(filter=(ds.field("date") == "2024-06-27") & (ds.field("hour") == 5)))
        check(len(fragments) == 1, "pyarrow looks only where it has to", fragments)


def duckdb(folder, kind, hours):
    db = load("duckdb")
    if db is None:
        return
    call = {"parquet": "read_parquet", "csv": "read_csv", "ndjson": "read_json"}[kind]
    depth = "*/*" if hours else "*"
    c = db.connect()
    c.execute("set timezone='UTC'")
    source = f"{call}('{folder}/{depth}/x*.{kind}', hive_partitioning=true)"
    rows = c.execute(f"select epoch(timestamp), date, {'hour' if hours else 'null'} from {source}" if kind == "parquet" else
                     f"select timestamp::double, date, {'hour' if hours else 'null'} from {source}").fetchall()
    fits(rows, hours, f"DuckDB {kind}")
    if hours and kind == "parquet":
        n = c.execute(f"select count(*) from {source} where date = '2024-06-27' and hour = 5").fetchone()[0]
        check(0 < n < 100, "DuckDB, one hour", n)


def polars(folder, kind, hours):
    pl = load("polars")
    if pl is None or kind != "parquet":
        return
    t = pl.scan_parquet(f"{folder}/**/*.parquet", hive_partitioning=True).collect()
    hour = t["hour"].to_list() if hours else [None] * len(t)
    fits(list(zip(t["timestamp"].to_list(), t["date"].to_list(), hour)), hours, "Polars")


def of_no_time(folder):
    """Where rows are whose time is none: date and hour are null."""
    some = next(folder.glob("*/*/x.parquet"))
    unknown = "__HIVE_DEFAULT_PARTITION__"
    to = folder / f"date={unknown}" / f"hour={unknown}"
    to.mkdir(parents=True)
    (to / "x.parquet").write_bytes(some.read_bytes())
    ds, db, pl = load("pyarrow.dataset"), load("duckdb"), load("polars")
    if ds:
        t = ds.dataset(str(folder), format="parquet", partitioning="hive").to_table()
        n = t["date"].null_count
        check(0 < n == t["hour"].null_count == t.num_rows - N, "pyarrow, null", n)
    if db:
        got = db.connect().execute(f"select count(*) from read_parquet('{folder}/*/*/*.parquet', hive_partitioning=true) "
                                   "where date is null and hour is null").fetchone()[0]
        check(got > 0, "DuckDB, null", got)
    if pl:
        t = pl.scan_parquet(f"{folder}/**/*.parquet", hive_partitioning=True).collect()
        check(t["date"].null_count() == len(t) - N > 0, "Polars, null", t["date"].null_count())


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--flowtap", required=True)
    a = p.parse_args()
    readers.use()
    if load("pyarrow") is None:
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="flowtap-hive-") as work:
        work = pathlib.Path(work)
        work.chmod(0o755)
        path = work / "c.pcap"
        path.write_bytes(capture([BEGIN + i * STEP for i in range(N)]))
        for span in "hour", "day":
            for kind in "parquet", "arrow", "csv", "ndjson":
                folder = work / f"{span}-{kind}"
                folder.mkdir()
                subprocess.run([a.flowtap, "read", "-w1", "-e", "flow", str(path), "-o",
                                f"{kind}:{folder}/x.{kind}?hive={span}"], stderr=subprocess.DEVNULL, check=True)
                if kind in ("parquet", "arrow", "csv"):
                    pyarrow(folder, kind, span == "hour")
                if kind != "arrow":
                    duckdb(folder, kind, span == "hour")
                polars(folder, kind, span == "hour")
        of_no_time(work / "hour-parquet")
    checks.ended()


if __name__ == "__main__":
    main()
