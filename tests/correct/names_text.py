#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Names on flows (--app) of protocols in the clear: HTTP, SSH, DNS and its relatives, as they come in the wild."""
import random

from packets import *
from run import main, same


def vec(n, body):
    return len(body).to_bytes(n, "big") + body


def one(m, packets, *args):
    f = m.flows(packets, "--app", *args)
    same(len(f), 1)
    return f[0]


def talk(*said, dport=8080, sport=1000, t=T0, start=True):
    """said: (side, bytes) in order."""
    c = Conn(dport=dport, sport=sport, t=t)
    if start:
        c.open()
    for side, body in said:
        c.send(side, ACK | PSH, body)
    return c.frames


def datagrams(*said, dport=53, sport=40000, a=A, b=B):
    out = []
    for i, (side, body) in enumerate(said):
        src, dst, s, d = (a, b, sport, dport) if side == 0 else (b, a, dport, sport)
        out.append((T0 + i * MS, eth(ip(src, dst, 17, udp(s, d, body)))))
    return out


# ---- HTTP ----

OK = b"HTTP/1.1 200 OK\r\n\r\n"
HTTP = ("http_method", "http_host", "http_target", "http_user_agent")
REQUESTS = [
    ("blanks around Host", b"GET / HTTP/1.1\r\nHost: \t a.example \t \r\n\r\n", ("GET", "a.example", "/", None)),
    ("no blank", b"GET / HTTP/1.1\r\nHost:a.example\r\n\r\n", ("GET", "a.example", "/", None)),
    ("blank before the colon", b"GET / HTTP/1.1\r\nHost : a.example\r\n\r\n", ("GET", "a.example", "/", None)),
    ("empty Host", b"GET / HTTP/1.1\r\nHost:\r\nUser-Agent: u\r\n\r\n", ("GET", None, "/", "u")),
    ("bare LF", b"GET /lf HTTP/1.1\nHost: a.example\nUser-Agent: u v\n\n", ("GET", "a.example", "/lf", "u v")),
    ("both line ends", b"GET / HTTP/1.1\r\nHost: a.example\n\r\n", ("GET", "a.example", "/", None)),
    ("empty lines first", b"\r\n\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n", ("GET", "a.example", "/", None)),
    ("empty lines of LF first", b"\n\nGET / HTTP/1.1\nHost: a.example\n\n", ("GET", "a.example", "/", None)),
    ("folded", b"GET / HTTP/1.1\r\nHost:\r\n a.example\r\nUser-Agent: one\r\n\t two\r\n three\r\n\r\n", ("GET", "a.example", "/", "one two three")),
    ("HTTP/1.0", b"GET /old HTTP/1.0\r\n\r\n", ("GET", None, "/old", None)),
    ("absolute form", b"GET http://u.example/x HTTP/1.1\r\nHost: h.example\r\n\r\n", ("GET", "h.example", "http://u.example/x", None)),
    ("CONNECT", b"CONNECT u.example:443 HTTP/1.1\r\nHost: u.example:443\r\n\r\n", ("CONNECT", "u.example:443", "u.example:443", None)),
    ("asterisk", b"OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n", ("OPTIONS", "a.example", "*", None)),
    ("lower case", b"get / HTTP/1.1\r\nhost: a.example\r\n\r\n", ("get", "a.example", "/", None)),
    ("WebDAV", b"PROPFIND /d HTTP/1.1\r\nHost: a.example\r\n\r\n", ("PROPFIND", "a.example", "/d", None)),
    ("versions of WebDAV", b"VERSION-CONTROL /d HTTP/1.1\r\nHost: a.example\r\n\r\n", ("VERSION-CONTROL", "a.example", "/d", None)),
    ("any other word", b"RPC_OUT_DATA /rpc HTTP/1.1\r\nHost: a.example\r\n\r\n", ("RPC_OUT_DATA", "a.example", "/rpc", None)),
    ("two Hosts: the last", b"GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n", ("GET", "b.example", "/", None)),
    ("two requests: the first", b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\n", ("GET", "a", "/1", None)),
    ("blanks in the target", b"GET  /a b  HTTP/1.1\r\nHost: a\r\n\r\n", ("GET", "a", "/a b", None)),
    ("any bytes", b"GET /\xff\x01\x7f HTTP/1.1\r\nHost: a\xe9.\xc3\xa9\r\n\r\n", ("GET", "a\ufffd.é", "/\ufffd\x01\x7f", None)),
    ("IPv6 host", b"GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n", ("GET", "[2001:db8::1]:8080", "/", None)),
    ("no target", b"GET HTTP/1.1\r\nHost: a\r\n\r\n", ("GET", "a", None, None)),
    ("before HTTP/1.0", b"GET /where\r\n", ("GET", None, "/where", None)),
    ("a line without a colon", b"GET / HTTP/1.1\r\nnothing\r\nHost: a\r\n\r\n", ("GET", "a", "/", None)),
]


def test_http_requests_as_they_come(m):
    for what, ask, want in REQUESTS:
        f = one(m, talk((0, ask), (1, OK)))
        same((f["app"], f["app_confidence"], f["http_status"]) + tuple(f[c] for c in HTTP), ("http", 100, 200) + want, what)


def test_http_cut_anywhere(m):
    packets, want = [], []
    for what, ask, names in REQUESTS:
        for cut in range(1, len(ask)):
            packets += talk((0, ask[:cut]), (0, ask[cut:]), sport=1024 + len(want), t=T0 + len(want) * MS)
            want.append((what, cut, names))
    packets.sort(key=lambda p: p[0])
    got = {f["src_port"]: tuple(f[c] for c in HTTP) for f in m.flows(packets, "--app")}
    for i, (what, cut, names) in enumerate(want):
        same(got[1024 + i], names, "%s, cut at %d" % (what, cut))


def test_http_long_target(m):
    ask = b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: a.example\r\n\r\n"
    f = one(m, talk(*[(0, ask[i:i + 1400]) for i in range(0, len(ask), 1400)]))
    same((f["http_host"], f["http_target"]), ("a.example", "/" + "a" * 127))
    ask = b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\nHost: a.example\r\n\r\n"  # beyond what is kept
    f = one(m, talk(*[(0, ask[i:i + 1400]) for i in range(0, len(ask), 1400)]))
    same((f["app"], f["http_method"], f["http_target"]), ("http", "GET", "/" + "a" * 127))
    f = one(m, [(t, frame[:89], len(frame)) for t, frame in talk((0, b"GET /img/x.gif HTTP/1.1\r\nHost: a.example\r\n\r\n"))])
    same((f["http_host"], f["http_target"]), (None, "/img/x.gif"))
    f = one(m, [(t, frame[:72], len(frame)) for t, frame in talk((0, b"GET /img/x.gif HTTP/1.1\r\nHost: a.example\r\n\r\n"))])
    same((f["http_method"], f["http_target"]), ("GET", "/img/x.gif"), "cut in the version")


def test_http_head_that_does_not_end(m):
    f = one(m, talk((0, b"GET /f HTTP/1.1\r\nHost: a.example\r\nUser-Agent: cut o")))
    same((f["app"], f["app_confidence"]) + tuple(f[c] for c in HTTP), ("http", 90, "GET", "a.example", "/f", None))
    c = Conn(dport=8080).open().send(0, ACK, b"GET /f HTTP/1.1\r\nHo")
    c.t += 40 * S
    f = m.flows(c.send(0, ACK, b"st: a.example\r\n\r\n").frames, "--app", "--active-timeout", "20", "--idle-timeout", "60")
    same([x["http_host"] for x in f], [None, "a.example"], "a record before its end, and one after")


def test_http_answers(m):
    f = one(m, talk((1, b"HTTP/1.1 301 Moved\r\n\r\n"), (0, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")))
    same((f["app_confidence"], f["http_status"], f["http_host"]), (100, 301, "a"), "the answer came first")
    f = one(m, talk((0, b"HTTP/1.1 404 No\r\n\r\n"), start=False))
    same((f["app"], f["app_confidence"], f["http_status"]), ("http", 90, 404), "only the server was captured")
    said = [(1, b"HTTP/1.1 503 No"[i:i + 1]) for i in range(12)]
    f = one(m, talk((0, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), *said))
    same(f["http_status"], 503, "a byte at a time")
    f = one(m, talk((0, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), (1, b"\r\nHTTP/1.0 200 OK\r\n\r\n")))
    same(f["http_status"], 200)


def test_http_in_a_syn_and_after_a_keep_alive(m):
    ask = b"GET /f HTTP/1.1\r\nHost: a.example\r\n\r\n"
    for cut in (1, 10, len(ask)):  # RFC 7413: data in the SYN
        c = Conn(dport=8080).send(0, SYN, ask[:cut]).send(1, SYN | ACK)
        c.send(0, ACK | PSH, ask[cut:]).send(1, ACK | PSH, OK)
        f = one(m, c.frames)
        same((f["http_host"], f["http_target"], f["http_status"]), ("a.example", "/f", 200), cut)
    c = Conn(dport=8080)
    c.send(0, ACK, b"\0", seq=c.seq[0] - 1).send(1, ACK, b"\0", seq=c.seq[1] - 1)
    f = one(m, c.send(0, ACK | PSH, ask).send(1, ACK | PSH, OK).frames)
    same((f["midstream"], f["http_host"], f["http_status"]), (True, "a.example", 200), "keep-alives before")


def test_http_interim_answers(m):
    """RFC 9110 §15.2: what stands for the request is the answer behind them."""
    put = b"PUT /f HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n"
    interim, hints, done = b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </s>\r\n\r\n", b"HTTP/1.1 201 Created\r\n\r\n"
    for answers, want in (([interim, done], 201), ([hints + interim + done], 201), ([interim[:20], interim[20:] + hints, done[:5], done[5:]], 201),
                          ([interim], 100), ([interim + done[:8]], 100), ([b"HTTP/1.1 101 Switching Protocols\r\n\r\n", done], 101)):
        f = one(m, talk((0, put), *[(1, x) for x in answers]))
        same((f["http_status"], f["app_confidence"], f["http_host"]), (want, 100, "a"), answers)
    f = one(m, talk((0, put), (1, interim), *[(0, b"x" * 100)] * 40))
    same(f["http_status"], 100, "a long upload without an answer")


def test_not_http(m):
    for ask in (b"GET x\r\n", b"POST /\r\n", b"HELLO there HTTP/1.1 and more\r\n\r\n", b"GET / RTSP/1.0\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                b"12 / HTTP/1.1\r\n\r\n", b"\r\n\r\n", b"HTTP/1.x 200 OK\r\n\r\n", b"get key\r\n"):
        f = one(m, talk((0, ask), dport=40001))
        assert f["app"] != "http" and f["http_method"] is None, (ask, f["app"])
    for i in range(1, 24):  # HTTP/2 without an upgrade, in pieces
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        f = one(m, talk((0, preface[:i]), (0, preface[i:]), dport=40001))
        same((f["app"], f["http_method"]), ("http2", None), i)


def test_answer_of_another_protocol_names_nothing(m):
    name = b"secret.example"
    sni = b"\0\0" + vec(2, vec(2, b"\0" + vec(2, name)))
    hello = b"\3\3" + b"r" * 32 + b"\0" + vec(2, b"\x13\1") + b"\1\0" + vec(2, sni)
    f = one(m, talk((0, b"\x16\3\1" + vec(2, b"\1" + vec(3, hello))), (1, b"HTTP/1.1 400 Bad Request\r\n\r\n")))
    same((f["http_status"], f["http_host"]), (400, None), "a TLS hello's name is no Host")


def test_two_protocols_are_no_exchange(m):
    """What is asked in one protocol and answered in another was read of one side only."""
    get, ssh, dns = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"SSH-2.0-x\r\n", vec(2, answer(b"a.example"))
    tls = b"\x16\3\1" + vec(2, b"\1" + vec(3, b"\3\3" + b"r" * 32 + b"\0" + vec(2, b"\x13\1") + b"\1\0"))
    for what, said, port in ((("http", 90), [(1, ssh), (0, get)], 22), (("ssh", 90), [(0, get), (1, ssh)], 22), (("http", 90), [(0, ssh), (1, OK)], 80),
                             (("dns", 90), [(0, get), (1, dns)], 53), (("ssh", 90), [(0, tls), (1, ssh)], 22), (("tls", 90), [(0, tls), (1, OK)], 80),
                             (("ssh", 90), [(0, get), (1, ssh[:5]), (1, ssh[5:]), (1, b"\0\0\1\x2c\4\x14"), (1, b"c")], 22),
                             (("ssh", 100), [(0, ssh), (1, ssh)], 22), (("http", 100), [(1, OK), (0, get)], 80)):
        f = one(m, talk(*said, dport=port))
        same((f["app"], f["app_confidence"]), what, said)


# ---- PROXY ----

V1 = [b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n", b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n", b"PROXY UNKNOWN\r\n"]
V2 = [b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + vec(2, b"\xc0\0\2\1\xc0\0\2\2\xdc\4\1\xbb"), b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0",
      b"\r\n\r\n\0\r\nQUIT\n\x21\x21" + vec(2, b"a" * 36 + b"\3\0\4abcd")]


def test_behind_a_proxys_header(m):
    http = b"GET /p HTTP/1.1\r\nHost: a.example\r\n\r\n"
    ssh = b"SSH-2.0-client\r\n"
    for header in V1 + V2:
        for parts in ((header + http,), (header, http), (header[:5], header[5:], http[:7], http[7:])):
            f = one(m, talk(*[(0, p) for p in parts], (1, OK)))
            same((f["app"], f["app_confidence"], f["http_host"], f["http_target"]), ("http", 100, "a.example", "/p"), header)
        f = one(m, talk((0, header), (1, b"SSH-2.0-server\r\n"), (0, ssh)))
        same((f["app"], f["ssh_client"], f["ssh_server"]), ("ssh", "SSH-2.0-client", "SSH-2.0-server"), header)
    f = one(m, talk((0, V1[0] + b"\x13BitTorrent protocol" + b"\0" * 48), dport=40001))
    same(f["app"], "bittorrent")
    f = one(m, datagrams((0, V2[0] + ask(b"a.example")), (1, answer(b"a.example"))))
    same(tuple(f[c] for c in DNS), GIVEN, "before a datagram")
    for no in (b"PROXY please\r\n", b"PROXY TCP4 " + b"1" * 120 + b"\r\n", b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0"):
        f = one(m, talk((0, no + http), dport=40001))
        assert f["http_host"] is None, no


# ---- SSH ----

def test_ssh_text_before_the_version(m):
    """RFC 4253 §4.2: lines of text that do not begin with SSH-."""
    banner = b"Welcome!\r\nauthorised use only, Zugriff nur f\xc3\xbcr Befugte\r\n\r\nnot SSH-1 yet\r\n"
    server, client = b"SSH-2.0-dropbear\r\n", b"SSH-2.0-OpenSSH_9.6\r\n"
    for port in (22, 2222, 443):
        for said in ([(0, client), (1, banner + server)], [(1, banner + server), (0, client)],
                     [(1, banner), (0, client), (1, server)], [(1, banner[:3]), (1, banner[3:]), (1, server[:2]), (1, server[2:]), (0, client)],
                     [(1, b"one\n" + server), (0, client)]):
            f = one(m, talk(*said, dport=port))
            same((f["app"], f["app_confidence"], f["ssh_client"], f["ssh_server"]),
                 ("ssh", 100, "SSH-2.0-OpenSSH_9.6", "SSH-2.0-dropbear"), (port, said))
    f = one(m, talk((1, b"220 mail ESMTP\r\nSSH-2.0-no\r\n"), dport=25))
    same((f["app"], f["ssh_server"]), ("smtp", None))
    f = one(m, talk((1, b"binary\0\1\r\nSSH-2.0-no\r\n"), dport=40001))
    same((f["app"], f["ssh_server"]), (None, None))
    f = one(m, talk((1, b"x" * 5000 + b"\r\n"), (1, b"SSH-2.0-no\r\n"), dport=40001))
    same((f["app"], f["ssh_server"]), (None, None), "too much text")


def test_ssh_joined_in_the_middle(m):
    """The server speaks first: its port tells the roles where the handshake was not captured."""
    server, client = b"SSH-2.0-dropbear\r\n", b"SSH-2.0-OpenSSH_9.6\r\n"
    c = Conn(dport=22).send(1, ACK | PSH, b"hello\r\n" + server).send(0, ACK | PSH, client)
    f = one(m, c.frames)
    same((f["midstream"], f["src_port"], f["ssh_client"], f["ssh_server"]), (True, 22, "SSH-2.0-OpenSSH_9.6", "SSH-2.0-dropbear"))
    f = one(m, talk((0, client), (1, server), dport=22, start=False))
    same((f["ssh_client"], f["ssh_server"]), ("SSH-2.0-OpenSSH_9.6", "SSH-2.0-dropbear"))


# ---- DNS ----

DNS = ("app", "app_confidence", "dns_query", "dns_qtype", "dns_rcode", "dns_answers", "dns_answer_ttl")


def wire(name):
    """bytes with dots, or a list of labels"""
    labels = name if isinstance(name, list) else [x for x in name.split(b".") if x]
    return b"".join(vec(1, x) for x in labels) + b"\0"


def question(name, qtype=1, qclass=1):
    return wire(name) + struct.pack("!HH", qtype, qclass)


def record(owner, ttl=60, rtype=1, data=b"\1\2\3\4", rclass=1):
    return owner + struct.pack("!HHI", rtype, rclass, ttl) + vec(2, data)


def message(questions=(), answers=(), flags=0x0100, ident=7, authorities=(), additionals=()):
    parts = [questions, answers, authorities, additionals]
    return struct.pack("!HH4H", ident, flags, *map(len, parts)) + b"".join(b"".join(p) for p in parts)


def ask(name, qtype=1, ident=7, **more):
    return message([question(name, qtype)], ident=ident, **more)


def answer(name, qtype=1, ident=7, ttls=(60,), flags=0x8180):
    return message([question(name, qtype)], [record(b"\xc0\x0c", t, qtype) for t in ttls], flags, ident)


OPT = b"\0" + struct.pack("!HHI", 41, 1232, 0x8000) + vec(2, b"")
GIVEN = ("dns", 100, "a.example", 1, 0, 1, 60)


def test_dns_on_any_port(m):
    """By what is in it, over UDP and TCP."""
    for port in (8053, 5300, 1053, 40001, 443, 784):
        f = one(m, datagrams((0, ask(b"a.example")), (1, answer(b"a.example")), dport=port))
        same(tuple(f[c] for c in DNS), GIVEN, port)
        f = one(m, talk((0, vec(2, ask(b"a.example"))), (1, vec(2, answer(b"a.example"))), dport=port))
        same(tuple(f[c] for c in DNS), GIVEN, port)
    f = one(m, datagrams((0, ask(b"a.example", additionals=[OPT])), dport=8053, a=A6, b=B6))
    same(tuple(f[c] for c in DNS), ("dns", 90, "a.example", 1, None, None, None), "EDNS, IPv6")
    f = one(m, datagrams((1, answer(b"a.example")), dport=8053))
    same((f["dns_query"], f["dns_answers"]), ("a.example", 1), "only the answer was captured")
    long = answer(b"a.example", ttls=[60] * 300)
    f = one(m, [(T0, eth(ip4(B, A, 17, udp(8053, 5000, long)))[:600], 42 + len(long))])
    same((f["app"], f["dns_query"], f["dns_answers"]), ("dns", "a.example", 300), "cut by the snap length")


def test_what_is_not_dns_is_not_taken_for_it(m):
    good, rnd = ask(b"a.example"), random.Random(18)
    no = [good + b"\0", good[:-1], good[:-2] + b"\0\2", good[:4] + b"\0\2" + good[6:], good[:2] + b"\x01\x40" + good[4:],
          good[:2] + b"\x11\0" + good[4:], good[:6] + b"\0\1" + good[8:], good[:2] + b"\1\3" + good[4:],
          message([wire(b"a") + b"\0\0\0\1"]), message([b"\xc0\x0c\0\1\0\1"]), b"\0" * 17, b"\xff" * 40, bytes(range(64)),
          answer(b"a.example") + b"x", message([question(b"a")], [record(b"\xc0\x0c", rclass=7)], 0x8180)]
    no += [rnd.randbytes(rnd.randrange(17, 200)) for _ in range(3000)]
    packets = [(T0 + i * MS, eth(ip4(A, B, 17, udp(1024 + i, 40001, body)))) for i, body in enumerate(no)]
    for i, body in enumerate(no):
        packets += talk((0, vec(2, body)), dport=40001, sport=1024 + i, t=T0 + i * MS)
    packets.sort(key=lambda p: p[0])
    f = m.flows(packets, "--app", "--max-flows", "20000")
    same(len(f), 2 * len(no))
    same([x["src_port"] for x in f if x["app"] == "dns"], [])
    f = one(m, datagrams((0, b"\x01\x02" * 30), dport=53))  # the port alone
    same((f["app"], f["app_confidence"], f["dns_query"]), ("dns", 30, None))


def test_dns_streams(m):
    q, r = vec(2, ask(b"a.example")), vec(2, answer(b"a.example"))
    q2, r2 = vec(2, ask(b"b.example", ident=8)), vec(2, answer(b"b.example", ident=8, ttls=(5, 6)))
    for port in (53, 5300):
        for what, said in {
                "a byte at a time": [(0, q[i:i + 1]) for i in range(9)] + [(0, q[9:]), (1, r[:1]), (1, r[1:2]), (1, r[2:])],
                "the length first": [(0, q[:2]), (0, q[2:]), (1, r[:2]), (1, r[2:])],
                "two questions at once": [(0, q + q2), (1, r + r2)],
                "answers in the other order": [(0, q + q2), (1, r2 + r)],
                "in the other order, in pieces": [(0, q), (0, q2), (1, r2[:20]), (1, r2[20:] + r[:5]), (1, r[5:])],
                "the answer first": [(1, r), (0, q)]}.items():
            f = one(m, talk(*said, dport=port))
            same(tuple(f[c] for c in DNS), GIVEN, (port, what))
    large = vec(2, answer(b"a.example", ttls=[60] * 2000))  # a message beyond what is kept
    f = one(m, talk((0, q), *[(1, large[i:i + 8000]) for i in range(0, len(large), 8000)], dport=53))
    same((f["dns_answers"], f["dns_rcode"]), (2000, 0))
    f = one(m, talk((0, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), (1, OK), dport=53))
    same((f["app"], f["http_host"]), ("http", "a"))


def test_dns_several_questions(m):
    services = [b"_ipps._tcp.local", b"_ftp._tcp.local", b"_nfs._tcp.local"]
    for port, app in ((5353, "mdns"), (5355, "llmnr"), (53, "dns")):
        many = message([question(s, 12, 0x8001) for s in services], flags=0)
        f = one(m, datagrams((0, many), sport=5353, dport=port))
        same((f["app"], f["app_confidence"], f["dns_query"], f["dns_qtype"], f["dns_rcode"]), (app, 90, "_ipps._tcp.local", 12, None), port)
    f = one(m, datagrams((0, message([question(services[0], 12), b"\4_new\xc0\x12\0\x0c\0\1"], flags=0)), dport=5353))
    same(f["dns_query"], "_ipps._tcp.local", "a pointer in the second question")
    known = message([question(services[0], 12)], [record(b"\xc0\x0c", 4500, 12, b"\1x\xc0\x0c")], 0)
    f = one(m, datagrams((0, known), dport=5353))
    same((f["dns_query"], f["dns_answers"], f["dns_rcode"]), ("_ipps._tcp.local", None, None), "answers that the asker knows are no answers")
    many = message([question(b"a.example"), question(b"b.example")], [record(b"\xc0\x0c", 9)], 0x8180)
    f = one(m, datagrams((0, ask(b"a.example")), (1, many)))
    same(tuple(f[c] for c in DNS), ("dns", 100, "a.example", 1, 0, 1, 9))


def test_mdns_announcements(m):
    """A response without a question: no name was asked for; what was said is counted."""
    own = record(wire(b"host.local"), 120, 1, rclass=0x8001)
    two = message((), [own, record(b"\xc0\x0c", 60, 28, b"\0" * 16)], 0x8400, 0)
    f = one(m, datagrams((0, two), sport=5353, dport=5353, b="224.0.0.251"))
    same(tuple(f[c] for c in DNS), ("mdns", 90, None, None, 0, 2, 60))
    other = message((), [record(wire(b"other.local"), 10)], 0x8400, 0)
    want = message([question(b"host.LOCAL")], flags=0)
    f = one(m, datagrams((0, other), (0, want), (0, other), (1, two), sport=5353, dport=5353, b=C))
    same(tuple(f[c] for c in DNS), ("mdns", 100, "host.LOCAL", 1, 0, 2, 60), "only what is said of the name is an answer")
    f = one(m, datagrams((0, message([question(b"x.local")], flags=0)), (1, other), sport=5353, dport=5353, b=C))
    same((f["dns_query"], f["dns_answers"]), ("x.local", None))


def test_dns_answers(m):
    f = one(m, datagrams((0, ask(b"A.exAmple")), (1, answer(b"a.Example"))))
    same((f["dns_query"], f["dns_answers"]), ("A.exAmple", 1), "names are the same in either case")
    f = one(m, datagrams((0, ask(b"a.example")), (1, message(flags=0x8181))))
    same((f["dns_rcode"], f["dns_answers"], f["dns_answer_ttl"], f["app_confidence"]), (1, 0, None, 100), "a bare header")
    f = one(m, datagrams((0, ask(b"a.example")), (1, message(flags=0x8181, ident=9))))
    same((f["dns_rcode"], f["dns_query"]), (None, "a.example"), "of another question")
    f = one(m, datagrams((0, ask(b"a.example")), (0, ask(b"b.example")), (1, answer(b"b.example")), (1, answer(b"a.example", ttls=(7, 8)))))
    same((f["dns_query"], f["dns_answers"], f["dns_answer_ttl"]), ("a.example", 2, 7))
    f = one(m, datagrams((0, ask(b"")), (1, message([question(b"")], (), 0x8183))))
    same((f["dns_query"], f["dns_rcode"]), (".", 3))


def test_llmnr(m):
    f = one(m, datagrams((0, ask(b"test", flags=0)), (1, answer(b"test", flags=0x8000)), dport=5355))
    same(tuple(f[c] for c in DNS), ("llmnr", 100, "test", 1, 0, 1, 60))
    f = one(m, talk((0, vec(2, ask(b"test", flags=0))), (1, vec(2, answer(b"test", flags=0x8000))), dport=5355))
    same(tuple(f[c] for c in DNS), ("llmnr", 100, "test", 1, 0, 1, 60))


def test_dns_names(m):
    """RFC 1035 §5.1: a dot inside a label is no end of one."""
    for labels, want in (([b"a.b", b"com"], "a\\.b.com"), ([b"c\\d", b"x"], "c\\\\d.x"), ([b"Drucker 2.OG", b"_ipp", b"local"], "Drucker 2\\.OG._ipp.local"),
                         (["büro".encode(), b"local"], "büro.local"), ([b"\xff\0", b"x"], "\ufffd\0.x"), ([b"." * 63] * 3 + [b"." * 61], ("\\." * 63 + ".") * 2),
                         ([b"x" * 63] * 3 + [b"y" * 61], ".".join(["x" * 63] * 3 + ["y" * 61]))):
        f = one(m, datagrams((0, ask(labels, 255))))
        same(f["dns_query"], want, labels)
    for bad in ([b"x" * 63] * 3 + [b"y" * 62],):  # 256 bytes on the wire
        same(one(m, datagrams((0, ask(bad))))["dns_query"], None)
    head = struct.pack("!HH4H", 7, 0x8180, 1, 1, 0, 0) + question(b"a.example")
    for pointer in (b"\xc0\x1b", b"\xc0\x1c", b"\xc0\x00", b"\xff\xff", b"\x01a\xc0\x1b"):  # to itself, ahead, into the header, out
        f = one(m, datagrams((1, head + record(pointer, 5))))
        same((f["dns_query"], f["dns_answers"], f["dns_answer_ttl"]), ("a.example", 1, None), pointer)
    chain = b"".join(struct.pack("!H", 0xc00c if i == 0 else 0xc000 | 39 + 2 * (i - 1)) for i in range(40))
    body = head + record(b"\xc0\x0c", 5, 16, chain) + record(struct.pack("!H", 0xc000 | 39 + 2 * 39), 1)
    same(one(m, datagrams((1, body[:6] + b"\0\2" + body[8:])))["dns_answer_ttl"], 5, "forty pointers in a row")


# ---- NetBIOS ----

def netbios(name, suffix, scope=b""):
    raw = (name + b" " * 15)[:15] + bytes([suffix])
    return vec(1, bytes(0x41 + n for c in raw for n in (c >> 4, c & 15))) + wire(scope)


def test_netbios_names(m):
    """RFC 1001 §14.1: the name without its blanks, what it is for, the scope."""
    cases = [(netbios(b"WORKGROUP", 0x1d), "WORKGROUP<1d>"), (netbios(b"FILE SERVER", 0x20), "FILE SERVER<20>"),
             (netbios(b"HOST", 0, b"scope.example"), "HOST<00>.scope.example"), (netbios(b"\1\2__MSBROWSE__\2", 1), "<01><02>__MSBROWSE__<02><01>"),
             (netbios(b"*" + b"\0" * 14, 0), "*" + "<00>" * 15), (netbios(b"B\xdcRO", 3), "B<dc>RO<03>"),
             (netbios(b"", 0x1b), "<1b>"), (wire(b"PLAIN"), "PLAIN")]
    for name, want in cases:
        for sport in (137, 40000):
            q = name + b"\0\x20\0\1"
            f = one(m, datagrams((0, message([q], flags=0x0110)), sport=sport, dport=137))
            same((f["app"], f["app_confidence"], f["dns_query"], f["dns_qtype"]), ("nbns", 90, want, 32), want)
    name = netbios(b"HOST", 0x20)
    q, data = name + b"\0\x20\0\1", b"\0\0\xc0\0\2\1"
    f = one(m, datagrams((0, message([q], flags=0x0110)), (1, message((), [record(name, 300, 32, data)], 0x8500)), sport=137, dport=137))
    same(tuple(f[c] for c in DNS), ("nbns", 100, "HOST<20>", 32, 0, 1, 300), "an answer has no question")
    for opcode in (5, 6, 8, 9, 15):  # registration, release, refresh, multi-homed registration
        own = message([q], flags=opcode << 11 | 0x0110, additionals=[record(b"\xc0\x0c", 300, 32, data)])
        f = one(m, datagrams((0, own), (1, message((), [record(name, 300, 32, data)], 0x8000 | opcode << 11 | 0x0580 | 6)), dport=137))
        same((f["app"], f["dns_query"], f["dns_rcode"]), ("nbns", "HOST<20>", 6), opcode)


if __name__ == "__main__":
    main(globals())
