"""Ordinary JSON-RPC and API traffic with the same words: none of it is mining."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.mining.stratum import decode, decode_stream

BENIGN: dict[str, object] = {
    "login by name": {"method": "login", "params": {"username": "bob", "password": "x"}, "id": 1},
    "login by mail": {"method": "login", "params": {"email": "bob@example.com", "password": "x"}},
    "login and password": {"jsonrpc": "2.0", "method": "login", "params": {"login": "bob", "password": "x"}, "id": 1},
    "login list": {"jsonrpc": "2.0", "method": "login", "params": ["bob", "secret"], "id": 1},
    "login alone": {"jsonrpc": "2.0", "method": "login", "params": {"login": "bob"}, "id": 1},
    "login with token": {"method": "login", "params": {"login": "bob", "pass": "x", "csrf": "t", "remember": True}},
    "login at a router": {"method": "login", "params": {"login": "admin", "pass": "x"}, "session": "0" * 32, "lang": "de"},
    "login at an interface": {"login": "bob", "pass": "x"},
    "odoo": {"jsonrpc": "2.0", "params": {"db": "prod", "login": "admin", "password": "admin"}},
    "odoo service": {"jsonrpc": "2.0", "method": "call", "params": {"service": "common", "method": "login", "args": ["db", "u", "p"]}},
    "ubus": {"jsonrpc": "2.0", "id": 1, "method": "call", "params": ["0" * 32, "session", "login", {"username": "root", "password": "x"}]},
    "electrum version": {"id": 0, "method": "server.version", "params": ["electrum/4.5", "1.4"]},
    "electrum subscribe": {"id": 1, "method": "blockchain.scripthash.subscribe", "params": ["ab" * 32]},
    "electrum headers": {"id": 2, "method": "blockchain.headers.subscribe", "params": []},
    "ethereum node": {"jsonrpc": "2.0", "method": "web3_clientVersion", "params": [], "id": 67},
    "ethereum height": {"jsonrpc": "2.0", "method": "eth_blockNumber", "params": [], "id": 83},
    "ethereum balance": {"jsonrpc": "2.0", "method": "eth_getBalance", "params": ["0x" + "a" * 40, "latest"], "id": 1},
    "ethereum is mining?": {"jsonrpc": "2.0", "method": "eth_mining", "params": [], "id": 1},
    "ethereum transaction": {"jsonrpc": "2.0", "method": "eth_sendRawTransaction", "params": ["0x" + "ab" * 100], "id": 1},
    "ethereum hashes": {"jsonrpc": "2.0", "id": 1, "result": {"hash": "0x" + "ab" * 32, "parentHash": "0x" + "ab" * 32}},
    "two hashes": {"jsonrpc": "2.0", "id": 1, "result": ["0x" + "ab" * 32, "0x" + "cd" * 32]},
    "accounts": {"jsonrpc": "2.0", "id": 1, "result": ["0x" + "ab" * 20] * 4},
    "bitcoin info": {"jsonrpc": "1.0", "id": "c", "method": "getblockchaininfo", "params": []},
    "bitcoin block": {"jsonrpc": "1.0", "id": "c", "method": "getblock", "params": ["00" * 32]},
    "bitcoin mining info": {"jsonrpc": "1.0", "id": "c", "method": "getmininginfo", "params": []},
    "submit a form": {"method": "submit", "params": {"form": "contact", "nonce": "98024001", "result": "ok"}},
    "wordpress nonce": {"action": "submit", "nonce": "a1b2c3d4e5", "job_id": 12},
    "kubernetes job": {"kind": "Job", "apiVersion": "batch/v1", "metadata": {"name": "x"}, "job_id": "1"},
    "ci job": {"method": "job", "params": {"job_id": "7", "target": "deploy", "status": "running"}},
    "print job": {"jsonrpc": "2.0", "method": "job", "params": {"id": 1, "blob": "ZGF0YQ==", "job_id": "3", "target": "lp0"}},
    "spark job": {"jobId": 1, "status": "SUCCEEDED", "result": {"job": {"id": 1, "name": "count"}, "status": "OK"}},
    "jenkins": {"method": "build", "params": {"job": "deploy", "token": "abc"}},
    "language server": {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"processId": 1, "capabilities": {}}},
    "mcp": {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "submit", "arguments": {"job_id": "1"}}},
    "aria2": {"jsonrpc": "2.0", "id": "q", "method": "aria2.addUri", "params": ["token:x", ["http://example.com/a"]]},
    "kodi": {"jsonrpc": "2.0", "id": 1, "method": "Player.GetActivePlayers"},
    "zabbix": {"jsonrpc": "2.0", "method": "user.login", "params": {"user": "Admin", "password": "zabbix"}, "id": 1},
    "zabbix agent": {"request": "active checks", "host": "example", "version": "6.0"},
    "transmission": {"method": "session-get", "arguments": {}},
    "true": {"id": 1, "result": True, "error": None},
    "ok": {"id": 1, "jsonrpc": "2.0", "error": None, "result": {"status": "OK"}},
    "socket auth": {"type": "auth", "params": {"token": "abc", "type": "bearer"}},
    "home assistant": {"type": "auth", "access_token": "abc"},
    "socket submit": {"type": "submit", "params": {"form": 1, "result": "ok", "nonce": "x"}},
    "socket job": {"type": "job", "params": {"job_id": "1", "state": "done"}},
    "captcha": {"type": "verify", "params": {"sitekey": "abc", "response": "def"}},
    "game handshake": {"identifier": "handshake", "version": 7, "client": "example"},
    "actioncable": {"command": "subscribe", "identifier": "{\"channel\":\"JobChannel\"}"},
    "pool api": {"config": {"ports": [{"port": 3333, "difficulty": 1000}]}, "pool": {"hashrate": 1, "miners": 2}},
    "mining company": {"method": "POST", "path": "/mining.html", "title": "Data mining.subscribe now"},
    "article": {"title": "How mining.submit works", "tags": ["mining.notify", "stratum"]},
    "beam the band": {"method": "login", "user": "beam", "id": "login"},
    "reconnect": {"method": "client.reconnect", "params": {"delay": 3}},
    "result code": {"method": "result", "code": 0, "description": "Success", "id": "login"},
    "graphql": {"operationName": "login", "variables": {"login": "bob", "pass": "x"}, "query": "mutation login"},
    "keepalive": {"method": "keepalive", "params": []},
    "telegram": {"method": "sendMessage", "chat_id": 1, "text": "login submit job"},
}  # fmt: skip


@pytest.mark.parametrize("name", BENIGN)
def test_ordinary_traffic_is_not_mining(name: str) -> None:
    text = json.dumps(BENIGN[name])
    assert decode(text) == ()
    assert decode(text.replace('"', '\\"')) == ()
    assert decode_stream(text.encode(), b'{"id":1,"result":true,"error":null}') == ()


@pytest.mark.parametrize(
    "line",
    [
        '192.0.2.1 - - [01/Jan/2026:00:00:00 +0000] "GET /mining.html HTTP/1.1" 200 5 "-" "Mozilla/5.0"',
        '192.0.2.1 - - [01/Jan/2026:00:00:00 +0000] "GET /login?pass=x&agent=y HTTP/1.1" 200 5 "-" "curl/8"',
        '192.0.2.1 - - [01/Jan/2026:00:00:00 +0000] "GET /blog/how-eth_getWork-works HTTP/1.1" 200 5 "-" "-"',
        '192.0.2.1 - - [01/Jan/2026:00:00:00 +0000] "GET /?q=mining.submit+stratum HTTP/1.1" 200 5 "-" "-"',
        "POST /submit HTTP/1.1\r\nHost: example.com\r\nContent-Type: text/plain\r\n\r\njob_id=1&nonce=2&result=3",
        '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', "SSH-2.0-OpenSSH_9.2", "", "{}", "[]", '{"', "null",
    ],
)  # fmt: skip
def test_ordinary_lines_are_not_mining(line: str) -> None:
    assert decode(line) == ()
    assert decode(line.encode()) == ()


WORDS = st.sampled_from(["login", "submit", "job", "id", "method", "params", "result", "user", "pass", "nonce", "type"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150)
@given(st.dictionaries(WORDS, VALUES, max_size=6))
def test_the_words_alone_do_not_make_a_message(value: dict[str, object]) -> None:
    found = decode(json.dumps(value))
    # The one thing these words can spell is a login with login and pass, and then only as a guess.
    assert all(m.method == "login" and m.fields["confidence"] in ("0.6", "0.8") for m in found)


@settings(max_examples=200)
@given(st.binary(max_size=400), st.binary(max_size=200))
def test_any_bytes_decode_without_error(client: bytes, server: bytes) -> None:
    assert isinstance(decode(client), tuple)
    assert isinstance(decode_stream(client, server), tuple)


@settings(max_examples=150)
@given(st.text(alphabet='{}[]",:\\ \n0a"methodpramsinglu._%7B+&;#x', max_size=200))
def test_any_text_of_protocol_letters_decodes_without_error(text: str) -> None:
    assert isinstance(decode(text), tuple)
