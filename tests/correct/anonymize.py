#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--anonymize: every address of every event is the map of what the plain event has there, no name and no true address
is left anywhere: events of all shapes, CSV, messages, saved state. Over captures made here and over a part of the
corpus, where it is (FT_CORPUS).

anonymize.py PROGRAM [NAME]
"""
import csv
import io
import pathlib
import signal
import socket
import time

import names
from packets import *
from privacy import Compare, Mapper
from run import main, same

KEY = bytes(range(101, 133))
MAP = Mapper(KEY)
ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = pathlib.Path(os.environ.get("FT_CORPUS", ROOT / "../shared/corpus/public"))
SCHEMAS = ("goflow2", "ecs", "ocsf", "otel", "pmacct", "nfdump", "akvorado")
EVERY = 12  # of the corpus' captures of packets: each so many-th


def write(m, name, data):
    path = os.path.join(m.folder.name, name)
    with open(path, "wb") as f:
        f.write(data)
    return path


def run(m, *args, rc=(0,)):
    r = subprocess.run([m.program, *args], capture_output=True, timeout=120)
    assert r.returncode in rc, (r.returncode, args, r.stderr)
    return r.stdout.decode(), r.stderr.decode()


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def both(m, compare, *args, schema=None, hide=(), rc=(0,)):
    """A run without and one with the key, compared; returns the second's events."""
    out = "ndjson:-" if schema is None else "ndjson:-?schema=" + schema
    plain, _ = run(m, *args, "-o", out, rc=rc)
    anon, said = run(m, *args, "-o", out, "--anonymize", write(m, "key", KEY), *hide, rc=rc)
    compare.events(lines(plain), lines(anon), schema)
    for text in (anon, said):
        assert not compare.leaks(text), compare.leaks(text)
    return lines(anon)


# ---- packets ----

def traffic():
    """Flows of both families, in tunnels, with names that hold addresses."""
    out = []
    gre = lambda inner: struct.pack("!HH", 0, 0x86dd if inner[0] >> 4 == 6 else 0x0800) + inner
    vxlan = lambda inner: b"\x08\0\0\0\0\0\x07\0" + eth(inner)
    inner = ip("172.30.1.2", "172.30.9.9", 17, udp(4000, 4001, b"x"))
    inner6 = ip("2001:db8:77::5", "2001:db8:78::6", 17, udp(4002, 4003, b"x"))
    for i, packet in enumerate([
            ip("198.51.100.7", "203.0.113.8", 47, gre(inner)), ip("2001:db8:a::1", "2001:db8:b::2", 47, gre(inner)),
            ip("198.51.100.7", "203.0.113.8", 47, gre(inner6)),
            ip("2001:db8:a::1", "2001:db8:b::2", 17, udp(5000, 4789, vxlan(inner6))),
            ip("192.0.2.33", "192.0.2.34", 1, icmp(3, 1, b"\0\0\0\0" + inner)),
            ip("224.0.0.251", "255.255.255.255", 17, udp(1, 2)), ip("fe80::1", "ff02::1", 58, icmp(136, 0))]):
        out.append((T0 + i * MS, eth(packet)))
    for i, name in enumerate((b"4.3.2.198.in-addr.arpa", b"host-10-1-2-3.example")):
        for answer in (False, True):
            ends = (("10.9.8.7", 40000 + i), ("10.9.8.6", 53))
            (src, sport), (dst, dport) = ends[::-1] if answer else ends
            out.append((T0 + (10 + 2 * i + answer) * MS, eth(ip(src, dst, 17, udp(sport, dport, names.dns(
                name, answer, qtype=12))))))
    hello = names.record(names.hello([0x1301], [names.sni(b"10.1.2.3"), names.alpn(b"10.1.2.4")]))
    get = b"GET /from/10.1.2.3 HTTP/1.1\r\nHost: 10.1.2.5\r\nUser-Agent: at 10.1.2.6\r\n\r\n"
    for i, (part, port, answer) in enumerate((
            (hello, 443, b""), (get, 80, b"HTTP/1.1 200 OK\r\n\r\n"), (b"SSH-2.0-10.1.2.7\r\n", 22, b"SSH-2.0-x\r\n"))):
        a, b = ((A6, B6), ("10.20.30.40", "10.50.60.70"))[i % 2]
        c = Conn(t=T0 + (20 + i) * S, sport=2000 + i, dport=port, a=a, b=b).open()
        c.send(0, ACK | PSH, part).send(1, ACK | PSH, answer).close()
        out += c.frames
    return out


