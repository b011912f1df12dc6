#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a store says is what NDJSON of the same run says: every value of flow records, windows and alerts; minutes whose
sums are those of the records; conditions that pass blocks over and those that do not; what is refused; Parquet."""
import collections
import fcntl
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import readers  # noqa: E402
from packets import *
from run import main, same

SAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/sample.pcap")
OBJECTS = ("flow_key", "aggregate_metrics", "features", "exporter", "enrichment")


class Store:
    """A store of a capture, with the NDJSON of the same run."""

    def __init__(self, m, capture, *args, events="flow", params="", outputs=()):
        self.m = m
        self.folder = tempfile.TemporaryDirectory(prefix="flowtap-store-")
        self.dir = os.path.join(self.folder.name, "s")
        self.ndjson = os.path.join(self.folder.name, "a.ndjson")
        self.errors = self.read(capture, "-e", events, "-o", "ndjson:" + self.ndjson, *outputs, *args, params=params)
        with open(self.ndjson, encoding="utf-8") as f:
            self.events = [json.loads(line) for line in f]

    def read(self, capture, *args, params="", rc=0):
        if isinstance(capture, bytes):
            path = os.path.join(self.folder.name, "in.pcap")
            with open(path, "wb") as f:
                f.write(capture)
            capture = path
        r = subprocess.run([self.m.program, "read", "--observer", "t", "-w", "1", "-o",
                            "store:%s%s" % (self.dir, params), *args, capture], capture_output=True, text=True,
                           timeout=240)
        same(r.returncode, rc, r.stderr)
        return r.stderr

    def query(self, sql, *args, rc=0):
        r = subprocess.run([self.m.program, "query", self.dir, sql, *args], capture_output=True, text=True, timeout=120)
        same(r.returncode, rc, r.stderr)
        self.said = r.stderr
        return [json.loads(line) for line in r.stdout.splitlines()] if "--format" not in args else r.stdout

    def of(self, kind):
        return [e for e in self.events if e["event_type"] == kind]


def flat(e):
    out = dict(e)
    del out["event_type"]
    for name in OBJECTS:
        inner = out.pop(name, None)
        for key, value in (inner or {}).items():
            out[key] = value
    return out


def alike(got, want, what):
    """Numbers that NDJSON rounds to 15 digits, and all others as they are."""
    if float in (type(want), type(got)) and {type(want), type(got)} <= {int, float}:
        assert abs(got - want) <= 1e-14 * max(abs(want), 1e-300), (what, got, want)
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for i, (g, w) in enumerate(zip(got, want)):
            alike(g, w, "%s[%d]" % (what, i))
    else:
        same(got, want, what)


def names_in_sql(keys):
    """Names are the same whatever their case: the second one has _2 behind it."""
    seen, out = collections.Counter(), {}
    for k in keys:
        seen[k.lower()] += 1
        out[k] = k if seen[k.lower()] == 1 else "%s_%d" % (k, seen[k.lower()])
    return out


def every_value(store, table, kind):
    want = sorted((flat(e) for e in store.of(kind)), key=lambda e: json.dumps(e, sort_keys=True))
    assert want, kind
    rows = store.query("SELECT * FROM %s" % table, "--limit", "0")
    same(len(rows), len(want), table)
    by = collections.defaultdict(list)
    for r in rows:
        by[json.dumps([r.get(k) for k in KEYS[table]])].append(r)
    for w in want:
        candidates = by[json.dumps([w.get(k) for k in KEYS[table]])]
        assert candidates, (table, w)
        names = names_in_sql(w)
        missing = [k for k in names.values() if k not in candidates[0]]
        same(missing, [], "columns of %s" % table)
        error = None
        for c in candidates:
            try:
                for key, value in w.items():
                    alike(c[names[key]], value, key)
                candidates.remove(c)
                error = None
                break
            except AssertionError as e:
                error = e
        if error:
            raise error


KEYS = {"flow": ("flow_id", "segment", "timestamp"), "window": ("timestamp", "span_s", "entity", "address", "peer", "port"),
        "alert": ("timestamp", "detector")}


def sent(src, dst, sport, dport, body=b"", is_tcp=False):
    """A frame of UDP, or of TCP without an end."""
    return eth(ip(src, dst, 6 if is_tcp else 17, tcp(sport, dport, 0x18, body=body) if is_tcp else udp(sport, dport, body)))


def traffic(flows=3000, seed=1, gap=S // 50):
    """Flows of a few hosts with many, some long ones among them."""
    rng, out, t = random.Random(seed), [], T0
    for i in range(flows):
        src = "10.%d.%d.%d" % (rng.randrange(2), rng.randrange(4), rng.randrange(1, 250))
        dst = "192.0.2.%d" % rng.randrange(1, 60)
        port, proto_tcp = rng.choice((80, 443, 53, 8080)), rng.random() < .6
        for k in range(rng.choice((1, 1, 2, 5))):
            frame = sent(src, dst, 1024 + i % 60000, port, b"x" * rng.randrange(400), proto_tcp)
            out.append((t + k * 3 * MS, frame))
        t += gap
    return pcap(sorted(out, key=lambda p: p[0]))


def test_every_value_of_base(m):
    every_value(Store(m, SAMPLE), "flow", "network_flow_record")
    every_value(Store(m, traffic()), "flow", "network_flow_record")


def test_every_value_of_all(m):
    every_value(Store(m, SAMPLE, "-p", "all", "--app"), "flow", "network_flow_record")
    every_value(Store(m, SAMPLE, "-p", "all,cic,nfstream,zeek,nf-v3,vector", "--idle-timeout", "30", "--active-timeout",
                      "60"), "flow", "network_flow_record")


def test_every_window_and_alert(m):
    s = Store(m, traffic(6000), "--window", "1,60", events="flow,window,alert")
    every_value(s, "window", "window")
    if s.of("alert"):
        every_value(s, "alert", "alert")
    same(len(s.query("SELECT * FROM alert", "--limit", "0")), len(s.of("alert")))


def test_interims_are_counted_once(m):
    """Long flows have many records; minutes have what came since the one before."""
    packets = [(T0 + i * S, sent("10.0.0.1", "192.0.2.1", 5000, 53, b"x" * 100)) for i in range(400)]
    s = Store(m, pcap(packets), "--active-timeout", "20")
    assert len(s.events) > 10
    row = s.query("SELECT sum(bytes) b, sum(packets) p, sum(flows) f FROM top_minute WHERE kind = 'src'")[0]
    last = s.events[-1]["aggregate_metrics"]
    same(row, {"b": last["byte_count"], "p": last["packet_count"], "f": 1})


def test_minutes_add_up(m):
    """Of each kind and minute the sum is that of the records, whoever has a counter; bytes lie within their error."""
    s = Store(m, traffic(20000, gap=S // 100))
    want, hosts = collections.Counter(), collections.Counter()
    for e in s.events:
        f = e["features"]
        minute = int(e["timestamp"] // 60 * 60)
        n = f["fwd_bytes_delta"] + f["rev_bytes_delta"]
        want[minute] += n
        hosts[minute, e["flow_key"]["src_ip"]] += n
    for kind in ("src", "dst", "pair", "port"):
        rows = s.query("SELECT timestamp, sum(bytes) b, sum(flows) f FROM top_minute WHERE kind = '%s' GROUP BY timestamp"
                       % kind, "--limit", "0")
        same({int(r["timestamp"]): r["b"] for r in rows}, dict(want), kind)
        same(sum(r["f"] for r in rows), sum(e["segment"] == 0 for e in s.events), kind)
    rows = s.query("SELECT timestamp, src_ip, bytes, bytes_error FROM top_minute WHERE kind = 'src' AND NOT is_other",
                   "--limit", "0")
    assert any(r["bytes_error"] > 0 for r in rows), "nothing was crowded"
    for r in rows:
        true = hosts[int(r["timestamp"]), r["src_ip"]]
        assert r["bytes"] - r["bytes_error"] <= true <= r["bytes"], (r, true)


def test_conditions(m):
    s = Store(m, traffic(4000))
    flows = [flat(e) for e in s.events]
    some = flows[len(flows) // 2]
    t = sorted(f["timestamp"] for f in flows)[len(flows) // 3]
    for condition, keeps in (
            ("src_ip = '%s'" % some["src_ip"], lambda f: f["src_ip"] == some["src_ip"]),
            ("src_ip = '%s' AND dst_port = 443" % some["src_ip"],
             lambda f: f["src_ip"] == some["src_ip"] and f["dst_port"] == 443),
            ("flow_id = '%s'" % some["flow_id"], lambda f: f["flow_id"] == some["flow_id"]),
            ("flow_id = 'ffffffffffffffff'", lambda f: False),
            ("src_ip = 'nobody'", lambda f: False),
            ("timestamp < %.6f" % t, lambda f: f["timestamp"] < t),
            ("timestamp <= %.6f" % t, lambda f: f["timestamp"] <= t),
            ("timestamp >= %.6f AND timestamp < %.6f" % (t, t + 5), lambda f: t <= f["timestamp"] < t + 5),
            ("dst_port IN (80, 53)", lambda f: f["dst_port"] in (80, 53)),
            ("dst_port > 442.5 AND dst_port < 443.5", lambda f: f["dst_port"] == 443),
            ("dst_port = '443'", lambda f: f["dst_port"] == 443),
            ("byte_count BETWEEN 200 AND 400", lambda f: 200 <= f["byte_count"] <= 400),
            ("reason = 'eof'", lambda f: f["reason"] == "eof"),
            ("reason = 'EOF' COLLATE NOCASE", lambda f: f["reason"] == "eof"),
            ("vlan_id = 5", lambda f: False),
            ("vlan_id IS NULL", lambda f: True),
            ("is_final", lambda f: f["is_final"]),
            ("conn_state = NULL", lambda f: False)):
        got = s.query("SELECT count(*) n FROM flow WHERE " + condition)[0]["n"]
        same(got, sum(map(keeps, flows)), condition)


NUMBERS = ("0", "-1", "443", "443.0", "443.5", "65535.999", "1e6", "-1e300", "1e300", "9223372036854775807", "9223372036854775808.0",
           "18446744073709551615", "'443'", "' 443 '", "'443x'", "''", "x'34'", "NULL", "'1e2'", "0.1", "9e999", "-9e999",
           "4503599627370496.5")


HIDDEN = "(SELECT * FROM flow LIMIT -1 OFFSET 0)"


def test_conditions_are_those_of_sqlite(m):
    """What is looked at while reading keeps the rows that SQLite keeps of them all: a LIMIT hides the table."""
    s = Store(m, traffic(1500), "-p", "base,tcp", "--active-timeout", "1")
    s.read(SAMPLE, "-e", "flow", "-p", "app", "--app")  # other columns
    t = sorted(e["timestamp"] for e in s.events)[500]
    src, flow = s.events[7]["flow_key"]["src_ip"], s.events[7]["flow_id"]
    types = {k: type(v) for r in s.query("SELECT * FROM flow", "--limit", "0") for k, v in r.items() if v is not None}
    numbers = ["dst_port", "byte_count", "timestamp", "is_final", "vlan_id"]
    numbers += [k for k, t in types.items() if t is float and k not in numbers][:2]
    numbers += [k for k, t in types.items() if t is int and k.startswith("tcp_")][:2]
    values = NUMBERS + tuple("%.6f" % (t + d) for d in (-1, -1e-6, 0, 1e-6, 1))
    conditions = ["%s {} %s" % (op, v) for op in ("=", "<", "<=", ">", ">=", "IS") for v in values]
    conditions += ["IS NULL", "IS NOT NULL", "BETWEEN 80 AND 443.0", "IN (443, '80', NULL, 53.0, x'35')", "IN ()",
                   "IN (SELECT dst_port FROM flow)", "NOT IN (443)", "IN (%s)" % ", ".join(map(str, range(0, 2000, 3)))]
    asked = [(c, o.replace("{} ", "")) for c in numbers for o in conditions]
    texts = ("'%s'" % src, "'%s'" % src.upper(), "'::ffff:%s'" % src, "'%s'" % flow, "'%s'" % flow.upper(), "5", "5.0", "''", "NULL",
             "'eof'", "x'656f66'", "'eof' || char(0)", "'EOF' COLLATE NOCASE")
    for c in ("src_ip", "flow_id", "reason"):
        asked += [(c, "%s %s" % (op, v)) for op in ("=", "<", ">=", "IS") for v in texts]
        asked += [(c, o) for o in ("IS NULL", "IS NOT NULL", "IN (SELECT %s FROM flow LIMIT 9)" % c, "IN (%s)" % ", ".join(texts[:10]),
                                   "IN (SELECT dst_port FROM flow)")]
    for prefix in ("10.0.0.0/8", "10.1.0.0/16", "10.0.2.128/25", src, src + "/32", "0.0.0.0/0", "::/0", "::ffff:10.0.0.0/104",
                   "2001:db8::/32", "192.0.2.0/24"):
        for c in ("src_ip", "dst_ip"):
            asked += [("in_prefix(%s, '%s')" % (c, prefix), ""), ("NOT in_prefix(%s, '%s')" % (c, prefix), "")]
    for at in range(0, len(asked), 100):
        part = asked[at:at + 100]
        got, want = (s.query(" UNION ALL ".join("SELECT %d i, count(*) n, sum(src_port) s FROM %s WHERE %s %s" % (i, table, c, o)
                                                for i, (c, o) in enumerate(part)), "--timeout", "100")
                     for table in ("flow", HIDDEN))
        for (c, o), a, b in zip(part, got, want):
            same(a, b, "%s %s" % (c, o))
    for table in ("flow", HIDDEN):
        s.query("SELECT count(*) FROM %s WHERE in_prefix(src_ip, 'nobody')" % table, rc=2)
    joins = ("SELECT count(*) n FROM {0} a LEFT JOIN {0} b ON b.dst_port = a.src_port AND b.byte_count > 1000",
             "SELECT count(*) n FROM (SELECT 443 p UNION SELECT '80') x JOIN {0} f ON f.dst_port = p",
             "SELECT count(*) n FROM (SELECT 1 k) x LEFT JOIN {0} f ON f.dst_port = 99999 WHERE flow_id IS NULL",
             "SELECT count(*) n FROM {0} WHERE dst_port = 443 OR byte_count < 300",
             "SELECT count(*) n FROM (SELECT 1 k) LEFT JOIN {0} f ON dst_port = 443 WHERE byte_count IS NULL",
             "SELECT count(*) n FROM {0} a JOIN {0} b ON b.src_ip = a.dst_port",
             "SELECT count(*) n FROM (SELECT '%s' k UNION SELECT 5) JOIN {0} f ON src_ip = k" % src)
    for sql in joins:
        same(s.query(sql.format("flow"), "--timeout", "100"), s.query(sql.format(HIDDEN), "--timeout", "100"), sql)


def test_newest_and_oldest_first(m):
    """By their times, whatever the order of slices and blocks; the same rows as SQLite sorts."""
    s = Store(m, traffic(3000), "--active-timeout", "1")
    for seed, gap in ((2, S // 200), (3, S // 20)):  # of the same time
        s.read(traffic(2000, seed, gap), "-e", "flow")
    s.read(SAMPLE, "-e", "flow", "-p", "tcp")
    for way in ("DESC", "ASC"):
        for condition in ("1", "dst_port = 443", "src_ip LIKE '10.1.%'", "timestamp > %.6f" % (T0 / S + 20), "vlan_id = 9"):
            sql = "SELECT * FROM flow WHERE %s ORDER BY %stimestamp %s"
            want = s.query(sql % (condition, "+", way), "--limit", "0")
            got = s.query(sql % (condition, "", way), "--limit", "0")
            same([r["timestamp"] for r in got], [r["timestamp"] for r in want], condition + way)
            same(sorted(map(json.dumps, got)), sorted(map(json.dumps, want)), condition + way)
            some = s.query(sql % (condition, "", way) + " LIMIT 7", "--limit", "0")
            same(some, got[:7], condition + way)
    for by in ("timestamp DESC, rowid DESC", "timestamp DESC, rowid", "timestamp, rowid", "timestamp, rowid DESC", "timestamp, flow_id"):
        for condition in ("1", "dst_port = 443 AND timestamp > %.6f" % (T0 / S + 20)):
            sql = "SELECT rowid r, timestamp t, flow_id f FROM %s WHERE %s ORDER BY " + by
            want = s.query("SELECT * FROM (SELECT rowid, * FROM flow LIMIT -1 OFFSET 0) WHERE " + condition + " ORDER BY " + by,
                           "--limit", "0")
            got = s.query(sql % ("flow", condition), "--limit", "0")
            same([(r["r"], r["t"], r["f"]) for r in got], [(r["rowid"], r["timestamp"], r["flow_id"]) for r in want], by)
    same(s.query("SELECT max(timestamp) t FROM flow"), s.query("SELECT max(+timestamp) t FROM flow"))
    same(s.query("SELECT timestamp, count(*) n FROM flow GROUP BY timestamp", "--limit", "0"),
         s.query("SELECT timestamp, count(*) n FROM flow GROUP BY +timestamp", "--limit", "0"))
    same(s.query("SELECT DISTINCT timestamp FROM flow WHERE dst_port IN (443, 53) ORDER BY timestamp DESC", "--limit", "0"),
         s.query("SELECT DISTINCT timestamp FROM flow WHERE +dst_port IN (443, 53) ORDER BY +timestamp DESC", "--limit", "0"))


def test_times_that_are_not_kept(m):
    """Slices without a timestamp: their rows are last as SQLite has nulls."""
    s = Store(m, traffic(500))
    s.read(SAMPLE, "-e", "flow", params="?columns=flow_id,src_ip")
    for way in ("DESC", "ASC"):
        rows = s.query("SELECT timestamp t FROM flow ORDER BY timestamp " + way, "--limit", "0")
        same(rows, s.query("SELECT timestamp t FROM flow ORDER BY +timestamp " + way, "--limit", "0"))
        assert None in (rows[0]["t"], rows[-1]["t"])
    for condition in ("IS NULL", "IS NOT NULL", "> 0", "< 1e12"):
        same(s.query("SELECT count(*) n FROM flow WHERE timestamp " + condition),
             s.query("SELECT count(*) n FROM flow WHERE +timestamp " + condition))


def test_several_runs_and_columns(m):
    """Slices of other profiles are one table: what a slice has not is null."""
    s = Store(m, SAMPLE)
    s.read(SAMPLE, "-e", "flow", "-p", "tcp")
    rows = s.query("SELECT count(*) n, count(byte_count) b, count(tcp_rtt_client_us) h FROM flow")
    n = len(s.events)
    same((rows[0]["n"], rows[0]["b"]), (2 * n, 2 * n))
    assert 0 <= rows[0]["h"] <= n
    same(s.query("SELECT count(*) n FROM slices WHERE \"table\" = 'flow'")[0]["n"], 2)
    same(s.query("SELECT count(*) n FROM account")[0]["n"], 2)


def test_tables_without_rows(m):
    """What is asked before there are rows has no rows, and is not wrong."""
    def names(s, table):
        return s.query("SELECT * FROM %s LIMIT 0" % table, "--format", "csv").strip().split(",")
    s = Store(m, SAMPLE, events="flow,alert")
    same(s.of("alert"), [])
    before = names(s, "window")
    for table, columns in (("alert", "timestamp, rule, severity, address, peer"), ("window", "timestamp, entity, address, bytes_out")):
        same(s.query("SELECT %s FROM %s WHERE timestamp > 5 ORDER BY timestamp DESC" % (columns, table)), [])
        s.query("SELECT no_such_column FROM " + table, rc=2)
    s.read(SAMPLE, "-e", "window")
    same(names(s, "window"), before)
    empty = Store(m, SAMPLE, events="window")
    same(empty.query("SELECT src_ip, bytes, is_other FROM top_minute"), [])
    same(empty.query("SELECT flow_id, src_ip, byte_count FROM flow WHERE src_ip = '10.0.0.1' AND byte_count > 5"), [])


def test_loss_is_told(m):
    s = Store(m, SAMPLE)
    facts = s.query("SELECT facts FROM account")[0]["facts"]
    facts = json.loads(facts)
    same(facts["received"], facts["captured"])
    s.query("SELECT 1")
    assert "received %d" % facts["received"] in s.said and "events lost 0" in s.said, s.said


def test_baselines(m):
    """Two hours of a host; another comes in the second."""
    packets = [(T0 // (3600 * S) * 3600 * S + h * 3600 * S + i * 60 * S, sent("10.0.0.1", "192.0.2.1", 5000 + i, 53, b"x" * 100))
               for h in range(3) for i in range(10)]
    s = Store(m, pcap(packets), "--idle-timeout", "5")
    rows = {r["host"]: r for r in s.query("SELECT * FROM baseline")}
    want = 10 * s.events[0]["aggregate_metrics"]["byte_count"]
    same(set(rows), {"10.0.0.1", "192.0.2.1"})
    same(rows["10.0.0.1"]["hours"], 2)
    same(round(rows["10.0.0.1"]["bytes_mean_7d"]), want)
    assert rows["10.0.0.1"]["bytes_std_30d"] < 1
    assert want / 2 ** .5 <= rows["10.0.0.1"]["bytes_p95_7d"] <= want * 2 ** .5


def test_what_is_refused(m):
    s = Store(m, SAMPLE)
    for sql, reason in (("DELETE FROM _slice", "SELECT"), ("DROP TABLE _slice", "SELECT"), ("UPDATE _meta SET value = 1", "SELECT"),
                        ("INSERT INTO _meta VALUES(1, 2)", "SELECT"), ("ATTACH '/tmp/x' AS y", "ATTACH"),
                        ("PRAGMA user_version = 9", "PRAGMA"), ("SELECT load_extension('x')", "load_extension"),
                        ("CREATE TEMP TABLE x(y)", "SELECT"), ("VACUUM INTO '/tmp/flowtap-no'", "SELECT"), ("BEGIN", "SELECT"),
                        ("SELECT 1; SELECT 2", "one statement"), ("SELECT 1; DROP TABLE _slice", "one statement"),
                        ("", "no statement"), ("SELEKT 1", "syntax"), ("SELECT nobody FROM flow", "no such column"),
                        ("INSERT INTO flow(timestamp) VALUES(1)", "")):
        s.query(sql, rc=2)
        assert reason in s.said, (sql, s.said)
    same(len(s.query("SELECT 1; -- nothing more")), 1)
    assert not os.path.exists("/tmp/flowtap-no")
    every_value(s, "flow", "network_flow_record")


def test_bounds_of_a_query(m):
    s = Store(m, traffic(2000))
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    s.query(endless, "--timeout", "0.3", rc=1)
    assert "longer than the 300 ms" in s.said, s.said
    s.query("SELECT count(*) FROM flow a, flow b, flow c", "--timeout", "0.3", rc=1)
    assert "longer" in s.said, s.said
    s.query("WITH RECURSIVE n(i, t) AS (SELECT 1, 'x' UNION ALL SELECT i + 1, t || t FROM n LIMIT 40) SELECT max(length(t)) FROM n",
            rc=1)
    assert "longer than the 1 MiB" in s.said, s.said
    s.query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000) "
            "SELECT hex(zeroblob(400000)) || i AS t FROM n ORDER BY t DESC", "--timeout", "60", rc=1)
    assert "memory" in s.said, s.said
    same(len(s.query("SELECT 1 FROM flow")), 1000)
    assert "there are more" in s.said, s.said
    same(len(s.query("SELECT 1 FROM flow", "--limit", "7")), 7)
    same(len(s.query("SELECT 1 FROM flow", "--limit", "0")), len(s.events))
    assert "there are more" not in s.said, s.said


def test_forms(m):
    s = Store(m, SAMPLE)
    csv = s.query("SELECT src_ip, dst_port, is_final, vlan_id FROM flow LIMIT 2", "--format", "csv").splitlines()
    same(csv[0], '"src_ip","dst_port","is_final","vlan_id"')
    same(len(csv), 3)
    table = s.query("SELECT src_ip, dst_port FROM flow LIMIT 2", "--format", "table").splitlines()
    same(len(table), 3)
    assert table[0].startswith("src_ip"), table


def test_bytes_and_texts_that_are_none(m):
    """Bytes are hex, what is no UTF-8 is replaced, as everywhere."""
    s = Store(m, SAMPLE)
    sql = "SELECT x'00ff41' a, CAST(x'41ff42' AS TEXT) b, char(7) || '\"' c, '' d, CAST(x'410042' AS TEXT) e, x'' f"
    same(s.query(sql), [{"a": "00ff41", "b": "A\ufffdB", "c": '\7"', "d": "", "e": "A\0B", "f": ""}])
    same(s.query(sql, "--format", "csv").splitlines()[1], '"00ff41","A\ufffdB"," ""","","A B",""')


