# SPDX-License-Identifier: Apache-2.0
"""A capture as NFStream takes it: what it does to packets before flows are made of them, done to a copy of the capture,
so that what is left to compare is how flows are made.

- it has times in whole ms, and gives a packet that is older than one before it that one's time
- it leaves out all fragments but the first
"""
import struct

MAGIC = {b"\xd4\xc3\xb2\xa1": ("<", 1000), b"\xa1\xb2\xc3\xd4": (">", 1000), b"\x4d\x3c\xb2\xa1": ("<", 1),
         b"\xa1\xb2\x3c\x4d": (">", 1)}
ETHERNET, RAWS, SLL = 1, (12, 14, 101, 228, 229), 113


def pcap(data, order, unit):
    """(ns, wire length, bytes) of each packet, and the link type."""
    link, at, out = struct.unpack(order + "I", data[20:24])[0] & 0xffff, 24, []
    while at + 16 <= len(data):
        sec, frac, cap, wire = struct.unpack(order + "4I", data[at:at + 16])
        if at + 16 + cap > len(data):
            break
        out.append((sec * 10 ** 9 + frac * unit, wire, data[at + 16:at + 16 + cap]))
        at += 16 + cap
    return out, link


def options(body, order):
    at = 0
    while at + 4 <= len(body):
        code, n = struct.unpack(order + "HH", body[at:at + 4])
        if code == 0:
            return
        yield code, body[at + 4:at + 4 + n]
        at += 4 + n + -n % 4


def pcapng(data):
    """Likewise, of one section with interfaces of one link type; else None."""
    order = "<" if data[8:12] == b"\x4d\x3c\x2b\x1a" else ">"
    at, units, links, out = 0, [], set(), []
    while at + 12 <= len(data):
        kind, n = struct.unpack(order + "II", data[at:at + 8])
        body = data[at + 8:at + n - 4]
        if n < 12 or at + n > len(data) or (kind == 0x0a0d0d0a and at > 0) or kind in (2, 3):
            return None
        if kind == 1:
            links.add(struct.unpack(order + "H", body[:2])[0])
            res = dict(options(body[8:], order)).get(9, b"\6")[0]
            units.append((2 if res & 128 else 10) ** (res & 127))
        elif kind == 6:
            iface, high, low, cap, wire = struct.unpack(order + "5I", body[:20])
            out.append(((high << 32 | low) * 10 ** 9 // units[iface], wire, body[20:20 + cap]))
        at += n
    return (out, links.pop()) if len(links) == 1 else None


def ip_of(frame, link):
    if link in RAWS:
        return frame
    if link == SLL:
        return frame[16:]
    if link != ETHERNET:
        return b""
    at = 12
    while frame[at:at + 2] == b"\x81\0":
        at += 4
    return frame[at + 2:] if frame[at:at + 2] in (b"\x08\0", b"\x86\xdd") else b""


def later_fragment(ip):
    if len(ip) >= 20 and ip[0] >> 4 == 4:
        return struct.unpack("!H", ip[6:8])[0] & 0x1fff != 0
    if len(ip) >= 48 and ip[0] >> 4 == 6 and ip[6] == 44:
        return struct.unpack("!H", ip[42:44])[0] & 0xfff8 != 0
    return False


def normal(path):
    """The copy, or None: it is as it should be, or of a kind that is not taken apart here."""
    with open(path, "rb") as f:
        data = f.read()
    if data[:4] in MAGIC:
        packets, link = pcap(data, *MAGIC[data[:4]])
    else:
        packets, link = pcapng(data) or (None, 0)
    if packets is None:
        return None
    newest, out, changed = 0, [struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 1 << 18, link)], False
    for ns, wire, frame in packets:
        if later_fragment(ip_of(frame, link)):
            changed = True
            continue
        ms = ns // 10 ** 6
        changed |= ms < newest
        newest = max(ms, newest)
        out.append(struct.pack("<4I", newest // 1000 & 0xffffffff, newest % 1000 * 1000, len(frame), wire) + frame)
    return b"".join(out) if changed else None