def test_packets(m):
    path, c = write(m, "in.pcap", pcap(traffic())), Compare(MAP)
    got = both(m, c, "read", "-w", "1", "-e", "all", "--app", "-p", "all", path)
    assert c.seen["ip"] > 100 and c.seen["derived"] > 10 and c.seen["gone"] >= 10, c.seen
    flows = [e["features"] for e in got if e["event_type"] == "network_flow_record"]
    ends = {e["tunnel_src_ip"] for e in flows}
    same(ends, {None, str(MAP.ip("198.51.100.7")), str(MAP.ip("2001:db8:a::1"))})
    for column in ("tls_sni", "tls_alpn", "tls_ja4", "dns_query", "http_method", "http_host", "http_target",
                   "http_user_agent", "ssh_client", "ssh_server"):
        same({e[column] for e in flows}, {None}, column)
    assert {e["app"] for e in flows} >= {"tls", "http", "ssh", "dns"}  # what flowtap says itself stays
    both(m, c, "read", "-w", "1", "-e", "all", "-p", "all", "--keep-tunnels", path)


def test_community_id_is_of_the_mapped_addresses(m):
    """As another meter gives it for a capture that has the mapped addresses."""
    packets = lambda a, b: pcap([(T0 + i * MS, eth(ip(*ends, 6, tcp(*ports, ACK)))) for i, (ends, ports) in enumerate(
        (((a, b), (1000, 80)), ((b, a), (80, 1000))))])
    ends = ("198.51.100.7", "10.3.2.1")
    path = write(m, "one.pcap", packets(*ends))
    anon = lines(run(m, "read", "-e", "flow", "-p", "all", "--anonymize", write(m, "key", KEY), path)[0])
    path = write(m, "two.pcap", packets(*(str(MAP.ip(a)) for a in ends)))
    want = lines(run(m, "read", "-e", "flow", "-p", "all", path)[0])
    same(anon[0]["features"]["community_id"], want[0]["features"]["community_id"])
    same(anon[0]["flow_key"], want[0]["flow_key"])


def test_hashed_names(m):
    path, c = write(m, "in.pcap", pcap(traffic())), Compare(MAP, hashed=True)
    got = both(m, c, "read", "-w", "1", "-e", "flow", "--app", "-p", "all", path, hide=("--anonymize-names", "hash"))
    assert c.seen["hashed"] >= 6, c.seen
    flows = [e["features"] for e in got]
    assert MAP.name("4.3.2.198.in-addr.arpa") in {e["dns_query"] for e in flows}
    same({e["http_host"] for e in flows}, {None, MAP.name("10.1.2.5")})
    same({e["tls_sni"] for e in flows}, {None, MAP.name("10.1.2.3")})
    r = subprocess.run([m.program, "read", "--anonymize-names", "hash", path], capture_output=True, timeout=60)
    same(r.returncode, 2)
    assert b"--anonymize" in r.stderr


def test_csv(m):
    path, key = write(m, "in.pcap", pcap(traffic())), write(m, "key", KEY)
    args = ("read", "-w", "1", "--app", "-e", "flow", "-p", "all", path, "-o", "csv:-")
    plain, anon = (list(csv.DictReader(io.StringIO(run(m, *args, *more)[0]))) for more in ((), ("--anonymize", key)))
    c = Compare(MAP)
    null = lambda rows: [{k: v or None for k, v in row.items()} for row in rows]
    c.events(null(plain), null(anon))
    assert c.seen["ip"] > 20, c.seen
    assert not c.leaks(run(m, *args, "--anonymize", key)[0])


