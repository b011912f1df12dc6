# SPDX-License-Identifier: Apache-2.0
"""What servers of tests have in common: a port of loopback, a folder that goes away, an end by process id."""
import pathlib
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from checks import free_port  # noqa: E402: tests/support/checks.py


class Tls:
    """What a server speaks TLS by: the certificate of a name, and whether it asks its clients for theirs."""

    def __init__(self, certs, name="good", asks=False):
        self.certs, self.asks = certs, asks
        self.cert, self.key, self.ca = certs[f"{name}.pem"], certs[f"{name}.key"], certs["ca.pem"]

    def wrap(self, s):
        """A client's socket, that looks at nothing."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(self.certs["client.both"])
        return context.wrap_socket(s)


class Server:
    """with Server() as s: ...; start() and kill() may be called again and again, the data stays."""
    program = None

    def __init__(self):
        self.port = free_port()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"flowtap-{type(self).__name__.lower()}-"))
        self.process = None

    @classmethod
    def path(cls):
        """Of its program, None: it is not here."""
        return shutil.which(cls.program)

    def arguments(self):
        raise NotImplementedError

    def options(self):
        """More of its process."""
        return {}

    def answers(self):
        raise NotImplementedError

    def start(self, seconds=20):
        self.process = subprocess.Popen([str(a) for a in self.arguments()], stdin=subprocess.DEVNULL,
                                        stdout=open(self.folder / "log", "ab"), stderr=subprocess.STDOUT, **self.options())
        end = time.monotonic() + seconds
        while not self.answers():
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError(f"{self.program} did not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self, sig=signal.SIGKILL):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(sig)
            self.process.wait()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill(signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)
