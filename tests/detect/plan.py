#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes sets.tsv: which traffic is in the development set and which in the test set, with all seeds and parameters. The
two are drawn alike, from different seeds. The file was fixed before any detector saw the test set; a change of it
makes another test set, whose figures are not to be compared with those of before.

    plan.py > sets.tsv
"""
import json
import random

OUT = ["23.129.64.10", "45.155.205.4", "80.82.77.139", "91.240.118.7", "104.248.9.30", "142.93.1.77", "193.32.162.5"]
HOMES = ["45.77.12.9", "185.220.101.4", "91.92.240.13", "139.180.203.5", "62.60.131.2", "104.21.44.7", "194.26.29.3"]


class Day:
    """The rows of a capture: at is a part of its length."""

    def __init__(self, which, name, r, base, clients):
        self.which, self.name, self.r, self.base = which, name, r, base
        self.free = clients
        self.rows = [(which, name, "base", base["kind"], "", "", base)]

    def who(self):
        return self.free.pop()

    def add(self, maker, kind, at, how, stretch=1):
        self.rows.append((self.which, self.name, maker, kind, f"{at:.4f}", f"{stretch:g}", how))

    def at(self, low=0.1, high=0.9):
        return self.r.uniform(low, high)


def scans(d):
    r = d.r
    nets, ports = ["10.1.1.0/24", "10.1.0.0/24"], [22, 23, 445, 1433, 3389, 5900]
    sweeps = [f"-sS -T4 -p {r.choice(ports)} {r.choice(nets)}", f"-sT -T4 -p {r.choice(ports)} {r.choice(nets)}",
              f"-sS -T4 --max-rate 25 -p {r.choice(ports)} {r.choice(nets)}", f"-sS -T3 -p 80,443,8080 {r.choice(nets)}"]
    for args, stretch in [(r.choice(sweeps), 1), (r.choice(sweeps), r.choice([20, 60, 400])),
                          r.choice([(f"-sn -PE -T4 {nets[0]}", 1), (f"-sU -T4 --max-retries 1 -p 161 {nets[0]}", 1)])]:
        kind = "ICMP sweep" if "-sn" in args else "UDP sweep" if "-sU" in args else "SYN sweep" if "-sS" in args else "connect sweep"
        d.add("program", "nmap", d.at(0.1, 0.8), {"who": r.choice([d.who(), r.choice(OUT)]), "rule": "address_scan",
              "kind": kind + (", slow" if stretch > 1 else ""), "args": args}, stretch)
    hosts = ["10.1.0.4", "10.1.0.5", "10.1.2.10"]
    probes = [("-sS -T4 --top-ports 1000", "SYN scan", 1), ("-sT -T4 --top-ports 200", "connect scan", 1),
              ("-sU -T4 --top-ports 60", "UDP scan", 1), ("-sF -T4 --top-ports 200", "FIN scan", 1),
              ("-sX -T4 --top-ports 200", "Xmas scan", 1), ("-sS --scan-delay 50ms --top-ports 100", "SYN scan, slow", r.choice([20, 100, 700]))]
    for args, kind, stretch in [probes[0], probes[5], r.choice(probes[1:5])]:
        d.add("program", "nmap", d.at(0.1, 0.8), {"who": r.choice([d.who(), r.choice(OUT)]), "rule": "port_scan", "kind": kind,
              "args": f"{args} {r.choice(hosts)}"}, stretch)
    d.add("script", "trw_scan", d.at(), {"who": d.who(), "hosts": r.randrange(8, 20), "gap": r.choice([0.5, 5, 60]), "seed": r.randrange(10**6)})


def floods(d):
    r, victims = d.r, ["10.1.2.10", "10.1.2.11"]
    for args, kind, seconds in [("-S --flood --rand-source", "SYNs of many", 2),
                                r.choice([("-S -i u400", "SYNs of one", 8), ("-S --rand-source -i u4000", "SYNs of many, 250 a second", 15)])]:
        d.add("program", "flood", d.at(), {"who": r.choice(OUT), "rule": "syn_flood", "kind": kind, "victim": r.choice(victims),
              "args": args, "seconds": seconds, "port": r.choice([80, 443])})
    d.add("program", "flood", d.at(), {"who": r.choice(OUT), "rule": "volume_flood", "victim": r.choice(victims), **r.choice([
        {"kind": "UDP", "args": "--udp --flood -d 120"}, {"kind": "ICMP", "args": "--icmp --flood -d 200"},
        {"kind": "UDP, 5000 a second", "args": "--udp -i u200 -d 400"}]), "seconds": 2})
    d.add("program", "iperf", d.at(), {"who": r.choice(OUT), "victim": r.choice(victims), "args": "-u -b 1500M -l 8900 -t 10"})
    d.add("program", "amplification", d.at(), {"victim": r.choice(OUT), "reflectors": victims, "rate": r.choice([100, 400, 1000]),
                                              "seconds": 8, "big": r.choice([1500, 3000, 4000])})
    d.add("script", "amplification", d.at(), {"who": "", "victim": r.choice(victims), "port": r.choice([53, 123, 389, 11211]), "asked": False,
          "reflectors": r.choice([20, 80, 300]), "rate": r.choice([50, 300, 2000]), "seconds": 20, "size": r.choice([500, 1400, 3000]),
          "seed": r.randrange(10**6)})
    d.add("program", "slow", d.at(), {"who": r.choice(OUT), "victim": victims[0], "seconds": 30, "args": r.choice(
        ["-H -c 200 -r 50 -i 5", "-B -c 200 -r 50 -i 5", "-X -c 100 -r 50"])})


def calls(d, hours):
    """Beacons, connections that stay, and what is taken out."""
    r, homes = d.r, r_homes(d.r)
    for jitter in (0, r.choice([0.05, 0.1, 0.2]), r.choice([0.3, 0.4]), 0.5):
        n, period = r.choice([60, 90, 120]), r.choice([20, 60, 300, 600]) if hours > 20 else 20
        every, begin = 0.2, r.uniform(0.02, 0.2)
        n = min(n, int((1 - begin) * hours * 3600 / period * 0.9))
        d.add("program", "beacon", begin, {"who": d.who(), "peer": homes.pop(), "port": r.choice([443, 80, 8443, 4444]), "every": every,
              "jitter": jitter, "seconds": round(n * every, 1), "up": r.choice([200, 500, 1500]), "down": r.choice([120, 800, 5000]),
              "spread": r.choice([0, 0, 0.2, 0.5]), "seed": r.randrange(10**6)}, period / every)
    for every in (20, r.choice([45, 120])):
        length = r.choice([2, 4, 9]) if hours > 20 else 0.4 * hours
        n = min(int(length * 3600 / every), 400)
        d.add("program", "long_connection", r.uniform(0.1, 0.3), {"who": d.who(), "peer": homes.pop(), "every": 0.05,
              "seconds": round(n * 0.05, 2)}, every * (length * 3600 / every / n) / 0.05)
    d.add("program", "exfiltration", d.at(0.5, 0.9), {"who": d.who(), "peer": homes.pop(), "megabytes": r.choice([200, 500, 900]),
          "rate": "80M"}, r.choice([1, 10, 50]))
    d.add("script", "exfiltration", d.at(0.4, 0.7), {"who": d.who(), "peer": HOMES[0][:-1] + str(r.randrange(20, 90)), "megabytes": r.choice([100, 400, 1500]),
          "minutes": r.choice([30, 120, 200]) if hours > 20 else 20, "parts": r.choice([1, 10, 20]), "seed": r.randrange(10**6)})


def r_homes(r):
    return r.sample(HOMES, len(HOMES))


def names(d):
    r = d.r
    d.add("program", "iodine", d.at(), {"who": d.who(), "server": r.choice(["10.1.0.2", "91.189.90.40"]), "kind": "NULL", "megabytes": r.choice([0.1, 0.3])},
          r.choice([1, 5]))
    d.add("program", "dnscat", d.at(), {"who": d.who(), "server": "10.1.0.2", "kind": r.choice(["TXT", "CNAME"]), "seconds": 15, "gap": 0.1,
          "length": r.choice([60, 120, 180]), "seed": r.randrange(10**6)}, r.choice([1, 10, 100]))
    d.add("program", "dnscat", d.at(), {"who": d.who(), "server": "10.1.0.2", "kind": r.choice(["A", "MX"]), "seconds": 15, "gap": 0.1,
          "length": r.choice([30, 50, 100]), "letters": r.choice(["0123456789abcdef", "abcdefghijklmnopqrstuvwxyz234567"]),
          "seed": r.randrange(10**6)}, r.choice([1, 10]))
    for family in ("letters", "hashes", r.choice(["syllables", "words"])):
        d.add("program", "dga", d.at(), {"who": d.who(), "server": "10.1.0.2", "family": family, "count": r.choice([60, 150]), "gap": 0.08,
              "seed": r.randrange(10**6)}, r.choice([1, 10, 100]))


def news(d):
    r = d.r
    for kind, much in (("new_host", {"minutes": 5}), ("new_host", {"minutes": 1}), ("new_peer", {"peer": "10.1.1.11"}), ("new_peer", {"peer": "10.1.2.10", "port": 22}),
                       ("new_service", {"port": 4445}), ("new_service", {"port": r.randrange(20000, 30000), "times": 2}), ("policy", {"times": 1}), ("policy", {"times": 4})):
        who = f"10.1.3.{r.randrange(10, 250)}" if kind == "new_host" else d.who()
        d.add("script", kind, d.at(0.6, 0.95), {"who": who, **much, "seed": r.randrange(10**6)})


def harmless(d):
    """What real programs do without harm, in the benign captures too."""
    r = d.r
    d.add("benign", "speed_test", d.at(), {"who": d.who(), "victim": "10.1.0.5", "args": r.choice(["-b 300M -t 3", "-u -b 80M -t 3"])})
    d.add("benign", "fetches", d.at(), {"who": d.who(), "servers": [f"151.101.{r.randrange(256)}.{r.randrange(1, 255)}" for _ in range(20)]},
          r.choice([1, 30]))
    d.add("script", "port_scan", d.at(), {"who": "2001:db8:66::7", "victim": f"2001:db8:1::{r.randrange(16, 99)}", "ports": 60,
                                          "gap": r.choice([0.05, 1, 8]), "seed": r.randrange(10**6)})


def main():
    print("# plan.py makes this. set, capture, maker, kind, where it begins (part of the capture), how much its times are drawn out, parameters")
    for which, sizes in (("development", [(60, 24), (60, 24)]), ("test", [(60, 24), (75, 24), (60, 24), (90, 24)])):
        for i, (clients, hours) in enumerate(sizes):
            r = random.Random(f"{which} {i}")
            day = Day(which, f"office-{which}-{i + 1}", r, {"kind": "office", "seed": f"{which} {i}", "clients": clients, "hours": hours},
                      r.sample([f"10.1.1.{10 + k}" for k in range(2, clients - 1)], clients - 3))
            for part in (scans, floods, names, news):
                part(day)
            calls(day, hours)
            harmless(day)
            show(day)
        r = random.Random(f"{which} corpus")
        day = Day(which, f"corpus-{which}", r, {"kind": "corpus"}, [f"10.1.1.{k}" for k in range(20, 90)])
        for part in (scans, floods, names):
            part(day)
        calls(day, 3)
        harmless(day)
        show(day)


def show(day):
    for row in day.rows:
        print("\t".join(row[:6]), json.dumps(row[6], sort_keys=True), sep="\t")


if __name__ == "__main__":
    main()
