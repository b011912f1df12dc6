# SPDX-License-Identifier: Apache-2.0
"""Network flows as Arrow batches, by the program flowtap.

    flows = flowtap.read("x.pcap", profile="all")       # or live("eth0"), collect("netflow://[::]:2055")
    for batch in flows:                                  # pyarrow.RecordBatch, a row a flow record
        ...
    flows.account["decoded"]                             # what went in, came out and was lost

or `flows.to_arrow()`, `flows.to_pandas()`, `flows.to_polars()`. Columns are described by `flowtap schema -p PROFILE`.
"""
from ._nprint import nprint_matrix
from ._program import FlowtapError, ProgramNotFound, program
from ._stream import Flows, collect, live, read

__all__ = ["Flows", "FlowtapError", "ProgramNotFound", "collect", "live", "nprint_matrix", "program", "read"]
__version__ = "0.1.0"
