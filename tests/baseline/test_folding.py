"""Folding part by part: the same history as folded at once, no larger than allowed, one part with each call."""

from __future__ import annotations

from pathlib import Path

import pytest
from kit_baseline import connection, flow, history_of, pattern

from kanaria.baseline import state
from kanaria.baseline.pattern import PatternOfLife


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "PARTED_TIES", 20)
    monkeypatch.setattr(state, "PARTS", 4)


def _learned(directory: Path, **settings: object) -> PatternOfLife:
    """Forty addresses, each met in three batches of an hour, so that each tie lies in the file three times."""
    learned = pattern(directory, **settings)
    for hour in range(3):
        learned.learn(connection(*(flow(hour, dst_ip=f"198.51.100.{number}") for number in range(40))))
    return learned


def _rows_of_a_tie(learned: PatternOfLife) -> list[int]:
    rows = learned.state.engine.execute(f"SELECT count(*) FROM {learned.state.alias}.ties GROUP BY tie")  # noqa: S608
    return sorted(count for (count,) in rows.fetchall())


def test_all_parts_together_fold_everything_and_change_no_answer(tmp_path: Path) -> None:
    learned = _learned(tmp_path)
    before = history_of(learned)
    assert max(_rows_of_a_tie(learned)) == 3
    left = []
    for _ in range(4):
        learned.state.compact(learned.settings.max_ties)
        left.append(learned.state.count("ties"))
    assert left == sorted(left, reverse=True)
    assert len(set(left)) == 4  # each call folded a part of its own
    assert max(_rows_of_a_tie(learned)) == 1
    assert history_of(learned) == before


def test_which_part_is_next_survives_a_restart(tmp_path: Path) -> None:
    for _ in range(4):
        learned = _learned(tmp_path) if not tmp_path.joinpath(state.FILE).exists() else pattern(tmp_path)
        learned.state.compact(learned.settings.max_ties)
        learned.state.engine.execute(f"DETACH {learned.state.alias}")
    assert max(_rows_of_a_tie(pattern(tmp_path))) == 1


def test_a_parted_history_is_bounded_and_forgets_words_with_its_ties(tmp_path: Path) -> None:
    learned = _learned(tmp_path, max_ties=40)
    alias = learned.state.alias
    for _ in range(4):
        learned.state.compact(40)
    assert learned.state.count("ties") <= 40
    words = {row[0] for row in learned.state.engine.execute(f"SELECT id FROM {alias}.texts").fetchall()}  # noqa: S608
    known = {row[0] for row in learned.state.engine.execute(f"SELECT tie FROM {alias}.ties").fetchall()}  # noqa: S608
    assert words
    assert words <= known
    heaviest = learned.state.one(f"SELECT max(weight) FROM {alias}.ties")  # noqa: S608
    assert heaviest == learned.state.one(f"SELECT max(weight) FROM {alias}.ties WHERE kind = 2")  # noqa: S608
