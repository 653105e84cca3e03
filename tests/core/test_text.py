"""Hostile text: what a terminal or a page could act on never comes through."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanaria.core.text import cut, defang, printable, width
from kanaria.knowledge.indicators_text import refang


@given(st.one_of(st.text(), st.binary()))
def test_nothing_that_acts_comes_through(value: str | bytes) -> None:
    shown = printable(value)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


INVISIBLE = "\u034f\u115f\u1160\u17b4\u180b\u180f\u2800\u3164\ufe0f\uffa0\U000e0100"


@given(st.text(st.characters(categories=("L", "N", "P", "S"), exclude_characters=INVISIBLE)))
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert printable(text) == text


@given(st.text(), st.sampled_from(INVISIBLE), st.text())
def test_letters_that_show_nothing_are_shown_as_escapes(before: str, letter: str, after: str) -> None:
    shown = printable(before + letter + after)
    assert letter not in shown
    assert f"{ord(letter):04x}" in shown


@given(st.text(), st.integers(1, 30))
def test_cut_text_fits(text: str, columns: int) -> None:
    assert width(cut(printable(text), columns)) <= columns


def test_escapes_are_readable() -> None:
    assert printable(b"\x1b[31mred\x07\xff") == "\\x1b[31mred\\x07\\xff"
    assert printable("a\u202eb\n") == "a\\u202eb\\x0a"


def test_japanese_takes_two_columns_each() -> None:
    assert (width("カナリアxyz"), cut("カナリアの歌", 7)) == (11, "カナリ…")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("203.0.113.5", "203.0.113[.]5"),
        ("203.0.113.5:3333", "203.0.113[.]5:3333"),
        ("pool.example.org", "pool[.]example[.]org"),
        ("evil.com.example.org:443", "evil[.]com[.]example[.]org:443"),
        ("2001:db8::5", "2001[:]db8::5"),
        ("2001:db8:1:2:3:4:5:6", "2001[:]db8:1:2:3:4:5:6"),
        ("[2001:db8::5]:443", "[2001[:]db8::5]:443"),
        ("::ffff:203.0.113.5", "[:]:ffff:203[.]0[.]113[.]5"),
        ("http://203.0.113.5/x.sh", "hxxp://203.0.113[.]5/x.sh"),
        (
            "HTTPS://user@a.example.org:8443/a.b?u=http://c.example",
            "HxxPS://user@a[.]example[.]org:8443/a.b?u=hxxp://c.example",
        ),
        ("http://[2001:db8::5]:80/x.sh", "hxxp://[2001[:]db8::5]:80/x.sh"),
        ("stratum+tcp://pool.example:3333", "stratum+tcp://pool[.]example:3333"),
        ("localhost", "localhost"),
    ],
)
def test_defanged_values_do_not_open(value: str, shown: str) -> None:
    assert defang(value) == shown


_LABEL = st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True)
_NAMES = st.lists(_LABEL, min_size=1, max_size=4).map(lambda labels: ".".join([*labels, "example"]))
_ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)


@given(_NAMES | _ADDRESSES, st.sampled_from(["", "http://", "https://", "ftp://"]), st.sampled_from(["", ":3333"]))
def test_what_was_defanged_is_understood_again_and_holds_no_live_host(host: str, scheme: str, port: str) -> None:
    written = f"[{host}]" if ":" in host and (scheme or port) else host
    value = f"{scheme}{written}{port}{'/x.y' if scheme else ''}"
    made = defang(value)
    assert refang(made) == value
    assert host not in made and not made.startswith(("http", "ftp"))


@given(st.text(max_size=60))
def test_defanging_takes_any_text(text: str) -> None:
    made = defang(text)
    assert not re.search(r"\b(?:https?|ftp):/", made, re.IGNORECASE)
