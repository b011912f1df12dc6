#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Items D1 to D9: link layers, extension headers, fragments, tunnels, what is malformed."""
import itertools
import json
import os
import subprocess

from packets import *
from run import main, same

INNER = ip4("192.168.1.1", "192.168.1.2", 17, udp(1111, 2222, b"inner"))
INNER6 = ip6("fd00::1", "fd00::2", 6, tcp(1111, 2222, SYN, 1))
UDP4 = ip4(A, B, 17, udp(5, 6, b"x"))


def one(m, frame, *args, **how):
    f = m.flows([(T0, frame)], *args, **how)
    same(len(f), 1, frame.hex())
    return f[0]


def test_D1_vlan_tags(m):
    for tags, vid in (((0x8100, 5),), 5), (((0x88a8, 5), (0x8100, 6)), 6), (((0x88a8, 5), (0x8100, 6), (0x8100, 7)), 7), \
            (((0x8100, 0xe000),), None), (((0x9100, 9), (0x8100, 0x2000)), 9):
        f = one(m, eth(UDP4, tags=tags))
        same((f["vlan_id"], f["src_port"], f["fwd_ip_bytes"]), (vid, 5, 29), tags)


def test_D13_tags_of_cooked_captures(m):
    """The kernel's protocol may be that of the packet, with tags still before it."""
    def cooked(link, proto, data):
        mac = b"\2\0\0\0\0\1\0\0"
        return (struct.pack("!HHH", 0, 1, 6) + mac + struct.pack("!H", proto) if link == 113 else
                struct.pack("!HHIHBB", proto, 0, 2, 1, 0, 6) + mac) + data
    tag = lambda vid, proto: struct.pack("!HH", vid, proto)
    for link in (113, 276):
        for proto, tags, vid in ((0x0800, b"", None), (0x8100, tag(9, 0x0800), 9), (0x0800, tag(9, 0x0800), 9),
                                 (0x0800, tag(0x4009, 0x0800), 9), (0x0800, tag(7, 0x8100) + tag(8, 0x0800), 8),
                                 (0x88a8, tag(7, 0x0800) + tag(8, 0x0800), 8), (0x8100, tag(7, 0x8100) + tag(8, 0x0800), 8)):
            f = one(m, cooked(link, proto, tags + UDP4), linktype=link)
            same((f["vlan_id"], f["src_port"], f["fwd_ip_bytes"]), (vid, 5, 29), (link, proto, tags))


def test_D2_link_types(m):
    u16 = struct.pack
    llc = b"\xaa\xaa\3\0\0\0\x08\0"
    wlan = b"\x08\1\0\0" + b"\2" * 18 + b"\x10\0"
    cases = {
        0: [b"\2\0\0\0", b"\0\0\0\2"], 12: [b""], 101: [b""], 14: [b""], 228: [b""],
        108: [b"\0\0\0\2"], 9: [b"\xff\3\0\x21", b"\x21"], 50: [b"\xff\3\0\x21", b"\x0f\0\x08\0"],
        104: [b"\x0f\0\x08\0"], 205: [b"\1\x0f\0\x08\0"], 204: [b"\1\xff\3\0\x21"], 166: [b"\1\3\0\x21"],
        107: [b"\x18\x41\3\xcc", b"\x18\x41\3\0\x80\0\0\0\x08\0", b"\x18\x41\x08\0"],
        113: [b"\0\0\0\1\0\6" + b"\2" * 8 + b"\x08\0"],
        276: [b"\x08\0\0\0" + b"\0\0\0\1" + b"\0\1\0\6" + b"\2" * 8],
        105: [wlan + llc, b"\x88\3\0\0" + b"\2" * 18 + b"\x10\0" + b"\2" * 6 + b"\0\0" + llc],
        127: [b"\0\0\x08\0\0\0\0\0" + wlan + llc, b"\0\0\x0d\0\2\0\0\x80\0\0\0\0\0" + wlan + llc],
        192: [b"\0\0\x08\0" + u16("<I", 105) + wlan + llc], 119: [b"\x44\0\0\0" + u16("<I", 144) + b"\0" * 136 + wlan + llc],
        163: [b"\x80\x21\x10\1" + u16("!I", 64) + b"\0" * 56 + wlan + llc],
        117: [b"\x2d\2\0\0" + b"\0" * 44], 109: [b"\2\0\0\0" + b"\0" * 8, b"\0\0\0\2" + b"\0" * 8],
        239: [b"\2\0\0\0" + u16("<HH", 8, 1) + b"\0" * 4 + u16("<HH", 4 + 29, 9)],
        10: [b"\x50" + b"\2" * 12 + llc], 6: [b"\x10\x40" + b"\2" * 12 + llc, b"\x10\x40" + b"\2" * 6 + b"\x82" + b"\2" * 5 + b"\2\0" + llc],
        100: [llc], 123: [b"\2\0\0\0" + llc], 122: [b"\0" * 16 + llc], 138: [b"\2" * 16 + b"\x08\0"], 242: [b"\0" * 40 + b"\x08\0\0\0"],
        226: [b"\1\2" + b"\0" * 22], 219: [b"\0\1\1\x40"], 51: [b"\x11\0\0\1" + u16("!H", 31) + b"\0\x21"],
        240: [b"\0" * 4 + b"\2" * 12 + b"\x08\0"], 259: [b"\x55" * 8 + b"\2" * 12 + b"\x08\0"],
        143: [b"\0\0\0\0\0\0" + b"\2" * 12 + b"\x08\0"], 197: [b"\0" * 8 + b"\2\0\0\0\0\0\0\0" + b"\0\0" + b"\2" * 12 + b"\x08\0"],
        258: [u16("<III", 12, 1, 1) + b"\2" * 12 + b"\x08\0"],
        178: [b"MGC\1" + b"\2" * 12 + b"\x08\0", b"MGC\x81\0\4\1\1\1\1" + b"\2" * 12 + b"\x08\0"], 179: [b"MGC\0\xff\3\0\x21"],
        180: [b"MGC\0\x18\x41\3\xcc"], 181: [b"MGC\0\x0f\0\x08\0"], 137: [b"MGC\0\0\0\0\0"], 164: [b"MGC\2"],
    }
    for link, heads in cases.items():
        for head in heads:
            f = one(m, head + UDP4, linktype=link)
            same((f["src_ip"], f["src_port"], f["fwd_ip_bytes"], f["fwd_payload_bytes"]), (A, 5, 29, 1), (link, head.hex()))


