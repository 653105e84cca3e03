"""Matching: names by suffix on label boundaries, addresses exactly, agents by whole words, columns once per value."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria import knowledge
from kanaria.core.facts import Knowledge, Pool, Provenance
from kanaria.core.schema import from_rows
from kanaria.knowledge import AgentIndex, PoolIndex
from kanaria.knowledge.labels import labels, suffixes
from kanaria.knowledge.match import NotableNetworks

FACTS = knowledge.load()
POOLS = PoolIndex(FACTS.pools)
LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)


@pytest.mark.parametrize(
    ("host", "pool"),
    [
        ("supportxmr.com", "SupportXMR"),
        ("pool-hk.supportxmr.com", "SupportXMR"),
        ("POOL-HK.SupportXMR.com.", "SupportXMR"),
        ("pool-hk.supportxmr.com:3333", "SupportXMR"),
        ("gulf.moneroocean.stream", "MoneroOcean"),
        ("auto.c3pool.org", "C3Pool"),
        ("pool.hashvault.pro", "HashVault"),
        ("donate.v2.xmrig.com", "XMRig donation"),
        ("donate.ssl.xmrig.com", "XMRig donation"),
        ("download.xmrig.com", "XMRig"),
        ("stratum.braiins.com", "Braiins Pool"),
        ("139.99.125.38", "SupportXMR"),
        ("notsupportxmr.com", None),
        ("supportxmr.com.example", None),
        ("a1gh.com", None),
        ("mooo.com", None),
        ("aws.amazon.com", None),
        ("com", None),
        ("", None),
        ("..", None),
        ("[::1]:80", None),
        ("binance.com", None),
    ],
)
def test_hosts_belong_to_operators_by_whole_labels(host: str, pool: str | None) -> None:
    found = POOLS.of_host(host)
    assert (found.name if found else None) == pool


@given(st.sampled_from([domain for pool in FACTS.pools for domain in pool.domains]), st.lists(LABEL, max_size=3))
@settings(max_examples=60)
def test_everything_below_a_domain_belongs_to_it(domain: str, below: list[str]) -> None:
    found = POOLS.of_host(".".join(["s", *below, domain]))
    assert found is not None
    assert any(domain == own or domain.endswith("." + own) for own in found.domains)


@pytest.mark.parametrize(
    ("page", "miners"),
    [("www.nicehash.com", "stratum.nicehash.com"), ("nicehash.com", "nhmp.eu.nicehash.com"), ("www.f2pool.com", "f2pool.com"),
     ("xmrig.com", "donate.v2.xmrig.com")],
)  # fmt: skip
def test_pages_that_people_read_are_no_pools(page: str, miners: str) -> None:
    assert POOLS.of_host(page) is None
    assert POOLS.of_host(miners) is not None


@given(LABEL, st.sampled_from([domain for pool in FACTS.pools for domain in pool.domains]))
@settings(max_examples=60)
def test_a_label_that_merely_ends_the_same_never_matches(prefix: str, domain: str) -> None:
    index = PoolIndex([pool for pool in FACTS.pools if domain in pool.domains])
    host = prefix + domain
    found = index.of_host(host)
    assert found is None or any(host == own or host.endswith("." + own) for own in found.domains)


@given(st.text(max_size=60))
@settings(max_examples=80)
def test_any_text_is_allowed(text: str) -> None:
    name = labels(text)
    assert all(name.endswith(suffix) and "." in suffix for suffix in suffixes(name))
    found = POOLS.of_host(text)
    assert found is None or isinstance(found, Pool)


def test_the_longest_suffix_wins() -> None:
    provenance = Provenance(source="test", date=FACTS.pools[0].provenance.date)
    outer = Pool(name="outer", domains=("pool.example",), addresses=(), coins=(), provenance=provenance)
    inner = Pool(name="inner", domains=("eu.pool.example",), addresses=(), coins=(), provenance=provenance)
    for order in ([outer, inner], [inner, outer]):
        index = PoolIndex(order)
        assert [index.of_host(h).name for h in ("x.eu.pool.example", "us.pool.example")] == ["inner", "outer"]  # type: ignore[union-attr]


def test_addresses_match_exactly_mapped_or_by_network() -> None:
    provenance = Provenance(source="test", date=FACTS.pools[0].provenance.date)
    pool = Pool(name="p", domains=(), addresses=("192.0.2.7", "2001:db8::/64"), coins=(), provenance=provenance)
    index = PoolIndex([pool])
    for address in ("192.0.2.7", "::ffff:192.0.2.7", "2001:db8::99"):
        assert index.of_address(address) is pool
    for address in ("192.0.2.70", "2001:db8:0:1::1", "192.0.2", "pool", ""):
        assert index.of_address(address) is None


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("XMRig/5.13.1", "XMRig"),
        ("XMRig/6.21.0 (Linux x86_64) libuv/1.44.2 gcc/9.4.0", "XMRig"),
        ("xmrig-proxy/6.18.0", "XMRig proxy"),
        ("xmr-stak-cpu/1.3.0-1.5.0", "xmr-stak"),
        ("cpuminer-multi/1.3.7", "cpuminer-multi"),
        ("cpuminer-opt/3.20", "cpuminer-opt"),
        ("cpuminer/2.5.1", "cpuminer"),
        ("ccminer/2.3.1", "ccminer"),
        ("cgminer/4.10.0", "cgminer"),
        ("bfgminer/5.5.0", "bfgminer"),
        ("ethminer 0.19.0", "ethminer"),
        ("PhoenixMiner/6.2c", "Phoenix Miner"),
        ("T-Rex/0.26.8", "T-Rex"),
        ("lolMiner 1.84", "lolMiner"),
        ("NBMiner/42.3", "NBMiner"),
        ("GMiner/3.44", "GMiner"),
        ("TeamRedMiner/0.10.21", "TeamRedMiner"),
        ("SRBMiner-MULTI/2.4.1", "SRBMiner-MULTI"),
        ("bosminer-plus-tuner/22.08", "Braiins OS"),
        ("bitaxe/BM1368/v2.1", "ESP Miner / Bitaxe"),
        ("Windows NT 6.1; Win64; x64", None),
        ("Mozilla/5.0 (X11; Linux x86_64)", None),
        ("curl/8.5", None),
        ("t-rexel dinosaur museum", None),
        ("determiner/1.0", None),
        ("x" * 600 + " xmrig", None),
    ],
)
def test_agents_are_known_by_whole_words(agent: str, name: str | None) -> None:
    found = AgentIndex(FACTS.agents).of_text(agent)
    assert (found.name if found else None) == name


def test_scanner_networks_are_known_and_the_narrowest_wins() -> None:
    networks = NotableNetworks(FACTS.networks)
    assert networks.of_address("106.75.188.200").name == "multi-dialect mining scanner"  # type: ignore[union-attr]
    assert networks.of_address("162.142.125.9").name == "Censys"  # type: ignore[union-attr]
    assert networks.of_address("192.0.2.1") is None
    assert networks.of_address("not an address") is None


def test_enrich_names_the_pool_in_every_table_that_knows_a_name(facts: Knowledge) -> None:
    tables = {
        "dns": from_rows("dns", [{"query": "pool-hk.supportxmr.com"}, {"query": "www.example"}, {}]),
        "tls": from_rows("tls", [{"sni": "xmr-eu1.nanopool.org"}, {"remote": "139.99.125.38"}]),
        "connection": from_rows("connection", [{"dst_ip": "139.99.125.38"}, {"remote": "192.0.2.1"}, {}]),
        "http": from_rows("http", [{"host": "www.coinhive.com"}, {"host": "example.com"}]),
        "host": from_rows("host", [{"kind": "cpu"}]),
    }
    found = knowledge.enrich(tables, facts)
    assert found["dns"]["knowledge.pool"].to_pylist() == ["SupportXMR", None, None]
    assert found["tls"]["knowledge.pool"].to_pylist() == ["Nanopool", "SupportXMR"]
    assert found["connection"]["knowledge.pool"].to_pylist() == ["SupportXMR", None, None]
    assert found["http"]["knowledge.pool"].to_pylist() == ["Coinhive", None]
    assert "knowledge.pool" not in found["host"].column_names
    assert "knowledge.asn" not in found["dns"].column_names


def test_enrich_overwrites_nothing_and_can_run_twice(facts: Knowledge) -> None:
    table = from_rows("dns", [{"query": "supportxmr.com", "remote": "106.75.1.1"}])
    once = knowledge.enrich({"dns": table}, facts)["dns"]
    assert once.select(table.column_names).equals(table)
    assert once["knowledge.network"].to_pylist() == ["multi-dialect mining scanner"]
    assert knowledge.enrich({"dns": once}, facts)["dns"].equals(once)


def test_enrich_works_on_empty_and_chunked_tables(facts: Knowledge) -> None:
    row = from_rows("dns", [{"query": "supportxmr.com"}])
    chunked = pa.concat_tables([row, row.slice(0, 0), row])
    assert knowledge.enrich({"dns": chunked}, facts)["dns"]["knowledge.pool"].to_pylist() == ["SupportXMR"] * 2
    assert knowledge.enrich({"dns": row.slice(0, 0)}, facts)["dns"].num_rows == 0
