"""Whom a client really talks to: connections to proxies get the destination they asked for.

``dst_ip`` stays what the network saw, the proxy. ``remote`` becomes the destination, the connection counts as one to
the outside, and ``mining.target`` names it with its port: the proxy is the way and mines nothing.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from kanaria.core.proxies import Proxied, proxied

TARGET = "mining.target"


def behind_proxies(connection: pa.Table) -> pa.Table:
    """The table with ``mining.target``, and with the other sides of connections of ours through proxies put right."""
    import pyarrow.compute as pc

    first = connection["src_first"]
    asks = pc.or_kleene(pc.starts_with(first, "CONNECT "), pc.is_in(connection["service"], pa.array(["socks"])))
    ours = pc.is_in(connection["direction"], pa.array(["internal", "outbound"]))
    rows = np.flatnonzero(pc.fill_null(pc.and_kleene(asks, ours), False).to_numpy(zero_copy_only=False))
    targets = {row: target for row in rows.tolist() if (target := _target(connection, row))}
    named: list[str | None] = [None] * len(connection)
    for row, target in targets.items():
        named[row] = f"[{target.host}]:{target.port}" if ":" in target.host else f"{target.host}:{target.port}"
    connection = _put(connection, TARGET, pa.array(named, pa.string()))
    return _with_hosts(connection, {row: target.host for row, target in targets.items()}) if targets else connection


def asked_on_the_wire(http: pa.Table) -> pa.Table:
    """The same for ``CONNECT`` requests that a sensor saw on their way to a proxy, and that it answered with success.

    A proxy's own log has no address of the other side, and its reader has put the sides right already.
    """
    import pyarrow.compute as pc

    success = pc.and_kleene(pc.greater_equal(http["status"], 200), pc.less(http["status"], 300))
    ours = pc.is_in(http["direction"], pa.array(["internal", "outbound"]))
    seen = pc.and_kleene(pc.is_valid(http["dst_ip"]), pc.and_kleene(ours, success))
    asks = pc.and_kleene(pc.equal(http["method"], "CONNECT"), seen)
    rows = np.flatnonzero(pc.fill_null(asks, False).to_numpy(zero_copy_only=False)).tolist()
    hosts = {row: str(http["url"][row].as_py() or "").rpartition(":")[0].strip("[]").lower() for row in rows}
    named = {row: host for row, host in hosts.items() if host}
    return _with_hosts(http, named) if named else http


def _target(connection: pa.Table, row: int) -> Proxied | None:
    return proxied(connection["src_first"][row].as_py() or b"", connection["dst_first"][row].as_py() or b"")


def _with_hosts(table: pa.Table, hosts: dict[int, str]) -> pa.Table:
    import pyarrow.compute as pc

    chosen = np.zeros(len(table), np.bool_)
    chosen[list(hosts)] = True
    mask = pa.array(chosen)
    remote = pa.array([hosts.get(row) for row in range(len(table))], pa.string())
    values = {"remote": remote, "device": table["src_ip"], "direction": pa.scalar("outbound")}
    for name, value in values.items():
        table = _put(table, name, pc.if_else(mask, value, table[name]))
    return table


def _put(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    index = table.schema.get_field_index(name)
    return table.append_column(name, values) if index < 0 else table.set_column(index, name, values)
