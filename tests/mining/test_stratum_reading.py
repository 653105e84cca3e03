"""Tables: the columns that mining adds, the messages it hands on, and what the prefilter lets through."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable

import pyarrow as pa
import pytest

from kanaria.core import schema
from kanaria.core.facts import Knowledge
from kanaria.mining import decode, read
from kanaria.mining.candidates import rows_with_words
from kanaria.mining.reading import COLUMNS
from tests.encoding import frame_text

NOTHING = Knowledge(
    vulnerabilities={}, pools=(), coins={}, agents=(), samples=(), techniques={}, weights={}, caps={}
)  # fmt: skip

# The six lines of the question this project began with, as its author published them: requests only.
WALLET = "45JymPWP1DeQxxMZNJv9w2bTQ2WJDAmw18wUSryDQa3RPrympJPoUSVcFEDv3bhiMJGWaCD4a3KrFCorJHCMqXJUKApSKDV"
SIX = (
    '{"method":"login","params":{"login":"' + WALLET + '","pass":"xxoo","agent":"xmr-stak-cpu/1.3.0-1.5.0"},"id":1}\n',
    '{"id":1,"method":"mining.subscribe","params":[]}\n',
    '{"params": ["miner1", "password"], "id": 2, "method": "mining.authorize"}\n',
    '{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"blue1","pass":"x","agent":"Windows NT 6.1; Win64; x64"}}\n',
    '{"params": ["miner1", "bf", "00000001", "504e86ed", "b2957c02"], "id": 4, "method": "mining.submit"}\n',
    '{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"x","pass":"null","agent":"XMRig/5.13.1","algo":["cn/1",'
    '"cn/2","cn/r","cn/fast","cn/half","cn/xao","cn/rto","cn/rwz","cn/zls","cn/double","rx/0","rx/wow","rx/loki",'
    '"rx/arq","rx/sfx","rx/keva"]}}\n',
)
DIALECTS = ["cryptonote", "stratum_v1", "stratum_v1", "cryptonote", "stratum_v1", "cryptonote"]


def apache(request: str) -> bytes:
    escaped = request.replace('"', '\\"').replace("\n", "\\n")
    return f'198.51.100.7 - - [03/Jun/2025:20:56:51 +0000] "{escaped}" 400 4076 "-" "-"'.encode()


def fragment(request: str) -> bytes:
    return apache(request).partition(b"] ")[2]


def nginx(request: str) -> bytes:
    escaped = request.replace('"', "\\x22").replace("\n", "\\x0A")
    return f'198.51.100.7 - - [03/Jun/2025:20:56:51 -0400] "{escaped}" 400 157 "-" "-"'.encode()


def json_log(request: str) -> bytes:
    return json.dumps({"time": "2025-06-03T20:56:51Z", "request": request, "status": 400}).encode()


def json_of_apache(request: str) -> bytes:
    return json.dumps({"message": apache(request).decode()}).encode()


FORMS: list[Callable[[str], bytes]] = [
    apache,
    fragment,
    nginx,
    json_log,
    json_of_apache,
    lambda request: request.encode(),
]


@pytest.mark.parametrize("form", FORMS)
def test_the_six_lines_are_six_messages_however_they_are_escaped(form: Callable[[str], bytes]) -> None:
    records = [form(request) for request in SIX]
    assert [[m.dialect for m in decode(record)] for record in records] == [[dialect] for dialect in DIALECTS]
    table = schema.from_rows("http", [{"event_id": 70 + n, "raw": raw} for n, raw in enumerate(records)])
    reading = read({"http": table}, NOTHING)
    assert [(m.event_id, m.dialect) for m in reading.messages] == [(70 + n, d) for n, d in enumerate(DIALECTS)]
    assert reading.tables["http"]["mining.dialect"].to_pylist() == DIALECTS
    assert reading.tables["http"]["mining.messages"].to_pylist() == [1] * 6
    assert reading.tables["http"]["mining.wallet"].to_pylist() == [WALLET, None, None, "blue1", None, "x"]
    assert reading.tables["http"]["mining.worker"].to_pylist() == [None, None, "miner1", None, "miner1", None]
    assert reading.tables["stratum"]["found_in"].to_pylist() == ["http"] * 6


def test_all_six_in_one_text_are_six_messages() -> None:
    for form in FORMS:
        text = b"\n".join(form(request) for request in SIX)
        assert [m.dialect for m in decode(text)] == DIALECTS


def test_rows_without_mining_get_nulls_and_keep_everything_else() -> None:
    table = schema.from_rows("http", [{"event_id": n, "raw": b"GET / HTTP/1.1", "status": 200} for n in range(3)])
    reading = read({"http": table, "dns": schema.empty("dns")}, NOTHING)
    assert reading.messages == ()
    out = reading.tables["http"]
    assert out.select(table.column_names).equals(table)
    for field in COLUMNS:
        assert out.schema.field(field.name).type == field.type
        assert out[field.name].null_count == 3
    assert reading.tables["stratum"].num_rows == 0
    assert reading.tables["stratum"].schema == schema.TABLES["stratum"].arrow
    assert reading.tables["dns"].num_rows == 0


@pytest.mark.parametrize("name", ["http", "connection", "alert"])
def test_empty_tables_get_the_columns_too(name: str) -> None:
    out = read({name: schema.empty(name)}, NOTHING).tables[name]
    assert set(COLUMNS.names) <= set(out.column_names)


def test_reading_twice_changes_nothing() -> None:
    table = schema.from_rows("connection", [{"event_id": 1, "src_first": SIX[0].encode()}])
    once = read({"connection": table}, NOTHING).tables["connection"]
    assert read({"connection": once}, NOTHING).tables["connection"].equals(once)


def test_rows_of_a_network_sensor_are_read_from_bodies() -> None:
    rows = [
        {"event_id": 1, "request_body": b'{"id":0,"method":"getwork","params":[]}', "user_agent": "cpuminer/2.5.1"},
        {
            "event_id": 2,
            "url": "/",
            "request_body": b'{"id":5,"method":"eth_getWork","params":[]}',
            "response_body": b'{"id":5,"result":["0x'
            + b"a" * 64
            + b'","0x'
            + b"b" * 64
            + b'","0x'
            + b"c" * 64
            + b'"]}',
        },
        {"event_id": 3, "url": "/api", "request_body": b'{"method":"login","params":{"user":"bob"}}'},
    ]
    out = read({"http": schema.from_rows("http", rows)}, NOTHING)
    table = out.tables["http"]
    assert table["mining.dialect"].to_pylist() == ["getwork", "eth_proxy", None]
    assert table["mining.agent"].to_pylist() == ["cpuminer/2.5.1", None, None]
    assert table["mining.messages"].to_pylist() == [1, 2, None]
    assert [m.direction for m in out.messages] == ["client", "client", "server"]


@pytest.mark.parametrize("column", ["url", "user_agent", "referer", "raw", "request"])
def test_a_message_may_stand_in_any_part_of_a_request(column: str) -> None:
    value = SIX[1].encode() if column in ("raw", "request") else SIX[1]
    rows = [{"event_id": 1, "url": "/", "user_agent": "curl/8"}, {"event_id": 2, "url": "/", column: value}]
    out = read({"http": schema.from_rows("http", rows)}, NOTHING).tables["http"]
    assert out["mining.method"].to_pylist() == [None, "mining.subscribe"]


def connection_rows() -> list[dict[str, object]]:
    key = random.Random(5).randbytes(64)
    lengths = [(True, 64), (False, 234), (True, 130)]
    job = {"method": "job", "params": {"blob": "0c" * 76, "job_id": "1", "target": "b88d0600"}}
    share = {"type": "submit", "params": {"job_id": "1", "nonce": "0000abcd", "result": "ab" * 32}}
    return [
        {
            "event_id": 1,
            "src_ip": "192.0.2.1",
            "src_first": SIX[0].encode(),
            "dst_first": b'{"id":1,"error":{"code":-1}}',
        },
        {"event_id": 2, "src_first": b"\x16\x03\x01\x02\x00", "dst_first": b"\x16\x03\x03"},
        {"event_id": 3, "dst_first": json.dumps(job).encode()},
        {"event_id": 4, "src_first": frame_text(json.dumps(share).encode(), b"\x11\x22\x33\x44")},
        {
            "event_id": 5,
            "src_first": key,
            "messages": [{"from_client": c, "length": n, "time": 0} for c, n in lengths],
        },
        {"event_id": 6},
        {"event_id": 7, "messages": [{"from_client": True, "length": 64, "time": 0}]},
    ]


def test_connections_are_read_from_both_sides() -> None:
    reading = read({"connection": schema.from_rows("connection", connection_rows())}, NOTHING)
    table = reading.tables["connection"]
    assert table["mining.dialect"].to_pylist() == [
        "cryptonote", None, None, "websocket", "stratum_v2", None, None,
    ]  # fmt: skip
    assert table["mining.method"].to_pylist()[:5] == ["login", None, None, "submit", "noise_handshake"]
    assert table["mining.from_client"].to_pylist() == [True, None, None, True, True, None, None]
    rows = reading.tables["stratum"].to_pylist()
    assert [(r["event_id"], r["ordinal"], r["from_client"]) for r in rows][:2] == [(1, 0, True), (1, 1, False)]
    assert rows[0]["src_ip"] == "192.0.2.1"


def test_chunks_and_slices_are_read_at_their_own_place() -> None:
    table = schema.from_rows("connection", connection_rows())
    chunked = pa.concat_tables([table.slice(1, 3), table.slice(0, 2), table.slice(4, 3)])
    out = read({"connection": chunked}, NOTHING).tables["connection"]
    assert out["mining.dialect"].to_pylist() == [
        None, None, "websocket", "cryptonote", None, "stratum_v2", None, None,
    ]  # fmt: skip


def test_alerts_are_read_from_their_payload() -> None:
    table = schema.from_rows("alert", [{"event_id": 9, "payload": SIX[2].encode()}, {"event_id": 10}])
    out = read({"alert": table}, NOTHING)
    assert out.tables["alert"]["mining.method"].to_pylist() == ["mining.authorize", None]
    assert out.messages[0].event_id == 9


WRAPPINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "base64": base64.b64encode,
    "base64 one off": lambda data: base64.b64encode(b"x" + data),
    "base64 two off": lambda data: base64.urlsafe_b64encode(b"xy" + data),
    "hex": lambda data: data.hex().encode(),
    "x": lambda data: b"".join(b"\\x%02X" % byte for byte in data),
    "u": lambda data: b"".join(b"\\u%04x" % byte for byte in data),
    "percent": lambda data: b"".join(b"%%%02X" % byte for byte in data),
    "utf-16": lambda data: data.decode().encode("utf-16-be"),
}


@pytest.mark.parametrize("name", WRAPPINGS)
def test_the_prefilter_nominates_every_wrapping(name: str) -> None:
    column = pa.chunked_array([pa.array([WRAPPINGS[name](text.encode()) for text in SIX], pa.binary())])
    assert rows_with_words(column).tolist() == list(range(6))


def test_the_prefilter_leaves_ordinary_requests_alone() -> None:
    paths = [
        "/",
        "/index.php?page=login",
        "/jobs/submit",
        "/mining-news.html",
        "/api/v1/users?limit=10",
        "/wp-login.php",
    ]
    raw = [
        f'192.0.2.{n} - - [x] "GET {path} HTTP/1.1" 200 5 "-" "Mozilla/5.0"'.encode() for n, path in enumerate(paths)
    ]
    assert rows_with_words(pa.chunked_array([pa.array(raw, pa.binary())])).tolist() == []
