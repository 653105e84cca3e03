"""Lines of web logs: escapes, prefixes, layouts, odd shapes and what is kept of rejected ones."""

from __future__ import annotations

import importlib.util
import ipaddress
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kanaria.core.errors import ConfigError
from kanaria.core.japanese import in_japanese
from kanaria.formats import registry
from kanaria.formats.lines import LONGEST, blocks
from kanaria.formats.web import escapes, values
from kanaria.formats.web.careful import LineParser
from kanaria.formats.web.layout import compile_layout, json_aliases
from kanaria.formats.web.values import Row
from tests.encoding import escape_apache, escape_json, escape_nginx

_spec = importlib.util.spec_from_file_location("kit_formats", Path(__file__).parent / "kit_formats.py")
assert _spec and _spec.loader
kit = sys.modules.setdefault("kit_formats", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(kit)


def row(line: bytes | str, **options: object) -> Row:
    found = LineParser(**options).parse(line.encode() if isinstance(line, str) else line)  # type: ignore[arg-type]
    assert isinstance(found, dict), found
    return found


@given(st.binary())
@example(bytes(range(256)))
@example(b"\\x41\\\\n\\")
def test_unescape_undoes_apache_and_nginx(data: bytes) -> None:
    assert escapes.unescape(escape_apache(data)) == data
    assert escapes.unescape(escape_nginx(data)) == data


@given(st.binary())
@example(bytes(range(256)))
def test_json_strings_come_back_byte_for_byte(data: bytes) -> None:
    record = escapes.load_json(b'{"request":"' + escape_json(data) + b'"}')
    assert isinstance(record, dict)
    assert escapes.to_bytes(record["request"]) == data


@given(st.binary(min_size=1).filter(lambda data: data != b"-"))
@example(b"\xc2\xa0")
def test_every_server_writes_the_same_event(data: bytes) -> None:
    start = b'203.0.113.7 - - [02/Jan/2026:03:04:05 +0000] "'
    end = b'" 400 157 "-" "-"'
    apache = row(start + escape_apache(data) + end)
    nginx = row(start + escape_nginx(data) + end)
    in_json = row(
        b'{"time_iso8601":"2026-01-02T03:04:05Z","remote_addr":"203.0.113.7","request":"'
        + escape_json(data)
        + b'","status":"400","body_bytes_sent":"157"}'
    )
    in_unescaped_json = row(b'{"remote_addr":"203.0.113.7","status":"400","request":"' + escape_nginx(data) + b'"}')
    fragment = row(b'"' + escape_apache(data) + end)
    for found in (apache, nginx, in_json, in_unescaped_json, fragment):
        assert found["request"] == data
    for column in ("time", "src_ip", "status", "bytes_out", "method", "url"):
        assert apache.get(column) == nginx.get(column) == in_json.get(column)


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1).filter(lambda text: text != "-"))
def test_standard_json_escapes(text: str) -> None:
    assert row(json.dumps({"request": text, "status": 400}))["request"] == text.encode()


INNER = '203.0.113.7 - - [02/Jan/2026:03:04:05 +0000] "GET /x HTTP/1.1" 200 5 "-" "-"'


@pytest.mark.parametrize(
    ("prefix", "host", "program"),
    [
        ("Jan  2 03:04:05 web01 nginx: ", "web01", "nginx"),
        ("<190>Jan  2 03:04:05 web01 nginx: ", "web01", "nginx"),
        ("Jan 02 03:04:05 web01 httpd[4711]: ", "web01", "httpd"),
        ("Jan 02 03:04:05.123456 web01 httpd[4711]: ", "web01", "httpd"),
        ("2026-01-02T03:04:05+0900 web01 httpd[4711]: ", "web01", "httpd"),
        ("2026-01-02T03:04:05.123+09:00 web01 httpd: ", "web01", "httpd"),
        ("<134>1 2026-01-02T03:04:05Z web01 nginx 77 - - ", "web01", "nginx"),
        ('<134>1 2026-01-02T03:04:05.1Z web01 nginx 77 ID [a b="]\\""] \ufeff', "web01", "nginx"),
        ("2026-01-02T03:04:05.123456789Z stdout F ", None, None),
        ("web_1    | ", None, "web_1"),
        ("\ufeff", None, None),
        ("Jan  2 03:04:05 web01 docker: web_1 | ", "web01", "web_1"),
    ],
)
def test_prefixes(prefix: str, host: str | None, program: str | None) -> None:
    found = row(prefix + INNER, year=2026)
    assert (found["src_ip"], found["url"], found["status"]) == ("203.0.113.7", "/x", 200)
    assert (found.get("device"), found.get("sensor")) == (host, program)


