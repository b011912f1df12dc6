# SPDX-License-Identifier: Apache-2.0
"""The first packets of flows as tensors."""
from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, Sequence, Union

import numpy
import torch
from torch.utils.data import IterableDataset

from ._stream import Flows

_COLUMNS = ("splt_direction", "splt_ip_bytes", "splt_payload_bytes", "splt_gap_us", "splt_tcp_flags",
            "splt_tcp_window")


class SpltDataset(IterableDataset):
    """The first `n` packets of each flow, as the profile `splt` has them.

    Each item is a dict: "packets", float32 of shape (n, 6): direction (0 from the initiator, 1 from the responder), IP
    bytes, payload bytes, µs since the flow's packet before, TCP flags, TCP window; rows of zeros behind the last packet
    of a flow that has fewer. "length", int64 of shape (): how many rows are packets. And each of `columns` as the value
    of the record. The default `collate_fn` of a DataLoader makes (batch, n, 6) and (batch,) of them; it takes no None,
    so name `null` where a column may be null.

    In a DataLoader with `num_workers` each stream is read by one worker, the i-th by worker i modulo their number: no
    record comes twice, and one stream alone keeps one worker busy. (Ranks of torch.distributed know nothing of each
    other: give each its own streams.) In batches of several streams the order depends on the workers.

    Args:
        open_flows: makes the stream, with the profile or the columns in it, each time the data set is iterated:
            `lambda: flowtap.read("x.pcap", profile="splt")`; or a list of such. Workers that are spawned, not forked,
            need something that can be pickled: a function of a module, a `functools.partial`.
        n: packets of a flow. The program keeps 32 unless told (`splt=...`).
        columns: other columns of the records that items have.
        null: what stands for null in them.
    """

    def __init__(self, open_flows: Union[Callable[[], Flows], Sequence[Callable[[], Flows]]], n: int = 32,
                 columns: Sequence[str] = (), null: Any = None) -> None:
        super().__init__()
        self.open_flows = [open_flows] if callable(open_flows) else list(open_flows)
        self.n = n
        self.columns = tuple(columns)
        self.null = null

    def __iter__(self) -> Iterator[Dict[str, Any]]:
        worker = torch.utils.data.get_worker_info()
        for open_flows in self.open_flows if worker is None else self.open_flows[worker.id::worker.num_workers]:
            with open_flows() as flows:
                for batch in flows:
                    yield from self._items(batch)

    def _items(self, batch: Any) -> Iterator[Dict[str, Any]]:
        lists = [batch.column(name) for name in _COLUMNS]
        flat = [a.flatten().to_numpy(zero_copy_only=False).astype(numpy.float32) for a in lists]
        lengths = lists[0].value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(numpy.int64)
        ends = numpy.cumsum(lengths)
        others = {name: [self.null if v is None else v for v in batch.column(name).to_pylist()] for name in self.columns}
        for row, (end, length) in enumerate(zip(ends, lengths)):
            k = min(int(length), self.n)
            packets = torch.zeros(self.n, len(_COLUMNS))
            for c, values in enumerate(flat):
                packets[:k, c] = torch.from_numpy(values[end - length:end - length + k])
            yield {"packets": packets, "length": torch.tensor(k), **{name: v[row] for name, v in others.items()}}
