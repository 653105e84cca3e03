"""Compares rows with imported indicators: adds the column ``knowledge.indicator`` to tables.

The column says which indicator matched, its comment and its source. Addresses match exactly, names on label
boundaries, URLs as host and path, accounts and files without case, other texts exactly. Every look-up runs once per
distinct value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import pyarrow as pa

from kanaria.core.distinct import map_distinct
from kanaria.core.facts import KnownIndicator
from kanaria.core.network import is_global, parse_address
from kanaria.knowledge.labels import labels, suffixes

COLUMN = "knowledge.indicator"
# Columns that hold what an indicator may name, by table: (column, how it is looked up).
_PLACES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "connection": (("remote", "address"), ("sni", "host")),
    "dns": (("query", "host"),),
    "tls": (("sni", "host"), ("remote", "address")),
    "http": (
        ("host", "host"), ("remote", "address"), ("user_agent", "user_agent"), ("user", "account"), ("url", "file"),
    ),
    "rdp": (("remote", "address"), ("cookie", "cookie"), ("cookie", "account"), ("client_name", "host")),
    "smb": (("remote", "address"), ("user", "account"), ("path", "file"), ("client_name", "host")),
    "logon": (("remote", "address"), ("user", "account"), ("client_name", "host")),
    "alert": (("remote", "address"),),
    "host": (("process", "file"), ("command", "file")),
}  # fmt: skip
WALLET = "mining.wallet"


def _path(text: str) -> str:
    """Windows paths and names compare without case, and a slash is a slash."""
    return text.replace("\\", "/").lower()


# How an indicator is written down so that it can be looked up.
_FOLDED: Mapping[str, Callable[[str], str]] = {"account": str.lower, "file": _path, "hash": str.lower}


class IndicatorIndex:
    """Looks up indicators by address, host name, URL or other text."""

    def __init__(self, indicators: Iterable[KnownIndicator]) -> None:
        self._kinds: dict[str, dict[str, KnownIndicator]] = {}
        for item in indicators:
            kind = "address" if item.type in {"ipv4", "ipv6"} else item.type
            self._kinds.setdefault(kind, {}).setdefault(_FOLDED.get(kind, str)(item.value), item)

    def holds(self, how: str) -> bool:
        """Whether anything can match in this way; a million rows are not looked up for nothing."""
        return any(kind in self._kinds for kind in (("domain", "address") if how == "host" else (how,)))

    def of_address(self, text: str) -> KnownIndicator | None:
        """By address; private ones never match, whatever a list says."""
        address = parse_address(text)
        if address is None or not is_global(text):
            return None
        return self._kinds.get("address", {}).get(str(address))

    def of_host(self, text: str) -> KnownIndicator | None:
        """The longest name that is the host or a parent of it; a host may be an address too."""
        host, domains = labels(text), self._kinds.get("domain", {})
        indicator = next((domains[suffix] for suffix in suffixes(host) if suffix in domains), None)
        return indicator or self.of_address(host)

    def of_url(self, text: str) -> KnownIndicator | None:
        """By host and path as ``host/path``, whatever the scheme."""
        return self._urls.get(text.removesuffix("/"))

    def of_text(self, kind: str, text: str) -> KnownIndicator | None:
        """Exactly as listed: a payout address, a cookie, a program that names itself."""
        return self._kinds.get(kind, {}).get(text)

    def of_account(self, text: str) -> KnownIndicator | None:
        """An account whatever its case, with or without the domain in front of it."""
        accounts = self._kinds.get("account", {})
        return accounts.get(text.lower()) or accounts.get(text.lower().rpartition("\\")[2])

    def of_hash(self, text: str) -> KnownIndicator | None:
        """A file by the hexadecimal digits of its MD5, SHA-1 or SHA-256."""
        return self._kinds.get("hash", {}).get(text.lower())

    def of_file(self, text: str) -> KnownIndicator | None:
        """A file by its whole path or by its name alone: of a path, of a request's path, of a command's program."""
        files = self._kinds.get("file", {})
        if not files:
            return None
        path = _path(text.partition("?")[0].split(" ", 1)[0])
        parts = path.rstrip("/").split("/")
        whole = ("/".join(parts[start:]) for start in range(len(parts)))
        return next((files[part] for part in (path, *whole) if part in files), None)

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

    columns = [
        map_distinct(table[column], lambda text, how=how: _words(_look_up(index, how, text)), pa.string())  # type: ignore[misc]
        for column, how in _PLACES.get(name, ())
        if column in table.column_names and index.holds(how)
    ]
    if name == "http" and {"host", "url"} <= set(table.column_names) and index.holds("url"):
        whole = pc.binary_join_element_wise(table["host"], table["url"], "")
        columns.append(map_distinct(whole, lambda text: _words(index.of_url(text)), pa.string()))
    if not columns:
        return pa.nulls(len(table), pa.string()) if name in _PLACES else None
    return pc.coalesce(*columns)


def match_wallets(tables: Mapping[str, pa.Table], indicators: tuple[KnownIndicator, ...]) -> dict[str, pa.Table]:
    """The tables with ``knowledge.indicator`` where a mining message in the row names a listed payout address."""
    index = index_of(indicators) if any(item.type == "wallet" for item in indicators) else None
    return {name: table if index is None else _with_wallets(table, index) for name, table in tables.items()}


def _with_wallets(table: pa.Table, index: IndicatorIndex) -> pa.Table:
    if WALLET not in table.column_names or table[WALLET].null_count == len(table):
        return table
    import pyarrow.compute as pc

    matched = map_distinct(table[WALLET], lambda text: _words(index.of_text("wallet", text)), pa.string())
    if COLUMN not in table.column_names:
        return table.append_column(COLUMN, matched)
    return table.set_column(table.column_names.index(COLUMN), COLUMN, pc.coalesce(table[COLUMN], matched))


def _look_up(index: IndicatorIndex, how: str, text: str) -> KnownIndicator | None:
    ways = {"address": index.of_address, "host": index.of_host, "account": index.of_account, "file": index.of_file}
    return ways[how](text) if how in ways else index.of_text(how, text)


def _words(item: KnownIndicator | None) -> str | None:
    """``203.0.113.5: comment (source, date)``."""
    if item is None:
        return None
    about = f": {item.comment}" if item.comment else ""
    return f"{item.value}{about} ({item.provenance.source}, {item.provenance.date})"
