#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Item P8: profile bytes: the first bytes of a flow's first packets, beside the frames that were made."""
import ipaddress
import os
import random
import struct
import subprocess
import sys

from packets import *
from run import main, same

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from arrow_reader import Arrow


def hop_by_hop(next_header, units):
    return bytes([next_header, units]) + b"\1\4" + b"\0" * 4 + b"\0" * 8 * units


def authentication(next_header):
    return bytes([next_header, 4]) + b"\0\0" + b"\7" * 20


def capture(seed, n=900):
    """[(ns, flow, frame, headers, payload, where the ports are or None)]: of all kinds."""
    rng, out = random.Random(seed), []
    for i in range(n):
        k, body = rng.randrange(120), rng.randbytes(rng.choice((0, 1, 30, 239, 240, 241, 1200)))
        side, kind = rng.random() < 0.5, k % 6
        v6 = kind in (1, 2, 5)
        ends, ports = (((A6, B6) if v6 else (A, B)), (3000 + k, 80))
        if side:
            ends, ports = ends[::-1], ports[::-1]
        is_tcp = kind in (0, 1, 2)
        l4 = tcp(*ports, ACK | PSH, i, 5, b"", 77, mss(1400) * rng.randrange(11)) if is_tcp else udp(*ports)
        whole = l4 + body if is_tcp else udp(*ports, body)
        proto, extra, options = 6 if is_tcp else 17, b"", b""
        if kind == 2:
            extra = hop_by_hop(51, rng.randrange(3)) + authentication(proto)
            proto = 0
        elif kind == 3:
            options = b"\1" * 4 * rng.randrange(10)
        packet = ip6(*ends, proto, extra + whole) if v6 else ip4(*ends, proto, whole, options=options, ttl=rng.randrange(1, 256))
        head = len(packet) - len(body)
        frame = eth(packet)
        if kind == 4:  # in GRE
            frame = eth(ip4("192.0.2.1", "192.0.2.2", 47, struct.pack("!HH", 0, 0x0800) + packet))
        out.append((T0 + i * MS, k, pad(frame), packet[:head], body, head - len(l4)))
    return out


def masked(head, at):
    out = bytearray(head)
    span = slice(12, 20) if head[0] >> 4 == 4 else slice(8, 40)
    for where in span, slice(at, at + 4):
        out[where] = bytes(len(out[where]))
    return bytes(out)


def expected(packets, n=5, header=80, payload=240, mask=False):
    """Port of the flow -> (packets, bytes)"""
    flows = {}
    for _, k, _, head, body, at in packets:
        flows.setdefault(3000 + k, []).append(((masked(head, at) if mask else head)[:header].ljust(header, b"\0") +
                                               body[:payload].ljust(payload, b"\0")))
    return {k: (min(len(v), n), b"".join(v[:n]).ljust(n * (header + payload), b"\0")) for k, v in flows.items()}


def port(f):
    return f["src_port"] if f["src_port"] >= 3000 else f["dst_port"]


def got(flows):
    return {port(f): (f["bytes_packets"], bytes.fromhex(f["bytes"])) for f in flows}


def test_P8_bytes(m):
    for seed, how, args in ((1, {}, ()), (2, {"mask": True}, ("--bytes-masked",)), (3, {"n": 1, "header": 7}, ("--bytes-packets", "1", "--bytes-header", "7")),
                            (4, {"n": 10, "header": 120, "payload": 480, "mask": True}, ("--bytes-packets=10", "--bytes-header=120", "--bytes-payload=480", "--bytes-masked")),
                            (5, {"n": 3, "header": 40, "payload": 0}, ("--bytes-packets=3", "--bytes-header=40", "--bytes-payload=0")),
                            (6, {"header": 15, "mask": True}, ("--bytes-header=15", "--bytes-masked"))):
        packets = capture(seed)
        want = expected(packets, **how)
        for workers in "1", "4":
            same(got(m.flows([(p[0], p[2]) for p in packets], "-p", "bytes", "-w", workers, *args)), want, (seed, workers))
        assert len(want) > 100, len(want)