def test_parquet_files(m):
    """A file is there when it is whole; what is there before stays until then."""
    s = Store(m, SAMPLE)
    path = os.path.join(s.folder.name, "x.parquet")

    def export(*args, rc=0):
        r = subprocess.run([m.program, "query", s.dir, "--parquet", path, *args], capture_output=True, text=True, timeout=60)
        same(r.returncode, rc, r.stderr)
        return r.stderr

    with open(path, "w") as f:
        f.write("before")
    assert "nobody" in export("--table", "nobody", rc=2)
    with open(path) as f:
        same(f.read(), "before")
    assert "%d rows;" % len(s.events) in export()
    with open(path, "rb") as f:
        whole = f.read()
    same((whole[:4], whole[-4:]), (b"PAR1", b"PAR1"))
    link = os.path.join(s.folder.name, "link.parquet")
    os.symlink(path, link)
    path = link
    assert "2 rows (there are more" in export("--limit", "2")
    assert os.path.islink(link) and os.path.getsize(link) < len(whole)
    with open(os.path.join(s.folder.name, "x.parquet.part"), "wb") as other:  # another one is at it
        other.write(b"PAR1")
        other.flush()
        fcntl.flock(other, fcntl.LOCK_EX)
        assert "busy" in export(rc=1)
        same(os.path.getsize(other.name), 4)
    export()  # what is left of one that is not is nobody's
    path = s.folder.name
    assert "no file" in export(rc=2)
    same(sorted(f for f in os.listdir(s.folder.name) if "parquet" in f), ["link.parquet", "x.parquet"])


