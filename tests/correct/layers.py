#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Items D8 to D11: headers between Ethernet and IP, tunnels on other ports, ICMP, what is not IP."""
from decoding import INNER, INNER6, one
from packets import *
from run import main, same

MACS = b"\2\0\0\0\0\2\2\0\0\0\0\1"
ARP = b"\0\1\x08\0\6\4\0\1" + b"\0" * 20
UP, BACK = ip4(A, B, 17, udp(5, 6, b"x")), ip4(B, A, 17, udp(6, 5, b"x"))
UP6 = ip6(A6, B6, 17, udp(5, 6, b"x"))
VLAN = (0x8100, struct.pack("!H", 7))

# (EtherType, what stands between it and the next type)
TAGS = {
    "vntag": (0x8926, b"\x80\1\0\2"), "etag": (0x893f, b"\0\1\0\2\0\0"), "rtag": (0xf1c1, b"\0\0\0\1"),
    "hsr": (0x892f, b"\x10\x40\0\1"), "metadata": (0x8909, b"\1\1\0\1\0\x64"), "metadata, two": (0x8909, b"\1\2\0\1\0\x64\0\1\0\x65"),
    "macsec": (0x88e5, b"\0\0\0\0\0\1"), "macsec with SCI": (0x88e5, b"\x20\0\0\0\0\1SSSSSSSS"), "macsec, end station": (0x88e5, b"\x43\0\0\0\0\1"),
    "arista, 64 bits": (0xd28b, b"\0\1\0\x10" + b"T" * 8), "arista, 48 bits": (0xd28b, b"\0\1\0\x20" + b"T" * 6),
    "arista, UTC": (0xd28b, b"\0\1\1\x11" + b"T" * 8),
    "fabricpath": (0x8903, b"\0\x60" + MACS), "trill": (0x22f3, b"\0\5\0\1\0\2" + MACS), "trill with options": (0x22f3, b"\0\x45\0\1\0\2opts" + MACS),
    "edsa": (0xdada, b"\0\0\xc0\0\0\0"), "brcm, legacy": (0x8874, b"\x60\0\0\1"), "pbb": (0x88e7, b"\0\1\2\3" + MACS),
    "nsh with ethernet": (0x894f, b"\x0f\xc6\1\3\0\0\1\xff" + b"\0" * 16 + MACS),
    "nsh, kind 2": (0x894f, b"\x0f\xc2\2\3\0\0\1\xff" + MACS),
}


def tagged(tags, packet, kind=None):
    """tags: (EtherType, bytes), outermost first."""
    kind = kind if kind is not None else 0x86dd if packet[0] >> 4 == 6 else 0x0800
    return MACS + b"".join(struct.pack("!H", t) + between for t, between in tags) + struct.pack("!H", kind) + packet


def nsh(next_protocol, packet, kind=1):
    return struct.pack("!BBBBI", 0x0f, 0xc6 if kind == 1 else 0xc2, kind, next_protocol, 0x1ff) + b"\0" * (16 if kind == 1 else 0) + packet


def check(m, frame, what, src=A, vlan=None, **how):
    f = one(m, frame, **how)
    same((f["src_ip"], f["src_port"], f["fwd_payload_bytes"], f["vlan_id"], f["fwd_bytes"]), (src, 5, 1, vlan, len(frame)), what)
    return f


def test_D8_tags_below_ip(m):
    for name, tag in TAGS.items():
        for tail in (b"", b"\0" * 20, b"I" * 16):
            check(m, tagged([tag], UP) + tail, name)
        check(m, tagged([tag], UP6), name, A6)
        check(m, tagged([tag, VLAN], UP), name, vlan=7)
        check(m, tagged([VLAN, tag, (0x8100, b"\0\x09")], UP), name, vlan=9)
        check(m, tagged([VLAN, tag], UP), name, vlan=None if name == "pbb" else 7)
        same(one(m, tagged([tag], struct.pack("!I", 1000 << 12 | 0x140) + UP, 0x8847))["tunnel_id"], 1000, name)
        llc = b"\xaa\xaa\3\0\0\0\x08\0" + UP
        check(m, tagged([tag], llc, len(llc)), name)


def test_D8_tags_in_what_carries_them(m):
    for name, tag in TAGS.items():
        label = struct.pack("!I", 1000 << 12 | 0x140)
        same(one(m, eth(label + b"\0" * 4 + tagged([tag], INNER), 0x8847))["src_port"], 1111, name + " in a pseudowire")
        vxlan = struct.pack("!II", 0x08000000, 77 << 8) + tagged([tag], INNER)
        f = one(m, eth(ip4(A, B, 17, udp(40000, 4789, vxlan))))
        same((f["src_port"], f["tunnel_depth"]), (1111, 2 if name == "pbb" else 1), name + " in vxlan")
        cooked = b"\0\0\0\1\0\6" + b"\2" * 8 + tagged([tag], UP)[12:]
        check(m, cooked, name + " in SLL", linktype=113)
        for other in TAGS.values():
            check(m, tagged([tag, other], UP), (name, other))


