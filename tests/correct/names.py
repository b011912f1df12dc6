#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Names on flows (--app): TLS, DNS, HTTP, SSH and first bytes, made by hand; published fingerprints."""
import hashlib
import random

from packets import *
from run import main, same


def vec(n, body):
    return len(body).to_bytes(n, "big") + body


def u16s(values):
    return b"".join(struct.pack("!H", v) for v in values)


def hello(ciphers, extensions, version=0x0303):
    """extensions: (type, body)"""
    body = struct.pack("!H", version) + b"r" * 32 + vec(1, b"s" * 32) + vec(2, u16s(ciphers)) + vec(1, b"\0")
    body += vec(2, b"".join(struct.pack("!H", t) + vec(2, b) for t, b in extensions)) if extensions is not None else b""
    return b"\1" + vec(3, body)


def server_hello(cipher, extensions, version=0x0303):
    body = struct.pack("!H", version) + b"r" * 32 + vec(1, b"") + struct.pack("!HB", cipher, 0)
    return b"\2" + vec(3, body + vec(2, b"".join(struct.pack("!H", t) + vec(2, b) for t, b in extensions)))


def record(message, size=1 << 14):
    return b"".join(b"\x16\3\1" + vec(2, message[i:i + size]) for i in range(0, len(message), size))


def sni(name):
    return 0, vec(2, b"\0" + vec(2, name))


def alpn(*names):
    return 16, vec(2, b"".join(vec(1, n) for n in names))


GREASE = 0x3a3a
SIGNATURES = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]
CIPHERS = [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x9c, 0x9d, 0x2f, 0x35]


def chrome():
    """The hello of the JA4 specification's example, GREASE in every list."""
    x = [(GREASE, b""), sni(b"example.com"), (0x17, b""), (0xff01, b"\0"), (0x0a, vec(2, u16s([GREASE, 29, 23, 24]))),
         (0x0b, vec(1, b"\0")), (0x23, b""), alpn(b"h2", b"http/1.1"), (0x05, b"\1\0\0\0\0"), (0x0d, vec(2, u16s(SIGNATURES))),
         (0x12, b""), (0x33, b"\0" * 6), (0x2d, b"\1\1"), (0x2b, vec(1, u16s([GREASE, 0x0304, 0x0303]))), (0x1b, b"\2\0\2"),
         (0x4469, b"\0\3\2h2"), (0x15, b"\0" * 8)]
    return hello([GREASE] + CIPHERS, x)


def stream(parts, dport=443, answer=b""):
    c = Conn(dport=dport).open()
    for p in parts:
        c.send(0, ACK | PSH, p)
    if answer:
        c.send(1, ACK | PSH, answer)
    return c


def named(m, packets, *args):
    f = m.flows(packets, "--app", *args)
    same(len(f), 1)
    return f[0]


def test_ja4_of_the_specification(m):
    f = named(m, stream([record(chrome())]).frames)
    same(f["tls_ja4"], "t13d1516h2_8daaf6152771_e5627efa2ab1")
    same((f["app"], f["app_confidence"], f["tls_sni"], f["tls_alpn"], f["tls_version"]), ("tls", 90, "example.com", "h2", 0x0304))


def test_ja3_published(m):
    """The two examples of the JA3 README."""
    first = hello([47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4],
                  [sni(b"x"), (10, vec(2, u16s([23, 24, 25]))), (11, vec(1, b"\0"))], 769)
    same(named(m, stream([record(first)]).frames)["tls_ja3"], "ada70206e40642a3e4461f35503241d5")
    second = hello([4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99], None, 769)
    same(named(m, stream([record(second)]).frames)["tls_ja3"], "de350869b8c85de67a350c8d186f11e6")


def test_ja3s_and_the_servers_choice(m):
    answer = server_hello(0x1301, [(43, b"\3\4"), (51, b"\0\x1d\0\0")])
    f = named(m, stream([record(chrome())], answer=record(answer)).frames)
    same((f["app_confidence"], f["tls_version"], f["tls_cipher"]), (100, 0x0304, 0x1301))
    same(f["tls_ja3s"], hashlib.md5(b"771,4865,43-51").hexdigest())


def test_ja4_rules(m):
    cases = [
        ([sni(b"a"), alpn(b"\xabh")], "d", "ab"[:1] + "8"),      # not alphanumeric: hex of first and last
        ([alpn(b"h")], "i", "hh"), ([], "i", "00"), ([alpn(b"http/1.1")], "i", "h1"),
    ]
    for x, name, want in cases:
        ja4 = named(m, stream([record(hello([0x1301], x))]).frames)["tls_ja4"]
        same((ja4[3], ja4[8:10]), (name, want), x)
    same(named(m, stream([record(hello([0x2f], None))]).frames)["tls_ja4"][-12:], "0" * 12)


def test_hello_cut_anywhere(m):
    data = record(chrome(), 100)  # over several records, too
    want = named(m, stream([record(chrome())]).frames)["tls_ja4"]
    packets = []
    for cut in range(1, len(data)):
        c = Conn(sport=1024 + cut, t=T0 + cut * MS).open().send(0, ACK, data[:cut]).send(0, ACK, data[cut:])
        packets += c.frames
    f = m.flows(packets, "--app")
    same({x["tls_ja4"] for x in f}, {want})
    same(len(f), len(data) - 1)


