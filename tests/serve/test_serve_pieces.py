"""However lines come to a service, all at once or one after another, with restarts between: what it keeps is the same.

There are more than a hundred incidents of a kind, which become one. What depends on when a record was judged, as how
surprising it was, is not compared (``benchmarks.serve_kills.kept_and_told.however_it_came``).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from benchmarks.kill_table import differing, kept
from benchmarks.serve_kills.kept_and_told import however_it_came
from benchmarks.serve_kills.logs import dns_line, web_line, zeek_line
from kanaria.app.config import Config
from kanaria.app.live.judging import Arrived, Judging
from kanaria.sources.chunks import Chunk

EVERY, LINES = 6, 780
"""130 senders of probes and 130 devices that ask for a pool."""
LOGS: dict[str, tuple[Callable[[int, int], str], str]] = {
    "access.log": (web_line, "combined"), "conn.log": (zeek_line, "zeek-json"), "dnsmasq.log": (dns_line, "dnsmasq"),
}  # fmt: skip
Json = dict[str, Any]


def begun(store: Path) -> Judging:
    return Judging(
        Config(), store, on_the_wire=True, on_reject=lambda record: pytest.fail(f"{record}"), on_alert=lambda *_: None
    )


def arrived(first: int, until: int) -> list[Arrived]:
    """These lines of all logs."""
    return [
        Arrived(
            source=name,
            format=kind,
            chunk=Chunk(
                name=name, place=name, data="".join(line(number, EVERY) for number in range(first, until)).encode(),
                identity=name, first_line=first + 1, lines=until - first, position={"lines": until},
            ),
        )
        for name, (line, kind) in LOGS.items()
    ]  # fmt: skip


def kept_of(pieces: Sequence[int], restarts: Iterable[int] = ()) -> Json:
    """What is kept when lines come in pieces that end at these numbers, the service being begun anew after some."""
    with tempfile.TemporaryDirectory() as made:
        store, first, again = Path(made) / "store", 0, set(restarts)
        lives = [list(pieces)]
        for number in sorted(again & set(pieces[:-1])):
            at = lives[-1].index(number) + 1
            lives[-1:] = [lives[-1][:at], lives[-1][at:]]
        for life in lives:
            with begun(store) as judging:
                for until in life:
                    judging.dispatched(judging.take_in(arrived(first, until)))
                    judging.dispatched(judging.step())
                    first = until
                judging.dispatched(judging.checkpoint())
        return however_it_came(kept(Path(made)))


@cache
def whole() -> Json:
    """What is kept when all lines come at once."""
    found = kept_of([LINES])
    assert len(found["incident"]) < 5  # they became one
    assert len(found["finding"]) >= 2 * LINES // EVERY
    return found


PIECES = st.lists(st.integers(1, LINES - 1), min_size=1, max_size=9, unique=True).map(sorted)
AS_GIVEN = settings(max_examples=2, deadline=None, phases=[Phase.explicit, Phase.generate])
"""A run takes seconds: hours of looking for a smaller example are not worth it."""


@pytest.mark.slow
@AS_GIVEN
@given(pieces=PIECES)
def test_what_is_kept_does_not_depend_on_how_lines_came(pieces: list[int]) -> None:
    assert differing(whole(), kept_of([*pieces, LINES])) == []


@pytest.mark.slow
@AS_GIVEN
@given(pieces=PIECES, after=st.integers(0, 8))
@example(pieces=[41, 59, 178], after=1)
def test_nor_on_whether_the_service_was_begun_anew(pieces: list[int], after: int) -> None:
    assert differing(whole(), kept_of([*pieces, LINES], pieces[after:][:1])) == []


STARTED = "Jan 10 09:00:00 ns dnsmasq[5]: started, version 2.90 cachesize 150\n"
ASKED = "Jan 10 09:00:0{} ns dnsmasq[5]: query[A] www.example.org from 192.0.2.7\n"


def piece(name: str, number: int, *lines: str) -> Arrived:
    chunk = Chunk(
        name=name, place=name, data="".join(lines).encode(), identity=name, first_line=number, lines=len(lines),
        position={"lines": number},
    )  # fmt: skip
    return Arrived(source="logs", format=None, chunk=chunk)


def test_a_format_that_shows_itself_later_is_no_unknown_one(tmp_path: Path) -> None:
    """A resolver begins with words about itself: whoever starts the service first is not told for ever to name it."""
    with begun(tmp_path / "store") as judging:
        judging.take_in([piece("pihole.log", 1, STARTED), piece("odd.log", 1, "nothing\n", "known\n")])
        judging.step()
        assert judging.unknown == {"odd.log": 2, "pihole.log": 1}
        judging.take_in([piece("pihole.log", 2, *(ASKED.format(second) for second in range(5)))])
        judging.step()
        assert judging.unknown == {"odd.log": 2}
        assert judging.unread == 3