def test_a_prefix_gives_the_time_a_fragment_lacks() -> None:
    line = 'Jan  2 03:04:05 web01 nginx: "GET / HTTP/1.1" 200 5 "-" "-"'
    expected = int(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp() * 1_000_000)
    assert row(line, year=2026)["time"] == expected
    assert row(line)["time"] is None


@pytest.mark.parametrize("wrapper", ["log", "message", "MESSAGE", "line"])
def test_json_wrappers(wrapper: str) -> None:
    assert row(json.dumps({wrapper: INNER + "\n", "stream": "stdout"}))["url"] == "/x"


def test_journald_binary_message() -> None:
    message = b'"\\x16\\x03" 400 157 "-" "-"'
    assert row(json.dumps({"MESSAGE": list(message), "_HOSTNAME": "web01"}))["request"] == b"\x16\x03"


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.4", "203.0.113.7"),
        ("10.0.0.1", "198.51.100.4", "198.51.100.4"),
        ("10.0.0.1", "192.168.1.5, 198.51.100.4, 10.0.0.9", "198.51.100.4"),
        ("10.0.0.1", "-", "10.0.0.1"),
        ("198.51.100.4, 10.0.0.1", "", "198.51.100.4"),
        ("host.example.org", "198.51.100.4", "host.example.org"),
        ("[2001:db8::1]:443", "", "2001:db8::1"),
        ("-", "", None),
    ],
)
def test_client_behind_proxies(peer: str, forwarded: str, expected: str | None) -> None:
    assert values.client(peer, forwarded)[0] == expected


@pytest.mark.parametrize(
    ("layout", "line", "expected"),
    [
        (
            "log_format main '$remote_addr - $remote_user [$time_local] \"$request\" '\n  '$status $body_bytes_sent';",
            '203.0.113.7 - bob [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 5',
            {"src_ip": "203.0.113.7", "user": "bob", "status": 200, "bytes_out": 5, "url": "/"},
        ),
        (
            'LogFormat "%a %{Host}i %m %U%q %H %>s %I %O %D" timed',
            "203.0.113.7 www.example.org GET /a?b=c HTTP/1.1 200 100 200 1500",
            {"host": "www.example.org", "url": "/a?b=c", "bytes_in": 100, "bytes_out": 200, "duration_us": 1500},
        ),
        (
            '%{%Y-%m-%d %H:%M:%S}t|%h|%{usec}t|"%r"',
            '2026-01-02 03:04:05|203.0.113.7|1767323045000000|"GET / HTTP/1.1"',
            {"time": 1767323045000000, "src_ip": "203.0.113.7"},
        ),
        ('%h %T "%r" %%', '203.0.113.7 2 "GET / HTTP/1.1" %', {"duration_us": 2_000_000, "method": "GET"}),
        ("combined", INNER, {"status": 200}),
        (
            "$msec $request_time $server_addr:$server_port $request_method $uri $args",
            "1767323045.250 0.012 192.0.2.1:443 POST /x a=b",
            {"time": 1767323045250000, "duration_us": 12000, "dst_ip": "192.0.2.1", "dst_port": 443, "url": "/x?a=b"},
        ),
        ("%h %>s %r", "203.0.113.7 200 GET /a b HTTP/1.1", {"status": 200, "url": "/a b", "protocol": "HTTP/1.1"}),
        (
            "%h %r %>s %b %{User-Agent}i",
            "203.0.113.7 GET / HTTP/1.1 404 7 Mozilla/5.0 (X11; Linux x86_64)",
            {"method": "GET", "url": "/", "status": 404, "user_agent": "Mozilla/5.0 (X11; Linux x86_64)"},
        ),
    ],
)
def test_layouts(layout: str, line: str, expected: dict[str, object]) -> None:
    found = row(line, layout=compile_layout(layout))
    assert {key: found.get(key) for key in expected} == expected


def test_a_layout_that_writes_json() -> None:
    layout = 'log_format j escape=json \'{"r":"$request","c":"$remote_addr","s":$status,"ua":"$http_user_agent"}\';'
    aliases = json_aliases(layout)
    assert aliases == {"r": "request", "c": "client", "s": "status", "ua": "user_agent"}
    found = row('{"r":"GET / HTTP/1.1","c":"203.0.113.7","s":200,"ua":"x"}', aliases=aliases)
    assert (found["src_ip"], found["status"], found["user_agent"]) == ("203.0.113.7", 200, "x")


