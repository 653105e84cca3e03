"""What a service does for itself while nobody looks: disk, silence, losses, age, a clock that is set.

Each by its own; time, free space and sources are what a test says.
"""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kanaria.app.config import Config
from kanaria.app.config_live import Service
from kanaria.app.live import upkeep as keeping
from kanaria.app.live.upkeep import LETTERS_A_LOOK, LOOK_EVERY, RETAIN_EVERY, TOLD_FROM, WARN_EVERY, Upkeep
from kanaria.core.errors import SourceError
from kanaria.core.types import RejectedRecord, Text
from kanaria.respond.message import Style, notice
from kanaria.sources.chunks import Health
from kanaria.store import dead_letters
from kanaria.store.dead_letters import DeadLetters
from kanaria.store.incidents import IncidentStore
from kanaria.store.outbox import Entry, Outbox
from kanaria.store.timeline import Timeline
from tests.store.test_retention import incident
from tests.store.test_timeline import YEARS, Machine

MB, HOUR, DAY = 1e6, 3600.0, 86_400.0
Usage = namedtuple("Usage", "total used free")  # as the library has it


@dataclass
class Source:
    """Something that is watched."""

    name: str
    health: Health = field(default_factory=Health)


@dataclass
class House:
    """An upkeep with everything around it that it speaks to."""

    store: Path
    outbox: Outbox
    machine: Machine
    free: float = 10_000 * MB
    notices: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    logged: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    asked_room: list[float] = field(default_factory=list)
    upkeep: Upkeep = field(init=False)

    def notice(self, name: str, ident: str, values: dict[str, Any], *, kind: str = "failure") -> None:
        if ident not in {known for _name, known, _values in self.notices}:  # as the outbox keeps them
            self.notices.append((name, ident, values))
            notice(name, ident, Style(language="ja", zone=UTC), values, kind=kind)  # its words can be filled in

    def log(self, what: str, /, **facts: Any) -> None:
        self.logged.append((what, facts))

    def told(self) -> list[str]:
        return [name for name, _ident, _values in self.notices]

    def said(self) -> list[str]:
        return [what for what, _facts in self.logged]

    def look(self, *sources: Source, after: float = LOOK_EVERY) -> None:
        self.machine.go(after)
        self.upkeep.look(sources)


Build = Callable[..., House]


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Build]:
    made: list[House] = []

    def house(**serve: Any) -> House:
        outbox, machine = Outbox(tmp_path / "store"), Machine()
        outbox.time = Timeline(machine, lambda: machine.clock, lambda: machine.passed, machine.boot)
        here = House(tmp_path / "store", outbox, machine)
        here.upkeep = Upkeep(
            Config(serve=Service(**serve)), here.store, outbox, here, here.log, here.asked_room.append,  # type: ignore[arg-type]
        )  # fmt: skip
        monkeypatch.setattr(keeping.time, "monotonic", lambda: machine.passed)
        monkeypatch.setattr("kanaria.sources.chunks.steady", lambda: machine.passed)
        monkeypatch.setattr(shutil, "disk_usage", lambda _place: Usage(0, 0, here.free))
        made.append(here)
        return here

    yield house
    for one in made:
        one.outbox.close()


def broken(number: int = 1, raw: bytes = b"\x00\xff broken") -> RejectedRecord:
    return RejectedRecord(source="access.log", row=number, reason="no such format", raw=raw)


def letters(folder: Path) -> list[dict[str, Any]]:
    file = folder / "rejected.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


class TestHowOften:
    def test_it_looks_every_half_minute_however_often_it_is_called(self, build: Build) -> None:
        here = build()
        for _ in range(100):
            here.look(after=1.0)
        assert len(here.asked_room) == 4

    def test_the_first_look_is_at_once(self, build: Build) -> None:
        here = build()
        here.look(after=0.0)
        assert len(here.asked_room) == 1


