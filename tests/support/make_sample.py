#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes examples/sample.pcap: a small, made-up, deterministic capture for a first look and for tests.

TCP with handshake, data and FIN, over IPv4 and IPv6; DNS; ICMP echo; a VLAN; ARP. Addresses are
documentation ranges (RFC 5737, RFC 3849).
"""
import socket
import struct
import sys

T0 = 1719409371
packets = []


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return ~s & 0xFFFF


def frame(us, payload, ethertype, vlan=None):
    tag = struct.pack("!HH", 0x8100, vlan) if vlan is not None else b""
    data = bytes.fromhex("020000000001020000000002") + tag + struct.pack("!H", ethertype) + payload
    packets.append((us, data + b"\0" * (60 - len(data))))


def ip(us, src, dst, proto, body, vlan=None):
    if ":" in src:
        head = struct.pack("!IHBB", 0x60000000, len(body), proto, 64)
        head += socket.inet_pton(socket.AF_INET6, src) + socket.inet_pton(socket.AF_INET6, dst)
        frame(us, head + body, 0x86DD, vlan)
        return
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), us & 0xFFFF, 0x4000, 64, proto, 0,
                       socket.inet_aton(src), socket.inet_aton(dst))
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    frame(us, head + body, 0x0800, vlan)


def tcp(us, src, sport, dst, dport, seq, ack, flags, data=b"", vlan=None):
    head = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, 64240, 0, 0)
    ip(us, src, dst, 6, head + data, vlan)


def conversation(us, a, sport, b, dport, sent, answers, vlan=None):
    SYN, ACK, PSH, FIN = 2, 16, 8, 1
    x, y = 1000 + sport, 5000 + sport
    tcp(us, a, sport, b, dport, x, 0, SYN, vlan=vlan)
    tcp(us + 11000, b, dport, a, sport, y, x + 1, SYN | ACK, vlan=vlan)
    tcp(us + 11200, a, sport, b, dport, x + 1, y + 1, ACK, vlan=vlan)
    x, y, us = x + 1, y + 1, us + 12000
    tcp(us, a, sport, b, dport, x, y, PSH | ACK, sent, vlan)
    x += len(sent)
    for data in answers:
        us += 9000
        tcp(us, b, dport, a, sport, y, x, PSH | ACK, data, vlan)
        y += len(data)
        tcp(us + 150, a, sport, b, dport, x, y, ACK, vlan=vlan)
    tcp(us + 30000, a, sport, b, dport, x, y, FIN | ACK, vlan=vlan)
    tcp(us + 41000, b, dport, a, sport, y, x + 1, FIN | ACK, vlan=vlan)
    tcp(us + 41200, a, sport, b, dport, x + 1, y + 1, ACK, vlan=vlan)


def dns(us, client, server, ident, name):
    q = struct.pack("!HHHHHH", ident, 0x0100, 1, 0, 0, 0)
    for label in name.split("."):
        q += bytes([len(label)]) + label.encode()
    q += b"\0" + struct.pack("!HH", 1, 1)
    answer = q[:2] + b"\x81\x80\0\1\0\1" + q[8:] + struct.pack("!HHHIH4s", 0xC00C, 1, 1, 300, 4,
                                                             socket.inet_aton("198.51.100.80"))
    port = 40000 + ident
    ip(us, client, server, 17, struct.pack("!HHHH", port, 53, 8 + len(q), 0) + q)
    ip(us + 4200, server, client, 17, struct.pack("!HHHH", 53, port, 8 + len(answer), 0) + answer)


def main(path):
    frame(0, bytes.fromhex("0001080006040001020000000002c0000201000000000000c00002fe"), 0x0806)
    frame(300, bytes.fromhex("0001080006040002020000000001c00002fe020000000002c0000201"), 0x0806)
    for i in range(6):
        dns(5000 + 400000 * i, "192.0.2.1", "192.0.2.53", 100 + i, "www%d.example.com" % i)
        conversation(20000 + 400000 * i, "192.0.2.1", 50000 + i, "198.51.100.80", 443,
                     b"\x16\x03\x01" + b"c" * 509, [b"s" * 1400, b"s" * 900, b"s" * (100 + i)])
    conversation(90000, "2001:db8::1", 51000, "2001:db8:1::80", 80, b"GET / HTTP/1.1\r\n\r\n",
                 [b"HTTP/1.1 200 OK\r\n\r\n" + b"h" * 1200])
    conversation(130000, "192.0.2.1", 52000, "203.0.113.9", 22, b"SSH-2.0-a\r\n", [b"SSH-2.0-b\r\n"],
                 vlan=42)
    for i in range(4):
        body = struct.pack("!HH", 7, i) + b"abcdefghijklmnop"
        ip(150000 + 1000000 * i, "192.0.2.1", "203.0.113.1", 1, b"\x08\0\0\0" + body)
        ip(162000 + 1000000 * i, "203.0.113.1", "192.0.2.1", 1, b"\0\0\0\0" + body)
    packets.sort(key=lambda p: p[0])
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for us, data in packets:
            f.write(struct.pack("<IIII", T0 + us // 1000000, us % 1000000, len(data), len(data)))
            f.write(data)
    print("%d packets" % len(packets))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "examples/sample.pcap")
