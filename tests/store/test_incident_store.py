"""Incidents survive, merge, and change state only the ways a person may move them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.core.errors import ConfigError, SourceError
from kanaria.store.incidents import MOVES, IncidentStore
from kanaria.store.joining import joined_documents
from kanaria.store.outbox import Outbox
from tests.running import running

NOW = datetime(2026, 6, 21, 12, tzinfo=UTC)


def incident(ident: str, *findings: str, severity: str = "low") -> dict[str, Any]:
    listed = [{"id": finding, "rule": finding.partition(":")[0], "stage": None} for finding in findings]
    return {
        "id": ident,
        "severity": severity,
        "first_seen": "2026-06-21T07:00:00+00:00",
        "last_seen": "2026-06-21T08:00:00+00:00",
        "findings": listed,
    }


def test_a_run_twice_changes_nothing(tmp_path: Path) -> None:
    with IncidentStore(tmp_path) as store:
        for minutes in (0, 5):
            assert store.save([incident("i-1", "f-1", "f-2")], NOW + timedelta(minutes=minutes)) == ["i-1"]
        assert [(i.id, i.state, i.created, i.changed) for i in store.all()] == [
            ("i-1", "open", NOW.isoformat(), NOW.isoformat())
        ]


def test_a_later_finding_that_connects_two_merges_them(tmp_path: Path) -> None:
    with IncidentStore(tmp_path) as store:
        store.save([incident("i-1", "f-1")], NOW)
        store.save([incident("i-2", "f-2")], NOW + timedelta(hours=1))
        assert store.save([incident("i-9", "f-0", "f-1", "f-2")], NOW + timedelta(hours=2)) == ["i-1"]
        assert [i.id for i in store.all()] == ["i-1"]
        assert store.get("i-2").id == "i-1"
        assert {f["id"] for f in store.get("i-1").document["findings"]} == {"f-0", "f-1", "f-2"}


def test_numbers_over_time_of_both_runs_stay(tmp_path: Path) -> None:
    def points(*pairs: tuple[str, float]) -> dict[str, Any]:
        return {"kind": "volume", "device": "a", "remote": None, "unit": "B", "points": [list(pair) for pair in pairs]}

    with IncidentStore(tmp_path) as store:
        store.save([incident("i-1", "f-1") | {"series": [points(("1", 1.0), ("2", 2.0))]}], NOW)
        later = points(("2", 5.0), ("3", 3.0)) | {"unit": "bytes"}
        other = points(("9", 9.0)) | {"kind": "normal"}
        store.save([incident("i-1", "f-1") | {"series": [later, other]}], NOW)
        joined = points(("1", 1.0), ("2", 5.0), ("3", 3.0)) | {"unit": "bytes"}
        assert store.get("i-1").document["series"] == [joined, other]


def test_a_run_over_new_logs_does_not_forget_the_old_ones(tmp_path: Path) -> None:
    with IncidentStore(tmp_path) as store:
        store.save([incident("i-1", "f-1", "f-2")], NOW)
        store.save([incident("i-1", "f-2", "f-3")], NOW)
        assert [f["id"] for f in store.get("i-1").document["findings"]] == ["f-1", "f-2", "f-3"]


def test_decisions_are_kept_with_who_and_why(tmp_path: Path) -> None:
    with IncidentStore(tmp_path) as store:
        store.save([incident("i-1", "f-1")], NOW)
        store.decide("i-1", "acknowledged", who="hanako", why="見ています", now=NOW)
        store.decide("i-1", "dismissed", who="hanako", why="our own scanner", now=NOW)
        assert [(d.who, d.was, d.became, d.why) for d in store.history("i-1")] == [
            ("hanako", "open", "acknowledged", "見ています"),
            ("hanako", "acknowledged", "dismissed", "our own scanner"),
        ]
        assert store.learnable() == {"f-1"}


def test_new_findings_reopen_what_was_dismissed_and_old_ones_do_not(tmp_path: Path) -> None:
    with IncidentStore(tmp_path) as store:
        store.save([incident("i-1", "f-1")], NOW)
        store.decide("i-1", "dismissed", who="a", why="b", now=NOW)
        store.save([incident("i-1", "f-1", severity="high")], NOW)
        assert store.get("i-1").state == "dismissed"
        store.save([incident("i-1", "f-1", "f-2")], NOW)
        assert store.get("i-1").state == "open"
        assert store.history("i-1")[-1].why == "new findings"


def test_more_of_the_same_opens_what_was_closed_but_not_what_was_called_harmless(tmp_path: Path) -> None:
    with IncidentStore(tmp_path) as store:
        store.save([incident("i-1", "scan:1"), incident("i-2", "guess:1")], NOW)
        store.decide("i-1", "dismissed", who="a", why="our own scanner", now=NOW)
        store.decide("i-2", "closed", who="a", why="fixed", now=NOW)
        store.save([incident("i-1", "scan:1", "scan:2"), incident("i-2", "guess:1", "guess:2")], NOW)
        assert [store.get(i).state for i in ("i-1", "i-2")] == ["dismissed", "open"]
        store.save([incident("i-1", "scan:3", "scan:1", severity="high")], NOW)
        assert store.get("i-1").state == "open"


def test_state_is_saved_with_the_incidents_or_not_at_all(tmp_path: Path) -> None:
    with IncidentStore(tmp_path) as store:
        assert store.state() == {}
        store.save([incident("i-1", "f-1")], NOW, {"one": {"a": [1, "\udcff"]}, "two": {}})
        with pytest.raises(KeyError, match="findings"):
            store.save([{"id": "broken"}], NOW, {"one": {"a": []}})
        assert store.state() == {"one": {"a": [1, "\udcff"]}, "two": {}}


@settings(max_examples=40, deadline=None)
@given(moves=st.lists(st.sampled_from(sorted(MOVES)), max_size=8))
def test_only_allowed_moves_happen(moves: list[Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    with IncidentStore(tmp_path_factory.mktemp("store")) as store:
        store.save([incident("i-1", "f-1")], NOW)
        state = "open"
        for move in moves:
            if move in MOVES[state]:
                assert store.decide("i-1", move, who="a", why="b", now=NOW).state == move
                state = move
            else:
                with pytest.raises(ConfigError, match="it is"):
                    store.decide("i-1", move, who="a", why="b", now=NOW)
        assert store.get("i-1").state == state


def test_an_unknown_id_says_where_to_look(tmp_path: Path) -> None:
    with IncidentStore(tmp_path) as store, pytest.raises(ConfigError, match="kanaria incident list"):
        store.get("i-404")


def test_the_beginning_of_an_id_is_enough(tmp_path: Path) -> None:
    with IncidentStore(tmp_path) as store:
        store.save([incident("i-abc1", "f-1"), incident("i-xyz", "f-2")], NOW)
        assert store.get("i-a").id == "i-abc1"


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="a folder to keep incidents in"):
        IncidentStore(tmp_path / "file" / "store")


@pytest.mark.parametrize(("kept", "name"), [(IncidentStore, "incidents.sqlite"), (Outbox, "outbox.sqlite")])
def test_what_is_refused_is_not_left_open(tmp_path: Path, kept: type[IncidentStore] | type[Outbox], name: str) -> None:
    (tmp_path / name).write_bytes(b"no database" * 1_000)
    with pytest.raises(SourceError) as refused:
        kept(tmp_path)
    assert name in str(refused.value) or "not a database" in str(refused.value)
    opened = {os.readlink(handle.path) for handle in os.scandir("/proc/self/fd") if os.path.lexists(handle.path)}
    assert str(tmp_path / name) not in opened


def test_killed_at_any_moment_it_has_the_old_or_the_new(tmp_path: Path) -> None:
    """A child saves numbered runs until it is killed; what is left is whole runs, each with all its findings."""
    code = """