class TestDisk:
    def test_while_there_is_room_nobody_hears_of_it(self, build: Build) -> None:
        here = build(disk_warn_mb=1_000)
        here.free = 1_000 * MB
        here.look()
        assert (here.notices, here.logged, here.upkeep.sheds) == ([], [], False)

    def test_below_the_setting_a_message_says_how_much_is_left_of_what(self, build: Build) -> None:
        here = build(disk_warn_mb=1_000)
        here.free = 999 * MB
        here.look()
        ((name, _ident, values),) = here.notices
        assert (name, values) == ("disk", {"free": "999", "least": "1,000", "folder": here.store})
        assert here.logged == [("disk almost full", {"level": "warning", "free_mb": 999, "sheds": False})]

    def test_it_is_told_once_a_day_and_logged_once_an_hour_while_it_goes_on(self, build: Build) -> None:
        here = build(disk_warn_mb=1_000)
        here.free = 900 * MB
        for _ in range(int(2 * DAY / LOOK_EVERY)):
            here.look()
        assert len(here.notices) in {2, 3}, "days of the calendar"
        assert len(here.logged) == 2 * DAY / WARN_EVERY

    def test_rows_of_events_are_given_up_before_anything_else(self, build: Build) -> None:
        here = build(disk_warn_mb=1_000)
        for free in (1_500, 900, 100):
            here.free = free * MB
            here.look()
        assert here.asked_room == [-500 * MB, 100 * MB, 900 * MB]

    @pytest.mark.parametrize(("free", "sheds"), [(1_000, False), (251, False), (249, True), (0, True)])
    def test_below_a_quarter_of_the_setting_less_is_kept(self, build: Build, free: int, sheds: bool) -> None:
        here = build(disk_warn_mb=1_000)
        here.upkeep.reject(broken())
        here.free = free * MB
        here.look()
        assert here.upkeep.sheds is sheds
        assert here.told() == (["shed"] if sheds else ["disk"] if free < 1_000 else [])
        assert bool(letters(here.store)) is not sheds

    def test_then_records_that_could_not_be_read_are_deleted_and_kept_again_when_there_is_room(
        self, build: Build
    ) -> None:
        here = build(disk_warn_mb=1_000)
        here.upkeep.reject(broken(1))
        here.free = 100 * MB
        here.look()
        here.upkeep.reject(broken(2))
        assert letters(here.store) == []
        assert "gave up records that could not be read" in here.said()
        here.look()
        assert here.said().count("gave up records that could not be read") == 1
        here.free = 2_000 * MB
        here.look()
        here.upkeep.reject(broken(3))
        assert [one["row"] for one in letters(here.store)] == [3]

    def test_messages_that_wait_are_kept_and_those_that_were_sent_long_ago_are_not(self, build: Build) -> None:
        here = build(disk_warn_mb=1_000)
        now = here.outbox.time.now()
        entries = [Entry(id=f"m-{n}", channel="phone", kind="notice", topic="t", severity="high") for n in range(3)]
        here.outbox.add(entries, [], now)
        here.outbox.settle(entries[:2], "sent", now)
        here.free = 100 * MB
        here.look(after=1.5 * DAY)
        assert here.outbox.counts() == {("phone", "waiting"): 1}

    def test_a_disk_that_comes_back_is_told_again_the_next_time_it_fills(self, build: Build) -> None:
        here = build(disk_warn_mb=1_000)
        for free in (900, 5_000, 900):
            here.free = free * MB
            here.look(after=DAY)
        assert here.told() == ["disk", "disk"]


