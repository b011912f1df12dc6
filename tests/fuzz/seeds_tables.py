# SPDX-License-Identifier: Apache-2.0
"""Seeds of the targets mmdb and networks: python3 -B tests/fuzz/seeds_tables.py"""
import ipaddress
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import mmdb_writer as m  # noqa: E402

ADDR = ipaddress.ip_address("192.0.2.53").packed + b"\0" * 12
ADDR6 = ipaddress.ip_address("2001:db8::1").packed
ROWS = [("192.0.2.0/24", m.as_record(64500, "Example, Inc.")), ("192.0.2.53/32", m.city_record("DE")),
        ("2001:db8::/32", {**m.as_record(64501, "x" * 300), "country_code": "FR"})]


def turned(data, old, new):
    assert old in data
    return data.replace(old, new, 1)


def data_of(raw):
    """A tree of one node whose left record is these bytes."""
    return (17 + 0).to_bytes(3, "big") + (1).to_bytes(3, "big") + b"\0" * 16 + raw + m.MARK + m.encode(
        {"binary_format_major_version": m.U(2, m.U16), "ip_version": m.U(4, m.U16), "node_count": 1,
         "record_size": m.U(24, m.U16)})


def mmdb():
    good = m.make(ROWS)
    yield "v6_28", ADDR + good
    yield "v6_24", ADDR6 + m.make(ROWS, record_size=24, shared=False)
    yield "v6_32", ADDR6 + m.make(ROWS, record_size=32)
    yield "v4", ADDR + m.make(ROWS[:2], ip_version=4, record_size=24)
    yield "ipinfo", ADDR + m.make([("192.0.0.0/8", {"asn": "AS64500", "as_name": "Example", "country": "DE"})])
    yield "all", ADDR + m.make([("0.0.0.0/1", m.city_record("DE")), ("128.0.0.0/1", m.city_record("FR"))], ip_version=4)
    yield "all_types", ADDR + m.make([("192.0.2.0/24", {"a": [1, 2.5, True, b"x" * 40, {"b": []}], "asn": m.U(5, m.U64)})])
    yield "cut", ADDR + good[:-30]
    yield "no_mark", ADDR + turned(good, m.MARK, b"x" * len(m.MARK))
    yield "nodes", ADDR + turned(good, m.encode("node_count"), m.encode("node_coun_"))
    yield "pointer_to_itself", b"\0" * 16 + data_of(m.pointer(0))
    yield "pointer_to_pointer", b"\0" * 16 + data_of(m.pointer(2) + m.pointer(4) + m.encode(m.as_record(1, "x")))
    yield "pointer_away", b"\0" * 16 + data_of(m.pointer(0xFFFFFFFF, wide=True))
    yield "key_pointer_away", b"\0" * 16 + data_of(m.head(m.MAP, 1) + m.pointer(9999) + m.encode(1))
    yield "deep", b"\0" * 16 + data_of((m.head(m.MAP, 1) + m.encode("country")) * 400 + m.encode("DE"))
    yield "deep_arrays", b"\0" * 16 + data_of(m.head(m.MAP, 1) + m.encode("x") + m.head(m.ARRAY, 1) * 2000 + m.encode(1))
    yield "wide", b"\0" * 16 + data_of(m.head(m.MAP, 16843036) + m.encode("x") * 64)
    yield "long_text", b"\0" * 16 + data_of(m.head(m.MAP, 1) + m.encode("as_name") + m.head(m.STRING, 16843036) + b"x")
    yield "map_of_itself", b"\0" * 16 + data_of(m.head(m.MAP, 1) + m.encode("country") + m.pointer(0))
    yield "data_end", b"\0" * 16 + data_of(b"")
    yield "unknown_type", b"\0" * 16 + data_of(b"\x1f\xff\xff\xff\xff")


NETWORKS = {
    "plain": b"prefix,name\n10.0.0.0/8,ten\n10.1.0.0/16,one\n10.1.2.3,host\n2001:db8::/32,doc\n",
    "nested": b"0.0.0.0/0,all\n128.0.0.0/1,half\n255.255.255.255/32,last\n::/0,six\nffff::/16,top\n::1/128,one\n",
    "quoted": b"\xef\xbb\xbfPrefix , Name\r\n\r\n# x\r\n10.0.0.0/8,\"a, \"\"b\"\"\"\r\n",
    "twice": b"10.0.0.0/8,a\n10.0.0.0/8,a\n",
    "other_name": b"10.0.0.0/8,a\n10.0.0.0/8,b\n",
    "bits": b"10.0.0.1/8,a\n",
    "no_name": b"10.0.0.0/8\n",
    "empty": b"",
    "no_end": b"10.0.0.0/8,\"a\n",
    "zero": b"10.0.0.0/8,a\0b\n",
}


def write(folder, name, data):
    path = HERE / "corpus" / folder
    path.mkdir(exist_ok=True)
    (path / name).write_bytes(data)


for seed, content in mmdb():
    write("mmdb", seed, content)
for seed, content in NETWORKS.items():
    write("networks", seed, content)
