# SPDX-License-Identifier: Apache-2.0
"""The program: where it is, and how options become its arguments."""
from __future__ import annotations

import os
import pathlib
import shutil
from typing import Any, Iterable, List, Mapping


class FlowtapError(RuntimeError):
    """The program ended with an error.

    Attributes:
        status: its exit status: 1 it could not run, or lost an output; 2 an option was wrong.
        messages: all that it said, oldest first.
    """

    def __init__(self, message: str, status: int = 1, messages: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.messages = list(messages)


class ProgramNotFound(FileNotFoundError):
    """There is no program flowtap to run."""


def _checkout() -> pathlib.Path:
    """Where the package was installed from (setup.py), or where it lies."""
    try:
        from . import _checkout as installed  # type: ignore[attr-defined]
    except ImportError:
        return pathlib.Path(__file__).resolve().parents[2]
    return pathlib.Path(installed.PATH)


def program() -> str:
    """The path of the program: $FLOWTAP, else that of this checkout's build, else the one in PATH.

    Raises:
        ProgramNotFound: it is nowhere; the message says how to build it.
    """
    named = os.environ.get("FLOWTAP")
    if named:
        found = shutil.which(named)
        if found:
            return found
        raise ProgramNotFound(f"FLOWTAP={named} is no program")
    built = _checkout() / "build" / "release" / "flowtap"
    found = shutil.which(str(built)) or shutil.which("flowtap")
    if found:
        return found
    raise ProgramNotFound("the program flowtap was not found: run `make build` in its checkout and set "
                          "FLOWTAP=/path/to/build/release/flowtap, or put it into PATH")


def arguments(options: Mapping[str, Any]) -> List[str]:
    """Command-line arguments of keyword options: `idle_timeout=60` is `--idle-timeout 60`; True a flag; a list its
    items with commas; None and False nothing."""
    out: List[str] = []
    for name, value in options.items():
        option = "--" + name.rstrip("_").replace("_", "-")
        if value is None or value is False:
            continue
        if value is True:
            out.append(option)
        elif isinstance(value, (list, tuple)):
            out += [option, ",".join(map(str, value))]
        else:
            out += [option, str(value)]
    return out
