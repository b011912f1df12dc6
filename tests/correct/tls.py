#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""TLS wherever it lies (--app): hellos of any size on every road, behind STARTTLS and proxies, in DTLS;
the fingerprints are computed here as well."""
import gzip
import hashlib

from names import CIPHERS, GREASE, SIGNATURES, alpn, dns, hello, record, server_hello, sni, u16s, vec
from packets import *
from run import main, same

BIG = (1500, 2043, 2048, 2064, 4000, 9000, 16000, 16384, 18000)


def is_grease(v):
    return v & 0x0f0f == 0x0a0a and v >> 8 == v & 0xff


def big_hello(size, name=b"big.example.com"):
    """A hello of so many bytes, header included: a key share as post-quantum ones are, before the name."""
    def made(n):
        return hello([GREASE, 0x1301, 0x1302], [(GREASE, b""), (51, b"k" * n), sni(name), alpn(b"h2"), (43, vec(1, u16s([0x0304]))),
                                                (10, vec(2, u16s([4588, 29]))), (11, vec(1, b"\0")), (13, vec(2, u16s(SIGNATURES)))])
    return made(size - len(made(0)))


def ja3_of(ciphers, extensions, groups=(), formats=(), version=0x0303):
    lists = [[v for v in x if not is_grease(v)] for x in (ciphers, extensions, groups)] + [list(formats)]
    return hashlib.md5(",".join([str(version)] + ["-".join(map(str, x)) for x in lists]).encode()).hexdigest()


def ja4_of(ciphers, extensions, signatures=(), first="t13d", end="h2"):
    ciphers, extensions = ([v for v in x if not is_grease(v)] for x in (ciphers, extensions))

    def digest(text):
        return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12

    b = ",".join("%04x" % v for v in sorted(ciphers))
    c = ",".join("%04x" % v for v in sorted(v for v in extensions if v not in (0, 16)))
    c += "_" + ",".join("%04x" % v for v in signatures) if signatures else ""
    return "%s%02d%02d%s_%s_%s" % (first, min(len(ciphers), 99), min(len(extensions), 99), end, digest(b), digest(c))


BIG_JA3 = ja3_of([0x1301, 0x1302], [51, 0, 16, 43, 10, 11, 13], [4588, 29], [0])
BIG_JA4 = ja4_of([0x1301, 0x1302], [51, 0, 16, 43, 10, 11, 13], SIGNATURES)
ANSWER = server_hello(0x1302, [(43, b"\3\4"), (51, b"\x11\xec" + vec(2, b"k" * 1120))])


def names(f):
    return f["tls_sni"], f["tls_ja3"], f["tls_ja4"], f["tls_alpn"]


def one(m, packets, *args):
    f = m.flows(packets, "--app", *args)
    same(len(f), 1)
    return f[0]


def segments(data, size):
    return [(at, data[at:at + size]) for at in range(0, len(data), size)]


def roads(size):
    """name, the client's segments as (offset, bytes)"""
    message = big_hello(size)
    data = record(message)
    small = record(message, 1000)
    follows = b"\x14\3\3\0\1\1" + b"\x17\3\3" + vec(2, b"e" * 3000)
    return [("one frame", [(0, data)]), ("in order", segments(data, 1460)), ("small segments", segments(data, 536)), ("backwards", segments(data, 1460)[:7][::-1] + segments(data, 1460)[7:]),
            ("two frames", segments(data, 1 + len(data) // 2)), ("two frames backwards", segments(data, 1 + len(data) // 2)[::-1]),
            ("many records", [(0, small)]), ("many records in order", segments(small, 1460)),
            ("with more behind", [(0, data + follows)]), ("super frame", [(0, data + follows * 15)]),
            ("a byte before the rest", [(0, data[:1]), (1, data[1:])]), ("twice", [(0, data)] * 2)]


def test_hellos_of_any_size_on_every_road(m):
    for size in BIG:
        want = ("big.example.com", BIG_JA3, BIG_JA4, "h2")
        for how, parts in roads(size):
            for ends in ((A, B), (A6, B6)):
                c = Conn(dport=443, a=ends[0], b=ends[1]).open()
                for at, body in parts:
                    c.send(0, ACK | PSH, body, seq=1001 + at)
                f = one(m, c.frames)
                same(names(f), want, (size, how, ends))
                same((f["app"], f["app_confidence"]), ("tls", 90), (size, how))


def test_server_hellos_in_one_frame(m):
    certificate = b"\x0b" + vec(3, b"c" * 9000)
    for answer in (record(ANSWER + certificate), record(ANSWER) + record(certificate), record(ANSWER, 300), b"\x15\3\3\0\2\1\x70" + record(ANSWER),
                   b"\x14\3\3\0\1\1" + record(ANSWER)):
        f = one(m, Conn(dport=443).open().send(0, ACK, record(big_hello(3000))).send(1, ACK, answer).frames)
        same((f["app_confidence"], f["tls_cipher"], f["tls_version"]), (100, 0x1302, 0x0304), len(answer))
        same(f["tls_ja3s"], hashlib.md5(b"771,4866,43-51").hexdigest())


def test_every_way_of_reading_gives_the_same(m):
    packets = []
    for i in range(240):
        c = Conn(sport=2000 + i, dport=443, t=T0 + i * MS).open()
        for at, body in roads(BIG[i % len(BIG)])[i % 12][1]:
            c.send(0, ACK, body, seq=1001 + at)
        packets += c.send(1, ACK, record(ANSWER) + b"\x17\3\3" + vec(2, b"e" * 12000)).frames
    packets.sort(key=lambda p: p[0])
    want = sorted(json.dumps(f) for f in m.flows(packets, "--app"))
    same({(json.loads(f)["tls_ja4"], json.loads(f)["app_confidence"]) for f in want}, {(BIG_JA4, 100)})
    for w in ("2", "4"):
        same(sorted(json.dumps(f) for f in m.flows(packets, "--app", "-w", w)) == want, True, w)
    data = pcap(packets)
    for how in ((), ("--overflow", "drop", "-q", "65536"), ("--overflow", "block", "-q", "64")):
        for sent in (data, gzip.compress(data, 1)):
            got = subprocess.run([m.program, "read", "--quiet", "-e", "flow", "--app", "-p", "all", "-w", "2", *how, "-"],
                                 input=sent, capture_output=True, timeout=60).stdout
            same(sorted(json.dumps(flat(json.loads(line))) for line in got.splitlines()) == want, True, how)


def test_a_full_hand_off_of_large_payloads_is_counted(m):
    """Payloads have a bound of their own beside the queue: what finds no room is dropped as by a full queue."""
    packets = []
    for i in range(3000):
        packets += Conn(sport=1024 + i, dport=443, t=T0 + i * MS).send(0, ACK, record(big_hello(16000))).frames
    out = subprocess.run([m.program, "read", "--quiet", "-e", "flow,stats", "--app", "-p", "all", "-w", "2", "--overflow", "drop", "-q", "256", "-"],
                         input=pcap(packets), capture_output=True, timeout=60)
    events = [json.loads(line) for line in out.stdout.splitlines()]
    stats = [e for e in events if e["event_type"] == "pipeline_stats"][-1]
    flows = [flat(e) for e in events if e["event_type"] == "network_flow_record"]
    text = json.dumps(stats)
    same(sum(f["packet_count"] for f in flows) + find(stats, "queue_dropped"), 3000, text)
    same({f["tls_ja4"] for f in flows}, {BIG_JA4}, text)


def find(tree, key):
    if isinstance(tree, dict):
        if key in tree:
            return tree[key]
        tree = list(tree.values())
    for x in tree if isinstance(tree, list) else ():
        v = find(x, key)
        if v is not None:
            return v
    return None


def test_lists_of_any_length(m):
    """JA4 counts to 99, and its hashes are those of the whole lists."""
    for n in (255, 256, 257, 300, 1000, 7000):
        ciphers = [(v * 7919) & 0xffff for v in range(n)] + [GREASE]
        f = one(m, Conn(dport=443).open().send(0, ACK, record(hello(ciphers, [sni(b"a.example"), alpn(b"h2")], 0x0303))).frames)
        same(f["tls_ja4"], ja4_of(ciphers, [0, 16], first="t12d"), n)
        same(f["tls_ja3"], ja3_of(ciphers, [0, 16]), n)
    for n in (255, 257, 1000, 4000):
        kinds = [20000 + (v * 31 % n) for v in range(n)]
        x = [(v, b"") for v in kinds] + [sni(b"a.example"), (13, vec(2, u16s(SIGNATURES)))]
        f = one(m, Conn(dport=443).open().send(0, ACK, record(hello([0x1301], x))).frames)
        kinds += [0, 13]
        same(f["tls_ja4"], ja4_of([0x1301], kinds, SIGNATURES, "t12d", "00"), n)
        same(f["tls_ja3"], ja3_of([0x1301], kinds), n)
    groups = [v for v in range(300)]
    f = one(m, Conn(dport=443).open().send(0, ACK, record(hello([0x1301], [(10, vec(2, u16s(groups))), (13, vec(2, u16s(groups)))]))).frames)
    same(f["tls_ja3"], ja3_of([0x1301], [10, 13], groups))
    same(f["tls_ja4"], ja4_of([0x1301], [10, 13], groups, "t12i", "00"))


def test_server_hellos_of_drafts(m):
    """Up to draft 21 of TLS 1.3 they had neither session nor compression."""
    for draft, short in ((4, True), (14, True), (18, True), (21, True), (22, False), (28, False)):
        version = 0x0304 if draft == 4 else 0x7f00 | draft  # some wrote what was to come
        x = vec(2, b"".join(struct.pack("!H", t) + vec(2, b) for t, b in [(51, b"\0\x1d\0\0")]))
        body = struct.pack("!H", version) + b"r" * 32 + (b"" if short else b"\0") + b"\x13\2" + (b"" if short else b"\0") + x
        f = one(m, Conn(dport=443).open().send(0, ACK, record(big_hello(600))).send(1, ACK, record(b"\2" + vec(3, body))).frames)
        same((f["app_confidence"], f["tls_cipher"], f["tls_version"]), (100, 0x1302, version), draft)


def test_tls_on_the_port_of_dns(m):
    for parts in ([record(big_hello(600))], [record(big_hello(600))[:3], record(big_hello(600))[3:]], [record(big_hello(3000))]):
        c = Conn(dport=53).open()
        for p in parts:
            c.send(0, ACK, p)
        f = one(m, c.send(1, ACK, record(ANSWER)).frames)
        same((f["app"], f["app_confidence"], f["tls_sni"], f["tls_ja4"], f["tls_cipher"]), ("tls", 100, "big.example.com", BIG_JA4, 0x1302))
    ask = dns(b"www.example.org")
    f = one(m, Conn(dport=53).open().send(0, ACK, vec(2, ask)).frames)
    same((f["app"], f["dns_query"]), ("dns", "www.example.org"))


# ---- TLS behind something else ----

HELLO = record(big_hello(1700, b"inner.example.com"))
LDAP = b"\x30\x1d\2\1\1\x77\x18\x80\x16" + b"1.3.6.1.4.1.1466.20037"
STARTS = {  # app: port, [(side, bytes)] before the client's hello
    "smtp": (25, [(1, b"220 mx.example.com ESMTP\r\n"), (0, b"EHLO me\r\n"), (1, b"250-mx\r\n250 STARTTLS\r\n"), (0, b"STARTTLS\r\n"), (1, b"220 go ahead\r\n")]),
    "imap": (143, [(1, b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"), (0, b"a1 STARTTLS\r\n"), (1, b"a1 OK begin\r\n")]),
    "pop3": (110, [(1, b"+OK POP3 ready\r\n"), (0, b"CAPA\r\n"), (1, b"+OK\r\nSTLS\r\n.\r\n"), (0, b"STLS\r\n"), (1, b"+OK begin\r\n")]),
    "ftp": (21, [(1, b"220 ProFTPD FTP\r\n"), (0, b"AUTH TLS\r\n"), (1, b"234 AUTH TLS ok\r\n")]),
    "xmpp": (5222, [(0, b"<?xml version='1.0'?><stream:stream to='example.com' xmlns='jabber:client'>"), (1, b"<stream:stream id='1'>"),
                    (1, b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"),
                    (0, b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"), (1, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")]),
    "ldap": (389, [(0, LDAP), (1, b"\x30\x0c\2\1\1\x78\7\x0a\1\0\4\0\4\0")]),
    "postgresql": (5432, [(0, struct.pack("!II", 8, 80877103)), (1, b"S")]),
    "mysql": (3306, [(1, b"\x28\0\0\0\x0a8.0.1\0" + b"\0" * 33), (0, b"\x20\0\0\1" + b"\0" * 32)]),
    "rdp": (3389, [(0, b"\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\x0b\0\0\0"), (1, b"\3\0\0\x13\x0e\xd0\0\0\x12\x34\0\2\x1f\x08\0\x08\0\0\0")]),
}


def talk(port, parts, client=HELLO, server=record(ANSWER), order=None):
    c = Conn(dport=port).open()
    for side, body in parts:
        c.send(side, ACK | PSH, body)
    for at, body in order or [(0, client)]:
        c.send(0, ACK | PSH, body, seq=c.seq[0] + at)
    c.seq[0] += len(client)
    return c.send(1, ACK | PSH, server)


def inner(f, *more):
    same((f["tls_sni"], f["tls_ja4"], f["tls_cipher"], f["tls_version"], f["app_confidence"]),
         ("inner.example.com", BIG_JA4, 0x1302, 0x0304, 100), more)


def test_starttls(m):
    for app, (port, parts) in STARTS.items():
        f = one(m, talk(port, parts).frames)
        same(f["app"], app)
        inner(f, app)
        for order in (segments(HELLO, 500), segments(HELLO, 500)[::-1], [(0, HELLO[:3]), (3, HELLO[3:])], [(0, HELLO), (0, HELLO)]):
            inner(one(m, talk(port, parts, order=order).frames), app, "in parts")
        f = one(m, talk(port + 20000, parts).frames)  # on another port
        same((f["app"], f["tls_sni"], f["tls_cipher"]), (app, "inner.example.com", 0x1302), "another port")
        f = one(m, Conn(dport=port).open().frames + [x for x in talk(port, parts).frames[3:] if b"\x0a\0\0\1\x0a\0\0\2" in x[1]])
        same((f["tls_sni"], f["app_confidence"]), ("inner.example.com", 90), (app, "one side only"))


def test_starttls_that_is_refused_or_not_asked_for(m):
    mail = [(1, b"220 mx.example.com ESMTP\r\n"), (0, b"EHLO me\r\n"), (1, b"250 mx\r\n"), (0, b"MAIL FROM:<a@b>\r\n"), (1, b"250 ok\r\n")] * 10
    c = Conn(dport=25).open()
    for side, body in mail:
        c.send(side, ACK | PSH, body)
    f = one(m, c.frames)
    same((f["app"], f["app_confidence"], f["tls_sni"], f["tls_version"]), ("smtp", 60, None, None))


def test_starttls_in_other_words(m):
    """As other programs and versions ask for it, on ports that say nothing."""
    oid, done = b"1.3.6.1.4.1.1466.20037", (1, b"\x30\x0c\2\1\1\x78\7\x0a\1\0\4\0\4\0")
    ssl, gss = (struct.pack("!II", 8, code) for code in (80877103, 80877104))
    start = [(0, b"STARTTLS\r\n"), (1, b"382 go ahead\r\n")]
    news = [(0, b"CAPABILITIES\r\n"), (1, b"101 list\r\nVERSION 2\r\nSTARTTLS\r\n.\r\n")] + start
    mariadb = [(1, b"\x2f\0\0\0\x0a11.4.2-MariaDB\0" + b"x" * 31), (0, b"\x20\0\0\1" + b"\0" * 32)]
    for app, parts in (("tls", [(1, b"200 news\r\n")] + news), ("tls", [(1, b"201 no posting\r\n")] + start),
                       ("postgresql", [(0, gss), (1, b"N"), (0, ssl), (1, b"S")]), ("mysql", mariadb),
                       ("ldap", [(0, b"\x30\x84\0\0\0\x21\2\1\1\x77\x84\0\0\0\x18\x80\x16" + oid), done]),
                       ("ldap", [(0, b"\x30\x81\x1d\2\1\1\x77\x18\x80\x16" + oid), done]),
                       ("ldap", [(0, b"\x30\x1f\2\3\1\0\1\x77\x18\x80\x16" + oid), done])):
        f = one(m, talk(17001, parts).frames)
        same(f["app"], app, parts)
        inner(f, parts)
    for first in (struct.pack("!II", 30, 0x00030002) + b"user\0a\0" + b"\0" * 15, struct.pack("!IIII", 16, 80877102, 1, 2)):
        f = one(m, talk(17001, [(0, first)], client=b"", server=b"").frames)
        same((f["app"], f["app_confidence"]), ("postgresql", 60), "other first messages")
    for no in (b"\x30\x85\0\0\0\0\x1d\2\1\1\x60", b"\x30\x84\0\0\0\x1d\2", b"\x30\x0c\2\5\1\1\1\1\1\x60\0", b"\x30\x80\2\1\1\x60\0"):
        same(one(m, talk(17001, [(0, no)], client=b"", server=b"").frames)["app"], None, "not LDAP")


def socks5(auth=False):
    login = [(0, b"\1\4user\4pass"), (1, b"\1\0")] if auth else []
    return [(0, b"\5\2\0\2"), (1, b"\5\2" if auth else b"\5\0"), *login, (0, b"\5\1\0\3\x11inner.example.com\1\xbb"), (1, b"\5\0\0\1\0\0\0\0\0\0")]


PROXIES = {
    "socks4": [(0, b"\4\1\1\xbb\xc0\0\2\1user\0"), (1, b"\0\x5a\1\xbb\xc0\0\2\1")],
    "socks4a": [(0, b"\4\1\1\xbb\0\0\0\1user\0inner.example.com\0"), (1, b"\0\x5a\1\xbb\0\0\0\0")],
    "socks5": socks5(), "socks5 with a password": socks5(True),
    "proxy v1": [(0, b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 443\r\n")],
    "proxy v2": [(0, b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + b"\xc0\0\2\1\xc0\0\2\2\x13\x88\1\xbb")],
}


def test_tls_behind_proxies(m):
    for how, parts in PROXIES.items():
        for port in (1080, 443, 9050):
            f = one(m, talk(port, parts).frames)
            inner(f, how, port)
            same(f["app"], "socks" if "socks" in how else "tls" if port != 1080 else f["app"], (how, port))
        client = b"".join(b for side, b in parts if side == 0)  # all at once, without waiting
        server = b"".join(b for side, b in parts if side == 1)
        inner(one(m, talk(443, [], client + HELLO, server + record(ANSWER)).frames), how, "at once")
        inner(one(m, talk(443, [], client + HELLO, server + record(ANSWER), order=segments(client + HELLO, 400)).frames), how, "in segments")


def test_tls_behind_connect(m):
    ask = b"CONNECT inner.example.com:443 HTTP/1.1\r\nHost: inner.example.com:443\r\nUser-Agent: test/1\r\n\r\n"
    no = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 4\r\n\r\nno\r\n"
    yes = b"HTTP/1.1 200 Connection established\r\n\r\n"
    for parts in ([(0, ask), (1, yes)], [(0, ask), (1, no), (0, ask), (1, yes)], [(0, ask[:20]), (0, ask[20:]), (1, yes)]):
        f = one(m, talk(3128, parts).frames)
        inner(f, len(parts))
        same((f["app"], f["http_method"], f["http_host"], f["http_user_agent"]), ("http", "CONNECT", "inner.example.com:443", "test/1"))
        same(f["http_status"], 407 if len(parts) == 4 else 200)
    f = one(m, talk(3128, [], ask + HELLO, yes + record(ANSWER)).frames)
    inner(f, "at once")
    same((f["app"], f["http_host"], f["http_status"]), ("http", "inner.example.com:443", 200), "at once")


def test_an_answer_in_the_clear_keeps_the_names(m):
    f = one(m, talk(80, [], server=b"HTTP/1.1 400 Bad Request\r\n\r\n").frames)
    same((f["app"], f["app_confidence"], f["tls_sni"], f["tls_ja4"]), ("tls", 90, "inner.example.com", BIG_JA4))
    same((f["http_status"], f["http_host"], f["http_method"]), (400, None, None), "the status, and nothing of a request")
    f = one(m, talk(53, [], server=vec(2, dns(b"www.example.org"))).frames)
    same((f["app"], f["tls_sni"], f["dns_query"]), ("tls", "inner.example.com", None), "DNS")
    f = one(m, talk(22, [], server=b"SSH-2.0-server\r\n").frames)
    same((f["tls_sni"], f["ssh_server"]), ("inner.example.com", "SSH-2.0-server"), "SSH")


def test_tls_behind_something_behind_a_proxys_header(m):
    for header in (part[0][1] for how, part in PROXIES.items() if how.startswith("proxy")):
        for app, parts in (("socks", PROXIES["socks5"]), ("postgresql", STARTS["postgresql"][1])):
            client = parts[0][1]
            for first in ([(0, header + client)], [(0, header), (0, client)], [(0, header[:9]), (0, header[9:] + client)]):
                f = one(m, talk(9050, first + parts[1:]).frames)
                inner(f, app)
                same(f["app"], app)
        hello = dtls_records(1, dtls_hello(), 0)
        f = one(m, datagrams([header + hello[0]] + hello[1:]))
        same((f["app"], f["tls_sni"]), ("dtls", "dtls.example.com"), "DTLS")


def test_greetings_that_no_application_is_known_by(m):
    """Text of a server may come before SSH's version as well as before STARTTLS."""
    for greeting in (b"220 ready\r\n", b"+OK ready\r\n", b"* STARTTLS is spoken here\r\n"):
        f = one(m, talk(9999, [(1, greeting), (0, b"BEGIN\r\n"), (1, b"go ahead\r\n")]).frames)
        same((f["app"], f["tls_sni"], f["tls_cipher"]), ("tls", "inner.example.com", 0x1302), greeting)


# ---- DTLS ----

SRTP = (14, b"\0\2\0\7\0")


def dtls_hello(supported=(), cookie=b"", version=0xfefd, name=b"dtls.example.com"):
    x = [sni(name), (10, vec(2, u16s([29, 23]))), (11, vec(1, b"\0")), (13, vec(2, u16s(SIGNATURES))), SRTP]
    x += [(43, vec(1, u16s(supported)))] if supported else []
    body = struct.pack("!H", version) + b"r" * 32 + b"\0" + vec(1, cookie) + vec(2, u16s(CIPHERS)) + vec(1, b"\0")
    return body + vec(2, b"".join(struct.pack("!H", t) + vec(2, b) for t, b in x))


def dtls_records(kind, body, number=0, cuts=(), version=0xfefd):
    """Records of one part of the message each."""
    out = []
    for n, (a, b) in enumerate(zip((0, *cuts), (*cuts, len(body)))):
        part = bytes([kind]) + len(body).to_bytes(3, "big") + struct.pack("!H", number) + a.to_bytes(3, "big") + (b - a).to_bytes(3, "big") + body[a:b]
        out.append(b"\x16" + struct.pack("!HH", version, 0) + (number * 10 + n).to_bytes(6, "big") + vec(2, part))
    return out


def datagrams(client, server=(), port=4444, t=T0):
    both = [(A, B, 50000, port, d) for d in client] + [(B, A, port, 50000, d) for d in server]
    return [(t + i * MS, eth(ip4(a, b, 17, udp(s, d, body)))) for i, (a, b, s, d, body) in enumerate(both)]


def test_dtls_hellos(m):
    kinds = [0, 10, 11, 13, 14]
    for record_version, legacy, supported, chosen, name in ((0xfeff, 0xfeff, (), None, "d1"), (0xfeff, 0xfefd, (), None, "d2"),
                                                            (0xfefd, 0xfefd, (0xfefc, 0xfefd), 0xfefc, "d3")):
        body = dtls_hello(supported, version=legacy)
        answer = server_hello(0x1301, [(43, struct.pack("!H", chosen))] if chosen else [(14, SRTP[1])], legacy)[4:]
        for cuts in ((), (100,), (1, 70, 71)):
            first = dtls_records(1, body, cuts=cuts, version=record_version)
            back = dtls_records(2, answer, version=record_version)
            more = [43] if supported else []
            for client in (first, first[::-1], [b"".join(first)], first + first):
                for port in (4444, 443):
                    f = one(m, datagrams(client, back, port))
                    same((f["app"], f["app_confidence"], f["tls_sni"], f["tls_cipher"], f["tls_version"], f["quic_version"]),
                         ("dtls", 100, "dtls.example.com", 0x1301, chosen or legacy, None), (name, cuts, port))
                    same(f["tls_ja4"], ja4_of(CIPHERS, kinds + more, SIGNATURES, "d%sd" % name, "00"))
                    same(f["tls_ja3"], ja3_of(CIPHERS, kinds + more, [29, 23], [0], legacy))
                    same(f["tls_ja3s"], hashlib.md5(b"%d,4865,%d" % (legacy, 43 if chosen else 14)).hexdigest())


def test_dtls_cookie(m):
    """HelloVerifyRequest, and a second hello: also when only a part of the first one came."""
    verify = dtls_records(3, b"\xfe\xff" + vec(1, b"c" * 20))
    second = dtls_records(1, dtls_hello(cookie=b"c" * 20), number=1, cuts=(90,))
    answer = dtls_records(2, server_hello(0x1301, [(14, SRTP[1])], 0xfefd)[4:], number=1)
    for first in (dtls_records(1, dtls_hello()), dtls_records(1, dtls_hello(), cuts=(90,))[:1], dtls_records(1, dtls_hello(), cuts=(90,))[1:]):
        packets = datagrams(first) + datagrams((), verify, t=T0 + S) + datagrams(second, answer, t=T0 + 2 * S)
        f = one(m, packets)
        same((f["app"], f["app_confidence"], f["tls_sni"], f["tls_cipher"]), ("dtls", 100, "dtls.example.com", 0x1301), len(first))


def test_dtls_after_stun(m):
    """WebRTC: checks of the path come first, in both directions."""
    stun = struct.pack("!HHI", 1, 0, 0x2112a442) + b"t" * 12
    packets = datagrams([stun] * 6, [stun] * 6)
    packets += datagrams(dtls_records(1, dtls_hello()), dtls_records(2, server_hello(0x1301, [], 0xfefd)[4:]), t=T0 + S)
    f = one(m, packets)
    same((f["app"], f["app_confidence"], f["tls_sni"], f["tls_cipher"]), ("dtls", 100, "dtls.example.com", 0x1301))


def test_dtls_in_capwap(m):
    parts = [b"\1\0\0\0" + d for d in dtls_records(1, dtls_hello(), cuts=(90,))]
    f = one(m, datagrams(parts, [b"\1\0\0\0" + d for d in dtls_records(2, server_hello(0x1301, [], 0xfefd)[4:])], port=5246))
    same((f["app"], f["app_confidence"], f["tls_sni"], f["tls_cipher"]), ("dtls", 100, "dtls.example.com", 0x1301))


def test_dtls_is_not_quic(m):
    for body in (b"\x17\xfe\xfd\0\1" + b"\0" * 6 + vec(2, b"e" * 60), b"\x16\xfe\xff\0\0" + b"\0" * 6 + vec(2, b"h" * 60),
                 b"\x16\1\0\0\0" + b"\0" * 6 + vec(2, b"h" * 60)):
        f = one(m, datagrams([body], port=443))
        same((f["app"], f["app_confidence"]), ("dtls", 60))


if __name__ == "__main__":
    main(globals())
