#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Avro outputs as fastavro and Apache's avro read them, with the values of NDJSON: of every profile, of the other kinds
of events, and of captures of the corpus.

    avro_readers.py --flowtap PROGRAM --capture FILE [--corpus DIR] [--every N]

The libraries are those of the interpreter that tests/readers.py finds; without fastavro it is skipped (77).
"""
import argparse
import datetime
import decimal
import json
import pathlib
import re
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "support"), str(TESTS / "interop")]
import checks  # noqa: E402: tests/support/checks.py
import readers  # noqa: E402: tests/readers.py
from arrow_readers import PROFILES, flat  # noqa: E402
from checks import check, load, write_capture  # noqa: E402

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def plain(v, want):
    """A value of a reader as NDJSON has it."""
    if isinstance(v, datetime.datetime):
        return (v - EPOCH) // datetime.timedelta(microseconds=1)
    if isinstance(v, decimal.Decimal):
        return int(v)
    if isinstance(v, bytes):
        return v.hex()
    if isinstance(v, list):
        return [plain(a, None) for a in v]
    return json.loads(v) if isinstance(want, (dict, list)) and isinstance(v, str) else v


def equal(a, b):
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, float):
        return b is not None and abs(a - b) <= 1e-14 * max(1, abs(a))
    return a == b and (a is None) == (b is None)


def same(got, rows, what):
    check(len(got) == len(rows), what, len(got), len(rows))
    for g, r in zip(got, rows):
        r = {re.sub(r"\W", "_", k): v for k, v in r.items()}
        check(set(r) <= set(g), what, set(r) ^ set(g))
        for name, want in r.items():
            v = plain(g[name], want)
            if isinstance(g[name], datetime.datetime):
                want = round(want * 1e6)
            check(equal(v, want), what, name, v, want)


def compare(flowtap, args, work, what, where="", collect=False, codec="null"):
    """The file of a run against its NDJSON. Returns the values, and the schema in the file."""
    names = [str(work / n) for n in ("x.avro", "x.ndjson")]
    for old in work.iterdir():
        old.unlink()
    packed = f"{where}{'&' if where else '?'}codec={codec}"
    subprocess.run([flowtap, *args, "-w1", "-o", f"avro:{names[0]}{packed}", "-o", f"ndjson:{names[1]}{where}"],
                   stderr=subprocess.DEVNULL, check=False)
    if not pathlib.Path(names[1]).exists():  # no capture at all
        check(not pathlib.Path(names[0]).exists(), what, "an output without the other")
        return [], None
    with open(names[1], encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    if collect:  # "features" keeps its name
        rows = [{**{k: v for k, v in flat(r, True).items() if k != "other"}, "features": r.get("features")} for r in rows]
        rows = [{k: v for k, v in r.items() if k != "features" or v is not None} for r in rows]
    else:
        rows = [flat(r, False) for r in rows]
    with open(names[0], "rb") as f:
        reader = load("fastavro").reader(f)
        got, schema = list(reader), json.loads(reader.metadata["avro.schema"])
        check(reader.metadata["avro.codec"] == codec, what, reader.metadata)
    same(got, rows, f"{what}, fastavro")
    if load("avro"):
        from avro.datafile import DataFileReader  # pylint: disable=import-outside-toplevel
        from avro.io import DatumReader  # pylint: disable=import-outside-toplevel
        with DataFileReader(open(names[0], "rb"), DatumReader()) as f:
            same(list(f), rows, f"{what}, avro")
    return got, schema


def types(schema):
    """The types that its columns have, without the union around each."""
    check(all(f["type"][0] == "null" and len(f["type"]) == 2 for f in schema["fields"]), "unions", schema)
    return {json.dumps(f["type"][1]) for f in schema["fields"]}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--flowtap", required=True)
    p.add_argument("--capture", required=True)
    p.add_argument("--corpus")
    p.add_argument("--every", type=int, default=40)
    a = p.parse_args()
    readers.use()
    if load("fastavro") is None:
        sys.exit(77)
    seen, sizes = set(), {}
    with tempfile.TemporaryDirectory(prefix="flowtap-avro-") as work:
        work = pathlib.Path(work)
        work.chmod(0o755)
        for profiles in (*PROFILES, "zeek", "nfstream"):
            got, schema = compare(a.flowtap, ["read", a.capture, "-e", "flow", "-p", profiles], work, profiles)
            check(len(got) > 3, profiles, "records", len(got))
            seen |= types(schema)
            r = subprocess.run([a.flowtap, "schema", "--format", "avro", "-p", profiles], capture_output=True, check=True)
            printed = {s["name"]: s for s in json.loads(r.stdout)}
            check(schema == printed["network_flow_record"], profiles, "the schema in the file is the printed one")
        for kind in "sample", "stats":
            got, schema = compare(a.flowtap, ["read", a.capture, "-e", "all"], work, kind, f"?event={kind}")
            check(len(got) > 0 and schema == printed[{"sample": "network_flow_sample", "stats": "pipeline_stats"}[kind]], kind)
            seen |= types(schema)
        for wanted in ('"boolean"', '"int"', '"long"', '"double"', '"string"', '"bytes"', "timestamp-micros", "decimal",
                       '{"type": "array", "items": "int"}', '{"type": "array", "items": {"type": "array"'):
            check(any(wanted in t for t in seen), "a type that was not read", wanted, seen)
        big = work.parent / f"{work.name}.pcap"
        write_capture(big, 4000)
        for codec in "null", "deflate", "zstandard":
            compare(a.flowtap, ["read", str(big), "-e", "flow"], work, codec, codec=codec)
            compare(a.flowtap, ["read", a.capture, "-e", "flow"], work, codec, codec=codec)
            sizes[codec] = (work / "x.avro").stat().st_size
        big.unlink()
        check(max(sizes["deflate"], sizes["zstandard"]) < sizes["null"] * 0.9, sizes)
        n = 0
        captures = sorted(pathlib.Path(a.corpus).rglob("*.pcap*")) if a.corpus else []
        for f in captures[::a.every]:
            exported = f.relative_to(a.corpus).parts[0] in ("ipfix", "netflow", "sflow")
            args = ["collect", "-l", f"pcap:{f}"] if exported else ["read", str(f), "-e", "flow", "-p", PROFILES[1]]
            compare(a.flowtap, args, work, f"{f.relative_to(a.corpus)}", "?event=flow", exported)
            n += 1
        print(f"{n} captures of the corpus")
    checks.ended()


if __name__ == "__main__":
    main()