def test_tables_of_tools(m):
    """What is an address, or made of some, is its map in each tool's table; all else is as it is."""
    path, key = write(m, "in.pcap", pcap(traffic())), write(m, "key", KEY)
    ends = {"cic": ("Src IP", "Dst IP", "Flow ID"), "cic-compat": ("Src IP", "Dst IP", "Flow ID"),
            "nf-v3": ("IPV4_SRC_ADDR", "IPV4_DST_ADDR"), "nf-v3-compat": ("IPV4_SRC_ADDR", "IPV4_DST_ADDR"),
            "nfstream": ("src_ip", "dst_ip", "id", "src_mac", "dst_mac", "src_oui", "dst_oui"),
            "zeek": ("id.orig_h", "id.resp_h", "uid")}
    for profile, (src, dst, *more) in ends.items():
        args = ("read", "-w", "1", "-e", "flow", "-o", "csv:-?dialect=" + profile, path)
        tables = []
        for how in (), ("--anonymize", key):
            text = run(m, *args, *how)[0].replace("#fields\t", "")
            rows = [line for line in text.splitlines() if line[0] != "#"]
            tables.append(list(csv.DictReader(rows, delimiter="\t" if profile == "zeek" else ",")))
        assert not Compare(MAP).leaks(text), profile
        assert len(tables[0]) == len(tables[1]) > 1, (profile, len(tables[0]))
        for plain, anon in zip(*tables):
            for name in src, dst:
                same(anon[name], str(MAP.ip(plain[name])), (profile, name))
            for name in more:
                assert anon[name] != plain[name] or not plain[name].strip("0:"), (profile, name)
            if "Flow ID" in more:
                rest = plain["Flow ID"][len(plain[src]) + len(plain[dst]) + 1:]
                same(anon["Flow ID"], "%s-%s%s" % (anon[src], anon[dst], rest))
            same({k: v for k, v in anon.items() if k not in ends[profile]}, {k: v for k, v in plain.items() if k not in ends[profile]})


def test_workers_agree(m):
    path, key = write(m, "in.pcap", pcap(traffic())), write(m, "key", KEY)
    out = [sorted(run(m, "read", "-w", w, "-e", "flow", "--app", "-p", "all", "--anonymize", key, path)[0].splitlines())
           for w in ("1", "3")]
    same(out[0], out[1])


# ---- collect ----

def packed(text):
    return ipaddress.ip_address(text).packed


