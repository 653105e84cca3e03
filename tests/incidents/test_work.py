"""Twice as much from an attacker is at most a little more than twice the work: calls are counted, nothing is timed."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from kanaria.mining.dialogue import dialogue
from tests.incidents.test_actors import Pile, asked, attacked, judged, mined, probed

MOST = 2.5


def calls(work: Callable[[], object]) -> int:
    """How many functions, Python's own included, the work calls."""
    count = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


QUANTITIES: dict[str, Callable[[int], list[Pile]]] = {
    "lines of one scanner": lambda n: [probed(k, "203.0.113.9") for k in range(n)],
    "scanners": lambda n: [probed(k, f"198.51.{k // 250}.{k % 250}") for k in range(n)],
    "attacks of one stranger": lambda n: [attacked(k, "203.0.113.9") for k in range(n)],
    "attackers": lambda n: [attacked(k, f"198.51.{k // 250}.{k % 250}") for k in range(n)],
    "infected devices": lambda n: [mined(k, f"192.0.{k // 250}.{k % 250}") for k in range(n)],
    "devices that ask one resolver": lambda n: [asked(k, f"192.0.{k // 250}.{k % 250}") for k in range(n)],
}


@pytest.mark.parametrize("name", QUANTITIES)
def test_judging_twice_as_much_is_twice_the_work(name: str) -> None:
    make = QUANTITIES[name]
    judged(make(4))  # what is made once
    few, many = make(60), make(120)
    assert calls(lambda: judged(many)) / calls(lambda: judged(few)) < MOST


@pytest.mark.parametrize(
    "line", [b'{"id":1,"method":"mining.subscribe","params":[]}\n', b'{"a":', b'x {"id":1}\n', b"{}"]
)
def test_reading_a_stream_twice_as_long_is_twice_the_work(line: bytes) -> None:
    def read(times: int) -> int:
        row = {"transport": "tcp", "history": "ShADad", "src_first": line * times, "dst_first": line * times}
        return calls(lambda: dialogue(row, None))

    read(2)
    assert read(400) / read(200) < MOST
