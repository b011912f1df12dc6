#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tables that `flowtap schema --format clickhouse` makes, in ClickHouse (chdb): of every event and every profile the
DDL is taken, and so are such events as Arrow, Parquet, CSV and, where they are flat, JSON, with the values of Arrow."""
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "cli")]
import readers  # noqa: E402: tests/readers.py

readers.needs("chdb", "pyarrow")
import pyarrow  # noqa: E402
import pyarrow.ipc  # noqa: E402
from chdb.session import Session  # noqa: E402
from cli_csv import of_every_kind  # noqa: E402
from support import FLOWTAP, SAMPLE  # noqa: E402

OF_READ = {"sample": "network_flow_sample", "flow": "network_flow_record", "stats": "pipeline_stats",
           "window": "window", "alert": "alert"}
OF_COLLECT = {"sample": "network_flow_sample_of_collect", "flow": "network_flow_record_of_collect",
              "stats": "pipeline_stats", "template": "template_change", "counter": "counter_sample",
              "discard": "discarded_packet", "exporter": "exporter_health"}


def run(*args):
    return subprocess.run([FLOWTAP, *args], capture_output=True, text=True, check=True).stdout


def ddl(*args):
    """name -> what makes that table."""
    made = [s.strip() for s in run("schema", "--format", "clickhouse", *args).split(";\n") if s.strip()]
    return {s.split()[2]: s for s in made}


def profiles():
    """Those that -p takes, of the message for one that is none."""
    r = subprocess.run([FLOWTAP, "schema", "-p", "!"], capture_output=True, text=True, check=False)
    return r.stderr.rsplit("(there are: ", 1)[1].split(")")[0].split(", ")


def plain(v):
    """A value as both sides can say it: ClickHouse has bytes for text."""
    if isinstance(v, str):
        return v.encode()
    if isinstance(v, float):
        return None if math.isnan(v) else float(f"{v:.12g}")
    return list(map(plain, v)) if isinstance(v, list) else v


def rows(table, names, fixed):
    """Of each row what these columns say, in an order that depends on nothing else; a list that is null is empty there."""
    columns = []
    for name in names:
        c = table.column(name)
        if pyarrow.types.is_timestamp(c.type):
            c = c.cast(pyarrow.timestamp("us")).cast(pyarrow.int64())
        values = [plain(v) for v in c.to_pylist()]
        if name in fixed:  # ClickHouse keeps them in a String without the zeros at their end
            values = [v and v.rstrip(b"\0") for v in values]
        columns.append([[] if v is None else v for v in values] if pyarrow.types.is_list(c.type) else values)
    return sorted(map(repr, zip(*columns)))


class ClickHouse(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="flowtap-clickhouse-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.session = Session()
        self.addCleanup(self.session.cleanup)
        self.session.query("create database d engine = Atomic")

    def path(self, name):
        return os.path.join(self.folder, name)

    def make(self, statement):
        name = statement.split()[2]
        self.session.query(f"drop table if exists d.{name}")
        self.session.query(statement.replace("CREATE TABLE ", "CREATE TABLE d."))
        return name

    def content(self, name):
        out = self.session.query(f"select * from d.{name} settings output_format_arrow_string_as_string = 0",
                                 "ArrowStream")
        return pyarrow.ipc.open_stream(out.bytes()).read_all()

    def check(self, what, statement, command, word="flow", flat=None):
        """Each format's events are taken, and are those of Arrow. flat: the parameters with which JSON has no objects."""
        for old in os.listdir(self.folder):
            if old != "x.pcap":
                os.unlink(self.path(old))
        outputs = {"ArrowStream": f"arrow:{self.path('ArrowStream')}?event={word}",
                   "Parquet": f"parquet:{self.path('Parquet')}?event={word}"}
        if flat is not None:
            outputs["JSONEachRow"] = f"ndjson:{self.path('JSONEachRow')}?event={word}{flat}"
        run(*command, "--quiet", "-w1", *(w for o in outputs.values() for w in ("-o", o)))
        with open(self.path("ArrowStream"), "rb") as f:
            want = pyarrow.ipc.open_stream(f).read_all()
        self.assertGreater(want.num_rows, 0, what)
        for form in outputs:
            with self.subTest(what=what, format=form):
                name = self.make(statement)
                self.session.query(f"insert into d.{name} from infile '{self.path(form)}' format {form}")
                got = self.content(name)
                self.assertEqual(got.column_names, want.column_names)
                names = [n for n in want.column_names if form != "JSONEachRow" or self.in_json(want, n)]
                fixed = [f.name for f in want.schema if pyarrow.types.is_fixed_size_binary(f.type)]
                self.assertEqual(rows(got, names, fixed), rows(want, names, fixed))

    def in_json(self, table, name):
        """JSON has hex for bytes; beside columns= no objects."""
        kind = table.schema.field(name).type
        return name != "other" and not pyarrow.types.is_binary(kind) and not pyarrow.types.is_fixed_size_binary(kind)

    def flat(self, command):
        """The columns of flow records by name: JSON without objects."""
        names = [n for n in self.names(command) if n != "other"]
        return "&columns=" + urllib.parse.quote(",".join(names), safe=",")

    def names(self, command):
        r = subprocess.run([FLOWTAP, *command, "--quiet", "-o", "arrow:-?event=flow"], capture_output=True, check=True)
        return pyarrow.ipc.open_stream(r.stdout).schema.names

    def test_profiles(self):
        """Flow records of every profile, with identity and without."""
        for profile in profiles():
            for more in [], ["--no-identity"]:
                statement = ddl("-p", profile, *more)["network_flow_record"]
                self.assertIn("ORDER BY " + ("tuple()" if more else "timestamp"), statement)
                command = ["read", "-p", profile, *more, SAMPLE]
                self.check((profile, *more), statement, command, flat=self.flat(command))

    def test_without_profile(self):
        """The table of every column takes the records of a few."""
        for name, statement in ddl().items():
            self.assertEqual(self.make(statement), name)

    def test_events_of_packets(self):
        tables = ddl("-p", "base")
        rules = self.path("x.pcap")  # a name that check() lets be
        with open(rules, "w", encoding="ascii") as f:
            f.write("policy: {deny: [{protocol: tcp}]}")
        for word, name in OF_READ.items():
            self.check(name, tables[name], ["read", "--rules", rules, SAMPLE], word,
                       "" if word in ("stats", "window", "alert") else None)
        self.make(ddl("-p", "base", "--no-identity")["pipeline_stats"])
        self.check("afterimage", ddl("-p", "afterimage")["afterimage"], ["read", "-p", "afterimage", SAMPLE], "afterimage")

    def test_events_of_exporters(self):
        with open(self.path("x.pcap"), "wb") as f:
            f.write(of_every_kind())
        command, tables = ["collect", "-l", f"pcap:{self.path('x.pcap')}"], ddl("-p", "base")
        self.assertEqual(set(tables), {*OF_READ.values(), *OF_COLLECT.values()})
        for word, name in OF_COLLECT.items():
            flat = {"flow": self.flat(command), "stats": ""}.get(word)
            self.check(name, tables[name], command, word, flat)


if __name__ == "__main__":
    unittest.main(verbosity=2)