def ipfix(sets, sequence=0, domain=5):
    body = b"".join(struct.pack("!HH", i, 4 + len(b)) + b for i, b in sets)
    return struct.pack("!HHIII", 10, 16 + len(body), T0 // S, sequence, domain) + body


def fields(specs):
    """(element, length[, PEN]) as template fields"""
    return b"".join(struct.pack("!HHI", s[0] | 0x8000, s[1], s[2]) if len(s) > 2 else struct.pack("!HH", *s)
                    for s in specs)


PEN = 4242
LIST = b"\3" + struct.pack("!HH", 8, 4) + packed("10.77.1.1") + packed("10.77.1.2")
RECORD = [  # element, bytes: addresses of every kind, text, bytes, lists
    (8, packed("192.0.2.11")), (12, packed("198.51.100.12")), (7, b"\x10\x01"), (11, b"\0\x50"), (4, b"\6"),
    (15, packed("10.0.0.254")), (18, packed("10.0.0.253")), (44, packed("192.0.2.0")), (47, packed("10.0.0.9")),
    (225, packed("203.0.113.1")), (226, packed("203.0.113.2")), (130, packed("10.255.0.1")),
    (62, packed("2001:db8:1::fe")), (281, packed("2001:db8:2::1")), (131, packed("2001:db8:3::1")),
    (56, bytes.fromhex("001b21aabbcc")), (80, bytes.fromhex("01005e000001")), (57, bytes.fromhex("001b21aabbcd")),
    (10, b"\0\3"), (14, b"\0\4"), (2, b"\0\0\0\5"), (1, b"\0\0\1\0"), (152, struct.pack("!Q", T0 // MS)),
    (153, struct.pack("!Q", T0 // MS + 50)), (82, b"to 10.66.0.1".ljust(20, b"\0")), (371, b"10.66.0.2"),
    (326, b"\0\0\0\1\2\3\4\5"), (313, ip("10.55.0.1", "10.55.0.2", 17, udp(1, 2))), (291, LIST),
    (8, packed("192.0.2.13")), (95, b"\3\0\0\x50"), (5000, packed("10.44.0.1"))]


def ipfix_datagrams(data_only=False):
    template = struct.pack("!HH", 256, len(RECORD) + 1) + fields([(i, len(b)) for i, b in RECORD] + [(9, 9, PEN)])
    names_of = struct.pack("!HHH", 257, 2, 1) + fields([(10, 4), (82, 16)])
    apps = struct.pack("!HHH", 258, 2, 1) + fields([(95, 4), (96, 16)])
    types = struct.pack("!HHH", 259, 4, 2) + fields([(346, 4), (303, 2), (339, 1), (341, 20)])
    described = struct.pack("!IHB", PEN, 9, 13) + b"seen_at_10_33_0_1".ljust(20, b"\0")
    data = b"".join(b for _, b in RECORD) + b"10.33.0.2"
    sixes = struct.pack("!HH", 260, 3) + fields([(27, 16), (28, 16), (2, 4)])
    if data_only:
        return [ipfix([(256, data)], 2)]  # the next one: 0 would be a restart
    return [ipfix([(3, types)]), ipfix([(259, described)]), ipfix([(3, names_of), (3, apps)]),
            ipfix([(257, struct.pack("!I", 3) + b"link 10.66.0.3".ljust(16, b"\0")),
                   (258, b"\3\0\0\x50" + b"10.66.0.4".ljust(16, b"\0"))]),
            ipfix([(2, template), (2, sixes)]), ipfix([(256, data)]),
            ipfix([(260, packed("2001:db8:9::1") + packed("2001:db8:9::2") + b"\0\0\0\1")], 1)]


def opaque(data):
    return struct.pack("!I", len(data)) + data + bytes(-len(data) % 4)


def sflow(agent, samples):
    a = packed(agent)
    return struct.pack("!II", 5, 1 if len(a) == 4 else 2) + a + struct.pack("!IIII", 0, 1, 1000, len(samples)) + b"".join(
        struct.pack("!I", kind) + opaque(body) for kind, body in samples)


def sflow_datagrams():
    frame = eth(ip("192.0.2.77", "192.0.2.78", 17, udp(53, 5300, b"y" * 20)))
    header = struct.pack("!III", 1, len(frame) + 4, 4) + opaque(frame)
    v4 = lambda a: struct.pack("!I", 1) + packed(a)
    gateway = struct.pack("!I", 2) + packed("2001:db8:5::1") + struct.pack("!IIIIII", 65000, 1, 2, 0, 0, 100)
    records = [(1, header), (1002, v4("10.88.0.1") + struct.pack("!II", 24, 16)), (1003, gateway),
               (1004, struct.pack("!I", 3) + opaque(b"10.88.0.2") + struct.pack("!I", 3) + opaque(b"bob")),
               (1005, struct.pack("!I", 1) + opaque(b"http://10.88.0.3/") + opaque(b"10.88.0.4")),
               (1007, v4("10.88.0.5") + v4("10.88.0.6")),
               (2, struct.pack("!I", 64) + bytes.fromhex("001b21aabbce0000") + bytes.fromhex("001b21aabbcf0000")
                + struct.pack("!I", 2048))]
    body = b"".join(struct.pack("!I", tag) + opaque(b) for tag, b in records)
    sample = struct.pack("!IIIIIIII", 1, 3, 400, 400, 0, 3, 7, len(records)) + body
    lag = bytes.fromhex("001b21aabbd00000") + bytes.fromhex("001b21aabbd10000") + bytes(4 + 4 + 4 * 8)
    host = opaque(b"host-10.88.0.7") + b"\x10" * 16 + struct.pack("!II", 3, 2) + opaque(b"5.10.88.8")
    counters = struct.pack("!III", 1, 3, 2) + struct.pack("!I", 7) + opaque(lag) + struct.pack("!I", 2000) + opaque(host)
    discard = struct.pack("!IIIIIIII", 1, 0, 3, 0, 3, 7, 256, 1) + struct.pack("!I", 1) + opaque(header)
    return [sflow("10.99.0.1", [(1, sample), (2, counters), (5, discard)]),
            sflow("2001:db8:99::1", [(1, sample), (2, counters)])]


def exports(datagrams, sender="10.11.12.13"):
    return pcap([(T0 + i * MS, eth(ip(sender, "10.11.12.1", 17, udp(40000, 2055, d)))) for i, d in enumerate(datagrams)])


INPUTS = {  # every address that the exporters and their packets have
    "10.11.12.13", "10.99.0.1", "2001:db8:99::1", "192.0.2.77", "10.77.1.1", "10.66.0.1", "10.66.0.2", "10.66.0.3",
    "10.66.0.4", "10.55.0.1", "10.44.0.1", "10.33.0.2", "10.88.0.1", "10.88.0.2", "10.88.0.3", "10.88.0.4", "10.88.0.7",
    "2001:db8:5::1", "00:1b:21:aa:bb:cc", "01:00:5e:00:00:01", "00:1b:21:aa:bb:d0"}


def test_collect(m):
    v9 = struct.pack("!HHIIII", 9, 2, 1000, T0 // S, 1, 3) + b"".join(struct.pack("!HH", i, 4 + len(b)) + b for i, b in (
        (0, struct.pack("!HH", 256, 4) + fields([(8, 4), (12, 4), (15, 4), (56, 6)])),
        (256, packed("192.0.2.61") + packed("192.0.2.62") + packed("10.0.0.99") + bytes.fromhex("001b21aabbdd"))))
    v5 = struct.pack("!HHIIIIBBH", 5, 1, 1000, T0 // S, 0, 1, 0, 0, 0) + packed("192.0.2.51") + packed(
        "192.0.2.52") + packed("10.0.0.98") + bytes(36)
    path = write(m, "ex.pcap", exports(ipfix_datagrams() + [v9, v5] + sflow_datagrams()))
    args = ("collect", "-l", "pcap:" + path, "-w", "1", "-e", "all")
    c = Compare(MAP)
    got = both(m, c, *args)
    kinds = {e["event_type"] for e in got}
    same(kinds, {"network_flow_record", "network_flow_sample", "window", "template_change", "counter_sample", "discarded_packet",
                 "exporter_health", "pipeline_stats"})
    same({e["exporter"]["address"] for e in got if "exporter" in e}, {str(MAP.ip("10.11.12.13"))})
    agents = {e["exporter"].get("agent") for e in got if e["event_type"] == "counter_sample"}
    same(agents, {str(MAP.ip("10.99.0.1")), str(MAP.ip("2001:db8:99::1"))})
    f = [e["features"] for e in got if e["event_type"] == "network_flow_record"][0]
    same(f["source_ipv4_address"], [str(MAP.ip("192.0.2.11")), str(MAP.ip("192.0.2.13"))])
    same((f["interface_name"], f["user_name"], f["digest_hash_value"], f["ip_header_packet_section"], f["basic_list"]),
         (None,) * 5)
    assert "ingress_interface_name" not in f and "application_name_by_options" not in f
    assert "pen_4242_ie_9" in f and not [k for k in f if "seen" in k]
    for text in run(m, *args, "--anonymize", write(m, "key", KEY)):
        assert not c.leaks(text, INPUTS), c.leaks(text, INPUTS)
        assert "10_33" not in text and "bob" not in text
    same(c.seen["mac"] > 8, True, c.seen)
    hashed = both(m, Compare(MAP, hashed=True), *args, hide=("--anonymize-names", "hash"))
    f = [e["features"] for e in hashed if e["event_type"] == "network_flow_record"][0]
    same((f["interface_name"], f["user_name"]), (MAP.name("to 10.66.0.1"), MAP.name("10.66.0.2")))
    same((f["ingress_interface_name"], f["application_name_by_options"]), (MAP.name("link 10.66.0.3"),
                                                                           MAP.name("10.66.0.4")))
    for schema in SCHEMAS:
        both(m, Compare(MAP), *args, schema=schema)
    for event in ("flow", "sample", "counter", "discard", "exporter", "template"):
        text = run(m, "collect", "-l", "pcap:" + path, "-w", "1", "-e", event, "-o", "csv:-?event=" + event,
                   "--anonymize", write(m, "key", KEY))[0]
        assert len(text.splitlines()) > 1 and not c.leaks(text, INPUTS), (event, c.leaks(text, INPUTS))


def described(rows, again=()):
    """Elements of PEN that the exporter describes (RFC 5610), each (id, type, bytes), and one record of them; `again`
    are descriptions that somebody else sends in between."""
    types = struct.pack("!HHH", 259, 4, 2) + fields([(346, 4), (303, 2), (339, 1), (341, 20)])
    tell = lambda who: b"".join(struct.pack("!IHB", PEN, i, t) + (b"peer%d" % i).ljust(20, b"\0") for i, t, *_ in who)
    template = struct.pack("!HH", 256, len(rows) + 1) + fields([(8, 4)] + [(i, len(b), PEN) for i, _, b in rows])
    return ([(ipfix([(3, types), (259, tell(rows))]), "10.11.12.13")]
            + ([(ipfix([(3, types), (259, tell(again))], domain=7), "10.11.12.99")] if again else [])
            + [(ipfix([(2, template), (256, packed("192.0.2.11") + b"".join(b for _, _, b in rows))]), "10.11.12.13")])


def test_described_elements(m):
    """What an exporter says about the type of its own elements is not believed: an address called a number, a time or a
    text is null, as a number it could be read; only what is called an address is mapped. So it is after somebody else
    described the element anew."""
    key, value = write(m, "key", KEY), packed("10.21.22.23")
    wide = {1: 1, 2: 2, 5: 1, 6: 2, 4: 8, 8: 8, 10: 8, 11: 1, 12: 6, 15: 8, 16: 8, 17: 8, 19: 16}  # others: 4
    rows = [(100 + t, t, (value * 4)[:wide.get(t, 4)]) for t in range(20)]
    mapped = {112: MAP.mac((value * 2)[:6].hex(":")), 118: str(MAP.ip("10.21.22.23")), 119: str(MAP.ip(value * 4))}
    for again in ((), [(118, 3, b"")], [(112, 4, b""), (119, 0, b"")]):
        sent = described(rows, again)
        path = write(m, "own.pcap", pcap([(T0 + i * MS, eth(ip(who, "10.11.12.1", 17, udp(40000, 2055, d))))
                                          for i, (d, who) in enumerate(sent)]))
        args = ("collect", "-l", "pcap:" + path, "-w", "1", "-e", "flow", "-o", "ndjson:-")
        for hide in ((), ("--anonymize-names", "hash")):
            event, = lines(run(m, *args, "--anonymize", key, *hide)[0])
            got = {int(k.split("_")[3]): v for k, v in event["features"].items() if k.startswith("pen_")}
            same(sorted(got), [i for i, *_ in rows])
            told = {i for i, *_ in again}
            for i, v in got.items():
                assert v == mapped.get(i) or v is None and i in told, (again, i, v)
        plain, = lines(run(m, *args)[0])
        if not again:
            same((plain["features"]["peer103"], plain["features"]["peer118"]), (0x0a151617, "10.21.22.23"))


def test_state(m):
    """Templates are kept by mapped addresses: the same key reads them again, another one takes none of them."""
    first = write(m, "first.pcap", exports(ipfix_datagrams()))
    then = write(m, "then.pcap", exports(ipfix_datagrams(data_only=True)))
    key, other = write(m, "key", KEY), write(m, "other", KEY[::-1])
    state = os.path.join(m.folder.name, "state")
    args = lambda path, *more: run(m, "collect", "-w", "1", "-e", "flow", "-l", "pcap:" + path, "--state", state, *more)
    sent = args(first, "--anonymize", key)[0].splitlines()
    with open(state) as f:
        text = f.read()
    assert "exporter ipfix %s " % MAP.ip("10.11.12.13") in text and text.count("template") > 3
    assert not Compare(MAP).leaks(text, INPUTS)
    out, said = args(then, "--anonymize", key)
    same([json.loads(x)["features"] for x in out.splitlines()], [json.loads(sent[0])["features"]])
    assert "no saved state" not in said
    with open(state) as f:
        kept = f.read()
    for more in (("--anonymize", other), ()):  # another key, none at all: nothing of it is used
        with open(state, "w") as f:
            f.write(kept)
        out, said = args(then, *more)
        same((out, "is no saved state" in said), ("", True), more)
    args(first)  # and a plain one is not read with a key
    out, said = args(then, "--anonymize", key)
    same((out, "is no saved state of this key" in said), ("", True))
    with open(state) as f:
        assert "10.11.12.13" not in f.read()


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_messages(m):
    """Of a run that listens: what it says and its account."""
    port, key = free_port(), write(m, "key", KEY)
    p = subprocess.Popen([m.program, "collect", "-v", "-v", "-w", "1", "-l", "netflow://127.0.0.7:%d" % port, "-o",
                          "null:", "--anonymize", key], stderr=subprocess.PIPE, text=True)
    said = ""
    for line in p.stderr:
        said += line
        if "listening on" in line:
            break
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for d in ipfix_datagrams():
            s.sendto(d, ("127.0.0.7", port))
    time.sleep(0.3)
    p.send_signal(signal.SIGTERM)
    said += p.communicate(timeout=60)[1]
    same(p.returncode, 0, said)
    assert "listening on netflow://%s:%d" % (MAP.ip("127.0.0.7"), port) in said, said
    assert "127.0.0." not in said, said


def test_errors(m):
    """What ends a run at once is told like a message, addresses mapped, whatever they are glued to."""
    key = write(m, "key", KEY)
    for args, true, around in (
            (("read", "10.9.8.7-nope.pcap"), "10.9.8.7", "%s-nope.pcap: No such file"),
            (("read", "-o", "null:", os.path.join(m.folder.name, "cap10.9.8.7.pcap")), "10.9.8.7", "cap%s.pcap"),
            (("read", "-f", "hast 10.9.8.7", write(m, "in.pcap", pcap(traffic()))), "10.9.8.7", '"hast %s"'),
            (("collect", "-l", "netflow://192.0.2.250:9"), "192.0.2.250", "netflow://%s:9")):
        said = run(m, *args, "--anonymize", key, rc=(1, 2))[1]
        assert around % MAP.ip(true) in said and true not in said, said


# ---- the corpus ----

def test_corpus(m):
    if not CORPUS.is_dir():
        print("skipped: no corpus at", CORPUS)
        return
    captures = sorted(p for p in CORPUS.glob("packets/**/*.pcap*") if p.stat().st_size < 60000)
    total, n = {}, 0
    for path in captures[::EVERY]:
        c = Compare(MAP)
        both(m, c, "read", "-w", "1", "-e", "all", "--app", "-p", "all", str(path), rc=(0, 1, 2))
        n += 1
        total = {k: total.get(k, 0) + v for k, v in c.seen.items()}
    print("    %d captures of packets: %s" % (n, total))
    assert n > 20 and total["ip"] > 1000
    total, n = {}, 0
    for kind, step in (("netflow", 1), ("ipfix", 1), ("sflow", 1)):
        for path in sorted(CORPUS.glob(kind + "/**/*.pcap*"))[::step]:
            c = Compare(MAP)
            both(m, c, "collect", "-l", "pcap:%s" % path, "-w", "1", "-e", "all", rc=(0, 1, 2))
            both(m, c, "collect", "-l", "pcap:%s" % path, "-w", "1", "-e", "flow,sample", schema=SCHEMAS[n % 7],
                 rc=(0, 1, 2))
            n += 1
            total = {k: total.get(k, 0) + v for k, v in c.seen.items()}
    print("    %d captures of exporters: %s" % (n, total))
    assert n > 10 and total["ip"] > 500 and total["mac"] > 0


if __name__ == "__main__":
    main(globals())
