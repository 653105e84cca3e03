"""Finds known pools and miners in names, addresses and agent texts, and adds ``knowledge.*`` columns to tables.

Takes tables and ``Knowledge``; returns the same tables with ``knowledge.pool`` (operator's name or null) on http,
connection, dns and tls; ``knowledge.network`` (a known scanner network) of the remote side; with imported indicators
``knowledge.indicator``; and with network data ``knowledge.asn``, ``knowledge.as_name`` and ``knowledge.country`` of the
remote side. Every lookup runs once per distinct value.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping

import pyarrow as pa

from kanaria.core.distinct import Distinct, map_distinct
from kanaria.core.facts import Knowledge, MinerAgent, NotableNetwork, Pool
from kanaria.core.network import parse_address
from kanaria.core.remembered import remembered_here
from kanaria.knowledge.indicators_match import COLUMN as INDICATOR_COLUMN
from kanaria.knowledge.indicators_match import IndicatorIndex, index_of, indicator_column
from kanaria.knowledge.labels import labels, suffixes
from kanaria.knowledge.networks import NetworkTable

_NAMED = {"http": ("host",), "connection": ("sni",), "dns": ("query",), "tls": ("sni",)}
"""Columns that hold the name of the other side, by table."""


_WITH_SITES = frozenset(("marketplace", "vendor"))
"""Roles of operators whose bare name is a site for people; of pools it is where miners go as well."""


class PoolIndex:
    """Looks up pool operators by host name (suffix on label boundaries) and by address."""

    def __init__(self, pools: Iterable[Pool]) -> None:
        self._domains: dict[str, Pool] = {}
        self._addresses: dict[str, Pool] = {}
        self._networks: list[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, Pool]] = []
        for pool in pools:
            self._domains.update((domain, pool) for domain in pool.domains)
            for address in pool.addresses:
                if "/" in address:
                    self._networks.append((ipaddress.ip_network(address), pool))
                else:
                    self._addresses[address] = pool
        self.of_address = remembered_here(self._of_address)

    def of_host(self, name: str) -> Pool | None:
        """The operator the name belongs to: the longest known suffix wins. Any text is allowed.

        Pages that people read are no pools: ``www`` of any operator, and the bare name of a marketplace or a vendor,
        whose miners go to hosts below it. Scripts that mine in browsers come from such names as well.
        """
        host = labels(name)
        pool = next((self._domains[suffix] for suffix in suffixes(host) if suffix in self._domains), None)
        if pool is not None and pool.role != "browser":
            page = host.startswith("www.") or (pool.role in _WITH_SITES and host in self._domains)
            return None if page else pool
        return pool or self.of_address(host)

    def _of_address(self, ip: str) -> Pool | None:
        """The operator that published this address. Any text is allowed."""
        parsed = parse_address(ip)
        if parsed is None:
            return None
        exact = self._addresses.get(str(parsed))
        return exact or next((pool for network, pool in self._networks if parsed in network), None)


class AgentIndex:
    """Recognises mining programs by how they name themselves; the first pattern that matches wins."""

    def __init__(self, agents: Iterable[MinerAgent]) -> None:
        self._patterns = [(re.compile(agent.pattern, re.IGNORECASE), agent) for agent in agents]

    def of_text(self, agent: str) -> MinerAgent | None:
        """Looks at the first 512 characters: no miner needs more to say its name."""
        text = agent[:512]
        return next((agent for pattern, agent in self._patterns if pattern.search(text)), None)


class NotableNetworks:
    """Looks up known scanner networks by address; the narrowest network wins."""

    def __init__(self, networks: Iterable[NotableNetwork]) -> None:
        parsed = [(ipaddress.ip_network(network.network), network) for network in networks]
        self._networks = sorted(parsed, key=lambda pair: -pair[0].prefixlen)
        self.of_address = remembered_here(self._of_address)

    def _of_address(self, ip: str) -> NotableNetwork | None:
        """The known network the address is in. Any text is allowed."""
        address = parse_address(ip)
        return None if address is None else next((network for net, network in self._networks if address in net), None)


Indexes = tuple[PoolIndex, NotableNetworks, IndicatorIndex | None]
_made: dict[int, tuple[Knowledge, Indexes]] = {}


def _indexes(knowledge: Knowledge) -> Indexes:
    """The indexes over these facts, made once: a run enriches thousands of batches with the same facts."""
    entry = _made.get(id(knowledge))
    if entry is None or entry[0] is not knowledge:
        indicators = index_of(knowledge.indicators) if knowledge.indicators else None
        entry = knowledge, (PoolIndex(knowledge.pools), NotableNetworks(knowledge.networks), indicators)
        _made.clear()
        _made[id(knowledge)] = entry
    return entry[1]


def enrich(
    tables: Mapping[str, pa.Table], knowledge: Knowledge, networks: NetworkTable | None = None
) -> dict[str, pa.Table]:
    """Add ``knowledge.*`` columns; tables without a known name or address column pass through unchanged.

    ``networks`` None means that no network data is installed: then there are no ``knowledge.asn``, ``as_name`` and
    ``country`` columns rather than wrong ones, and whoever reports says that it was not looked at.
    """
    pools, notable, indicators = _indexes(knowledge)
    return {name: _enriched(name, table, pools, notable, networks, indicators) for name, table in tables.items()}


def _enriched(
    name: str,
    table: pa.Table,
    pools: PoolIndex,
    notable: NotableNetworks,
    networks: NetworkTable | None,
    indicators: IndicatorIndex | None,
) -> pa.Table:
    remote = Distinct(table["remote"]) if "remote" in table.column_names else None
    if name in _NAMED:
        table = _add(table, "knowledge.pool", _pool_column(table, _NAMED[name], pools, remote))
    if indicators is not None and (matched := indicator_column(name, table, indicators)) is not None:
        table = _add(table, INDICATOR_COLUMN, matched)
    if remote is None:
        return table
    table = _add(table, "knowledge.network", remote.map(lambda ip: _name(notable.of_address(ip)), pa.string()))
    if networks is not None:
        for column, values in networks.columns(table["remote"]).items():
            table = _add(table, f"knowledge.{column}", values)
    return table


def _pool_column(
    table: pa.Table, columns: tuple[str, ...], pools: PoolIndex, remote: Distinct | None
) -> pa.ChunkedArray | pa.Array:
    import pyarrow.compute as pc  # 40 ms to import; only tables need it

    candidates = [map_distinct(table[name], lambda host: _name(pools.of_host(host)), pa.string()) for name in columns]
    if "names" in table.column_names:
        candidates.append(_of_lists(table["names"], pools))
    if remote is not None:
        candidates.append(remote.map(lambda ip: _name(pools.of_address(ip)), pa.string()))
    if "dst_ip" in table.column_names:
        candidates.append(map_distinct(table["dst_ip"], lambda ip: _name(pools.of_address(ip)), pa.string()))
    candidates = [values for values in candidates if values.null_count < table.num_rows]
    return pc.coalesce(*candidates) if candidates else pa.nulls(table.num_rows, pa.string())


def _of_lists(names: pa.ChunkedArray, pools: PoolIndex) -> pa.Array:
    """The pool that any of a row's names belongs to."""
    import pyarrow.compute as pc

    if names.null_count == len(names):
        return pa.nulls(len(names), pa.string())
    lists = names.combine_chunks()
    operators = map_distinct(lists.flatten(), lambda host: _name(pools.of_host(host)), pa.string())
    owners, values = pc.list_parent_indices(lists), [None] * len(names)
    for place in pc.indices_nonzero(pc.is_valid(operators)).to_pylist()[::-1]:
        values[owners[place].as_py()] = operators[place].as_py()
    return pa.array(values, pa.string())


def _name(fact: Pool | NotableNetwork | None) -> str | None:
    return fact.name if fact else None


def _add(table: pa.Table, name: str, values: pa.ChunkedArray | pa.Array) -> pa.Table:
    index = table.schema.get_field_index(name)
    return table.append_column(name, values) if index < 0 else table.set_column(index, name, values)
