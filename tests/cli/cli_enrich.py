#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--geo and --networks: columns, formats, conditions, messages, and a hangup that has the files read again."""
import csv
import io
import ipaddress
import json
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import unittest

from support import ROOT, SAMPLE, Case, free_port, main, pcap_header, run, wait_for
from cli_reload import Reloading, records, v5

sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tests")]
import readers  # noqa: E402
import mmdb_writer as mmdb  # noqa: E402
from arrow_reader import Arrow  # noqa: E402
from parquet_footer import Parquet  # noqa: E402

NAMES = "src_as,src_as_name,src_country,src_network,dst_as,dst_as_name,dst_country,dst_network".split(",")
NETWORKS = "prefix,name\n192.0.2.0/24,lab\n192.0.2.53,\"dns, \"\"ours\"\"\"\n198.51.100.0/24,web\n"
HERE = {"as": 64500, "as_name": "Example, Inc.", "country": "DE", "network": "lab"}
DNS = {"as": 64501, "as_name": "Names", "country": "DE", "network": 'dns, "ours"'}
WEB = {"as": None, "as_name": None, "country": "FR", "network": "web"}
NONE = dict.fromkeys(HERE)
ADDRESSES = {"192.0.2.1": HERE, "192.0.2.53": DNS, "198.51.100.80": WEB}


def said_of(addr):
    return ADDRESSES.get(addr, NONE)


class Enriched(Case):
    def setUp(self):
        super().setUp()
        self.networks = self.file("networks.csv", NETWORKS)
        self.asn = self.file("asn.mmdb", mmdb.make([("192.0.2.0/24", mmdb.as_record(64500, "Example, Inc.")),
                                                    ("192.0.2.53/32", mmdb.as_record(64501, "Names"))], kind="ASN"))
        self.city = self.file("city.mmdb", mmdb.make([("192.0.2.0/24", mmdb.city_record("DE")),
                                                      ("198.51.100.0/24", mmdb.city_record("FR"))], kind="City"))
        self.all = ["--networks", self.networks, "--geo", self.asn, "--geo", self.city]

    def check(self, got, src, dst, names=NAMES):
        for side, addr in ("src", src), ("dst", dst):
            for k, v in said_of(addr).items():
                if f"{side}_{k}" in names:
                    self.assertEqual(got[f"{side}_{k}"], v, (side, k, addr))

    def datagrams(self, name="flows.pcap", n=3):
        """A capture of NetFlow v5 whose records go from the lab to its name server."""
        out = pcap_header()
        for i in range(n):
            r = bytearray(v5(i))
            r[24 + 4:24 + 8] = bytes((192, 0, 2, 53))
            ip = 20 + 8 + len(r)
            frame = (b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + b"\x45\0" + ip.to_bytes(2, "big") + b"\0\1\0\0\x40\x11\0\0" +
                     bytes((203, 0, 113, 5, 203, 0, 113, 6)) + (2055).to_bytes(2, "big") * 2 +
                     (ip - 20).to_bytes(2, "big") + b"\0\0" + bytes(r))
            out += (1719409371).to_bytes(4, "little") + b"\0" * 4 + len(frame).to_bytes(4, "little") * 2 + frame
        return "pcap:" + self.file(name, out)


