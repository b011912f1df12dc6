#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Datagrams of exporters through a real Kafka: what one flowtap received another decodes, with the exporter's address,
port and time; at least once, whatever is killed; two of a group share the exporters, each in order, through rebalances.

    kafka_source.py --flowtap PROGRAM

Kafka comes by servers/kafka.sh; without it, or without kcat, the test is skipped (77).
"""
import argparse
import collections
import json
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

import kafka
from collect_support import udp, write_pcap
from kafka import SERVER, Broker, checks
from checks import check, wait_for

TEMPLATE = struct.pack("!HHHHHHHH", 2, 16, 256, 2, 8, 4, 12, 4)


def message(sets, sequence, domain):
    return struct.pack("!HHIII", 10, 16 + len(sets), 1700000000, sequence, domain) + sets


def record(exporter, n):
    """Its number is the destination address."""
    return struct.pack("!HHII", 256, 12, 0x0a000000 + exporter, n)


def v5(n):
    head = struct.pack("!HHIIIIBBH", 5, 1, 1000, 1700000000, 0, n, 0, 0, 0)
    return head + struct.pack("!IIIHHIIIIHHBBBBHHBBH", 0x0a0000ff, n, 0, 1, 2, 3, 400, 0, 10, 5, 6, 0, 0, 17, 0, 0, 0, 24, 24, 0)


def export(path, exporters, rounds):
    """Of each exporter its template, then a record in each round; and of one more NetFlow v5."""
    packets = []
    for r in range(rounds):
        for e in range(exporters):
            sets = (TEMPLATE if r % 50 == 0 else b"") + record(e, r)
            packets.append(udp(message(sets, r, e), src=f"10.1.{e // 200}.{1 + e % 200}", sport=4000 + e, dport=4739))
        packets.append(udp(v5(r), src="10.2.0.1", sport=5000))
    write_pcap(path, packets)
    return rounds * (exporters + 1)


class World:
    def __init__(self, flowtap, broker, folder):
        self.flowtap, self.broker, self.folder = flowtap, broker, folder

    def run(self, *args):
        return subprocess.run([self.flowtap, "collect", *map(str, args)], capture_output=True, text=True, timeout=120)

    def send(self, topic, capture, partitions=4, more=""):
        self.broker.create(topic, partitions)
        r = self.run("-l", f"pcap:{capture}", "-e", "flow", "-o",
                     f"kafka://{self.broker.hosts}/{topic}?format=datagram{more}")
        check(r.returncode == 0, "send", r.returncode, r.stderr)

    def start(self, topic, name, *more, group="g", params="", output=None):
        out = self.folder / f"{name}.ndjson"
        err = open(self.folder / f"{name}.err", "wb")
        p = subprocess.Popen([self.flowtap, "collect", "-l",
                              f"kafka://{self.broker.hosts}/{topic}?group={group}{params}", "-e", "flow", "-v", "-o",
                              output or f"ndjson:{out}", *more], stderr=err)
        err.close()
        return p, out

    def said(self, name):
        return (self.folder / f"{name}.err").read_text()


def stop(p):
    p.send_signal(signal.SIGTERM)
    check(p.wait(60) == 0, "exit status", p.returncode)


def events(path):
    """Whole lines of flow records."""
    text = path.read_bytes() if path.exists() else b""
    lines = text[:text.rfind(b"\n") + 1].splitlines()
    return [json.loads(line) for line in lines if b'"network_flow_record"' in line]


def numbers(found):
    """What each exporter's records say, in order."""
    seen = collections.defaultdict(list)
    for e in found:
        a, b, c, d = map(int, e["flow_key"]["dst_ip"].split("."))
        seen[e["exporter"]["address"]].append(a << 24 | b << 16 | c << 8 | d)
    return seen


def relay(w):
    """The same events as when it is decoded at once: addresses, ports (sessions), times."""
    capture, direct = w.folder / "a.pcap", w.folder / "direct.ndjson"
    n = export(capture, 20, 60)
    r = w.run("-l", f"pcap:{capture}", "-w", "1", "-e", "flow", "--session-port", "-o", f"ndjson:{direct}")
    check(r.returncode == 0, r.stderr)
    for topic, more in (("relay", ""), ("zipped", "&kafka.compression.type=zstd"), ("spooled",
                        f"&overflow=spool&spool={w.folder}/spool")):
        w.send(topic, capture, more=more)
        p, out = w.start(topic, topic, "--session-port")
        wait_for(lambda: len(events(out)) >= n, f"{topic}: the records", 60)
        stop(p)
        key = lambda e: json.dumps(e, sort_keys=True)  # noqa: E731
        check(sorted(map(key, events(out))) == sorted(map(key, events(direct))), topic, "other records")
        keys = {k for _, k, _ in w.broker.read(topic)}
        check(len(keys) == 21 and "10.2.0.1" in keys, topic, keys)
        p, again = w.start(topic, topic + "-again", "--session-port")  # all was committed
        time.sleep(6)
        stop(p)
        check(events(again) == [], topic, "read twice:", len(events(again)))


