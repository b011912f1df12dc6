# SPDX-License-Identifier: Apache-2.0
"""What the tests of `flowtap collect` share: captures made of payloads, runs of the program and
their account, the corpus, and the list of differences that are explained.
"""
import json
import os
import struct
import subprocess

ETHERNET, RAW = 1, 101


def write_pcap(path, packets, linktype=RAW):
    """A capture of whole packets, one a millisecond."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, linktype))
        for i, packet in enumerate(packets):
            f.write(struct.pack("<IIII", 1700000000 + i // 1000, i % 1000 * 1000, len(packet),
                                len(packet)) + packet)


def udp(payload, number=0, src="10.0.0.1", sport=40000, dport=2055):
    """An IPv4 packet with one datagram. Checksums are left out."""
    body = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), number & 0xffff, 0, 64, 17, 0,
                       bytes(int(x) for x in src.split(".")), bytes([10, 0, 0, 2]))
    return head + body


def udp_payloads(path):
    """The UDP payloads of a little-endian classic capture over Ethernet or raw IP, without
    fragments: (source address, source port, payload)."""
    with open(path, "rb") as f:
        data = f.read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    linktype, at, found = struct.unpack(order + "I", data[20:24])[0], 24, []
    while at + 16 <= len(data):
        length = struct.unpack(order + "I", data[at + 8:at + 12])[0]
        packet = data[at + 16:at + 16 + length]
        at += 16 + length
        packet = packet[{ETHERNET: 14, RAW: 0, 113: 16}[linktype]:]
        version = packet[0] >> 4
        head = (packet[0] & 15) * 4 if version == 4 else 40
        if packet[9 if version == 4 else 6] == 17:
            sport, _, n = struct.unpack("!HHH", packet[head:head + 6])
            found.append((packet[12:16] if version == 4 else packet[8:24], sport,
                          packet[head + 8:head + n]))
    return found


def ipfix_messages(data):
    """The messages of an IPFIX file (RFC 5655), or of a stream."""
    found = []
    while len(data) >= 16:
        length = struct.unpack("!H", data[2:4])[0]
        found.append(data[:length])
        data = data[length:]
    return found


def no_twins(pairs):
    """An object, in which no key may stand twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice: %s" % [k for k, _ in pairs])
    return found


def seconds_to_ns(text):
    whole, _, frac = text.partition(".")
    sign = -1 if whole.startswith("-") else 1
    return int(whole) * 10 ** 9 + sign * int((frac + "000000000")[:9])


class Run:
    """One run of the program: its events by type, and what is wrong with its account."""

    def __init__(self, rc, out, err):
        self.rc, self.err, self.wrong = rc, err, []
        self.events = []
        for line in out.splitlines():
            try:
                self.events.append(json.loads(line, parse_float=str, object_pairs_hook=no_twins))
            except ValueError as e:
                self.wrong.append("line %r: %s" % (line[:80], e))
        self.flows = self.of("network_flow_record")
        self.samples = self.of("network_flow_sample")
        self.counters = self.of("counter_sample")
        self.discards = self.of("discarded_packet")
        self.templates = self.of("template_change")
        last = [e for e in self.of("pipeline_stats") if e["is_final"]]
        self.stats = last[0] if len(last) == 1 else None
        self.check()

    def of(self, kind):
        return [e for e in self.events if e["event_type"] == kind]

    def expect(self, holds, text):
        if not holds:
            self.wrong.append(text)

    def check(self):
        self.expect(self.rc == 0, "exit status %s: %s" % (self.rc, self.err[-300:]))
        self.expect("Sanitizer" not in self.err, "sanitizer: %s" % self.err[-300:])
        s = self.stats
        if s is None:
            self.wrong.append("no final account")
            return
        parts = s["queue_dropped"] + s["decoded"] + s["ignored"] + s["malformed"]
        self.expect(s["captured"] == parts, "captured %d, parts %d" % (s["captured"], parts))
        self.expect(s["received"] == s["captured"] + (s["kernel_dropped"] or 0), "received")
        self.expect(s["ignored"] == sum(s["ignored_by_reason"].values()), "ignored by reason")
        c, made = s["collect"], s["outputs"][0]["by_event"]
        lost = sum(x["dropped"] for x in made.values())
        self.expect(lost == s["outputs"][0]["events_dropped"], "dropped by event")
        if lost == 0:
            self.expect(c["records"] == len(self.flows), "records %d, flow events %d" % (
                c["records"], len(self.flows)))
            self.expect(c["samples"] - c["samples_not_ip"] == len(self.samples), "sample events")
            self.expect(c["counter_samples"] == len(self.counters), "counter events")
            self.expect(c["discards"] == len(self.discards), "discard events")


def command(program, sources, *options):
    # not window and alert, which go by when datagrams come
    cmd = [program, "collect", "--quiet", "-e", "sample,flow,stats,template,counter,discard,exporter", "-o", "ndjson:-"]
    for source in sources:
        cmd += ["-l", source]
    return cmd + list(options)


def collect(program, path, *options):
    """Runs the program on one capture."""
    out = subprocess.run(command(program, ["pcap:" + path], "-w", "1", *options),
                         capture_output=True, timeout=120)
    return Run(out.returncode, out.stdout, out.stderr.decode(errors="replace"))


def capture_of(inputs, scratch):
    """A capture of a case's inputs: those of one case come from one exporter, in their order."""
    if len(inputs) == 1 and inputs[0].endswith(".pcap"):
        return inputs[0]
    path = os.path.join(scratch, "case.pcap")
    if inputs[0].endswith(".ethframe.bin"):
        with open(inputs[0], "rb") as f:
            write_pcap(path, [f.read()], ETHERNET)
        return path
    payloads = []
    for name in inputs:
        with open(name, "rb") as f:
            data = f.read()
        payloads += ipfix_messages(data) if name.endswith(".ipfix") else [data]
    write_pcap(path, [udp(p, i) for i, p in enumerate(payloads)])
    return path


def goldens(corpus, wanted):
    """(golden, inputs) of GOLDENS.tsv, whose paths are relative to the corpus' parent."""
    parent = os.path.dirname(os.path.abspath(corpus))
    found = []
    with open(os.path.join(parent, "GOLDENS.tsv"), encoding="utf-8") as f:
        for line in f:
            row = line.rstrip("\n").split("\t")
            if len(row) >= 5 and row[4] and wanted(row[0]):
                found.append((os.path.join(parent, row[0]),
                              [os.path.join(parent, x) for x in row[4].split()]))
    return found


class Known:
    """The explained differences: golden, field, theirs, ours, who is right, why. `*` is any value.
    Each has to be met, and nothing else."""

    def __init__(self, path):
        self.rows, self.met = [], set()
        with open(path, encoding="utf-8") as f:
            for line in f:
                if line.strip() and line[0] != "#":
                    row = line.rstrip("\n").split("\t")
                    if len(row) != 6 or not row[5] or row[4] not in ("ours", "theirs", "both"):
                        raise ValueError("%s: not six columns: %r" % (path, line))
                    self.rows.append(row)

    def explains(self, golden, field, theirs, ours):
        for i, row in enumerate(self.rows):
            if (row[0] == golden and row[1] == field and row[2] in ("*", str(theirs))
                    and row[3] in ("*", str(ours))):
                self.met.add(i)
                return True
        return False

    def not_met(self):
        return ["\t".join(r[:4]) for i, r in enumerate(self.rows) if i not in self.met]
