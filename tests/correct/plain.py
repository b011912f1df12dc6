# SPDX-License-Identifier: Apache-2.0
"""Of captures of others, what references read that know Ethernet with whole IP packets only."""
import struct

# ports by which packets may be tunnels
TUNNELS = {1701, 2152, 3544, 3386, 4341, 4342, 4754, 4755, 4789, 4790, 5072, 5246, 5247, 5555, 6080, 6081, 6635, 8472, 250, 37008}


def plain(f):
    """Protocol and layer 4 of a frame; None: it has tags, fragments, extension headers or lengths that disagree, or may be
    a tunnel."""
    kind, p = f[12:14], f[14:]
    if kind == b"\x08\0" and len(p) >= 20 and p[0] >> 4 == 4 and struct.unpack("!H", p[6:8])[0] & 0x3fff == 0:
        head, total, proto = (p[0] & 15) * 4, struct.unpack("!H", p[2:4])[0], p[9]
    elif kind == b"\x86\xdd" and len(p) >= 40 and p[0] >> 4 == 6:
        head, total, proto = 40, 40 + struct.unpack("!H", p[4:6])[0], p[6]
    else:
        return None
    l4 = p[head:total]
    if head < 20 or total > len(p):
        return None
    if proto == 6:
        good = len(l4) >= 20 and 20 <= (l4[12] >> 4) * 4 <= len(l4)
    elif proto == 17:
        good = len(l4) >= 8 and struct.unpack("!H", l4[4:6])[0] == len(l4) and not TUNNELS & set(struct.unpack("!HH", l4[:4]))
    else:
        good = proto in (1, 58) and len(l4) >= 8
    return (proto, l4) if good else None


def plain_frames(path, takes=lambda proto, l4: True):
    """[(ns, frame)] of those; None: no such file."""
    with open(path, "rb") as f:
        data = f.read(1 << 22)
    magic = data[:4]
    if magic not in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") or struct.unpack("<I", data[20:24])[0] != 1:
        return None
    unit, at, out = 1 if magic[0] == 0x4d else 1000, 24, []
    while at + 16 <= len(data):
        s, part, cap, wire = struct.unpack("<IIII", data[at:at + 16])
        frame, at = data[at + 16:at + 16 + cap], at + 16 + cap
        found = plain(frame) if cap == wire == len(frame) else None
        if found and takes(*found):
            out.append((s * 10**9 + part * unit, frame))
    return out
