"""Which side of a connection is ours: addresses of a table in, its device, remote end and direction out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.core.distinct import Distinct, map_distinct
from kanaria.core.network import HomeNetworks

_DIRECTIONS = np.array([-1, -1, -1, 3, 3, 2, 0, 0, 1])
"""By home-ness of source and destination (unknown, home, strange) the place of the direction among the names below."""
_DIRECTION_NAMES = ("inbound", "external", "outbound", "internal")
_OUTBOUND = _DIRECTION_NAMES.index("outbound")
_INTERNAL = _DIRECTION_NAMES.index("internal")


def orient(table: pa.Table, home: HomeNetworks, ends: tuple[Distinct, Distinct] | None = None) -> pa.Table:
    """Fill ``device``, ``remote`` and ``direction`` where null, from ``src_ip``/``dst_ip`` and the home networks.

    inbound: only the server is ours; outbound: only the client; internal: both; external: neither. With only a client
    address (a web log) the server is ours by definition: the direction is inbound, or internal for a home client.
    ``ends`` are the distinct addresses of both columns, for callers who have them already. Where a record itself names
    the client as its device, that one acted, and the other side is whom it acted on. A record that names a direction
    knows its own machine alone: between two of ours it is internal all the same.
    """
    given = table["device"]
    oriented = _orient(table, home, ends)
    return oriented if given.null_count == len(given) else _of_actors(oriented, given)


def name_actors(table: pa.Table, home: HomeNetworks) -> pa.Table:
    """Alerts with ``device`` filled by who did what the sensor speaks of (a scan, a guess, a login): the source.

    So where both ends are ours, where neither is, and where no target is named; whom it was done to is not to
    blame. Between ours and strangers ``orient`` decides.
    """
    import pyarrow.compute as pc

    source, target = (map_distinct(table[name], home.has, pa.bool_()) for name in ("src_ip", "dst_ip"))
    alike = pc.fill_null(pc.equal(source, target), False)
    alone = pc.and_(pc.fill_null(source, False), pc.is_null(target))
    acted = pc.if_else(pc.or_(alike, alone), table["src_ip"], pa.scalar(None, pa.string()))
    return table.set_column(table.schema.get_field_index("device"), "device", pc.coalesce(table["device"], acted))


def orient_strange_alerts(table: pa.Table, home: HomeNetworks) -> pa.Table:
    """Alerts between two strangers oriented anew, now that it is known which addresses are ours."""
    import pyarrow.compute as pc

    strange = pc.fill_null(pc.equal(table["direction"], "external"), False)
    if not pc.any(strange).as_py():
        return table
    emptied = table
    for name in ("direction", "device", "remote"):
        kept = pc.if_else(strange, pa.scalar(None, pa.string()), table[name])
        emptied = emptied.set_column(table.schema.get_field_index(name), name, kept)
    return orient(name_actors(emptied, home), home)


def _of_actors(table: pa.Table, given: pa.ChunkedArray) -> pa.Table:
    """The table with the other side of what the ``given`` devices did as clients."""
    import pyarrow.compute as pc

    acted = pc.fill_null(pc.equal(given, table["src_ip"]), False)
    if not pc.any(acted).as_py():
        return table
    alone = pc.and_(acted, pc.is_null(table["dst_ip"]))
    for name, where, values in (("remote", acted, table["dst_ip"]), ("direction", alone, pa.scalar("outbound"))):
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, pc.if_else(where, values, table[name]))
    return table


def _orient(table: pa.Table, home: HomeNetworks, ends: tuple[Distinct, Distinct] | None) -> pa.Table:
    if table["dst_ip"].null_count == len(table):
        return _orient_clients(table, home)
    src, dst = ends or (Distinct(table["src_ip"]), Distinct(table["dst_ip"]))
    sides = [
        np.array([*(1 if home.has(address) else 2 for address in side.values), 0])[side.codes] for side in (src, dst)
    ]
    direction = _DIRECTIONS[sides[0] * 3 + sides[1]]
    outbound = direction == _OUTBOUND
    addresses = pa.concat_arrays([src.dictionary, dst.dictionary])
    there = np.where(dst.codes < 0, -1, dst.codes + len(src.values))
    filled = {
        "direction": _taken(pa.array(_DIRECTION_NAMES), direction),
        "device": _taken(addresses, np.where(outbound, src.codes, there)),
        "remote": _taken(addresses, np.where(outbound, there, src.codes)),
    }
    for name, values in filled.items():
        given = table[name]
        if name == "direction" and given.null_count < len(given):
            given = _or_else(_taken(pa.array(_DIRECTION_NAMES), np.where(direction == _INTERNAL, direction, -1)), given)
        table = table.set_column(table.schema.get_field_index(name), name, _or_else(given, values))
    return table


def _taken(values: pa.Array, places: npt.NDArray[np.int64]) -> pa.Array:
    """The values at these places; null where a place is negative."""
    missing = places < 0
    return values.take(pa.array(places, mask=missing if missing.any() else None))


def _or_else(given: pa.Array | pa.ChunkedArray, values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """What was given, and the values where nothing was."""
    import pyarrow.compute as pc  # 40 ms to import; only batches need it

    return values if given.null_count == len(given) else pc.coalesce(given, values)


def _orient_clients(table: pa.Table, home: HomeNetworks) -> pa.Table:
    """``orient`` where only clients are known, as in a web log: one look-up per distinct client."""
    src = table["src_ip"]
    filled = {
        "direction": map_distinct(src, lambda address: "internal" if home.has(address) else "inbound", pa.string()),
        "remote": src,
    }
    for name, values in filled.items():
        table = table.set_column(table.schema.get_field_index(name), name, _or_else(table[name], values))
    return table