class TestRejected:
    def test_each_is_kept_with_its_place_and_reason(self, build: Build) -> None:
        here = build()
        here.upkeep.reject(broken(7))
        (kept,) = letters(here.store)
        assert kept == {"source": "access.log", "row": 7, "reason": "no such format", "raw": "\x00\\xff broken"}

    def test_of_a_flood_only_so_many_between_two_looks(self, build: Build) -> None:
        here = build()
        here.look()
        for number in range(LETTERS_A_LOOK + 50):
            here.upkeep.reject(broken(number))
        assert len(letters(here.store)) == LETTERS_A_LOOK
        here.look()
        here.upkeep.reject(broken(9_999))
        assert letters(here.store)[-1]["row"] == 9_999

    def test_a_disk_that_cannot_be_written_is_logged_once_a_look(
        self, build: Build, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(_self: DeadLetters, _record: RejectedRecord) -> None:
            raise OSError(28, "No space left on device")

        here = build()
        monkeypatch.setattr(DeadLetters, "keep", full)
        for _ in range(5):
            here.upkeep.reject(broken())
        assert here.said() == ["cannot keep what could not be read"]

    def test_a_record_that_is_long_is_cut_and_one_that_is_hostile_is_one_line(self, build: Build) -> None:
        here = build()
        here.upkeep.reject(broken(1, b"a" * 100_000))
        here.upkeep.reject(broken(2, b'"}\n{"row": 9}\x1b[2J\xe2\x80\xae'))
        first, second = letters(here.store)
        assert len(first["raw"]) == dead_letters.KEPT and second["row"] == 2
        assert b"\x1b" not in (here.store / "rejected.jsonl").read_bytes()

    def test_files_are_bounded_in_size_and_number(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(dead_letters, "LARGEST", 1_000)
        kept = DeadLetters(tmp_path)
        for number in range(200):
            kept.keep(broken(number, b"x" * 100))
        files = sorted(tmp_path.iterdir())
        assert [file.name for file in files] == [*(f"rejected.{n}.jsonl" for n in range(1, 5)), "rejected.jsonl"]
        assert all(file.stat().st_size < 1_500 for file in files)
        assert letters(tmp_path)[-1]["row"] == 199
        assert kept.drop() > 3_000 and list(tmp_path.iterdir()) == []


class TestSilence:
    @staticmethod
    def chatting(here: House, name: str = "access.log", every: float = 10.0) -> Source:
        source = Source(name)
        for _ in range(50):
            source.health.came(1, 10)
            here.machine.go(every)
        return source

    def test_an_hour_of_silence_of_a_source_that_never_was_is_told_once(self, build: Build) -> None:
        here = build()
        source = self.chatting(here)
        here.look(source, after=HOUR - 60)
        assert here.notices == []
        for _ in range(10):
            here.look(source, after=600)
        ((name, _ident, values),) = here.notices
        assert (name, values) == ("silent", {"name": "access.log", "minutes": "69", "gap": "10.0"}), values

    def test_its_log_says_so_once_an_hour(self, build: Build) -> None:
        here = build()
        source = self.chatting(here)
        for _ in range(600):
            here.look(source)
        assert here.said().count("source is silent") == 5

    def test_when_it_falls_silent_again_it_is_told_again(self, build: Build) -> None:
        here = build()
        source = self.chatting(here)
        for _ in range(2):
            here.look(source, after=2 * HOUR)
            source.health.came(1, 10)
            for _ in range(100):
                here.machine.go(10)
                source.health.came(1, 10)
        here.look(source, after=10 * DAY)
        assert here.told() == ["silent"] * 3

    def test_one_that_seldom_says_something_is_not_called_silent(self, build: Build) -> None:
        here = build()
        source = self.chatting(here, every=HOUR)
        here.look(source, after=15 * HOUR)
        assert here.notices == []
        here.look(source, after=6 * HOUR)
        assert here.told() == ["silent"]

    def test_one_that_never_said_anything_is_not_either(self, build: Build) -> None:
        here = build()
        here.look(Source("new.log"), after=90 * DAY)
        assert here.notices == []

    def test_each_of_several_is_told_by_itself(self, build: Build) -> None:
        here = build()
        sources = [self.chatting(here, name) for name in ("a.log", "b.log")]
        here.look(*sources, after=2 * HOUR)
        assert sorted(values["name"] for _name, _ident, values in here.notices) == ["a.log", "b.log"]


class TestLosses:
    def test_what_was_lost_since_the_last_look_is_logged_with_why(self, build: Build) -> None:
        here, source = build(), Source("topic")
        here.look(source)
        source.health.lost = 5
        here.look(source)
        source.health.lost, source.health.lost_how = 12, Text(en="offsets 3 to 9", ja="オフセット3〜9")
        here.look(source)
        here.look(source)
        assert [facts for what, facts in here.logged if what == "records were lost"] == [
            {"level": "warning", "source": "topic", "records": 5},
            {"level": "warning", "source": "topic", "records": 7, "last": "offsets 3 to 9"},
        ]


class TestAge:
    """Closed and dismissed incidents leave; open ones stay."""

    @staticmethod
    def fill(here: House, *states: str, days: float) -> None:
        now = datetime.fromtimestamp(here.machine.clock, UTC) - timedelta(days=days)
        with IncidentStore(here.store) as store:
            store.save([incident(n) for n in range(len(states))], now)
            store.mark_told([f"i-{n:04d}" for n in range(len(states))], now)
            for number, state in enumerate(states):
                if state != "open":
                    store.decide(f"i-{number:04d}", state, who="a", why="b", now=now)

    @staticmethod
    def left(here: House) -> list[str]:
        with IncidentStore(here.store) as store:
            return sorted(one.state for one in store.all())

    @pytest.mark.parametrize(("days", "left"), [(29.0, ["acknowledged", "closed", "dismissed", "open"]), (31.0, ["acknowledged", "open"])])  # fmt: skip
    def test_by_the_days_that_are_set(self, build: Build, days: float, left: list[str]) -> None:
        here = build(keep_days=30)
        self.fill(here, "open", "acknowledged", "closed", "dismissed", days=days)
        here.look()
        assert self.left(here) == left
        assert here.upkeep.removed == 4 - len(left)
        assert ("removed old incidents" in here.said()) is (len(left) == 2)

    def test_a_year_unless_settings_say_otherwise(self, build: Build) -> None:
        for days, count in ((364.0, 1), (366.0, 0)):
            here = build()
            self.fill(here, "closed", days=days)
            here.look()
            assert len(self.left(here)) == count
            shutil.rmtree(here.store)

    def test_it_looks_once_an_hour(self, build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
        here = build()
        self.fill(here, "open", days=1)
        looked: list[Any] = []
        monkeypatch.setattr(IncidentStore, "forget", lambda _self, *given: looked.append(given) or keeping.Removed())
        for _ in range(int(5 * RETAIN_EVERY / LOOK_EVERY)):
            here.look()
        assert len(looked) == 5

    def test_what_a_message_still_has_to_tell_stays(self, build: Build) -> None:
        here = build(keep_days=30)
        self.fill(here, "closed", "closed", days=40)
        waits = Entry(
            id="m-1", channel="phone", kind="incident", topic="t", severity="low", content={"id": "i-0001"},
            not_before=here.outbox.time.now() + YEARS,
        )  # fmt: skip
        here.outbox.add([waits], [], here.outbox.time.now())
        here.look()
        with IncidentStore(here.store) as store:
            assert [one.id for one in store.all()] == ["i-0001"]

    @pytest.mark.parametrize("jump", [YEARS, -YEARS])
    @pytest.mark.parametrize("serve", [{"keep_days": 30.0}, {"keep_mb": 0.001}])
    def test_by_no_clock_that_is_in_doubt(self, build: Build, jump: float, serve: dict[str, float]) -> None:
        here = build(**serve)
        self.fill(here, "closed", days=1)
        here.machine.go(LOOK_EVERY, jump)
        here.upkeep.clock()
        here.look()
        assert self.left(here) == ["closed"]

    def test_a_store_that_cannot_be_read_ends_nothing(self, build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
        here = build()
        self.fill(here, "closed", days=400)

        def refuse(_self: IncidentStore, *_given: Any) -> None:
            raise SourceError(source="store", expected="a store", got="none")

        monkeypatch.setattr(IncidentStore, "forget", refuse)
        here.look()
        assert here.said() == ["cannot remove old incidents"]


class TestClock:
    """From ten minutes on a message says by how much it was set, and the log does from the first minute on."""

    @pytest.mark.parametrize(
        ("jump", "name"),
        [(5.0, None), (TOLD_FROM - 30, None), (TOLD_FROM, "clock"), (-HOUR, "clock"), (23 * HOUR, "clock"),
         (25 * HOUR, "clock_doubtful"), (-YEARS, "clock_doubtful"), (YEARS, "clock_doubtful")],
    )  # fmt: skip
    def test_who_hears_of_it(self, build: Build, jump: float, name: str | None) -> None:
        here = build()
        here.machine.go(1.0, jump)
        here.upkeep.clock()
        assert here.told() == ([name] if name else [])
        assert ("the clock was set" in here.said()) is (abs(jump) > 60)
        for _name, _ident, values in here.notices:
            assert values["minutes"] == f"{jump / 60:+,.0f}" and values["hours"] == "24"

    def test_the_log_says_by_how_many_seconds_and_whether_it_is_doubted(self, build: Build) -> None:
        here = build()
        for jump in (HOUR, 2 * DAY):
            here.machine.go(1.0, jump)
            here.upkeep.clock()
        facts = [facts for _what, facts in here.logged]
        assert [(one["seconds"], one["doubtful"]) for one in facts] == [(3600, False), (172_800, True)]

    def test_one_that_goes_to_and_fro_is_told_once_a_day(self, build: Build) -> None:
        here = build()
        for _ in range(20):
            here.machine.go(60.0, HOUR)
            here.upkeep.clock()
            here.machine.go(60.0, -HOUR)
            here.upkeep.clock()
        assert here.told() == ["clock"]
        assert len(here.logged) == 40

    def test_one_that_is_right_is_never_spoken_of(self, build: Build) -> None:
        here = build()
        for _ in range(1_000):
            here.machine.go(0.5)
            here.upkeep.clock()
        assert (here.notices, here.logged) == ([], [])

    def test_the_next_process_knows(self, build: Build) -> None:
        here = build()
        here.machine.go(1.0, 2 * DAY)
        here.upkeep.clock()
        machine = here.machine
        again = Timeline(machine, lambda: machine.clock, lambda: machine.passed, machine.boot)
        assert again.doubtful and again.look() == 0.0


def test_messages_are_remembered_for_thirty_days(build: Build) -> None:
    here = build()
    entry = Entry(id="m-1", channel="phone", kind="notice", topic="t", severity="high")
    here.outbox.add([entry], [], here.outbox.time.now())
    here.outbox.settle([entry], "sent", here.outbox.time.now())
    here.look(after=29 * DAY)
    assert here.outbox.counts() == {("phone", "sent"): 1}
    here.look(after=2 * DAY)
    assert here.outbox.counts() == {}
