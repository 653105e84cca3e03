"""The fast path of nested JSON logs gives the rows of the careful one, whatever the lines."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kanaria.core.stream import ReadContext
from kanaria.formats.lines import Block
from kanaria.formats.web import tables, treecolumns, values
from kanaria.formats.web.careful import LineParser
from kanaria.formats.web.reader import Parsed, parse_block
from kanaria.formats.web.treejson import Tree, choose

CADDY: dict[str, Any] = {
    "level": "info", "ts": 1767323045.1234567, "logger": "http.log.access.log0", "msg": "handled request",
    "request": {
        "remote_ip": "192.0.2.7", "remote_port": "50123", "client_ip": "203.0.113.9", "proto": "HTTP/2.0",
        "method": "GET", "host": "example.org:8443", "uri": "/shop?page=2",
        "headers": {"User-Agent": ["Mozilla/5.0"], "Referer": ["https://example.org/"], "Accept": ["*/*"],
                    "X-Forwarded-For": ["203.0.113.80, 10.0.0.1"]},
        "tls": {"resumed": False, "version": 772, "proto": "h2"},
    },
    "bytes_read": 0, "user_id": "", "duration": 0.012345678, "size": 5120, "status": 200,
    "resp_headers": {"Server": ["Caddy"]},
}  # fmt: skip
TRAEFIK: dict[str, Any] = {
    "ClientAddr": "203.0.113.9:50123", "ClientHost": "203.0.113.9", "ClientPort": "50123", "ClientUsername": "-",
    "DownstreamContentSize": 19, "DownstreamStatus": 404, "Duration": 1234567, "OriginStatus": 404,
    "RequestContentSize": 0, "RequestHost": "example.org", "RequestMethod": "GET", "RequestPath": "/x",
    "RequestPort": "-", "RequestProtocol": "HTTP/1.1", "StartLocal": "2026-01-02T03:04:05.1+09:00",
    "StartUTC": "2026-01-02T03:04:05.123456789Z", "level": "info", "msg": "", "request_User-Agent": "curl/8.5.0",
    "time": "2026-01-02T03:04:05Z",
}  # fmt: skip
KINDS = {"caddy": CADDY, "traefik": TRAEFIK}


def tree_of(record: dict[str, Any]) -> Tree:
    found = choose((json.dumps(record) + "\n").encode() * 3, {})
    assert found is not None
    return found


TREES = {name: tree_of(record) for name, record in KINDS.items()}


def rows(parsed: Parsed) -> list[dict[str, object]]:
    table = tables.finish(parsed.columns, parsed.rows, "log", ReadContext(), "web")
    table.validate(full=True)
    return table.to_pylist()  # type: ignore[no-any-return]


Seen = tuple[list[dict[str, object]], list[tuple[int, str, bytes]], int]


def both(tree: Tree, data: bytes) -> tuple[Seen, Seen]:
    """Rows and rejects of the fast path, and of the careful one."""
    block = Block(np.frombuffer(data, np.uint8), 0)
    fast, slow = tree.parse(block, LineParser()), parse_block(block, LineParser())
    return (rows(fast), fast.rejects.kept, fast.rejects.count), (rows(slow), slow.rejects.kept, slow.rejects.count)


def leaves(record: dict[str, Any], above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for key, value in record.items():
        found += [(*above, key)] + (leaves(value, (*above, key)) if isinstance(value, dict) else [])
    return found


PATHS = {name: leaves(record) for name, record in KINDS.items()}
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 2**40), st.floats(0, 2e9), st.floats(allow_nan=False, allow_infinity=False),
    st.floats(0, 2).map(lambda value: round(value, 7)), st.integers(0, 10**10).map(lambda value: value / 1e9),
    st.sampled_from([
        "", "-", "unknown", "10.0.0.1", "203.0.113.5:80", "[2001:db8::1]:443", "a, 203.0.113.4", "GET", "get", "HTTP/1.0",
        "HTTP/3", "/é", "/a b", "/\\x", "/\"", "12", "1.5", "0.5s", "1767323045", "2026-01-02T03:04:05Z", "17/May/2015:10:05:03 +0000",
        1767323045, 9999999999.9999999, 1767323045123, [], ["a"], ["a", "b"], [[]], {}, {"a": 1}, {"id": 1}, "\ud800", "\x7f",
    ]),
    st.text(max_size=6), st.lists(st.text(max_size=3), max_size=2),
)  # fmt: skip
CHANGES = st.lists(st.tuples(st.integers(0, 60), VALUES, st.sampled_from(["set", "set", "drop", "add"])), max_size=3)


def changed(name: str, changes: list[tuple[int, object, str]]) -> dict[str, Any]:
    record = copy.deepcopy(KINDS[name])
    for which, value, how in changes:
        *above, key = PATHS[name][which % len(PATHS[name])]
        inside: Any = record
        for step in above:
            inside = inside.get(step) if isinstance(inside, dict) else None
        if isinstance(inside, dict):
            if how == "drop":
                inside.pop(key, None)
            else:
                inside[key if how == "set" else ("x", "id", "uid", "request_line", "size")[which % 5]] = value
    return record


@settings(deadline=None, max_examples=250)
@given(st.sampled_from(sorted(KINDS)), st.lists(st.tuples(CHANGES, st.booleans()), min_size=1, max_size=4))
def test_rows_are_those_of_the_careful_path(name: str, records: list[tuple[Any, bool]]) -> None:
    lines = [json.dumps(changed(name, changes), ensure_ascii=ascii_only) for changes, ascii_only in records]
    fast, slow = both(TREES[name], "".join(line + "\n" for line in lines).encode("utf-8", "surrogatepass"))
    assert fast == slow


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(sorted(KINDS)), st.binary(max_size=5), st.integers(0, 700), st.integers(0, 9), st.booleans())
@example("caddy", b"\xff", 300, 0, True)
@example("traefik", b"\r\n", 10_000, 0, False)
def test_rows_whatever_the_bytes(name: str, noise: bytes, at: int, gone: int, ended: bool) -> None:
    good = json.dumps(KINDS[name], separators=(",", ":")).encode()
    fast, slow = both(TREES[name], good + b"\r\n" + good[:at] + noise + good[at + gone :] + (b"\n" if ended else b""))
    assert fast == slow


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.floats(0, 1e7) | st.integers(0, 10**7).map(lambda value: value / 1e6 - 5e-10), min_size=1, max_size=20)
)
def test_durations_and_times_are_cut_and_rounded_alike(numbers: list[float]) -> None:
    records = [{**CADDY, "duration": abs(number), "ts": 1.7e9 + number} for number in numbers]
    fast, slow = both(TREES["caddy"], "".join(json.dumps(record) + "\n" for record in records).encode())
    assert fast == slow


WRITTEN = st.one_of(
    st.from_regex(
        r"(2026|1970|0000|9999)-(01|02|13)-(00|02|29|31)[T ](00|23|24):00:(05|59|60)(\.[0-9]{0,10})?(Z|[+-]09:?30|)",
        fullmatch=True,
    ),
    st.from_regex(r"[0-9]{8,11}", fullmatch=True),
    st.sampled_from(["17/May/2015:10:05:03 +0000", "2026/01/02 03:04:05", "\u0663", "٣", "+5", ""]),
    st.none(),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(WRITTEN, min_size=1, max_size=6))
@example(["2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.1Z", "2026-01-02T03:04:05,1Z", None])
def test_times_and_small_numbers_of_a_column_are_those_of_single_texts(texts: list[str | None]) -> None:
    column = pa.array([None, *texts], pa.string()).slice(1)
    times, small = treecolumns._times(column), treecolumns.small(column)
    assert times.to_pylist() == [None if text is None else values.any_time(text) for text in texts]
    assert small.to_pylist() == [None if text is None else values.small_integer(text) for text in texts]


@pytest.mark.compiles
@pytest.mark.parametrize("name", sorted(KINDS))
def test_usual_lines_are_sure(name: str) -> None:
    class Never(LineParser):
        def parse(self, line: bytes) -> Any:
            raise AssertionError(line)

    data = (json.dumps(KINDS[name]) + "\n").encode() * 5
    assert len(TREES[name].parse(Block(np.frombuffer(data, np.uint8), 0), Never()).rows) == 5


@pytest.mark.parametrize(
    "record", [{"jsonrpc": "2.0", **TRAEFIK}, {"a": 1}, {**CADDY, "id": 1}, {**TRAEFIK, "args": "x"}]
)
def test_no_tree_where_lines_mean_something_else(record: dict[str, Any]) -> None:
    assert choose((json.dumps(record) + "\n").encode() * 3, {}) is None
    assert choose(b"no JSON\n", {}) is None


def test_an_escaped_dash_is_a_dash() -> None:
    line = json.dumps(TRAEFIK).replace('"ClientUsername": "-"', '"ClientUsername": "\\u002d"')
    assert "\\u002d" in line
    fast, slow = both(TREES["traefik"], (line + "\n").encode())
    assert fast == slow
