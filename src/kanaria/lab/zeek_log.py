"""A connection log in Zeek's manner: from rows of the ``connection`` table to lines of JSON.

It says what a sensor beside the capture would have said of the same flows: address pairs, times, volumes and states.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_FIELDS = {
    "id.orig_h": "src_ip", "id.orig_p": "src_port", "id.resp_h": "dst_ip", "id.resp_p": "dst_port",
    "proto": "transport", "orig_bytes": "src_payload", "resp_bytes": "dst_payload", "conn_state": "state",
    "orig_pkts": "src_packets", "resp_pkts": "dst_packets", "orig_ip_bytes": "src_bytes", "resp_ip_bytes": "dst_bytes",
    "community_id": "community_id",
}  # fmt: skip
_SERVICES = {"tls": "ssl"}
"""Names that Zeek calls otherwise."""


def lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """One line a connection. ``time`` is an aware datetime, ``duration_us`` microseconds."""
    for number, row in enumerate(rows, start=1):
        entry = {"ts": row["time"].timestamp(), "uid": f"C{number:017d}"}
        entry |= {name: row[column] for name, column in _FIELDS.items() if row[column] is not None}
        if row["service"]:
            entry["service"] = _SERVICES.get(row["service"], row["service"])
        if row["duration_us"] is not None:
            entry["duration"] = row["duration_us"] / 1e6
        yield json.dumps(entry) + "\n"
