# SPDX-License-Identifier: Apache-2.0
"""Seeds of the target rpc: python3 -B tests/fuzz/seeds_rpc.py"""
import json
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


def request(method, rid=1, meta=META, **params):
    params = {**params, **({"_meta": meta} if meta else {})}
    return json.dumps({"jsonrpc": "2.0", "id": rid, "method": method, "params": params}, separators=(",", ":")).encode()


def note(method, **params):
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params}, separators=(",", ":")).encode()


def stdio(*lines):
    return b"s" + b"\n".join(lines)


def http(body, *headers):
    return b"i" + b"".join(h + b"\n" for h in headers) + body


def seeds():
    yield "discover", stdio(request("server/discover"))
    yield "lists", stdio(request("tools/list"), request("resources/list", "b"), request("prompts/list", -3), request("resources/templates/list", 0))
    yield "call", stdio(request("tools/call", name="top", arguments={"by": "bytes", "limit": 5, "share": 0.5, "all": True, "where": "a=b", "names": ["x", "y"]}))
    yield "call_fails", stdio(request("tools/call", name="top", arguments={"by": "fail"}), request("tools/call", name="plain", arguments={}),
                              request("tools/call", name="top", arguments={"limit": 1e9}), request("tools/call", name="nothing"))
    yield "read", stdio(request("resources/read", uri="fake://baseline/10.0.0.1"), request("resources/read", uri="fake://none"))
    yield "prompt", stdio(request("prompts/get", name="triage", arguments={"id": "a7", "why": "\u00e9\U0001f600\"\\"}))
    yield "listen", stdio(request("subscriptions/listen", "s", notifications={"resourceSubscriptions": ["fake://alerts", "fake://x"]}),
                          note("notifications/cancelled", requestId="s"), request("subscriptions/listen", 2, notifications={"resourceSubscriptions": ["fake://alerts"]}))
    yield "legacy", stdio(request("initialize", meta=None, protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "x", "version": "1"}),
                          note("notifications/initialized"), request("ping", 2, None), request("tools/list", 3, None), request("tools/call", 4, None, name="top"),
                          request("resources/subscribe", 5, None, uri="fake://alerts"), request("resources/unsubscribe", 6, None, uri="fake://alerts"),
                          request("resources/read", 7, None, uri="fake://none"))
    yield "oldest", stdio(request("initialize", meta=None, protocolVersion="2024-11-05"), request("tools/list", 3, None))
    yield "versions", stdio(request("tools/list", meta={**META, "io.modelcontextprotocol/protocolVersion": "1999-01-01"}),
                            request("tools/list", meta={"io.modelcontextprotocol/protocolVersion": 7}), request("tools/list", meta=None))
    yield "batch", stdio(b"[" + request("ping", 1, None) + b"]")
    yield "odd", stdio(b'{"jsonrpc":"2.0","id":null,"method":"ping"}', b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', b'{"jsonrpc":"2.0","id":1,"result":{}}',
                       b'{"id":1}', b"[[[[]]]]", b'{"a":1,"a":2}', b'"\\ud83d\\ude00"', b'"\\u0000"', b"-0.5e+10")
    yield "http", http(request("tools/call", name="top"), b"2026-07-28", b"tools/call", b"top")
    yield "http_coded", http(request("resources/read", uri="fake://schema"), b"2026-07-28", b"resources/read", b"=?base64?ZmFrZTovL3NjaGVtYQ==?=")
    yield "http_wrong", http(request("tools/list"), b"2025-11-25", b"tools/list", b"")
    yield "http_legacy", http(request("tools/list", meta=None), b"2025-06-18", b"", b"")
    yield "http_bare", http(request("initialize", meta=None, protocolVersion="2025-03-26"), b"", b"", b"")
    yield "http_listen", http(request("subscriptions/listen", notifications={"resourceSubscriptions": ["fake://alerts"]}), b"2026-07-28", b"subscriptions/listen", b"")


def main():
    out = HERE / "corpus/rpc"
    out.mkdir(parents=True, exist_ok=True)
    for name, data in seeds():
        (out / name).write_bytes(data)


if __name__ == "__main__":
    main()