def test_D8_pseudowires_to_any_address(m):
    """Without a control word the frame begins with an address, which may look like the first byte of IP."""
    label = struct.pack("!I", 1000 << 12 | 0x140)
    for first in range(0, 256, 2):
        for rest in (b"\1\2\3\0\5", b"\1\2\3\0\0", b"\1\0\1\0\1"):
            for inner, src in ((UP, A), (UP6, A6), (UP + b"\0" * 18, A)):
                frame = bytes([first]) + rest + tagged([], inner)[6:]
                same(one(m, eth(label + frame, 0x8847))["src_ip"], src, "%02x" % first)
        for tail in (b"", b"\0" * 10):
            odd = "2001:db8:86dd:%x00::1" % (0x60 + first % 16)
            same(one(m, eth(label + ip6(odd, B6, 17, udp(5, 6, b"x" * 60)) + tail, 0x8847))["src_ip"], str(ipaddress.ip_address(odd)))


def test_D8_nsh(m):
    for kind in (1, 2):
        check(m, tagged([], nsh(1, UP, kind), 0x894f), "IPv4")
        check(m, tagged([], nsh(2, UP6, kind), 0x894f), "IPv6", A6)
        check(m, tagged([], nsh(4, nsh(1, UP), kind), 0x894f), "NSH")
        same(one(m, tagged([], nsh(5, struct.pack("!I", 17 << 12 | 0x140) + UP, kind), 0x894f))["tunnel_id"], 17)
    carriers = {"vxlan": udp(40000, 4790, struct.pack("!II", 0x0c000004, 77 << 8) + nsh(1, INNER)),
                "geneve": udp(40000, 6081, struct.pack("!BBHI", 0, 0, 0x894f, 77 << 8) + nsh(3, eth(INNER)))}
    for kind, datagram in carriers.items():
        f = one(m, eth(ip4(A, B, 17, datagram)))
        same((f["src_port"], f["tunnel_type"], f["tunnel_id"]), (1111, kind, 77))
    same(one(m, eth(ip4(A, B, 47, struct.pack("!HH", 0, 0x894f) + nsh(1, INNER))))["src_port"], 1111)


def test_D8_macsec_that_is_encrypted_is_said(m):
    for tci in (0x08, 0x0c, 0x04, 0x2c):
        s = m.stats([(T0, tagged([(0x88e5, bytes([tci]) + b"\0\0\0\0\1")], UP))])
        same((s["decoded"], s["ignored_by_reason"]["encrypted"], s["ignored_by_reason"]["not_ip"]), (0, 1, 0), tci)


def test_D8_tags_are_bounded(m):
    for name, tag in TAGS.items():
        if name == "pbb":
            continue  # a tunnel, of which eight are opened too
        check(m, tagged([tag] * 8, UP), name)
        s = m.stats([(T0, tagged([tag] * 9, UP)), (T0, tagged([tag] * 4000, UP)), (T0, tagged([tag] * 8, ARP, 0x0806))])
        same((s["malformed_by_reason"]["tag_depth"], s["ignored_by_reason"]["not_ip"]), (2, 1), name)
    for n in range(1, 60):
        m.stats([(T0, tagged([tag], UP)[:n + 12], len(tagged([tag], UP))) for tag in TAGS.values()])


def test_D8_versions_that_are_not_known(m):
    for tag in ((0x88e5, b"\x80\0\0\0\0\1"), (0x8909, b"\2\1\0\1\0\x64"), (0x894f, b"\x4f\xc6\1\3" + b"\0" * 20 + MACS),
                (0xd28b, b"\0\2\0\x10" + b"T" * 8), (0xd28b, b"\0\1\0\x30" + b"T" * 8), (0x22f3, b"\x40\5\0\1\0\2" + MACS)):
        s = m.stats([(T0, tagged([tag], UP))])
        same(s["not_ip_by_ethertype"], {"0x%04x" % tag[0]: 1, "other": 0}, tag)


def test_D8_prp_trailer(m):
    check(m, pad(tagged([], UP)) + b"\0\1\xa0\x34\x88\xfb", "PRP")
    check(m, tagged([VLAN], UP) + b"\0\1\xa0\x34\x88\xfb", "PRP", vlan=7)


def test_D8_one_way_tags_make_one_flow(m):
    for name, tag in TAGS.items():
        if name != "pbb":
            f = m.flows([(T0, tagged([tag], UP)), (T0 + MS, tagged([], BACK))])
            same([(r["fwd_packets"], r["rev_packets"]) for r in f], [(1, 1)], name)


