"""Large rule collections are compiled once, and what did not load is one sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kanaria.core import cached
from kanaria.core.folders import cache_folder
from kanaria.detect import kept
from kanaria.detect.loading import load, not_loaded
from kanaria.detect.model import RuleSet

RULE = """title: Rule {n}
logsource: {{product: {product}, category: {category}}}
detection:
  selection:
    CommandLine|contains: 'word{n}'
  condition: selection
"""


@pytest.fixture
def collection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "rules"
    folder.mkdir()
    for n in range(kept.WORTH_KEEPING + 10):
        product, category = ("windows", "process_creation") if n % 6 else ("example", "nothing_reads_it")
        (folder / f"rule{n}.yml").write_text(RULE.format(n=n, product=product, category=category))
    return folder


def _compiling(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    calls: list[int] = []
    original = cached.keep
    monkeypatch.setattr(cached, "keep", lambda *given, most: (calls.append(1), original(*given, most=most))[1])
    return calls


def test_the_second_time_nothing_is_compiled_and_the_rules_are_the_same(
    collection: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = _compiling(monkeypatch)
    first, second = load([collection]), load([collection])
    assert calls == [1]
    assert first.rules == second.rules and [str(e) for e in first.errors] == [str(e) for e in second.errors]
    assert (len(first.rules), len(first.errors)) == (50, 10)


def test_a_changed_rule_compiles_anew(collection: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load([collection])
    (collection / "rule1.yml").write_text(RULE.format(n="other", product="windows", category="process_creation"))
    assert "Rule other" in [rule.title.en for rule in load([collection]).rules]
    os.utime(collection / "rule2.yml", (1, 1))
    calls = _compiling(monkeypatch)
    load([collection])
    assert calls == [1]


@pytest.mark.parametrize(
    "damage", [b"", b"{", b'{"rules": [{}], "errors": []}', b'{"rules": [], "errors": [[1]]}', b"\xff"]
)
def test_a_damaged_cache_is_made_anew(collection: Path, damage: bytes) -> None:
    whole = load([collection])
    (file,) = (cache_folder() / "rules").glob("*.json")
    file.write_bytes(damage)
    assert load([collection]).rules == whole.rules
    assert file.read_bytes() != damage


def test_a_cache_that_cannot_be_written_costs_nothing_else(collection: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = collection.parent / "blocked"
    blocked.write_text("a file, not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert len(load([collection]).rules) == 50


def test_old_sets_go(collection: Path, tmp_path: Path) -> None:
    for n in range(6):
        (collection / "rule1.yml").write_text(RULE.format(n=f"more{n}", product="windows", category="process_creation"))
        load([collection])
    assert len(list((tmp_path / "cache" / "kanaria" / "rules").glob("*.json"))) <= 4


def test_a_few_rules_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "one.yml").write_text(RULE.format(n=1, product="windows", category="process_creation"))
    assert len(load([tmp_path / "one.yml"]).rules) == 1
    assert not (tmp_path / "cache").exists()


def test_what_did_not_load_is_one_sentence_with_numbers(collection: Path) -> None:
    said = not_loaded(load([collection]))
    assert said is not None
    assert "10 rules not loaded: 10 for log sources that are not read here, 0 for other reasons" in said.en
    assert "category: nothing_reads_it (10)" in said.en and "10件" in said.ja
    assert not_loaded(RuleSet()) is None


def test_a_few_that_did_not_load_are_told_each(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(RULE.format(n=1, product="example", category="nothing_reads_it"))
    said = not_loaded(load([tmp_path]))
    assert said is not None and "a.yml" in said.en and "a.yml" in said.ja
