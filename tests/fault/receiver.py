# SPDX-License-Identifier: Apache-2.0
"""A receiver at the other end of a connection, that can go away and come back."""
import pathlib
import shutil
import socket
import ssl
import struct
import subprocess
import threading


class Receiver:
    """Takes connections one after the other; each leaves the bytes that were read from it.

    where: a path (a UNIX socket) or a port of 127.0.0.1 (0: any). breaks: after that many bytes the
    connection is cut with a reset, n times. slow: bytes a read."""

    def __init__(self, where=0, breaks=(), tls=None, read=1 << 20):
        self.where, self.breaks, self.tls, self.read = where, list(breaks), tls, read
        self.got, self.lock, self.listener, self.failed = [], threading.Lock(), None, []
        self.at = None
        self.begin()

    def begin(self):
        if isinstance(self.where, int):
            self.listener = socket.socket()
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("127.0.0.1", self.where))
            self.where = self.listener.getsockname()[1]
        else:
            pathlib.Path(self.where).unlink(missing_ok=True)
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(self.where))
            pathlib.Path(self.where).chmod(0o666)
        self.listener.listen()
        self.thread = threading.Thread(target=self.take, daemon=True)
        self.thread.start()

    def take(self):
        listener = self.listener
        while True:
            try:
                c, _ = listener.accept()
                if self.tls:
                    c = self.tls.wrap_socket(c, server_side=True)
            except OSError as e:  # ended; or TLS that did not begin
                if listener.fileno() < 0:
                    return
                self.failed.append(str(e))
                continue
            self.at = c
            self.serve(c)

    def serve(self, c):
        data, most = bytearray(), self.breaks.pop(0) if self.breaks else None
        with self.lock:
            self.got.append(data)
        try:
            while most is None or len(data) < most:
                piece = c.recv(self.read if most is None else min(self.read, most - len(data)))
                if not piece:
                    break
                with self.lock:
                    data += piece
            if most is not None:
                c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        c.close()

    def end(self):
        """Nobody is there any more; what came stays."""
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            if self.at:
                try:
                    # the socket's: that of TLS would have what is still to be read come as it is on the wire
                    socket.socket.shutdown(self.at, socket.SHUT_RDWR)
                except OSError:
                    pass
            self.thread.join(20)
            self.listener = None

    def bytes(self):
        with self.lock:
            return b"".join(bytes(x) for x in self.got)

    def lines(self):
        """The whole lines of all connections; what a cut left of a line is none."""
        with self.lock:
            return [line for x in self.got for line in bytes(x).split(b"\n")[:-1]]

    def taken(self):
        """The whole lines since the last call; of what is open, those that are whole by now."""
        out = []
        with self.lock:
            for x in self.got:
                whole = x.rfind(b"\n") + 1
                out += bytes(x[:whole]).split(b"\n")[:-1]
                del x[:whole]
        return out


def certificates(folder):
    """An authority's ca.pem, and host.pem with host.key for localhost; None without openssl."""
    if not shutil.which("openssl"):
        return None

    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)

    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
    openssl("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority")
    openssl("req", *new[:-2], "-keyout", "host.key", "-out", "host.csr", "-subj", "/CN=localhost")
    (pathlib.Path(folder) / "ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "host.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "30", "-extfile", "ext", "-out", "host.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pathlib.Path(folder) / "host.pem", pathlib.Path(folder) / "host.key")
    return context
