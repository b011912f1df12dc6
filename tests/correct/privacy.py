# SPDX-License-Identifier: Apache-2.0
"""What --anonymize is to give, worked out apart from flowtap: AES (FIPS 197), Crypto-PAn, the pseudonyms of MAC
addresses, and the comparison of a plain event with its anonymised one."""
import ipaddress
import re


def _boxes():
    box, p, q = [0] * 256, 1, 1
    while True:
        p = p ^ (p << 1) & 0xff ^ (0x1b if p & 0x80 else 0)
        q ^= q << 1
        q ^= q << 2
        q ^= q << 4
        q &= 0xff
        if q & 0x80:
            q ^= 0x09
        x = q ^ (q << 1 | q >> 7) ^ (q << 2 | q >> 6) ^ (q << 3 | q >> 5) ^ (q << 4 | q >> 4)
        box[p] = (x ^ 0x63) & 0xff
        if p == 1:
            break
    box[0] = 0x63
    return box


SBOX = _boxes()
DOUBLE = [(x << 1 ^ (0x11b if x & 0x80 else 0)) & 0xff for x in range(256)]
ROWS = [0, 5, 10, 15, 4, 9, 14, 3, 8, 13, 2, 7, 12, 1, 6, 11]


class Aes128:
    def __init__(self, key):
        words, rcon = [list(key[i:i + 4]) for i in range(0, 16, 4)], 1
        for i in range(4, 44):
            w = list(words[-1])
            if i % 4 == 0:
                w = [SBOX[x] for x in w[1:] + w[:1]]
                w[0] ^= rcon
                rcon = DOUBLE[rcon]
            words.append([a ^ b for a, b in zip(words[i - 4], w)])
        self.keys = [sum(words[i:i + 4], []) for i in range(0, 44, 4)]

    def encrypt(self, block):
        s = [a ^ b for a, b in zip(block, self.keys[0])]
        for k in self.keys[1:-1]:
            s, out = [SBOX[s[i]] for i in ROWS], []
            for c in range(0, 16, 4):
                a = s[c:c + 4]
                t = a[0] ^ a[1] ^ a[2] ^ a[3]
                out += [a[i] ^ t ^ DOUBLE[a[i] ^ a[(i + 1) % 4]] for i in range(4)]
            s = [a ^ b for a, b in zip(out, k)]
        return bytes(SBOX[s[i]] ^ b for i, b in zip(ROWS, self.keys[-1]))


class Mapper:
    """The maps of one key."""

    def __init__(self, key):
        self.aes = Aes128(key[:16])
        self.pad = self.aes.encrypt(key[16:])
        self.bits = {}

    def _bit(self, prefix, n):
        if (prefix, n) not in self.bits:
            pad = int.from_bytes(self.pad, "big") & ((1 << (128 - n)) - 1)
            block = (prefix << (128 - n) | pad).to_bytes(16, "big")
            self.bits[prefix, n] = self.aes.encrypt(block)[0] >> 7
        return self.bits[prefix, n]

    def ip(self, text):
        a = ipaddress.ip_address(text)
        width, value, out = a.max_prefixlen, int(a), 0
        for i in range(width):
            out = out << 1 | (value >> (width - 1 - i) & 1) ^ self._bit(value >> (width - i), i)
        return type(a)(out)

    def digest(self, kind, data):
        block = bytearray(self.pad)
        block[15] ^= kind
        block[14] ^= len(data) & 0xff
        block[13] ^= len(data) >> 8
        block = self.aes.encrypt(block)
        for i in range(0, len(data), 16):
            part = data[i:i + 16].ljust(16, b"\0")
            block = self.aes.encrypt(bytes(a ^ b for a, b in zip(block, part)))
        return int.from_bytes(block[:8], "big")

    def mac(self, text):
        mac = bytes.fromhex(text.replace(":", ""))
        out = bytearray(self.digest(1, mac).to_bytes(8, "little")[:6])
        out[0] = out[0] & 0xfc | 2 | mac[0] & 1
        return ":".join("%02x" % x for x in out)

    def name(self, text):
        return "%016x" % self.digest(3, text.encode())


MAC = re.compile(r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$")
V4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)")
V6 = re.compile(r"(?<![0-9A-Fa-f:.])(?=[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:)[0-9A-Fa-f:.]{2,45}")
MACS = re.compile(r"(?<![0-9a-fA-F:])[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5}(?![0-9a-fA-F:])")
ARPA = re.compile(r"\.arpa\b", re.I)
UNNAMED = re.compile(r"^pen_\d+_ie_\d+$")  # what an exporter named itself (RFC 5610) goes by its number
DERIVED = ("flow_id", "flow_ids", "community_id")
# what must not be dropped: columns of addresses, and elements that are named like ones
ADDRESS_KEYS = re.compile(r"(^|_)(src_ip|dst_ip|address|agent|nexthop|next_hop)$")


