# SPDX-License-Identifier: Apache-2.0
"""A NATS server with JetStream, and a client of a few lines."""
import json
import socket

from server import Server


class Nats(Server):
    program = "nats-server"

    def __init__(self, user=None, password=None, token=None, tls=None):
        super().__init__()
        self.tls = tls
        self.user, self.password, self.token = user, password, token

    def arguments(self):
        auth = ["--user", self.user, "--pass", self.password] if self.user else ["--auth", self.token] if self.token else []
        t = self.tls
        tls = [] if t is None else ["--tls", "--tlscert", t.cert, "--tlskey", t.key, *(
            ["--tlsverify", "--tlscacert", t.ca] if t.asks else [])]
        return [self.path(), "-js", "-a", "127.0.0.1", "-p", self.port, "-sd", self.folder, *auth, *tls]

    def answers(self):
        try:
            return self.ask("$JS.API.INFO", {}) is not None
        except OSError:
            return False

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        if self.tls:
            while s.recv(1) != b"\n":  # INFO
                pass
            s = self.tls.wrap(s)
        f = s.makefile("rwb")
        if not self.tls:
            f.readline()  # INFO
        who = {"user": self.user, "pass": self.password} if self.user else {"auth_token": self.token} if self.token else {}
        f.write(b"CONNECT " + json.dumps({"verbose": False, "headers": True, "no_responders": True, **who}).encode() + b"\r\n")
        return s, f

    def message(self, f):
        """(subject, header, data) of the next one."""
        while line := f.readline():
            words = line.split()
            if words[:1] == [b"PING"]:
                f.write(b"PONG\r\n")
                f.flush()
            elif words[:1] == [b"MSG"]:
                data = f.read(int(words[-1]) + 2)[:-2]
                return words[1].decode(), b"", data
            elif words[:1] == [b"HMSG"]:
                head, both = int(words[-2]), f.read(int(words[-1]) + 2)[:-2]
                return words[1].decode(), both[:head], both[head:]
            elif words[:1] == [b"-ERR"]:
                raise OSError(line.decode())
        raise OSError("it is gone")

    def ask(self, subject, what):
        s, f = self.connect()
        with s:
            data = json.dumps(what).encode()
            f.write(b"SUB answer 1\r\nPUB %s answer %d\r\n%s\r\n" % (subject.encode(), len(data), data))
            f.flush()
            _, head, data = self.message(f)
            return json.loads(data) if data else None

    def make(self, stream, subject, **more):
        return self.ask(f"$JS.API.STREAM.CREATE.{stream}", {"name": stream, "subjects": [subject], "storage": "file", **more})

    def count(self, stream):
        return self.ask(f"$JS.API.STREAM.INFO.{stream}", {})["state"]["messages"]

    def messages(self, stream, subject):
        """Data of all, in their order."""
        n, found = self.count(stream), []
        s, f = self.connect()
        with s:
            f.write(b"SUB deliver 1\r\nSUB answer 2\r\n")
            what = json.dumps({"stream_name": stream, "config": {
                "deliver_subject": "deliver", "ack_policy": "none", "deliver_policy": "all"}}).encode()
            f.write(b"PUB $JS.API.CONSUMER.CREATE.%s answer %d\r\n%s\r\n" % (stream.encode(), len(what), what))
            f.flush()
            while len(found) < n:
                to, _, data = self.message(f)
                if to == subject:
                    found.append(data)
                elif b'"error"' in data:
                    raise OSError(data.decode())
        return found
