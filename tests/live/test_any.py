#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`live -i any` beside a capture on the interface itself: the same packets, tags, sizes and flows, on Ethernet with
single, stacked and priority tags, on lo, tun and a link of another kind, with filters, and by several workers.

    test_any.py PROGRAM SOURCE_DIR        skips (77) without the right to make namespaces
"""
import fcntl
import os
import signal
import socket
import struct
import sys

import test_live as live
from test_live import A, B, VA, VB, Capture, Sender, check, finals, frame, identities, inside, sh

TUNSETIFF, TUNSETLINK, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x400454CD, 1, 0x1000
ARPHRD_PPP, ARPHRD_RAWIP, ARPHRD_TUNNEL6, ARPHRD_IPGRE = 512, 519, 769, 778


def tagged(flow, *tags, **kw):
    """A frame with tags of (EtherType, PCP, VID), the outermost first."""
    plain = frame(flow, **kw)
    return plain[:12] + b"".join(struct.pack("!HH", t, pcp << 13 | vid) for t, pcp, vid in tags) + plain[12:]


def six(flow, *tags):
    """An IPv6 UDP packet with tags."""
    body = struct.pack("!HHHH", 1024, 53, 28, 0) + b"6" * 20
    ip = struct.pack("!IHBB", 6 << 28, len(body), 17, 64) + b"\x20\x01\x0d\xb8" + bytes(11) + bytes([flow]) \
        + b"\x20\x01\x0d\xb8" + bytes(10) + b"\1\1"
    return b"\2\0\0\0\0\1\2\0\0\0\0\2" + b"".join(struct.pack("!HH", t, v) for t, v in tags) + b"\x86\xdd" + ip + body


TRAFFIC = [
    frame(1), frame(1, reply=True),
    tagged(2, (0x8100, 0, 5)), tagged(2, (0x8100, 3, 5), reply=True), tagged(2, (0x8100, 0, 6)),
    tagged(3, (0x8100, 5, 0)),                                         # a priority tag
    tagged(4, (0x88A8, 0, 100)),                                       # a service tag alone
    tagged(5, (0x88A8, 0, 100), (0x8100, 0, 7)), tagged(5, (0x88A8, 0, 100), (0x8100, 0, 7), reply=True),
    tagged(5, (0x88A8, 0, 100), (0x8100, 0, 8)),
    tagged(6, (0x8100, 0, 200), (0x8100, 0, 9)),
    tagged(7, (0x88A8, 0, 1), (0x88A8, 0, 2), (0x8100, 0, 3)),
    tagged(8, (0x88A8, 0, 1), (0x8100, 5, 0)),                         # a priority tag inside
    six(1), six(2, (0x8100, 5)), six(3, (0x88A8, 100), (0x8100, 7)),
    frame(9, size=1400), tagged(9, (0x8100, 0, 11), size=60),
    b"\xff" * 6 + b"\2\0\0\0\0\1\x08\x06" + struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + bytes(20) + bytes(18),
]


def record(e):
    k, m, f = e["flow_key"], e["aggregate_metrics"], e["features"]
    return (k["src_ip"], k["src_port"], k["dst_ip"], k["dst_port"], k["protocol"], f["vlan_id"], m["packet_count"],
            m["byte_count"], f["fwd_packets"], f["fwd_bytes"], f["fwd_payload_bytes"])


def records(c):
    return sorted((record(e) for e in finals(c.lines())), key=str)


def side_by_side(iface, send, n, only=None, workers="1", ns=B):
    """Captures on the interface and on any of the same traffic, of which n packets match; both have the same records."""
    both = [Capture("-w", workers, iface=i, only=only, ns=ns) for i in (iface, "any")]
    send()
    for c in both:
        check("%s: %d packets of %r on %s, %s workers" % (c.iface, n, only, iface, workers), c.samples(n), c.err)
        check("exit 0", c.stop() == 0, c.err)
    one, all_ = both
    got, s = records(all_), all_.lines()[-1]
    check("any has the records of %s with %r" % (iface, only), got == records(one) and got,
          (got, records(one)))
    check("received is what matched, any as %s" % iface, s["received"] == one.lines()[-1]["received"] and identities(s),
          (s["received"], one.lines()[-1]["received"]))
    for reason in ("decoded", "ignored", "malformed"):
        check("%s alike" % reason, s[reason] == one.lines()[-1][reason])
    return all_


def quiet(ns):
    """No packets of the kernel's own."""
    for dev in ("all", "default", "lo"):
        sh("ip", "netns", "exec", ns, "sysctl", "-qw", "net.ipv6.conf.%s.disable_ipv6=1" % dev, check=False)


