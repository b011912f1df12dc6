#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Arrow streams, Arrow files and Parquet of hostile sizes, as others read them: no row, one row, columns that are null
over a whole file; and with --large ten million rows, and two GiB of text in a column. pyarrow looks into every batch
with full validation; Polars and DuckDB find as many rows, the same sums, lengths and nulls. flowtap's memory does not
grow with the file.

    sizes.py --flowtap PROGRAM [--large] [--rows N] [--folder DIR]

The captures are made on the way to flowtap's stdin. The large files take 6 GB in DIR, one case at a time.
"""
import argparse
import importlib
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "support")]
import checks  # noqa: E402: tests/support/checks.py
import readers  # noqa: E402: tests/readers.py
from checks import check  # noqa: E402

readers.needs("pyarrow", "numpy")
import numpy  # noqa: E402
import pyarrow  # noqa: E402
import pyarrow.compute  # noqa: E402
import pyarrow.ipc  # noqa: E402
import pyarrow.parquet  # noqa: E402

START = 1719409371
PER_SECOND = 100000   # flows that begin in a second of capture time
FLOWS = 200000        # in the table at most, so that it is as large as it gets before half of a run
BLOCK = 65536         # packets that are made at once
NAME = 4 * 60 - 1     # bytes of a DNS name of four labels, as text
SLACK = 48 << 20      # memory that the second half of a run may take more


# ---- captures: each packet is a flow ----

def template(named):
    """A pcap record with an Ethernet frame of UDP; and where its name begins."""
    body = b"x" * 18
    if named:
        body = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + (b"\x3b" + b"x" * 59) * 4 + b"\0\0\x01\0\x01"
    udp = struct.pack("!HHHH", 0, 53, 8 + len(body), 0) + body
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), bytes((192, 0, 2, 2)))
    frame = b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + ip + udp
    return struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame


def ports(numbers):
    return 1024 + numbers % 50000


def capture(n, named):
    """A capture of n flows, block by block: their numbers are in the source address, and in the name in hex."""
    one = numpy.frombuffer(template(named), dtype=numpy.uint8)
    yield struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for first in range(0, n, BLOCK):
        k = numpy.arange(first, min(n, first + BLOCK), dtype=numpy.uint32)
        block = numpy.tile(one, (len(k), 1))
        block[:, 0:4] = (START + k // PER_SECOND).astype("<u4").view(numpy.uint8).reshape(-1, 4)
        block[:, 4:8] = (k % PER_SECOND * 10).astype("<u4").view(numpy.uint8).reshape(-1, 4)
        block[:, 42:46] = (k + (10 << 24)).astype(">u4").view(numpy.uint8).reshape(-1, 4)
        block[:, 50:52] = ports(k).astype(">u2").view(numpy.uint8).reshape(-1, 2)
        if named:
            for digit in range(8):
                value = (k >> (28 - 4 * digit)) & 15
                block[:, 16 + 42 + 13 + digit] = numpy.where(value < 10, 48 + value, 87 + value)
        yield block.tobytes()


def feed(to, blocks, look):
    """Writes blocks, and looks behind each, and at the end until there is nothing to see."""
    try:
        for block in blocks:
            to.write(block)
            look()
        to.close()
    except BrokenPipeError:
        pass  # it says why
    while look():
        time.sleep(0.02)


def memory(pid):
    """The high-water mark of a process in bytes (that of rusage is of this program before exec); 0: it is over."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            return max([0, *(int(line.split()[1]) << 10 for line in f if line.startswith("VmHWM"))])
    except OSError:
        return 0


