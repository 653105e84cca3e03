"""The fast path of W3C logs gives the rows of the careful path, whatever the lines and the fields they declare."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kanaria.formats.lines import Block
from kanaria.formats.web import fastw3c
from kanaria.formats.web.careful import LineParser
from kanaria.formats.web.fastw3c import FastW3c
from kanaria.formats.web.reader import Parsed, parse_block

IIS = (
    "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer)"
    " sc-status sc-substatus sc-win32-status time-taken"
)
LONG = (
    "#Fields: date time s-sitename cs-method cs-uri-stem cs-uri-query cs-version c-ip c-port cs-host sc-status sc-bytes"
    " cs-bytes time-taken X-Forwarded-For"
)
DATELESS = "#Fields: time c-ip cs-method cs-uri sc-status"
USUAL = "2026-01-02 03:04:05 192.0.2.1 GET /a/b q=1&r=%20 443 EXAMPLE\\user 203.0.113.7 Mozilla/5.0+(X11) - 200 0 0 12"
WIDE = (
    "2026-01-02 03:04:06 W3SVC1 POST /x - HTTP/1.1 203.0.113.7 50000 www.example.org:443 404 1245 300 15"
    " 198.51.100.4,+192.168.0.9"
)


def rows(parsed: Parsed) -> tuple[object, ...]:
    table = pa.table(parsed.columns)
    table.validate(full=True)
    return sorted(table.column_names), table.select(sorted(table.column_names)).to_pylist(), parsed.rows.tolist(), \
        parsed.rejects.kept, parsed.rejects.count  # fmt: skip


def both(data: bytes) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """What both paths make of the same lines, and that they leave the same declared fields behind."""
    block = Block(np.frombuffer(data, np.uint8), 0)
    fast, careful = LineParser(year=2026), LineParser(year=2026)
    found, expected = rows(FastW3c().parse(block, fast)), rows(parse_block(block, careful))
    return (*found, fast.w3c.fields, fast.w3c.date), (*expected, careful.w3c.fields, careful.w3c.date)


TOKENS = st.one_of(
    st.sampled_from([
        "-", "", "GET", "POST", "LOCK", "get", "/", "/a?b", "x=1", "200", "0", "007", "-5", "1.5", "99999999999",
        "999999999999999999999", "192.0.2.7", "192.168.0.9,+203.0.113.4", "[2001:db8::1]:80", "host.example:8080",
        "HTTP/1.1", "HTTP/1.10", "2026-02-30", "2026-01-02", "24:00:00", "03:04:05", "a+b", "\\x", "é", '"q"', "\t", "|",
    ]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=5),
)  # fmt: skip


@st.composite
def changed(draw: st.DrawFn) -> str:
    """A usual line with a few other tokens."""
    tokens = draw(st.sampled_from([USUAL, WIDE])).split(" ")
    for place in draw(st.lists(st.integers(0, len(tokens) - 1), max_size=3)):
        tokens[place] = draw(TOKENS)
    return " ".join(tokens) + draw(st.sampled_from(["", "", " ", "\r"]))


OTHERS = st.sampled_from([
    "", "#", "#Software: IIS", "#Date: 2026-01-03 00:00:00", DATELESS, "#Fields: date time c-ip cs-method cs-uri",
    "#Fields: date time cs-method cs-uri-stem cs-uri c-ip", "#Fields:", " #Fields: date", "03:04:05 192.0.2.9 GET /z 200",
    '192.0.2.4 - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 1', "nonsense",
    "Jan  2 03:04:05 host iis: " + IIS, "web | " + USUAL,
])  # fmt: skip
LINES = st.one_of(st.sampled_from([USUAL, WIDE, IIS, LONG]), changed(), OTHERS)


@settings(deadline=None, max_examples=250)
@given(st.lists(LINES, min_size=1, max_size=12), st.booleans())
@example([USUAL.replace("12", "-"), USUAL], True)
@example(["Jan  2 03:04:05 host iis: " + LONG, WIDE, USUAL], True)
def test_rows_are_those_of_the_careful_path(lines: list[str], ended: bool) -> None:
    data = "\n".join([IIS, *lines]).encode() + b"\n" * ended
    found, expected = both(data)
    assert found == expected


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=5), st.integers(0, 400), st.integers(0, 9))
def test_rows_whatever_the_bytes(noise: bytes, at: int, gone: int) -> None:
    data = f"{IIS}\r\n{USUAL}\r\n{USUAL}\r\n{LONG}\r\n{WIDE}\r\n".encode()
    found, expected = both(data[:at] + noise + data[at + gone :])
    assert found == expected


def test_many_declarations_are_read_carefully_in_the_end() -> None:
    lines = [line for _ in range(fastw3c._CHANGES) for line in (IIS, USUAL, LONG, WIDE)]
    found, expected = both("\n".join(lines).encode())
    assert found == expected


@pytest.mark.compiles
@pytest.mark.parametrize(("fields", "line"), [(IIS, USUAL), (LONG, WIDE)])
def test_usual_lines_are_sure(fields: str, line: str) -> None:
    careful = LineParser()
    careful.parse(fields.encode())
    layout = fastw3c._layout(careful.w3c)
    assert layout is not None
    block = Block(np.frombuffer(f"{line}\n".encode() * 3, np.uint8), 0)
    _columns, sure = fastw3c._read(block, 0, layout)
    assert sure.all()
