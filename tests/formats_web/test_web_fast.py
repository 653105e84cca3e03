"""The fast path gives the rows the careful path gives, and no odd line changes or loses another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanaria.core.stream import ReadContext
from kanaria.formats.lines import Block, line_feeds
from kanaria.formats.web import fast, fastjson, tables
from kanaria.formats.web.careful import LineParser
from kanaria.formats.web.layout import (
    COMBINED,
    COMMON,
    NAMED,
    VHOST_COMBINED,
    VHOST_COMMON,
    Layout,
    compile_layout,
)
from kanaria.formats.web.reader import parse_block

USER_LAYOUTS = (
    compile_layout('$remote_addr - $remote_user [$time_local] "$request" $status $request_time'),
    compile_layout('%v %h %u %t "%r" %>s %O "%{X-Forwarded-For}i" %{ms}T'),
    compile_layout("%h %r %>s %b %{User-Agent}i"),
)
BUILT_IN = (COMBINED, COMMON, VHOST_COMBINED, VHOST_COMMON)
SLOW_MACHINE = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

clients = st.sampled_from([
    "203.0.113.7", "10.0.0.1", "2001:db8::1", "::1", "host.example.org", "-", "unknown", "203.0.113.7, 10.0.0.1",
    "203.0.113.7:4711", "[2001:db8::1]:443", "0.1.2.3", "224.0.0.1", "1.2.3.999", "uhost", "a:b", "", "_", "010.1.1.1",
    "host", "a..b", "a.1", "a.b.", "1a.b.c", "1.2.3", "1.2.3.4.5", "10.0.0.1.", "12345::1", "1:2:3:4:5:6:7::8", ":1", "1:",
    ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:", "::", "1::", "::1::", ":::", "2001:db8:0:0:0:0:0:1", "fe80::1%eth0",
    "n" * 253, "n" * 254, "n" * 253 + ":80", "n" * 300,
])  # fmt: skip
requests = st.one_of(
    st.sampled_from([
        "GET / HTTP/1.1", "GET /a b HTTP/1.1", "POST /x?y=z HTTP/2.0", "GET /", "-", "", "get / HTTP/1.1", "A / HTTP/1.1",
        "GET  HTTP/1.1", "GET HTTP/1.1", "GET / HTTP/2", "GET / HTTP/x", "GET /  HTTP/1.1", "SSH-2.0-Go", "PRI * HTTP/2.0",
        "GET / HTTP/1.1 HTTP/1.1", "M-SEARCH * HTTP/1.1", "GET /\\x22 HTTP/1.1", 'GET /" HTTP/1.1', "GET /é HTTP/1.1",
        "GET / HTTP/1.1 ", "AA x HTTP/1", "GET /x HTTP/11", "{\\x22id\\x22:1}",
    ]),
    st.text("GET /HP1.\\\"x -", max_size=20),
)  # fmt: skip
times = st.sampled_from([
    "17/May/2015:10:05:03 +0000", "31/Feb/2020:00:00:00 +0000", "29/Feb/2020:23:59:59 -0730", "01/Jan/1970:00:00:00 +0000",
    "01/Jan/1970:00:00:00 +0900", "17/May/2015:10:05:60 +0000", "17/Mai/2015:10:05:03 +0000", "17/May/2015:24:05:03 +0000",
    "17/May/9999:10:05:03 +0000", "17/May/2015:10:05:03.123 +0000", "17/May/2015:10:05:03 0000", "", "29/Feb/1900:00:00:00 +0000",
])  # fmt: skip
words = st.sampled_from(["-", "", "curl/8.5.0", "Mozilla/5.0 (X11)", "a b", "\\x41", 'q"q', "日本", "\t", "\x00"])
users = st.sampled_from(["-", "bob", "", "a b", "[x]", 'q"', "é"])
sizes = st.sampled_from(["0", "512", "-", "", "12345678901234567890", "x", "007"])
statuses = st.sampled_from(["200", "404", "-", "000", "20", "2000", "abc"])
tails = st.sampled_from(
    ["", " ", ' "-"', ' "198.51.100.9"', ' "10.0.0.1, 198.51.100.9"', " 0.001", "x", ' "a:b" rt=1', " \\"]
)


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    host = draw(st.sampled_from(["", "example.org:80 ", "example.org ", "203.0.113.1:8080 ", "a:b:1 ", "unknown "]))
    line = f'{host}{draw(clients)} - {draw(users)} [{draw(times)}] "{draw(requests)}" {draw(statuses)} {draw(sizes)}'
    if draw(st.booleans()):
        line += f' "{draw(words)}" "{draw(words)}"'
    return (line + draw(tails) + draw(st.sampled_from(["", "\r"]))).encode()


@st.composite
def user_lines(draw: st.DrawFn) -> bytes:
    number = st.sampled_from(["0.001", "12", "-", "1.", ".5", "1.23456789", "12345678901234", "1e3"])
    first = f'{draw(clients)} - {draw(users)} [{draw(times)}] "{draw(requests)}" {draw(statuses)} {draw(number)}'
    second = (
        f"{draw(st.sampled_from(['example.org', 'example.org:1', '-', '']))} {draw(st.sampled_from(['80', '-', 'x']))}"
        f' {draw(clients)} {draw(users)} [{draw(times)}] "{draw(requests)}" {draw(statuses)} {draw(sizes)}'
        f' "{draw(st.sampled_from(["-", "198.51.100.9", ""]))}" {draw(number)}'
    )
    bare = f"{draw(clients)} {draw(requests)} {draw(statuses)} {draw(sizes)} {draw(words)}"
    return draw(st.sampled_from([first, second, bare])).encode()


def table(data: bytes, layout: Layout | None, careful_layout: Layout | None = None) -> pa.Table:
    block = Block(np.frombuffer(data, np.uint8), 0)
    careful = LineParser(layout=careful_layout)
    if layout is None:
        parsed = parse_block(block, careful)
    else:
        program = fast.compile_program(layout)
        assert program is not None
        path = fast.Delimited(program)
        parsed = path.parse(replace(block, find=path.line_feeds), careful)
    return tables.finish(parsed.columns, parsed.rows + 1, "x", ReadContext(), "web")


ADDRESSES = st.one_of(
    st.text(alphabet="0123456789.", min_size=1, max_size=16),
    st.text(alphabet="0123456789abcdefg:", min_size=1, max_size=40),
    st.text(alphabet="a1.-_:", min_size=1, max_size=12),
    st.ip_addresses().map(str),
)


@SLOW_MACHINE
@given(ADDRESSES)
def test_fast_and_careful_agree_on_who_sent_it(client: str) -> None:
    line = f'{client} - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 0'.encode()
    expected = table(line, None)
    for layout in BUILT_IN:
        assert table(line, layout).equals(expected)


@pytest.mark.parametrize("client", ["203.0.113.7", "2001:db8::1", "2001:db8:0:0:0:0:0:1", "host.example.org"])
def test_who_is_surely_an_address_or_a_name_stays_on_the_fast_path(client: str) -> None:
    class Refuses(LineParser):
        def parse(self, line: bytes, depth: int = 0) -> None:  # type: ignore[override]
            raise AssertionError(line)

    line = f'{client} - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 0'.encode()
    program = fast.compile_program(BUILT_IN[1])
    assert program is not None
    block = Block(np.frombuffer(line, np.uint8), 0)
    parsed = fast.Delimited(program).parse(block, Refuses())
    assert parsed.columns["src_ip"].to_pylist() == [client]


@SLOW_MACHINE
@given(st.lists(st.one_of(lines(), st.binary(max_size=80)), min_size=1, max_size=6))
def test_fast_equals_careful(batch: list[bytes]) -> None:
    data = b"\n".join(batch)
    expected = table(data, None)
    for layout in BUILT_IN:
        assert table(data, layout).equals(expected)


@SLOW_MACHINE
@given(st.lists(st.one_of(user_lines(), lines()), min_size=1, max_size=6))
def test_fast_equals_careful_for_the_users_own_layout(batch: list[bytes]) -> None:
    data = b"\n".join(batch)
    for layout in USER_LAYOUTS:
        assert table(data, layout, layout).equals(table(data, None, layout))


@st.composite
def json_lines(draw: st.DrawFn) -> bytes:
    time = draw(st.sampled_from(["2026-01-02T03:04:05+09:00", "2026-02-30T03:04:05Z", "2026-01-02T03:04:05.123Z", "", "x",
                                 "1969-01-02T03:04:05Z", "2026-01-02T03:04:05+24:00", "2026-01-02T03:04:05"]))  # fmt: skip
    number = st.sampled_from(
        ["200", "0", "007", "1.5", "-1", "true", "null", "12345678901234567", "1e3", "0.000001", "1."]
    )
    line = (
        f'{{"time":"{time}","remote_addr":"{draw(clients)}","xff":"{draw(st.sampled_from(["", "-", "198.51.100.4"]))}",'
        f'"request":"{draw(requests)}","status":{draw(number)},"bytes":"{draw(sizes)}","request_time":{draw(number)},'
        f'"referer":"{draw(words)}","x":{draw(number)},"http_host":"{draw(st.sampled_from(["example.org", "a:80", "-", ""]))}"}}'
    )
    return (line + draw(st.sampled_from(["", " ", "x", "}"]))).encode()


JSON_SAMPLE = (
    b'{"time":"2026-01-02T03:04:05Z","remote_addr":"203.0.113.7","xff":"-","request":"GET / HTTP/1.1","status":200,'
    b'"bytes":"5","request_time":0.001,"referer":"-","x":1,"http_host":"example.org"}'
)


@SLOW_MACHINE
@given(st.lists(st.one_of(json_lines(), st.just(JSON_SAMPLE)), min_size=1, max_size=6))
def test_fast_equals_careful_for_json(batch: list[bytes]) -> None:
    program = fastjson.choose(JSON_SAMPLE, {})
    assert program is not None
    data = b"\n".join(batch)
    parsed = fast.Delimited(program).parse(Block(np.frombuffer(data, np.uint8), 0), LineParser())
    found = tables.finish(parsed.columns, parsed.rows + 1, "x", ReadContext(), "web")
    assert found.equals(table(data, None))


GOOD = b'203.0.113.7 - - [17/May/2015:10:05:03 +0000] "GET /%d HTTP/1.1" 200 512 "-" "curl/8.5.0"'


@SLOW_MACHINE
@given(st.lists(st.binary(max_size=200), min_size=1, max_size=8))
def test_an_odd_line_never_costs_its_neighbours(odd: list[bytes]) -> None:
    mixed = []
    for index, line in enumerate(odd):
        mixed += [GOOD % index, line.replace(b"\n", b"")]
    found = table(b"\n".join(mixed), COMBINED)
    urls = dict(zip(found["line"].to_pylist(), found["url"].to_pylist(), strict=True))
    for index in range(len(odd)):
        assert urls[1 + 2 * index] == f"/{index}"


@given(st.lists(st.integers(0, 100), max_size=30), st.binary(max_size=40))
def test_line_feeds_are_found(lengths: list[int], end: bytes) -> None:
    """Lines longer and shorter than a vector, dense and sparse, with any bytes at the end."""
    data = np.frombuffer(b"".join(b"x" * length + b"\n" for length in lengths) + end, np.uint8)
    program = fast.compile_program(COMBINED)
    assert program is not None
    assert np.array_equal(fast.Delimited(program).line_feeds(data), line_feeds(data))


@pytest.mark.compiles
def test_the_kernel_takes_ordinary_lines() -> None:
    """The fast path would be equal, and useless, if it accepted nothing."""
    lines = b"\n".join(GOOD % index for index in range(50)) + b"\n"
    block = Block(np.frombuffer(lines, np.uint8), 0)

    class Never(LineParser):
        def parse(self, line: bytes) -> None:
            pytest.fail(f"left to the careful path: {line!r}")

    program = fast.choose(lines)
    assert program is not None
    parsed = fast.Delimited(program).parse(block, Never())
    assert len(parsed.rows) == 50
    assert np.array_equal(parsed.rows, np.arange(50))


@pytest.mark.parametrize("name", sorted(NAMED))
def test_every_named_layout_has_a_program(name: str) -> None:
    layout = {"common": COMMON, "combined": COMBINED, "vhost_common": VHOST_COMMON}.get(name, VHOST_COMBINED)
    assert fast.compile_program(layout) is not None


def test_a_layout_with_fields_the_kernel_does_not_read_has_none() -> None:
    assert fast.compile_program(compile_layout('%h %{%Y}t "%r"')) is None
    assert fast.compile_program(compile_layout('"%r" %>s')) is None
