# SPDX-License-Identifier: Apache-2.0
"""Arrow IPC read by its specification, without a library: streams and files of the types that flowtap writes."""
import struct

INT, FLOAT, BINARY, UTF8, BOOL, TIMESTAMP, LIST, FIXED, FIXED_LIST = 2, 3, 4, 5, 6, 10, 12, 15, 16


class Table:
    """A FlatBuffers table."""

    def __init__(self, data, at):
        self.data, self.at = data, at
        vtable = at - struct.unpack_from("<i", data, at)[0]
        size, self.len = struct.unpack_from("<HH", data, vtable)
        self.slots = struct.unpack_from(f"<{size // 2 - 2}H", data, vtable + 4)

    def place(self, i):
        return self.at + self.slots[i] if i < len(self.slots) and self.slots[i] else None

    def scalar(self, i, form, default=0):
        at = self.place(i)
        if at is None:
            return default
        assert at % struct.calcsize(form) == 0, "alignment"
        return struct.unpack_from("<" + form, self.data, at)[0]

    def follow(self, i):
        at = self.place(i)
        return None if at is None else at + struct.unpack_from("<I", self.data, at)[0]

    def table(self, i):
        at = self.follow(i)
        return None if at is None else Table(self.data, at)

    def text(self, i):
        at = self.follow(i)
        n = struct.unpack_from("<I", self.data, at)[0]
        assert self.data[at + 4 + n] == 0
        return self.data[at + 4:at + 4 + n].decode()

    def tables(self, i):
        at = self.follow(i)
        if at is None:
            return []
        n = struct.unpack_from("<I", self.data, at)[0]
        ats = [at + 4 + 4 * k for k in range(n)]
        return [Table(self.data, a + struct.unpack_from("<I", self.data, a)[0]) for a in ats]

    def structs(self, i, form):
        at = self.follow(i)
        n = struct.unpack_from("<I", self.data, at)[0]
        assert (at + 4) % 8 == 0
        return [struct.unpack_from(form, self.data, at + 4 + k * struct.calcsize(form)) for k in range(n)]

    def pairs(self, i):
        return {t.text(0): t.text(1) for t in self.tables(i)}


class Column:
    def __init__(self, field):
        self.name, self.nullable, self.kind = field.text(0), field.scalar(1, "?"), field.scalar(2, "B")
        kind = field.table(3)
        self.children = [Column(f) for f in field.tables(5)]
        assert field.follow(5) is not None
        if self.kind == INT:
            bits, signed = kind.scalar(0, "i"), kind.scalar(1, "?")
            self.form = {8: "B", 16: "H", 32: "I", 64: "Q"}[bits]
            self.form = self.form.lower() if signed else self.form
            self.type = ("int" if signed else "uint") + str(bits)
        elif self.kind == FLOAT:
            self.form, self.type = {1: ("f", "float"), 2: ("d", "double")}[kind.scalar(0, "h")]
        elif self.kind == TIMESTAMP:
            assert kind.scalar(0, "h") == 2 and kind.text(1) == "UTC"
            self.form, self.type = "q", "timestamp[us, UTC]"
        elif self.kind == FIXED:
            self.width = kind.scalar(0, "i")
            self.type = f"binary{self.width}"
        elif self.kind == FIXED_LIST:
            self.items = kind.scalar(0, "i")
            self.type = f"fixed_size_list<{self.children[0].type}>[{self.items}]"
        else:
            self.type = {UTF8: "utf8", BINARY: "binary", BOOL: "bool"}.get(self.kind)
            if self.kind == LIST:
                self.type = f"list<{self.children[0].type}>"