def test_D8_pbb_keeps_customers_apart(m):
    def frame(i_sid, packet, vid):
        return tagged([(0x88a8, struct.pack("!H", vid)), (0x88e7, struct.pack("!I", 0x20 << 24 | i_sid) + MACS)], packet)
    f = m.flows([(T0, frame(77, UP, 5)), (T0 + 1, frame(78, UP, 5)), (T0 + 2, frame(77, BACK, 6))])
    same(sorted((r["tunnel_type"], r["tunnel_id"], r["fwd_packets"], r["rev_packets"], r["vlan_id"]) for r in f),
         [("pbb", 77, 1, 1, None), ("pbb", 78, 1, 0, None)])


def test_D8_dsa_and_slip(m):
    kind = b"\x08\0"
    for vid, dsa in ((None, b"\x40\1\0\0"), (9, b"\xe0\1\0\x09"), (None, b"\xc0\1\0\x09")):
        check(m, MACS + dsa + kind + UP, "DSA", vlan=vid, linktype=284)
        check(m, MACS + b"\xda\xda\0\0" + dsa + kind + UP, "EDSA", vlan=vid, linktype=285)
        check(m, MACS + b"\xda\xda\0\0" + dsa + kind + UP, "EDSA", vlan=vid)
    check(m, MACS + b"\0\0\0\1" + kind + UP, "BRCM", linktype=281)
    check(m, b"\0\0\0\1" + MACS + kind + UP, "BRCM, before the addresses", linktype=282)
    check(m, MACS + b"\0\0\0\1" + VLAN[0].to_bytes(2, "big") + VLAN[1] + kind + UP, "BRCM", vlan=7, linktype=281)
    for head in (b"\0\x45" + b"\0" * 14, b"\1\x45" + b"\0" * 14, b""):
        check(m, head + UP, "SLIP", linktype=8)
        check(m, head + UP6, "SLIP", A6, linktype=8)
    for link in (8, 281, 282, 284, 285):
        s = m.stats([(T0, (MACS + b"\xda\xda\0\0" + b"\x40\1\0\0" + kind + UP)[:n]) for n in range(1, 20)], linktype=link)
        same(s["decoded"], 0)


CAPWAP = b"\0\x10\2\0\0\0\0\0"  # 8 bytes of header, radio 0, binding 802.11
WLAN = b"\x08\1\0\0" + b"\2" * 18 + b"\x10\0" + b"\xaa\xaa\3\0\0\0\x08\0"
OTHER = {
    "vxlan": struct.pack("!II", 0x08000000, 77 << 8) + eth(INNER), "vxlan-gpe": struct.pack("!II", 0x0c000001, 7 << 8) + INNER,
    "geneve": struct.pack("!BBHI", 0, 0, 0x6558, 77 << 8) + eth(INNER), "gtpu": struct.pack("!BBHI", 0x30, 255, len(INNER), 9) + INNER,
    "gue": b"\1\4\0\0\0\0\0\0" + INNER, "fou": INNER, "gre": struct.pack("!HH", 0, 0x0800) + INNER,
    "mpls": struct.pack("!I", 1000 << 12 | 0x140) + INNER, "l2tp": struct.pack("!HHH", 2, 8, 44) + b"\xff\3\0\x21" + INNER,
    "teredo": ip6("2001:0:1::1", "fd00::2", 6, tcp(1111, 2222, SYN, 1)),
    "ayiya": b"\x42\x52\x11\x29" + b"\0" * 40 + INNER6, "capwap": CAPWAP + eth(INNER),
    "lisp": b"\x88\0\0\1\0\0\x4d\1" + INNER, "tzsp": b"\1\0\0\1\1" + eth(INNER),
}
TYPES = {"vxlan-gpe": "vxlan"}


def carried(port, body, src=A, dst=B, sport=40000):
    return eth(ip(src, dst, 17, udp(sport, port, body)))


