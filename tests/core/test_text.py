"""Hostile text: what a terminal or a page could act on never comes through."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from kanaria.core.text import cut, defang, printable, width


@given(st.one_of(st.text(), st.binary()))
def test_nothing_that_acts_comes_through(value: str | bytes) -> None:
    shown = printable(value)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


@given(st.text(st.characters(categories=("L", "N", "P", "S"))))
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert printable(text) == text


@given(st.text(), st.integers(1, 30))
def test_cut_text_fits(text: str, columns: int) -> None:
    assert width(cut(printable(text), columns)) <= columns


def test_escapes_are_readable() -> None:
    assert printable(b"\x1b[31mred\x07\xff") == "\\x1b[31mred\\x07\\xff"
    assert printable("a\u202eb\n") == "a\\u202eb\\x0a"


def test_japanese_takes_two_columns_each() -> None:
    assert (width("カナリアxyz"), cut("カナリアの歌", 7)) == (11, "カナリ…")


def test_defanged_values_do_not_open() -> None:
    assert defang("203.0.113.5") == "203.0.113[.]5"
    assert defang("pool.example.org") == "pool.example[.]org"
    assert defang("http://198.51.100.7/x.sh").startswith("hxxp://")