def test_P8_every_road(m):
    """From a pipe, where packets are copied from one thread to another; as CSV and Arrow."""
    packets = capture(9)
    data, want = pcap([(p[0], p[2]) for p in packets]), expected(packets)
    for args in ("-w", "1"), ("-w", "4"), ("-w", "3", "-q", "512"):
        r = subprocess.run([m.program, "read", "--quiet", "-e", "flow", "-o", "csv:-?columns=src_port,dst_port,bytes_packets,bytes", *args, "-"],
                           input=data, capture_output=True, timeout=120)
        rows = [line.split(",") for line in r.stdout.decode().splitlines()[1:]]
        same({max(int(a), int(b)): (int(n), bytes.fromhex(x)) for a, b, n, x in rows}, want, args)
    stream = m.raw(data, "-o", "arrow:-?columns=src_port,dst_port,bytes_packets,bytes", text=True)
    table = Arrow(stream)
    same([(c.name, c.type) for c in table.columns],
         [("src_port", "uint16"), ("dst_port", "uint16"), ("bytes_packets", "uint8"), ("bytes", "binary")])
    same({max(a, b): (n, x) for a, b, n, x in zip(*table.rows.values())}, want)


def test_P8_cut_captures(m):
    """Of what was not captured there are zeros; a header that was cut is there as far as it goes."""
    body = b"payload" * 20
    frame = eth(ip4(A, B, 6, tcp(3000, 80, ACK, 1, 2, body, options=mss(9))))
    for snap in (14 + 20 + 8, 14 + 20 + 20, 14 + 20 + 22, 14 + 20 + 24, 14 + 20 + 24 + 10):
        f, = m.flows([(T0, frame)], "-p", "bytes", "--bytes-packets", "1", snap=snap)
        head, rest = frame[14:snap][:44], frame[14 + 44:snap]
        same(bytes.fromhex(f["bytes"]), head.ljust(80, b"\0") + rest.ljust(240, b"\0"), snap)
        f, = m.flows([(T0, frame)], "-p", "bytes", "--bytes-packets", "1", "--bytes-masked", snap=snap)
        same(bytes.fromhex(f["bytes"]), masked(head, 20)[:len(head)].ljust(80, b"\0") + rest.ljust(240, b"\0"), snap)


def test_P8_other_protocols_and_links(m):
    """Of ICMP all is header; links other than Ethernet; what lies behind the packet is not its own."""
    packet = ip4(A, B, 1, icmp(8, 0, b"\0\1\0\2" + b"z" * 100))
    for mask in (), ("--bytes-masked",):
        f, = m.flows([(T0, packet + b"!" * 9)], "-p", "bytes", "--bytes-packets", "1", *mask, linktype=101)
        want = packet[:80] if not mask else packet[:12] + bytes(8) + packet[20:80]
        same(bytes.fromhex(f["bytes"]), want + bytes(240))
    packet = ip6(A6, B6, 17, udp(3000, 80, b"hello"))
    f, = m.flows([(T0, packet + b"!" * 9)], "-p", "bytes", "--bytes-packets", "1", linktype=101)
    same(bytes.fromhex(f["bytes"]), packet[:48].ljust(80, b"\0") + b"hello".ljust(240, b"\0"))


class Hidden(bytes):
    """A piece of headers that becomes zeros."""


def deeper():
    """Packets as pieces of headers, without payload."""
    (a4, b4), (a6, b6) = ([Hidden(ipaddress.ip_address(x).packed) for x in pair] for pair in ((A, B), (A6, B6)))
    ports = [Hidden(struct.pack("!HH", 3000, 80)), b"\0\x08\xab\xcd"]
    v4 = lambda proto, words=5, **more: [b"%c" % (0x40 | words) + ip4(A, B, proto, b"", **more)[1:12], a4, b4]
    v6 = lambda proto: [ip6(A6, B6, proto, b"")[:8], a6, b6]
    message = lambda kind, length=8: [bytes([kind, 0]) + b"\0" * (length - 2)]
    yield v6(44) + [bytes([17, 0, 0, 0]) + b"\0\0\0\1"] + ports  # a fragment that is the whole
    yield v6(43) + [bytes([17, 4, 4, 1]) + b"\0" * 4, a6, b6] + ports
    yield v6(0) + [bytes([43, 0]) + b"\1\4" + b"\0" * 4, bytes([17, 2, 0, 1]) + b"\0" * 4, a6] + ports
    yield v4(51) + [authentication(17)] + ports
    yield v4(17, 7) + [b"\1\x83\7\4", a4] + ports
    yield v4(17, 7) + [b"\x94\4\0\0\1\1\1\0"] + ports  # of other options nothing
    yield v4(17, 8) + [b"\x44\x0c\5", Hidden(b"\1" + b4 + b"\0\0\0\1")] + ports
    for kind in 3, 4, 11, 12:
        yield v4(1) + message(kind) + v4(17) + ports
    yield v4(1) + message(11) + v4(17, frag=800) + [b"\x0b\xb8\0\x50"]  # of a later fragment: no ports
    yield v4(1) + [b"\5\1\0\0", a4] + v4(17) + ports
    yield v4(1) + message(8) + [b"".join(v4(17))]  # an echo quotes nothing
    yield v6(58) + message(1) + v6(17) + ports
    yield v6(58) + message(135) + [b6, Hidden(b"\1\1\2\0\0\0\0\1")]
    yield v6(58) + message(128) + [bytes(b6)]
    yield v4(2) + [b"\x16\0\0\0", Hidden(bytes([239, 1, 2, 3]))]
    yield v4(4) + v4(17) + ports


