#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What was published stays: columns keep name, place, type, unit, element and meaning.

tests/golden/columns/MAJOR.MINOR.csv holds the columns of all events and profiles as that version of the schema had
them. A later minor version may add columns, and only then may there be others. `cli_published.py --publish` writes the
file of the version that the program says; a published one is only written again before its release."""
import csv
import io
import json
import pathlib
import subprocess
import sys
import unittest

from support import FLOWTAP, ROOT, Case

PUBLISHED = ROOT / "tests/golden/columns"
KEEPS = ["event", "object", "column", "profile", "type", "unit", "element", "nullable", "meaning", "null_rule", "class"]


def schema(form, *args):
    return subprocess.run([FLOWTAP, "schema", "--format", form, *args], capture_output=True, check=True, text=True).stdout


def profiles():
    """Those that -p takes, those of tools too, of the message for one that is none."""
    r = subprocess.run([FLOWTAP, "schema", "-p", "!"], capture_output=True, text=True)
    return r.stderr.rsplit("(there are: ", 1)[1].split(")")[0].replace(", all", "").split(", ")


def columns():
    """All rows, those of tools behind the others, in the order of the schema."""
    rows = list(csv.DictReader(io.StringIO(schema("csv"))))
    known = {(r["event"], r["profile"]) for r in rows}
    for p in profiles():
        rows += [r for r in csv.DictReader(io.StringIO(schema("csv", "-p", p)))
                 if r["profile"] == p and (r["event"], p) not in known]
    return [tuple(r[k] for k in KEEPS) for r in rows]


def version():
    return json.loads(schema("json-schema"))["$id"].rsplit(":", 1)[1]


def number(v):
    return tuple(map(int, v.split(".")))


def read(path):
    with open(path, newline="") as f:
        return [tuple(r) for r in csv.reader(f)][1:]


class Published(Case):
    def test_what_was_published_stays(self):
        now = columns()
        place = {row: i for i, row in enumerate(now)}
        self.assertEqual(len(place), len(now))
        files = sorted(PUBLISHED.glob("*.csv"), key=lambda p: number(p.stem))
        self.assertTrue(files)
        for path in files:
            if number(path.stem)[0] != number(version())[0]:
                continue
            then = read(path)
            for row in then:
                self.assertIn(row, place, f"published in {path.stem}")
            for a, b in zip(then, then[1:]):
                if a[0] == b[0] and a[3] == b[3]:
                    self.assertLess(place[a], place[b], "they changed places")
        newest = files[-1]
        if set(read(newest)) == set(now):
            self.assertEqual(newest.stem, version())
        else:
            self.assertGreater(number(version()), number(newest.stem), "columns were added: a new minor version")

    def test_streams_say_it(self):
        r = self.good("read", "--quiet", "-e", "stats", str(ROOT / "examples/sample.pcap"))
        self.assertEqual(json.loads(r.stdout)["schema_version"], version())
        self.assertIn(f"schema: {version()}\n", self.good("--version").stdout)


def publish():
    path = PUBLISHED / f"{version()}.csv"
    with open(path, "w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(KEEPS)
        out.writerows(columns())
    print(path)


if __name__ == "__main__":
    if "--publish" in sys.argv:
        publish()
    else:
        unittest.main(verbosity=2)