def killed(w):
    """SIGKILL: what was committed is not read again, all that was not written is."""
    first, second = w.folder / "k1.pcap", w.folder / "k2.pcap"
    n = export(first, 5, 2000)
    more = export(second, 5, 40000)
    quick = "&kafka.session.timeout.ms=6000"
    w.send("killed", first)
    p, out = w.start("killed", "killed0", group="k", params=quick)
    wait_for(lambda: len(events(out)) == n, "the first part", 60)
    time.sleep(6)  # it is committed
    kafka_send(w, second, "killed")
    for rounds in range(1, 4):
        p.kill()
        p.wait()
        p, out = w.start("killed", f"killed{rounds}", group="k", params=quick)
        wait_for(lambda: out.exists() and out.stat().st_size > 1000, f"records of round {rounds}", 60, pause=0.005)
    runs = [w.folder / f"killed{i}.ndjson" for i in range(4)]
    wanted = pairs(direct(second, w))
    found = lambda: set().union(*map(pairs, runs))  # noqa: E731
    wait_for(lambda: found() == wanted, "the second part", 60, pause=1)
    stop(p)
    check(len(events(out)) <= more, "the first part was read again:", len(events(out)), "of", more)


def kafka_send(w, capture, topic):
    r = w.run("-l", f"pcap:{capture}", "-e", "flow", "-o", f"kafka://{w.broker.hosts}/{topic}?format=datagram")
    check(r.returncode == 0, "send", r.returncode, r.stderr)


def pairs(path):
    return {(e, i) for e, seen in numbers(events(path)).items() for i in seen}


def direct(capture, w):
    """What it is when it is decoded at once."""
    out = w.folder / f"{capture.stem}.direct"
    w.run("-l", f"pcap:{capture}", "-w", "1", "-e", "flow", "-o", f"ndjson:{out}")
    return out


def group(w):
    """A second one joins, and leaves: what goes over was settled before, so nothing comes twice; in order."""
    capture = w.folder / "g.pcap"
    n = export(capture, 12, 400)
    w.broker.create("group")
    p, a = w.start("group", "first", group="two")
    send = lambda: w.run("-l", f"pcap:{capture}", "-e", "flow", "-o",  # noqa: E731
                         f"kafka://{w.broker.hosts}/group?format=datagram")
    send()
    wait_for(lambda: len(events(a)) == n, "the first round", 60)
    q, b = w.start("group", "second", group="two")
    wait_for(lambda: "partitions are read here" in w.said("second"), "its partitions", 60)
    time.sleep(1)
    send()
    wait_for(lambda: len(events(a)) + len(events(b)) >= 2 * n, "both rounds", 60)
    check(len(events(b)) > 0, "the second one got nothing")
    stop(q)
    wait_for(lambda: w.said("first").count("are read here") >= 3, "what the other had", 60)
    send()
    wait_for(lambda: len(events(a)) + len(events(b)) >= 3 * n, "three rounds", 60)
    stop(p)
    check(len(events(a)) + len(events(b)) == 3 * n, "twice:", len(events(a)) + len(events(b)) - 3 * n)
    total = collections.Counter()
    for path in a, b:
        for exporter, seen in numbers(events(path)).items():
            total[exporter] += len(seen)
            falls = sum(y < x for x, y in zip(seen, seen[1:]))
            check(falls <= 2, exporter, "out of order", falls)  # each round begins at 0
    check(set(total.values()) == {1200} and len(total) == 13, total)


def strangers(w):
    """Messages of others: an address as the key, no key, garbage; none of it ends anything."""
    w.broker.create("strangers", 1)
    for key, data in (("10.9.9.9", v5(7)), ("[2001:db8::9]:77", v5(8)), ("", v5(9)), ("somebody", b"garbage"), ("x", b"")):
        (w.folder / "m").write_bytes(data)
        subprocess.run(["kcat", "-P", "-b", w.broker.hosts, "-t", "strangers", *(["-k", key] if key else []),
                        w.folder / "m"], check=True, stdin=subprocess.DEVNULL)
    p, out = w.start("strangers", "strangers")
    wait_for(lambda: len(events(out)) == 3, "records", 60)
    stop(p)
    check(sorted(e["exporter"]["address"] for e in events(out)) == ["0.0.0.0", "10.9.9.9", "2001:db8::9"],
          events(out))
    check("export_version" in w.said("strangers") or "export_truncated" in w.said("strangers"), w.said("strangers"))