def test_untrusted_text(m):
    """A name from the wire that would close a string."""
    s = Store(m, SAMPLE, "--app", "-p", "app")
    for row in s.query("SELECT * FROM flow"):
        for value in row.values():
            assert not isinstance(value, str) or "\n" not in value


def test_parquet(m):
    python = readers.python()
    if python is None:
        print("skipped: no python with duckdb")
        return
    s = Store(m, traffic(3000), "-p", "base,splt")
    path = os.path.join(s.folder.name, "x.parquet")
    t = sorted(e["timestamp"] for e in s.events)[1000]
    subprocess.run([m.program, "query", s.dir, "--parquet", path, "--from", "%.6f" % t, "--quiet"], check=True, timeout=60)
    want = [flat(e) for e in s.events if e["timestamp"] >= t]
    code = ("import duckdb, sys\n"
            "print(*duckdb.sql(\"select count(*), sum(byte_count)::bigint, count(distinct src_ip), "
            "sum(len(splt_ip_bytes))::bigint from '%s'\").fetchall()[0])" % path)
    r = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=60)
    if "No module named" in r.stderr:
        print("skipped: no duckdb")
        return
    same(r.returncode, 0, r.stderr)
    same([int(v) for v in r.stdout.split()], [len(want), sum(f["byte_count"] for f in want), len({f["src_ip"] for f in want}),
                                              sum(len(f["splt_ip_bytes"] or []) for f in want)])