def test_D9_tunnels_on_other_ports(m):
    for how, body in OTHER.items():
        for src, dst in ((A, B), (A6, B6)):
            frame = carried(12345, body, src, dst)
            same(one(m, frame)["dst_port"], 12345, how + " on a port that nobody named")
            f = one(m, frame, "--tunnel-port", how + "=12345")
            same((f["src_port"], f["tunnel_type"], f["tunnel_src_ip"]), (1111, TYPES.get(how, how), src), how)
            f = one(m, frame, "--tunnel-port", how + "=12345", "--keep-tunnels")
            same((f["dst_port"], f["tunnel_type"]), (12345, None), how)
    both = [(T0, carried(8472, OTHER["vxlan"])), (T0 + 1, carried(4789, OTHER["vxlan"])), (T0 + 2, carried(9999, OTHER["geneve"])),
            (T0 + 3, carried(1, OTHER["gue"])), (T0 + 4, carried(65535, OTHER["gre"]))]
    f = m.flows(both, "--tunnel-port", "vxlan=8472,geneve=9999", "--tunnel-port", "gue=1,gre=65535")
    same(sorted((r["tunnel_type"], r["packet_count"]) for r in f), [("geneve", 1), ("gue", 2), ("vxlan", 2)],
         "without an id in the key, one flow; the first packet says in what")
    f = one(m, carried(4789, OTHER["geneve"]), "--tunnel-port", "geneve=4789")
    same(f["tunnel_type"], "geneve", "the user's word counts before IANA's")


def test_D9_ports_from_the_configuration_file(m):
    path = os.path.join(m.folder.name, "ports.yaml")
    for text in ("tunnel-port: vxlan=8472,fou=5555\n", "tunnel-port:\n  - vxlan=8472\n  - fou=5555\n"):
        with open(path, "w") as f:
            f.write(text)
        for port, how in ((8472, "vxlan"), (5555, "fou")):
            same(one(m, carried(port, OTHER[how]), "-c", path)["tunnel_type"], how)


def test_D9_ordinary_traffic_on_named_ports(m):
    ports = ",".join("%s=%d" % (how, 20000 + i) for i, how in enumerate(OTHER))
    for i, how in enumerate(OTHER):
        for body in (b"", b"GET / HTTP/1.1\r\n\r\n" * 4, b"\xff" * 80, b"\0" * 80, b"E" * 60, b"\x60" * 60, bytes(range(256))):
            for frame in (carried(20000 + i, body), carried(40000, body, sport=20000 + i)):
                f = one(m, frame, "--tunnel-port", ports)
                same((f["src_ip"], f["tunnel_type"]), (A, None), (how, body))


def test_D9_mistakes_are_named(m):
    def refused(value, *words):
        r = subprocess.run([m.program, "read", "--tunnel-port", value, "/dev/null"], capture_output=True, text=True, timeout=60)
        assert r.returncode == 2 and all(w in r.stderr for w in ("tunnel-port",) + words), (value, r.stderr)
    refused("vxlna=8472", "did you mean vxlan?")
    refused("gtp-u=2153", "did you mean gtpu?")
    refused("ipsec=4500", "geneve", "capwap", "lisp", "tzsp")
    refused("vxlan", "TYPE=PORT")
    refused("8472", "TYPE=PORT")
    refused("", "TYPE=PORT")
    for port in ("0", "65536", "-1", "x", "", "8472 ", "99999999999999999999"):
        refused("vxlan=" + port, "1 to 65535")
    refused("vxlan=8472,geneve=8472", "8472", "vxlan")
    refused(",".join("vxlan=%d" % p for p in range(1000, 1100)), "64")


def test_D9_gue_fou_and_gre_in_udp(m):
    six = struct.pack("!HH", 0, 0x86dd) + INNER6
    cases = [(6080, b"\0\4\0\0" + INNER, "gue", 1), (6080, b"\0\x29\0\0" + INNER6, "gue", 1), (6080, INNER, "gue", 1), (6080, INNER6, "gue", 1),
             (6080, b"\0\x2f\0\0" + six, "gre", 2), (4754, six, "gre", 1),
             (4754, struct.pack("!HHI", 0x2000, 0x6558, 5) + eth(INNER), "gre", 1),
             (5555, INNER6, "fou", 1), (5555, six, "gre", 1)]
    for port, body, kind, depth in cases:
        f = one(m, carried(port, body), "--tunnel-port", "fou=5555")
        same((f["src_port"], f["tunnel_type"], f["tunnel_depth"]), (1111, kind, depth), (port, body.hex()))
    for body in (b"\x20\4\0\0" + INNER, b"\x80\4\0\0" + INNER, b"\0\x11\0\0" + udp(1, 2), b"\0\x3b\0\0"):  # control, version 2, no IP in it
        same(one(m, carried(6080, body))["tunnel_type"], None, body.hex())


