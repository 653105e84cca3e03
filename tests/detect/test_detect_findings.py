"""Findings as wholes: grouping, words, evidence, bits, identity; the tests inside rules; the rules commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from kanaria.core.errors import RuleError
from kanaria.core.facts import Knowledge, Provenance, Weight
from kanaria.core.types import Finding, Text
from kanaria.detect import Detector, RuleSet, run_rule_tests
from kanaria.detect.commands import check_rules, convert, explain, list_rules
from kanaria.detect.findings import fill
from kanaria.detect.testing import rows_as_table

Write = Callable[..., RuleSet]
FROM = Provenance(source="measured here", date=date(2026, 11, 21))


def weight(name: str, family: str, bits: float) -> Weight:
    text = Text(en=f"{name} from {{src_ip}}", ja=f"{{src_ip}} の {name}")
    return Weight(
        id=name, about="exploitation_attempt", family=family, bits=bits, because=text, measured="", provenance=FROM
    )


def facts(*weights: Weight, caps: Mapping[str, float] | None = None) -> Knowledge:
    return Knowledge(
        vulnerabilities={},
        pools=(),
        coins={},
        agents=(),
        samples=(),
        techniques={},
        weights={one.id: one for one in weights},
        caps=caps or {},
    )


RULE = {
    "title": "Download cradle",
    "name": "cradle",
    "logsource": {"product": "kanaria", "category": "http"},
    "detection": {"selection": {"url|contains": "wget"}, "condition": "selection"},
    "level": "high",
    "tags": ["attack.t1059.004", "cve.2021-44228"],
    "kanaria": {
        "version": 2,
        "title": {"ja": "ダウンロード"},
        "why": {"en": "{src_ip} asked for {url} {no.such}", "ja": "{src_ip} が {url} を要求しました"},
        "stage": "initial_access",
        "weights": ["cradle", "cradle_too", "aged"],
        "key": ["src_ip"],
    },
}


def run(rules: RuleSet, engine: Any, rows: list[dict[str, Any]], known: Knowledge | None = None) -> list[Finding]:
    assert not rules.errors, [str(error) for error in rules.errors]
    return Detector(rules, engine, known).evaluate({"http": rows_as_table("http", rows)})


ROWS: list[dict[str, Any]] = [
    {
        "src_ip": "192.0.2.1",
        "remote": "192.0.2.1",
        "url": "/?wget\x1b[2J",
        "time": "2026-11-21T01:00:00",
        "raw": b"a\xff\n",
    },
    {"src_ip": "192.0.2.9", "remote": "192.0.2.9", "url": "/?WGET", "time": "2026-11-21T02:00:00"},
    {"src_ip": "192.0.2.1", "remote": "192.0.2.1", "url": "/wget2", "time": "2026-11-21T03:00:00", "raw": "x" * 5000},
    {"src_ip": "192.0.2.1", "remote": "192.0.2.1", "url": "/"},
]


def test_one_finding_per_rule_and_key(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    known = facts(
        weight("cradle", "payload", 9.0), weight("cradle_too", "payload", 4.0), weight("aged", "novelty", -2.0)
    )
    first, second = run(write(RULE), engine, ROWS, known)
    assert (first.rule, first.rule_version, first.severity) == ("cradle", "2", "high")
    assert first.title == Text(en="Download cradle", ja="ダウンロード")
    assert first.why.en == "192.0.2.1 asked for /?wget\\x1b[2J unknown"
    assert first.why.ja == "192.0.2.1 が /?wget\\x1b[2J を要求しました"
    assert first.time == datetime(2026, 11, 21, 1, tzinfo=UTC) and first.until == datetime(2026, 11, 21, 3, tzinfo=UTC)
    assert (first.device, first.remote, first.table) == (None, "192.0.2.1", "http")
    assert first.key == "cradle;src_ip=192.0.2.1" and second.key == "cradle;src_ip=192.0.2.9"
    assert first.event_ids == (1, 3) and first.values["count"] == "2"
    # The stronger of a family counts, families add up.
    assert first.bits == 7.0
    assert (first.stage, first.techniques, first.cves) == ("initial_access", ("T1059.004",), ("CVE-2021-44228",))
    assert [(e.kind, e.bits, e.line) for e in first.evidence[:3]] == [
        ("cradle", 9.0, 1), ("cradle_too", 4.0, 1), ("aged", -2.0, 1)
    ]  # fmt: skip
    assert first.evidence[0].quote == "a\\xff\\x0a" and first.evidence[0].because.en == "cradle from 192.0.2.1"
    assert len(first.evidence[3].quote) == 2000
    assert second.until is None


@pytest.mark.parametrize(
    ("size", "kinds", "bits", "severity"),
    [
        (300, [("cradle_too", 3.0)], 3.0, "medium"),  # the record's own number
        (900, [("cradle_too", 4.0)], 4.0, "medium"),  # no more than is believed
        (100, [("rule", 0.0)], 0.0, "high"),  # too little to be an observation: nothing is said at all
        (None, [("rule", 0.0)], 0.0, "high"),
    ],
)
def test_a_weight_may_be_measured_in_the_record_and_tell_no_louder_than_it_may(
    write: Write, engine: duckdb.DuckDBPyConnection, size: int | None, kinds: list[tuple[str, float]], bits: float,
    severity: str,
) -> None:  # fmt: skip
    soft = replace(weight("cradle_too", "sizes", 4.0), measured_in="bytes_out", least=2.0, most="medium")
    row = ROWS[1] | {"bytes_out": None if size is None else size // 100}
    rule = {**RULE, "kanaria": {**RULE["kanaria"], "weights": ["cradle_too"]}}  # type: ignore[dict-item]
    (found,) = run(write(rule), engine, [row], facts(soft))
    assert ([(e.kind, e.bits) for e in found.evidence], found.bits, found.severity) == (kinds, bits, severity)


def test_what_speaks_louder_beside_it_is_told_as_loud_as_the_rule(
    write: Write, engine: duckdb.DuckDBPyConnection
) -> None:
    soft = replace(weight("cradle_too", "sizes", 4.0), most="medium")
    rule = {**RULE, "kanaria": {**RULE["kanaria"], "weights": ["cradle", "cradle_too"]}}  # type: ignore[dict-item]
    (found,) = run(write(rule), engine, ROWS[1:2], facts(weight("cradle", "payload", 9.0), soft))
    assert found.severity == "high"


def test_a_weight_that_needs_a_column_counts_only_where_it_is(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    known = facts(
        weight("cradle", "payload", 9.0),
        replace(weight("cradle_too", "sizes", 4.0), needs="user_agent"),
        weight("aged", "novelty", -2.0),
    )
    rows = [{**ROWS[0], "user_agent": "curl"}, ROWS[1], ROWS[2]]
    first, second = run(write(RULE), engine, rows, known)
    assert (first.bits, second.bits) == (11.0, 7.0)
    assert [e.kind for e in first.evidence] == ["cradle", "cradle_too", "aged", "cradle", "aged"]
    assert [e.kind for e in second.evidence] == ["cradle", "aged"]


def test_caps_limit_a_family(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    known = facts(
        weight("cradle", "payload", 9.0),
        weight("cradle_too", "name", 4.0),
        weight("aged", "x", 1.0),
        caps={"payload": 5},
    )
    assert run(write(RULE), engine, ROWS, known)[0].bits == 10.0


def test_an_unknown_weight_stops_the_detector(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(RuleError, match="got cradle_too"):
        Detector(write(RULE), engine, facts(weight("cradle", "payload", 1.0), weight("aged", "x", 1.0)))


def test_without_facts_evidence_weighs_nothing(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    finding = run(write(RULE), engine, ROWS)[0]
    assert finding.bits == 0.0 and {e.bits for e in finding.evidence} == {0.0}
    assert [e.event_id for e in finding.evidence] == [1, 3]


def test_ids_repeat_under_replay_and_tell_keys_apart(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    rules = write(RULE)
    assert [f.id for f in run(rules, engine, ROWS)] == [f.id for f in run(rules, engine, ROWS)]
    assert len({f.id for f in run(rules, engine, ROWS)}) == 2


def test_a_flood_stays_one_finding(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    rows = [{"src_ip": "192.0.2.1", "url": "/wget"}] * 5000
    (finding,) = run(write(RULE), engine, rows)
    assert finding.values["count"] == "5000" and len(finding.event_ids) == 50 and len(finding.evidence) == 3


def test_null_keys_are_a_group_of_their_own(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    found = run(write(RULE), engine, [{"url": "/wget"}, {"url": "/wget", "src_ip": ""}, {"url": "/wget"}])
    assert sorted(int(f.values["count"]) for f in found) == [1, 2]


def test_hostile_values_are_cut_and_braces_stay(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    (finding,) = run(write(RULE), engine, [{"src_ip": "{url}", "url": "/wget" + "\u202e" + "A" * 900}])
    assert "\u202e" not in finding.why.en and "\\u202e" in finding.why.en
    assert len(finding.why.en) < 300 and finding.why.en.startswith("{url} asked for")


def test_the_engine_is_not_opened_when_nothing_can_match(write: Write) -> None:
    def never() -> duckdb.DuckDBPyConnection:
        raise AssertionError

    assert Detector(write(RULE), never).evaluate({"http": rows_as_table("http", [{"url": "/index.html"}])}) == []


def test_a_literal_in_most_rows_stops_being_looked_for(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    detection = {"selection": {"user_agent|contains": "Mozilla", "status": 500}, "condition": "selection"}
    detector = Detector(write({**RULE, "detection": detection}), engine)
    table = rows_as_table(
        "http", [{"user_agent": "mozilla/5.0", "status": 500 if n == 77 else 200} for n in range(2000)]
    )
    for _ in range(2):
        (finding,) = detector.evaluate({"http": table})
        assert finding.event_ids == (78,)
    (matcher,) = detector._matchers.values()
    assert not matcher._filters


def test_an_empty_table_and_a_foreign_table(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    detector = Detector(write(RULE), engine)
    empty = rows_as_table("http", [])
    assert detector.evaluate({"http": empty, "dns": rows_as_table("dns", [{"query": "wget"}])}) == []


def test_chunked_tables_keep_their_row_numbers(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    table = rows_as_table("http", [{"url": f"/{n}{'wget' if n in (3, 7) else ''}"} for n in range(10)])
    parts = pa.concat_tables([table.slice(0, 4), table.slice(4, 3), table.slice(7, 3)])
    (finding,) = Detector(write(RULE), engine).evaluate({"http": parts})
    assert finding.event_ids == (4, 8)


def with_tests(*tests: dict[str, Any]) -> dict[str, Any]:
    return {**RULE, "kanaria": {**RULE["kanaria"], "tests": list(tests)}}  # type: ignore[dict-item]


HIT = {
    "name": "hit",
    "table": "http",
    "rows": [{"src_ip": "192.0.2.1", "url": "/wget", "time": "2026-11-21T01:00:00"}],
    "expect": [{"severity": "high", "device": None, "techniques": ["T1059.004"], "values": {"count": "1"},
                "time": "2026-11-21T01:00:00Z", "why": {"en": "192.0.2.1 asked for /wget unknown"}}],
}  # fmt: skip
MISS = {"name": "miss", "table": "http", "rows": [{"url": "/"}], "expect": []}


def test_tests_inside_rules(write: Write) -> None:
    assert run_rule_tests(write(with_tests(HIT, MISS))) == []


@pytest.mark.parametrize(
    ("tests", "expected", "got"),
    [
        ([HIT], "a hit and a miss", "1 tests"),
        ([{**HIT, "expect": []}, HIT], "0 findings", "1 findings"),
        ([HIT, {**MISS, "expect": [{}]}, MISS], "1 findings", "0 findings"),
        ([{**HIT, "expect": [{"severity": "low"}]}, MISS], "low", "high"),
        ([{**HIT, "expect": [{"nonsense": 1}]}, MISS], "nonsense", "None"),
    ],
)
def test_tests_that_fail_say_what_came(write: Write, tests: list[dict[str, Any]], expected: str, got: str) -> None:
    failure = run_rule_tests(write(with_tests(*tests)))[0]
    assert failure.rule == "cradle" and expected in failure.expected and got in failure.got


def test_tests_of_correlations_give_rows_for_several_tables(write: Write) -> None:
    flow = {
        "title": "Out",
        "name": "out",
        "logsource": {"product": "kanaria", "category": "connection"},
        "detection": {"selection": {"direction": "outbound"}, "condition": "selection"},
    }
    rows = {
        "http": [{"device": "d", "url": "/wget", "time": "2026-11-21T01:00:00"}],
        "connection": [{"device": "d", "direction": "outbound", "time": "2026-11-21T01:05:00"}],
    }
    both = {
        "title": "Then out",
        "name": "then_out",
        "correlation": {
            "type": "temporal_ordered", "rules": ["cradle", "out"], "group-by": ["device"], "timespan": "1h"
        },
        "kanaria": {"tests": [
            {"name": "hit", "tables": rows, "expect": [{"device": "d", "event_ids": [1, 2], "values": {"rules": "cradle, out"}}]},
            {"name": "miss", "tables": {"http": rows["http"]}, "expect": []},
        ]},
    }  # fmt: skip
    rules = write(RULE, flow, both)
    assert not rules.errors
    assert [failure for failure in run_rule_tests(rules) if failure.rule == "then_out"] == []


def test_commands(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    rules = write(with_tests(HIT, MISS))
    listed = list_rules(rules, "ja")[0]
    assert (listed["id"], listed["title"], listed["level"], listed["kind"]) == (
        "cradle",
        "ダウンロード",
        "high",
        "event",
    )
    assert check_rules(rules) == (["cradle"], [])
    assert "contains(lower(\"url\"), 'wget')" in convert(rules["cradle"])
    assert "WHERE" in convert(rules["cradle"], "spark") and '"url"' not in convert(rules["cradle"], "spark")
    with pytest.raises(ValueError, match="Unknown dialect"):
        convert(rules["cradle"], "nothing")


def test_explain_says_which_selections_hold(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    rule = {
        **RULE,
        "detection": {
            "bad": {"url|contains": "wget", "no.column": "x"},
            "ours": {"src_ip|cidr": "10.0.0.0/8"},
            "condition": "bad and not ours",
        },
    }
    rules = write(rule)
    table = rows_as_table("http", [{"url": "/"}, {"url": "/wget", "src_ip": "10.1.2.3"}])
    found = explain(rules["cradle"], table, 1, engine)
    assert not found.matched and dict(found.selections) == {"bad": False, "ours": True}
    assert found.values["url"] == "/wget" and found.missing == ("no.column",)
    assert "no such column" in found.text("en") and "一致しません" in found.text("ja")
    assert "-- @cidr:src_ip::10.0.0.0/8" in convert(rules["cradle"])


def test_correlations_convert_to_words(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    body = {
        "type": "event_count",
        "rules": ["cradle"],
        "group-by": ["src_ip"],
        "timespan": "5m",
        "condition": {"gte": 3},
    }
    rules = write(RULE, {"title": "C", "name": "c", "correlation": body})
    words = "-- event_count of cradle per src_ip within 300 s: gte 3"
    assert convert(rules["c"]) == words
    assert convert(rules["c"], "spark", rules).startswith(f"{words}\n\n-- cradle\nSELECT")
    with pytest.raises(ValueError, match="explain the rules it refers to"):
        explain(rules["c"], rows_as_table("http", [{}]), 0, engine)


def test_an_optional_part_is_left_out_when_one_of_its_columns_has_no_value() -> None:
    from kanaria.detect.findings import fill

    words = Text(
        en="{src_ip} mined.[[ Pool: {knowledge.pool}.]][[ {a} {b}.]]",
        ja="{src_ip}が採掘。[[プール: {knowledge.pool}。]]",
    )
    assert fill(words, {"src_ip": "192.0.2.1", "knowledge.pool": "P", "a": "1"}) == Text(
        en="192.0.2.1 mined. Pool: P.", ja="192.0.2.1が採掘。プール: P。"
    )
    assert fill(words, {}) == Text(en="A sender that was not recorded mined.", ja="記録にない送信元が採掘。")


def test_who_was_not_recorded_still_makes_a_sentence() -> None:
    """A pasted line names no sender and perhaps no status: that reads as a sentence in both languages."""
    from kanaria.detect.findings import fill

    words = Text(
        en="{src_ip} sent it; answered {status}, {size}.", ja="{src_ip} が送り、{status} を返しました({size})。"
    )
    said = fill(words, {})
    assert said.en == "A sender that was not recorded sent it; answered a status that was not recorded, unknown."
    assert said.ja == "記録にない送信元が送り、記録にない応答コードを返しました(不明)。"
    assert (
        fill(words, {"src_ip": "192.0.2.1", "status": "400", "size": "9"}).ja
        == "192.0.2.1 が送り、400 を返しました(9)。"
    )


@pytest.mark.parametrize(("value", "shown"), [(27.0385, "27.0"), (1.17735e-07, "1.2e-07"), (-3.0, "-3.0"), (0.0, "0")])
def test_numbers_are_shown_with_as_many_digits_as_mean_something(value: float, shown: str) -> None:
    from kanaria.detect.findings import show

    assert show(value) == shown


def test_values_with_words_of_their_own_are_said_in_them() -> None:
    text = Text(en="RDP[[, {result}]] by {device.role}.", ja="RDP[[({result})]]、{device.role}。")
    told = fill(text, {"result": "likely_failure", "device.role": "dns_server"})
    assert told == Text(en="RDP, probably no logon by DNS server.", ja="RDP(おそらくログオン失敗)、DNSサーバ。")
    assert fill(text, {"device.role": "oven"}) == Text(en="RDP by oven.", ja="RDP、oven。")


def test_a_sentence_inside_a_sentence_ends_once() -> None:
    assert fill(Text(en="{x}.", ja="{x}。"), {"x": "継続 30 分。"}).ja == "継続 30 分。"
