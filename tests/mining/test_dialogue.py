"""Who said what on a connection: only a dialogue in the protocol's own places makes a miner or a pool."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanaria.mining.dialogue import Dialogue, dialogue, in_kind, kept_with_alert

JOB = {"blob": "0e" * 76, "job_id": "q1", "target": "b88d0600", "algo": "rx/0"}


def line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


LOGIN = line({"id": 1, "jsonrpc": "2.0", "method": "login", "params": {"login": "blue1", "pass": "x", "agent": "a/1"}})
GRANTED = line({"id": 1, "jsonrpc": "2.0", "error": None, "result": {"id": "a", "job": JOB, "status": "OK"}})
REFUSED = line({"id": 1, "jsonrpc": "2.0", "error": {"code": -1, "message": "Unauthenticated"}})
WORK = line({"jsonrpc": "2.0", "method": "job", "params": JOB})
SHARE = line(
    {"id": 2, "method": "submit", "params": {"id": "a", "job_id": "q1", "nonce": "0000002a", "result": "0f" * 32}}
)
TAKEN = line({"id": 2, "jsonrpc": "2.0", "error": None, "result": {"status": "OK"}})
SUBSCRIBE = line({"id": 1, "method": "mining.subscribe", "params": []})
MINER, POOL = LOGIN + SHARE, GRANTED + WORK + TAKEN


def talk(client: bytes, server: bytes, **more: object) -> Dialogue | None:
    row: dict[str, object] = {"transport": "tcp", "history": "ShADad", "src_first": client, "dst_first": server}
    return dialogue({**row, **more}, None)


def test_a_login_a_job_and_a_share_are_a_dialogue() -> None:
    found = talk(MINER, POOL)
    assert found is not None
    assert (found.turned, found.answered) == (False, True)
    assert [(m.method, m.direction) for m in found.messages] == [
        ("login", "client"), ("submit", "client"), ("login", "server"), ("job", "server"), ("submit", "server"),
    ]  # fmt: skip


def test_who_opened_the_connection_is_not_who_mines() -> None:
    there, back = talk(MINER, POOL), talk(POOL, MINER)
    assert there is not None and back is not None
    assert back.turned and back.answered
    assert back.messages == there.messages


@pytest.mark.parametrize("history", ["Dd", "^dD", "dDdD"])
def test_a_capture_that_begins_inside_the_dialogue_finds_the_roles(history: str) -> None:
    cut = SHARE[40:] + SHARE
    for sides in ((cut, WORK + TAKEN), (WORK[30:] + WORK + TAKEN, SHARE)):
        found = talk(*sides, history=history, src_messages=9, dst_messages=9)
        assert found is not None
        assert {m.method for m in found.messages if m.direction == "client"} == {"submit"}
        assert found.answered


@given(
    st.sampled_from(
        [b"<134>1 web nginx: ", b"MAIL FROM:<a@b>\r\n", b"HELO x\r\n", b"say ", b"\x00\x01\x02\x03x", b"GET "]
    ),
    st.booleans(),
    st.booleans(),
)
def test_quoted_in_another_protocol_it_is_text(before: bytes, on_client: bool, on_server: bool) -> None:
    """A side whose stream is not made of messages says none; a miner needs its own words, a pool a miner's question."""
    client = b"".join(before + part for part in (LOGIN, SHARE)) if on_client else MINER
    server = b"".join(before + part for part in (GRANTED, WORK)) if on_server else POOL
    found = talk(client, server)
    if on_client:
        assert found is None or not found.answered
        assert found is None or not any(m.direction == "server" for m in found.messages)
    elif on_server:
        assert found is not None and found.answered is False


@pytest.mark.parametrize(
    "server",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n" + POOL,
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<pre>\n" + LOGIN + POOL + b"</pre>",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100\r\n" + POOL,
    ],
)
def test_reading_about_mining_over_http_is_not_mining(server: bytes) -> None:
    assert talk(b"GET /stratum.html HTTP/1.1\r\nHost: docs.example\r\n\r\n", server) is None


def test_a_login_posted_to_a_page_is_not_how_miners_speak() -> None:
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(LOGIN) + LOGIN
    assert talk(post, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(GRANTED) + GRANTED) is None


def test_getwork_travels_in_bodies() -> None:
    asked = b'{"id":0,"method":"getwork","params":[]}'
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(asked) + asked
    body = line({"id": 0, "error": None, "result": {"data": "00" * 128, "target": "ff" * 32}})
    found = talk(post, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert found is not None and found.answered
    assert {m.dialect for m in found.messages} == {"getwork"}


@given(st.lists(st.sampled_from([LOGIN, WORK, SHARE, SUBSCRIBE, GRANTED]), min_size=1, max_size=6))
def test_what_comes_back_as_it_was_sent_is_an_echo(said: list[bytes]) -> None:
    sent = b"".join(said)
    found = talk(sent, sent)
    assert found is None or (found.answered is False and all(m.direction == "client" for m in found.messages))


@given(st.sampled_from([MINER, POOL, LOGIN, WORK]), st.sampled_from([b"", POOL, MINER]))
def test_datagrams_prove_nothing(client: bytes, server: bytes) -> None:
    assert talk(client, server, transport="udp", history="Dd") is None


@pytest.mark.parametrize("history", ["D", "Dr", "d", "^D", "S", "SD", "Sr", "DrD"])
def test_half_open_connections_prove_nothing(history: str) -> None:
    for client, server in ((MINER, b""), (b"", POOL), (POOL, b"")):
        assert talk(client, server, history=history, src_messages=1, dst_messages=1) is None


def test_two_forged_segments_and_the_resets_they_draw_prove_nothing() -> None:
    assert talk(LOGIN, GRANTED, history="DrdR", src_messages=1, dst_messages=1) is None


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"500 5.5.2 " + LOGIN, b'{"error":"what?"}\n']
)
def test_who_is_not_answered_in_kind_has_spoken_and_no_more(answer: bytes) -> None:
    found = talk(LOGIN, answer)
    assert found is not None
    assert (found.answered, [m.direction for m in found.messages]) == (False, ["client"])


