"""Loading: good rules beside bad ones, places in messages, log sources, placeholders, the precompiled file."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanaria.core.conversion import made, plain
from kanaria.core.schema import TABLES
from kanaria.detect import compile as precompiler
from kanaria.detect import load, merged
from kanaria.detect.columns import QUERY, STEM
from kanaria.detect.mapping import entries, find
from kanaria.detect.model import Rule, RuleSet

Write = Callable[..., RuleSet]

GOOD = """\
title: Good
name: good
logsource: {product: kanaria, category: http}
detection:
  selection:
    url|contains: evil
  condition: selection
level: high
"""


def broken(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new).replace("name: good", "name: bad")


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (broken("url|contains: evil", "url|contians: evil"), "6:5", "a modifier of Sigma 2.1"),
        (broken("condition: selection", "condition: selectoin"), "7:14", "a condition over the detections"),
        (broken("level: high", "level: hihg"), "8:8", "informational, low, medium, high or critical"),
        (broken("url|contains: evil", "url|re: '(oops'"), "6:13", "a valid regular expression"),
        (broken("product: kanaria, category: http", "product: aws, service: cloudtrail"), "3:1", "has a table for"),
        (broken("url|contains: evil", "url|cidr: 10.0.0.1/8"), "6:15", "Invalid CIDR"),
        (broken("url|contains: evil", "url|expand: '%admins%'"), "6:17", "a placeholder that the configuration fills"),
        (broken("url|contains: evil", "status|gt: .inf"), "1:1", "Invalid number"),
        (broken("level: high", "level: high\nlevel: low"), "9:1", "every key once"),
        (broken("level: high", "level: [high"), "9:1", "valid YAML"),
        (broken("level: high", "kanaria: {colour: red}"), "8:11", "one of description, key"),
        (broken("level: high", "kanaria: {why: {en: x}}"), "8:11", "why in en and ja"),
        (broken("level: high", "tags: [kanaria.guesser.devise]"), "8:1", "did you mean kanaria.guesser.device?"),
        ("just text", "1:1", "a mapping with title"),
        ("title: a\x00b", "1:", "valid YAML"),
    ],
)
def test_a_bad_rule_is_told_with_its_place_and_the_others_load(write: Write, text: str, place: str, words: str) -> None:
    rules = write(GOOD, text)
    assert [rule.id for rule in rules.rules] == ["good"]
    assert len(rules.errors) == 1
    message = str(rules.errors[0])
    assert f"rule1.yml:{place}" in message and words in message, message


def test_a_bad_correlation_names_what_is_missing(write: Write) -> None:
    body = {"type": "event_count", "rules": ["nobody"], "timespan": "5m", "condition": {"gte": 3}}
    rules = write(GOOD, {"title": "C", "name": "c", "correlation": body})
    assert "nobody" in str(rules.errors[0]) and "rule1.yml:" in str(rules.errors[0])
    looped = {"title": "C", "name": "c", "correlation": {**body, "rules": ["c"]}}
    assert "refers back" in str(write(looped).errors[0])
    odd = {**body, "type": "value_percentile", "rules": ["good"], "condition": {"gte": 3, "field": "status"}}
    assert "a percentile from 0 to 100" in str(write(GOOD, {"title": "C", "correlation": odd}).errors[0])


def test_two_rules_cannot_share_a_name(write: Write) -> None:
    rules = write(GOOD, GOOD)
    assert len(rules.rules) == 1 and "a name no other rule has" in str(rules.errors[0])


def test_weights_are_checked_against_the_facts(write: Write) -> None:
    rule = GOOD + "kanaria: {weights: [heavy]}\n"
    assert len(write(rule, weights={"heavy": object()})) == 1
    refused = write(rule, weights={})
    assert len(refused) == 0 and "heavy" in str(refused.errors[0])


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.yml").write_bytes(b"title: ok\nauthor: \xe9")
    (tmp_path / "good.yml").write_text(GOOD)
    rules = load([tmp_path])
    assert len(rules) == 1
    assert "latin.yml:2:1: expected UTF-8 text" in str(rules.errors[0])


def test_a_later_rule_set_replaces_rules_of_the_same_id(write: Write) -> None:
    first = write(GOOD)
    second = write(GOOD.replace("title: Good", "title: Better"))
    assert [rule.title.en for rule in merged(first, second).rules] == ["Better"]


def test_a_rule_goes_through_json_unchanged(write: Write) -> None:
    body = {"type": "temporal", "rules": ["good"], "timespan": "5m", "condition": "good"}
    rules = write(GOOD, {"title": "C", "name": "c", "correlation": body})
    for rule in rules.rules:
        assert made(Rule, json.loads(json.dumps(plain(rule)))) == rule


def test_metadata(write: Write) -> None:
    more = """\
