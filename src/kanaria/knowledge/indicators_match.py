"""Compares rows with imported indicators: tables come in, the column ``knowledge.indicator`` is added.

The column says which indicator matched, its comment and its source. Addresses match exactly, names on label
boundaries, URLs as host and path, other texts exactly. Every look-up runs once per distinct value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa

from kanaria.core.facts import KnownIndicator
from kanaria.core.network import is_global, map_distinct, parse_address

COLUMN = "knowledge.indicator"
# Columns that hold what an indicator may name, by table: (column, how it is looked up).
_PLACES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "connection": (("remote", "address"), ("sni", "host")),
    "dns": (("query", "host"),),
    "tls": (("sni", "host"), ("remote", "address")),
    "http": (("host", "host"), ("remote", "address"), ("user_agent", "user_agent")),
    "rdp": (("remote", "address"), ("cookie", "cookie")),
    "smb": (("remote", "address"),),
    "logon": (("remote", "address"),),
    "alert": (("remote", "address"),),
}


class IndicatorIndex:
    """Looks up indicators by address, host name, URL or other text."""

    def __init__(self, indicators: Iterable[KnownIndicator]) -> None:
        self._kinds: dict[str, dict[str, KnownIndicator]] = {}
        for item in indicators:
            kind = "address" if item.type in {"ipv4", "ipv6"} else item.type
            self._kinds.setdefault(kind, {}).setdefault(item.value, item)

    def of_address(self, text: str) -> KnownIndicator | None:
        """By address; private ones never match, whatever a list says."""
        address = parse_address(text)
        if address is None or not is_global(text):
            return None
        return self._kinds.get("address", {}).get(str(address))

    def of_host(self, text: str) -> KnownIndicator | None:
        """The longest name that is the host or a parent of it; a host may be an address too."""
        from kanaria.knowledge.match import labels, suffixes

        host, known = labels(text), self._kinds.get("domain", {})
        found = next((known[suffix] for suffix in suffixes(host) if suffix in known), None)
        return found or self.of_address(host)

    def of_url(self, text: str) -> KnownIndicator | None:
        """By host and path as ``host/path``, whatever the scheme."""
        return self._urls.get(text.removesuffix("/"))

    def of_text(self, kind: str, text: str) -> KnownIndicator | None:
        return self._kinds.get(kind, {}).get(text)

    @property
    def _urls(self) -> Mapping[str, KnownIndicator]:
        if "_paths" not in self._kinds:
            urls = self._kinds.get("url", {})
            self._kinds["_paths"] = {url.partition("://")[2].removesuffix("/"): item for url, item in urls.items()}
        return self._kinds["_paths"]


_last: tuple[tuple[KnownIndicator, ...], IndicatorIndex] | None = None


def index_of(indicators: tuple[KnownIndicator, ...]) -> IndicatorIndex:
    """The index of a list; the last one is kept, because every batch of a run asks for the same."""
    global _last
    if _last is None or _last[0] is not indicators:
        _last = (indicators, IndicatorIndex(indicators))
    return _last[1]


def indicator_column(name: str, table: pa.Table, index: IndicatorIndex) -> pa.ChunkedArray | pa.Array | None:
    """The column for a table, or None when the table has nothing an indicator may name."""
    import pyarrow.compute as pc  # 40 ms to import; only tables need it

    found = [
        map_distinct(table[column], lambda text, how=how: _words(_look_up(index, how, text)), pa.string())  # type: ignore[misc]
        for column, how in _PLACES.get(name, ())
        if column in table.column_names
    ]
    if name == "http" and {"host", "url"} <= set(table.column_names):
        whole = pc.binary_join_element_wise(table["host"], table["url"], "")
        found.append(map_distinct(whole, lambda text: _words(index.of_url(text)), pa.string()))
    return pc.coalesce(*found) if found else None


def _look_up(index: IndicatorIndex, how: str, text: str) -> KnownIndicator | None:
    if how == "address":
        return index.of_address(text)
    return index.of_host(text) if how == "host" else index.of_text(how, text)


def _words(item: KnownIndicator | None) -> str | None:
    """``203.0.113.5: comment (source, date)``."""
    if item is None:
        return None
    about = f": {item.comment}" if item.comment else ""
    return f"{item.value}{about} ({item.provenance.source}, {item.provenance.date})"
