# SPDX-License-Identifier: Apache-2.0
"""The Python that has the libraries which read our outputs (scripts/readers.sh installs them): FT_PYTHON, else that of
the cache. Tests that need them run themselves with it, and skip when it is not there."""
import os
import pathlib
import sys


def cache():
    return os.environ.get("FT_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "flowtap")


def python():
    """Its path, or None."""
    path = os.environ.get("FT_PYTHON") or os.path.join(cache(), "python", "bin", "python")
    return path if os.access(path, os.X_OK) else None


def use():
    """Goes on in it, if it is there."""
    path = python()
    if path and os.environ.get("FT_PYTHON_IN_USE") != path:
        os.execve(path, [path, "-B", *sys.argv], {**os.environ, "FT_PYTHON_IN_USE": path})


def use_other(name):
    """Lets use() take the one of FT_NAME, or of NAME in the cache, which has what is too large for all."""
    path = os.environ.get("FT_" + name.upper()) or os.path.join(cache(), name, "bin", "python")
    if os.access(path, os.X_OK):
        os.environ["FT_PYTHON"] = path


def needs(*modules):
    """use(), and the end as skipped when a module is missing."""
    use()
    for m in modules:
        try:
            __import__(m)
        except ImportError:
            print(f"skipped: the Python package {m} is not here (scripts/readers.sh)")
            sys.exit(77)
