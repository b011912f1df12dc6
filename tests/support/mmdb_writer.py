# SPDX-License-Identifier: Apache-2.0
"""Databases in MaxMind's format, made for tests: the tree by bits, the data of a record for each prefix, as the
MaxMind DB File Format Specification 2.0 has it."""
import ipaddress
import struct

MARK = b"\xab\xcd\xefMaxMind.com"
POINTER, STRING, DOUBLE, BYTES, U16, U32, MAP, I32, U64, U128, ARRAY, BOOLEAN, FLOAT = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 15


class U(int):
    """A number of another type than U32."""
    def __new__(cls, value, kind):
        self = super().__new__(cls, value)
        self.kind = kind
        return self


class To(int):
    """A pointer to a place of the data."""


def head(kind, size):
    more = b""
    if size >= 65821:
        low, more = 31, (size - 65821).to_bytes(3, "big")
    elif size >= 285:
        low, more = 30, (size - 285).to_bytes(2, "big")
    elif size >= 29:
        low, more = 29, bytes([size - 29])
    else:
        low = size
    first = bytes([(kind << 5 if kind < 8 else 0) | low])
    return first + (bytes([kind - 7]) if kind >= 8 else b"") + more


def pointer(at, wide=False):
    if at < 2048 and not wide:
        return bytes([0x20 | at >> 8, at & 255])
    if at < 526336 and not wide:
        return bytes([0x28 | at - 2048 >> 16]) + (at - 2048 & 0xFFFF).to_bytes(2, "big")
    if at < 134744064 and not wide:
        return bytes([0x30 | at - 526336 >> 24]) + (at - 526336 & 0xFFFFFF).to_bytes(3, "big")
    return b"\x38" + at.to_bytes(4, "big")


def encode(value):
    if isinstance(value, To):
        return pointer(value)
    if isinstance(value, bool):
        return head(BOOLEAN, int(value))
    if isinstance(value, int):
        kind = getattr(value, "kind", U32)
        n = value.to_bytes((value.bit_length() + 7) // 8, "big")
        return head(kind, len(n)) + n
    if isinstance(value, float):
        return head(DOUBLE, 8) + struct.pack(">d", value)
    if isinstance(value, str):
        return head(STRING, len(value.encode())) + value.encode()
    if isinstance(value, bytes):
        return head(BYTES, len(value)) + value
    if isinstance(value, list):
        return head(ARRAY, len(value)) + b"".join(map(encode, value))
    return head(MAP, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())


class Data:
    """The data section: texts that came before are pointed to."""

    def __init__(self, shared=True):
        self.bytes, self.texts, self.records, self.shared = bytearray(), {}, {}, shared

    def put(self, raw):
        at = len(self.bytes)
        self.bytes += raw
        return at

    def text(self, text):
        if not self.shared or len(text) < 4:
            return text
        if text not in self.texts:
            self.texts[text] = To(self.put(encode(text)))
        return self.texts[text]

    def point(self, value):
        if isinstance(value, dict):
            return {self.text(k): self.point(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.point(v) for v in value]
        return self.text(value) if isinstance(value, str) else value

    def record(self, value):
        key = repr(value)
        if key not in self.records:
            self.records[key] = self.put(encode(self.point(value)))
        return self.records[key]


def tree(rows, ip_version, data):
    """[left, right] of each node: another node's number, None, or ("data", place). Longer prefixes win."""
    nodes = [[None, None]]
    for prefix, value in sorted(rows, key=lambda r: ipaddress.ip_network(r[0]).prefixlen +
                                (96 if ip_version == 6 and ":" not in r[0] else 0)):
        net = ipaddress.ip_network(prefix)
        bits = f"{int(net.network_address):0{net.max_prefixlen}b}"[:net.prefixlen]
        if ip_version == 6 and net.version == 4:
            bits = "0" * 96 + bits
        at = 0
        for i, bit in enumerate(bits):
            side = int(bit)
            if i == len(bits) - 1:
                nodes[at][side] = ("data", data.record(value))
            else:
                below = nodes[at][side]
                if not isinstance(below, int):  # what was a record for all goes on below
                    nodes.append([below, below])
                    nodes[at][side] = len(nodes) - 1
                at = nodes[at][side]
    return nodes


def pack_node(left, right, size):
    if size == 24:
        return left.to_bytes(3, "big") + right.to_bytes(3, "big")
    if size == 28:
        return (left & 0xFFFFFF).to_bytes(3, "big") + bytes([left >> 24 << 4 | right >> 24]) + (right & 0xFFFFFF).to_bytes(3, "big")
    return left.to_bytes(4, "big") + right.to_bytes(4, "big")


def make(rows, ip_version=6, record_size=28, kind="Test", shared=True, **more):
    """A database of [(prefix, value)]."""
    data = Data(shared)
    nodes = tree(rows, ip_version, data)
    n = len(nodes)

    def number(x):
        return n if x is None else x if isinstance(x, int) else n + 16 + x[1]
    out = b"".join(pack_node(number(a), number(b), record_size) for a, b in nodes)
    meta = {"binary_format_major_version": U(2, U16), "binary_format_minor_version": U(0, U16),
            "build_epoch": U(1719409371, U64), "database_type": kind, "description": {"en": "made for a test"},
            "ip_version": U(ip_version, U16), "languages": ["en"], "node_count": n,
            "record_size": U(record_size, U16), **more}
    return out + b"\0" * 16 + bytes(data.bytes) + MARK + encode(meta)


def as_record(number, name):
    return {"autonomous_system_number": number, "autonomous_system_organization": name}


def city_record(code, city="Somewhere"):
    """As GeoLite2-City has it: what is asked for lies among much else."""
    return {"city": {"geoname_id": 1, "names": {"de": city, "en": city}},
            "continent": {"code": "EU", "geoname_id": 6255148, "names": {"en": "Europe"}},
            "country": {"geoname_id": 2921044, "is_in_european_union": True, "iso_code": code, "names": {"en": code}},
            "location": {"accuracy_radius": U(100, U16), "latitude": 51.5, "longitude": -0.1, "time_zone": "Europe/Berlin"},
            "registered_country": {"geoname_id": 1, "iso_code": "XX", "names": {"en": "Other"}},
            "subdivisions": [{"iso_code": "BE", "names": {"en": "Berlin"}}]}
