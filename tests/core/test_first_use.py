"""Compiling before the first use is announced once, and only when it happens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kanaria.app.commands.progress import announce_compiling
from kanaria.core.first_use import announce, compiling
from kanaria.core.machine_code import compiler


def _double(values: np.ndarray) -> float:
    return float(values.sum()) * 2


def test_compiling_is_announced_once_and_kept_code_is_not() -> None:
    told: list[str] = []
    jit = compiler([Path(__file__)])
    announce(lambda: told.append("first"))
    first = jit(_double)
    assert told == [], "nothing is compiled before it is called"
    assert first(np.ones(3)) == 6.0
    if told:  # otherwise an earlier run of this test left its code
        assert first(np.ones(3, np.int32)) == 6.0
        assert told == ["first"]
    told.clear()
    announce(lambda: told.append("second"))
    assert jit(_double)(np.ones(3)) == 6.0
    assert told == [], "kept code was loaded"
    announce(lambda: None)


def test_the_word_about_it_is_in_the_readers_language(capsys: pytest.CaptureFixture[str]) -> None:
    announce_compiling("ja")
    compiling()
    compiling()
    said = capsys.readouterr().err
    assert said.count("準備しています") == 1
    announce_compiling("en")
    compiling()
    assert "This happens once" in capsys.readouterr().err