def test_P8_addresses_that_lie_deeper(m):
    """Behind a fragment's header, in routes, in what an ICMP error quotes, in neighbour discovery, in IP in IP; cut
    anywhere nothing is told that is not told of the whole."""
    args = "-p", "bytes", "--bytes-packets", "1", "--bytes-payload", "0", "--bytes-masked", "--keep-tunnels"
    for i, pieces in enumerate(deeper()):
        packet, want = (bytearray(b"".join(x)) for x in (pieces, [bytes(len(x)) if isinstance(x, Hidden) else x for x in pieces]))
        at, length = (2, len(packet)) if packet[0] >> 4 == 4 else (4, len(packet) - 40)
        packet[at:at + 2] = want[at:at + 2] = struct.pack("!H", length)
        frame = eth(bytes(packet))
        for width in 120, 33:
            f, = m.flows([(T0, frame)], *args, "--bytes-header", str(width))
            same(bytes.fromhex(f["bytes"]), bytes(want)[:width].ljust(width, b"\0"), (i, width))
        for snap in range(14 + len(packet) - 30, 14 + len(packet), 1 if i % 4 == 0 else 7):
            for f in m.flows([(T0, frame)], *args, snap=snap):
                assert all(x in (0, y) for x, y in zip(bytes.fromhex(f["bytes"]), want.ljust(80, b"\0"))), (i, snap)


def test_P8_fragments_have_none(m):
    whole = udp(3000, 80, b"f" * 1000)
    packets = [(T0, eth(ip4(A, B, 17, whole[:800], 7, 0, True))), (T0 + MS, eth(ip4(A, B, 17, whole[800:], 7, 800)))]
    for args in ("-w", "1"), ("-w", "2"):
        f, = m.flows(packets, "-p", "bytes", *args)
        same((f["bytes_packets"], bytes.fromhex(f["bytes"])), (2, bytes(1600)))


def test_P8_what_a_tunnel_brought_in_fragments(m):
    """Headers of a packet that lay in several frames are not told; its payload is."""
    inner = ip4(A, B, 17, udp(3000, 80, b"p" * 1000))
    gre = struct.pack("!HH", 0, 0x0800) + inner
    packets = [(T0, eth(ip4("192.0.2.1", "192.0.2.2", 47, gre[:800], 7, 0, True))), (T0 + MS, eth(ip4("192.0.2.1", "192.0.2.2", 47, gre[800:], 7, 800)))]
    flows = [f for f in m.flows(packets, "-p", "bytes") if f["protocol"] == 17]
    same([bytes.fromhex(f["bytes"]) for f in flows], [bytes(80) + b"p" * 240 + bytes(4 * 320)])


def test_P8_snapshots(m):
    packets = [p for p in capture(3) if p[1] == 6]
    flows = m.flows([(p[0], p[2]) for p in packets], "-p", "bytes", "--snapshot", "1,3")
    for n, f in zip((1, 3), flows):
        same(got([f]), expected(packets[:n]), n)


def test_P8_privacy(m):
    packets = capture(1)[:50]
    frames = [(p[0], p[2]) for p in packets]
    key = os.path.join(m.folder.name, "key")
    with open(key, "w") as f:
        f.write("00" * 31 + "01" + "\n")
    same({f["bytes"] for f in m.flows(frames, "-p", "bytes", "--anonymize", key)}, {None})
    same([f for f in m.flows(frames, "-p", "bytes", "--no-identity") if "bytes" in f], [])


def test_P8_wrong(m):
    r = subprocess.run([m.program, "read", "-e", "flow", "--bytes-header", "121", "x.pcap"], capture_output=True)
    assert r.returncode == 2 and b"allowed is a whole number from 1 to 120" in r.stderr, r.stderr
    r = subprocess.run([m.program, "read", "-e", "flow", "--where", "bytes=45", "x.pcap"], capture_output=True)
    assert r.returncode == 2 and b"which a condition cannot ask" in r.stderr, r.stderr


main(globals())
