"""Whatever the decoders read is looked at: for any respelling, the search that nominates rows finds what decodes."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Sequence

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.mining.candidates import prefilter, rows_with_words
from kanaria.mining.stratum import decode

WALLET = "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A"
HASH = "ab" * 32
MESSAGES: tuple[object, ...] = (
    {"id": 1, "method": "mining.subscribe", "params": []},
    {"id": 2, "method": "mining.something", "params": ["x"]},
    {"id": 1, "method": "login", "params": {"login": WALLET, "pass": "x", "agent": "XMRig/6.21.0"}},
    {"login": WALLET, "pass": "x", "agent": "XMRig/6.21.0"},
    {"id": 4, "method": "submit", "params": {"id": "a", "job_id": "7", "nonce": "12345678", "result": HASH}},
    {"id": 4, "job_id": "7", "nonce": "12345678", "result": HASH},
    {"jsonrpc": "2.0", "method": "job", "params": {"blob": "0a" * 43, "job_id": "7", "target": "b88d0600"}},
    {"id": 1, "method": "eth_submitLogin", "params": ["0x" + "1" * 40], "worker": "rig"},
    {"id": 1, "jsonrpc": "2.0", "method": "eth_getWork", "params": []},
    {"id": 0, "result": ["0x" + "12" * 32, "0x" + "34" * 32, "0x" + "00" * 31 + "ff"]},
    {"id": 0, "method": "getblocktemplate", "params": [{"capabilities": ["coinbasetxn"]}]},
    {"id": 0, "method": "get_block_template", "params": {"wallet_address": WALLET, "reserve_size": 8}},
    {"id": "Stratum", "jsonrpc": "2.0", "method": "getjobtemplate", "params": None},
    {"id": "login", "jsonrpc": "2.0", "method": "login", "api_key": "abc"},
    {"type": "auth", "params": {"site_key": "abc", "type": "anonymous", "user": None}},
    {"identifier": "handshake", "pool": "pool.example", "login": WALLET, "password": ""},
    {"id": 1, "result": [[["mining.notify", "ae68"]], "08000002", 4], "error": None},
    {"id": 1, "result": {"version-rolling": True, "version-rolling.mask": "1fffe000"}},
    {"id": 1, "result": {"status": "KEEPALIVED"}},
)  # fmt: skip

# One level of escaping one character, as the decoder undoes it.
ESCAPES: dict[str, Callable[[str], str]] = {
    "u": lambda c: f"\\u{ord(c):04x}",
    "U": lambda c: f"\\u{ord(c):04X}",
    "x": lambda c: f"\\x{ord(c):02X}",
    "octal": lambda c: f"\\{ord(c):03o}",
    "percent": lambda c: f"%{ord(c):02x}",
    "percent u": lambda c: f"%u{ord(c):04x}",
    "entity": lambda c: f"&#{ord(c)};",
    "entity hex": lambda c: f"&#x{ord(c):X};",
}
# Whole wrappings, of everything or of the base64 in a URL.
WRAPPINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 url": lambda text: "/?d=" + base64.urlsafe_b64encode(b"x" + text.encode()).decode().rstrip("="),
    "base64 twice": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "hex": lambda text: text.encode().hex(),
    "json string": lambda text: json.dumps({"request": text, "status": 400}),
    "apache": lambda text: text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t"),
    "nginx": lambda text: "".join(f"\\x{ord(c):02X}" if c in '"\\' or ord(c) < 32 else c for c in text),
    "utf-16": lambda text: "".join(f"{c}\\x00" for c in text),
    "base64 utf-16": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
}


@st.composite
def respellings(draw: st.DrawFn) -> str:
    """A message with blanks between its tokens, some of its characters escaped up to three deep, wrapped and wrapped again."""
    blank = draw(st.sampled_from(["", " ", " " * 30, "\t" * 30, "\n  "]))
    message = draw(st.sampled_from(MESSAGES))
    text = json.dumps(message, separators=("," + blank, ":" + blank))
    if draw(st.booleans()):
        text = text.replace("{", "{" + blank).replace("[", "[" + blank)
    for _ in range(draw(st.integers(0, 3))):
        escape = ESCAPES[draw(st.sampled_from(sorted(ESCAPES)))]
        chosen = draw(st.sampled_from(["letters", "signs", "all", "some", "marks"]))
        text = "".join(escape(c) if c.isascii() and _chosen(c, index, chosen) else c for index, c in enumerate(text))
        text = text[:6000]
    for name in draw(st.lists(st.sampled_from(sorted(WRAPPINGS)), max_size=2)):
        text = WRAPPINGS[name](text)
    return text


def _chosen(character: str, index: int, which: str) -> bool:
    return {
        "letters": character.isalpha(),
        "signs": not character.isalnum(),
        "all": True,
        "some": index % 5 == 0 and character.isalpha(),
        "marks": character in '%\\&#"',
    }[which]


def nominated(texts: Sequence[str]) -> list[int]:
    return rows_with_words(pa.chunked_array([pa.array([text.encode() for text in texts], pa.binary())])).tolist()


@settings(max_examples=150)
@given(respellings())
def test_whatever_decodes_is_nominated(text: str) -> None:
    if decode(text):
        assert nominated([text]) == [0]


@pytest.mark.parametrize("escape", sorted(ESCAPES))
@pytest.mark.parametrize("wrapping", sorted(WRAPPINGS))
def test_one_escaped_letter_hides_no_message_in_any_wrapping(escape: str, wrapping: str) -> None:
    """Every letter of the method in turn, which also proves that the wrappings decode at all."""
    text = '{"id":1,"method":"mining.subscribe","params":[]}'
    places = [index for index in range(8, 34) if text[index].isalpha()]
    spelled = [WRAPPINGS[wrapping](text[:i] + ESCAPES[escape](text[i]) + text[i + 1 :]) for i in places]
    decoded = [index for index, one in enumerate(spelled) if decode(one)]
    assert set(decoded) <= set(nominated(spelled))


def test_the_search_is_one_database_that_answers_ordinary_requests_with_nothing() -> None:
    ordinary = [
        '192.0.2.1 - - [x] "GET /wp-login.php?redirect_to=%2Fwp-admin%2F HTTP/1.1" 200 5 "-" "Mozilla/5.0 (X11)"',
        '{"method":"GET","uri":"/login","status":200,"user_agent":"Mozilla/5.0","type":"access","result":"ok"}',
        '192.0.2.1 - - [x] "GET /%E3%83%9E%E3%82%A4%E3%83%8B%E3%83%B3%E3%82%B0?a=1&b=%26%3D HTTP/1.1" 200 5 "-" "-"',
        '{"request_method":"POST","path":"/jobs/submit","params":"job=17&id=3"}',
    ]
    assert nominated(ordinary) == []
    assert len(prefilter().patterns) < 150


@pytest.mark.parametrize(
    "text",
    [
        '{"id":1,"method":"mining.subscribe","method":"GET","params":[]}',
        '{"id":1,"method":"GET","method":"mining.subscribe","params":[]}',
        '{"method":"login","params":{"login":"' + WALLET + '","pass":"x"},"params":{"a":1}}',
        '{"method":"login","params":{"login":"' + WALLET + '","pass":"x","login":7}}',
        '{"id":1,"method":"mining.subscribe","method":"GET","params":[',
    ],
)
def test_a_name_given_twice_hides_nothing(text: str) -> None:
    """Which of two values counts differs between parsers: the one that mines does."""
    assert [message.dialect for message in decode(text)] in (["stratum_v1"], ["cryptonote"])
    assert nominated([text]) == [0]


def test_many_doubled_names_cost_no_more_than_a_few_readings() -> None:
    pairs = ",".join(f'"{name}":{value}' for name in "abcdefghijklmnop" for value in range(30))
    assert decode("{" + pairs + "}") == ()


@pytest.mark.parametrize("gap", [r"\x09", r"\u0020", "%20", ":", "3a", "&quot;", "5c", r"method\x22:"])
@pytest.mark.parametrize("name", ["method", "login", "result"])
def test_a_few_rows_of_hostile_gaps_are_searched_in_time(name: str, gap: str) -> None:
    """A handful of rows too is searched by the engine that never goes back in the text."""
    text = rf"{{\x22{name}\x22" + gap * (15_000 // len(gap)) + "zzz"
    nominated([text])
    started = time.process_time()
    nominated([text])
    assert time.process_time() - started < 2
