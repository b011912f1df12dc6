# SPDX-License-Identifier: Apache-2.0
"""flowtap schema: real events hold to it, what is not an event does not, all its forms agree."""
import copy
import csv
import io
import json
import re
import sys
import unittest

from support import ROOT, SAMPLE, SKIP, Case, main, pcap_header, pcap_records, run

sys.path.insert(0, str(ROOT / "tests/support"))
from arrow_reader import Arrow  # noqa: E402

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not installed")
    sys.exit(SKIP)

GROUPS = ("flow_key", "aggregate_metrics", "features")


# what only collect makes, and its own forms of two events
OF_COLLECT = {"template_change", "counter_sample", "discarded_packet", "exporter_health",
              "network_flow_sample_of_collect", "network_flow_record_of_collect"}


def columns(event):
    """(object, key) of an event's keys, in order; objects of the stats event are one column."""
    for key, value in event.items():
        if key in GROUPS:
            yield from ((key, k) for k in value)
        elif key != "event_type":
            yield "", key


class Schema(Case):
    def setUp(self):
        super().setUp()
        self.schema = json.loads(self.make("json-schema"))
        self.validator = jsonschema.Draft202012Validator(self.schema)
        rules = self.file("rules.yaml", b"policy: {deny: [{protocol: tcp}]}")
        self.sample = self.read(SAMPLE, "--rules", rules)

    def make(self, form, profiles="all"):
        return self.good("schema", "--format", form, "-p", profiles).stdout

    def read(self, path, *args, profiles="all"):
        r = self.good("read", "-w1", "-e", "all", "-p", profiles, "--quiet", *args, path)
        return [json.loads(line) for line in r.stdout.splitlines()]

    def one_of_each(self):
        return {e["event_type"]: e for e in self.sample}

    def test_it_is_a_schema(self):
        jsonschema.Draft202012Validator.check_schema(self.schema)
        self.assertEqual(set(self.schema["$defs"]), set(self.one_of_each()) | OF_COLLECT)

    def check_all(self, events):
        kinds = {}
        for e in events:
            for error in self.validator.iter_errors(e):
                self.fail(f"{e}: {error.message}")
            kinds[e["event_type"]] = kinds.get(e["event_type"], 0) + 1
        return kinds

    def test_real_events(self):
        self.assertEqual(self.check_all(self.sample), {
            "network_flow_sample": 116, "network_flow_record": 15, "window": 115, "alert": 3, "pipeline_stats": 1})

    def test_events_of_other_runs(self):
        """Interim records, evictions, several workers, a filter, nothing at all."""
        path = self.file("in.pcap", pcap_header() + pcap_records(3000))
        empty = self.file("empty.pcap", pcap_header())
        for args in (["--snapshot", "1,2", SAMPLE], ["--max-flows", "2", path],
                     ["-w", "3", "--active-timeout", "1", path], ["-f", "tcp", SAMPLE], [empty],
                     ["-o", "ndjson:-", "-o", "null:", SAMPLE]):
            self.assertIn("pipeline_stats", self.check_all(self.read(args[-1], *args[:-1])))

    def test_what_is_no_event(self):
        """The schema would notice."""
        for e in self.one_of_each().values():
            self.assertTrue(self.validator.is_valid(e))
            for group in ["", *[g for g in GROUPS if g in e]]:
                for key in e[group] if group else e:
                    for change in ("missing", "null", "text", "negative"):
                        bad = copy.deepcopy(e)
                        at = bad[group] if group else bad
                        if change == "missing":
                            del at[key]
                        else:
                            at[key] = {"null": None, "text": ["?"], "negative": -1.5}[change]
                        nullable = {"anyOf"} & set(self.definition(e, group).get(key, {}))
                        kind = self.definition(e, group).get(key, {})
                        number = any(k.get("type") == "number" for k in kind.get("anyOf", [kind]))
                        if not (change == "null" and nullable or change == "negative" and number):
                            self.assertFalse(self.validator.is_valid(bad), (change, group, key))
                bad = copy.deepcopy(e)
                (bad[group] if group else bad)["more"] = 1
                self.assertFalse(self.validator.is_valid(bad), (group, "more"))
        self.assertFalse(self.validator.is_valid({"event_type": "other"}))

    def definition(self, e, group):
        d = self.schema["$defs"][e["event_type"]]["properties"]
        return d[group]["properties"] if group else d

    def test_keys_in_order(self):
        for e in self.sample:
            d = self.schema["$defs"][e["event_type"]]
            self.assertEqual(list(d["properties"]), list(e))
            self.assertEqual(d["required"], list(e))
            for g in filter(e.__contains__, GROUPS):
                self.assertEqual(list(d["properties"][g]["properties"]), list(e[g]))
                self.assertEqual(d["properties"][g]["required"], list(e[g]))

    def forms(self):
        """form -> event type -> (object, key) in the order listed."""
        text = {f: self.make(f) for f in ("arrow", "clickhouse", "csv", "markdown", "avro", "protobuf")}
        self.assertEqual(text["markdown"], self.good("schema", "-p", "all").stdout)
        out = {"arrow": {event: [(c["metadata"]["object"], c["name"]) for c in cols]
                         for event, cols in json.loads(text["arrow"]).items()}}
        out["clickhouse"] = {
            m[1]: re.findall(r"(?m)^    `(\w+)` ", m[2])
            for m in re.finditer(r"(?s)CREATE TABLE (\w+)\n\((.*?)\n\)\n", text["clickhouse"])}
        out["csv"] = {}
        for row in csv.DictReader(io.StringIO(text["csv"])):
            out["csv"].setdefault(row["event"], []).append((row["object"], row["column"]))
        out["markdown"] = {}
        for line in text["markdown"].splitlines():
            if line.startswith("## "):
                here = out["markdown"].setdefault(line[3:], [])
            elif line.startswith("| `"):
                cells = [c.strip() for c in line.strip("|").split("|")]
                self.assertEqual(len(cells), 9, line)
                here.append((cells[1], cells[0].strip("`")))
        out["avro"] = {r["name"]: [f["name"] for f in r["fields"]] for r in json.loads(text["avro"])}
        out["protobuf"] = {
            re.sub(r"(?<!^)([A-Z])", r"_\1", m[1]).lower(): re.findall(r"(?m)^  (?:optional )?\w+ (\w+) = ", m[2])
            for m in re.finditer(r"(?s)message (\w+) \{\n(.*?)\n\}", text["protobuf"])}
        return out

    def test_forms_agree(self):
        """Exactly the keys of the events, in their order."""
        forms = self.forms()
        for kind, e in self.one_of_each().items():
            want = list(columns(e))
            for form, found in forms.items():
                self.assertEqual(set(found), set(self.one_of_each()) | OF_COLLECT, form)
                names = [c[1] for c in want] if form in ("clickhouse", "avro", "protobuf") else want
                self.assertEqual(found[kind], names, (form, kind))

    def test_names_are_unique(self):
        """A table has no objects: within an event, no two keys of it are alike."""
        for kind, e in self.one_of_each().items():
            names = [name for _, name in columns(e)]
            self.assertEqual(len(names), len(set(names)), kind)

    def test_null_rules(self):
        """What is null in an event is said to be nullable, in every form; in Arrow all columns are."""
        arrow = json.loads(self.make("arrow"))
        rows = {(r["event"], r["object"], r["column"]): r for r in csv.DictReader(
            io.StringIO(self.make("csv")))}
        for kind, cols in arrow.items():
            for c in cols:
                name = "features" if c["name"] == "other" else c["name"]
                row = rows[kind, c["metadata"]["object"], name]
                self.assertEqual(row["nullable"], "true" if row["null_rule"] else "false")
                self.assertIs(c["nullable"], True)
                self.assertTrue(row["meaning"])
        nulls = {(e["event_type"], g, k) for e in self.sample for g, k in columns(e)
                 if (e[g][k] if g else e[k]) is None}
        self.assertTrue(nulls)
        for at in nulls:
            self.assertEqual(rows[at]["nullable"], "true")

    def test_profiles(self):
        """The schema of a profile is that of its events; that of everything takes the events of all."""
        every = jsonschema.Draft202012Validator(json.loads(
            self.good("schema", "--format", "json-schema").stdout))
        for profiles in "base", "tcp", "sizes,tunnel", "app", "all,app":
            one = jsonschema.Draft202012Validator(json.loads(self.make("json-schema", profiles)))
            for e in self.read(SAMPLE, profiles=profiles):
                self.assertTrue(one.is_valid(e), e)
                self.assertTrue(every.is_valid(e), e)
                if e["event_type"] == "network_flow_record" and profiles not in ("base", "all"):
                    self.assertFalse(self.validator.is_valid(e))

    def test_profile_of_frames(self):
        """Its event is there where it is named, and nowhere else."""
        for more, there in ((["-p", "base"], False), (["-p", "afterimage"], True), ([], False)):
            r = self.good("schema", "--format", "json-schema", *more)
            self.assertEqual("afterimage" in json.loads(r.stdout)["$defs"], there, more)
        validator = jsonschema.Draft202012Validator(json.loads(self.make("json-schema", "afterimage")))
        rows = [json.loads(line) for line in self.good("read", "--quiet", "-p", "afterimage", SAMPLE).stdout.splitlines()]
        self.assertEqual(len(rows), 118)
        for e in rows:
            self.assertEqual([x.message for x in validator.iter_errors(e)], [])

    def test_optional_columns(self):
        """Without -p, what base has not may be missing, so that it is nullable in a table."""
        base = {n for _, n in self.of_flows(self.make("csv", "base"))}
        for f in json.loads(self.good("schema", "--format", "arrow").stdout)["network_flow_record"]:
            self.assertTrue(f["name"] in base or f["nullable"])
        every = ",".join({r["profile"]: 0 for r in csv.DictReader(io.StringIO(self.good("schema", "--format", "csv").stdout))
                          if r["event"] == "network_flow_record"})
        self.assertEqual(self.of_flows(self.make("csv", every)),
                         self.of_flows(self.good("schema", "--format", "csv").stdout))

    def of_flows(self, text):
        return [(r["object"], r["column"]) for r in csv.DictReader(io.StringIO(text))
                if r["event"] == "network_flow_record"]

    def test_flat_forms_of_tools(self):
        """A tool may call a column like flowtap: where columns stand side by side there is one of a name, and those of
        an Arrow stream are those of its schema, also without identity."""
        profiles = run("schema", "-p", "!").stderr.rsplit("(there are: ", 1)[1].split(")")[0].split(", ")
        self.assertIn("nfstream", profiles)
        profiles.remove("afterimage")  # no columns of flow records
        for profile in profiles:
            for more in [], ["--no-identity"]:
                flat = {f: self.good("schema", "--format", f, "-p", profile, *more).stdout
                        for f in ("arrow", "clickhouse", "avro", "protobuf")}
                names = [c["name"] for c in json.loads(flat["arrow"])["network_flow_record"]]
                self.assertEqual(len(names), len(set(names)), profile)
                path = self.file("x", b"")
                self.good("read", "-p", profile, *more, "-o", f"arrow:{path}", SAMPLE)
                with open(path, "rb") as f:
                    self.assertEqual([c.name for c in Arrow(f.read()).columns], names)
                table = flat["clickhouse"].split("CREATE TABLE network_flow_record")[1].split(";\n")[0]
                self.assertEqual(re.findall(r"(?m)^    `([^`]+)` ", table), names)
                words = [[f["name"] for f in r["fields"]] for r in json.loads(flat["avro"])
                         if r["name"] == "network_flow_record"][0]
                message = flat["protobuf"].split("message NetworkFlowRecord {")[1].split("\n}")[0]
                self.assertEqual(re.findall(r"(?m)^  (?:optional |repeated )?\w+ (\w+) = ", message), words)
                self.assertEqual((len(set(words)), len(words)), (len(names), len(names)), profile)

    def test_without_identity(self):
        """The schema of what --no-identity writes: no samples, and no column that it leaves out."""
        rows = list(csv.DictReader(io.StringIO(self.good("schema", "--format", "csv", "-p", "all", "--no-identity").stdout)))
        self.assertEqual({r["event"] for r in rows}, {"network_flow_record", "pipeline_stats"})
        r = self.good("read", "-w1", "--quiet", "-e", "flow,stats", "-p", "all", "--no-identity", SAMPLE)
        for e in map(json.loads, r.stdout.splitlines()):
            self.assertEqual([(r["object"], r["column"]) for r in rows if r["event"] == e["event_type"]], list(columns(e)))
        table = self.good("schema", "--format", "clickhouse", "--no-identity").stdout.split(";\n")
        self.assertEqual([t.rsplit("ORDER BY ", 1)[1] for t in table if t.strip()], ["tuple()", "timestamp"])

    def test_numbers_of_fields(self):
        """Of protobuf: the same for a column whatever the profiles."""
        def fields(profiles):
            m = re.search(r"(?s)message NetworkFlowRecord \{\n(.*?)\n\}", self.make("protobuf", profiles))
            return dict(re.findall(r"(\w+) = (\d+);", m[1]))
        both = fields("all,app")
        self.assertEqual(len(set(both.values())), len(both))
        self.assertEqual(both, {**fields("tcp"), **fields("sizes"), **fields("tunnel,app")})

    def test_names_that_are_no_words(self):
        """A tool's names may hold what names of Avro and protobuf may not."""
        for r in json.loads(self.make("avro", "zeek")):
            for f in r["fields"]:
                self.assertRegex(f["name"], r"^[A-Za-z_]\w*$")
        text = self.make("protobuf", "zeek")
        names = re.findall(r"(?m)^  (?:optional |repeated )?\w+ (\S+) = \d+;", text.split("message NetworkFlowRecord")[1].split("}")[0])
        self.assertIn("id_orig_h", names)
        self.assertTrue(all(re.fullmatch(r"[A-Za-z_]\w*", n) for n in names))
        self.assertEqual(len(set(names)), len(names))

    def test_columns_side_by_side(self):
        """Where there are no objects, a tool's column stands for flowtap's of its name, once; as in the data."""
        for profiles in "nfstream", "cic", "nf-v3", "zeek", "all,splt,nfstream":
            names = {form: self.flat_names(form, profiles) for form in ("arrow", "clickhouse", "avro", "protobuf")}
            for form, n in names.items():
                self.assertEqual(len(set(n)), len(n), (form, profiles))
            r = self.good("read", "-w1", "--quiet", "-e", "flow", "-p", profiles, "-o", "csv:-", SAMPLE)
            header = next(csv.reader(io.StringIO(r.stdout)))
            self.assertEqual(names["arrow"], header, profiles)
            self.assertEqual(names["clickhouse"], header, profiles)

    def flat_names(self, form, profiles):
        """Of a flow record."""
        text = self.make(form, profiles)
        if form == "arrow":
            return [c["name"] for c in json.loads(text)["network_flow_record"]]
        if form == "avro":
            return [f["name"] for r in json.loads(text) if r["name"] == "network_flow_record" for f in r["fields"]]
        begin = {"clickhouse": "TABLE network_flow_record\n", "protobuf": "message NetworkFlowRecord "}[form]
        text = re.split(r"\n[)}]", text.split(begin)[1])[0]
        return re.findall(r"(?m)^    `([^`]+)`" if form == "clickhouse" else r"(?m)^  [\w ]*?(\w+) = \d+;", text)

    def test_csv_output(self):
        """The columns of a CSV file are the schema's, but for objects that a table cannot hold."""
        for word, kind in ("flow", "network_flow_record"), ("sample", "network_flow_sample"):
            r = self.good("read", "-w1", "--quiet", "-e", "all", "-p", "all", "-o", f"csv:-?event={word}",
                          SAMPLE)
            header, first = list(csv.reader(io.StringIO(r.stdout)))[:2]
            self.assertEqual(header, [c[1] for c in self.forms()["csv"][kind]])
            self.assertEqual(len(first), len(header))


if __name__ == "__main__":
    main()
