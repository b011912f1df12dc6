# SPDX-License-Identifier: Apache-2.0
"""The first packets of flows as tensors."""
from __future__ import annotations

from typing import Any, Callable, Dict, Iterator

import numpy
import torch
from torch.utils.data import IterableDataset

from ._stream import Flows

_COLUMNS = ("splt_direction", "splt_ip_bytes", "splt_payload_bytes", "splt_gap_us", "splt_tcp_flags",
            "splt_tcp_window")


class SpltDataset(IterableDataset):
    """The first `n` packets of each flow, as the profile `splt` has them.

    Each item is a dict: "packets", float32 of shape (n, 6): direction (0 from the initiator, 1 from the responder), IP
    bytes, payload bytes, µs since the flow's packet before, TCP flags, TCP window, zeros behind the last packet;
    "length", int64 scalar: how many packets there are; and each of `columns` (with `label`, say) as the value of the record,
    None for null.

    Args:
        open_flows: makes the stream, with the profile or the columns in it, each time the data set is iterated:
            `lambda: flowtap.read("x.pcap", profile="splt")`. In worker processes of a DataLoader each would read all:
            only the first does.
        n: packets of a flow.
        columns: other columns of the records that items have.
    """

    def __init__(self, open_flows: Callable[[], Flows], n: int = 32, columns: tuple = ()) -> None:
        super().__init__()
        self.open_flows = open_flows
        self.n = n
        self.columns = tuple(columns)

    def __iter__(self) -> Iterator[Dict[str, Any]]:
        worker = torch.utils.data.get_worker_info()
        if worker is not None and worker.id != 0:
            return
        with self.open_flows() as flows:
            for batch in flows:
                yield from self._items(batch)

    def _items(self, batch: Any) -> Iterator[Dict[str, Any]]:
        lists = [batch.column(name) for name in _COLUMNS]
        flat = [a.flatten().to_numpy(zero_copy_only=False).astype(numpy.float32) for a in lists]
        lengths = lists[0].value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(numpy.int64)
        ends = numpy.cumsum(lengths)
        others = {name: batch.column(name).to_pylist() for name in self.columns}
        for row, (end, length) in enumerate(zip(ends, lengths)):
            k = min(int(length), self.n)
            packets = torch.zeros(self.n, len(_COLUMNS))
            for c, values in enumerate(flat):
                packets[:k, c] = torch.from_numpy(values[end - length:end - length + k])
            yield {"packets": packets, "length": torch.tensor(k), **{name: v[row] for name, v in others.items()}}
