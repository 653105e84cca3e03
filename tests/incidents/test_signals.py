"""Every signal: what makes it speak, what keeps it silent, and which record it quotes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kanaria.core.types import HYPOTHESES, HostObservation, StratumMessage, Text
from kanaria.incidents import signals
from kanaria.incidents.case import Allowed, Case
from kanaria.incidents.permission import pools_meant
from tests.incidents.building import DEVICE, around, case, facts, finding, kinds, message, record, request

WALLET = "4" + "A" * 94


def logins(count: int, gap: float = 60, **more: Any) -> Case:
    """One source that logs in again and again."""
    said = {"wallet": WALLET, "wallet_valid": True, "agent": "XMRig/6.22.2", **more}
    return case(
        finding(),
        messages=[message(n, **said) for n in range(count)],
        records=[request(n, n * gap, status=400) for n in range(count)],
    )


def test_priors_name_every_hypothesis_once() -> None:
    items = list(signals.priors(case(), around()))
    assert [item.about for item in items] == list(HYPOTHESES)
    assert all(item.family == "prior" for item in items)


def test_every_weight_a_signal_may_use_is_known_and_says_where_it_comes_from() -> None:
    import inspect
    import re

    names = set(re.findall(r'"([a-z_0-9]+)"', inspect.getsource(signals)))
    used = names & set(facts().weights)
    assert {"known_scanner_sample", "fake_agent", "cpu_step", "authorised_pool_or_wallet"} <= used
    assert all(facts().weights[name].about in {*HYPOTHESES, "outcome"} for name in used)


@pytest.mark.parametrize("name", sorted({sample.name for sample in facts().samples}))
def test_each_known_sample_is_recognised_by_its_values(name: str) -> None:
    sample = next(s for s in facts().samples if s.name == name)
    carriers = [
        message(1, **{field: sample.value}) for field in ("wallet", "worker", "agent", "password", "job_id", "nonce")
    ]
    carriers.append(message(1, fields={"k": sample.value}))
    matched = [m for m in carriers if sample.occurs_in(m)]
    if not matched:
        matched = [message(1, wallet=sample.value, sample=name)]
    items = list(signals.known_samples(case(finding(), messages=matched[:1], records=[request(1)]), around()))
    wanted = "sample_from_documentation" if name.startswith("documentation") else "known_scanner_sample"
    assert set(kinds(items)) <= {"sample_from_documentation", "known_scanner_sample"}
    if sample.occurs_in(matched[0]):
        assert wanted in kinds(items)
        assert items[0].source == "access.log"


def test_an_ordinary_login_is_no_sample() -> None:
    assert list(signals.known_samples(logins(1), around())) == []


def probe(*said: StratumMessage, remote: str = "203.0.113.9", table: str = "http") -> Case:
    return case(
        finding(),
        messages=said,
        records=[record(m.event_id, 0, table, remote=remote) for m in said],
    )


def test_two_dialects_or_two_names_from_one_source_are_a_search() -> None:
    two_dialects = probe(message(1), message(2, dialect="bitcoin"))
    two_names = probe(message(1, agent="cpuminer"), message(2, agent="xmrig"))
    one = probe(message(1, agent="xmrig"), message(2, agent="xmrig"))
    assert kinds(signals.several_dialects(two_dialects, around())) == ["several_dialects_one_source"]
    assert kinds(signals.several_dialects(two_names, around())) == ["several_dialects_one_source"]
    assert list(signals.several_dialects(one, around())) == []


def test_dialects_of_a_connection_or_of_a_server_are_not_a_search() -> None:
    assert not list(signals.several_dialects(probe(message(1), message(2, dialect="b"), table="connection"), around()))
    server = probe(message(1), message(2, dialect="b", direction="server"))
    assert list(signals.several_dialects(server, around())) == []


def test_several_dialects_of_an_unknown_source_are_told_of_the_log() -> None:
    (item,) = signals.several_dialects(probe(message(1), message(2, dialect="b"), remote=""), around())
    assert "the same log" in item.because.en
    assert "同じログ" in item.because.ja


@pytest.mark.parametrize(
    ("agent", "method", "expected"),
    [
        ("Windows NT 6.1; Win64; x64", "login", 1),
        ("Mozilla/5.0", "login", 1),
        ("Linux x86_64", "login", 1),
        ("XMRig/6.22.2 (Linux x86_64)", "login", 0),
        ("Mozilla/5.0", "submit", 0),
        (None, "login", 0),
    ],
)
def test_an_operating_system_is_no_mining_program(agent: str | None, method: str, expected: int) -> None:
    found = list(signals.fake_agent(probe(message(1, agent=agent, method=method)), around()))
    assert len(found) == expected


@pytest.mark.parametrize(("sources", "expected"), [(2, 0), (3, 1), (9, 1)])
def test_one_wallet_from_many_addresses(sources: int, expected: int) -> None:
    many = case(
        finding(),
        messages=[message(n, wallet=WALLET) for n in range(sources)],
        records=[request(n, remote=f"203.0.113.{n}") for n in range(sources)],
    )
    found = list(signals.one_wallet_many_sources(many, around()))
    assert len(found) == expected
    assert all(str(sources) in item.because.en for item in found)


def test_a_visit_is_not_a_dialogue() -> None:
    assert kinds(signals.visits_without_dialogue(logins(2), around())) == ["single_messages_no_dialogue"]
    assert list(signals.visits_without_dialogue(logins(12), around())) == []
    assert list(signals.visits_without_dialogue(case(finding()), around())) == []


def test_a_steady_rhythm_of_one_identity_is_a_stray_miner() -> None:
    (item,) = signals.reconnect_rhythm(logins(20), around())
    assert "20 times" in item.because.en
    assert "60 s" in item.because.en
    assert "20回" in item.because.ja


@pytest.mark.parametrize(
    "quiet",
    [logins(4, gap=600), logins(20, gap=5), logins(20, wallet=None, worker=None), logins(20, sample="scanner")],
    ids=["too few", "too short", "nobody", "a scanner's sample"],
)
def test_no_rhythm(quiet: Case) -> None:
    assert list(signals.reconnect_rhythm(quiet, around())) == []


def test_bursts_are_no_rhythm() -> None:
    seconds = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 90_000]
    bursts = case(
        finding(),
        messages=[message(n, wallet=WALLET, agent="a") for n in range(len(seconds))],
        records=[request(n, s) for n, s in enumerate(seconds)],
    )
    assert list(signals.reconnect_rhythm(bursts, around())) == []


def test_records_without_a_time_have_no_rhythm() -> None:
    timeless = case(finding(), messages=[message(n, wallet=WALLET) for n in range(9)],
                    records=[request(n, None) for n in range(9)])  # fmt: skip
    assert list(signals.reconnect_rhythm(timeless, around())) == []


def test_one_identity_that_stays_the_same() -> None:
    assert kinds(signals.constant_identity(logins(5), around())) == ["constant_worker_agent_current_version"]
    assert list(signals.constant_identity(logins(4), around())) == []
    assert list(signals.constant_identity(logins(9, agent=None), around())) == []


@pytest.mark.parametrize(
    ("valid", "sample", "expected"), [(True, None, 1), (False, None, 0), (None, None, 0), (True, "scanner", 0)]
)
def test_only_a_checked_wallet_of_nobody_known_is_real(valid: bool | None, sample: str | None, expected: int) -> None:
    said = probe(message(1, wallet=WALLET, wallet_valid=valid, sample=sample))
    assert len(list(signals.real_wallet(said, around()))) == expected


@pytest.mark.parametrize(("others", "expected"), [(0, 0), (3, 0), (4, 1), (400, 1)])
def test_noise_everybody_sends_counts_others_only(others: int, expected: int) -> None:
    asked: list[int] = []

    def malformed(status: int) -> int:
        asked.append(status)
        return others

    items = list(
        signals.others_get_the_same(
            case(finding(), records=[request(1, status=400)]), around(malformed_sources=malformed)
        )
    )
    assert len(items) == expected
    assert asked == [400]


def test_a_request_that_could_be_parsed_is_not_that_noise() -> None:
    parsed = case(finding(), records=[request(1, status=400, method="GET")])
    assert list(signals.others_get_the_same(parsed, around(malformed_sources=lambda _s: 99))) == []


def test_allowed_device_wallet_and_pool() -> None:
    mined = finding("monero_mining", device=DEVICE, values={"sni": "eu.pool.example", "knowledge.pool": "Example Pool"})
    mined = replace(mined, event_ids=(1,))
    seen = {"direction": "outbound", "resolved": ["eu.pool.example"]}
    flow = record(1, 0, "connection", device=DEVICE, remote="198.51.100.9", values=seen)
    told = case(mined, messages=[message(1, wallet=WALLET)], records=[flow])
    for allowed, kind in (
        (Allowed(devices=frozenset({DEVICE})), "authorised_miner_configured"),
        (Allowed(wallets=frozenset({WALLET})), "authorised_pool_or_wallet"),
        (Allowed(pools=frozenset({"pool.example"})), "authorised_pool_or_wallet"),
        (Allowed(pools=frozenset({"Pool.Example."})), "authorised_pool_or_wallet"),
        (Allowed(pools=frozenset({"198.51.100.9"})), "authorised_pool_or_wallet"),
    ):
        assert kinds(signals.allowed_mining(told, around(allowed=allowed))) == [kind], allowed


def test_a_name_that_the_device_alone_gives_allows_nothing() -> None:
    pool = Allowed(pools=frozenset({"pool.example"}))
    mined = replace(finding("monero_mining", device=DEVICE, values={"sni": "eu.pool.example"}), event_ids=(1,))
    for said in ({"sni": "eu.pool.example"}, {"host": "pool.example"}, {"resolved": ["mypool.example"]}):
        flow = record(
            1, 0, "connection", device=DEVICE, remote="198.51.100.9", values={"direction": "outbound", **said}
        )
        told = case(mined, messages=[message(1, wallet=WALLET)], records=[flow])
        assert kinds(signals.allowed_mining(told, around(allowed=pool))) == ["allowed_pool_only_claimed"], said


def test_an_operator_is_allowed_with_the_names_and_addresses_known_of_it() -> None:
    known = next(pool for pool in facts().pools if pool.domains and any("/" not in a for a in pool.addresses))
    address = next(a for a in known.addresses if "/" not in a)
    for name in (known.name, known.domains[0]):
        meant = pools_meant([name], facts())
        assert address in meant and known.domains[0] in meant


def test_what_is_not_allowed_stays_so() -> None:
    mined = finding("monero_mining", device=DEVICE, values={"sni": "evilpool.example"})
    for allowed in (Allowed(), Allowed(pools=frozenset({"pool.example"})), Allowed(devices=frozenset({"192.0.2.9"}))):
        assert list(signals.allowed_mining(case(mined), around(allowed=allowed))) == []


def test_an_allowed_device_may_mine_but_not_be_broken_into() -> None:
    broken = case(finding("rdp_success_after_brute_force", device=DEVICE))
    assert list(signals.allowed_mining(broken, around(allowed=Allowed(devices=frozenset({DEVICE}))))) == []


@pytest.mark.parametrize(
    ("kind", "weights"),
    [
        ("miner_process", ["miner_process"]),
        ("cpu_step", ["cpu_step"]),
        ("pool_connection", ["outbound_mining_flow"]),
        ("nothing", []),
        ("unseen", []),
    ],
)
def test_what_the_host_shows_is_quoted_in_its_own_words(kind: str, weights: list[str]) -> None:
    words = Text(en="seen on the host", ja="ホストで観測")
    host = (HostObservation(kind=kind, statement=words, source="host"),)
    items = list(signals.host_shows_miner(case(), around(host=host)))
    assert kinds(items) == weights
    assert all(item.because == words for item in items)


def test_hostile_values_are_printable_in_reasons() -> None:
    hostile = "\x1b[31m\u202e" + "A" * 500
    said = [message(n, wallet=hostile, agent=hostile, worker=hostile) for n in range(9)] + [message(9, dialect="b")]
    whole = case(finding(), messages=said, records=[request(n, n * 200) for n in range(10)])
    reasons = [item.because for signal in signals.BY_DEED["probe"] for item in signal(whole, around())]
    assert len(reasons) > len(HYPOTHESES)
    assert not any(char in text for reason in reasons for text in (reason.en, reason.ja) for char in "\x1b\u202e")
    assert max(len(reason.en) for reason in reasons) < 500
