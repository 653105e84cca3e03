"""Forward proxies: in their logs a client inside asks, and the other side is who it asks, not the client.

In: an ``http`` table with its clients oriented. Out: the same, where requests that went through a forward proxy are
outbound: the device is the client, the remote and the host are what it asked for. What somebody outside sends a web
server in a proxy's words (``CONNECT``, absolute addresses) is a probe for open proxies and stays inbound.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from kanaria.core.late_regex import late_regex
from kanaria.core.network import HomeNetworks
from kanaria.core.remembered import remembered
from kanaria.formats.web import socks, values

# What Squid and its kin note beside every request: result codes and how the answer was got. Zscaler's proxies say who
# they are.
_SQUID = late_regex(rb"\bzscalernss-web\b|\b(?:TCP|UDP|NONE)_[A-Z_]+[:/]|\bHIER_[A-Z_]+\b|\b(?:DIRECT|FIRSTUP_PARENT)/")
_ABSOLUTE = late_regex(r"[a-z]{2,6}://(?:[^/@?#]*@)?(\[[^\]]+\]|[^/:?#]+)(?::(\d{1,5}))?(?=[/?#]|$)", re.IGNORECASE)
_AUTHORITY = late_regex(r"(\[[^\]]+\]|[^/:?#\s]+):(\d{1,5})")
# Where containers see everybody from: behind it stands any client, also one from outside.
_BRIDGE = late_regex(r"172\.(?:1[6-9]|2\d|3[01])\.0\.1|10\.88\.0\.1|10\.42\.0\.[01]")
_ARCHIVED = b'{"startedDateTime"'
"""How requests out of a HAR begin (``carriers.web_archives``): what a browser asked for, which it does not name."""
SUCCESS = range(200, 300)


def asked_outside(table: pa.Table, home: HomeNetworks) -> pa.Table:
    """The table with the sides of proxied requests put right."""
    rows = _worded(table)
    if not len(rows):
        return table
    picked = table.select(["src_ip", "method", "url", "status", "raw", "protocol"]).take(pa.array(rows)).to_pylist()
    targets = {int(row): asked for row, record in zip(rows, picked, strict=True) if (asked := _asked(record, home))}
    others = [
        (int(row), host)
        for row, record in zip(rows, picked, strict=True)
        if row not in targets and record["method"] == "CONNECT" and (host := target(str(record["url"] or ""))[0])
    ]
    return _hosted(_turned(table, targets) if targets else table, dict(others))


def _hosted(table: pa.Table, asked: dict[int, str]) -> pa.Table:
    """The table with the host that strangers asked this server to connect them with."""
    if not asked:
        return table
    column = table["host"].to_pylist()
    for row, host in asked.items():
        column[row] = column[row] or host
    index = table.schema.get_field_index("host")
    return table.set_column(index, "host", pa.array(column, table.schema.field(index).type))


def _worded(table: pa.Table) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Rows in the words of a proxy: few in any log of a web server, all in a proxy's."""
    import pyarrow.compute as pc

    paths = pc.fill_null(pc.starts_with(table["url"], "/"), True)  # nearly all: no expression is tried on them
    odd = np.flatnonzero(~paths.to_numpy().astype(bool)).astype(np.int64)
    if not len(odd):
        return odd
    some = table.select(["method", "url"]).take(pa.array(odd))
    absolute = pc.match_substring_regex(some["url"], "^[a-z]+://", ignore_case=True)
    worded = pc.fill_null(pc.or_kleene(pc.equal(some["method"], "CONNECT"), absolute), False)
    return odd[np.flatnonzero(worded.to_numpy())].astype(np.int64)


def _asked(record: dict[str, object], home: HomeNetworks) -> tuple[str | None, str, int | None] | None:
    """Device, host and port asked for, of a request through a forward proxy. What speaks SOCKS is one, whoever asks;
    a client that is not ours is no device."""
    client, url, status = record["src_ip"], str(record["url"] or ""), record["status"]
    if client is None and isinstance(record["raw"], bytes) and record["raw"].startswith(_ARCHIVED):
        host, port = target(url)
        return (None, host, port) if host and not home.has(host) else None
    if record["protocol"] == socks.PROTOCOL:
        host, port = target(url)
        device = client if isinstance(client, str) and home.has(client) else None
        return (device, host, port) if host and not home.has(host) else None
    if not isinstance(client, str) or not home.has(client):
        return None
    marked = isinstance(record["raw"], bytes) and _SQUID.search(record["raw"]) is not None
    if not marked and (_BRIDGE.fullmatch(client) or status not in SUCCESS):
        return None
    host, port = target(url)
    return (client, host, port) if host and not home.has(host) else None


@remembered
def target(url: str) -> tuple[str | None, int | None]:
    """Host and port of ``host:port`` or of an absolute address."""
    match = _AUTHORITY.fullmatch(url) or _ABSOLUTE.match(url)
    if not match:
        return None, None
    return match[1].strip("[]").lower() or None, values.small_integer(match[2] or "")


def _turned(table: pa.Table, targets: dict[int, tuple[str | None, str, int | None]]) -> pa.Table:
    sides: dict[str, dict[int, object]] = {
        "direction": {row: "outbound" for row in targets},
        "device": {row: client for row, (client, _host, _port) in targets.items()},
        "remote": {row: host for row, (_client, host, _port) in targets.items()},
        "host": {row: host for row, (_client, host, _port) in targets.items()},
        "dst_port": {row: port for row, (_client, _host, port) in targets.items()},
    }
    for name, values_of in sides.items():
        index = table.schema.get_field_index(name)
        column = table[name].to_pylist()
        for row, value in values_of.items():
            column[row] = value
        table = table.set_column(index, name, pa.array(column, table.schema.field(index).type))
    return table
