# SPDX-License-Identifier: Apache-2.0
"""The footer of a Parquet file, read by the format's specification: parquet.thrift in Thrift's compact protocol."""
import struct


class Compact:
    """Structs as dicts of their field ids."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def varint(self):
        v = shift = 0
        while True:
            b = self.data[self.at]
            self.at += 1
            v |= (b & 127) << shift
            shift += 7
            if b < 128:
                return v

    def zigzag(self):
        v = self.varint()
        return v >> 1 ^ -(v & 1)

    def value(self, kind):
        if kind in (1, 2):
            return kind == 1
        if kind == 3:
            self.at += 1
            return struct.unpack_from("b", self.data, self.at - 1)[0]
        if kind in (4, 5, 6):
            return self.zigzag()
        if kind == 8:
            n = self.varint()
            self.at += n
            return self.data[self.at - n:self.at]
        if kind == 9:
            head = self.data[self.at]
            self.at += 1
            n = head >> 4 if head >> 4 < 15 else self.varint()
            return [self.value(head & 15) for _ in range(n)]
        assert kind == 12, kind
        return self.struct()

    def struct(self):
        out, field = {}, 0
        while True:
            head = self.data[self.at]
            self.at += 1
            if head == 0:
                return out
            field = field + (head >> 4) if head >> 4 else self.zigzag()
            out[field] = self.value(head & 15)


class Parquet:
    """rows, rows of each group, names of the columns, metadata; asserts that all that is named lies in the file."""

    def __init__(self, data):
        assert data[:4] == data[-4:] == b"PAR1", "it has no end"
        length = struct.unpack_from("<I", data, len(data) - 8)[0]
        reader = Compact(data[len(data) - 8 - length:-8])
        footer = reader.struct()
        assert reader.at == length
        self.rows = footer[3]
        self.names = [e[4].decode() for e in footer[2][1:]]
        self.metadata = {p[1].decode(): p[2].decode() for p in footer[5]}
        self.groups = []
        for group in footer[4]:
            columns = [c[3] for c in group[1]]
            for c in columns:
                at = c.get(11, c[9])
                assert 4 <= at and at + c[7] <= len(data) - 8 - length, "a page is not in the file"
            assert sum(c[6] for c in columns) == group[2] and sum(c[7] for c in columns) == group[6]
            self.groups.append(group[3])
        assert sum(self.groups) == self.rows
