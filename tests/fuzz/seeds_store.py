# SPDX-License-Identifier: Apache-2.0
"""Seeds of the target slice: python3 -B tests/fuzz/seeds_store.py PROGRAM"""
import pathlib
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
BOOL, U8, U16, U32, U64, I64, F64, TIME, STRING, TEXT, BYTES, ID, ADDR, JSON, LIST, LISTS, VECTOR = range(17)
C_BOOL, C_FIXED, C_TEXT, C_LIST, C_LISTS, C_VECTOR = range(6)


def ints(values):
    """Numbers less their least one, all lowest bytes first."""
    least = min(values)
    width = (max(values) - least).bit_length() + 7 >> 3
    return struct.pack("<BBQQ", 0, width, least, values[0]) + b"".join(
        bytes(v - least >> 8 * k & 255 for v in values) for k in range(width))


def deltas(first, steps):
    least = min(steps)
    return struct.pack("<BBQQ", 1, 1, least, first) + bytes([0] + [s - least for s in steps])


def column(kind, item, cell, width, rows, nulls, body, layout=0):
    return bytes([1 + layout]) + struct.pack("<BBBHHH", kind, item, cell, width, rows, nulls) + body


def columns():
    yield "numbers", column(U16, 0, C_FIXED, 2, 4, 0, b"\0" + ints([80, 443, 53, 80]))
    yield "deltas", column(TIME, 0, C_FIXED, 8, 4, 0, b"\0" + deltas(1 << 63 | 1719409375420000, [5, 7, 200]))
    yield "constant", column(U8, 0, C_FIXED, 1, 9, 0, b"\0" + struct.pack("<BBQQ", 0, 0, 6, 6))
    yield "some_null", column(U32, 0, C_FIXED, 4, 4, 2, b"\2\x05" + ints([1, 1, 3, 1]))
    yield "all_null", column(F64, 0, C_FIXED, 8, 3, 3, b"\1")
    yield "truths", column(BOOL, 0, C_BOOL, 1, 3, 0, b"\0" + ints([0, 1, 1]))
    yield "addresses", column(ADDR, 0, C_FIXED, 16, 2, 0, b"\0\0" + bytes(range(32)))
    yield "addresses_words", column(ADDR, 0, C_FIXED, 16, 4, 0, b"\0\1" + struct.pack("<Q", 2) + bytes(range(32)) +
                                    ints([0, 1, 1, 0]))
    yield "texts", column(TEXT, 0, C_TEXT, 1, 3, 0, b"\0\0" + ints([1, 0, 3]) + b"abcd")
    yield "texts_words", column(STRING, 0, C_TEXT, 1, 4, 0, b"\0\1" + struct.pack("<Q", 2) + ints([3, 4]) + b"endidle" +
                                ints([0, 1, 1, 0]))
    yield "hex", column(ID, 0, C_TEXT, 1, 2, 0, b"\0\2" + ints([17, 250]))
    yield "bytes", column(BYTES, 0, C_FIXED, 12, 2, 0, b"\0" + bytes(range(24)))
    yield "list", column(LIST, U8, C_LIST, 1, 3, 0, b"\0" + ints([1, 0, 2]) + ints([7, 8, 9]))
    yield "lists", column(LISTS, U16, C_LISTS, 2, 2, 0, b"\0" + ints([1, 2]) + ints([1, 0, 2]) + ints([7, 8, 9]))
    yield "vector", column(VECTOR, 0, C_VECTOR, 8, 2, 0, b"\0" + bytes(16))
    yield "vector_rows", column(VECTOR, 0, C_VECTOR, 8, 3, 0, bytes(24) + b"\0", layout=1)
    yield "vector_rows_null", column(VECTOR, 0, C_VECTOR, 8, 3, 1, bytes(24) + b"\2\5", layout=1)
    yield "vector_rows_cut", column(VECTOR, 0, C_VECTOR, 8, 3, 0, bytes(20) + b"\0", layout=1)
    yield "cut", column(TEXT, 0, C_TEXT, 1, 3, 0, b"\0\0" + ints([1, 0, 200]) + b"abcd")


def files(program):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, "read", "--quiet", "-w", "1", "-p", "vector", "-e", "flow", "-o",
                        "store:%s/v?columns=timestamp,flow_id,vector,vector_id" % folder,
                        str(HERE.parent.parent / "examples/sample.pcap")], check=True)
        for path in sorted(pathlib.Path(folder, "v").glob("flow-*.fts")):
            yield "file_vectors", b"\0" + path.read_bytes()
        subprocess.run([program, "read", "--quiet", "-w", "1", "-e", "flow,window", "-o", "store:%s/s" % folder,
                        str(HERE.parent.parent / "examples/sample.pcap")], check=True)
        for path in sorted(pathlib.Path(folder, "s").glob("*.fts")):
            yield "file_" + path.name.split("-")[0], b"\0" + path.read_bytes()
            yield "file_cut_" + path.name.split("-")[0], b"\0" + path.read_bytes()[:-20]


def main():
    out = HERE / "corpus" / "slice"
    out.mkdir(parents=True, exist_ok=True)
    for name, data in [*columns(), *files(sys.argv[1])]:
        (out / name).write_bytes(data)


if __name__ == "__main__":
    main()
