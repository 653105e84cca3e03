"""Rows of events over many commits: each once, whatever a run is killed at; few files; old ones go; damage is named."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.app.mending import look, mend, restored
from kanaria.core.limits import EventLimits
from kanaria.core.schema import from_rows
from kanaria.memory import events as module
from kanaria.memory.events import Events
from kanaria.store import events as files
from kanaria.store.backup import backup
from kanaria.store.events import Part
from kanaria.store.incidents import IncidentStore
from tests.app.test_cli_incident import DAY
from tests.event_rows import engine

ALL = "SELECT event_id FROM {rows} ORDER BY event_id"


ENGINE = engine()


def rows(numbers: Sequence[int], at: datetime = DAY, apart: timedelta = timedelta(seconds=1)) -> pa.Table:
    return from_rows(
        "connection",
        [{"event_id": n, "time": at + n * apart, "src_ip": "192.0.2.1", "src_bytes": n, "src_first": b"x" * 99}
         for n in numbers],
    )  # fmt: skip


@contextmanager
def opened(store: Path, limits: EventLimits = EventLimits()) -> Iterator[Events]:  # noqa: B008  (frozen)
    """What a run begins with."""
    with IncidentStore(store) as kept:
        listed = kept.parts()
    with TemporaryDirectory() as scratch:
        yield Events(ENGINE, Path(scratch), folder=store, listed=listed, limits=limits)


def commit(events: Events, store: Path, newest: datetime | None = None, *, until: str = "settled") -> None:
    """A commit, or what is left of one whose process is killed after ``kept`` or ``listed``."""
    changes = events.keep(newest)
    if until == "kept":
        return
    with IncidentStore(store) as kept:
        kept.save([], DAY, rows=changes)
    if until == "settled":
        events.settle()


def ids(events: Events, kind: str = "connection") -> list[int]:
    return [number for (number,) in events.ask(ALL, of=kind)]


def test_rows_are_there_before_and_after_a_commit_and_in_the_next_run(tmp_path: Path) -> None:
    with opened(tmp_path) as events:
        events.add({"connection": rows(range(5)), "http": from_rows("http", [{"event_id": 9, "time": DAY}])})
        assert ids(events) == [0, 1, 2, 3, 4] and events.has("http") and not events.has("dns")
        commit(events, tmp_path)
        assert ids(events) == [0, 1, 2, 3, 4]
        assert events.span("connection", until=DAY) == (DAY, DAY + timedelta(seconds=4))
    with opened(tmp_path) as events:
        assert ids(events) == [0, 1, 2, 3, 4] and ids(events, "http") == [9]
        found = dict(events.rows_of([3, 2, 77]))
        assert found["connection"]["src_bytes"].to_pylist() == [2, 3] and not len(found["http"])
        assert "src_first" not in found["connection"].column_names, "texts are not kept"
    (part,) = (path for path in (tmp_path / "events").iterdir() if path.name.startswith("connection"))
    assert part.stat().st_mode & 0o777 == 0o600


def test_what_is_read_again_stands_for_what_was_kept(tmp_path: Path) -> None:
    with opened(tmp_path) as events:
        events.add({"connection": rows(range(5))})
        commit(events, tmp_path)
    with opened(tmp_path) as events:
        events.add({"connection": rows(range(3, 8))}, lambda table: table.slice(2))  # an earlier run had the first two
        assert ids(events) == list(range(8))
        commit(events, tmp_path)
        assert ids(events) == list(range(8))
    with opened(tmp_path) as events:
        assert ids(events) == list(range(8))


STEPS = st.lists(st.sampled_from(["settled", "settled", "kept", "listed", "failed"]), min_size=1, max_size=5)


@settings(max_examples=6, deadline=None)
@given(steps=STEPS, many=st.booleans())
def test_a_run_killed_at_any_point_and_begun_again_has_each_row_once(steps: list[str], many: bool) -> None:
    """As the command does it: what was not listed is read again, for the positions are of the same transaction."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        if many:
            patch.setattr(module, "ROWS_IN_MEMORY", 3)  # parts are written before there is a commit
        patch.setattr(files, "FAN", 2)
        store, committed = Path(folder), 0
        for step in steps:
            with opened(store) as events:
                events.add({"connection": rows(range(committed, committed + 2))})
                events.add({"connection": rows(range(committed + 2, committed + 5))})
                if step == "failed":  # the database could not be written: the same process tries once more
                    commit(events, store, until="kept")
                    commit(events, store)
                else:
                    commit(events, store, until=step)
                committed += 0 if step == "kept" else 5
        with opened(store) as events:
            assert ids(events) == list(range(committed))
            events.add({"connection": rows([committed])})
            commit(events, store)
            assert ids(events) == list(range(committed + 1))
        with IncidentStore(store) as kept:
            assert {part.file for part in kept.parts()} == set(os.listdir(store / "events"))


