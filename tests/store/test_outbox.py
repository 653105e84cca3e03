"""The outbox: each message once, in its order, over restarts; what is settled, remembered and forgotten."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanaria.core.errors import SourceError
from kanaria.core.types import SEVERITIES
from kanaria.store.outbox import FILE, Entry, Outbox

NOW = 1_795_000_000.0


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    made = Outbox(tmp_path)
    yield made
    made.close()


def entry(ident: str = "m-1", channel: str = "phone", **changed: Any) -> Entry:
    given_ = {"kind": "incident", "topic": "probe", "severity": "medium", "content": {"id": f"i-{ident}"}}
    return Entry(id=ident, channel=channel, **(given_ | changed))


def due(outbox: Outbox, at: float = NOW, channel: str = "phone", least: int = 0) -> list[str]:
    return [one.id for one in outbox.due(channel, at, least)]


class TestWaiting:
    def test_the_same_again_changes_nothing(self, outbox: Outbox) -> None:
        outbox.add([entry(severity="low")], [], NOW)
        outbox.add([entry(severity="high", content={"id": "other"})], [], NOW + 60)
        (one,) = outbox.due("phone", NOW + 60)
        assert (one.severity, one.content, one.created) == ("low", {"id": "i-m-1"}, NOW)

    def test_nor_when_it_was_sent_before(self, outbox: Outbox) -> None:
        outbox.add([entry()], [], NOW)
        outbox.settle([entry()], "sent", NOW)
        outbox.add([entry()], [], NOW + 60)
        assert due(outbox, NOW + 60) == []

    def test_each_channel_has_its_own(self, outbox: Outbox) -> None:
        outbox.add([entry(channel="phone"), entry(channel="mail")], [], NOW)
        outbox.settle([entry(channel="phone")], "sent", NOW)
        assert (due(outbox), due(outbox, channel="mail"), due(outbox, channel="nobody")) == ([], ["m-1"], [])

    def test_the_gravest_come_first_and_of_those_the_oldest(self, outbox: Outbox) -> None:
        for number, severity in enumerate(("low", "critical", "medium", "critical", "informational")):
            outbox.add([entry(f"m-{number}", severity=severity)], [], NOW + number)
        assert due(outbox, NOW + 9) == ["m-1", "m-3", "m-2", "m-0", "m-4"]

    @pytest.mark.parametrize("least", range(len(SEVERITIES)))
    def test_only_those_of_a_rank(self, outbox: Outbox, least: int) -> None:
        outbox.add([entry(f"m-{n}", severity=severity) for n, severity in enumerate(SEVERITIES)], [], NOW)
        assert sorted(due(outbox, least=least)) == [f"m-{n}" for n in range(least, len(SEVERITIES))]

    def test_not_before_their_time(self, outbox: Outbox) -> None:
        outbox.add([entry(not_before=NOW + 60)], [], NOW)
        assert (due(outbox, NOW + 59), due(outbox, NOW + 60)) == ([], ["m-1"])

    def test_what_a_wrong_clock_made_later_than_now_has_waited_long_enough(self, outbox: Outbox) -> None:
        outbox.add([entry(not_before=NOW + 2e8)], [], NOW + 1e8)
        assert due(outbox, NOW) == ["m-1"]

    def test_another_process_finds_them(self, outbox: Outbox, tmp_path: Path) -> None:
        outbox.add([entry()], [], NOW)
        other = Outbox(tmp_path)
        assert due(other) == ["m-1"]
        other.close()

    @pytest.mark.parametrize(
        "text", ["'; DROP TABLE message; --", "\x00", "\u2028", "探索", "a" * 100_000, "\ud800"[:0] + "\\ud800"]
    )
    def test_any_text_is_kept_as_it_is(self, outbox: Outbox, text: str) -> None:
        outbox.add([entry(f"m{text}", topic=text, content={"id": text, "title": {"en": text}})], [], NOW)
        (one,) = outbox.due("phone", NOW)
        assert (one.id, one.topic, one.content["title"]["en"]) == (f"m{text}", text, text)


class TestSettling:
    def test_attempts_are_counted_and_the_reason_is_kept(self, outbox: Outbox) -> None:
        outbox.add([entry()], [], NOW)
        for number in range(1, 4):
            outbox.settle([entry()], "waiting", NOW + number, next_try=NOW + 10, error=f"no {number}")
        assert outbox.due("phone", NOW + 10)[0].attempts == 3
        assert outbox.last_error("phone") == "no 3"

    def test_the_next_attempt_waits(self, outbox: Outbox) -> None:
        outbox.add([entry()], [], NOW)
        outbox.settle([entry()], "waiting", NOW, next_try=NOW + 10)
        assert (due(outbox, NOW + 9), due(outbox, NOW + 10)) == ([], ["m-1"])

    @pytest.mark.parametrize("state", ["sent", "dead", "spared"])
    def test_what_is_over_does_not_come_again(self, outbox: Outbox, state: str) -> None:
        outbox.add([entry()], [], NOW)
        outbox.settle([entry()], state, NOW)
        assert due(outbox, NOW + 1e6) == []
        assert outbox.counts() == {("phone", state): 1}

    def test_a_reason_is_forgotten_when_it_was_sent_after_all(self, outbox: Outbox) -> None:
        outbox.add([entry()], [], NOW)
        outbox.settle([entry()], "waiting", NOW, error="no network")
        outbox.settle([entry()], "sent", NOW + 1)
        assert outbox.last_error("phone") == ""

    def test_the_last_of_several_reasons(self, outbox: Outbox) -> None:
        outbox.add([entry("m-1"), entry("m-2")], [], NOW)
        outbox.settle([entry("m-2")], "dead", NOW + 5, error="later")
        outbox.settle([entry("m-1")], "waiting", NOW + 1, error="earlier")
        assert outbox.last_error("phone") == "later"
        assert outbox.last_error("mail") == ""

    def test_a_group_is_settled_in_one_go(self, outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
        group = [entry(f"m-{n}") for n in range(3)]
        outbox.add(group, [], NOW)
        broken = Entry(id="x", channel="phone", kind="k", topic="t", severity="low")
        object.__setattr__(broken, "id", object())
        with pytest.raises((sqlite3.Error, SourceError)):
            outbox.settle([*group, broken], "sent", NOW)
        assert due(outbox) == ["m-0", "m-1", "m-2"]

    def test_what_was_sent_lately_by_topic_and_time(self, outbox: Outbox) -> None:
        for number in range(4):
            one = entry(f"m-{number}", topic=f"t{number}")
            outbox.add([one], [], NOW)
            outbox.settle([one], "sent" if number else "dead", NOW + number * 100)
        assert outbox.sent_since("phone", NOW + 100, NOW + 250) == [("t1", NOW + 100), ("t2", NOW + 200)]


class TestDigestItems:
    def test_one_that_is_noted_again_is_one_with_its_first_and_last_time(self, outbox: Outbox) -> None:
        for number in range(3):
            outbox.add([], [entry("i-1", content={"n": number})], NOW + number)
        assert outbox.items("phone") == [(NOW, NOW + 2, {"n": 2})]

    def test_a_digest_takes_the_place_of_what_it_tells_and_of_nothing_later(self, outbox: Outbox) -> None:
        for number in range(3):
            outbox.add([], [entry(f"i-{number}")], NOW + number)
        outbox.digested(entry("digest-1", kind="digest"), NOW + 1, NOW + 5)
        assert [content["id"] for _first, _until, content in outbox.items("phone")] == ["i-i-2"]
        assert due(outbox, NOW + 5) == ["digest-1"]
        assert outbox.past("digest:phone", NOW + 5) == NOW + 5

    def test_of_another_channel_it_takes_nothing(self, outbox: Outbox) -> None:
        outbox.add([], [entry("i-1"), entry("i-1", channel="mail")], NOW)
        outbox.digested(entry("digest-1"), NOW, NOW)
        assert (outbox.items("phone"), len(outbox.items("mail"))) == ([], 1)


class TestWhoIsStillToBeTold:
    def test_those_of_waiting_messages_and_of_digests(self, outbox: Outbox) -> None:
        messages = [entry(name, content={"id": name}) for name in ("waits", "sent", "dead")]
        notice = entry("notice", kind="notice", content={"title": "t"})
        outbox.add([*messages, notice], [entry("digest", content={"id": "digest"})], NOW)
        outbox.settle([messages[1]], "sent", NOW)
        outbox.settle([messages[2]], "dead", NOW)
        assert outbox.incidents() == {"waits", "digest"}


class TestForgetting:
    def test_only_what_is_settled_and_old(self, outbox: Outbox) -> None:
        entries = [entry(f"m-{n}") for n in range(4)]
        outbox.add(entries, [], NOW)
        outbox.settle([entries[0]], "sent", NOW + 1)
        outbox.settle([entries[1]], "dead", NOW + 1)
        outbox.settle([entries[2]], "sent", NOW + 100)
        assert outbox.forget(NOW + 50) == 2
        assert outbox.counts() == {("phone", "sent"): 1, ("phone", "waiting"): 1}
        assert outbox.forget(NOW + 50) == 0

    def test_facts_of_a_prefix_that_are_over(self, outbox: Outbox) -> None:
        for name, value in (("used:a", NOW), ("used:b", NOW + 100), ("other:a", NOW), ("use", NOW)):
            outbox.remember(name, repr(value))
        outbox.forget_facts("used:", NOW + 50)
        assert [outbox.fact(name) is not None for name in ("used:a", "used:b", "other:a", "use")] == [
            False,
            True,
            True,
            True,
        ]


class TestFacts:
    def test_the_last_one_counts_unless_it_is_to_be_kept_once(self, outbox: Outbox) -> None:
        outbox.remember("name", "1")
        outbox.remember("name", "2")
        assert outbox.fact("name") == "2"
        assert [outbox.remember_once("once", value) for value in ("1", "2")] == [True, False]
        assert outbox.fact("once") == "1" and outbox.fact("never") is None

    def test_a_time_that_lies_ahead_becomes_now(self, outbox: Outbox) -> None:
        """Kept by a clock that was wrong."""
        outbox.remember("at", repr(NOW + 1e8))
        assert outbox.past("at", NOW) == NOW
        assert outbox.past("at", NOW + 60) == NOW
        assert outbox.past("never", NOW) is None

    def test_of_many_threads_one_keeps_it_first(self, outbox: Outbox) -> None:
        won: list[bool] = []
        threads = [threading.Thread(target=lambda: won.append(outbox.remember_once("nonce", "1"))) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert won.count(True) == 1


class TestTrouble:
    @pytest.mark.parametrize("text", [b"", b"no database at all" * 500])
    def test_a_file_that_is_none_is_named(self, tmp_path: Path, text: bytes) -> None:
        (tmp_path / FILE).write_bytes(text)
        with pytest.raises(SourceError, match=FILE):
            Outbox(tmp_path)
        assert (tmp_path / FILE).read_bytes() == text, "left as it was"

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("x")
        with pytest.raises(SourceError, match="expected a folder to keep messages in; got"):
            Outbox(tmp_path / "file" / "store")

    def test_only_its_owner_reads_it(self, tmp_path: Path) -> None:
        """Messages say who is attacked, and the key of the links lies in it."""
        Outbox(tmp_path / "new").close()
        assert (tmp_path / "new" / FILE).stat().st_mode & 0o077 == 0


STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "sent", "waiting", "dead", "restart"]), st.integers(0, 5)), max_size=25
)  # fmt: skip


@given(STEPS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_a_message_is_in_one_state_and_comes_until_it_is_settled(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("outbox")
    outbox, states = Outbox(folder), dict[str, str]()
    for number, (what, which) in enumerate(steps):
        ident, at = f"m-{which}", NOW + number
        if what == "restart":
            outbox.close()
            outbox = Outbox(folder)
        elif what == "add":
            outbox.add([entry(ident)], [], at)
            states.setdefault(ident, "waiting")
        elif ident in states and states[ident] == "waiting":
            outbox.settle([entry(ident)], what, at)
            states[ident] = what
        waiting = sorted(name for name, state in states.items() if state == "waiting")
        assert sorted(due(outbox, at)) == waiting
        assert sum(outbox.counts().values()) == len(states)
    outbox.close()
