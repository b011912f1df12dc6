# SPDX-License-Identifier: Apache-2.0
"""Seeds of the target detect, an attack of each rule: python3 -B tests/fuzz/seeds_detect.py"""
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
FLOW, TOLD, NAME, PACKETS, GO_ON = 0, 1, 2, 3, 6
SYN, RST, ACK, FIN = 2, 4, 16, 1
OUT, IN = 2, 4  # the source is inside; the destination is
HOSTS, PORTS = 1, 2  # what is another one each time


def step(kind, sides=OUT, src=1, dst=2, proto=0, flags=(SYN | ACK | FIN, SYN | ACK | FIN), packets=(5, 5), size=(10, 10),
         sport=4, dport=80, lasts=10, steps=0, times=1):
    return bytes((kind, sides, src, dst, proto, *flags, *packets, *size, sport, dport, lasts, steps, times - 1))


def wait(seconds, back=False):
    """A power of two."""
    return bytes((GO_ON, (seconds * 64).bit_length() - 1, 0 if back else 9)) + bytes(13)


TRY = dict(flags=(SYN, 0), packets=(1, 0), size=(6, 0))
SEEDS = {
    "address_scan": step(FLOW, steps=HOSTS, times=30, **TRY) + wait(8),
    "port_scan": step(FLOW, steps=PORTS, times=30, **TRY) + wait(8),
    "told_scan": step(TOLD, steps=HOSTS, times=30, **TRY) + wait(8),
    "udp_scan": step(FLOW, proto=2, steps=PORTS, times=30, **TRY) + wait(8),
    "amplification": step(FLOW, proto=2, packets=(1, 200), size=(6, 20), dport=53, steps=HOSTS, times=8) + wait(8),
    "beacon": b"".join(step(FLOW) + wait(4) for _ in range(20)),
    "beacon_of_hours": b"".join(step(FLOW) + wait(2048) for _ in range(20)),
    "long_connection": step(FLOW, flags=(ACK, ACK), lasts=26) + wait(64) + step(FLOW, flags=(ACK, ACK), lasts=20) + wait(8),
    "exfiltration": b"".join(step(FLOW, size=(9, 9)) + wait(64) for _ in range(10)) +
    b"".join(step(FLOW, dst=7, packets=(200, 2), size=(22, 6)) + wait(1) for _ in range(3)),
    "first": step(FLOW, OUT | IN, times=1) + wait(64) + step(FLOW, OUT | IN, 1, 9, dport=22) + wait(8),
    "names": step(NAME, dst=0, times=30) + wait(4) + step(NAME, dst=3, steps=HOSTS, times=30) + wait(8),
    "policy": step(FLOW, dport=23, times=3) + wait(8),
    "steps": step(FLOW, steps=HOSTS, times=9, **TRY) + wait(64, True) + step(FLOW, steps=HOSTS, times=9, **TRY) + wait(8),
    "absurd": step(FLOW, packets=(255, 255), size=(61, 61), lasts=31) + wait(8) + step(TOLD, size=(63, 63), lasts=159),
}
FLOODS = {
    "syns": step(PACKETS, flags=(1, 1), size=(SYN, 0), times=32) * 4 + wait(16),
    "volume": step(PACKETS, 1, proto=2, flags=(200, 0), times=32) * 8 + wait(16) + wait(16),
}

path = HERE / "corpus" / "detect"
path.mkdir(exist_ok=True)
for seeds, kind in (SEEDS, b"\0"), (FLOODS, b"\2"):
    for name, data in seeds.items():
        (path / name).write_bytes(kind + data)
(path / "outside").write_bytes(b"\1" + SEEDS["beacon"])
