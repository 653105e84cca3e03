"""Names by which mining programs call themselves and pools are reached, as they stand in logs and on the wire; and the
names of programs and pages that only sound alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanaria import knowledge
from kanaria.core.facts import Pool
from kanaria.knowledge.match import AgentIndex, PoolIndex

FACTS = knowledge.load()
AGENTS, POOLS = AgentIndex(FACTS.agents), PoolIndex(FACTS.pools)

PROGRAMS = {
    "XMRig/6.21.0 (Linux x86_64) libuv/1.44.2 gcc/9.4.0": "XMRig",
    "XMRig/5.13.1": "XMRig",
    "xmrig-proxy/6.21.0": "XMRig proxy",
    "XMR-node-proxy": "xmr-node-proxy",
    "MoneroOcean/6.21": "MoneroOcean set-up",
    "xmr-stak/2.10.8/b5f7e/master": "xmr-stak",
    "xmr-stak-cpu/1.3.0-1.5.0": "xmr-stak",
    "cgminer/4.10.0": "cgminer",
    "cgminer/4.11.1-avalon": "cgminer",
    "bfgminer/5.5.0": "bfgminer",
    "sgminer/5.6.1": "sgminer",
    "cpuminer/2.5.1": "cpuminer",
    "cpuminer-multi/1.3.7": "cpuminer-multi",
    "cpuminer-opt-24.5-x64L": "cpuminer-opt",
    "ccminer/2.3.1": "ccminer",
    "ethminer-0.19.0": "ethminer",
    "PhoenixMiner/6.2c": "Phoenix Miner",
    "NBMiner/42.3": "NBMiner",
    "T-Rex/0.26.8": "T-Rex",
    "lolMiner 1.88": "lolMiner",
    "GMiner/3.44": "GMiner",
    "TeamRedMiner/0.10.21": "TeamRedMiner",
    "SRBMiner-MULTI/2.4.4": "SRBMiner-MULTI",
    "BzMiner/v21.2.1": "BzMiner",
    "Rigel/1.17.4": "Rigel",
    "nanominer/3.9.2": "Nanominer",
    "onezerominer/1.4.1": "One Zero Miner",
    "wildrig-multi/0.36.4": "WildRig",
    "miniZ/2.4e": "miniZ",
    "Claymore/15.0": "Claymore",
    "bosminer-plus-tuner 0.2.0": "Braiins OS",
    "bmminer/2.0.0": "Antminer",
    "whatsminer/v1.1": "WhatsMiner",
    "NiceHash Excavator/1.8": "NiceHash Excavator",
    "NerdMinerV2": "ESP Miner / Bitaxe",
    "bitaxe/BM1366": "ESP Miner / Bitaxe",
    "CryptoDredge/0.27": "CryptoDredge",
    "TT-Miner/2023": "TT-Miner",
    "KawPowMiner/1.2.4": "kawpowminer",
    "nheqminer/0.5": "nheqminer",
}
OTHERS = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36", "curl/8.5.0",
    "python-requests/2.32", "okhttp/4.12.0", "Go-http-client/1.1", "PostmanRuntime/7", "Wget/1.21", "Prometheus/2.45",
    "kube-probe/1.29", "git/2.43", "Data-Miner-Bot/1.0", "SEO miner/1.0", "Minecraft Launcher/2", "TextMiner 3", "Dataminr/2",
    "MinerU/1.0 (document parser)", "RapidMiner/10", "ProM process-miner", "electrum/4.5", "Geth/v1.13", "Bitcoin Core/26",
    "Trezor Suite", "Windows NT 6.1; Win64; x64", "", "-", "miner", "x", "UptimeRobot/2.0", "Tyrannosaurus t.rex fan page",
]  # fmt: skip

HOSTS: dict[str, str | None] = {
    "pool.supportxmr.com": "SupportXMR", "POOL.SUPPORTXMR.COM.": "SupportXMR", "supportxmr.com": "SupportXMR",
    "www.supportxmr.com": None, "notsupportxmr.com": None, "supportxmr.com.example": None, "supportxmr.co": None,
    "gulf.moneroocean.stream": "MoneroOcean", "xmr-eu1.nanopool.org": "Nanopool", "pool.hashvault.pro": "HashVault",
    "de.monero.herominers.com": "HeroMiners", "rvn.2miners.com": "2Miners", "us-east.stratum.slushpool.com": "Braiins Pool",
    "stratum.braiins.com": "Braiins Pool", "randomxmonero.auto.nicehash.com": "NiceHash", "nicehash.com": None,
    "www.nicehash.com": None, "ss.antpool.com": "AntPool", "btc.f2pool.com": "F2Pool", "mine.c3pool.com": "C3Pool",
    "pool.minexmr.com": "MineXMR", "rx.unmineable.com": "unMineable", "kas.woolypooly.com": "WoolyPooly",
    "eth.flexpool.io": "Flexpool", "coinhive.com": "Coinhive", "www.coinhive.com": "Coinhive", "crypto-loot.com": "CryptoLoot",
    "donate.v2.xmrig.com": "XMRig donation", "xmrig.com": None, "pool.kryptex.com": "Kryptex", "github.com": None,
    "localhost": None, "example.com": None, "": None, ".": None, "..": None, "com": None, "stratum+tcp://x": None,
}  # fmt: skip


@pytest.mark.parametrize("agent", PROGRAMS)
def test_a_program_is_told_by_how_it_calls_itself(agent: str) -> None:
    for text in (agent, agent.lower(), agent.upper()):
        found = AGENTS.of_text(text)
        assert found is not None, text
        assert found.name == PROGRAMS[agent]


@pytest.mark.parametrize("agent", OTHERS)
def test_what_only_sounds_alike_is_no_miner(agent: str) -> None:
    assert AGENTS.of_text(agent) is None


@pytest.mark.parametrize("host", HOSTS)
def test_whose_a_name_is(host: str) -> None:
    found = POOLS.of_host(host)
    assert (found and found.name) == HOSTS[host]


@pytest.mark.parametrize("host", sorted(host for host, owner in HOSTS.items() if owner))
def test_a_name_inside_another_is_not_it(host: str) -> None:
    bare = host.rstrip(".").lower()
    for other in (f"x{bare.replace('.', '-')}.example", f"{bare}.example.com", f"{bare.rpartition('.')[0]}.example"):
        assert POOLS.of_host(other) is None, other


@pytest.mark.parametrize("pool", FACTS.pools, ids=lambda pool: pool.name)
def test_every_pool_is_reached_below_its_own_names(pool: Pool) -> None:
    for domain in pool.domains:
        found = POOLS.of_host(f"eu1.{domain}")
        assert found is not None, domain
        assert found.name == pool.name


@pytest.mark.parametrize("pool", [pool for pool in FACTS.pools if pool.addresses], ids=lambda pool: pool.name)
def test_a_published_address_is_its_own_and_its_neighbour_is_not(pool: Pool) -> None:
    for address in (one for one in pool.addresses if "/" not in one and ":" not in one):
        found = POOLS.of_address(address)
        assert found is not None and found.name == pool.name
        head, _, last = address.rpartition(".")
        other = POOLS.of_address(f"{head}.{(int(last) + 101) % 256}")
        assert other is None or other is not found or f"{head}.{(int(last) + 101) % 256}" in pool.addresses


@given(st.text(max_size=600))
def test_any_text_is_a_known_name_or_none(text: str) -> None:
    assert AGENTS.of_text(text) in (None, *FACTS.agents)
    assert AGENTS.of_text(text + "x" * 600) == AGENTS.of_text((text + "x" * 600)[:512])
    assert POOLS.of_host(text) in (None, *FACTS.pools)
    assert POOLS.of_address(text) in (None, *FACTS.pools)
