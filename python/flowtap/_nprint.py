# SPDX-License-Identifier: Apache-2.0
"""The bits of nPrint."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Union

import pyarrow

if TYPE_CHECKING:
    import numpy

_HEADERS = 60, 40, 60, 8, 8  # bytes of IPv4, IPv6, TCP, UDP, ICMP
_PARTS = len(_HEADERS) + 1   # and the payload


def _bytes(column: Any) -> "numpy.ndarray":
    """uint8, shape (rows, bytes of each)."""
    import numpy

    if column.null_count > 0:
        raise ValueError("headers are null: of flows with --anonymize nothing is told of them")
    chunks = column.chunks if isinstance(column, pyarrow.ChunkedArray) else [column]
    width = column.type.byte_width
    out = [numpy.frombuffer(c.buffers()[1], numpy.uint8, len(c) * width, c.offset * width).reshape(-1, width)
           for c in chunks if len(c) > 0]
    return numpy.concatenate(out) if out else numpy.empty((0, width), numpy.uint8)


def nprint_matrix(batch: Union[pyarrow.RecordBatch, pyarrow.Table]) -> "numpy.ndarray":
    """The header bits of each flow's first packets, as nPrint has them: 1, 0, and -1 where there is none.

    batch has the columns of the profile `nprint`, from Arrow or Parquet: `for batch in read("x.pcap", profile="nprint")`.

    Returns int8, shape (flows, packets, bits), C order. `packets` is `nprint_packets=` (10), `bits` 1408 and eight for
    each byte of `nprint_payload=` (0), in the order of nPrint's columns; packets that a flow has not are all -1.
    `.reshape(len(m), -1)` is a row for each flow, as nprintML makes it.
    """
    import numpy

    lengths, data = _bytes(batch.column("nprint_lengths")), _bytes(batch.column("nprint"))
    packets = lengths.shape[1] // _PARTS
    size = data.shape[1] // packets
    widths = [*_HEADERS, size - sum(_HEADERS)]
    within = numpy.concatenate([numpy.arange(w) for w in widths])
    part = numpy.repeat(numpy.arange(_PARTS), widths)
    absent = within >= lengths.reshape(len(data), packets, _PARTS)[:, :, part]
    out = numpy.unpackbits(data.reshape(len(data), packets, size), axis=2).view(numpy.int8)
    out[numpy.repeat(absent, 8, axis=2)] = -1
    return out
