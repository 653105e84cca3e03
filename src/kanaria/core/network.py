"""Addresses and networks, one at a time: texts in, addresses and whether they are ours out.

Home networks come from the configuration; without one, private address space counts as home and the caller says so.
Columns of addresses are ``core.distinct`` and ``core.direction``: settings and help are read without their libraries.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import field
from functools import cached_property

from kanaria.core.errors import ConfigError
from kanaria.core.remembered import LONGEST, most, remembered
from kanaria.core.text import decimal
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


def place(listen: str) -> tuple[str, int]:
    """``address:port`` in its parts; IPv6 addresses in brackets. Raises ConfigError for anything else."""
    host, colon, port = listen.rpartition(":")
    number = decimal(port, 5)
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or number is None or number > 65535 or not host.strip("[]") or (":" in host and not bracketed):
        raise ConfigError(path="settings", key="listen", expected="address:port", got=listen)
    return host.strip("[]"), number


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
        inside = self._known.get(address)
        if inside is None:
            parsed = parse_address(address)
            inside = parsed is not None and any(parsed in network for network in self.networks)
            if len(self._known) >= most():
                self._known.clear()
            if len(address) <= LONGEST:
                self._known[address] = inside
        return inside

    @cached_property
    def _known(self) -> dict[str, bool]:
        return {}


@remembered
def parse_address(text: str) -> Address | None:
    """The address, with IPv4-mapped IPv6 turned into IPv4 and zone ids dropped, or None."""
    try:
        parsed = ipaddress.ip_address(text.split("%", 1)[0])
    except ValueError:
        return None
    mapped = getattr(parsed, "ipv4_mapped", None)
    return mapped or parsed


@remembered
def ip16(text: str) -> bytes | None:
    """The 16-byte form used for range lookups (IPv4 as IPv4-mapped IPv6), or None when the text is no address."""
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