def netflow5(records, sampling):
    """A datagram of records (source, destination, port, packets, bytes)."""
    out = struct.pack("!HHIIIIBBH", 5, len(records), 10000, T0 // S, 0, 1, 0, 0, sampling)
    for src, dst, port, packets, size in records:
        out += struct.pack("!4s4sIHHIIIIHHBBBBHHBBH", ipaddress.ip_address(src).packed, ipaddress.ip_address(dst).packed, 0, 1, 2,
                           packets, size, 1000, 2000, 40000, port, 0, 0x18, 6, 0, 0, 0, 24, 24, 0)
    return out


def test_flow_export(m):
    """Records of collect, by their estimates where a rate is known."""
    records = [("10.0.0.%d" % i, "192.0.2.1", 443, 2, 100 + i) for i in range(1, 11)]
    for sampling, times in ((0, 1), (1 << 14 | 100, 100)):
        with tempfile.TemporaryDirectory(prefix="flowtap-store-") as folder:
            path = os.path.join(folder, "in.pcap")
            with open(path, "wb") as f:
                f.write(pcap([(T0, sent("203.0.113.1", "203.0.113.2", 5000, 2055, netflow5(records, sampling)))]))
            subprocess.run([m.program, "collect", "--quiet", "-l", "pcap:" + path, "-e", "flow", "-o", "store:" + folder + "/s",
                            "-o", "ndjson:" + folder + "/a"], check=True, timeout=60)
            s = Store.__new__(Store)
            s.m, s.dir = m, folder + "/s"
            with open(folder + "/a", encoding="utf-8") as f:
                events = [json.loads(line) for line in f]
            same(len(events), 10)
            rows = s.query("SELECT src_ip, byte_count, estimated_bytes FROM flow ORDER BY byte_count")
            same([(r["src_ip"], r["byte_count"]) for r in rows], [(r[0], r[4]) for r in records])
            same([r["estimated_bytes"] for r in rows], [e["estimated_bytes"] for e in events])
            for kind in ("src", "dst", "pair", "port"):
                row = s.query("SELECT sum(bytes) b, sum(packets) p, sum(flows) f FROM top_minute WHERE kind = '%s'" % kind)[0]
                same(row, {"b": times * sum(r[4] for r in records), "p": times * 20, "f": 10}, kind)


def test_two_outputs_and_workers(m):
    """The same records for any number of workers; another output takes nothing away."""
    s = Store(m, traffic(3000))
    first = sorted(r["flow_id"] for r in s.query("SELECT flow_id FROM flow", "--limit", "0"))
    shutil.rmtree(s.dir)
    s.read(os.path.join(s.folder.name, "in.pcap"), "-e", "flow", "-w", "2")
    same(sorted(r["flow_id"] for r in s.query("SELECT flow_id FROM flow", "--limit", "0")), first)


if __name__ == "__main__":
    main(globals())