def is_ip(text):
    try:
        ipaddress.ip_address(text)
        return True
    except ValueError:
        return False


class Compare:
    """Plain events against anonymised ones: every address is the map of its own, every name is gone, the rest stays."""

    def __init__(self, mapper, hashed=False):
        self.map, self.hashed = mapper, hashed
        self.seen = {"ip": 0, "mac": 0, "gone": 0, "derived": 0, "hashed": 0}
        self.true, self.images = set(), set()
        self.wrong = []

    def leaf(self, key, plain, anon, schema):
        if key == "observer_id":  # the host's name, whatever it reads like
            return anon == "observer-" + self.map.name(plain)
        if isinstance(plain, str) and MAC.match(plain):
            want = self.map.mac(plain)
            self.true.add(plain)
            self.images.add(want)
            self.seen["mac"] += 1
            return anon == want
        if isinstance(plain, str) and is_ip(plain):
            text = plain[7:] if schema == "akvorado" and plain.startswith("::ffff:") else plain
            want = self.map.ip(text)
            if anon is None:  # a name that reads as an address
                self.seen["gone"] += 1
                return not ADDRESS_KEYS.search(key)
            self.true.add(ipaddress.ip_address(text))
            if self.hashed and anon == self.map.name(plain):
                return not ADDRESS_KEYS.search(key)
            self.images.add(want)
            self.seen["ip"] += 1
            prefix = plain[:len(plain) - len(text)]
            return anon.startswith(prefix) and is_ip(anon[len(prefix):]) and ipaddress.ip_address(anon[len(prefix):]) == want
        if key in DERIVED:
            self.seen["derived"] += 1
            return anon != plain
        if isinstance(plain, str) and self.hashed and plain != anon and anon is not None:
            self.seen["hashed"] += 1
            return bool(re.match(r"^([0-9a-f]{16}|[0-9a-f]{36})$", anon))
        if anon is None and plain is not None:
            self.seen["gone"] += 1
            return key not in DERIVED
        return plain == anon

    def tree(self, key, plain, anon, schema=None):
        if isinstance(plain, dict) and isinstance(anon, dict):
            for k in anon:
                if k not in plain and not UNNAMED.match(k):
                    self.wrong.append((k, None, anon[k]))
            for k, v in plain.items():
                self.tree(k, v, anon.get(k), schema)
        elif isinstance(plain, list) and isinstance(anon, list) and len(plain) == len(anon):
            for a, b in zip(plain, anon):
                self.tree(key, a, b, schema)
        elif isinstance(plain, dict):  # a list of exported values: all of it may hold anything
            self.seen["gone"] += 1
            if anon is not None:
                self.wrong.append((key, plain, anon))
        elif not self.leaf(key, plain, anon, schema):
            self.wrong.append((key, plain, anon))

    def by_entity(self, windows, mapped):
        """Windows come in an order of what they show: here, by what is shown with the key."""
        def shown(address):
            return str(address if mapped or address is None else self.map.ip(address))

        return sorted(windows, key=lambda w: (w["timestamp"], w["span_s"], w["entity"], shown(w["address"]), shown(w["peer"]),
                                              w["port"] or 0, w["protocol"] or 0, w.get("domain_id") or 0))

    def events(self, plain, anon, schema=None):
        assert len(plain) == len(anon), "%d events became %d" % (len(plain), len(anon))
        windows = [[e for e in events if e.get("event_type") == "window"] for events in (plain, anon)]
        others = [[e for e in events if e.get("event_type") != "window"] for events in (plain, anon)]
        for a, b in zip(others[0] + self.by_entity(windows[0], False), others[1] + self.by_entity(windows[1], True)):
            if a.get("event_type") != "pipeline_stats":
                self.tree("", a, b, schema)
        assert not self.wrong, self.wrong[:5]

    def leaks(self, text, more=()):
        """True addresses in a text, in any form, that are not at the same time the map of another."""
        true = self.true | {ipaddress.ip_address(a) for a in more if is_ip(a)} | {a for a in more if not is_ip(a)}
        found = set()
        for pattern in (V4, V6):
            for word in set(pattern.findall(text)):
                word = word.rstrip(":.")
                if is_ip(word):
                    found.add(ipaddress.ip_address(word))
        found |= {w.lower().replace("-", ":") for w in MACS.findall(text)}
        out = {str(a) for a in found & true - self.images if str(a) not in ("0.0.0.0", "::")}
        return out | set(ARPA.findall(text))
