# SPDX-License-Identifier: Apache-2.0
"""Redis, and a client of a few lines."""
import socket

from server import Server


class RedisError(Exception):
    pass


class Redis(Server):
    program = "redis-server"

    def __init__(self, password=None, tls=None):
        super().__init__()
        self.password, self.tls, self.more = password, tls, []

    def arguments(self):
        t = self.tls
        port = ["--port", self.port] if t is None else [
            "--port", 0, "--tls-port", self.port, "--tls-cert-file", t.cert, "--tls-key-file", t.key, "--tls-ca-cert-file",
            t.ca, "--tls-auth-clients", "yes" if t.asks else "no"]
        return [self.path(), *port, "--bind", "127.0.0.1", "--dir", self.folder, "--save", "", "--appendonly",
                "yes", "--appendfsync", "no", *(["--requirepass", self.password] if self.password else []), *self.more]

    def answers(self):
        try:
            return self.ask("PING") == b"PONG"
        except (OSError, RedisError):
            return False

    def ask(self, *words):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        with self.tls.wrap(s) if self.tls else s as s:
            f = s.makefile("rwb")
            if self.password:
                self.say(f, "AUTH", self.password)
            return self.say(f, *words)

    def say(self, f, *words):
        f.write(b"*%d\r\n" % len(words) + b"".join(
            b"$%d\r\n%s\r\n" % (len(w), w) for w in (str(x).encode() for x in words)))
        f.flush()
        return self.hear(f)

    def hear(self, f):
        line = f.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else f.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.hear(f) for _ in range(int(rest))]
        if not line:
            raise OSError("it is gone")
        return rest

    def entries(self, stream):
        """[{field: value}, ...] in their order."""
        found, begin = [], "-"
        while page := self.ask("XRANGE", stream, begin, "+", "COUNT", 5000):
            for _, fields in page:
                found.append(dict(zip(fields[::2], fields[1::2])))
            begin = "(" + page[-1][0].decode()
        return found