class Columns(Enriched):
    def test_read(self):
        r = self.good("read", *self.all, "-e", "flow", SAMPLE)
        flows = [json.loads(x) for x in r.stdout.splitlines()]
        self.assertEqual(len(flows), 15)
        self.assertGreater(len({f["flow_key"]["dst_ip"] for f in flows}), 3)
        for f in flows:
            self.check(f["enrichment"], f["flow_key"]["src_ip"], f["flow_key"]["dst_ip"])
            self.assertEqual(list(f["enrichment"]), [*NAMES, "ingress_interface_name", "egress_interface_name"])

    def test_collect(self):
        r = self.good("collect", *self.all, "-l", self.datagrams())
        flows = [json.loads(x) for x in r.stdout.splitlines() if "flow_record" in x]
        self.assertEqual(len(flows), 3)
        for f in flows:
            self.check(f["enrichment"], f["flow_key"]["src_ip"], f["flow_key"]["dst_ip"])
        plain = self.good("collect", "-l", self.datagrams())
        for a, b in zip(flows, plain.stdout.splitlines()):
            self.assertNotIn("enrichment", b)
            a.pop("enrichment")
            self.assertEqual(a, json.loads(b))

    def test_formats(self):
        """The same values whatever the format, of packets and of exporters."""
        for what in ["read", SAMPLE], ["collect", "-l", self.datagrams()]:
            columns = "columns=src_ip,dst_ip," + ",".join(NAMES)
            want = [json.loads(x) for x in self.good(
                *what, "-w1", *self.all, "-o", f"ndjson:-?event=flow&{columns}").stdout.splitlines()]
            for w in want:
                self.assertEqual(w.pop("event_type"), "network_flow_record")
                self.check(w, w["src_ip"], w["dst_ip"])
            got = csv.DictReader(io.StringIO(self.good(*what, "-w1", *self.all, "-o", f"csv:-?event=flow&{columns}").stdout))
            self.assertEqual([{k: "" if v is None else str(v) for k, v in w.items()} for w in want], list(got))
            lines = self.good(*what, "-w1", *self.all, "-o", f"copy:-?event=flow&{columns}").stdout.splitlines()[1:]
            self.assertEqual([["\\N" if v is None else str(v) for v in w.values()] for w in want],
                             [x.split("\t") for x in lines])
            arrow = self.dir / "x.arrow"
            self.good(*what, "-w1", *self.all, "-o", f"arrow:{arrow}?{columns}")
            rows = Arrow(arrow.read_bytes()).rows
            for k in want[0]:
                self.assertEqual([w[k] for w in want], [x.decode() if isinstance(x, bytes) else x for x in rows[k]], k)
            self.good(*what, "-w1", *self.all, "-o", f"parquet:{self.dir}/x.parquet?{columns}")
            self.assertEqual(Parquet((self.dir / "x.parquet").read_bytes()).rows, len(want))

    def test_where(self):
        for text, want in {"src_country=DE and dst_as=64501": {"192.0.2.53"}, "dst_country in (FR,GB)": {"198.51.100.80"},
                           "dst_network ~ DNS": {"192.0.2.53"}, "dst_as = null and dst_country != null": {"198.51.100.80"},
                           "enrichment.dst_as > 64500": {"192.0.2.53"}}.items():
            r = self.good("read", *self.all, "-e", "flow", "--where", text, SAMPLE)
            self.assertEqual({json.loads(x)["flow_key"]["dst_ip"] for x in r.stdout.splitlines()}, want, text)
        for args in ["--where", "dst_as=64501"], ["-o", "ndjson:-?where=dst_as%3D64501"]:
            self.assertEqual(self.good("collect", *self.all, *args, "-l", self.datagrams()).stdout.count("64501"), 3)
            none = [a.replace("64501", "1") for a in args]
            self.assertEqual(self.good("collect", *self.all, *none, "-l", self.datagrams()).stdout, "")

    def test_asked_by_condition_alone(self):
        """Columns that no output has may be asked about."""
        r = self.good("read", *self.all, "--where", "dst_country=FR", "-o", "csv:-?event=flow&columns=dst_ip", SAMPLE)
        self.assertEqual(set(r.stdout.splitlines()[1:]), {"198.51.100.80"})
        r = self.good("collect", *self.all, "--where", "dst_network ~ dns", "-o", "csv:-?columns=dst_ip", "-l", self.datagrams())
        self.assertEqual(r.stdout.splitlines()[1:], ["192.0.2.53"] * 3)

    def test_not_asked(self):
        self.assertNotIn("enrichment", self.good("read", "-e", "flow", SAMPLE).stdout)
        self.assertNotIn("enrichment", self.good("read", "-p", "all", "-e", "flow", SAMPLE).stdout)
        self.assertIn('"src_as":null', self.good("read", "-p", "enrich", "-e", "flow", SAMPLE).stdout)

    def test_workers(self):
        want = None
        for n in "1", "2", "4":
            got = sorted(self.good("read", *self.all, "-w", n, "-e", "flow", SAMPLE).stdout.splitlines())
            want = want or got
            self.assertEqual(got, want)

    def test_hidden(self):
        """AS and country of a mapped address would tell its network; names are names."""
        key = self.file("key", "11" * 32)
        for what in ["read", "-e", "flow", SAMPLE], ["collect", "-l", self.datagrams()]:
            r = self.good(*what, *self.all, "--anonymize", key)
            for x in r.stdout.splitlines():
                self.assertEqual(set(json.loads(x)["enrichment"].values()), {None})
            r = self.good(*what, *self.all, "--anonymize", key, "--anonymize-names", "hash")
            for x in r.stdout.splitlines():
                e = json.loads(x)["enrichment"]
                self.assertRegex(e["src_network"] or "0" * 16, "^[0-9a-f]{16}$")
                self.assertEqual({e[k] for k in NAMES if "network" not in k}, {None})
            self.assertFalse([t for t in ("Example", "6450", "lab", '"DE"') if t in r.stdout])
        r = self.good("read", "-e", "flow", SAMPLE, *self.all, "--no-identity")
        self.assertNotIn("enrichment", r.stdout)
        r = run("read", SAMPLE, *self.all, "--no-identity", "-o", "csv:-?event=flow&columns=src_as")
        self.assertEqual(r.returncode, 2)
        self.assertIn("'src_as' tells of hosts", r.stderr)