def test_hello_in_disorder(m):
    data, rnd = record(chrome()), random.Random(1)
    for _ in range(30):
        cuts = sorted(rnd.sample(range(1, len(data)), 4))
        parts = [(a, data[a:b]) for a, b in zip([0] + cuts, cuts + [len(data)])]
        rnd.shuffle(parts)
        parts += [parts[0]]  # one comes again
        c = Conn().open()
        for at, part in parts:
            c.send(0, ACK, part, seq=1001 + at)
        same(named(m, c.frames)["tls_sni"], "example.com", parts)


def test_midstream_says_the_port_only(m):
    f = named(m, Conn(dport=443).send(0, ACK, b"\x17\3\3\0\x20" + b"e" * 32).frames)
    same((f["app"], f["app_confidence"], f["tls_sni"]), ("tls", 30, None))


def dns(name, response=False, ident=7, qtype=1, rcode=0, answers=()):
    q = b"".join(vec(1, label) for label in name.split(b".")) + b"\0" + struct.pack("!HH", qtype, 1)
    body = struct.pack("!HHHHHH", ident, 0x8180 | rcode if response else 0x0100, 1, len(answers), 0, 0) + q
    return body + b"".join(b"\xc0\x0c" + struct.pack("!HHI", qtype, 1, ttl) + vec(2, b"\1\2\3\4") for ttl in answers)


def test_dns(m):
    ask, answer = dns(b"www.example.org"), dns(b"www.example.org", True, answers=(300, 60, 900))
    f = named(m, [(T0, eth(ip4(A, B, 17, udp(5000, 53, ask)))), (T0 + MS, eth(ip4(B, A, 17, udp(53, 5000, answer))))])
    same((f["app"], f["app_confidence"], f["dns_query"], f["dns_qtype"], f["dns_rcode"], f["dns_answers"], f["dns_answer_ttl"]),
         ("dns", 100, "www.example.org", 1, 0, 3, 60))
    f = named(m, [(T0, eth(ip4(A, B, 17, udp(5000, 53, dns(b"no.such", qtype=28)))))])
    same((f["dns_query"], f["dns_qtype"], f["dns_rcode"], f["app_confidence"]), ("no.such", 28, None, 90))
    f = named(m, [(T0, eth(ip4(A, "224.0.0.251", 17, udp(5353, 5353, dns(b"_ipp._tcp.local")))))])
    same((f["app"], f["dns_query"]), ("mdns", "_ipp._tcp.local"))
    f = named(m, stream([vec(2, ask)[:9], vec(2, ask)[9:]], 53, vec(2, answer)).frames)
    same((f["app"], f["dns_query"], f["dns_answer_ttl"]), ("dns", "www.example.org", 60))


def test_http(m):
    ask = b"GET /index.html?q=1 HTTP/1.1\r\nHost: example.com\r\nUser-Agent: test/1.0 (x)\r\nAccept: */*\r\n\r\n"
    f = named(m, stream([ask[:30], ask[30:]], 80, b"HTTP/1.1 404 Not Found\r\n\r\n").frames)
    same((f["app"], f["app_confidence"], f["http_method"], f["http_host"], f["http_target"], f["http_user_agent"], f["http_status"]),
         ("http", 100, "GET", "example.com", "/index.html?q=1", "test/1.0 (x)", 404))
    f = named(m, stream([b"POST /" + b"a" * 500 + b" HTTP/1.1\r\nhost:h\r\n\r\n"], 8080).frames)
    same((f["app"], f["http_host"], len(f["http_target"])), ("http", "h", 128))


def kexinit(lists):
    body = b"\x14" + b"c" * 16 + b"".join(vec(4, x) for x in lists) + b"\0" * 5
    pad = 8 - (len(body) + 5) % 8 + 4
    return vec(4, bytes([pad]) + body + b"\0" * pad)


def test_ssh(m):
    lists = [b"kex1,kex2", b"hostkey", b"enc-c,aes", b"enc-s", b"mac-c", b"mac-s", b"none,zlib", b"none", b"", b""]
    c = Conn(dport=2222).open().send(1, ACK | PSH, b"SSH-2.0-server_9\r\n" + kexinit(lists))
    c.send(0, ACK | PSH, b"SSH-2.0-client_1 x\r\n").send(0, ACK | PSH, kexinit(lists))
    f = named(m, c.frames)
    same((f["app"], f["app_confidence"], f["ssh_client"], f["ssh_server"]), ("ssh", 100, "SSH-2.0-client_1 x", "SSH-2.0-server_9"))
    same(f["ssh_hassh"], hashlib.md5(b"kex1,kex2;enc-c,aes;mac-c;none,zlib").hexdigest())
    same(f["ssh_hassh_server"], hashlib.md5(b"kex1,kex2;enc-s;mac-s;none").hexdigest())