def test_a_refusal_is_an_answer_in_kind() -> None:
    found = talk(LOGIN, REFUSED)
    assert found is not None and found.answered
    assert found.messages[1].fields["accepted"] == "false"


@pytest.mark.parametrize(
    ("client", "server"),
    [
        (b"\x05\x01\x00\x05\x01\x00\x01\xcb\x00\x71\x05\x0d\x05", b"\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"),
        (b"CONNECT pool.example:3333 HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 200 Connection established\r\n\r\n"),
    ],
)
def test_behind_a_proxys_greeting_the_stream_begins(client: bytes, server: bytes) -> None:
    found = talk(client + MINER, server + POOL)
    assert found is not None and found.answered
    assert {m.method for m in found.messages} == {"login", "submit", "job"}


def test_an_answer_is_the_body_itself() -> None:
    request = LOGIN
    assert [m.direction for m in in_kind(request, GRANTED, None)] == ["client", "server"]
    assert in_kind(request, b"TRACE / HTTP/1.1\r\nX: " + WORK, None) == ()
    assert in_kind(request, b'{"you sent":' + WORK + b"}", None) == ()
    assert in_kind(WORK + LOGIN, WORK + LOGIN, None) == ()


@given(
    st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n\r\n<pre>\n", b"POST /rpc HTTP/1.1\r\nContent-Length: 400\r\n\r\n",
                     b"<134>1 web nginx: ", b"Subject: x\r\n\r\n", b"500 unknown command: "]),
    st.sampled_from([LOGIN, MINER, SUBSCRIBE, GRANTED, WORK]),
    st.sampled_from(["tcp", "udp", None]),
)  # fmt: skip
def test_what_a_sensor_kept_counts_where_the_protocol_puts_it(
    before: bytes, said: bytes, transport: str | None
) -> None:
    found = kept_with_alert(transport, before + said, None)
    assert (found is not None) == (not before and transport != "udp" and said not in (GRANTED, WORK))
    assert found is None or (found.answered is None and {m.direction for m in found.messages} == {"client"})


SPOKEN = {
    "miner": MINER,
    "pool": POOL,
    "other": b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + LOGIN.strip(),
    "quoted": b"> " + LOGIN + b"> " + SHARE,
    "none": b"",
}


@given(
    st.sampled_from(["tcp", "udp", "icmp"]),
    st.sampled_from(["ShADad", "S", "Sr", "SrR", "ShR", "D", "Dr", "DdR", "Dd", "^dD", "dDr", "H", "h"]),
    st.sampled_from(sorted(SPOKEN)),
    st.sampled_from(sorted(SPOKEN)),
    st.integers(0, 5),
)
def test_only_who_speaks_as_a_miner_and_is_answered_as_one_mines(
    transport: str, history: str, client: str, server: str, messages: int
) -> None:
    """UDP and half-open connections prove nothing; roles follow from who says which words."""
    counts = {"src_messages": messages, "dst_messages": messages}
    found = talk(SPOKEN[client], SPOKEN[server], transport=transport, history=history, **counts)
    accused = found is not None and found.answered is True
    opened = "S" in history.upper() and "H" in history.upper()
    both = bool(SPOKEN[client]) and bool(SPOKEN[server])
    forged = not opened and "R" in history.upper() and messages <= 2
    roles = {client, server} == {"miner", "pool"}
    assert accused == (transport == "tcp" and roles and both and not forged)
    if accused and found is not None:
        assert found.turned == (client == "pool")


@given(st.sampled_from([GRANTED, WORK, TAKEN]), st.sampled_from(["same", "compact", "more", "spaced"]), st.booleans())
def test_a_service_that_repeats_a_pools_words_is_no_pool(word: bytes, how: str, first: bool) -> None:
    value = json.loads(word)
    spelled = {
        "same": word, "compact": json.dumps(value, separators=(",", ":")).encode() + b"\n",
        "more": line({**value, "received": True}), "spaced": json.dumps(value, indent=1).encode().replace(b"\n", b" ") + b"\n",
    }[how]  # fmt: skip
    asked = word + LOGIN + SHARE if first else LOGIN + SHARE + word
    found = talk(asked, spelled)
    assert found is None or not any(message.direction == "server" for message in found.messages)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"result": "ok"}, False), ({"result": 7}, False), ({"result": {}}, False), ({"result": {"token": "x"}}, False),
        ({"result": True}, False), ({"error": {"code": -32601, "message": "Method not found"}}, False),
        ({"result": {"status": "OK"}}, True), ({"error": {"code": -1, "message": "Unauthenticated"}}, True),
        ({"result": {"id": "a", "job": JOB}}, True),
    ],
)  # fmt: skip
def test_a_service_that_answers_every_request_is_no_pool(answer: dict[str, object], kind: bool) -> None:
    found = talk(LOGIN, line({"id": 1, "jsonrpc": "2.0", **answer}))
    assert found is not None and found.answered is kind
