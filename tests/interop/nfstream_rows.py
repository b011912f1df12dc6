# SPDX-License-Identifier: Apache-2.0
"""Flows as NFStream has them, for nfstream_compare.py, which runs this by a Python that has NFStream: a line of JSON for each
capture that is named on stdin, its rows as lists in the order of columns.

nfstream_rows.py SPLT [IDLE ACTIVE]"""
import json
import os
import sys


def rows(path, splt, times):
    streamer = NFStreamer(source=path, n_dissections=0, statistical_analysis=True, splt_analysis=splt, n_meters=1,
                          **times)
    columns, out = None, []
    for flow in streamer:
        columns = columns or flow.keys()
        out.append(flow.values())
    return {"capture": path, "columns": columns, "rows": out}


if __name__ == "__main__":
    from nfstream import NFStreamer

    given = [int(x) for x in sys.argv[1:]]
    lines, sys.stdout = os.fdopen(os.dup(1), "w"), sys.stderr  # it prints warnings
    for name in sys.stdin.read().splitlines():
        times = {"idle_timeout": given[1], "active_timeout": given[2]} if len(given) == 3 else {}
        try:
            print(json.dumps(rows(name, given[0], times)), file=lines, flush=True)
        except Exception as why:  # whatever it does not read
            print(json.dumps({"capture": name, "error": str(why)}), file=lines, flush=True)