def test_D9_capwap(m):
    radio = b"\0\x20\2\x10\0\0\0\0" + b"\6\2\2\2\2\2\2\0"  # M, and the address of the radio
    cases = [CAPWAP + eth(INNER), radio + eth(INNER), CAPWAP[:2] + b"\3\0\0\0\0\0" + WLAN + INNER,
             CAPWAP[:2] + b"\3\0\0\0\0\0" + WLAN[1::-1] + WLAN[2:] + INNER,  # some controllers turn the frame control round
             CAPWAP[:2] + b"\3\0\0\0\0\0" + b"\x88\1\0\0" + b"\2" * 18 + b"\x10\0\0\0" + WLAN[24:] + INNER]
    for body in cases:
        for frame in (carried(5247, body), carried(40000, body, sport=5247)):
            f = one(m, frame)
            same((f["src_port"], f["tunnel_type"], f["tunnel_src_ip"]), (1111, "capwap", A), body.hex())
    closed = [b"\1" + CAPWAP[1:] + eth(INNER), CAPWAP[:3] + b"\x80" + CAPWAP[4:] + eth(INNER), CAPWAP[:3] + b"\x08" + CAPWAP[4:] + eth(INNER),
              CAPWAP[:2] + b"\3\0\0\0\0\0" + b"\x08\x41" + WLAN[2:] + INNER]  # DTLS, fragment, keep-alive, encrypted
    for body in closed:
        f = one(m, carried(5247, body))
        same((f["dst_port"], f["tunnel_type"]), (5247, None), body.hex())


def test_D9_capwap_over_udp_lite(m):
    """What access points speak over IPv6 unless they are told otherwise (RFC 5415)."""
    for src, dst in ((A6, B6), (A, B)):
        for ports in ((40000, 5247), (5247, 40000)):
            lite = struct.pack("!HHHH", *ports, 8, 0) + CAPWAP + eth(INNER)
            f = one(m, eth(ip(src, dst, 136, lite)))
            same((f["src_port"], f["tunnel_type"], f["tunnel_src_ip"]), (1111, "capwap", src), ports)
            same(one(m, eth(ip(src, dst, 136, lite)), "--keep-tunnels")["src_port"], ports[0])
    whole = struct.pack("!HHHH", 40000, 5247, 8, 0) + CAPWAP + eth(ip4(A, B, 17, udp(1111, 5, b"x" * 1000)))
    parts = [eth(ip4(A, B, 136, whole[:800], ident=7, more=True)), eth(ip4(A, B, 136, whole[800:], ident=7, frag=800))]
    for order in ((0, 1), (1, 0)):
        f = m.flows([(T0 + i, parts[k]) for i, k in enumerate(order)])
        same([(r["src_port"], r["packet_count"], r["byte_count"]) for r in f], [(1111, 1, sum(map(len, parts)))], order)
    f = one(m, eth(ip4(A, B, 136, struct.pack("!HHHH", 40000, 5247, 8, 0) + b"ordinary traffic" * 9)))
    same((f["dst_port"], f["tunnel_type"], f["fwd_payload_bytes"]), (5247, None, 144))


def test_D9_mpls_over_ip_is_one_tunnel(m):
    label = struct.pack("!I", 1000 << 12 | 0x140)
    for src, dst in ((A, B), (A6, B6)):
        for proto, body in ((137, label + INNER), (17, udp(40000, 6635, label + INNER)), (137, label + b"\0" * 4 + eth(INNER))):
            f = one(m, eth(ip(src, dst, proto, body)))
            same((f["src_port"], f["tunnel_type"], f["tunnel_id"], f["tunnel_depth"], f["tunnel_src_ip"], f["tunnel_dst_ip"]),
                 (1111, "mpls", 1000, 1, src, dst), proto)
        f = one(m, eth(ip(src, dst, 47, struct.pack("!HH", 0, 0x8847) + label + INNER)))
        same((f["tunnel_type"], f["tunnel_depth"], f["tunnel_src_ip"]), ("mpls", 2, src), "GRE and MPLS are two")


def test_D9_gre_bits_that_are_to_be_ignored(m):
    """RFC 2784: bits 6 to 12; bits 4 and 5 close it, as does what a version 1 without PPP is."""
    for bit in range(16):
        for proto, head in ((47, b""), (17, udp(40000, 4754, b"")[:4] + struct.pack("!HH", 8 + 4 + len(INNER), 0))):
            f = one(m, eth(ip4(A, B, proto, head + struct.pack("!HH", 0x8000 >> bit, 0x0800) + INNER)))
            same(f["tunnel_type"], "gre" if 6 <= bit <= 12 else None, bit)


