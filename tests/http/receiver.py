# SPDX-License-Identifier: Apache-2.0
"""A receiver of HTTP that answers as it is told, and what the tests of this folder share."""
import gzip
import http.server
import os
import pathlib
import re
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import traceback
import shutil

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import checks  # noqa: E402: tests/support/checks.py
from checks import check, write_capture  # noqa: E402

FLOWS = 20000

class Request:
    def __init__(self, handler, body):
        self.method, self.path, self.headers = handler.command, handler.path, handler.headers
        self.packed, self.body = body, body
        encoding = self.headers.get("Content-Encoding")
        if encoding == "gzip":
            self.body = gzip.decompress(body)
        elif encoding == "zstd":
            self.body = subprocess.run(["zstd", "-dc"], input=body, capture_output=True, check=True).stdout
        self.events = int(self.headers.get("X-Flowtap-Events", -1))
        self.id = self.headers.get("X-Flowtap-Producer"), int(self.headers.get("X-Flowtap-Sequence", -1))


class Receiver:
    """answer(request) gives status, body, headers; or "cut": the connection ends without an answer, "reset": by RST.
    What is answered with 2xx is in taken; of what is sent again only the first is."""

    def __init__(self, answer=None, port=None, tls=None):
        self.answer = answer or (lambda r: (200, b"{}", {}))
        self.requests, self.taken, self.seen, self.again = [], [], set(), 0
        self.lock = threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_one(self):
                receiver.handle(self)

            do_POST = do_PUT = do_GET = handle_one

            def log_message(self, *a):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request, address):
                if not isinstance(sys.exc_info()[1], OSError):
                    traceback.print_exc()
                    check(False, "the receiver failed")

        self.server = Server(("127.0.0.1", port or 0), Handler)
        self.port = self.server.server_address[1]
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def handle(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        request = Request(handler, body)
        with self.lock:
            self.requests.append(request)
            answer = self.answer(request)
            if answer[0] in ("cut", "reset"):
                if answer[1:] == ("taken",):
                    self.take(request)
                if answer[0] == "reset":
                    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                handler.close_connection = True
                handler.connection.close() if answer[0] == "reset" else handler.connection.shutdown(socket.SHUT_RDWR)
                return
            status, text, headers = answer
            if 200 <= status < 300:
                self.take(request)
        handler.send_response(status)
        for k, v in headers.items():
            handler.send_header(k, v)
        if status != 204:
            handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)

    def take(self, request):
        if request.id in self.seen:
            self.again += 1
        else:
            self.seen.add(request.id)
            self.taken.append(request)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Tests:
    """Methods test_* run one after the other, each with a folder and a capture of FLOWS flows."""

    def __init__(self, flowtap, capture):
        self.flowtap, self.capture = flowtap, capture
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="flowtap-http-"))
        os.chmod(self.work, 0o755)
        self.large = self.work / "large.pcap"
        write_capture(self.large, FLOWS)

    def run(self, *args, env=None, timeout=120):
        return checks.run(self.flowtap, *args, env=env, timeout=timeout)

    def start(self, *args):
        return subprocess.Popen([self.flowtap, *map(str, args)], stderr=subprocess.PIPE, text=True)

    def says(self, process, text):
        """What it has said when it says this."""
        said = ""
        while text not in said:
            line = process.stderr.readline()
            if not check(line, "it does not say", text, said):
                break
            said += line
        return said

    def rest(self, process, said=""):
        """Its end, as of run()."""
        said += process.stderr.read()
        return subprocess.CompletedProcess(process.args, process.wait(120), "", said)

    def lines(self, *args, capture=None):
        """Lines of a file of the same run."""
        file = self.work / "want.ndjson"
        r = self.run("read", capture or self.large, "-e", "flow", "--workers", 1, *args, "-o", f"ndjson:{file}")
        check(r.returncode == 0, r.stderr)
        return file.read_bytes().splitlines()

    def account(self, r, output):
        """made, written, dropped, lost of the output whose URL has this text."""
        for line in r.stderr.splitlines():
            m = re.search(r" (\d+) \w+ events = (\d+) written \+ (\d+) dropped(?: \+ (\d+) lost)?", line)
            if m and output in line:
                made, written, dropped, lost = (int(x or 0) for x in m.groups())
                check(made == written + dropped + lost, line)
                return made, written, dropped, lost
        check(False, "no account of", output, r.stderr)
        return 0, 0, 0, 0

    def main(self, only):
        try:
            checks.run_methods(self, only)
        finally:
            shutil.rmtree(self.work)
        checks.ended()


def make_tls(work):
    """A certificate for 127.0.0.1 that signs itself, as file names; None where openssl is not."""
    cert, key = work / "cert.pem", work / "key.pem"
    if shutil.which("openssl") is None:
        return None
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days",
                    "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"], check=True,
                   capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, key, context