def test_many_small_commits_become_few_files(tmp_path: Path) -> None:
    with opened(tmp_path) as events:
        for n in range(0, 60, 2):
            events.add({"connection": rows([n, n + 1], apart=timedelta(minutes=26))})  # a day and two hours
            commit(events, tmp_path)
        assert ids(events) == list(range(60))
    names = os.listdir(tmp_path / "events")
    assert len([name for name in names if f"{DAY:%Y-%m-%d}" in name]) == 1, "a day that is over is one file"
    assert len(names) <= 1 + 8


def test_full_days_have_files_of_their_own_and_thin_ones_share_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as events:
        events.add({"connection": rows(range(40), apart=timedelta(days=1))})
        commit(events, tmp_path)
        months = {f"{DAY + timedelta(days=n):%Y-%m}" for n in range(40)}
        assert len(os.listdir(tmp_path / "events")) == len(months)
        monkeypatch.setattr(files, "DAY_ROWS", 1)
        events.add({"connection": rows(range(40, 45), apart=timedelta(days=1))})
        commit(events, tmp_path)
        assert len(os.listdir(tmp_path / "events")) == len(months) + 5


def test_what_is_too_old_or_too_much_goes(tmp_path: Path) -> None:
    newest = DAY + timedelta(days=40)
    with opened(tmp_path, EventLimits(days=30)) as events:
        for n in (0, 5, 20, 40):
            events.add({"connection": rows([n], apart=timedelta(days=1))})
            commit(events, tmp_path, DAY + timedelta(days=n))
        assert ids(events) == [20, 40]
        size = events.size["bytes"]
    with opened(tmp_path, EventLimits(megabytes=size * 0.6 / 1e6)) as events:
        commit(events, tmp_path, newest)
        assert ids(events) == [40]
    with opened(tmp_path, EventLimits(days=0)) as events:
        events.add({"connection": rows([41])})
        assert ids(events) == [40, 41], "a run knows its own rows"
        commit(events, tmp_path, newest)
    assert os.listdir(tmp_path / "events") == []


def kept_parts(store: Path) -> list[Part]:
    with opened(store) as events:
        for day in (0, 50, 100):
            events.add({"connection": rows([day], apart=timedelta(days=1))})
            commit(events, store)
    with IncidentStore(store) as kept:
        return kept.parts()


def test_files_that_are_gone_cut_or_garbled_are_named_and_survived(tmp_path: Path) -> None:
    gone, garbled, _whole = kept_parts(tmp_path)
    (tmp_path / "events" / gone.file).unlink()
    (tmp_path / "events" / garbled.file).write_bytes(b"?" * garbled.bytes)
    with opened(tmp_path) as events:
        assert ids(events) == [100]
        assert [part.file in note.en and part.file in note.ja for part, note in zip(
            (gone, garbled), events.notes(), strict=True)] == [True, True]  # fmt: skip
        events.add({"connection": rows([101], apart=timedelta(days=1))})
        commit(events, tmp_path)
        assert ids(events) == [100, 101]
    assert (tmp_path / "events" / garbled.file).exists(), "nothing that could be looked at is deleted"