def test_D9_reserved_bits_of_vxlan_and_geneve(m):
    """To be ignored (RFC 7348 §5, RFC 8926 §3.4), where what is inside leaves no doubt."""
    def bit(i):
        return (1 << 63 >> i).to_bytes(8, "big")
    heads = {4789: (b"\x08" + b"\0" * 5 + b"\x4d\0", [i for i in range(32) if i != 4] + list(range(56, 64))),
             4790: (b"\x0c\0\0\3" + b"\0\0\x4d\0", list(range(56, 64))), 6081: (b"\0\0\x65\x58" + b"\0\0\x4d\0", list(range(10, 16)) + list(range(56, 64)))}
    for port, (head, free) in heads.items():
        for i in free:
            odd = bytes(a ^ b for a, b in zip(head, bit(i)))
            for inner, ports in ((INNER, 1111), (INNER6, 1111)):
                f = one(m, carried(port, odd + eth(inner)))
                same((f["src_port"], f["tunnel_id"], f["tunnel_src_ip"]), (ports, 77, A), (port, i))
        doubtful = bytearray(eth(INNER))
        doubtful[24] ^= 1  # the checksum
        for i in free[-4:]:
            odd = bytes(a ^ b for a, b in zip(head, bit(i)))
            same(one(m, carried(port, odd + bytes(doubtful)))["dst_port"], port, (port, i))
    for port, i in ((4789, 4), (4790, 2), (4790, 4), (6081, 0), (6081, 8)):  # no VNI, a version, a control message
        odd = bytes(a ^ b for a, b in zip(heads[port][0], bit(i)))
        same(one(m, carried(port, odd + eth(INNER)))["dst_port"], port, (port, i))


def test_D9_lisp(m):
    def head(flags, nonce=1, word=0x4d01):
        return struct.pack("!BBHI", flags, 0, nonce, word)
    for src, dst in ((A, B), (A6, B6)):
        for flags, number in ((0x88, 77), (0x80, None), (0x40, None), (0x00, None), (0xe8, 77), (0x18, 77)):
            for inner, port in ((INNER, 1111), (INNER6, 1111)):
                f = one(m, carried(4341, head(flags) + inner, src, dst))
                same((f["src_port"], f["tunnel_type"], f["tunnel_id"], f["tunnel_src_ip"]), (port, "lisp", number, src), (flags, inner))
    for kind, inner in ((1, INNER), (2, INNER6), (3, eth(INNER)), (4, nsh(1, INNER))):
        f = one(m, carried(4341, head(0x0c, kind) + inner))
        same((f["src_port"], f["tunnel_type"], f["tunnel_id"]), (1111, "lisp", 77), kind)
    for body in (head(0x89) + INNER, head(0x8a) + INNER, head(0x0c, 9) + INNER, head(0x88) + b"\x45" + b"\0" * 40, head(0x88) + INNER[:19], head(0x88)):
        same(one(m, carried(4341, body))["tunnel_type"], None, body.hex())
    f = m.flows([(T0, carried(4341, head(8, 1, 0x100) + UP)), (T0 + 1, carried(4341, head(0x88, 7, 0x103) + BACK, B, A)),
                 (T0 + 2, carried(4341, head(8, 1, 0x200) + UP))])
    same(sorted((r["tunnel_id"], r["fwd_packets"], r["rev_packets"]) for r in f), [(1, 1, 1), (2, 1, 0)])


def test_D9_tzsp(m):
    tags = b"\0\x0a\1\x20\x29\4\0\0\0\7\1"  # padding, RSSI, a count, the end
    for head, frame in ((b"\1\0\0\1\1", eth(INNER)), (b"\1\1\0\1" + tags, eth(INNER)), (b"\1\0\0\x12" + tags, WLAN + INNER),
                        (b"\1\0\0\4\1", b"\xff\3\0\x21" + INNER)):
        f = one(m, carried(37008, head + frame), "--tunnel-port", "tzsp=37008")
        same((f["src_port"], f["tunnel_type"], f["tunnel_src_ip"]), (1111, "tzsp", A), head.hex())
        same(one(m, carried(37008, head + frame))["tunnel_type"], None, "the port is not IANA's")
    for body in (b"\2\0\0\1\1" + eth(INNER), b"\1\4\0\1\1" + eth(INNER), b"\1\0\0\2\1" + eth(INNER), b"\1\0\0\1\x0a\xff\1" + eth(INNER),
                 b"\1\0\0\1" + b"\0" * 60, b"\1\0\0\1\x0a"):
        same(one(m, carried(37008, body), "--tunnel-port", "tzsp=37008")["tunnel_type"], None, body.hex())


def test_D9_sampled_headers(m):
    header = carried(8472, OTHER["vxlan"])
    raw = struct.pack("!IIII", 1, len(header) + 4, 4, len(header)) + header + b"\0" * (-len(header) % 4)
    record = struct.pack("!II", 1, len(raw)) + raw
    sample = struct.pack("!IIIIIIII", 1, 3, 1000, 1000, 0, 3, 4, 1) + record
    datagram = struct.pack("!II4sIIII", 5, 1, b"\x0a\0\0\x09", 0, 1, 1000, 1) + struct.pack("!II", 1, len(sample)) + sample
    path = os.path.join(m.folder.name, "sflow.pcap")
    with open(path, "wb") as f:
        f.write(pcap([(T0, eth(ip4(A, B, 17, udp(7000, 6343, datagram))))]))
    for args, want in (((), 8472), (("--tunnel-port", "vxlan=8472"), 2222), (("--tunnel-port", "vxlan=8472", "--keep-tunnels"), 8472)):
        r = subprocess.run([m.program, "collect", "--quiet", "-l", "pcap:" + path, "-e", "sample", "-w", "1", *args], capture_output=True, timeout=60)
        same([json.loads(line)["flow_key"]["dst_port"] for line in r.stdout.splitlines()], [want], args)