def test_D2_encrypted_wlan_is_said(m):
    s = m.stats([(T0, b"\x08\x41\0\0" + b"\2" * 18 + b"\x10\0" + UDP4)], linktype=105)
    same(s["ignored_by_reason"]["encrypted"], 1)


def test_D2_unknown_link_type_is_an_error(m):
    m.raw(pcap([(T0, UDP4)], linktype=187), rc=1)


def ext(kind, body, nxt):
    """An extension header of this kind, and what it takes in front of nxt (kind, bytes)."""
    n, inner = nxt
    if kind == 51:
        return kind, struct.pack("!BB", n, len(body) // 4 - 1) + b"\0" * 2 + body + inner
    return kind, struct.pack("!BB", n, len(body) // 8) + body[:6] + b"\0" * (6 - len(body[:6])) + body[6:] + inner


def test_D3_extension_headers(m):
    end = (17, udp(5, 6, b"abc"))
    chains = [[], [(0, b"\1\4")], [(60, b"\1\4")], [(43, b"\0" * 22)], [(51, b"\0" * 8)], [(51, b"\0" * 20)],
              [(0, b"\1\4"), (43, b"\4\0" + b"\0" * 20), (60, b"\1\4"), (51, b"\0" * 20)], [(60, b"\1\4")] * 12]
    for chain in chains:
        nxt = end
        for kind, body in reversed(chain):
            nxt = ext(kind, body, nxt)
        f = one(m, eth(ip6(A6, B6, *nxt)))
        same((f["protocol"], f["src_port"], f["fwd_payload_bytes"]), (17, 5, 3), chain)
    same(one(m, eth(ip6(A6, B6, 50, b"\0" * 40)))["protocol"], 50, "ESP ends the chain")
    same(one(m, eth(ip6(A6, B6, 59, b"")))["protocol"], 59)
    nxt = end
    for _ in range(17):
        nxt = ext(60, b"\1\4", nxt)
    same(m.stats([(T0, eth(ip6(A6, B6, *nxt)))])["malformed_by_reason"]["ipv6_extension_depth"], 1)


def test_D3_cut_anywhere_is_counted(m):
    nxt = ext(0, b"\1\4", ext(51, b"\0" * 20, (6, tcp(5, 6, SYN, 1))))
    frame = eth(ip6(A6, B6, *nxt))
    s = m.stats([(T0, frame[:n], len(frame)) for n in range(1, len(frame) + 1)])
    same(s["decoded"] + s["malformed"] + s["ignored"], len(frame))
    assert s["malformed"] > 60


def fragments(size, proto=17, ident=77, src=A, dst=B, six=False, sport=5):
    body = udp(sport, 6, bytes(range(256)) * 20)
    out = []
    for at in range(0, len(body), size):
        part, more = body[at:at + size], at + size < len(body)
        if six:
            head = struct.pack("!BBHI", proto, 0, at | more, ident)
            out.append(eth(ip6(A6, B6, 44, head + part)))
        else:
            out.append(eth(ip4(src, dst, proto, part, ident=ident, frag=at, more=more)))
    return out


def test_D4_fragments_in_any_order_are_one_flow(m):
    for six in (False, True):
        whole = (T0 - S, eth(ip6(A6, B6, 17, udp(5, 6)) if six else ip4(A, B, 17, udp(5, 6))))
        frames = fragments(1480, six=six)
        same(len(frames), 4)
        for order in itertools.permutations(range(4)):
            f = m.flows([whole] + [(T0 + i * MS, frames[k]) for i, k in enumerate(order)])
            same([(r["src_port"], r["dst_port"], r["packet_count"], r["fwd_fragments"]) for r in f], [(5, 6, 5, 4)], order)
            same(f[0]["fwd_bytes"], sum(map(len, frames)) + len(whole[1]))


def test_D4_duplicates_and_overlaps(m):
    frames = fragments(1480)
    overlap = eth(ip4(A, B, 17, b"\0" * 800, ident=77, frag=1000 // 8 * 8, more=True))
    s = m.stats([(T0 + i, f) for i, f in enumerate([frames[0], frames[0], overlap, frames[1], frames[2], frames[3], frames[3]])])
    same((s["decoded"], s["fragments_duplicate"], s["fragments_overlap"]), (7, 2, 2))


def test_D4_never_a_garbage_flow(m):
    later = fragments(1480)[1:]
    packets = [(T0 + i * MS, f) for i, f in enumerate(later)] + [(T0 + 40 * S, eth(ip4(A, C, 17, udp(1, 2))))]
    same([r["dst_ip"] for r in m.flows(packets)], [C])
    same(m.stats(packets)["ignored_by_reason"]["fragment_orphan"], 3)


def test_D4_bounded(m):
    packets = [(T0 + i * 1000, eth(ip4(A, B, 17, b"x" * 64, ident=i & 0xffff, frag=64, more=True))) for i in range(60000)]
    packets += [(packets[-1][0] + 1 + i, f) for i, f in enumerate(fragments(1480, src=C))]
    s = m.stats(packets)
    same((s["ignored_by_reason"]["fragment_orphan"], s["decoded"]), (60000, 4))


def test_D4_atomic_fragments(m):
    f = one(m, eth(ip6(A6, B6, 44, struct.pack("!BBHI", 17, 0, 0, 9) + udp(5, 6, b"x"))))
    same((f["src_port"], f["fwd_fragments"], f["fwd_payload_bytes"]), (5, 0, 1))


def pieces(packet, *ends, ident=77):
    """The fragments of an IP packet, cut behind so many bytes of what it carries (multiples of 8)."""
    if packet[0] >> 4 == 4:
        return [eth(ip4(A, B, packet[9], packet[20 + at:20 + end], ident=ident, frag=at, more=end < len(packet) - 20))
                for at, end in zip((0, *ends), (*ends, len(packet) - 20))]
    return [eth(ip6(A6, B6, 44, struct.pack("!BBHI", packet[6], 0, at | (end < len(packet) - 40), ident) + packet[40 + at:40 + end]))
            for at, end in zip((0, *ends), (*ends, len(packet) - 40))]


def every_road(m, packets, *args):
    """Flow records and the account, which 1, 2 and 4 workers, a file and a pipe have to agree on."""
    data = pcap(packets) if isinstance(packets, list) else packets
    path = os.path.join(m.folder.name, "roads.pcap")
    with open(path, "wb") as f:
        f.write(data)
    found = []
    for workers, name in itertools.product("124", (path, "-")):
        r = subprocess.run([m.program, "read", "--quiet", "-e", "flow,stats", "-p", "all", "-w", workers, *args, name], input=data,
                           capture_output=True, timeout=120)
        same(r.returncode, 0, r.stderr)
        events = [json.loads(line) for line in r.stdout.splitlines()]
        flows = sorted((flat(e) for e in events if e["event_type"] == "network_flow_record"), key=lambda f: f["flow_id"])
        s = events[-1]
        same(s["captured"], s["decoded"] + s["ignored"] + s["malformed"])
        same((s["decoded"], s["decoded_bytes"]), (sum(f["packet_count"] for f in flows if f["is_final"]),
                                                  sum(f["byte_count"] for f in flows if f["is_final"])))
        account = (s["captured"], s["decoded"], s["ignored_by_reason"]["reassembled"], s["ignored_by_reason"]["fragment_orphan"],
                   s["fragments_duplicate"], s["fragments_unassembled"])
        found.append((flows, account))
        same(found[-1], found[0], (workers, name))
    return found[0]


def datagram(variant, sport=1000, size=2000, proto=17):
    body = bytes((i * 7 + variant) & 255 for i in range(size))
    return ip4(A, B, proto, udp(sport, 2000, body) if proto == 17 else body)


def test_D14_numbers_used_again(m):
    """Other bytes, or the same later than 50 ms, are another datagram; equal ones are copies."""
    for six in (False, True):
        def cut(sport, variant=0):
            packet = datagram(variant, sport)
            return pieces(ip6(A6, B6, 17, packet[20:]) if six else packet, 1480)
        first, second = cut(1000), cut(3000, 1)
        want = [(1000, 2), (3000, 2)]
        for gap in (MS, 49 * MS, 10 * S):
            for order in ((0, 1), (1, 0)):
                packets = [(T0, first[0]), (T0 + MS, first[1])] + [(T0 + MS + gap + i * MS, second[k]) for i, k in enumerate(order)]
                f, account = every_road(m, packets)
                same(sorted((r["src_port"], r["packet_count"]) for r in f), want, (six, gap, order))
                same(account[4], 0, "no copies")
        # the last fragment of the one before was lost
        f, _ = every_road(m, [(T0, first[0]), (T0 + S, second[0]), (T0 + S + MS, second[1])])
        same(sorted((r["src_port"], r["packet_count"]) for r in f), [(1000, 1), (3000, 2)])
        # its first one was: what is left of it cannot be known apart, the rest is right
        f, _ = every_road(m, [(T0, first[1]), (T0 + S, second[0]), (T0 + S + MS, second[1])])
        same(sorted((r["src_port"], r["packet_count"]) for r in f), [(3000, 3)])


def test_D14_copies_share_the_lot_of_their_fragment(m):
    for six in (False, True):
        packet = datagram(0)
        a, b, c = pieces(ip6(A6, B6, 17, packet[20:]) if six else packet, 800, 1600)
        for order in itertools.permutations((a, b, c, a, b)):
            f, account = every_road(m, [(T0 + i * 10 * MS, frame) for i, frame in enumerate(order)]) if order[0] is b else (
                m.flows([(T0 + i * 10 * MS, frame) for i, frame in enumerate(order)]), (0, 0, 0, 0, 2, 0))
            same([(r["src_port"], r["packet_count"], r["fwd_fragments"]) for r in f], [(1000, 5, 5)])
            same(account[4], 2)
    # 50 ms after it was whole, and not later
    a, b = pieces(datagram(0), 1480)
    for late, copies in ((50 * MS, 1), (51 * MS, 0)):
        _, account = every_road(m, [(T0, a), (T0 + MS, b), (T0 + MS + late, a)])
        same(account[4], copies, late)


def test_D14_slow_fragments(m):
    """What the first fragment told holds for 60 s (RFC 8200 4.5); the first is waited for 30 s."""
    pieces4 = pieces(datagram(0), 504, 1008, 1512)
    for last, packets, orphans in ((60, 4, 0), (61, 3, 1)):
        f, account = every_road(m, [(T0 + t * S, frame) for t, frame in zip((0, 20, 40, last), pieces4)])
        same(([(r["src_port"], r["packet_count"]) for r in f if r["is_final"]], account[3]), ([(1000, packets)], orphans))
    for wait, packets, orphans in ((30, 2, 0), (31, 1, 1)):
        f, account = every_road(m, [(T0, pieces4[1]), (T0 + wait * S, pieces4[0])])
        same((sum(r["packet_count"] for r in f if r["is_final"]), account[3]), (packets, orphans))


def test_D14_later_fragments_without_extension_headers(m):
    """IPv6: the first fragment holds an extension header more than its header tells the later ones of."""
    whole = ext(60, b"\1\4\0\0\0\0", (17, udp(5, 6, b"x" * 2000)))
    a, b = pieces(ip6(A6, B6, *whole), 1000)
    for order in ((a, b), (b, a)):
        f, account = every_road(m, [(T0, order[0]), (T0 + MS, order[1]), (T0 + 2 * MS, order[1])])
        same([(r["src_port"], r["protocol"], r["packet_count"]) for r in f], [(5, 17, 3)])
        same(account[3:5], (0, 1))


def gre(flags, kind, body, *words):
    return struct.pack("!HH", flags, kind) + b"".join(struct.pack("!I", w) for w in words) + body


ETH = eth(INNER)
MPLS = struct.pack("!I", 1000 << 12 | 0x140)
TUNNELS = {
    "ipip": (4, INNER, None), "6in4": (41, INNER6, None),
    "gre": (47, gre(0, 0x0800, INNER), None), "gre ": (47, gre(0xb000, 0x86dd, INNER6, 0, 77, 3), 77),
    "gre  ": (47, gre(0x2000, 0x6558, ETH, 77), 77),
    "nvgre": (47, gre(0x2000, 0x6558, ETH, 0x123456 << 8 | 9), 0x123456),
    "pptp": (47, struct.pack("!HHHHI", 0x3001, 0x880b, len(INNER) + 4, 99, 1) + b"\xff\3\0\x21" + INNER, 99),
    "erspan": (47, gre(0x1000, 0x88be, struct.pack("!HHI", 0x1000, 123, 0) + ETH, 1), 123),
    "erspan ": (47, gre(0, 0x88be, ETH), None),
    "erspan  ": (47, gre(0x1000, 0x22eb, struct.pack("!HHIHH", 0x2000, 124, 0, 0, 0) + ETH, 1), 124),
    "etherip": (97, b"\x30\0" + ETH, None), "mpls": (137, MPLS + INNER, 1000),
    "l2tp": (115, struct.pack("!I", 55) + b"\0" * 8 + ETH, 55),
    "vxlan": (4789, struct.pack("!II", 0x08000000, 4096 << 8) + ETH, 4096),
    "vxlan ": (4790, struct.pack("!II", 0x0c000001, 7 << 8) + INNER, 7),
    "geneve": (6081, struct.pack("!BBHI", 2, 0, 0x6558, 5001 << 8) + b"\1\2\3\1opts" + ETH, 5001),
    "gtpu": (2152, struct.pack("!BBHI", 0x30, 255, len(INNER), 0xabcdef) + INNER, 0xabcdef),
    "gtpu ": (2152, struct.pack("!BBHIHBB", 0x36, 255, len(INNER) + 12, 9, 1, 0, 0x85) + b"\2\0\1\2\3\4\5\0" + INNER, 9),
    "l2tp ": (1701, struct.pack("!HHHHHH", 0x4a02, 14 + 4 + len(INNER), 8, 44, 1, 1) + struct.pack("!H", 0) + b"\xff\3\0\x21" + INNER, 44),
    "mpls ": (6635, MPLS + INNER, 1000),
    "ayiya": (5072, b"\x42\x52\x11\x29" + b"\0" * 4 + b"\0" * 16 + b"\0" * 20 + INNER6, None),
    "teredo": (3544, b"\0\1\0\0" + b"\0" * 9 + b"\0\0\1\2\3\4\5\6" + ip6("2001:0:1::1", "fd00::2", 6, tcp(1111, 2222, SYN, 1)), None),
}


def carried(how):
    number, body, _ = TUNNELS[how]
    return eth(ip4(A, B, number, body) if number < 256 else ip4(A, B, 17, udp(40000, number, body)))


def test_D5_tunnels_to_the_innermost_flow(m):
    for how, (number, _, ident) in TUNNELS.items():
        f = one(m, carried(how))
        same((f["src_port"], f["dst_port"]), (1111, 2222), how)
        same((f["tunnel_type"], f["tunnel_id"], f["tunnel_src_ip"], f["tunnel_dst_ip"]), (how.strip(), ident, A, B), how)
        same(f["fwd_bytes"], len(carried(how)), how)


def test_D5_keep_tunnels(m):
    for how, (number, _, _) in TUNNELS.items():
        f = one(m, carried(how), "--keep-tunnels")
        same((f["src_ip"], f["protocol"], f["tunnel_type"]), (A, 17 if number > 255 else number, None), how)


def test_D5_below_ip(m):
    for frame, kind, ident in ((eth(MPLS + INNER, 0x8847), "mpls", 1000), (eth(MPLS + b"\0" * 4 + ETH, 0x8847), "mpls", 1000),
                               (eth(MPLS + ETH, 0x8847), "mpls", 1000),
                               (eth(b"\x11\0\0\x2a" + struct.pack("!H", len(INNER) + 2) + b"\0\x21" + INNER, 0x8864), "pppoe", 42)):
        f = one(m, frame)
        same((f["src_port"], f["tunnel_type"], f["tunnel_id"], f["tunnel_src_ip"]), (1111, kind, ident, None))


def test_D5_ids_keep_flows_apart(m):
    def vxlan(vni, t):
        return t, eth(ip4(A, B, 17, udp(40000 + vni, 4789, struct.pack("!II", 0x08000000, vni << 8) + ETH)))
    f = m.flows([vxlan(1, T0), vxlan(2, T0 + 1), vxlan(1, T0 + 2)])
    same(sorted((r["tunnel_id"], r["packet_count"]) for r in f), [(1, 2), (2, 1)])
    up = eth(ip4(A, B, 17, udp(2152, 2152, struct.pack("!BBHI", 0x30, 255, len(INNER), 11) + INNER)))
    back = ip4("192.168.1.2", "192.168.1.1", 17, udp(2222, 1111))
    down = eth(ip4(B, A, 17, udp(2152, 2152, struct.pack("!BBHI", 0x30, 255, len(back), 22) + back)))
    f = m.flows([(T0, up), (T0 + 1, down)])  # GTP has an id for each direction
    same([(r["tunnel_id"], r["tunnel_rev_id"], r["tunnel_src_ip"], r["fwd_packets"], r["rev_packets"]) for r in f],
         [(11, 22, A, 1, 1)])


def test_D5_nesting_is_bounded(m):
    packet = INNER
    for _ in range(20):
        packet = ip4(A, B, 4, packet)
    f = one(m, eth(packet))
    same((f["protocol"], f["tunnel_depth"]), (4, 8))


def test_D5_ordinary_traffic_on_these_ports(m):
    for port in (1701, 2152, 3544, 4789, 4790, 5072, 6081, 6635):
        for body in (b"", b"GET / HTTP/1.1\r\n\r\n" * 4, b"\xff" * 80, b"\0" * 80, b"E" * 60):
            f = one(m, eth(ip4(A, B, 17, udp(40000, port, body))))
            same((f["dst_port"], f["tunnel_type"]), (port, None), (port, body))
    arp = eth(b"\0" * 28, 0x0806)
    f = one(m, eth(ip4(A, B, 17, udp(40000, 4789, struct.pack("!II", 0x08000000, 256) + arp))))
    same(f["dst_port"], 4789, "what is not IP stays the carrier's")


def test_D5_segment_routing_and_roce(m):
    srh = ext(43, b"\4\0" + b"\0" * 20, (41, INNER6))
    f = one(m, eth(ip6(A6, B6, *srh)))
    same((f["src_port"], f["tunnel_type"], f["tunnel_src_ip"]), (1111, "6in6", A6))
    bth = struct.pack("!BBHII", 0x0a, 0x40, 0xffff, 0x00abcdef, 1)
    f = one(m, eth(ip4(A, B, 17, udp(50000, 4791, bth + b"\0" * 20), tos=3)))
    same((f["roce_opcode"], f["roce_dest_qp"], f["fwd_ecn_ce_packets"]), (10, 0xabcdef, 1))


def carriers(six=False):
    """A packet of every kind of tunnel, large enough to be cut in three."""
    inner = ip4("192.168.1.1", "192.168.1.2", 6, tcp(1111, 2222, SYN, 1, body=b"x" * 900))
    inner6 = ip6("2001:0:1::1", "fd00::2", 6, tcp(1111, 2222, SYN, 1, body=b"x" * 900))
    frame, out = eth(inner), {}
    for how, (number, body, ident) in TUNNELS.items():
        for small, large in ((ETH, frame), (INNER, inner), (INNER6, inner6)):
            if small in body:
                body = body.replace(small, large)
                break
        else:  # Teredo
            body = body[:body.index(b"\x60\0\0\0")] + inner6
        if how.startswith("gtpu"):
            body = body[:2] + struct.pack("!H", len(body) - 8) + body[4:]
        if how == "l2tp ":
            body = body[:2] + struct.pack("!H", len(body)) + body[4:]
        if how == "pptp":
            body = body[:4] + struct.pack("!H", len(body) - 12) + body[6:]
        number, body = (number, body) if number < 256 else (17, udp(40000, number, body))
        out[how] = (ip6(A6, B6, number, body) if six else ip4(A, B, number, body)), ident
    return out


def test_D15_outer_fragments_of_every_tunnel(m):
    for six in (False, True):
        for how, (packet, ident) in carriers(six).items():
            whole = m.flows([(T0 + 2 * MS, eth(packet))])[0]
            same((whole["src_port"], whole["fwd_payload_bytes"]), (1111, 900), how)
            cut = pieces(packet, 304, 608)
            size = sum(map(len, cut))
            for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2)):
                packets = [(T0 + i * MS, cut[k]) for i, k in enumerate(order)]
                f, account = every_road(m, packets) if order[0] == 2 else (m.flows(packets), None)
                same((len(f), f[0]["byte_count"], f[0]["fwd_fragments"]), (1, size, 0), (how, order))
                same({k for k in whole if whole[k] != f[0][k]}, {"byte_count", "fwd_bytes", "fwd_bytes_delta"}, (how, order))
                assert account is None or account == (3, 1, 2, 0, 0, 0), account
            f, account = every_road(m, [(T0 + i * MS, frame) for i, frame in enumerate(cut)], "--keep-tunnels")
            same((f[0]["packet_count"], f[0]["tunnel_type"], account[2:]), (3, None, (0, 0, 0, 0)), how)


def gtp(body, sport=2152):
    return ip4(A, B, 17, udp(sport, 2152, struct.pack("!BBHI", 0x30, 255, len(body), 11) + body))


def test_D15_copies_and_overlaps_of_outer_fragments(m):
    inner = ip4("192.168.1.1", "192.168.1.2", 6, tcp(1111, 2222, ACK, 1, body=bytes(range(256)) * 6))
    packet = gtp(inner)
    a, b, c = pieces(packet, 520, 1040)
    over = eth(ip4(A, B, 17, packet[20 + 400:20 + 800], ident=77, frag=400, more=True))
    other = eth(ip4(A, B, 17, b"?" * 400, ident=77, frag=400, more=True))
    for frames, copies in (((a, a, b, c), 1), ((a, b, c, c), 1), ((c, b, b, a, a), 2), ((a, b, c, a, b, c), 3), ((b, b, a, c, b), 2)):
        f, account = every_road(m, [(T0 + i * MS, frame) for i, frame in enumerate(frames)])
        same([(r["src_port"], r["packet_count"], r["byte_count"]) for r in f], [(1111, 1, len(a + b + c))], len(frames))
        same(account, (len(frames), 1, len(frames) - 1, 0, copies, 0))
    f, account = every_road(m, [(T0 + i * MS, frame) for i, frame in enumerate((a, over, b, c))])
    same([(r["src_port"], r["packet_count"], r["byte_count"]) for r in f], [(1111, 1, len(a + over + b + c))])
    # what contradicts itself is not put together: it is the carrier's, and counted
    f, account = every_road(m, [(T0 + i * MS, frame) for i, frame in enumerate((a, other, b, c))])
    same([(r["src_port"], r["packet_count"]) for r in f], [(2152, 4)])
    same((account[2], account[5]), (0, 2))


def test_D15_what_cannot_be_put_together(m):
    inner = ip4("192.168.1.1", "192.168.1.2", 6, tcp(1111, 2222, ACK, 1, body=b"x" * 1400))
    def plain(t):
        return t, eth(ip4(A, C, 17, udp(9, 9)))
    a, b = pieces(gtp(inner), 1200)
    # a lost fragment, in the middle of the capture and at its end; only what a port filter lets through
    for after in ([], [plain(T0 + 2 * S), plain(T0 + 3 * S)], [plain(T0 + 3600 * S)], [plain(T0 - 3600 * S)]):
        f, account = every_road(m, [(T0, a), plain(T0 + MS)] + after)
        mine = [r for r in f if r["dst_port"] == 2152]
        same([(r["packet_count"], r["fwd_fragments"], r["first_seen"]) for r in mine], [(1, 1, T0 / S)], after)
        same(account[2:], (0, 0, 0, 1))
    f, account = every_road(m, [(T0, b), plain(T0 + MS)])
    same((len(f), account[2:]), (1, (0, 1, 0, 0)))
    # 2 s between two of them, and not more
    for gap, packets in ((2 * S, 1), (2 * S + 1, 2)):
        f, _ = every_road(m, [(T0, a), (T0 + gap, b)])
        same([(r["src_port"], r["packet_count"]) for r in f], [(1111, 1)] if packets == 1 else [(2152, 2)])
    # the flow of a carrier is one flow although its lost ones come out 2 s later
    train = [(T0 + i * 29 * S, pieces(gtp(inner), 1200, ident=i)[0]) for i in range(20)]
    f, account = every_road(m, train)
    same([(r["packet_count"], r["duration_us"]) for r in f if r["is_final"]], [(20, 19 * 29 * 10 ** 6)])
    # ordinary traffic on these ports is what it is
    f, account = every_road(m, [(T0 + i, x) for i, x in enumerate(pieces(ip4(A, B, 17, udp(40000, 4789, b"?" * 2000)), 1000))])
    same(([(r["dst_port"], r["packet_count"]) for r in f], account[2:]), ([(4789, 2)], (0, 0, 0, 0)))


def test_D15_snapped_outer_fragments(m):
    inner = ip4("192.168.1.1", "192.168.1.2", 6, tcp(1111, 2222, PSH | ACK, 7, 9, b"x" * 2400))
    cut = pieces(gtp(inner), 1400, 2000)
    want = m.flows([(T0 + 2, eth(gtp(inner)))])[0]
    for snap in (96, 200, 1000):
        for order in ((0, 1, 2), (2, 0, 1)):
            f, account = every_road(m, pcap([(T0 + i, cut[k]) for i, k in enumerate(order)], snap=snap))
            same([f[0][k] for k in ("src_port", "packet_count", "byte_count", "fwd_ip_bytes", "fwd_payload_bytes", "fwd_tcp_flags")],
                 [1111, 1, sum(map(len, cut)), want["fwd_ip_bytes"], 2400, PSH | ACK], (snap, order))
            same((f[0]["truncated"], account[2:]), (True, (2, 0, 0, 0)))


def test_D15_nested(m):
    """A tunnel in a tunnel, both in fragments; and inner fragments of no tunnel."""
    inner = ip4("192.168.1.1", "192.168.1.2", 17, udp(1111, 2222, b"x" * 3000))
    middle = ip4("172.16.0.1", "172.16.0.2", 47, gre(0, 0x0800, inner))
    frames = []
    for i, part in enumerate(pieces(middle, 1600)):
        frames += pieces(gtp(part[14:]), 800, ident=i)
    f, account = every_road(m, [(T0 + i, frame) for i, frame in enumerate(frames)])
    same([(r["src_port"], r["packet_count"], r["byte_count"], r["tunnel_type"], r["tunnel_depth"]) for r in f],
         [(1111, 1, sum(map(len, frames)), "gre", 2)])
    same(account[:3], (4, 1, 3))
    frames = []
    for i, part in enumerate(pieces(ip4(A, B, 17, udp(1111, 2222, b"x" * 3000)), 1600)[::-1]):
        frames += pieces(gtp(part[14:]), 800, ident=i)
    f, account = every_road(m, [(T0 + i, frame) for i, frame in enumerate(frames)])
    same([(r["src_port"], r["packet_count"], r["fwd_fragments"], r["tunnel_type"]) for r in f], [(1111, 2, 2, "gtpu")])


def test_D15_many_at_a_time(m):
    """Thousands under way in turn: all within the table's bound are put together, the others are counted."""
    inner = ip4("192.168.1.1", "192.168.1.2", 6, tcp(1111, 2222, ACK, 1, body=b"x" * 1000))
    def train(n, under_way):
        cut = [pieces(gtp(inner), 800, ident=i) for i in range(n)]
        order = [(i, 0) for i in range(under_way)]
        order += [x for i in range(n) for x in ([(i, 1)] + [(i + under_way, 0)] * (i + under_way < n))]
        return [(T0 + k * 1000, cut[i][j]) for k, (i, j) in enumerate(order)]
    f, account = every_road(m, train(6000, 500))
    same([(r["src_port"], r["packet_count"]) for r in f], [(1111, 6000)])
    same(account, (12000, 6000, 6000, 0, 0, 0))
    f, account = every_road(m, train(6000, 3000))
    same(sum(account[1:4]), 12000)
    assert account[5] >= 1000 and account[2] >= 1000, account


def test_D15_names_in_outer_fragments(m):
    hello = b"GET / HTTP/1.1\r\nHost: in.fragments.example\r\nX: " + b"x" * 1000 + b"\r\n\r\n"
    conn = Conn(dport=80).open().send(0, ACK | PSH, hello).close()
    for size in (104, 400, 800):
        packets = []
        for i, (t, frame) in enumerate(conn.frames):
            packets += [(t + k, x) for k, x in enumerate(pieces(gtp(frame[14:]), *range(size, len(gtp(frame[14:])) - 20, size), ident=i))]
        f, account = every_road(m, packets, "--app")
        same([(r["src_port"], r["packet_count"], r["http_host"]) for r in f], [(1000, len(conn.frames), "in.fragments.example")])


def test_D6_lengths_that_cannot_be(m):
    bad = {
        "ipv4_header_length": eth(b"\x44" + UDP4[1:]), "ipv4_total_length": eth(ip4(A, B, 17, udp(1, 2), total=2000)),
        "tcp_data_offset": eth(ip4(A, B, 6, tcp(1, 2, ACK)[:12] + b"\x40" + tcp(1, 2, ACK)[13:])),
        "udp_length": eth(ip4(A, B, 17, struct.pack("!HHHH", 1, 2, 900, 0))),
        "ipv6_payload_length": eth(ip6(A6, B6, 17, udp(1, 2), length=900)),
        "ip_version": eth(b"\x55" + UDP4[1:], 0x0800),
    }
    for reason, frame in bad.items():
        s = m.stats([(T0, frame)])
        same((s["malformed"], s["malformed_by_reason"][reason]), (1, 1), reason)


def test_D7_padding_and_trailers(m):
    for tail in (b"", b"\0" * 17, b"\xde\xad\xbe\xef", b"\1\2\3\4" + b"\0" * 20, b"x" * 500):
        f = one(m, eth(UDP4) + tail)
        same((f["fwd_ip_bytes"], f["fwd_payload_bytes"]), (29, 1))
    snap = b"\2" * 12 + struct.pack("!H", 8 + 29) + b"\xaa\xaa\3\0\0\0\x08\0" + UDP4
    same(one(m, snap + b"\0" * 9)["fwd_ip_bytes"], 29)
    same(one(m, eth(ip4(A, B, 17, udp(1, 2, b"j" * 8900))))["fwd_ip_bytes"], 8928)
    same(m.stats([(T0, eth(UDP4)[:13])])["malformed_by_reason"]["link_truncated"], 1)


if __name__ == "__main__":
    main(globals())