def run(flowtap, folder, n, named, args, url):
    """The three files of one run; memory when half of the capture had been read, and at its end."""
    names = {"stream": folder / "x.arrows", "file": folder / "x.arrow", "Parquet": folder / "x.parquet"}
    command = [flowtap, "read", "-", "--quiet", "-w1", "-e", "flow", "--idle-timeout", "1",
               "--max-flows", str(FLOWS), *args]
    for kind, path in names.items():
        path.unlink(missing_ok=True)
        command += ["-o", f"{'parquet' if kind == 'Parquet' else 'arrow'}:{path}{url}"]
    began, looks = time.monotonic(), []

    def look():
        looks.append(memory(p.pid))
        return looks[-1]

    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as p:
        feeder = threading.Thread(target=feed, args=(p.stdin, capture(n, named), look))
        feeder.start()
        said = p.stderr.read().decode()
        feeder.join()
        _, status, used = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
    check(p.returncode == 0, command, said)
    half, end = looks[min(n // BLOCK // 2, len(looks) - 1)], max(looks)
    print(f"    flowtap: {time.monotonic() - began:.1f} s, of CPU {used.ru_utime + used.ru_stime:.1f} s, {half >> 20} MiB at half, "
          f"{end >> 20} at the end", flush=True)
    return names, half, end


# ---- readers: each tells rows, sum of ports, bytes of text, and how many values the null columns have ----

class Told:
    """Of what pyarrow reads, batch by batch."""

    def __init__(self, text, nulls):
        self.text, self.nulls = text, nulls
        self.rows = self.ports = self.bytes = self.there = self.batches = self.longest = 0

    def add(self, batch):
        batch.validate(full=True)
        self.batches += 1
        self.rows += batch.num_rows
        self.ports += pyarrow.compute.sum(batch["src_port"]).as_py() or 0
        if self.text:
            length = pyarrow.compute.sum(pyarrow.compute.binary_length(batch[self.text])).as_py() or 0
            self.bytes += length
            self.longest = max(self.longest, length)
        self.there += sum(batch.num_rows - batch[name].null_count for name in self.nulls)

    def all(self):
        return self.rows, self.ports, self.bytes, self.there


def by_pyarrow(names, text, nulls):
    for kind in names:
        told = Told(text, nulls)
        if kind == "stream":
            with pyarrow.OSFile(str(names[kind])) as f, pyarrow.ipc.open_stream(f) as r:
                schema = r.schema
                for batch in r:
                    told.add(batch)
        elif kind == "file":
            with pyarrow.memory_map(str(names[kind])) as f:
                r = pyarrow.ipc.open_file(f)
                schema = r.schema
                for i in range(r.num_record_batches):
                    told.add(r.get_batch(i))
        else:
            with pyarrow.parquet.ParquetFile(names[kind]) as r:
                schema = r.schema_arrow
                check(r.metadata.num_rows == sum(r.metadata.row_group(i).num_rows for i in range(r.num_row_groups)), kind)
                for i in range(r.num_row_groups):
                    told.add(r.read_row_group(i))
        check(all(f.nullable and not pyarrow.types.is_null(f.type) for f in schema), "types of", kind)
        print(f"    pyarrow, {kind}: {os.path.getsize(names[kind]) >> 20} MiB, {told.batches} batches"
              + (f", at most {told.longest} bytes of text" if text else ""), flush=True)
        yield kind, told.all()


def by_polars(names, text, nulls):
    polars = importlib.import_module("polars")
    wanted = ["src_port", *([text] if text else []), *nulls]
    frames = {"stream": lambda p: polars.read_ipc_stream(p, columns=wanted).lazy(), "file": polars.scan_ipc,
              "Parquet": polars.scan_parquet}
    for kind, path in names.items():
        frame = frames[kind](str(path)).select(
            polars.len().alias("rows"), polars.col("src_port").cast(polars.UInt64).sum().alias("ports"),
            (polars.col(text).str.len_bytes().cast(polars.UInt64).sum() if text else polars.lit(0)).alias("bytes"),
            polars.sum_horizontal([polars.lit(0), *(polars.col(n).count() for n in nulls)]).alias("there"))
        yield kind, tuple(int(v) for v in frame.collect().row(0))


def by_duckdb(names, text, nulls):
    duckdb = importlib.import_module("duckdb")
    there = " + ".join(["0", *(f"count({n})" for n in nulls)])
    query = (f"select count(*), coalesce(sum(src_port), 0)::bigint, "
             f"{f'coalesce(sum(strlen({text})), 0)::bigint' if text else 0}, {there} from ")
    yield "Parquet", tuple(duckdb.sql(f"{query} '{names['Parquet']}'").fetchall()[0])
    with pyarrow.OSFile(str(names["stream"])) as f:
        stream = pyarrow.ipc.open_stream(f)  # noqa: F841: DuckDB finds it by its name
        yield "stream", tuple(duckdb.sql(f"{query} stream").fetchall()[0])


def case(flowtap, folder, what, n, named=False, args=(), url="", text=None, nulls=()):
    print(f"{what}:", flush=True)
    names, half, end = run(flowtap, folder, n, named, args, url)
    check(end <= half + SLACK or n < 10**6, what, "memory grew from", half >> 20, "to", end >> 20, "MiB")
    numbers = numpy.arange(n, dtype=numpy.uint64)
    want = n, int(ports(numbers).sum()), n * NAME if text else 0, 0
    for library in by_pyarrow, by_polars, by_duckdb:
        began = time.monotonic()
        try:
            for kind, got in library(names, text, nulls):
                check(got == want, what, library.__name__, kind, got, "and not", want)
        except ImportError as e:
            print(f"    {e.name} is not here: skipped")
        print(f"    {library.__name__[3:]}: {time.monotonic() - began:.1f} s", flush=True)
    check(sorted(os.listdir(folder)) == sorted(p.name for p in names.values()), what, "leaves", os.listdir(folder))
    return names


NULL = "vlan_id", "icmp_type", "tunnel_id", "tls_sni", "http_host", "tcp_rtt_client_us", "label", "attack"


def small(flowtap, folder):
    profiles = ["-p", "all,app,splt,label,packets,link"]
    for n in 0, 1, 3000:
        case(flowtap, folder, f"{n} rows", n, args=profiles, nulls=NULL)
    names = case(flowtap, folder, "names", 3000, named=True, args=profiles, text="dns_query", nulls=NULL)
    with pyarrow.parquet.ParquetFile(names["Parquet"]) as r:
        told = sorted(r.read(columns=["dns_query"])["dns_query"].to_pylist())
        check([t[:8] for t in told] == [f"{k:08x}" for k in range(3000)], "the names themselves")


def large(flowtap, folder, rows):
    case(flowtap, folder, f"{rows} rows", rows, nulls=("vlan_id", "icmp_type", "tunnel_id"))
    rows = max(rows, (1 << 31) // NAME + 1) if rows >= 10**6 else rows
    case(flowtap, folder, f"{rows * NAME} bytes of text", rows, named=True, args=["-p", "app"],
         url="?columns=src_port,dns_query,tls_sni", text="dns_query", nulls=("tls_sni",))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--flowtap", required=True)
    p.add_argument("--large", action="store_true")
    p.add_argument("--rows", type=int, default=10**7)
    p.add_argument("--folder")
    a = p.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="flowtap-sizes-", dir=a.folder))
    folder.chmod(0o755)
    try:
        large(a.flowtap, folder, a.rows) if a.large else small(a.flowtap, folder)
    finally:
        shutil.rmtree(folder)
    checks.ended()


if __name__ == "__main__":
    main()
