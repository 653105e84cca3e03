"""The generated file: written from the YAML files, refused when they are wrong, said to be stale when they changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kanaria.core.errors import RuleError
from kanaria.knowledge import compile as compiler
from kanaria.knowledge import loader
from kanaria.knowledge.build import build

POOLS = """date: 2026-11-21
source: the operators' pages
pools:
  - {name: Second, domains: [second.example]}
  - {name: First, domains: [first.example], coins: ['XMR']}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package folder of our own, with one data file."""
    for folder in loader.FOLDERS:
        (tmp_path / folder).mkdir()
    (tmp_path / "data" / "pools.yaml").write_text(POOLS, encoding="utf-8")
    for module in (loader, compiler):
        monkeypatch.setattr(module, "HERE", tmp_path)
        monkeypatch.setattr(module, "COMPILED", tmp_path / "compiled.json")
    return tmp_path


def test_checking_says_missing_fresh_and_stale(here: Path) -> None:
    assert compiler.main(["--check"]) == 1
    assert compiler.main([]) == 0
    assert compiler.main(["--check"]) == 0
    with (here / "data" / "pools.yaml").open("a", encoding="utf-8") as file:
        file.write("  - {name: Third, domains: [third.example]}\n")
    assert compiler.main(["--check"]) == 1


def test_the_order_of_the_files_is_kept(here: Path) -> None:
    compiler.main([])
    assert [pool.name for pool in build((loader.compiled(),)).pools] == ["Second", "First"]


def test_the_same_input_gives_the_same_bytes(here: Path) -> None:
    assert compiler.render(compiler.sources()) == compiler.render(compiler.sources())


def test_defaults_of_a_file_reach_every_entry(here: Path) -> None:
    compiler.main([])
    written = json.loads((here / "compiled.json").read_text())
    assert {entry["source"] for entry in written["sections"]["pools"]} == {"the operators' pages"}
    assert {entry["date"] for entry in written["sections"]["pools"]} == {"2026-11-21"}


def test_wrong_entries_are_refused_and_nothing_is_written(here: Path) -> None:
    (here / "data" / "bad.yaml").write_text("pools:\n  - {name: Bad}\n", encoding="utf-8")
    with pytest.raises(RuleError, match=r"bad\.yaml:2:5"):
        compiler.main([])
    assert not (here / "compiled.json").exists()


def test_an_edit_is_seen_without_compiling(here: Path) -> None:
    compiler.main([])
    assert [entry.file for entry in loader.compiled()] == ["compiled.json", "compiled.json"]
    with (here / "data" / "pools.yaml").open("a", encoding="utf-8") as file:
        file.write("  - {name: Third, domains: [third.example]}\n")
    assert [entry.data["name"] for entry in loader.compiled()] == ["Second", "First", "Third"]


def test_a_new_weights_file_of_another_group_is_seen(here: Path) -> None:
    compiler.main([])
    (here / "weights" / "group.yaml").write_text(
        "date: 2026-11-21\nsource: s\nweights:\n"
        "  - {id: w, about: outcome, family: host, bits: 2, because: {en: a, ja: b}, measured: m}\n",
        encoding="utf-8",
    )
    assert build((loader.compiled(),)).weights["w"].bits == 2.0


def test_the_same_weight_in_two_files_is_refused(here: Path, folder: Callable[[str], Path]) -> None:
    entry = "date: 2026-11-21\nsource: s\nfigures:\n  - {id: f, value: 1, unit: u, text: {en: a, ja: b}}\n"
    (here / "data" / "a.yaml").write_text(entry, encoding="utf-8")
    (here / "weights" / "b.yaml").write_text(entry, encoding="utf-8")
    with pytest.raises(RuleError, match="f again"):
        compiler.main([])