def test_first_bytes(m):
    datagrams = {
        "stun": (40000, struct.pack("!HHI", 1, 0, 0x2112a442) + b"t" * 12), "ntp": (123, b"\x23" + b"\0" * 47),
        "dhcp": (67, b"\1\1\6\0" + b"\0" * 232 + b"\x63\x82\x53\x63\xff"), "bittorrent": (6999, b"d1:ad2:id20:" + b"x" * 40),
        "wireguard": (9999, b"\1\0\0\0" + b"k" * 144), "ssdp": (1900, b"M-SEARCH * HTTP/1.1\r\n"), "snmp": (161, b"\x30\x26\2\1\1\4\6public"),
        "sip": (5060, b"OPTIONS sip:a@b SIP/2.0\r\n"), "dtls": (7000, b"\x16\xfe\xfd" + b"\0" * 8 + vec(2, b"h" * 40)),
        "syslog": (514, b"<34>1 2003"), "coap": (5683, b"\x40\1\x12\x34"), "tftp": (69, b"\0\1file\0octet\0"),
        "ike": (500, b"i" * 16 + b"\x21\x20\x22\x08" + b"\0" * 8), "radius": (1812, b"\1\7" + struct.pack("!H", 20) + b"a" * 16),
        "sflow": (6343, struct.pack("!III", 5, 1, 0) + b"\0" * 20), "netflow": (2055, struct.pack("!HH", 9, 1) + b"\0" * 40),
    }
    for app, (port, body) in datagrams.items():
        f = named(m, [(T0, eth(ip4(A, B, 17, udp(50000, port, body))))])
        same((f["app"], f["app_confidence"]), (app, 60), app)
    streams = {"bittorrent": b"\x13BitTorrent protocol" + b"\0" * 48, "http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
               "mqtt": b"\x10\x10\0\4MQTT\4\2\0<\0\4test", "rdp": b"\3\0\0\x0b\6\xe0\0\0\0\0\0", "smb": b"\0\0\0\x40\xfeSMB" + b"\0" * 60,
               "redis": b"*1\r\n$4\r\nPING\r\n", "postgresql": struct.pack("!II", 8, 80877103), "amqp": b"AMQP\0\0\x09\x01",
               "bgp": b"\xff" * 16 + struct.pack("!HB", 29, 1) + b"\4" * 10, "telnet": b"\xff\xfd\x18\xff\xfd\x20"}
    for app, body in streams.items():
        f = named(m, stream([body], 40001).frames)
        same((f["app"], f["app_confidence"]), (app, 60), app)
    for app, line in (("smtp", b"220 mail ESMTP Postfix\r\n"), ("ftp", b"220 ProFTPD FTP\r\n"), ("imap", b"* OK IMAP4rev1\r\n"),
                      ("pop3", b"+OK POP3 ready\r\n"), ("vnc", b"RFB 003.008\n")):
        f = named(m, Conn(dport=40002).open().send(1, ACK | PSH, line).frames)
        same(f["app"], app)


def test_hostile_names_stay_one_line_of_json(m):
    evil = bytes(range(1, 48)) + b'"\\\xff\xfe\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80' + "\u2028é𝄞".encode()
    out = m.raw(pcap(stream([record(hello([1], [sni(evil), alpn(evil)]))]).frames), "-e", "flow", "--app", "-p", "all", text=True)
    same(out.count(b"\n"), 1)
    f = json.loads(out.decode("utf-8"))["features"]
    want = "".join(chr(c) for c in range(1, 48)) + '"\\' + "\ufffd" * 11 + "\u2028é𝄞"
    same(f["tls_sni"], want)
    assert all(0x20 <= b for b in out[:-1]), "no control byte as such"
    out = m.raw(pcap(stream([record(hello([1], [sni(b'a,"b"\n')]))]).frames), "-e", "flow", "--app", "-p", "all", "-o", "csv:-", text=True)
    same(len(out.splitlines()), 2)
    assert b'"a,""b"" "' in out


def test_off_by_default(m):
    f = m.flows(stream([record(chrome())]).frames)[0]
    assert "app" not in f and "tls_sni" not in f
    on = named(m, stream([record(chrome())]).frames)
    same({k: v for k, v in on.items() if k in f}, f, "nothing else changes")


def test_no_worker_count_matters(m):
    packets = []
    for i in range(300):
        c = Conn(sport=2000 + i, t=T0 + i * MS).open().send(0, ACK, record(chrome())[:100 + i]).send(0, ACK, record(chrome())[100 + i:])
        packets += c.frames
    packets.sort(key=lambda p: p[0])
    want = sorted(json.dumps(f) for f in m.flows(packets, "--app"))
    for w in ("2", "4"):
        same(sorted(json.dumps(f) for f in m.flows(packets, "--app", "-w", w)), want, w)
    for how in ((), ("--overflow", "drop", "-q", "65536")):
        got = subprocess.run([m.program, "read", "--quiet", "-e", "flow", "--app", "-p", "all", "-w", "2", *how, "-"],
                             input=pcap(packets), capture_output=True, timeout=60).stdout
        same(sorted(json.dumps(flat(json.loads(line))) for line in got.splitlines()), want, how)


if __name__ == "__main__":
    main(globals())