def test_D9_any_number_of_workers(m):
    packets = []
    for i in range(400):
        a, b = "172.16.0.%d" % (i % 20), "172.17.0.%d" % (i % 7)
        inner = [ip4(a, b, 17, udp(1000 + i % 5, 53)), ip4(b, a, 17, udp(53, 1000 + i % 5))][i // 200]
        body = struct.pack("!II", 0x08000000, 77 << 8) + tagged([TAGS["vntag"]], inner)
        packets.append((T0 + i * MS, carried(8472, body, *((A, B) if i % 2 else (B, A)), sport=30000 + i)))

    def records(workers):
        out = m.raw(pcap(packets), "-e", "flow", "--tunnel-port", "vxlan=8472", "-w", str(workers))
        return sorted((flat(r)["src_ip"], flat(r)["src_port"], flat(r)["fwd_packets"], flat(r)["rev_packets"]) for r in out)
    same(records(1), records(2))
    same(records(1), records(4))


def test_D10_icmp_type_and_code(m):
    def got(packets):
        return sorted((r["icmp_type"], r["icmp_code"], r["fwd_packets"], r["rev_packets"], r["src_ip"]) for r in m.flows(packets))
    for a, b in ((A, B), (B, A)):  # the key has the lower address first, the record the sender of the first packet
        same(got([(T0, eth(ip4(a, b, 1, icmp(8, 0)))), (T0 + 1, eth(ip4(b, a, 1, icmp(0, 0))))]), [(8, 0, 1, 1, a)])
        same(got([(T0, eth(ip4(a, b, 1, icmp(0, 0)))), (T0 + 1, eth(ip4(b, a, 1, icmp(8, 0))))]), [(0, 0, 1, 1, a)])
        same(got([(T0, eth(ip4(a, b, 1, icmp(8, 7)))), (T0 + 1, eth(ip4(b, a, 1, icmp(0, 9))))]), [(8, 7, 1, 1, a)], "codes are not in the key")
        same(got([(T0, eth(ip4(a, b, 1, icmp(13, 3))))]), [(13, 3, 1, 0, a)])
        for kind, code in ((3, 1), (3, 13), (5, 1), (11, 0), (12, 2), (255, 255), (42, 1)):
            same(got([(T0, eth(ip4(a, b, 1, icmp(kind, code))))]), [(kind, code, 1, 0, a)])
    for a, b in ((A6, B6), (B6, A6)):
        same(got([(T0, eth(ip6(a, b, 58, icmp(128, 0)))), (T0 + 1, eth(ip6(b, a, 58, icmp(129, 0))))]), [(128, 0, 1, 1, a)])
        same(got([(T0, eth(ip6(a, b, 58, icmp(136, 5)))), (T0 + 1, eth(ip6(b, a, 58, icmp(135, 0))))]), [(136, 5, 1, 1, a)])
        for kind, code in ((1, 4), (2, 0), (3, 1), (4, 2), (143, 0), (160, 1)):
            same(got([(T0, eth(ip6(a, b, 58, icmp(kind, code))))]), [(kind, code, 1, 0, a)])
    same(got([(T0, eth(ip4(A, A, 1, icmp(8, 1)))), (T0 + 1, eth(ip4(A, A, 1, icmp(0, 2))))]), [(8, 1, 1, 1, A)], "to itself")
    same(got([(T0, carried(4789, struct.pack("!II", 0x08000000, 256) + eth(ip4(B, A, 1, icmp(3, 3)))))]), [(3, 3, 1, 0, B)])


def test_D10_icmp_first_fragments_and_short(m):
    body = icmp(8, 6, b"\0\1\0\1" + b"p" * 2000)
    whole = [(0, True), (1000, True), (2000, False)]
    frames = [eth(ip4(A, B, 1, body[at:at + 1000], ident=9, frag=at, more=more)) for at, more in whole]
    for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2)):
        f = m.flows([(T0 + i, frames[k]) for i, k in enumerate(order)])
        same([(r["icmp_type"], r["icmp_code"], r["packet_count"]) for r in f], [(8, 6, 3)], order)
    for n in (2, 3, 4):
        f = one(m, eth(ip4(A, B, 1, icmp(11, 1)[:n])))
        same((f["icmp_type"], f["icmp_code"]), (11, 1))
    s = m.stats([(T0, eth(ip4(A, B, 1, b"\x08"))), (T0, eth(ip4(A, B, 1, b"")))])
    same(s["malformed_by_reason"]["transport_truncated"], 2)
    for packet in (UP, UP6, ip4(A, B, 6, tcp(1, 2, SYN)), ip4(A, B, 50, b"\x08\0" * 20)):
        f = one(m, eth(packet))
        same((f["icmp_type"], f["icmp_code"]), (None, None))


