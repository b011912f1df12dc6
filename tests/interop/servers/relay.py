# SPDX-License-Identifier: Apache-2.0
"""What stands between flowtap and a server, and cuts connections."""
import socket
import struct
import threading

from server import free_port


class Relay:
    """A port in front of the server. up: connections are taken. cut_after: bytes of requests after which the next
    connection is cut, once for each number. down_after: bytes of requests after which it goes down; 0: never."""

    def __init__(self, to):
        self.to, self.port = to, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.listener, self.pairs, self.cut_after, self.passed = None, [], [], 0
        self.down_after = 0

    def up(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def down(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for pair in self.pairs:
            self.cut(pair)
        self.pairs = []

    @staticmethod
    def cut(pair):
        for s in pair:
            try:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                s.shutdown(socket.SHUT_RD)  # wakes who reads
                s.close()
            except OSError:
                pass

    def accept(self, listener):
        while True:
            try:
                here, _ = listener.accept()
                there = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                return
            pair = here, there
            self.pairs.append(pair)
            threading.Thread(target=self.pump, args=(pair, here, there, True), daemon=True).start()
            threading.Thread(target=self.pump, args=(pair, there, here, False), daemon=True).start()

    def pump(self, pair, source, target, asks):
        try:
            while data := source.recv(65536):
                if asks:
                    self.passed += len(data)
                    if self.down_after and self.passed > self.down_after:
                        self.down_after = 0
                        self.down()
                        return
                    if self.cut_after and self.passed > self.cut_after[0]:
                        self.cut_after.pop(0)
                        break
                target.sendall(data)
        except OSError:
            pass
        self.cut(pair)
