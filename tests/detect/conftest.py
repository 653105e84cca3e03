"""Helpers for the rule engine's tests: rules written in place, rows written in place, row numbers out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from kanaria.detect.loading import load
from kanaria.detect.match import TableMatcher
from kanaria.detect.model import RuleSet
from kanaria.detect.testing import rows_as_table

Rows = Sequence[Mapping[str, Any]]


@pytest.fixture(scope="session")
def engine() -> duckdb.DuckDBPyConnection:
    """One in-memory engine for all tests; nothing is kept in it."""
    return duckdb.connect()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., RuleSet]:
    """Writes YAML documents (text or mappings) into a rule file each and loads them."""

    def made(*documents: str | Mapping[str, Any], **options: Any) -> RuleSet:
        for number, document in enumerate(documents):
            text = document if isinstance(document, str) else yaml.safe_dump(dict(document), sort_keys=False)
            (tmp_path / f"rule{number}.yml").write_text(text, "utf-8")
        return load([tmp_path], **options)

    return made


def rule_of(detection: Mapping[str, Any], *, category: str = "http", **more: Any) -> dict[str, Any]:
    """A rule document around a detection section; ``condition`` defaults to ``selection``."""
    return {
        "title": "Test rule",
        "name": "test_rule",
        "logsource": {"product": "kanaria", "category": category},
        "detection": {"condition": "selection", **detection},
        "level": "high",
        **more,
    }


@pytest.fixture
def matching(write: Callable[..., RuleSet], engine: duckdb.DuckDBPyConnection) -> Callable[..., list[int]]:
    """The numbers (from 0) of the rows that a detection section matches."""

    def run(detection: Mapping[str, Any], rows: Rows, *, category: str = "http", **options: Any) -> list[int]:
        rules = write(rule_of(detection, category=category), **options)
        assert not rules.errors, [str(error) for error in rules.errors]
        table = rows_as_table(category, rows)
        found = TableMatcher(rules.rules, table.schema).match(table, engine)
        return [int(row) for row in found.get("test_rule", [])]

    return run


@pytest.fixture
def document() -> Callable[..., dict[str, Any]]:
    return rule_of