def test_D10_icmp_over_segments_and_workers(m):
    packets = [(T0 + i * S, eth(ip4(A, B, 1, icmp(8, 2)) if i % 2 == 0 else ip4(B, A, 1, icmp(0, 0)))) for i in range(200)]
    for workers in ("1", "3"):
        f = [flat(e) for e in m.raw(pcap(packets), "-e", "flow", "-w", workers)]
        assert len(f) > 3
        same({(r["icmp_type"], r["icmp_code"], r["src_ip"]) for r in f}, {(8, 2, A)})


def test_D11_what_is_not_ip_is_counted_by_type(m):
    def kinds(frames, *args):
        s = m.stats([(T0 + i, f) for i, f in enumerate(frames)], *args)
        same(sum(s["not_ip_by_ethertype"].values()), s["ignored_by_reason"]["not_ip"])
        return s["not_ip_by_ethertype"]
    stp = MACS + struct.pack("!H", 38) + b"\x42\x42\3" + b"\0" * 35
    frames = [tagged([], ARP, 0x0806)] * 3 + [tagged([VLAN], ARP, 0x0806), tagged([TAGS["vntag"]], b"x" * 40, 0x88b5)] + [stp] * 2 + \
        [tagged([], b"\x11\0\0\1\0\6\xc0\x21" + b"\0" * 4, 0x8864), tagged([], struct.pack("!I", 0x1140) + b"\0" * 60, 0x8847), eth(UP)]
    want = {"0x0806": 4, "llc": 2, "0x8847": 1, "0x8864": 1, "0x88b5": 1, "other": 0}
    for workers in ("1", "2", "4"):
        same(kinds(frames, "-w", workers), want)
    many = [tagged([], b"x" * 40, 0x9100 + 1 + i) for i in range(40) for _ in range(40 - i)]
    for workers in ("1", "3"):
        got = kinds(many, "-w", workers)
        same(got, dict([("0x%04x" % (0x9101 + i), 40 - i) for i in range(16)] + [("other", sum(range(1, 25)))]))
    got = kinds([tagged([], b"x" * 40, 0x9200 + i) for i in range(3000)] + [tagged([], ARP, 0x0806)] * 2)
    assert len(got) == 17 and sum(got.values()) == 3002
    same(kinds([eth(UP)]), {"other": 0})
    same(m.stats([(T0, b"\xff\3\xc0\x21" + b"\0" * 8)], linktype=9)["not_ip_by_ethertype"], {"other": 1}, "LCP on a line")


def test_D11_collect_counts_the_same(m):
    path = os.path.join(m.folder.name, "exports.pcap")
    with open(path, "wb") as f:
        f.write(pcap([(T0, tagged([], ARP, 0x0806)), (T0, tagged([VLAN], ARP, 0x0806)), (T0, tagged([TAGS["vntag"]], UP))]))
    r = subprocess.run([m.program, "collect", "--quiet", "-l", "pcap:" + path, "-e", "stats", "-w", "1"], capture_output=True, timeout=60)
    s = json.loads(r.stdout.splitlines()[-1])
    same((s["not_ip_by_ethertype"], s["ignored_by_reason"]["not_ip"]), ({"0x0806": 2, "other": 0}, 2))


def test_D11_half_a_capture_is_not_lost_in_silence(m):
    path = os.path.join(m.folder.name, "half.pcap")

    def said(frames, *args):
        with open(path, "wb") as f:
            f.write(pcap([(T0 + i, x) for i, x in enumerate(frames)]))
        return subprocess.run([m.program, "read", "-w", "1", "-o", "null:", *args, path], capture_output=True, text=True, timeout=60).stderr
    unknown, known = tagged([], UP, 0x88b5), eth(UP)
    err = said([unknown] * 50 + [known] * 50)
    assert "50 of 100 packets are not IP" in err and "0x88b5" in err and "warning" in err, err
    err = said([unknown] * 5 + [known] * 95)
    assert "are not IP" not in err and "0x88b5" in err, err
    same(said([unknown] * 50, "--quiet"), "")
    assert '"not_ip_by_ethertype":{"0x88b5":50,"other":0}' in said([unknown] * 50, "--log-format", "json")


if __name__ == "__main__":
    main(globals())