class Files(Enriched):
    def test_wrong_networks(self):
        for text, what in {"10.0.0.0/8\n": "line 1: there is no name: PREFIX,NAME is asked for",
                           "10.0.0.0/8,a\n10.1.0.0/8,b\n": "line 2: '10.1.0.0/8': it has bits behind its length",
                           "10.0.0.0/8,a\n\n10.0.0.0/8,b\n": "line 3: the prefix has another name in line 1",
                           "": "there is no prefix in it"}.items():
            path = self.file("wrong.csv", text)
            self.wrong(f"error: networks: {path}: {what}", "read", "--networks", path, SAMPLE)
        r = run("read", "--networks", self.dir / "none.csv", SAMPLE)
        self.assertEqual(r.returncode, 1)
        self.assertIn("none.csv: No such file or directory", r.stderr)

    def test_wrong_geo(self):
        good = pathlib.Path(self.asn).read_bytes()
        at = good.index(mmdb.MARK)
        for data, what in {good[:at]: "it is no database of MaxMind's format: there is no metadata",
                           good[100:]: "its tree has not the length that its metadata says",
                           good[:at] + mmdb.MARK + b"\xe0": "its metadata cannot be: record_size 24, 28 or 32, ip_version 4 or 6",
                           good[:at] + mmdb.MARK: "its metadata cannot be read",
                           mmdb.make([("192.0.2.0/24", {"x": 1})]): "it knows neither AS nor country of any address",
                           b"": "it is no database of MaxMind's format: there is no metadata"}.items():
            path = self.file("wrong.mmdb", data)
            if data.endswith(b"\xe0"):
                what = "its format has version 0, and 2 is known"
            self.wrong(f"error: geo: {path}: {what}", "read", "--geo", path, SAMPLE)
        self.wrong("--geo: at most 8 databases", "read", *["--geo", self.asn] * 9, SAMPLE)

    def test_check(self):
        config = self.file("c.yaml", f"geo: {self.networks}\nevents: flow\n")
        r = run("check", "-c", config)
        self.assertIn(f"c.yaml:1: geo: {self.networks}: it is no database of MaxMind's format", r.stdout + r.stderr)
        config = self.file("c.yaml", f"events: flow\ngeo: {self.asn}\nnetworks: {self.asn}\n")
        r = run("check", "-c", config)
        self.assertIn(f"c.yaml:3: networks: {self.asn}: line 1: ", r.stdout + r.stderr)

    def test_a_pipe(self):
        """What is not a file is read to its end."""
        with subprocess.Popen(["cat", self.networks], stdout=subprocess.PIPE) as p:
            r = self.good("read", "-e", "flow", "--networks", "/dev/stdin", SAMPLE, stdin=p.stdout)
        self.assertIn('"dst_network":"web"', r.stdout)