class Batch:
    """What a record batch holds; its buffers are taken in order."""

    def __init__(self, message, body):
        table = message.table(2)
        self.n, self.body = table.scalar(0, "q"), body
        self.nodes, self.buffers = table.structs(1, "<qq"), table.structs(2, "<qq")
        end = 0
        for at, n in self.buffers:
            assert at % 8 == 0 and at >= end and at + n <= len(body)
            end = at + n
        self.metadata = message.pairs(4)

    def buffer(self):
        at, n = self.buffers.pop(0)
        return self.body[at:at + n]

    def column(self, c):
        n, nulls = self.nodes.pop(0)
        bits = self.buffer()
        there = [not bits or bits[i // 8] >> i % 8 & 1 for i in range(n)]
        assert there.count(0) == nulls
        return [v if t else None for v, t in zip(self.values(c, n), there)]

    def values(self, c, n):
        if c.kind == LIST:
            offsets = struct.unpack(f"<{n + 1}i", self.buffer())
            items = self.column(c.children[0])
            assert offsets[0] == 0 and offsets[-1] == len(items) and list(offsets) == sorted(offsets)
            return [items[a:b] for a, b in zip(offsets, offsets[1:])]
        if c.kind == FIXED_LIST:
            items = self.column(c.children[0])
            assert len(items) == n * c.items
            return [items[i * c.items:(i + 1) * c.items] for i in range(n)]
        if c.kind in (UTF8, BINARY):
            offsets, data = struct.unpack(f"<{n + 1}i", self.buffer()), self.buffer()
            assert offsets[0] == 0 and offsets[-1] == len(data) and list(offsets) == sorted(offsets)
            return [data[a:b].decode() if c.kind == UTF8 else data[a:b] for a, b in zip(offsets, offsets[1:])]
        data = self.buffer()
        if c.kind == BOOL:
            return [bool(data[i // 8] >> i % 8 & 1) for i in range(n)]
        if c.kind == FIXED:
            assert len(data) == n * c.width
            return [data[i * c.width:(i + 1) * c.width] for i in range(n)]
        return list(struct.unpack(f"<{n}{c.form}", data))


class Arrow:
    """columns, metadata (of the schema), batches (of each: its metadata), rows: name -> values."""

    def __init__(self, data):
        self.file = data.startswith(b"ARROW1")
        at = 8 if self.file else 0
        self.columns, self.batches, self.rows, self.blocks = [], [], {}, []
        while True:
            mark, size = struct.unpack_from("<II", data, at)
            assert mark == 0xFFFFFFFF and size % 8 == 0
            at += 8
            if size == 0:
                break
            at = self.message(data, at, size)
        self.end(data, at)

    def message(self, data, at, size):
        meta = data[at:at + size]
        m = Table(meta, struct.unpack_from("<I", meta)[0])
        kind, length = m.scalar(1, "B"), m.scalar(3, "q")
        assert m.scalar(0, "h") == 4 and length % 8 == 0
        body = data[at + size:at + size + length]
        assert len(body) == length
        if kind == 1:
            assert not self.columns and length == 0
            self.schema(m.table(2))
        else:
            assert kind == 3
            self.blocks.append((at - 8, size + 8, length))
            b = Batch(m, body)
            assert b.n > 0
            self.batches.append(b.metadata)
            for c in self.columns:
                self.rows[c.name] += b.column(c)
            assert not b.nodes and not b.buffers
        return at + size + length

    def schema(self, t):
        self.columns = [Column(f) for f in t.tables(1)]
        self.metadata = t.pairs(2)
        self.rows = {c.name: [] for c in self.columns}

    def end(self, data, at):
        if not self.file:
            assert at == len(data), "the stream goes on behind its end"
            return
        assert data[-6:] == b"ARROW1"
        size = struct.unpack("<i", data[-10:-6])[0]
        assert at + size + 10 == len(data)
        footer = data[at:at + size]
        t = Table(footer, struct.unpack_from("<I", footer)[0])
        assert t.scalar(0, "h") == 4 and t.structs(2, "<qiiq") == []
        assert [(b[0], b[1], b[3]) for b in t.structs(3, "<qiiq")] == self.blocks
        assert [Column(f).name for f in t.table(1).tables(1)] == [c.name for c in self.columns]
        assert t.table(1).pairs(2) == self.metadata
