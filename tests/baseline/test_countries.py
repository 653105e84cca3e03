"""Countries people log on from: null without data, new only against a history, findings are not learned."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from kanaria.baseline.countries import COLUMN, FILE, Countries
from kanaria.core.errors import SourceError


def logons(*rows: tuple[str | None, bool, str]) -> dict[str, pa.Table]:
    """Rows of country, success, direction."""
    return {
        "logon": pa.table(
            {
                "event_id": pa.array(range(len(rows)), pa.int64()),
                "success": [success for _, success, _ in rows],
                "direction": [direction for *_, direction in rows],
                "knowledge.country": pa.array([country for country, *_ in rows], pa.string()),
            }
        )
    }


HOME = logons(*[("JP", True, "inbound")] * 4)
ASKED = logons(("JP", True, "inbound"), ("BR", True, "inbound"), (None, True, "inbound"))


def judged(known: Countries) -> list[bool | None]:
    column: list[bool | None] = known.score(ASKED)["logon"][COLUMN].to_pylist()
    return column


def test_new_is_what_nobody_logged_on_from() -> None:
    known = Countries()
    assert judged(known) == [None, None, None], "nothing is new before anybody logged on"
    known.learn(HOME)
    assert judged(known) == [False, True, None]


def test_failures_own_machines_and_findings_are_not_learned() -> None:
    known = Countries()
    known.learn(HOME)
    known.learn(logons(("BR", False, "inbound"), ("BR", True, "internal"), ("BR", True, "inbound")), {2})
    assert judged(known) == [False, True, None]
    known.learn(logons(("BR", True, "inbound")))
    assert judged(known) == [False, False, None]


def test_what_was_learned_is_there_in_the_next_run(tmp_path: Path) -> None:
    known = Countries()
    known.learn(HOME)
    assert known.dump() == {"JP": 4}
    assert judged(Countries(known.dump(), tmp_path)) == [False, True, None]


def test_what_an_older_version_kept_in_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"JP": 4}')
    assert judged(Countries(None, tmp_path)) == [False, True, None]


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{")
    with pytest.raises(SourceError, match=FILE):
        Countries(None, tmp_path)


def test_tables_without_countries_pass_through() -> None:
    plain = {"logon": HOME["logon"].drop_columns(["knowledge.country"]), "rdp": pa.table({"a": [1]})}
    known = Countries()
    known.learn(plain)
    assert known.score(plain) == plain