def test_a_layout_without_fields_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one field"):
        compile_layout("hello")
    with pytest.raises(ConfigError, match="needs it"):
        kit.read_all(registry.get("logformat"), b"x\n")


def test_no_line_no_row_and_reasons() -> None:
    parser = LineParser()
    assert parser.parse(b"") is None
    assert parser.parse(b" \r") is None
    assert parser.parse(b"hello there") == "no web log record"
    assert parser.parse(b"\x7fELF\0\0") == "no web log record (binary data)"


def test_hostile_lines_take_no_time() -> None:
    """Each of these makes a naive pattern backtrack for minutes."""
    for piece in (b'[aaaaaaaa] "', b'" 200 1x', b'"\\', b"\\", b'{"', b'" "', b"1.1.1.1, ", b"[", b" ", b"<1>1 "):
        for start in (b"", b'"', b"{", b'203.0.113.7 - - [02/Jan/2026:03:04:05 +0000] "'):
            found = LineParser().parse(start + piece * (200_000 // len(piece)))
            assert found is None or isinstance(found, (dict, str))


def test_a_binary_file_keeps_little_of_every_reject() -> None:
    data = (b"\x7fELF\0" * 1000 + b"\n") * 3000
    batches = kit.read_all(registry.get("combined"), data)
    kept = [reject for batch in batches for reject in batch.rejects]
    assert sum(batch.rejected for batch in batches) == 3000
    assert len(kept) == 3000
    assert max(len(record.raw) for record in kept) <= 4096
    assert max(len(reject.raw) for reject in kept) == 4096


def test_a_long_line_is_read_whole_and_an_endless_one_is_cut() -> None:
    long = b'203.0.113.7 - - [02/Jan/2026:03:04:05 +0000] "GET /' + b"a" * 3_000_000 + b' HTTP/1.1" 200 5 "-" "-"\n'
    endless = b"x" * (LONGEST + 20_000_000) + b"\n"
    batches = kit.read_all(registry.get("combined"), long + endless + INNER.encode() + b"\n")
    urls = [len(url) for batch in batches for url in batch.tables["http"]["url"].to_pylist()]
    assert urls == [3_000_001, 2]
    assert [reject.row for batch in batches for reject in batch.rejects] == [2]
    assert batches[-1].position.row == 3


@given(st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")), max_size=20), st.integers(1, 50))
def test_blocks_are_the_lines(lines: list[bytes], size: int) -> None:
    import io

    data = b"\n".join(lines)
    found = [block.line(index) for block in blocks(io.BytesIO(data), size) for index in range(len(block))]
    expected = data.split(b"\n")
    expected = expected[:-1] if not expected[-1] else expected
    assert found == [line.removesuffix(b"\r") if line != b"\r" else b"" for line in expected]


def test_w3c_fields_change_inside_the_file() -> None:
    parser = LineParser()
    assert parser.parse(b"#Fields: date time c-ip cs-method cs-uri-stem sc-status") is None
    first = parser.parse(b"2026-01-02 03:04:05 203.0.113.7 GET /a 200")
    assert parser.parse(b"#Fields: date time sc-status c-ip cs-method cs-uri-stem") is None
    second = parser.parse(b"2026-01-02 03:04:05 404 203.0.113.7 GET /a")
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert (first["status"], second["status"], first["src_ip"], second["src_ip"]) == (
        200,
        404,
        "203.0.113.7",
        "203.0.113.7",
    )


@pytest.mark.parametrize(
    ("line", "client", "request_"),
    [
        (b'remote: 203.0.113.5 {"id":1,"method":"mining.subscribe","params":[]}', "203.0.113.5",
         b'{"id":1,"method":"mining.subscribe","params":[]}'),
        (b'    null: 2 Time(s) "{\\"id\\":1,\\"method\\":\\"login\\",\\"params\\":{}}" HTTP Response 400', None,
         b'{"id":1,"method":"login","params":{}}'),
        (rb"[2026-01-02 03:04] WARN from=[2001:db8::5]:4242 body={\x22method\x22:\x22eth_getWork\x22,\x22id\x22:1}",
         "2001:db8::5", b'{"method":"eth_getWork","id":1}'),
    ],
)  # fmt: skip
def test_a_call_of_a_mining_protocol_is_read_wherever_it_stands(
    line: bytes, client: str | None, request_: bytes
) -> None:
    """Alert mails and summaries of log watchers write around it what they like."""
    row = LineParser().parse(line)
    assert isinstance(row, dict)
    assert (row["src_ip"], row["request"]) == (client, request_)


@pytest.mark.parametrize("line", [b'user alice wrote {"text":"method: login"}', b"the method is mining.subscribe {}"])
def test_talk_about_mining_is_no_call(line: bytes) -> None:
    assert LineParser().parse(line) == "no web log record"


_MESSAGES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def counted(*lines: bytes) -> tuple[int, int, int]:
    """Records, those of which nothing is claimed, and rows."""
    batches = kit.read_all(registry.get("combined"), b"\n".join(lines) + b"\n")
    return (
        sum(batch.rows for batch in batches),
        sum(batch.unread for batch in batches),
        sum(batch.tables["http"].num_rows for batch in batches),
    )


@given(_MESSAGES, st.booleans(), st.data())
def test_a_json_rpc_message_is_read_only_where_its_end_is_there(
    params: object, escaped: bool, data: st.DataObject
) -> None:
    message = json.dumps({"id": 1, "jsonrpc": "2.0", "method": "login", "params": params}, ensure_ascii=False).encode()
    shown = escape_nginx(message) if escaped else message
    assert counted(shown)[:2] == (1, 0)
    cut = message[: data.draw(st.integers(6, len(message) - 1))]
    assert counted(escape_nginx(cut) if escaped else cut)[:2] == (1, 1)


@given(st.integers(44, 73))
def test_a_line_that_ends_in_its_request_is_an_event_and_counts_as_not_read(length: int) -> None:
    line = b'203.0.113.8 - - [17/May/2015:10:05:04 +0000] "GET /shell?cd+/tmp HTTP/1.1" 200 512'
    assert counted(line[:length], line) == (2, 1, 2)
    assert line[73:74] == b'"'


def test_a_cut_message_in_a_line_of_something_else_counts_as_not_read() -> None:
    whole = b'alert: {"id":1,"method":"login","params":{"agent":"XMRig/6.21"}} from 203.0.113.8'
    assert counted(whole) == (1, 0, 1)
    assert counted(whole[:50]) == (1, 1, 1)


@pytest.mark.parametrize(
    "line",
    [
        b'{"id":1,"jsonrpc":"2.0","method":"lo',
        b'203.0.113.8 - - [17/May/2015:10:05:04 +0000] "GET /she',
        b'{"time":"2026-01-02","mess',
        b'{"message":"hello"}',
        b'{"colour":"green"}',
        b"<alert><text>hello</text>",
        b'x "GET /a HTTP/1.1" and "GET /b HTTP/1.1"',
        b"hello",
        b"\x7fELF\0",
    ],
)
def test_why_a_line_was_not_read_is_said_in_japanese(line: bytes) -> None:
    reason = kit.read_all(registry.get("combined"), line + b"\n")[0].rejects[0].reason
    assert in_japanese(reason) != reason


_SIX = st.integers(0, 2**128 - 1).map(lambda number: str(ipaddress.IPv6Address(number)))


@given(_SIX, st.integers(0, 65_535))
@example("2001:db8::1", 4433)
@example("::1", 80)
def test_who_always_writes_a_port_behind_an_ipv6_client_is_read_so(client: str, port: int) -> None:
    """``2001:db8::1:4433`` is an address, too; Apache 2.4's error log, uvicorn and load balancers mean a port."""
    apache = (
        "[Sat Jan 10 09:00:00.0 2026] [core:error] [pid 7] [client {}] AH00126: Invalid URI in request GET /x HTTP/1.1"
    )
    uvicorn = 'INFO:     {} - "GET / HTTP/1.1" 200 OK'
    for line in (apache, uvicorn):
        found = row(line.format(f"{client}:{port}"))
        assert ipaddress.ip_address(str(found["src_ip"])) == ipaddress.ip_address(client)
        assert found["src_port"] == port


@given(_SIX)
def test_who_writes_no_port_writes_an_address(client: str) -> None:
    old = "[Sat Jan 10 09:00:00 2026] [error] [client {}] AH00126: Invalid URI in request GET /x HTTP/1.1"
    nginx = '2026/01/02 03:04:05 [info] 7#7: *1 client sent invalid method while reading client request line, client: {}, server: _, request: "{{}}"'
    for line in (old, nginx, '{} - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "-"'):
        assert ipaddress.ip_address(str(row(line.format(client))["src_ip"])) == ipaddress.ip_address(client)