def test_a_question_reads_the_newest_and_only_what_may_hold_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_parts(tmp_path)
    with opened(tmp_path) as events:
        about = DAY + timedelta(days=50)
        near = events.ask(ALL, of="connection", since=about - timedelta(days=1), until=about + timedelta(days=1))
        assert near == [(50,)]
        before = events.now
        events.add({"connection": rows([60], apart=timedelta(days=1))})
        commit(events, tmp_path)
        assert events.ask(ALL, of="connection", after=before) == [(60,)]
        monkeypatch.setattr(module, "ASKED", 2)
        assert ids(events) == [60, 100]
        assert events.span("connection", until=about) == (DAY, about)


def test_a_life_without_a_store_forgets_what_is_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS_IN_MEMORY", 5)
    monkeypatch.setattr(module, "MOST_ROWS", 12)
    events = Events(ENGINE, tmp_path)
    events.endless = True
    for n in range(40):
        events.add({"connection": rows([n])})
    assert ids(events) == list(range(24, 40))
    events.add({"connection": rows(range(400, 406), apart=timedelta(hours=1))})
    assert ids(events) == [*range(36, 40), *range(400, 406)], "what is in memory is few"
    assert len(os.listdir(tmp_path / "events")) == 1


def test_a_backup_has_them_and_goes_on_without_one_that_is_lost(tmp_path: Path) -> None:
    store = tmp_path / "store"
    lost, *_others = kept_parts(store)
    backup(store, tmp_path / "whole.tar.gz")
    (store / "events" / lost.file).unlink()
    backup(store, tmp_path / "less.tar.gz")
    for archive, numbers in (("whole", [0, 50, 100]), ("less", [50, 100])):
        assert restored(tmp_path / f"{archive}.tar.gz", tmp_path / archive, set_aside=False) is None
        with opened(tmp_path / archive) as events:
            assert ids(events) == numbers and not events.notes()


def test_a_damaged_file_is_put_aside_and_listed_no_more(tmp_path: Path) -> None:
    gone, cut, garbled = kept_parts(tmp_path)
    (tmp_path / "events" / gone.file).unlink()
    (tmp_path / "events" / cut.file).write_bytes(b"PAR1")
    (tmp_path / "events" / garbled.file).write_bytes(b"?" * garbled.bytes)
    mended = mend(tmp_path)
    assert {error.error.file.name for error in mended} == {gone.file, cut.file, garbled.file}
    assert {item.now.name for item in mended if item.now} == {cut.file, garbled.file}
    assert not look(tmp_path) and os.listdir(tmp_path / "events") == []


def test_a_disk_that_fills_costs_the_oldest_rows_first(tmp_path: Path) -> None:
    kept_parts(tmp_path)
    with opened(tmp_path) as events:
        events.shed(events.size["bytes"] * 0.5)
        commit(events, tmp_path)
        assert ids(events) == [100]
        events.shed(1e12)
        events.add({"connection": rows([101], apart=timedelta(days=1))})
        commit(events, tmp_path)
        assert os.listdir(tmp_path / "events") == []
        events.shed(-1.0)
        events.add({"connection": rows([102], apart=timedelta(days=1))})
        commit(events, tmp_path)
        assert ids(events) == [102]


def test_where_nothing_can_be_written_a_run_fails_and_a_service_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> list[Part]:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.EventFiles, "write", full)
    with opened(tmp_path) as events:
        events.add({"connection": rows([1])})
        with pytest.raises(OSError, match="No space"):
            commit(events, tmp_path)
        assert ids(events) == [1]
        events.endless = True
        commit(events, tmp_path)
        assert ids(events) == [] and "disk space" in events.notes()[0].en