id: 5f2c1d1e-6f0a-4a1c-9c56-0d9f5d8b7a11
tags: [attack.initial-access, attack.t1059.004, cve.2021-44228]
description: What it means.
kanaria:
  version: 3
  title: {ja: 題名}
  description: {ja: 説明}
  why: {en: "{src_ip} sent {url}", ja: "{src_ip} が {url} を送りました"}
  key: [src_ip]
"""
    rule = write(GOOD + more)["good"]
    assert (rule.techniques, rule.cves, rule.stage) == (("T1059.004",), ("CVE-2021-44228",), "initial_access")
    assert (rule.title.ja, rule.description.ja, rule.version, rule.key) == ("題名", "説明", "3", ("src_ip",))
    assert rule.matcher is not None and rule.matcher.literals == (("url", "evil"),)
    # A rule without our own block speaks English in both languages and says what its description says.
    plain = write(GOOD)["good"]
    assert (plain.title.ja, plain.why.ja, plain.key) == ("Good", "Good", ("device", "remote"))


@pytest.mark.parametrize(
    ("logsource", "field", "table", "column"),
    [
        ({"category": "webserver"}, "cs-uri-query", "http", "@query"),
        ({"category": "proxy"}, "c-uri", "http", "url"),
        ({"category": "proxy"}, "c-useragent", "http", "user_agent"),
        ({"category": "dns"}, "query", "dns", "query"),
        ({"category": "firewall"}, "dst_port", "connection", "dst_port"),
        ({"product": "zeek", "service": "rdp"}, "id.orig_h", "rdp", "src_ip"),
        ({"product": "zeek", "service": "smb_files"}, "name", "smb", "path"),
        ({"product": "zeek", "service": "dce_rpc"}, "operation", "smb", "action"),
        ({"product": "zeek", "service": "x509"}, "certificate.issuer", "tls", "issuer"),
        ({"product": "windows", "service": "security"}, "LogonType", "event", "@field:logontype"),
        ({"product": "linux", "service": "auth"}, "user", "logon", "user"),
        ({"product": "suricata"}, "alert.signature", "alert", "signature"),
        ({"product": "apache", "category": "webserver"}, "sc-status", "http", "status"),
    ],
)
def test_log_sources(logsource: dict[str, str], field: str, table: str, column: str) -> None:
    found = find(logsource)
    assert found is not None and (found.table, found.column(field)) == (table, column)


def test_log_sources_without_a_table_are_refused() -> None:
    assert find({"product": "aws", "service": "cloudtrail"}) is None
    assert find({"product": "windows", "service": "nothing-writes-it"}) is None
    assert find({"product": "kanaria", "category": "nothing"}) is None


@pytest.mark.parametrize("logsource", [known for known, _ in entries()], ids=str)
def test_every_mapped_field_is_a_column(logsource: dict[str, str]) -> None:
    found = find(logsource)
    assert found is not None and found.table in TABLES
    columns = {column.name for column in TABLES[found.table].columns} | {STEM, QUERY}
    assert {*found.fields.values(), *found.where} <= columns


STEMS = [
    ("/a/b.php?x=1?y=2", "/a/b.php", "x=1?y=2"),
    ("http://shop.example/a?q", "/a", "q"),
    ("/plain", "/plain", None),
    ("/empty?", "/empty", ""),
]


@pytest.mark.parametrize(("url", "stem", "query"), STEMS)
def test_stem_and_query_come_from_the_url(write: Write, engine: Any, url: str, stem: str, query: str | None) -> None:
    from kanaria.detect.match import TableMatcher
    from kanaria.detect.testing import rows_as_table

    detection = {"selection": {"cs-uri-stem": stem, "cs-uri-query": query}, "condition": "selection"}
    rules = write({"title": "S", "name": "s", "logsource": {"category": "webserver"}, "detection": detection})
    table = rows_as_table("http", [{"url": url}, {"url": "/other?z"}])
    assert TableMatcher(rules.rules, table.schema).match(table, engine)["s"].tolist() == [0]


def test_a_log_source_reads_only_its_own_rows(write: Write, engine: Any) -> None:
    from kanaria.detect.match import TableMatcher
    from kanaria.detect.testing import rows_as_table

    detection = {"selection": {"username": "root"}, "condition": "not selection"}
    rules = write(
        {"title": "S", "name": "s", "logsource": {"product": "zeek", "service": "ssh"}, "detection": detection}
    )
    table = rows_as_table("logon", [{"service": "ssh"}, {"service": "ftp"}, {"service": "ssh", "user": "root"}, {}])
    assert TableMatcher(rules.rules, table.schema).match(table, engine)["s"].tolist() == [0]


def test_the_absence_of_a_field_we_do_not_have_is_no_match(write: Write) -> None:
    detection = {"zero": {"Z": 0}, "dots": {"query|contains": "."}, "condition": "dots and not zero"}
    rule = {"title": "S", "name": "s", "logsource": {"product": "zeek", "service": "dns"}, "detection": detection}
    assert "a field the table dns has" in str(write(rule).errors[0])
    detection["condition"] = "dots and not (zero or dots)"
    assert len(write(rule)) == 1
    detection["condition"] = "dots and zero"
    assert len(write(rule)) == 1


def test_filters_are_applied(write: Write) -> None:
    filter_ = {
        "title": "Not from us",
        "logsource": {"product": "kanaria", "category": "http"},
        "filter": {"rules": ["good"], "ours": {"src_ip|startswith": "10."}, "condition": "not ours"},
    }
    rule = write(GOOD, filter_)["good"]
    assert rule.matcher is not None and "src_ip" in rule.matcher.columns


def test_the_precompiled_file_is_up_to_date() -> None:
    text, errors = precompiler.compiled()
    assert not errors
    assert precompiler.TARGET.read_text("utf-8") == text, "run: python -m kanaria.detect.compile"


def test_a_rule_that_changed_under_the_same_version_is_not_compiled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only another version makes it another rule; words may change as they like."""
    target = tmp_path / "compiled.json"
    target.write_text(precompiler.TARGET.read_text("utf-8"), "utf-8")
    rules = json.loads(target.read_text("utf-8"))
    rules[0]["title"]["en"], rules[1]["body"] = "Other words", "b-another"
    target.write_text(json.dumps(rules), "utf-8")
    assert precompiler.main(target) == 1
    assert json.loads(target.read_text("utf-8")) == rules
    said = capsys.readouterr().err
    assert said == f"{rules[1]['file']}: changed, and still version {rules[1]['version']}: raise kanaria.version\n"
    rules[1]["version"] = "0"
    target.write_text(json.dumps(rules), "utf-8")
    assert precompiler.main(target) == 0 and target.read_bytes() == precompiler.TARGET.read_bytes()


