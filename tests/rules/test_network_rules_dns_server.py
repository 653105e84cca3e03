"""The case of the DNS server: scripted rows through every bundled rule, with all lists empty."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from kanaria.core.types import Finding
from kanaria.detect import load
from kanaria.detect.evaluate import Detector
from kanaria.detect.model import RuleSet
from kanaria.detect.testing import rows_as_table

START = datetime(2026, 3, 2, tzinfo=UTC)
SERVER, CLIENTS = "192.168.1.53", [f"192.168.1.{number}" for number in range(20, 26)]
POOL, FILE_PEER, INTRUDER = "203.0.113.60", "198.51.100.77", "203.0.113.9"
SPRAY, LOGON, MINING, SMB = 120, 390, 540, 545
"""Minutes after the start: guessing begins, somebody gets in, mining begins, file sharing begins."""
Row = dict[str, Any]
Tables = dict[str, list[Row]]

IN_ORDER = (
    "internet_facing_rdp_server", "incoming_remote_desktop", "anomalous_external_activity_from_critical_network_device",
    "crypto_currency_mining_activity", "monero_mining", "high_priority_crypto_currency_mining",
    "anomalous_rdp_followed_by_multiple_findings", "anomalous_smb_followed_by_multiple_findings",
)  # fmt: skip
MINING_MODELS = set(IN_ORDER[2:6])


def at(minute: float, **columns: object) -> Row:
    return {"time": START + timedelta(minutes=minute), **columns}


def inbound(minute: float, remote: str, **columns: object) -> Row:
    return at(minute, src_ip=remote, dst_ip=SERVER, device=SERVER, remote=remote, direction="inbound", **columns)


def outbound(minute: float, device: str, remote: str, **columns: object) -> Row:
    return at(minute, src_ip=device, dst_ip=remote, device=device, remote=remote, direction="outbound", **columns)


def guessing() -> list[Row]:
    """Forty attempts from eight sources, most with the cookie of a tool, then a session."""
    tries = [
        inbound(SPRAY + 5 * i, f"203.0.113.{10 + i % 8}", cookie="hello" if i % 5 else "admin", answered=True,
                result="likely_failure", dst_port=3389)
        for i in range(40)
    ]  # fmt: skip
    return [*tries, inbound(LOGON, INTRUDER, cookie="admin", answered=True, result="likely_success", dst_port=3389)]


def mining() -> list[Row]:
    return [
        outbound(MINING, SERVER, POOL, dst_port=443, service="tls", transport="tcp", sni="node.example.net", open=True,
                 duration_us=55_000_000, src_payload=3000, dst_payload=5000)
        | {"mining.grammar_bits": 11.0, "mining.grammar_kind": "sequence", "mining.grammar_coin": "XMR",
           "mining.grammar_because_en": "206-byte message every ~9 s", "mining.grammar_because_ja": "約9秒ごとに206バイト",
           "device.role": "dns_server", "device.critical": True, "baseline.anomalous": True, "baseline.learning": False,
           "baseline.new_to_network": True, "baseline.surprise_bits": 34.0}
    ]  # fmt: skip


def file_sharing() -> list[Row]:
    out = outbound(SMB, SERVER, FILE_PEER, dst_port=445, answered=True, version="SMB2.1", action="negotiate")
    return [out, inbound(SMB + 3, INTRUDER, dst_port=445, answered=True, version="SMB1", action="negotiate")]


def ordinary() -> Tables:
    """What goes on anyway: clients ask the server, browse, and print; the server asks its forwarder."""
    normal = {"mining.grammar_bits": -6.0, "baseline.anomalous": False, "baseline.learning": False}
    connections, questions = [], []
    for minute in range(0, 720, 15):
        client = CLIENTS[minute // 15 % len(CLIENTS)]
        connections += [
            outbound(minute, client, "192.0.2.80", dst_port=443, service="tls", transport="tcp", dst_payload=90_000)
            | normal | {"device.role": "workstation"},
            outbound(minute + 1, SERVER, "192.0.2.53", dst_port=53, service="dns", transport="udp", dst_payload=90)
            | normal | {"device.role": "dns_server"},
        ]  # fmt: skip
        questions.append(
            at(minute, src_ip=client, dst_ip=SERVER, device=SERVER, remote=client, direction="internal", query="www.example.com")
        )  # fmt: skip
    return {"connection": connections, "dns": questions}


def story(*, rdp: bool = True, smb: bool = True, mine: bool = True) -> Tables:
    tables = ordinary()
    tables["rdp"] = guessing() if rdp else []
    tables["smb"] = file_sharing() if smb else []
    tables["connection"] += mining() if mine else []
    return tables


def as_tables(tables: Mapping[str, Iterable[Row]]) -> dict[str, pa.Table]:
    made, first = {}, 1
    for name, given in tables.items():
        rows = list(given)
        if rows:
            made[name] = rows_as_table(name, rows, first)
            first += len(rows)
    return made


@pytest.fixture(scope="module")
def ruleset() -> RuleSet:
    return load()


def detect(ruleset: RuleSet, tables: Tables) -> list[Finding]:
    detector = Detector(ruleset, duckdb.connect())
    return [*detector.evaluate(as_tables(tables)), *detector.finish()]


@pytest.fixture(scope="module")
def found(ruleset: RuleSet) -> list[Finding]:
    """What the whole story gives."""
    return detect(ruleset, story())


def test_all_eight_models_fire_in_order_on_the_server(found: list[Finding]) -> None:
    first = {rule: min(f.time for f in found if f.rule == rule and f.time) for rule in {f.rule for f in found}}
    assert set(IN_ORDER) <= set(first)
    assert [first[rule] for rule in IN_ORDER] == sorted(first[rule] for rule in IN_ORDER)
    assert first["incoming_remote_desktop"] < first["crypto_currency_mining_activity"]
    assert first["crypto_currency_mining_activity"] < first["anomalous_smb_followed_by_multiple_findings"]


def test_nothing_is_found_on_the_clients(found: list[Finding]) -> None:
    assert {finding.device for finding in found} == {SERVER}


def test_each_of_the_eight_is_told_once(found: list[Finding]) -> None:
    rules = [finding.rule for finding in found]
    assert {rule: rules.count(rule) for rule in IN_ORDER} == dict.fromkeys(IN_ORDER, 1)


def test_the_techniques_of_the_case_are_named(found: list[Finding]) -> None:
    techniques = {technique for finding in found for technique in finding.techniques}
    assert {"T1133", "T1110", "T1078", "T1021.001", "T1021.002", "T1496.001"} <= techniques


def test_the_one_that_tells_a_person_is_critical_and_names_the_server(found: list[Finding]) -> None:
    (finding,) = [f for f in found if f.rule == "high_priority_crypto_currency_mining"]
    (mined,) = [f for f in found if f.rule == "crypto_currency_mining_activity"]
    assert (finding.severity, finding.device, finding.stage) == ("critical", SERVER, "impact")
    assert mined.remote == POOL
    assert set(mined.event_ids) <= set(finding.event_ids)
    assert finding.time == START + timedelta(minutes=MINING)


def test_no_list_is_needed(found: list[Finding]) -> None:
    tables = as_tables(story())
    assert "knowledge.pool" not in tables["connection"].column_names
    assert "mining.dialect" not in tables["connection"].column_names
    assert set(IN_ORDER) <= {finding.rule for finding in found}


def test_without_remote_access_only_the_mining_models_fire(ruleset: RuleSet) -> None:
    assert {finding.rule for finding in detect(ruleset, story(rdp=False, smb=False))} == MINING_MODELS


def test_without_rdp_no_rdp_model_fires(ruleset: RuleSet) -> None:
    rules = {finding.rule for finding in detect(ruleset, story(rdp=False))}
    assert MINING_MODELS <= rules
    assert not {rule for rule in rules if "rdp" in rule or "remote_desktop" in rule}


def test_guessing_alone_says_nothing_of_mining_or_of_chains(ruleset: RuleSet) -> None:
    rules = {finding.rule for finding in detect(ruleset, story(smb=False, mine=False))}
    assert {"internet_facing_rdp_server", "incoming_remote_desktop", "anomalous_rdp"} <= rules
    assert not rules & {*IN_ORDER[2:]}


def test_an_ordinary_day_is_quiet(ruleset: RuleSet) -> None:
    assert detect(ruleset, story(rdp=False, smb=False, mine=False)) == []


@pytest.mark.parametrize("seed", range(2))
def test_the_order_of_rows_changes_nothing(ruleset: RuleSet, seed: int) -> None:
    made = as_tables(story())
    shuffled = {}
    for name, table in made.items():
        order = list(range(table.num_rows))
        random.Random(seed).shuffle(order)
        shuffled[name] = table.take(order)
    results = []
    for tables in (made, shuffled):
        detector = Detector(ruleset, duckdb.connect())
        results.append({(f.rule, f.device) for f in [*detector.evaluate(tables), *detector.finish()]})
    assert results[0] == results[1]


def test_live_the_alarm_comes_with_the_batch_that_shows_the_mining(ruleset: RuleSet) -> None:
    """Batches of ten minutes, as a sensor hands them on; the sixty seconds are those of the open connection's row."""
    whole = as_tables(story())
    detector = Detector(ruleset, duckdb.connect(), lateness=timedelta(0))
    seen: dict[str, datetime] = {}
    for minute in range(0, 720, 10):
        low, high = START + timedelta(minutes=minute), START + timedelta(minutes=minute + 10)
        batch = {name: part for name, table in whole.items() if (part := between(table, low, high)).num_rows}
        for finding in detector.evaluate(batch):
            seen.setdefault(finding.rule, low)
    begin = START + timedelta(minutes=MINING)
    assert seen["high_priority_crypto_currency_mining"] == begin
    assert seen["incoming_remote_desktop"] == START + timedelta(minutes=SPRAY)
    assert set(IN_ORDER) <= set(seen)


