"""The compiled readers of delimited and JSON lines give the rows of the careful ones, for any bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kanaria.formats import cells, json_general, json_lines
from kanaria.formats import columns as cols
from kanaria.formats.spans import Part, Spans, woven

NAMES = ["ts", "host", "port", "flag", "", "note", "note"]
TYPES = {"ts": pa.float64(), "host": pa.string(), "port": pa.int64(), "flag": pa.bool_(), "note": pa.string()}
FIELDS = pa.schema([
    ("_path", pa.string()), ("ts", pa.float64()), ("port", pa.int64()), ("ok", pa.bool_()),
    ("answers", pa.list_(pa.string())), ("TTLs", pa.list_(pa.float64())),
    ("flow", pa.struct([("start", pa.string()), ("age", pa.int64()), ("tcp", pa.struct([("flags", pa.string())]))])),
])  # fmt: skip


@pytest.fixture(autouse=True)
def _compiled_from_the_first_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "worth", lambda _size: True)


Seen = tuple[pa.Schema, str, list[int], list[bytes | None], object]


def seen(part: Part) -> Seen:
    """Rows, lines and rejects of a part; NaN never occurs, and -0.0 is told from 0.0."""
    part.table.validate(full=True)
    return part.table.schema, repr(part.table.to_pylist()), part.lines.tolist(), part.raw.to_pylist(), part.rejects


def both_delimited(data: bytes) -> tuple[Seen, Seen]:
    lines = Spans.of(data, 5)
    options = cols._DelimitedOptions(tuple(NAMES), "\t", ("-", "nil", "8"), False)
    fast = cols.read_delimited(lines, NAMES, TYPES, nulls=("-", "nil", "8"))
    return seen(fast), seen(cols._read_delimited_carefully(lines, options, TYPES))


def both_json(data: bytes) -> tuple[Seen, Seen]:
    lines = Spans.of(data, 5)
    return seen(json_lines.read_json_lines(lines, FIELDS)), seen(json_general.read_carefully(lines, FIELDS))


NUMBERS = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(-(10**9), 10**9, places=6).map(str),
    st.from_regex(r"-?[0-9]{1,20}(\.[0-9]{0,45})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.from_regex(r"[0-9:/]{7,9}|[0-9]{6,10}\.[0-9]{5,9}|[0-9]{15,18}", fullmatch=True),  # around what is read at once
)
CELLS = st.one_of(
    st.sampled_from(
        ["-", "nil", "", "T", "F", "t", "true", "0", "-0", "007", "+5", " 8", "\\x41", "(empty)", "é", "#"]
    ),
    NUMBERS,
    st.text(st.characters(exclude_characters="\t\n", exclude_categories=["Cs"]), max_size=6),
)
ROWS = st.lists(CELLS, min_size=len(NAMES) - 1, max_size=len(NAMES) + 1).map("\t".join)
USUAL = st.tuples(
    st.floats(0, 4e9).map(lambda second: f"{second:.6f}"), st.sampled_from(["192.0.2.7", "-"]), st.integers(0, 65535),
    st.sampled_from("TF-"), st.just("x"), st.text("ab ", max_size=3), st.just("y"),
).map(lambda row: "\t".join(map(str, row)))  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(st.lists(st.one_of(USUAL, ROWS, st.sampled_from(["", "\t" * 6, " ", "#x\t\t\t\t\t\t"])), min_size=1, max_size=8))
def test_delimited_rows_are_those_of_the_careful_reader(rows: list[str]) -> None:
    fast, slow = both_delimited("\n".join(["1.5\ta\t1\tT\tx\tn\tm", *rows, ""]).encode())
    assert fast == slow


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=80), st.integers(0, 60))
def test_delimited_rows_whatever_the_bytes(noise: bytes, at: int) -> None:
    good = b"1700000000.123456\t192.0.2.7\t443\tT\tx\tn\tm\n" * 2
    data = good[:at] + noise + good[at:]
    fast, slow = both_delimited(b"1.5\ta\t1\tT\tx\tn\tm\n" + data)
    assert fast == slow


VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=5), st.sampled_from(["1", "1.5", "é\u2028", "\U0001f600", "a\\b\"/\n\t", "\x7f"]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "tcp", "flow"]), inner, max_size=2),
    max_leaves=6,
)  # fmt: skip
OBJECTS = st.fixed_dictionaries({}, optional={
    "_path": VALUES | st.text(max_size=4), "ts": VALUES | st.floats(0, 4e9), "port": VALUES | st.integers(0, 65535),
    "ok": VALUES | st.booleans(), "answers": VALUES | st.lists(st.text(max_size=3), max_size=3),
    "TTLs": VALUES | st.lists(st.floats(0, 9), max_size=2), "extra": VALUES, "start": VALUES,
    "flow": VALUES | st.fixed_dictionaries({}, optional={
        "start": VALUES | st.text(max_size=4), "age": VALUES | st.integers(0, 99), "other": VALUES,
        "tcp": VALUES | st.fixed_dictionaries({}, optional={"flags": VALUES | st.text(max_size=2)}),
    }),
})  # fmt: skip
WRITERS: tuple[Callable[[object], str], ...] = (
    json.dumps,
    lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace").decode(),
    lambda value: json.dumps(value, separators=(" ,\t", " : ")),
    lambda value: json.dumps(value).replace("/", "\\/"),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(OBJECTS, st.sampled_from(WRITERS)), min_size=1, max_size=5))
def test_json_rows_are_those_of_the_careful_reader(objects: list[tuple[object, Callable[[object], str]]]) -> None:
    fast, slow = both_json("".join(write(value) + "\n" for value, write in objects).encode())
    assert fast == slow


GOOD = json.dumps({
    "_path": "conn", "ts": 1700000000.123456, "id": {"a": [1, {"b": None}]}, "port": 443, "ok": True, "TTLs": [1.5, 2],
    "answers": ["a\\b", "\u00e9"], "flow": {"start": "x\ty", "age": 3, "tcp": {"flags": "1b"}},
})  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=6), st.integers(0, len(GOOD)), st.integers(0, 12))
@example(b'"ok":null,', 1, 0)
@example(b'"flow":{"age":4},', 1, 0)
@example(b'"flow":null,', 1, 0)
@example(b'"ts":-0,', 1, 0)
@example(b"\n", 40, 0)
@example(b"\\u0000", 10, 0)
@example(b"\\ud83d\\ude00", 10, 0)
@example(b"\\ud83d", 10, 0)
@example(b"\xff", 10, 0)
def test_json_rows_whatever_the_bytes(noise: bytes, at: int, gone: int) -> None:
    broken = GOOD.encode()[:at] + noise + GOOD.encode()[at + gone :]
    fast, slow = both_json(GOOD.encode() + b"\n" + broken + b"\n" + GOOD.encode() + b"\n")
    assert fast == slow


@pytest.mark.parametrize(
    "line",
    [
        "{}", " {}", "{} ", "{},", "[]", "null", "{", "}", '{"a"}', '{"a":}', '{"a":1,}', '{,"a":1}', '{"a":1 "b":2}',
        '{"a":01}', '{"a":1.}', '{"a":.5}', '{"a":-}', '{"a":1e}', '{"a":1e+}', '{"a":NaN}', '{"a":Infinity}',
        '{"a":tru}', '{"a":[1,]}', '{"a":[,1]}', '{"a":{"b":1,}}', '{"a":[}', '{"a":{]}', '{"a":"\\x"}',
        '{"a":"\\u12g4"}', '{"a":"\t"}', '{"ts":1e400}', '{"ts":1e18}', '{"ts":99999999999999999999}', '{"port":1.0}',
        '{"port":"7"}', '{"_path":1.50}', '{"_path":-0}', '{"_path":true}', '{"answers":"one"}', '{"answers":[1,[2]]}',
        '{"flow":[]}', '{"flow":{}}', '{"flow":{"tcp":{}}}', '{"flow":{"tcp":null}}', '{"\\u0074s":1}', '{"ts":1}{"ts":2}',
        '{"a":' + "[" * 70 + "]" * 70 + "}",
    ],
)  # fmt: skip
def test_json_grammar_is_that_of_the_careful_reader(line: str) -> None:
    fast, slow = both_json(f"{GOOD}\n{line}\n{GOOD}\n".encode())
    assert fast == slow


@settings(deadline=None, max_examples=200)
@given(NUMBERS)
def test_reals_are_rounded_as_python_rounds_them(text: str) -> None:
    fast = cols.read_delimited(Spans.of(f"{text}\n".encode(), 1), ["ts"], {"ts": pa.float64()}).table["ts"][0].as_py()
    if fast is not None:
        assert math.copysign(1, fast) == math.copysign(1, float(text))
        assert fast == float(text)


def test_most_lines_of_usual_logs_are_sure() -> None:
    rows = b"1700000000.123456\t192.0.2.7\t443\tT\tx\tn\tm\n" * 10
    _part, odd = cells.delimited(Spans.of(rows, 1), NAMES, "\t", ("-",), TYPES)
    assert len(odd) == 0
    part, odd = cells.json_objects(Spans.of((GOOD + "\n").encode() * 10, 1), FIELDS)
    assert len(odd) == 0
    assert part.table["answers"].to_pylist() == [["a\\b", "é"]] * 10


def lines_of(numbers: list[int]) -> Part:
    spans = Spans.of(b"abc\n" * 10, 0).take(np.array(numbers, np.int64))
    return Part(pa.table({"n": pa.array(numbers, pa.int64())}), spans, [])


@settings(deadline=None, max_examples=30)
@given(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)))
def test_woven_parts_are_in_the_order_of_their_lines(one: set[int], other: set[int]) -> None:
    other -= one
    whole = woven(lines_of(sorted(one)), lines_of(sorted(other)))
    assert whole.table["n"].to_pylist() == sorted(one | other) == whole.lines.tolist()
    assert len(whole.raw) == len(one | other)


def test_spans_give_lines_rows_and_columns_alike() -> None:
    data = b"one\n\ntwo three\n"

    def ways(spans: Spans) -> Iterator[list[bytes]]:
        yield spans.rows()
        yield spans.binary().to_pylist()
        yield spans.joined().split(b"\n")[:-1]
        yield [spans.line(index) for index in range(len(spans))]

    for chosen, wanted in ((slice(None), [b"one", b"", b"two three"]), (slice(1, None), [b"", b"two three"]), ([], [])):
        taken = Spans.of(data, 1).take(np.array(chosen, np.int64) if isinstance(chosen, list) else chosen)
        assert list(ways(taken)) == [wanted] * 4
