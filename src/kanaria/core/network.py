"""Addresses and direction: which side of a connection is ours.

Home networks come from the configuration; without one, private address space counts as home and the caller says so.
Everything works once per distinct address, never once per row.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import field
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.core.errors import ConfigError
from kanaria.core.values import dataclass

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 and loopback: never routed on the Internet.
PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8",
        "fc00::/7", "fe80::/10", "::1/128",
    )
)  # fmt: skip


_REMEMBERED = 1 << 17  # addresses, about 15 MB


@dataclass(frozen=True)
class HomeNetworks:
    """The address space that is ours. ``inferred`` is True when nobody configured it."""

    networks: tuple[Network, ...] = field(default=PRIVATE)
    inferred: bool = True

    @classmethod
    def parse(cls, texts: Iterable[str], *, where: str = "--home") -> HomeNetworks:
        networks = []
        for text in texts:
            try:
                networks.append(ipaddress.ip_network(text, strict=False))
            except ValueError as error:
                raise ConfigError(
                    path=where, key="home", expected="a network such as 192.168.0.0/16", got=text, cause=str(error)
                ) from error
        return cls(networks=tuple(networks), inferred=False)

    def has(self, address: str) -> bool:
        """Whether the address is ours; text that is no address is not. Remembered: batches repeat their addresses."""
        known = self._known.get(address)
        if known is None:
            parsed = parse_address(address)
            known = parsed is not None and any(parsed in network for network in self.networks)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[address] = known
        return known

    @cached_property
    def _known(self) -> dict[str, bool]:
        return {}


_LONGEST = 64
"""Characters of a text that is remembered; an IPv6 address has 45, and a hostile log may have megabytes instead."""


def parse_address(text: str) -> Address | None:
    """The address, with IPv4-mapped IPv6 turned into IPv4 and zone ids dropped, or None."""
    return _parse(text) if len(text) <= _LONGEST else _parse.__wrapped__(text)


@lru_cache(maxsize=1 << 16)
def _parse(text: str) -> Address | None:
    try:
        parsed = ipaddress.ip_address(text.split("%", 1)[0])
    except ValueError:
        return None
    mapped = getattr(parsed, "ipv4_mapped", None)
    return mapped or parsed


def ip16(text: str) -> bytes | None:
    """The 16-byte form used for range lookups (IPv4 as IPv4-mapped IPv6), or None when the text is no address."""
    return _packed(text) if len(text) <= _LONGEST else _packed.__wrapped__(text)


@lru_cache(maxsize=1 << 16)
def _packed(text: str) -> bytes | None:
    parsed = parse_address(text)
    if parsed is None:
        return None
    return parsed.packed if parsed.version == 6 else b"\0" * 10 + b"\xff\xff" + parsed.packed


def is_global(text: str) -> bool:
    """Whether the address can be reached across the Internet."""
    parsed = parse_address(text)
    return (
        parsed is not None
        and not any(parsed in network for network in PRIVATE if network.version == parsed.version)
        and not (parsed.is_multicast or parsed.is_unspecified or parsed.is_reserved)
    )


class Distinct:
    """A column's distinct values, found once, to which functions can be applied."""

    def __init__(self, column: pa.ChunkedArray | pa.Array) -> None:
        encoded = (column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column).dictionary_encode()
        self.dictionary = encoded.dictionary
        self.values: list[str] = encoded.dictionary.to_pylist()
        self._indices = encoded.indices

    @cached_property
    def codes(self) -> npt.NDArray[np.int64]:
        """The place of every row's value among ``values``, -1 for null."""
        indices = self._indices if not self._indices.null_count else self._indices.fill_null(-1)
        return np.asarray(indices.to_numpy(zero_copy_only=False), np.int64)

    def map(self, function: Callable[[str], object], kind: pa.DataType) -> pa.Array:
        """The function's values at full height; null stays null."""
        values = pa.array([function(value) for value in self.values], kind)
        if values.null_count == len(values):
            return pa.nulls(len(self._indices), kind)
        return values.take(self._indices)


def map_distinct(
    column: pa.ChunkedArray | pa.Array, function: Callable[[str], object], kind: pa.DataType
) -> pa.ChunkedArray | pa.Array:
    """Apply a function once per distinct value; null stays null."""
    if column.null_count == len(column):
        return pa.nulls(len(column), kind)
    return Distinct(column).map(function, kind)


_DIRECTIONS = np.array([-1, -1, -1, 3, 3, 2, 0, 0, 1])
"""By home-ness of source and destination (unknown, home, strange) the place of the direction among the names below."""
_DIRECTION_NAMES = ("inbound", "external", "outbound", "internal")
_OUTBOUND = _DIRECTION_NAMES.index("outbound")


def orient(table: pa.Table, home: HomeNetworks, ends: tuple[Distinct, Distinct] | None = None) -> pa.Table:
    """Fill ``device``, ``remote`` and ``direction`` where null, from ``src_ip``/``dst_ip`` and the home networks.

    inbound: only the server is ours; outbound: only the client; internal: both; external: neither. With only a client
    address (a web log) the server is ours by definition: the direction is inbound, or internal for a home client.
    ``ends`` are the distinct addresses of both columns, for callers who have them already. Where a record itself names
    the client as its device, that one acted, and the other side is whom it acted on.
    """
    given = table["device"]
    oriented = _orient(table, home, ends)
    return oriented if given.null_count == len(given) else _of_actors(oriented, given)


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
        table = table.set_column(table.schema.get_field_index(name), name, _or_else(table[name], values))
    return table


def _taken(values: pa.Array, places: npt.NDArray[np.int64]) -> pa.Array:
    """The values at these places; null where a place is negative."""
    missing = places < 0
    return values.take(pa.array(places, mask=missing if missing.any() else None))


def _or_else(given: pa.ChunkedArray, values: pa.Array) -> pa.Array | pa.ChunkedArray:
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
