"""What one Kanaria exports another takes in: STIX, MISP, and the table for people; and what was taken in is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import yaml

from kanaria import knowledge
from kanaria.core.errors import RuleError
from kanaria.core.types import Incident, Indicator, Text
from kanaria.knowledge import read_indicators
from kanaria.knowledge.yamlfile import read_file
from kanaria.report import export_iocs, export_misp, export_stix
from tests.report.report_samples import analysis, dns_server

TODAY = date(2026, 7, 1)
COMMENT = Text(en="seen in an attack", ja="攻撃で観測")
SHARED = (
    ("ipv4", "203.0.113.123"), ("ipv6", "2001:db8::25"), ("domain", "hk.pool.example.org"),
    ("url", "http://files.example.net/a/x.sh?y=1"),
)  # fmt: skip
ONLY_FOR_MACHINES = (("wallet", "4" + "A" * 94),)


def story(*indicators: tuple[str, str]) -> Incident:
    listed = tuple(Indicator(type=kind, value=value, comment=COMMENT) for kind, value in indicators)
    paid = tuple(replace(message, wallet_valid=True) for message in dns_server().messages)
    return replace(dns_server(), indicators=listed, messages=paid)


def taken(text: str, name: str) -> set[tuple[str, str]]:
    report = read_indicators(text, name, source="us", today=TODAY, knowledge=knowledge.load())
    return {(item.type, item.value) for item in report.indicators}


def test_stix_comes_back() -> None:
    made = export_stix.export(analysis(story(*SHARED)), knowledge.load(), "en")
    assert set(SHARED) <= taken(made, "bundle.json")


def test_misp_comes_back() -> None:
    made = json.dumps(export_misp.export(analysis(story(*SHARED, *ONLY_FOR_MACHINES)), knowledge.load(), "en"))
    assert {*SHARED, *ONLY_FOR_MACHINES} <= taken(made, "event.json")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_table_for_people_comes_back_from_its_brackets(language: str) -> None:
    made = export_iocs.export(analysis(story(*SHARED)), language)  # type: ignore[arg-type]
    assert "203.0.113.123" not in made
    assert set(SHARED) <= taken(made, "iocs.txt")


def test_what_was_imported_is_loaded_with_source_and_date(tmp_path: Path) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text('value,comment,date\n203.0.113[.]123,"it said ""no"": {a}",2026-05-01\nhxxp://x.example/a.sh,,\n')
    knowledge.import_indicators(listed, tmp_path, source="JPCERT/CC", today=TODAY, knowledge=knowledge.load())
    known = {item.value: item for item in knowledge.load(tmp_path).indicators}
    assert set(known) == {"203.0.113.123", "http://x.example/a.sh"}
    address = known["203.0.113.123"]
    assert (address.provenance.source, address.provenance.date) == ("JPCERT/CC", date(2026, 5, 1))
    assert known["http://x.example/a.sh"].provenance.date == TODAY


def test_the_quick_way_reads_what_yaml_reads(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    entry = {"type": "domain", "value": "a.example", "comment": '鉱山: "x" # y', "source": "s", "date": "2026-01-02"}
    path.write_text("indicators:\n" + f"  - {json.dumps(entry, ensure_ascii=False)}\n" * 1, encoding="utf-8")
    (quick,) = read_file(path)
    assert yaml.safe_load(path.read_text(encoding="utf-8")) == {"indicators": [{**entry, "date": "2026-01-02"}]}
    assert (quick.section, quick.data, quick.line) == ("indicators", entry, 2)
    path.write_text(path.read_text(encoding="utf-8") + "  # a remark of mine\n", encoding="utf-8")
    (slow,) = read_file(path)
    assert slow.data == entry and slow.line == 2


@pytest.mark.parametrize(
    "line", ['{"type": "domain", "type": "url"}', "{type: domain}", '{"type": "domain"', '{"a": 1}, {"b": 2}']
)
def test_what_only_looks_like_it_is_left_to_the_yaml_reader(tmp_path: Path, line: str) -> None:
    path = tmp_path / "list.yaml"
    path.write_text(f"indicators:\n  - {line}\n")
    with pytest.raises(RuleError, match=r"list.yaml"):
        knowledge.load(tmp_path)
