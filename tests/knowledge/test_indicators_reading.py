"""Reading indicators: every way people defang, every format they share, and nothing that accuses everybody."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanaria import knowledge
from kanaria.core.errors import RuleError, SourceError
from kanaria.knowledge import ImportReport, import_indicators, read_indicators
from kanaria.knowledge.indicators_text import Candidate, candidates, classify, refang

TODAY = date(2026, 11, 21)
FACTS = knowledge.load()


def read(text: str, name: str = "list.txt") -> ImportReport:
    return read_indicators(text, name, source="example list", today=TODAY, knowledge=FACTS)


def values(text: str, name: str = "list.txt") -> dict[str, str]:
    return {item.value: item.type for item in read(text, name).indicators}


@pytest.mark.parametrize(
    ("hidden", "plain"),
    [
        ("203.0.113[.]5", "203.0.113.5"),
        ("203[.]0[.]113[.]5", "203.0.113.5"),
        ("203.0.113(.)5", "203.0.113.5"),
        ("203.0.113{.}5", "203.0.113.5"),
        ("203.0.113[dot]5", "203.0.113.5"),
        ("203.0.113 (dot) 5", "203.0.113.5"),
        ("203.0.113[.5", "203.0.113.5"),
        (r"203.0.113\.5", "203.0.113.5"),
        ("203.0.113[.]5[:]3333", "203.0.113.5:3333"),
        ("203．0．113．5", "203.0.113.5"),
        ("203.0.113［．］5", "203.0.113.5"),
        ("pool。example。net", "pool.example.net"),
        ("hxxp://a.example/x", "http://a.example/x"),
        ("hXXps://a.example/x", "https://a.example/x"),
        ("h**ps://a.example/x", "https://a.example/x"),
        ("hxxp[:]//a.example/x", "http://a.example/x"),
        ("hxxps[://]a.example/x", "https://a.example/x"),
        ("fxp://a.example/x", "ftp://a.example/x"),
        ("2001[:]db8::5", "2001:db8::5"),
        ("user[@]a[.]example", "user@a.example"),
        ("接続していました。次に", "接続していました。次に"),
    ],
)
def test_defanging_is_undone(hidden: str, plain: str) -> None:
    assert refang(hidden) == plain


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("203.0.113.5", "ipv4", "203.0.113.5"),
        ("203.0.113.5:3333", "ipv4", "203.0.113.5"),
        ("2001:DB8::5", "ipv6", "2001:db8::5"),
        ("[2001:db8::5]:443", "ipv6", "2001:db8::5"),
        ("::ffff:203.0.113.5", "ipv4", "203.0.113.5"),
        ("Pool.Example.ORG.", "domain", "pool.example.org"),
        ("pool.example.org:3333", "domain", "pool.example.org"),
        ("_dmarc.example.org", "domain", "_dmarc.example.org"),
        ("HTTP://A.example/Path", "url", "http://a.example/Path"),
        ("stratum+tcp://pool.example:3333", "url", "stratum+tcp://pool.example:3333"),
    ],
)
def test_values_are_canonical(text: str, kind: str, value: str) -> None:
    assert classify(text) == Candidate(type=kind, value=value)


@pytest.mark.parametrize(
    "text", ["", "1.2.3", "hello", "1.2.3.4.5", "a..b", "-a.example", "e.g", "300.1.1.1", "a@b", "10%"]
)
def test_other_texts_are_nothing(text: str) -> None:
    assert classify(text) is None


def test_a_table_copied_from_an_article() -> None:
    text = """IoC:

IoCコメント
203.0.113[.]123
203.0.113[.]85
外部の未知のエンドポイントからの異常なRDP接続
198.51.100[.]38
Pool-hk.pool.example
Moneroマイニングエンドポイント
モデル検知結果:
"""
    found = {item.value: item.comment for item in read(text).indicators}
    assert found == {
        "203.0.113.123": "外部の未知のエンドポイントからの異常なRDP接続",
        "203.0.113.85": "外部の未知のエンドポイントからの異常なRDP接続",
        "198.51.100.38": "Moneroマイニングエンドポイント",
        "pool-hk.pool.example": "Moneroマイニングエンドポイント",
    }


def test_comments_beside_and_above() -> None:
    text = "# servers\n203.0.113.5:3333  # login\n203.0.113.6\n- 203.0.113.7 - dropper\n\n1. 203.0.113.8\n; proxies\n203.0.113.9\n"
    assert {item.value: item.comment for item in read(text).indicators} == {
        "203.0.113.5": "login", "203.0.113.6": "servers", "203.0.113.7": "dropper", "203.0.113.8": "servers",
        "203.0.113.9": "proxies",
    }  # fmt: skip


def test_links_in_prose_are_no_indicators_and_hidden_values_are() -> None:
    text = """# see https://attack.example/software/ and docs.example.org
