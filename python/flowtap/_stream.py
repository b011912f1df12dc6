# SPDX-License-Identifier: Apache-2.0
"""A run of the program as a stream of Arrow batches."""
from __future__ import annotations

import collections
import json
import os
import subprocess
import threading
import urllib.parse
from typing import TYPE_CHECKING, Any, Deque, Dict, Iterator, List, Optional, Sequence, Union

import pyarrow
import pyarrow.ipc

from ._program import FlowtapError, arguments, program

if TYPE_CHECKING:
    import pandas
    import polars

Path = Union[str, "os.PathLike[str]"]
_MESSAGES = 100  # of the program that are kept


class Flows:
    """Flow records, as they are made: an iterator of `pyarrow.RecordBatch`, a row a record.

    The program starts at once and waits when nobody reads (captures of live traffic then lose events, counted in
    `account`, and never packets of a flow's counters). Use it once: iterate, or one of the `to_` functions. As a context
    manager it ends the program when it is left.

    Attributes:
        schema: the `pyarrow.Schema`: nullable columns; its metadata say schema version, profile and flowtap version.
        account: once the stream has ended, the program's account as a dict: `received`, `captured`, `decoded`,
            `flows_ended`, `outputs` (events made, written, dropped, lost), `adds_up`. None before.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.account: Optional[Dict[str, Any]] = None
        self._messages: Deque[str] = collections.deque(maxlen=_MESSAGES)
        self._error: Optional[str] = None
        self._stopped = False
        self._process = subprocess.Popen(list(command), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                         stdin=subprocess.DEVNULL)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        try:
            self._reader = pyarrow.ipc.open_stream(self._process.stdout)
        except (pyarrow.ArrowInvalid, OSError) as e:  # it ended without a schema
            self._finish()
            raise FlowtapError(f"no Arrow stream came: {e}", 1, self._messages) from e
        self.schema: pyarrow.Schema = self._reader.schema

    def _listen(self) -> None:
        """Takes what the program says, so that it never waits for us."""
        for line in self._process.stderr or ():
            try:
                said = json.loads(line)
            except ValueError:
                said = {"level": "error", "message": line.decode("utf-8", "replace").rstrip("\n")}
            if said.get("message") == "account":
                self.account = {k: v for k, v in said.items() if k not in ("time", "level", "message")}
                continue
            self._messages.append(str(said.get("message")))
            if said.get("level") == "error" and self._error is None:
                self._error = str(said.get("message"))

    def _finish(self) -> None:
        status = self._process.wait()
        self._listener.join()
        if self._process.stdout:
            self._process.stdout.close()
        if self._process.stderr:
            self._process.stderr.close()
        if status != 0 and not self._stopped:
            raise FlowtapError(self._error or f"flowtap ended with status {status}", status, self._messages)

    def __iter__(self) -> Iterator[pyarrow.RecordBatch]:
        while True:
            try:
                batch = self._reader.read_next_batch()
            except StopIteration:
                break
            except (pyarrow.ArrowInvalid, OSError):  # the stream is cut: the program says why
                if not self._stopped:
                    self._finish()
                    raise
                break
            yield batch
        self._finish()

    def stop(self) -> None:
        """Ends the program as Ctrl-C does: what was captured is written; read on to take it."""
        self._stopped = True
        if self._process.poll() is None:
            self._process.terminate()

    def close(self) -> None:
        """Ends the program and throws away what is still to come. Any number of times."""
        if self._process.poll() is None:
            self.stop()
            if self._process.stdout and not self._process.stdout.closed:
                while self._process.stdout.read(1 << 16):
                    pass
        self._stopped = True
        self._finish()

    def __enter__(self) -> "Flows":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def to_arrow(self) -> pyarrow.Table:
        """All records to the end of the input."""
        return pyarrow.Table.from_batches(list(self), schema=self.schema)

    def to_pandas(self, **how: Any) -> "pandas.DataFrame":
        """All records; `how` goes to `pyarrow.Table.to_pandas`. Integers that may be null become pandas' nullable ones,
        unless a `types_mapper` says otherwise: none of them is rounded through a float."""
        import pandas

        nullable = {pyarrow.int8(): pandas.Int8Dtype(), pyarrow.int16(): pandas.Int16Dtype(),
                    pyarrow.int32(): pandas.Int32Dtype(), pyarrow.int64(): pandas.Int64Dtype(),
                    pyarrow.uint8(): pandas.UInt8Dtype(), pyarrow.uint16(): pandas.UInt16Dtype(),
                    pyarrow.uint32(): pandas.UInt32Dtype(), pyarrow.uint64(): pandas.UInt64Dtype(),
                    pyarrow.bool_(): pandas.BooleanDtype()}
        how.setdefault("types_mapper", nullable.get)
        return self.to_arrow().to_pandas(**how)

    def to_polars(self) -> "polars.DataFrame":
        """All records."""
        import polars

        return polars.from_arrow(self.to_arrow())


def _output(columns: Optional[Sequence[str]], parameters: Dict[str, str]) -> str:
    if columns is not None:
        parameters["columns"] = columns if isinstance(columns, str) else ",".join(columns)
    query = "&".join(f"{k}={urllib.parse.quote(v, safe=',:/')}" for k, v in parameters.items())
    return "arrow:-" + ("?" + query if query else "")


def _start(command: str, words: Sequence[str], profile: Union[str, Sequence[str], None],
           columns: Optional[Sequence[str]], options: Dict[str, Any]) -> Flows:
    if profile is not None:
        options = {"profile": profile, **options}
    return Flows([program(), command, "--log-format", "json", *arguments(options), "--output", _output(columns, {}),
                  *words])


def read(*files: Path, profile: Union[str, Sequence[str], None] = None, columns: Optional[Sequence[str]] = None,
         **options: Any) -> Flows:
    """Flow records of capture files (pcap, pcapng, also .gz and .zst).

    Args:
        files: one or more, read one after the other as one stream.
        profile: name or list of names: "base" (the default), "sizes", "tcp", "cic", ...
        columns: names; only these, in this order.
        options: of the program, `_` for `-`: `where="dst_port=443"`, `idle_timeout=60`, `snapshot=[8, 32]`,
            `no_identity=True`, `labels="rules.csv"`.

    Raises:
        FlowtapError: an option or a file is wrong: the program's message. Damage in the middle of a file is told when
            the iteration comes to its end; all batches before hold.
        ProgramNotFound: the program is not built.
    """
    return _start("read", ["--", *map(os.fspath, files)], profile, columns, options)


def live(*interfaces: str, profile: Union[str, Sequence[str], None] = None, columns: Optional[Sequence[str]] = None,
         **options: Any) -> Flows:
    """Flow records of live traffic, as flows end; arguments as `read`. No interface: that of the default route.

    `duration=60` or `count=100000` ends it by itself, `stop()` at any time. An error of privileges is a `FlowtapError`
    that says what grants them.
    """
    words: List[str] = []
    for name in interfaces:
        words += ["--interface", name]
    return _start("live", words, profile, columns, options)


def collect(*urls: str, columns: Optional[Sequence[str]] = None, **options: Any) -> Flows:
    """Flow records of routers: NetFlow, IPFIX and sFlow datagrams at `urls` ("netflow://[::]:2055",
    "pcap:datagrams.pcap"; none: the usual ports). What an exporter says besides the columns is in `other`, a JSON text.
    """
    words: List[str] = []
    for url in urls:
        words += ["--listen", url]
    return _start("collect", words, None, columns, options)
