"""The loader: user folders merge, every mistake is refused at its place, and the compiled file is up to date."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from kanaria import knowledge
from kanaria.core.errors import RuleError
from kanaria.core.facts import Knowledge
from kanaria.knowledge import compile as compiler
from kanaria.knowledge import loader
from kanaria.knowledge.build import build
from kanaria.knowledge.yamlfile import read_file

Writer = Callable[[str], Path]
POOL = "  - {name: Example, domains: [pool.example], coins: [XMR], source: 'https://pool.example', date: 2026-11-21}\n"


def test_the_compiled_file_is_what_the_yaml_files_say() -> None:
    assert compiler.main(["--check"]) == 0, "run: python -m kanaria.knowledge.compile"


def test_compiled_and_yaml_give_the_same_facts(facts: Knowledge) -> None:
    assert build((compiler.sources(),)).vulnerabilities == facts.vulnerabilities
    assert set(build((compiler.sources(),)).pools) == set(facts.pools)
    assert build((compiler.sources(),)).weights == facts.weights


def test_loading_imports_no_yaml_and_no_arrow_compute() -> None:
    code = (
        "import sys; from kanaria import knowledge; knowledge.load(); "
        "print([name for name in ('yaml', 'pyarrow.compute', 'pyarrow.csv', 'ibis', 'duckdb') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_edited_yaml_files_are_read_instead_of_a_stale_compiled_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "weights").mkdir()
    (tmp_path / "data" / "pools.yaml").write_text("pools:\n" + POOL, encoding="utf-8")
    monkeypatch.setattr(loader, "HERE", tmp_path)
    assert [entry.data["name"] for entry in loader.compiled()] == ["Example"]


def test_a_users_folder_adds_facts(folder: Writer, facts: Knowledge) -> None:
    merged = knowledge.load(folder("pools:\n" + POOL))
    assert len(merged.pools) == len(facts.pools) + 1
    assert merged.pools[-1].name == "Example"
    assert merged.pools[-1].provenance.date == date(2026, 11, 21)
    assert merged.weights == facts.weights


def test_a_users_fact_takes_the_place_of_a_built_in_one(folder: Writer, facts: Knowledge) -> None:
    merged = knowledge.load(
        folder(
            "date: 2026-11-21\nsource: my network\nweights:\n"
            "  - {id: fake_agent, about: internet_wide_scanner, family: name, bits: 1.5,\n"
            "     because: {en: a, ja: b}, measured: at home}\n"
        )
    )
    assert merged.weights["fake_agent"].bits == 1.5
    assert merged.weights["fake_agent"].provenance.source == "my network"
    assert len(merged.weights) == len(facts.weights)


def test_an_empty_file_adds_nothing(folder: Writer, facts: Knowledge) -> None:
    assert knowledge.load(folder("")).pools == facts.pools


WRONG = {
    "unknown key": ("pools:\n" + POOL.replace("coins", "coin"), 2, 5, "'coin'"),
    "unknown section": ("pols:\n" + POOL, 2, 5, "pols"),
    "stated twice": ("pools:\n" + POOL + POOL, 3, 5, "Example again"),
    "no source": ("pools:\n  - {name: Example, domains: [pool.example], date: 2026-11-21}\n", 2, 5, "source"),
    "no date": ("pools:\n  - {name: Example, domains: [pool.example], source: me}\n", 2, 5, "date"),
    "a top level domain": ("pools:\n" + POOL.replace("pool.example", "example", 1), 2, 5, "example"),
    "neither name nor address": ("pools:\n" + POOL.replace("domains: [pool.example], ", ""), 2, 5, "neither"),
    "an address that is none": ("pools:\n" + POOL.replace("coins: [XMR]", "addresses: [300.1.1.1]"), 2, 5, "300"),
    "unknown role": ("pools:\n" + POOL.replace("coins: [XMR]", "role: bank"), 2, 5, "bank"),
    "number as text": ("pools:\n" + POOL.replace("Example", "12"), 2, 5, "name"),
    "not a list": ("pools: {name: Example}\n", 1, 8, "list"),
    "not a mapping": ("- pools\n", 1, 1, "mapping"),
    "entry of another kind": ("pools:\n  - Example\n", 2, 5, "mapping"),
    "broken YAML": ("pools:\n  - {name: [}\n", 2, 13, "YAML"),
    "key twice": ("pools:\n  - {name: A, name: B}\n", 2, 15, "twice"),
    "impossible date": ("pools:\n" + POOL.replace("2026-11-21", "2026-13-41"), 2, 5, "month"),
    "broken pattern": (
        "agents:\n  - {name: A, pattern: '(', coins: [], source: s, date: 2026-11-21}\n",
        2,
        5,
        "regular expression",
    ),
    "score too high": (
        "vulnerabilities:\n  - {cve: CVE-2026-0001, product: P, summary: {en: a, ja: b}, affected: all, source: s,\n"
        "     date: 2026-11-21, scores: [{scorer: NVD, version: '3.1', score: 11, source: s, date: 2026-11-21}]}\n",
        2,
        5,
        "0 to 10",
    ),
    "vector of another version": (
        "vulnerabilities:\n  - {cve: CVE-2026-0001, product: P, summary: {en: a, ja: b}, affected: all, source: s,\n"
        "     date: 2026-11-21, scores: [{scorer: NVD, version: '3.1', score: 9.8, vector: 'CVSS:3.0/AV:N',\n"
        "     source: s, date: 2026-11-21}]}\n",
        2,
        5,
        "disagree",
    ),
    "one language missing": (
        "figures:\n  - {id: a, value: 1, unit: u, text: {en: only}, source: s, date: 2026-11-21}\n",
        2,
        5,
        "ja",
    ),
    "truth as number": (
        "figures:\n  - {id: a, value: true, unit: u, text: {en: a, ja: b}, source: s, date: 2026-11-21}\n",
        2,
        5,
        "number",
    ),
    "unknown hypothesis": (
        "weights:\n  - {id: a, about: guilt, family: name, bits: 1, because: {en: a, ja: b}, measured: m, source: s,\n"
        "     date: 2026-11-21}\n",
        2,
        5,
        "guilt",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_mistakes_are_refused_at_their_place(folder: Writer, case: str) -> None:
    text, line, column, says = WRONG[case]
    with pytest.raises(RuleError) as caught:
        knowledge.load(folder(text))
    assert (caught.value.line, caught.value.column) == (line, column)
    assert says in str(caught.value)
    assert "facts.yaml" in str(caught.value)


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="no such folder"):
        knowledge.load(tmp_path / "missing")


def test_bytes_that_are_not_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_bytes(b"pools: \xff\xfe")
    with pytest.raises(RuleError, match="UTF-8"):
        read_file(tmp_path / "bad.yaml")


def test_yaml_cannot_build_objects(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("pools:\n  - !!python/object/apply:os.getcwd []\n", encoding="utf-8")
    with pytest.raises(RuleError, match="valid YAML"):
        read_file(tmp_path / "bad.yaml")