def stuck(w):
    """Nothing is committed while an output does not take it."""
    capture = w.folder / "s.pcap"
    n = export(capture, 3, 100)
    w.send("stuck", capture)
    nobody = f"127.0.0.1:{kafka.free_ports()}"
    p, _ = w.start("stuck", "stuck", output=f"ndjson+tcp://{nobody}?overflow=block")
    time.sleep(12)  # more than two times of committing
    p.kill()
    p.wait()
    p, out = w.start("stuck", "stuck-again")
    wait_for(lambda: len(events(out)) >= n, "all of it again", 60)
    stop(p)


def away(w):
    """A broker that is not there, or dies, is said once, and waited for."""
    capture = w.folder / "w.pcap"
    n = export(capture, 3, 50)
    w.send("away", capture)
    p, out = w.start("away", "away")
    wait_for(lambda: len(events(out)) == n, "records", 60)
    w.broker.kill()
    time.sleep(3)
    check(p.poll() is None, "it ended")
    w.broker.start()
    r = w.run("-l", f"pcap:{capture}", "-e", "flow", "-o", f"kafka://{w.broker.hosts}/away?format=datagram")
    check(r.returncode == 0, r.stderr)
    wait_for(lambda: len(events(out)) >= 2 * n, "records after it came back", 90)
    stop(p)
    said = w.said("away")
    check(0 < said.count("it is tried again") < 6, said)


def wrong(w):
    for url, word in (("kafka://h:9", "write kafka://"), ("kafka://h:9/t opic", "write kafka://"),
                      ("kafka://h:9/t?x=1", "there is no parameter"), ("kafka://h:9/t?kafka.nothing=1", "nothing"),
                      ("kafka://h:9/t?kafka.enable.auto.commit=true", "when the events went on"),
                      ("kafka://h:9/t?kafka.sasl.password=x", "@FILE"),
                      ("kafka://h:9/t?kafka.ssl.ca.location=/none", "No such file"),
                      ("kafka://h:9/t?kafka.sasl.mechanism=GSSAPI", "no Kerberos"),
                      ("kafka://h:9/t?kafka.security.protocol=sasl_ssl", "sasl.mechanism: is missing"),
                      ("kafka://h:9/t?kafka.security.protocol=plaintext&verify=false", "without TLS"),
                      ("kafka://h:9/t?kafka.fetch.min.byte=1", "did you mean fetch.min.bytes"),
                      ("kafka://h:9/t?ca=/etc/hosts", "nothing in it in PEM"),
                      ("kafka://h:9/t?ca=x&verify=false", "nothing is checked"),
                      ("kafka://h:9/t?key=x", "which is missing"),
                      ("kafka://h:9/t?group=", "not key=value"), ("kafka://h:9/t,", "write kafka://")):
        r = w.run("-l", url, "-o", "null:")
        check(r.returncode in (1, 2) and word in r.stderr, url, r.returncode, r.stderr)
    r = w.run("-l", "kafka://h:9/t", "-l", "udp://[::1]:9", "-o", "null:")
    check(r.returncode == 2 and "alone" in r.stderr, r.stderr)
    for out, word in (("datagram:x", "to kafka"), (f"kafka://{w.broker.hosts}/x?format=datagram&batch=true", "one datagram"),
                      (f"kafka://{w.broker.hosts}/x?format=datagram&key=flow", "of many flows")):
        r = w.run("-l", "udp://[::1]:9", "-o", out)
        check(r.returncode == 2 and word in r.stderr, out, r.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--flowtap", required=True)
    parser.add_argument("--only")
    args = parser.parse_args()
    if shutil.which("kcat") is None:
        print("skipped: there is no kcat")
        return 77
    if subprocess.run([SERVER, "fetch"]).returncode == 77:
        return 77
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        broker = Broker(folder)
        try:
            broker.start()
            w = World(args.flowtap, broker, folder)
            for case in relay, group, strangers, wrong, stuck, killed, away:
                if args.only in (None, case.__name__):
                    before = time.monotonic()
                    case(w)
                    print(f"{case.__name__}: {time.monotonic() - before:.1f} s", flush=True)
        finally:
            if broker.process is not None and broker.process.poll() is None:
                broker.kill()
    checks.ended()


if __name__ == "__main__":
    sys.exit(main())