def test_tags(sender):
    """Coming in, tags are where the kernel puts them; going out, still in the frame."""
    for ns, iface in ((B, VB), (A, VA)):
        c = side_by_side(iface, lambda: sender.send(TRAFFIC), len(TRAFFIC) - 1, ns=ns)
        vlans = {e["features"]["vlan_id"] for e in finals(c.lines())}
        check("innermost tags in %s" % iface, vlans == {None, 5, 6, 100, 7, 8, 9, 3, 1, 11}, vlans)
        check("ARP is ignored", c.lines()[-1]["ignored"] == 1, c.lines()[-1])


def test_workers(sender):
    """Several workers: each flow on one, its two directions too, whatever tags it has."""
    def send():
        for _ in range(20):
            sender.send(TRAFFIC)
            sender.send(f for i in range(100) for f in (frame(i), frame(i, reply=True)))
    side_by_side(VB, send, 20 * (len(TRAFFIC) - 1 + 200), workers="3")


def test_filters(sender):
    """An expression is that of the interface: also where tags lie beside the packet, and Ethernet's own words."""
    for only, n in (("udp", 3), ("ip6", 1), ("vlan 5", 4), ("vlan", 13), ("vlan 100 and vlan 7", 3), ("arp", 0),
                    ("udp and not vlan", 4), ("ether src 02:00:00:00:00:02", len(TRAFFIC) - 1), ("greater 1000", 1),
                    ("ip src 10.78.0.1", 1), ("inbound and udp", 3), ("ip6 or vlan 6", 2)):
        both = [Capture("-w", "1", iface=i, only=only) for i in (VB, "any")]
        sender.send(TRAFFIC)
        sender.send([frame(99, data=b"\0" * 60, proto=6)])  # matches none of them but by address
        for c in both:
            check("exit 0", c.stop() == 0, c.err)
        one, all_ = (c.lines()[-1] for c in both)
        check("any receives what %s does of %r" % (VB, only), one["received"] == all_["received"],
              (one["received"], all_["received"]))
        check("records of %r" % only, records(both[0]) == records(both[1]), (records(both[1]), records(both[0])))
        check("there were some of %r" % only, one["received"] >= min(n, 1), (only, one["received"]))


def test_snaplen(sender):
    for only in (None, "udp"):
        c = Capture("-w", "1", "--snaplen", "64", iface="any", only=only)
        sender.send([frame(9, size=1400)])
        check("a packet", c.samples(1))
        c.stop()
        e = finals(c.lines())[0]
        check("cut, and its size whole, with %r" % only, e["features"].get("truncated_packets", 1) == 1
              and e["aggregate_metrics"]["byte_count"] == 1400, e["features"])