@pytest.mark.parametrize(
    ("change", "another"),
    [
        ({"detection": {"a": {"url": "/b"}, "condition": "a"}}, True),
        ({"level": "critical"}, True),
        ({"kanaria": {"key": ["dst_ip"]}}, True),
        ({"title": "Other words", "description": "of it", "references": ["https://example.org/"]}, False),
    ],
)
def test_the_body_of_a_rule_is_what_decides(write: Write, change: dict[str, Any], another: bool) -> None:
    rule = {**yaml.safe_load(GOOD), "detection": {"a": {"url": "/a"}, "condition": "a"}}
    (before,), (after,) = write(rule).rules, write({**rule, **change}).rules
    assert (before.body != after.body) is another


def test_bundled_rules_need_neither_pysigma_nor_yaml() -> None:
    code = (
        "import sys, kanaria.detect as d; n = len(d.load()); d.Detector(d.load(), lambda: None);"
        "print(n, [m for m in ('sigma', 'yaml', 'duckdb', 'ibis') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, modules = done.stdout.split(" ", 1)
    assert int(count) == len(load()) and modules.strip() == "[]"


MESS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.sampled_from(["title", "logsource", "detection", "level", "tags", "name", "kanaria"]), value=MESS)
def test_any_value_gives_a_rule_or_an_error(write: Write, key: str, value: Any) -> None:
    document = {**yaml.safe_load(GOOD), key: value}
    rules = write(document)
    assert len(rules.rules) + len(rules.errors) == 1


def test_a_correlation_may_refer_to_rules_that_are_loaded_already(write: Write) -> None:
    bundled = load()
    body = {"type": "event_count", "rules": ["ssh_logon_failed"], "group-by": ["device"], "timespan": "5m",
            "condition": {"gte": 3}}  # fmt: skip
    own = {"title": "Mine", "name": "mine", "correlation": body}
    replaced = {**own, "name": "ssh_brute_force", "title": "Stricter"}
    alone = write(own)
    assert len(alone) == 0 and "ssh_logon_failed" in str(alone.errors[0])
    found = write(own, replaced, other_rules=bundled)
    assert ([rule.id for rule in found.rules], found.errors) == (["mine", "ssh_brute_force"], ())
    everything = merged(bundled, found)
    assert len(everything) == len(bundled) + 1
    assert everything["ssh_brute_force"].title.en == "Stricter"
    assert everything["mine"].table == "logon"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("condition: selection", "condition: selection and", "7:3: expected a condition over the detections of this rule; "
         "got selection and (after 13 characters comes end of text"),
        ("url|contains", "urll|contains", "6:5: expected a column of the table http; got urll (did you mean url?)"),
        ("url|contains", "nosuch|contains", "got nosuch (its columns are event_id, time"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_words(write: Write, old: str, new: str, said: str) -> None:
    found = write(broken(old, new))
    assert len(found) == 0
    assert said in str(found.errors[0])


def test_enrichment_columns_need_not_be_known(write: Write) -> None:
    assert len(write(broken("url|contains", "knowledge.something|contains"))) == 1
