"""Shared by the knowledge tests: the built-in facts, and a writer of user folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kanaria import knowledge
from kanaria.core.facts import Knowledge
from tests.app.conftest import kanaria

__all__ = ["facts", "folder", "kanaria"]


@pytest.fixture(scope="session")
def facts() -> Knowledge:
    return knowledge.load()


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[str], Path]:
    """Writes one YAML file ``facts.yaml`` and gives its folder."""

    def write(text: str) -> Path:
        (tmp_path / "facts.yaml").write_text(text, encoding="utf-8")
        return tmp_path

    return write
