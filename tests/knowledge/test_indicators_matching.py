"""Matching rows with indicators: exact addresses, names on label boundaries, and never a private address."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

import kanaria
from kanaria import knowledge
from kanaria.core.facts import Knowledge, KnownIndicator, Provenance
from kanaria.core.schema import from_rows
from kanaria.core.types import Finding
from kanaria.detect import load
from kanaria.detect.evaluate import Detector
from kanaria.detect.testing import run_rule_tests
from kanaria.knowledge.indicators_match import COLUMN, IndicatorIndex, index_of, match_wallets

RULES = Path(kanaria.__file__).parent / "rules" / "indicator"


def known(kind: str, value: str, comment: str | None = "a pool") -> KnownIndicator:
    return KnownIndicator(
        type=kind, value=value, comment=comment, provenance=Provenance(source="list", date=date(2026, 1, 2))
    )


LIST = (
    known("ipv4", "203.0.113.5"), known("ipv6", "2001:db8::5"), known("domain", "pool.example.org"),
    known("domain", "hk.pool.example.org", "nearer"), known("url", "http://files.example/x.sh"), known("cookie", "hello"),
    known("user_agent", "EvilBot/1.0", None), known("ipv4", "192.168.1.1"), known("account", "CORP\\Mallory"),
    known("account", "svc_mine"), known("file", "evil-miner.exe"), known("file", "/tmp/.hidden/kworkerds"),
    known("wallet", "4" + "A" * 94),
)  # fmt: skip


@pytest.fixture(scope="module")
def facts() -> Knowledge:
    return replace(knowledge.load(), indicators=LIST)


def column(facts: Knowledge, name: str, **row: object) -> str | None:
    table = knowledge.enrich({name: from_rows(name, [row])}, facts)[name]
    value: str | None = table[COLUMN][0].as_py()
    return value


@pytest.mark.parametrize(
    ("host", "value"),
    [
        ("pool.example.org", "pool.example.org"),
        ("POOL.example.org.", "pool.example.org"),
        ("eu.pool.example.org", "pool.example.org"),
        ("a.hk.pool.example.org", "hk.pool.example.org"),
        ("203.0.113.5", "203.0.113.5"),
        ("notpool.example.org", None),
        ("example.org", None),
        ("pool.example.org.evil.example", None),
        ("", None),
    ],
)
def test_names_match_on_label_boundaries(host: str, value: str | None) -> None:
    found = IndicatorIndex(LIST).of_host(host)
    assert (found.value if found else None) == value


@pytest.mark.parametrize(
    ("address", "matches"),
    [
        ("203.0.113.5", True),
        ("::ffff:203.0.113.5", True),
        ("2001:DB8:0::5", True),
        ("203.0.113.50", False),
        ("192.168.1.1", False),
        ("x", False),
    ],
)
def test_addresses_match_exactly_and_private_ones_never(address: str, matches: bool) -> None:
    assert (IndicatorIndex(LIST).of_address(address) is not None) is matches


def test_every_table_names_the_indicator(facts: Knowledge) -> None:
    words = "203.0.113.5: a pool (list, 2026-01-02)"
    for name in ("connection", "rdp", "smb", "logon", "tls", "http"):
        assert column(facts, name, remote="203.0.113.5") == words
        assert column(facts, name, remote="203.0.113.6") is None
    assert column(facts, "dns", query="eu.pool.example.org") == "pool.example.org: a pool (list, 2026-01-02)"
    assert column(facts, "tls", sni="eu.pool.example.org", remote="203.0.113.6") is not None
    assert column(facts, "connection", sni="hk.pool.example.org") == "hk.pool.example.org: nearer (list, 2026-01-02)"
    assert column(facts, "rdp", cookie="hello") is not None
    assert column(facts, "http", user_agent="EvilBot/1.0") == "EvilBot/1.0 (list, 2026-01-02)"


@pytest.mark.parametrize(
    ("host", "url", "matches"),
    [
        ("files.example", "/x.sh", True),
        ("files.example", "/x.sh?1", False),
        ("files.example", "/", False),
        ("other.example", "/x.sh", False),
        (None, "/x.sh", False),
    ],
)
def test_urls_match_by_host_and_path(facts: Knowledge, host: str | None, url: str, matches: bool) -> None:
    assert (column(facts, "http", host=host, url=url) is not None) is matches


@pytest.mark.parametrize(
    ("table", "row", "matches"),
    [
        ("logon", {"user": "corp\\mallory"}, True),
        ("logon", {"user": "mallory"}, False),
        ("logon", {"user": "ANYWHERE\\SVC_mine"}, True),
        ("smb", {"user": "svc_mine"}, True),
        ("smb", {"path": "Tools\\Evil-Miner.EXE"}, True),
        ("smb", {"path": "tools\\not-evil-miner.exe"}, False),
        ("http", {"url": "/files/evil-miner.exe?x=1"}, True),
        ("http", {"url": "/files/evil-miner.exe.txt"}, False),
        ("host", {"command": "/tmp/.hidden/kworkerds -o pool.example"}, True),
        ("host", {"process": "kworkerds"}, False),
        ("rdp", {"cookie": "svc_mine"}, True),
    ],
)
def test_accounts_and_files_match_without_case(
    facts: Knowledge, table: str, row: dict[str, object], matches: bool
) -> None:
    assert (column(facts, table, **row) is not None) is matches


def test_a_payout_address_matches_where_a_mining_message_names_it() -> None:
    wallet = "4" + "A" * 94
    table = pa.table({"mining.wallet": [wallet, wallet.lower(), None], COLUMN: ["earlier", None, None]})
    matched = match_wallets({"http": table}, LIST)["http"]
    assert matched[COLUMN].to_pylist() == ["earlier", None, None]
    matched = match_wallets({"http": table.drop_columns([COLUMN])}, LIST)["http"]
    assert matched[COLUMN].to_pylist() == [f"{wallet}: a pool (list, 2026-01-02)", None, None]
    assert match_wallets({"http": table}, LIST[:2])["http"] is table


def test_without_indicators_there_is_no_column() -> None:
    table = knowledge.enrich({"dns": from_rows("dns", [{"query": "a.example"}])}, knowledge.load())["dns"]
    assert COLUMN not in table.column_names


def test_empty_tables_and_tables_without_places(facts: Knowledge) -> None:
    tables = {"connection": from_rows("connection", []), "host": from_rows("host", [{"kind": "cpu"}])}
    enriched = knowledge.enrich(tables, facts)
    assert enriched["connection"][COLUMN].type == pa.string()
    assert enriched["host"][COLUMN].null_count == 1


def test_the_index_is_kept_between_batches() -> None:
    assert index_of(LIST) is index_of(LIST)
    other = (known("ipv4", "203.0.113.9"),)
    assert index_of(other).of_address("203.0.113.9") is other[0]
    assert index_of(other).of_address("203.0.113.5") is None


def test_the_rules_own_tests_hold() -> None:
    rules = load([RULES], weights=knowledge.load().weights)
    assert rules.errors == ()
    assert len(rules.rules) == len(list(RULES.glob("*.yml"))) == 9
    assert run_rule_tests(rules) == []


def findings(facts: Knowledge, name: str, **row: object) -> list[Finding]:
    rules = load([RULES], weights=facts.weights)
    table = from_rows(name, [{"event_id": 1, "line": 1, "source": "x", **row}])
    return Detector(rules, duckdb.connect(), facts).evaluate(knowledge.enrich({name: table}, facts))


def test_a_contact_becomes_a_finding_that_says_who_says_so(facts: Knowledge) -> None:
    (found,) = findings(
        facts, "connection", device="192.0.2.10", remote="203.0.113.5", dst_port=443, direction="outbound"
    )
    assert found.rule == "known_indicator_contacted"
    assert "203.0.113.5: a pool (list, 2026-01-02)" in found.why.en and "203.0.113.5" in found.why.ja
    assert found.evidence[0].about == "compromised_device"


def test_a_visit_is_not_a_contact(facts: Knowledge) -> None:
    (found,) = findings(
        facts, "connection", device="192.0.2.10", remote="203.0.113.5", dst_port=3389, direction="inbound"
    )
    assert (found.rule, found.severity) == ("known_indicator_came_in", "low")


def test_without_indicators_no_rule_fires() -> None:
    row = {"device": "192.0.2.10", "remote": "203.0.113.5", "dst_port": 443, "direction": "outbound"}
    assert findings(knowledge.load(), "connection", **row) == []


@pytest.mark.parametrize(
    ("table", "row", "rule"),
    [
        (
            "logon",
            {"service": "ssh", "user": "svc_mine", "success": True, "direction": "inbound"},
            "known_indicator_logged_on",
        ),
        ("rdp", {"cookie": "hello", "answered": True, "direction": "inbound"}, "known_indicator_in_remote_desktop"),
        ("smb", {"path": "evil-miner.exe", "answered": True, "direction": "internal"}, "known_indicator_in_file_share"),
        ("http", {"user_agent": "EvilBot/1.0", "direction": "inbound"}, "known_indicator_sent_web_request"),
    ],
)
def test_every_table_has_a_model_for_its_indicators(
    facts: Knowledge, table: str, row: dict[str, object], rule: str
) -> None:
    (found,) = findings(facts, table, device="192.0.2.10", remote="203.0.113.77", **row)
    assert found.rule == rule and "(list, 2026-01-02)" in found.why.ja
