"""Escapings: undoing what was done gives the message back, for every wrapping and for two of them nested."""

from __future__ import annotations

import base64
import html
import json
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kanaria.mining.escapes import MAX_READINGS, readings, text_of
from kanaria.mining.stratum import decode

MESSAGE = '{"id": 4, "method": "mining.submit", "params": ["rig/1", "bf", "00000001", "504e86ed", "b2957c02"]}'


def apache(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def nginx(text: str) -> str:
    return "".join(f"\\x{ord(c):02X}" if c in '"\\' or ord(c) < 32 or ord(c) > 126 else c for c in text)


def unicode_quotes(text: str) -> str:
    return text.replace("\\", "\\u005c").replace('"', "\\u0022")


WRAPPINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "apache": apache,
    "apache_twice": lambda text: apache(apache(text)),
    "nginx": nginx,
    "unicode": unicode_quotes,
    "json_string": lambda text: json.dumps({"time": "2026-01-01", "request": text, "status": 400}),
    "json_in_json": lambda text: json.dumps({"log": json.dumps({"request": text})}),
    "json_three_deep": lambda text: json.dumps([json.dumps({"a": json.dumps({"m": text})})]),
    "url": lambda text: "GET /?q=" + quote(text, safe="") + " HTTP/1.1",
    "url_twice": lambda text: "/?q=" + quote(quote(text, safe=""), safe=""),
    "url_partial": lambda text: "/?q=" + quote(text, safe="{}[]:,/"),
    "form": lambda text: "q=" + quote_plus(text),
    "percent_all": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "percent_u": lambda text: "".join(f"%u{ord(c):04x}" for c in text),
    "python": lambda text: "got " + repr(json.loads(text)),
    "haproxy": lambda text: "<BADREQ> " + text.replace("#", "#23").replace('"', "#22"),
    "csv": lambda text: '"' + text.replace('"', '""') + '",400',
    "html": html.escape,
    "html_numbers": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "html_hex": lambda text: "".join(f"&#x{ord(c):x};" for c in text),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64_urlsafe": lambda text: "/?data=" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64_utf16": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    "hex": lambda text: text.encode().hex(),
    "hex_upper": lambda text: "payload=" + text.encode().hex().upper(),
    "x_all": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "u_all": lambda text: "".join(f"\\u{ord(c):04x}" for c in text),
    "url_of_base64": lambda text: "/?d=" + quote(base64.b64encode(text.encode()).decode(), safe=""),
    "json_of_nginx": lambda text: json.dumps({"message": f'"{nginx(text)}" 400 150'}),
    "json_of_url": lambda text: json.dumps({"request": "GET /?" + quote(text, safe="")}),
}


@pytest.mark.parametrize("name", WRAPPINGS)
def test_a_wrapped_message_is_the_message(name: str) -> None:
    assert decode(WRAPPINGS[name](MESSAGE)) == decode(MESSAGE)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-16"])
def test_bytes_in_any_encoding(encoding: str) -> None:
    assert decode(MESSAGE.encode(encoding)) == decode(MESSAGE)
    assert decode(nginx("".join(map(chr, MESSAGE.encode("utf-16-le"))))) == decode(MESSAGE)


FIELDS = st.text(
    alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters='"\\+%&'), max_size=30
)


@settings(max_examples=120)
@given(FIELDS, FIELDS, st.sampled_from(sorted(WRAPPINGS)))
def test_any_field_survives_any_wrapping(agent: str, password: str, name: str) -> None:
    # Python's own quoting of a text with a quote in it cannot be told from the end of the text.
    assume(name != "python" or "'" not in agent + password)
    # An empty text in a CSV field is four quotes, which is two.
    assume(name != "csv" or password)
    params = {"login": "48" + "A" * 20, "pass": password, "agent": "XMRig/6.22.0" + agent, "rigid": "r"}
    text = json.dumps({"id": 1, "jsonrpc": "2.0", "method": "login", "params": params})
    (found,) = decode(WRAPPINGS[name](text))
    assert (found.dialect, found.method, found.truncated) == ("cryptonote", "login", False)
    assert (found.wallet, found.password, found.agent) == (params["login"], password, params["agent"])


@given(st.binary(max_size=300))
def test_readings_are_bounded_and_begin_with_the_text(data: bytes) -> None:
    texts = list(readings(data))
    assert texts[0] == text_of(data)
    assert len(texts) <= MAX_READINGS
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    "piece",
    ["\\", "\\\\", "%25", "%7B%22", "&amp;", "&#34;", "\\x5c", "\\u005c", "QUJD", "2222", "\0a", "+%2B", '{"', "{"],
)
def test_work_grows_with_the_length_only(piece: str) -> None:
    def cost(length: int) -> float:
        text = piece * (length // len(piece))
        start = time.process_time()
        decode(text)
        return time.process_time() - start

    cost(2_000)
    # Twentyfold text: twentyfold work, and generous room for noise; quadratic work would be four hundredfold.
    assert cost(100_000) < 100 * cost(5_000) + 0.5