def loop_sender():
    s = inside(B, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    s.bind(("127.0.0.1", 0))
    s.connect(("127.0.0.1", 5997))
    return s


def test_loopback(sender):
    """What goes to oneself goes out of lo and comes in again: it is one packet."""
    quiet(B)
    sink = inside(B, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    sink.bind(("127.0.0.1", 5997))
    with loop_sender() as s, sink:
        for only in (None, "udp and port 5997", "ip dst 127.0.0.1"):
            for workers in "1", "3":
                c = side_by_side("lo", lambda: [s.send(b"x" * 50) for _ in range(10)], 10, only=only, workers=workers)
                check("each of them once", c.lines()[-1]["received"] == 10, c.lines()[-1])


class Tun:
    """A tun device in namespace B, also one that says it is of another kind."""

    def __init__(self, name, net, kind=None):
        self.fd = inside(B, lambda: os.open("/dev/net/tun", os.O_RDWR))
        inside(B, lambda: fcntl.ioctl(self.fd, TUNSETIFF,
                                      struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI)))
        if kind is not None:
            fcntl.ioctl(self.fd, TUNSETLINK, kind)
        sh("ip", "-n", B, "addr", "add", net + ".1/24", "dev", name)
        sh("ip", "-n", B, "link", "set", name, "up")
        self.out = inside(B, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.out.connect((net + ".9", 53))

    def traffic(self):
        """Ten packets in, ten out, of two flows."""
        for _ in range(10):
            os.write(self.fd, frame(1)[14:])
            self.out.send(b"y" * 40)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.out.close()
        os.close(self.fd)


def has_tun():
    return os.path.exists("/dev/net/tun")


def test_tun(sender):
    """Raw IP: no link header, no Ethernet words."""
    quiet(B)
    if not has_tun():
        return
    with Tun("fttun", "10.79.0") as tun:
        for only, n in ((None, 20), ("udp", 20), ("dst host 10.79.0.9", 10), ("ip[8] = 64 and udp[4:2] = 48", 10)):
            c = side_by_side("fttun", tun.traffic, n, only=only)
            sizes = {e["aggregate_metrics"]["byte_count"] / e["aggregate_metrics"]["packet_count"]
                     for e in finals(c.lines())}
            check("sizes are those of IP", sizes <= {86.0, 68.0}, sizes)


def test_tunnel_devices(sender):
    """Those that libpcap would cook are raw IP here, and their filter is compiled for that."""
    quiet(B)
    for kind in (ARPHRD_IPGRE, ARPHRD_TUNNEL6, ARPHRD_RAWIP) if has_tun() else ():
        with Tun("fttun", "10.79.0", kind) as tun:
            side_by_side("fttun", tun.traffic, 10, only="dst host 10.79.0.9 and udp[4:2] = 48")


def test_other_kinds(sender):
    """A device whose header is none of ours: its packets by the protocol that the kernel tells."""
    quiet(B)
    if not has_tun():
        return
    with Tun("ftppp", "10.79.1", ARPHRD_PPP) as tun:
        for only, n in ((None, 20), ("udp", 20), ("dst host 10.79.1.9 and ip[9] = 17", 10), ("ip", 20)):
            side_by_side("ftppp", tun.traffic, n, only=only)


def test_mixed_filters(sender):
    """One expression, four kinds of links at once."""
    quiet(B)
    if not has_tun():
        return
    sink = inside(B, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    sink.bind(("127.0.0.1", 5997))
    with sink, Tun("fttun", "10.79.0") as tun, Tun("ftppp", "10.79.1", ARPHRD_PPP) as ppp, loop_sender() as lo:
        for only, more in (("udp", 50), ("udp and dst port 53", 40), ("ether dst 02:00:00:00:00:01", 0),
                           ("dst host 10.79.1.9 or dst port 5997", 20)):
            one, c = (Capture("-w", w, iface=i, only=only) for w, i in (("1", VB), ("2", "any")))
            sender.send(TRAFFIC)
            tun.traffic()
            ppp.traffic()
            for _ in range(10):
                lo.send(b"x")
            check("exit 0", one.stop() == 0 and c.stop() == 0, c.err)
            s, n = c.lines()[-1], one.lines()[-1]["received"] + more
            check("packets of %r on all links" % only, s["received"] == n and identities(s), (s["received"], n))


def test_senseless_filters(sender):
    """One that makes sense for no link is refused as on an interface; for some only, it is said of the others."""
    p = sh("ip", "netns", "exec", B, live.PROGRAM, "live", "-i", "any", "-f", "no such words", "-o", "null:", check=False)
    check("refused", p.returncode == 2 and b"no such words" in p.stderr, p.stderr)
    c = Capture("-w", "1", iface="any", only="ether host 02:00:00:00:00:02")
    check("said", "no packets of tun and IP tunnels" in c.err, c.err)
    check("exit 0", c.stop() == 0)


def test_nothing_is_up(sender):
    """Compiling for Ethernet wants no interface, unless tags are asked for; what comes up later is filtered as well."""
    ns = A + "c"
    sh("ip", "netns", "add", ns)
    quiet(ns)
    try:
        sh("ip", "link", "add", "ftc0", "netns", A, "type", "veth", "peer", "name", "ftc1", "netns", ns)
        for iface in "any", "ftc1":
            p = sh("ip", "netns", "exec", ns, live.PROGRAM, "live", "-w", "1", "-i", iface, "-f", "vlan 5", "-o", "null:",
                   check=False)
            check("tags are refused on %s" % iface, p.returncode != 0 and b"a filter with vlan cannot be compiled" in p.stderr,
                  p.stderr)
        both = [Capture("-w", "1", iface=i, only="udp and dst port 53", ns=ns) for i in ("ftc1", "any")]
        sh("ip", "-n", A, "link", "set", "ftc0", "up")
        sh("ip", "-n", ns, "link", "set", "ftc1", "up")
        live.wait_for(lambda: live.carrier(A, "ftc0") and live.carrier(ns, "ftc1"))
        other = Sender("ftc0")
        other.send([frame(1), frame(2), frame(3, reply=True)])
        other.s.close()
        for c in both:
            check("packets of a link that came up", c.samples(2), c.err)
            check("exit 0", c.stop() == 0, c.err)
            check("and no others", c.lines()[-1]["received"] == 2, c.lines()[-1])
    finally:
        sh("ip", "netns", "del", ns)


def test_interfaces_come_and_go(sender):
    """They need no looking for: the first packet of a new one is there, whatever it is called."""
    c = Capture("-w", "2", iface="any", only="udp")
    total = 0
    for turn in range(3):
        live.make_link(live.VA1, live.VB1, "10.78.0")
        if turn == 1:
            sh("ip", "-n", B, "link", "set", live.VB1, "down")
            sh("ip", "-n", B, "link", "set", live.VB1, "name", "ftnew")
            sh("ip", "-n", B, "link", "set", "ftnew", "up")
            live.wait_for(lambda: live.carrier(A, live.VA1))
        other = Sender(live.VA1)
        other.send(frame(turn * 50 + i) for i in range(50))
        total += 50
        check("each packet of a new interface", c.samples(total), c.err)
        sh("ip", "-n", A, "link", "del", live.VA1)
        other.s.close()
    check("exit 0", c.stop() == 0, c.err)
    s = c.lines()[-1]
    check("all of them", s["received"] == s["decoded"] == total and identities(s), s)
    check("nothing to say", "waiting for it" not in c.err and s["interface_events"] == 0, c.err)


def test_another_kind_takes_the_name(sender):
    """A filter is that of a link type. Where an interface of another one takes the name, it is said, not read wrongly."""
    quiet(B)
    if not has_tun():
        return
    for workers, only in (("1", "udp"), ("2", "udp"), ("2", None)):
        with Tun("ftk", "10.79.0") as tun:
            c = Capture("-w", workers, iface="ftk", only=only)
            tun.traffic()
            check("packets of the tun", c.samples(20), c.err)
        check("it is gone", c.says("the interface is gone"), c.err)
        live.make_link("ftl", "ftk", "10.79.2")
        check("and something came", c.says("another link type" if only else "is back"), c.err)
        other = Sender("ftl")
        other.send(frame(i) for i in range(10))
        other.s.close()
        if not only:
            check("without a filter its packets count", c.samples(30), c.err)
        sh("ip", "-n", A, "link", "del", "ftl")
        with Tun("ftk", "10.79.0") as tun:
            check("the tun is back", live.wait_for(lambda: c.err.count("is back") == (1 if only else 2)), c.err)
            tun.traffic()
            check("packets of the tun again", c.samples(40 if only else 50), c.err)
            check("exit 0", c.stop() == 0, c.err)
        check("said once", c.err.count("another link type") == (1 if only else 0), c.err)
        s = c.lines()[-1]
        check("nothing else was read", s["received"] == (40 if only else 50) and identities(s), s)


def test_overrun(sender):
    for workers in ("1", "2"):
        c = Capture("-w", workers, "--queue", "64", iface="any", only="udp")
        os.kill(c.p.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, c.p.pid, os.WSTOPPED)
        sender.send(frame(i % 9, size=1400) for i in range(8000))
        os.kill(c.p.pid, signal.SIGCONT)
        check("it goes on", c.samples(1))
        c.stop()
        s = c.lines()[-1]
        check("kernel drops of any are exact", s["kernel_dropped"] > 0 and s["received"] == 8000 and identities(s),
              (s["received"], s["kernel_dropped"]))


def test_through_libpcap(sender):
    """Where an old kernel leaves it to libpcap, the tags are there all the same."""
    shim = os.environ.get("OLD_KERNEL_SHIM")
    sample = os.path.join(live.SOURCE, "examples/sample.pcap")
    if not shim or b"sanitizer build" in sh(live.PROGRAM, "read", "-v", "-w1", "-o", "null:", sample).stderr:
        return
    one = Capture("-w", "2", iface=VB, only=None)
    c = Capture("-w", "2", iface="any", only=None, within=("env", "LD_PRELOAD=" + shim))
    check("libpcap captures", "libpcap captures instead" in c.err, c.err)
    sender.send(TRAFFIC)
    for x in (one, c):
        check("packets", x.samples(len(TRAFFIC) - 1), x.err)
        check("exit 0", x.stop() == 0, x.err)
    keys = [[r[:7] + r[10:] for r in records(x)] for x in (one, c)]  # but for the size of the cooked header
    check("tags and packets are those of the interface", keys[0] == keys[1], keys)


if __name__ == "__main__":
    sys.exit(live.main(globals()))
