# SPDX-License-Identifier: Apache-2.0
"""IPFIX files (RFC 5655) as input: the same records as over a connection, packed or not, of several files each
with its own templates; of a damaged one everything before the damage, and where it is."""
import gzip
import json
import struct
import subprocess

from faults import Case, account, main, run
from support import FLOWTAP

TEMPLATE = struct.pack("!HHHHHHHH", 2, 16, 256, 2, 8, 4, 12, 4)
OTHER = struct.pack("!HHHHHHHH", 2, 16, 256, 2, 12, 4, 8, 4)  # the same id, the addresses the other way round
START = 1700000000
N = 3000


def message(number, sets, sequence=0, domain=9):
    return struct.pack("!HHIII", 10, 16 + len(sets), START + number, sequence, domain) + sets


def records(n, template=TEMPLATE):
    """A message with the template, then n messages of one record each."""
    out = [message(0, template)]
    for i in range(n):
        record = struct.pack("!HHII", 256, 12, 0x0a000000 + i, 0x0b000000 + i)
        out.append(message(1 + i // 100, record, i))
    return b"".join(out)


class Files(Case):
    def read(self, *sources, status=0, more=()):
        args = [x for s in sources for x in ("-l", s)]
        r = run("collect", *args, "-e", "flow,stats,exporter", "-o", "ndjson:-", "--log-format", "json",
                *more)
        self.assertEqual(r.returncode, status, r.stderr)
        lines = [json.loads(line) for line in r.stdout.splitlines()]
        self.flows = [e for e in lines if e["event_type"] == "network_flow_record"]
        self.health = [e for e in lines if e["event_type"] == "exporter_health"]
        self.account = account(self, r.stderr)
        return r

    def pairs(self):
        return [(e["flow_key"]["src_ip"], e["flow_key"]["dst_ip"]) for e in self.flows]

    def test_whole(self):
        data = records(N)
        made = {"plain": data, "gz": gzip.compress(data)}
        try:
            made["zst"] = subprocess.run(["zstd", "-q"], input=data, stdout=subprocess.PIPE, check=True).stdout
        except FileNotFoundError:
            pass
        first = None
        for kind, content in made.items():
            with self.subTest(kind):
                self.read("ipfix:" + self.file(f"export.{kind}", content))
                self.assertEqual(len(self.flows), N)
                self.assertEqual(self.account["lost"], 0)
                self.assertEqual(self.flows[0]["exporter"]["address"], "0.0.0.0")
                self.assertEqual(self.flows[0]["exporter"]["domain_id"], 9)
                self.assertEqual(self.flows[-1]["timestamp"], START + N // 100)
                first = first or self.flows
                self.assertEqual(self.flows, first)

    def test_standard_input(self):
        r = subprocess.run([FLOWTAP, "collect", "-l", "ipfix:-", "-e", "flow", "-o", "ndjson:-"],
                           input=records(50), capture_output=True, timeout=60)
        self.assertEqual((r.returncode, r.stdout.count(b"\n")), (0, 50), r.stderr)

    def test_who_may_speak(self):
        """A file is not a sender."""
        self.read("ipfix:" + self.file("a", records(5)), more=("--allow", "10.0.0.0/8"))
        self.assertEqual(len(self.flows), 5)

    def test_several(self):
        """Templates are those of their file."""
        self.read("ipfix:" + self.file("a", records(2)), "ipfix:" + self.file("b", records(2, OTHER)))
        there, back = ("10.0.0.1", "11.0.0.1"), ("11.0.0.1", "10.0.0.1")
        self.assertEqual(self.pairs()[1::2], [there, back])
        bare = message(0, struct.pack("!HHII", 256, 12, 1, 2))
        self.read("ipfix:" + self.file("c", records(2)), "ipfix:" + self.file("d", bare))
        self.assertEqual((len(self.flows), self.account["no_template"]), (2, 1))

    def test_damaged(self):
        data, at = records(N), len(message(0, TEMPLATE)) + 1000 * 28
        cases = {
            "cut": (data[:at + 20], "truncated"),
            "cut header": (data[:at + 9], "truncated"),
            "version": (data[:at] + b"\0\x09" + data[at + 2:], "its version is not 10"),
            "length": (data[:at] + b"\0\x0a\0\x0f" + data[at + 4:], "its length is less than"),
        }
        for kind, (content, word) in cases.items():
            for packed in False, True:
                with self.subTest(kind=kind, packed=packed):
                    name = self.file(kind.replace(" ", "") + str(packed),
                                     gzip.compress(content) if packed else content)
                    r = self.read("ipfix:" + name, status=1)
                    self.assertEqual(len(self.flows), 1000)
                    self.assertIn(f"message at offset {at}", r.stderr)
                    self.assertIn(word, r.stderr)

    def test_refused(self):
        for kind, content, word in (("text", b"hello", "an IPFIX file but text"), ("empty", b"", "empty file"),
                                    ("v9", b"\0\x09" + bytes(40), "or an IPFIX file")):
            r = run("collect", "-l", "ipfix:" + self.file(kind, content), "-o", "null:")
            self.assertEqual(r.returncode, 1, r.stderr)
            self.assertIn(word, r.stderr)
        name = self.file("good", records(1))
        self.assertEqual(run("collect", "-l", "ipfix:" + name, "-l", "udp://[::1]:9", "-o", "null:").returncode, 2)
        r = run("read", name, "-o", "null:")  # packets do not stand in them
        self.assertEqual(r.returncode, 1)
        self.assertNotIn("IPFIX", r.stderr)


if __name__ == "__main__":
    main()
