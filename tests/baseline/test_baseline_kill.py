"""``kill -9`` anywhere: whatever was committed is a whole batch with its position, and resuming gives the same history."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

CHILD = Path(__file__).with_name("kill_child.py")
A_BATCH = 60
"""Statements of one batch, folding included: about this many, so that early and late ones of it are hit."""


def left_after(kills: tuple[int, ...]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        ran = subprocess.run(
            [sys.executable, str(CHILD), folder, *(str(kill) for kill in kills)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    left: dict[str, Any] = json.loads(ran.stdout)
    return left


@lru_cache
def never_killed() -> dict[str, Any]:
    return left_after(())


@given(st.lists(st.integers(1, 4 * A_BATCH), min_size=2, max_size=4).map(tuple))
@example(tuple(range(A_BATCH - 30, A_BATCH + 1, 10)))  # in the folding after a batch, and in its checkpoint
@settings(max_examples=2, deadline=None)
def test_resuming_after_any_kills_gives_the_same_history(kills: tuple[int, ...]) -> None:
    assert left_after(kills) == never_killed()


def test_what_remains_is_the_whole_history() -> None:
    left = never_killed()
    assert left["position"] == "5"
    assert len(left["ties"]) > 10
    assert sum(row[2] for row in left["hourly"]) >= 1
