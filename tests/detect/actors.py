# SPDX-License-Identifier: Apache-2.0
"""Both ends of what no program of the distribution does: servers that answer, and malware that is not.

    actors.py ROLE JSON        until it is ended, or has done what it does
"""
import json
import random
import socket
import socketserver
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from wire import QTYPES, dns_message, ip_frame  # noqa: E402


def take(s, n):
    while n > 0:
        data = s.recv(min(n, 1 << 16))
        if not data:
            return False
        n -= len(data)
    return True


def request(up, down, last=False):
    return struct.pack("!II?", up, down, last) + b"u" * up


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads, request_queue_size = True, True, 512

    def handle_error(self, *_):
        """Who attacks goes away in the middle of things."""


def listen(addresses, ports, handler):
    """Answers for good; a line when it does."""
    servers = [Server((a, p), handler) for a in addresses for p in ports]
    print("ready", flush=True)
    for s in servers[1:]:
        threading.Thread(target=s.serve_forever).start()
    servers[0].serve_forever()


def serve_calls(addresses, port):
    """Takes (bytes that follow, bytes of the answer, whether it was the last) until the last."""
    class Call(socketserver.BaseRequestHandler):
        def handle(self):
            while True:
                head = self.request.recv(9, socket.MSG_WAITALL)
                if len(head) < 9:
                    return
                up, down, last = struct.unpack("!II?", head)
                if not take(self.request, up):
                    return
                self.request.sendall(b"d" * down)
                if last:
                    return
    listen(addresses, [port], Call)


def serve_http(addresses, ports):
    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            body = b"x" * 20000
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_PUT(self):
            left = int(self.headers.get("Content-Length", 0))
            while left > 0:
                data = self.rfile.read(min(left, 1 << 20))
                left -= len(data) or left
            self.send_response(201)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass
    listen(addresses, ports, Page)


def name_of(query):
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
        at += 1 + query[at]
    return ".".join(labels), struct.unpack_from("!H", query, at + 1)[0]


def serve_dns(address, zone="", big=0):
    """Data for names of a zone, an address for one in fifty of the others, NXDOMAIN for the rest; for ANY what is big."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, 53))
    print("ready", flush=True)
    kinds = {v: k for k, v in QTYPES.items()}
    while True:
        query, who = s.recvfrom(4096)
        name, number = name_of(query)
        ident, kind = struct.unpack_from("!H", query)[0], kinds.get(number, "A")
        if kind == "ANY":
            answers, rcode = [b"a" * 250] * (big // 262), 0
        elif zone and name.endswith(zone):
            text = random.randbytes(random.randrange(60, 180))
            answers, rcode = [bytes([len(text)]) + text if kind == "TXT" else b"\6answer\0" if kind == "CNAME" else text[:4]], 0
        else:
            known = random.random() < 0.02
            answers, rcode = ([b"\x2d\x4d\x0c\x09"] if known else []), 0 if known else 3
        s.sendto(dns_message(ident, name, kind, answers, rcode), who)


def call_home(who, peer, port, every, jitter, seconds, up, down, spread=0.0, seed=0):
    """A connection each `every` seconds, sooner or later by a part of it."""
    r, end = random.Random(seed), time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.create_connection((peer, port), source_address=(who, 0)) as s:
            s.sendall(request(int(up * (1 + spread * r.uniform(-1, 1))), down, True))
            take(s, down)
        time.sleep(every * (1 + jitter * r.uniform(-1, 1)))


def stay(who, peer, port, every, seconds, up, down):
    end = time.monotonic() + seconds
    with socket.create_connection((peer, port), source_address=(who, 0)) as s:
        while time.monotonic() < end:
            s.sendall(request(up, down))
            take(s, down)
            time.sleep(every)


def ask_names(who, server, names, gap):
    """Looks names up, one after the other: (name, type)."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(1)
    for i, (name, kind) in enumerate(names):
        s.close()
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(1)
        s.bind((who, 0))
        s.sendto(dns_message(i & 0xffff, name, kind), (server, 53))
        try:
            s.recv(4096)
        except socket.timeout:
            pass
        time.sleep(gap * random.uniform(0.5, 1.5))


def tunnel(who, server, zone, kind, seconds, gap, length, letters, seed=0):
    """Data in names, as dnscat does it."""
    r, names = random.Random(seed), []
    for _ in range(int(seconds / gap)):
        data = "".join(r.choice(letters) for _ in range(int(length * r.uniform(0.6, 1))))
        names.append((".".join(data[i:i + 60] for i in range(0, len(data), 60)) + "." + zone, kind))
    ask_names(who, server, names, gap)


def generate_names(who, server, family, count, gap, seed=0):
    from attacks import generated_name
    r = random.Random(seed)
    ask_names(who, server, [(generated_name(r, family) + r.choice([".com", ".net", ".info", ".biz"]), "A")
                            for _ in range(count)], gap)


def forge(victim, reflectors, rate, seconds):
    """Questions in the name of another."""
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    end, i = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        query = dns_message(i & 0xffff, "big.example", "ANY")
        to = reflectors[i % len(reflectors)]
        s.sendto(ip_frame(victim, to, 17, struct.pack("!HHHH", 1024 + i % 60000, 53, 8 + len(query), 0) + query)[14:], (to, 0))
        time.sleep(1 / rate)
        i += 1


def main():
    roles = {f.__name__: f for f in (serve_calls, serve_http, serve_dns, call_home, stay, tunnel, generate_names, forge)}
    roles[sys.argv[1]](**json.loads(sys.argv[2]))


if __name__ == "__main__":
    main()