def between(table: pa.Table, low: datetime, high: datetime) -> pa.Table:
    mask = [low <= time < high for time in table["time"].to_pylist()]
    return table.filter(pa.array(mask))


@pytest.mark.parametrize(
    ("said", "mining_model", "matters"),
    [
        ({}, "traffic_shaped_like_mining", False),
        ({"mining.dialect": "cryptonote"}, "crypto_currency_mining_activity", True),
    ],
    ids=["only the shape", "said aloud"],
)
def test_guessing_beside_mining_matters_where_mining_is_said_aloud(
    ruleset: RuleSet, said: Row, mining_model: str, matters: bool
) -> None:
    desktop = CLIENTS[0]
    tables = {
        "rdp": [row | {"dst_ip": desktop, "device": desktop} for row in guessing()],
        "connection": [row | said | {"src_ip": desktop, "device": desktop, "device.role": "workstation",
                                     "device.critical": False} for row in mining()],
    }  # fmt: skip
    rules = {finding.rule for finding in detect(ruleset, tables)}
    assert mining_model in rules
    assert ("high_priority_crypto_currency_mining" in rules) is matters
    assert "anomalous_external_activity_from_critical_network_device" not in rules


def test_chains_count_one_connection_once_however_many_models_speak_of_it(ruleset: RuleSet) -> None:
    rules = {finding.rule for finding in detect(ruleset, story(smb=False))}
    assert MINING_MODELS <= rules
    assert not rules & {"anomalous_rdp_followed_by_multiple_findings", "anomalous_smb_followed_by_multiple_findings"}


def test_sentences_leave_out_what_is_not_known(found: list[Finding]) -> None:
    for finding in found:
        for words in (finding.why.en, finding.why.ja, finding.title.en, finding.title.ja):
            assert not [part for part in ("[[", "]]", "{", "unknown", "不明") if part in words], words