class Readers(Case):
    """Every record as others read it: mmdblookup (libmaxminddb) and PyPI's maxminddb."""

    def rows(self, rng, versions):
        out = {}
        for i in range(300):
            if rng.choice(versions) == 4:
                net = ipaddress.ip_network((rng.getrandbits(32), rng.randint(1, 32)), strict=False)
            else:
                net = ipaddress.ip_network((0x2000 << 112 | rng.getrandbits(40) << 84 | rng.getrandbits(84),
                                            rng.randint(12, 128)), strict=False)
            value = mmdb.as_record(rng.getrandbits(32), rng.choice(["", "Ä" * 40, "x" * 300, f"AS of {i}"]))
            if rng.random() < 0.5:
                value = {**mmdb.city_record(rng.choice(["DE", "FR", "??", "de", "ABC"])), **value}
            out[str(net)] = value
        return list(out.items())

    def capture(self, addrs):
        """A UDP packet from each address to itself."""
        out = pcap_header()
        for a in addrs:
            udp = (7).to_bytes(2, "big") * 2 + (8).to_bytes(2, "big") + b"\0\0"
            if a.version == 4:
                frame = b"\2" * 12 + b"\x08\0\x45\0\0\x1c\0\1\0\0\x40\x11\0\0" + a.packed * 2 + udp
            else:
                frame = b"\2" * 12 + b"\x86\xdd\x60\0\0\0\0\x08\x11\x40" + a.packed * 2 + udp
            out += (1719409371).to_bytes(4, "little") + b"\0" * 4 + len(frame).to_bytes(4, "little") * 2 + frame
        return self.file("addrs.pcap", out)

    def got(self, path, addrs):
        r = self.good("read", "--geo", path, self.capture(addrs), "-o",
                      "ndjson:-?event=flow&columns=src_ip,src_as,src_as_name,src_country")
        return {ipaddress.ip_address(x["src_ip"]): x for x in map(json.loads, r.stdout.splitlines())}

    def want(self, record):
        record = record if isinstance(record, dict) else {}
        name = record.get("autonomous_system_organization") or None
        code = record.get("country", {}).get("iso_code")
        if name is not None:
            raw = name.encode()
            name = raw[:127].decode(errors="ignore") if len(raw) > 127 else name
        return {"src_as": record.get("autonomous_system_number") or None, "src_as_name": name,
                "src_country": code if code in ("DE", "FR") else None}

    def test_by_others(self):
        try:
            import maxminddb
        except ImportError:
            maxminddb = None
        lookup = shutil.which("mmdblookup")
        if maxminddb is None and lookup is None:
            self.skipTest("neither mmdblookup nor the Python package maxminddb is here")
        rng = random.Random(14)
        for size in 24, 28, 32:
            for version in 4, 6:
                rows = self.rows(rng, [4] if version == 4 else [4, 6])
                path = self.file("db.mmdb", mmdb.make(rows, ip_version=version, record_size=size, shared=rng.random() < 0.7))
                addrs = set()
                for net, _ in rows:
                    net = ipaddress.ip_network(net)
                    for n in int(net.network_address), int(net.broadcast_address), int(net.broadcast_address) + 1:
                        if n < 2 ** net.max_prefixlen:
                            addrs.add(type(net.network_address)(n))
                got = self.got(path, addrs)
                self.assertEqual(len(got), len(addrs))
                if maxminddb is not None:
                    with maxminddb.open_database(path, maxminddb.MODE_FILE) as db:
                        for a in addrs:
                            self.assertEqual({k: got[a][k] for k in got[a] if k.startswith("src_") and k != "src_ip"},
                                             self.want(db.get(str(a))), a)
                for a in list(addrs)[:8] if lookup else []:
                    r = subprocess.run([lookup, "--file", path, "--ip", str(a), "autonomous_system_number"],
                                       capture_output=True, text=True)
                    number = r.stdout.split()[0] if r.returncode == 0 and r.stdout.split() else "0"
                    self.assertEqual(got[a]["src_as"] or 0, int(number), a)


class Again(Reloading):
    def test_files_are_read_again(self):
        """On a hangup, without -c too, in a process that has given up the file system; a damaged one changes nothing."""
        networks, geo, out = self.dir / "networks.csv", self.dir / "geo.mmdb", self.dir / "out.ndjson"

        def write(name, number):
            networks.write_text(f"192.0.2.0/24,{name}\n")
            geo.write_bytes(mmdb.make([("192.0.2.0/24", mmdb.as_record(number, "x" * 100))], size=b"\0" * 1000))
        write("one", 1)
        out.touch()
        with open(self.err, "w") as err:
            self.p = self.started("collect", "-l", f"netflow://127.0.0.1:{self.port}", "--networks", networks, "--geo", geo,
                                  "--stats", "0", "-o", f"ndjson:{out}", stderr=err)
        self.assertTrue(wait_for(lambda: self.said("memory budget") == 1 and self.catches_hup()), self.err.read_text())

        def says(number, name):
            return wait_for(lambda: self.send(7) or [r for r in records(out)[-3:] if r["enrichment"]["src_as"] == number and
                                                     r["enrichment"]["dst_network"] == name])
        self.assertTrue(says(1, "one"), self.err.read_text())
        for i in range(2, 6):
            write(f"n{i}", i)
            self.hangup("was loaded again")
            self.assertTrue(says(i, f"n{i}"), self.err.read_text())
            geo.write_bytes(geo.read_bytes()[:-40])
            self.hangup("stays as it was: geo:")
            networks.write_text("10.0.0.0/8\n")
            write_geo = mmdb.make([("192.0.2.0/24", mmdb.as_record(99, "no"))])
            geo.write_bytes(write_geo)
            self.hangup("line 1: there is no name")
            self.assertTrue(says(i, f"n{i}"), self.err.read_text())
        networks.unlink()
        self.hangup("networks.csv: No such file or directory")
        self.assertTrue(says(5, "n5"), self.err.read_text())
        self.stop()
        self.assertFalse([r for r in records(out) if r["enrichment"]["src_as"] == 99])


if __name__ == "__main__":
    readers.use()
    main()