The script run.sh of https://vendor.example/blog connected to 203.0.113[.]5 and pool[.]example[.]org.
このサーバ(198.51.100[.]7)は停止しています。
install.sh
"""
    assert set(values(text)) == {"203.0.113.5", "pool.example.org", "198.51.100.7"}


def test_several_values_on_a_line() -> None:
    assert set(values("203.0.113.5, 203.0.113.6 203.0.113[.]7;pool.example.org")) == {
        "203.0.113.5", "203.0.113.6", "203.0.113.7", "pool.example.org",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("192.168.1.1", "not an address of the Internet"),
        ("10.0.0.1", "not an address of the Internet"),
        ("127.0.0.1", "not an address of the Internet"),
        ("fe80::1", "not an address of the Internet"),
        ("0.0.0.0", "not an address of the Internet"),  # noqa: S104  (an address to refuse, not to listen on)
        ("mooo.com", "dynamic DNS"),
        ("aws.amazon.com", "shared hosting"),
        ("co.jp", "public suffix"),
        ("gov.zz", "registries"),
        ("https://github.com", "shared hosting"),
    ],
)
def test_what_would_accuse_everybody_is_refused(value: str, reason: str) -> None:
    report = read(value)
    assert report.indicators == ()
    assert len(report.refused) == 1 and reason in report.refused[0][1]


def test_names_and_paths_below_shared_hosts_are_taken() -> None:
    assert set(values("miner.mooo.com\nhttps://github.com/attacker/miner")) == {
        "miner.mooo.com", "https://github.com/attacker/miner",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "value,comment,date\n203.0.113[.]5,a pool,2026-01-02\n",
        "Date;IoC;Description\n2026-01-02;203.0.113.5;a pool\n",
        "種類\t値\tコメント\t日付\nipv4\t203.0.113.5\ta pool\t2026/01/02\n",
        "\ufefffirst_seen_utc,ip_address,note\r\n2026-01-02 10:11:12,'203.0.113.5,a pool\r\n",
    ],
)
def test_tables_with_a_header(text: str) -> None:
    (item,) = read(text, "iocs.csv").indicators
    assert (item.type, item.value, item.comment) == ("ipv4", "203.0.113.5", "a pool")
    assert item.provenance.date == date(2026, 1, 2)


def test_tables_without_a_header_and_with_types() -> None:
    assert values("203.0.113.5,a pool\npool.example.org,\n", "iocs.csv") == {
        "203.0.113.5": "ipv4",
        "pool.example.org": "domain",
    }
    assert values("type,value\nuser-agent,EvilBot/1.0\ncookie,hello\n", "iocs.csv") == {
        "EvilBot/1.0": "user_agent",
        "hello": "cookie",
    }
    assert read("value\nnothing here\n", "iocs.csv").refused == (("nothing here", "no address, name or URL"),)
    assert read("", "iocs.csv").indicators == ()


def stix(*indicators: dict[str, Any]) -> str:
    objects = [
        {"type": "indicator", "pattern_type": "stix", "valid_from": "2026-01-02T00:00:00Z", "name": "n", **i}
        for i in indicators
    ]
    return json.dumps({"type": "bundle", "id": "bundle--1", "objects": [{"type": "identity"}, *objects]})


def test_stix_patterns() -> None:
    report = read(
        stix(
            {"pattern": "[ipv4-addr:value = '203.0.113.5']", "description": "a pool"},
            {"pattern": "[domain-name:value = 'pool.example.org' OR url:value = 'http://a.example/it\\'s']"},
            {"pattern": "[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'Evil\\\\Bot']"},
        ),
        "bundle.json",
    )
    assert {i.value: i.type for i in report.indicators} == {
        "203.0.113.5": "ipv4", "pool.example.org": "domain", "http://a.example/it's": "url", "Evil\\Bot": "user_agent",
    }  # fmt: skip
    assert report.indicators[0].comment == "a pool"
    assert report.indicators[0].provenance.date == date(2026, 1, 2)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"pattern": "[ipv4-addr:value = '203.0.113.5' AND domain-name:value = 'a.example']"}, "compound"),
        ({"pattern": "[ipv4-addr:value = '203.0.113.5'] FOLLOWEDBY [url:value = 'http://a.example/']"}, "compound"),
        ({"pattern": "[ipv4-addr:value = '203.0.113.5']", "revoked": True}, "revoked"),
        ({"pattern": "[ipv4-addr:value = '203.0.113.5']", "valid_until": "2026-02-01T00:00:00Z"}, "valid until"),
        ({"pattern": "rule x { condition: true }", "pattern_type": "yara"}, "pattern language yara"),
        ({"pattern": "[email-addr:value = 'a@b.example']"}, "no table has"),
        ({"pattern": "[ipv4-addr:value ISSUBSET '203.0.113.0/24']"}, "no comparison"),
    ],
)
def test_stix_that_says_nothing_by_single_values(change: dict[str, Any], reason: str) -> None:
    report = read(stix(change), "bundle.json")
    assert report.indicators == ()
    assert reason in report.refused[0][1]


def test_misp_events() -> None:
    event = {
        "info": "miners", "date": "2026-01-02",
        "Attribute": [
            {"type": "ip-dst", "value": "203.0.113.5", "to_ids": True, "comment": "a pool", "timestamp": "1767398400"},
            {"type": "ip-dst|port", "value": "203.0.113.6|3333", "to_ids": True},
            {"type": "domain|ip", "value": "pool.example.org|203.0.113.7", "to_ids": True},
            {"type": "domain", "value": "context.example.org", "to_ids": False},
            {"type": "domain", "value": "gone.example.org", "to_ids": True, "deleted": True},
            {"type": "md5", "value": "d41d8cd98f00b204e9800998ecf8427e", "to_ids": True},
        ],
        "Object": [{"name": "coin-address", "Attribute": [{"type": "xmr", "value": "4AAA", "to_ids": True}]}],
    }  # fmt: skip
    wanted = {
        "203.0.113.5": "ipv4", "203.0.113.6": "ipv4", "pool.example.org": "domain", "203.0.113.7": "ipv4", "4AAA": "wallet",
    }  # fmt: skip
    for wrapped in ({"Event": event}, {"response": [{"Event": event}]}, [{"Event": event}], event):
        report = read(json.dumps(wrapped), "event.json")
        assert {i.value: i.type for i in report.indicators} == wanted
        assert [value for value, _ in report.refused] == ["context.example.org", "d41d8cd98f00b204e9800998ecf8427e"]
    assert report.indicators[0].comment == "a pool" and report.indicators[1].comment == "miners"
    assert report.indicators[0].provenance.date == date(2026, 1, 3) and report.indicators[1].provenance.date == date(
        2026, 1, 2
    )


@pytest.mark.parametrize(
    ("flag", "kind", "taken"),
    [
        (True, "ip-dst", True), (False, "ip-dst", False), (None, "ip-dst", True), (1, "ip-dst", True),
        ("1", "ip-dst", True), ("0", "ip-dst", False), (0, "ip-dst", False), (None, "cookie", False),
        (True, "cookie", True),
    ],
)  # fmt: skip
def test_a_misp_attribute_without_the_flag_counts_as_its_type_does_by_default(
    flag: object, kind: str, taken: bool
) -> None:
    attribute = {"type": kind, "value": "203.0.113.5"} | ({} if flag is None else {"to_ids": flag})
    for wrapped in ({"Event": {"Attribute": [attribute]}}, {"response": {"Attribute": [attribute]}}):
        report = read(json.dumps(wrapped), "attributes.json")
        assert (len(report.indicators), len(report.refused)) == (taken, not taken)


@pytest.mark.parametrize("text", ['{"a": 1}', "[{}]", '{"objects": ', "[" * 100_000])
def test_other_json_is_an_error_that_says_what_was_expected(text: str) -> None:
    with pytest.raises(SourceError, match=r"expected"):
        read(text, "x.json")


def test_what_we_export_comes_back(tmp_path: Path) -> None:
    from kanaria.report import export_iocs, export_misp, export_stix
    from tests.report.report_samples import analysis, dns_server

    story = analysis(dns_server())
    remotes = set(dns_server().remotes)
    assert set(values(export_iocs.export(story, "ja"))) == remotes
    assert set(values(export_stix.export(story, FACTS, "en"), "bundle.json")) == remotes
    assert set(values(json.dumps(export_misp.export(story, FACTS, "en")), "event.json")) == remotes


def test_an_import_is_kept_and_loaded(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text('203.0.113[.]5 "quoted": {and} #braced\npool[.]example[.]org\n', encoding="utf-8")
    folder = tmp_path / "facts"
    report = import_indicators(file, folder, source="例 list/1", today=TODAY, knowledge=FACTS)
    loaded = knowledge.load(folder)
    assert loaded.indicators == report.indicators
    assert loaded.indicators[0].provenance.source == "例 list/1"
    assert FACTS.indicators == ()
    file.write_text("203.0.113[.]6\n", encoding="utf-8")
    import_indicators(file, folder, source="例 list/1", today=TODAY, knowledge=FACTS)
    assert [item.value for item in knowledge.load(folder).indicators] == ["203.0.113.6"]
    import_indicators(file, folder, source="another", today=TODAY, knowledge=FACTS)
    assert [item.value for item in knowledge.load(folder).indicators] == ["203.0.113.6", "203.0.113.6"]


def test_unreadable_files_are_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="a readable file"):
        import_indicators(tmp_path / "none.txt", tmp_path, source="x", today=TODAY, knowledge=FACTS)


def test_an_indicator_of_an_unknown_type_is_refused_at_its_place(folder: Callable[[str], Path]) -> None:
    place = folder("indicators:\n  - {type: smell, value: bad, source: x, date: 2026-11-21}\n")
    with pytest.raises(RuleError, match=r"facts.yaml:2:.*type as one of"):
        knowledge.load(place)


@given(st.text(max_size=300))
def test_any_text_gives_candidates_or_none(text: str) -> None:
    for found in candidates(text):
        assert found.type in {"ipv4", "ipv6", "domain", "url"}
        again = classify(found.value)
        assert again is not None and again.value == found.value


@given(
    st.from_regex(r"[a-z0-9]{1,10}(\.[a-z0-9]{1,10}){0,3}\.(com|net|example)", fullmatch=True),
    st.sampled_from(["[.]", "(.)", "[dot]", "．", "{.}"]),
)
def test_hiding_and_reading_gives_the_name(name: str, dot: str) -> None:
    assert [found.value for found in candidates(name.replace(".", dot))] == [name]


@pytest.mark.data
def test_public_lists_accuse_nobody() -> None:
    if "KANARIA_DATA" not in os.environ:
        pytest.skip("KANARIA_DATA is not set")
    folder = Path(os.environ["KANARIA_DATA"]) / "knowledge" / "pools"
    for path in sorted(folder.rglob("*.txt")):
        report = read(path.read_text(encoding="utf-8", errors="replace"), path.name)
        names = {item.value for item in report.indicators}
        assert not names & set(FACTS.shared_hosts)
        assert not any(
            item.type == "ipv4" and item.value.startswith(("10.", "192.168.", "127.")) for item in report.indicators
        )