import sys, pathlib, datetime
from kanaria.store.incidents import IncidentStore
now = datetime.datetime(2026, 6, 21, tzinfo=datetime.UTC)
with IncidentStore(pathlib.Path(sys.argv[1])) as store:
    n = 0
    while True:
        findings = [{"id": f"f-{n}-{k}"} for k in range(20)]
        store.save([{"id": f"i-{n}", "severity": "low", "first_seen": None, "last_seen": None, "findings": findings}], now)
        n += 1
        print(n, flush=True)
"""
    with running(subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)) as child:
        assert child.stdout is not None
        for _ in range(30):
            child.stdout.readline()
    with IncidentStore(tmp_path) as store:
        left = store.all()
        assert len(left) >= 30
        assert all(len(json.loads(json.dumps(i.document))["findings"]) == 20 for i in left)
        assert store.save([incident("i-new", "f-0-0")], NOW) == ["i-0"]


def test_numbers_over_time_stand_in_order_and_each_moment_once() -> None:
    def told(device: str, *points: list[object], kind: str = "bytes") -> dict[str, Any]:
        series = {"kind": kind, "device": device, "remote": None, "points": list(points)}
        return {"findings": [], "first_seen": None, "last_seen": None, "series": [series]}

    before, now = told("a", ["10:00", 1.0], ["09:00", 2.0]), told("b", ["10:00", 3.0], ["10:00", 4.0])
    assert [one["points"] for one in joined_documents(before, now)["series"]] == [
        [["09:00", 2.0], ["10:00", 1.0]],
        [["10:00", 4.0]],
    ]
    both = joined_documents(told("a", ["09:00", 2.0], ["10:00", 1.0]), told("a", ["10:00", 5.0], ["11:00", 6.0]))
    assert [one["points"] for one in both["series"]] == [[["09:00", 2.0], ["10:00", 5.0], ["11:00", 6.0]]]
