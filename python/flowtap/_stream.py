# SPDX-License-Identifier: Apache-2.0
"""A run of the program as a stream of Arrow batches."""
from __future__ import annotations

import collections
import json
import os
import subprocess
import threading
import urllib.parse
import weakref
from typing import IO, TYPE_CHECKING, Any, Deque, Dict, List, Optional, Sequence, Union

import pyarrow
import pyarrow.ipc

from ._program import FlowtapError, ProgramNotFound, arguments, program

if TYPE_CHECKING:
    import pandas
    import polars

Path = Union[str, "os.PathLike[str]"]
_MESSAGES = 100  # of the program that are kept
_PATIENCE = 10.0  # seconds until a program that does not end when told to is killed


class _Said:
    """What the program says: of the listener, which must not hold the stream that may be dropped."""

    def __init__(self) -> None:
        self.account: Optional[Dict[str, Any]] = None
        self.messages: Deque[str] = collections.deque(maxlen=_MESSAGES)
        self.error: Optional[str] = None

    def listen(self, lines: IO[bytes]) -> None:
        """Takes all lines, so that the program never waits for us."""
        for line in lines:
            try:
                said = json.loads(line)
            except ValueError:  # it was said before its options were read
                text = line.decode("utf-8", "replace").rstrip("\n")
                said = {"level": "error", "message": text[text.startswith("flowtap: ") and len("flowtap: "):]}
            if said.get("message") == "account":
                self.account = {k: v for k, v in said.items() if k not in ("time", "level", "message")}
                continue
            self.messages.append(str(said.get("message")))
            if said.get("level") == "error" and self.error is None:
                self.error = str(said.get("message"))


def _end(process: "subprocess.Popen[bytes]", listener: threading.Thread, patience: float = 0) -> int:
    """Nobody reads any more: no process is left, whatever it does. Returns its status."""
    assert process.stdout and process.stderr
    process.stdout.close()
    for ask, seconds in ((lambda: None, patience), (process.terminate, _PATIENCE), (process.kill, None)):
        ask()
        try:
            process.wait(seconds)
            break
        except subprocess.TimeoutExpired:
            pass
    listener.join()
    process.stderr.close()
    return process.returncode


class Flows:
    """Flow records, as they are made: an iterator of `pyarrow.RecordBatch`, a row a record.

    The program starts at once and waits when nobody reads (captures of live traffic then lose events, counted in
    `account`, and never packets of a flow's counters). Its records are read once: iterate, or one of the `to_`
    functions. It ends with its input, with `close()`, when a `with` block is left, and when nothing refers to the stream
    any more: `for batch in flowtap.live(): break` leaves no process behind.

    Attributes:
        schema: the `pyarrow.Schema`: nullable columns; its metadata say schema version, profile and flowtap version.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._said = _Said()
        self._stopped = self._over = False
        try:
            self._process = subprocess.Popen(list(command), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                             stdin=subprocess.DEVNULL)
        except OSError as e:
            raise ProgramNotFound(f"{command[0]} cannot be run: {e.strerror}") from e
        self._listener = threading.Thread(target=self._said.listen, args=(self._process.stderr,), daemon=True)
        self._listener.start()
        self._finalizer = weakref.finalize(self, _end, self._process, self._listener)
        try:
            self._reader = pyarrow.ipc.open_stream(self._process.stdout)
        except (pyarrow.ArrowInvalid, OSError) as e:  # it ended without a schema
            raise self._broken("no Arrow stream came", e) from e
        self.schema: pyarrow.Schema = self._reader.schema

    @property
    def account(self) -> Optional[Dict[str, Any]]:
        """Once the stream has ended, the program's account: `received`, `captured`, `decoded`, `flows_ended`, `outputs`
        (events made, written, dropped, lost), `adds_up`. None before."""
        return self._said.account

    def _broken(self, what: str, e: Exception) -> FlowtapError:
        """The stream is cut, or none: the program says why, if it has ended by itself."""
        self._over = True
        self._finalizer.detach()
        status = _end(self._process, self._listener, 1)
        return FlowtapError(self._said.error or f"{what}: {e}", status or 1, self._said.messages)

    def _finish(self) -> None:
        """Takes what is still to come and waits for the end."""
        assert self._process.stdout
        self._over = True
        while self._process.stdout.read(1 << 16):
            pass
        self._process.wait()
        self._finalizer.detach()
        status = _end(self._process, self._listener)
        if status != 0 and not self._stopped:
            raise FlowtapError(self._said.error or f"flowtap ended with status {status}", status, self._said.messages)

    def __iter__(self) -> "Flows":
        return self

    def __next__(self) -> pyarrow.RecordBatch:
        if self._over:
            raise StopIteration
        try:
            return self._reader.read_next_batch()
        except StopIteration:
            self._finish()
            raise
        except (pyarrow.ArrowInvalid, OSError) as e:
            if not self._stopped:
                raise self._broken("the stream is cut", e) from e
            self._finish()
            raise StopIteration from None

    def stop(self) -> None:
        """Ends the program as Ctrl-C does: what was captured is written; read on to take it."""
        self._stopped = True
        if not self._over:
            self._process.terminate()

    def close(self) -> None:
        """Ends the program and throws away what is still to come. Any number of times."""
        if not self._over:
            self.stop()
            self._finish()

    def __enter__(self) -> "Flows":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def to_arrow(self) -> pyarrow.Table:
        """All records to the end of the input, as far as they were not read before.

        Raises:
            ValueError: the stream has ended.
        """
        if self._over:
            raise ValueError("the stream has ended: flow records are read once")
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
