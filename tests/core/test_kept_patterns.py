"""Compiled search expressions come back from the user's cache, and only from a sound one that is the user's own."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from kanaria.core import prefilter
from kanaria.core.prefilter import Pattern, Prefilter, literal

COSTLY = [Pattern(rb"word%03d[^a-z]*(?:end|stop)*[^ ]{0,16}b" % number) for number in range(20)]
"""Compiled in 0.1 s, ten times what is worth keeping."""
ROWS = pa.array(["nothing", "a word007 b"] * 100)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "kanaria" / "patterns"


def found() -> list[int]:
    rows, _ = Prefilter(COSTLY).rows(ROWS)
    return [int(row) for row in rows]


def compiles(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of expressions of every database that is compiled from now on."""
    real, seen = prefilter._compiled, list[int]()

    def noted(expressions: list[bytes], flags: list[int]) -> object:
        seen.append(len(expressions))
        return real(expressions, flags)

    monkeypatch.setattr(prefilter, "_compiled", noted)
    return seen


def test_what_is_kept_is_not_compiled_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = list(range(1, 200, 2))
    assert found() == expected
    seen = compiles(monkeypatch)
    assert found() == expected
    assert not seen and len(list(cache.glob("*.hs"))) == 1


@pytest.mark.parametrize("damage", [b"", b"no database", b"\0" * 1000])
def test_damaged_files_are_replaced(cache: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes) -> None:
    expected = found()
    (file,) = cache.glob("*.hs")
    sound = file.read_bytes()
    file.write_bytes(damage)
    seen = compiles(monkeypatch)
    assert found() == expected
    assert seen and file.read_bytes() == sound


def test_a_folder_open_to_others_is_not_trusted(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = found()
    cache.chmod(0o777)
    seen = compiles(monkeypatch)
    assert found() == expected
    assert seen


def test_few_expressions_leave_no_file(cache: Path) -> None:
    Prefilter([literal("word")]).rows(ROWS)
    assert not cache.exists()


def test_words_that_are_compiled_at_once_leave_no_file(cache: Path) -> None:
    Prefilter([literal(f"word{number}") for number in range(60)]).rows(ROWS)
    assert not cache.exists()


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert found()
