"""Requests out of HAR files, as browsers' developer tools and intercepting proxies save them (HTTP Archive 1.2).

In: an entry of ``log.entries``. Out: one access log object for the request, and a row of a connection where messages of
a WebSocket were kept. Nothing says who asked, as no HAR does.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from kanaria.core.glossary import BROWSER
from kanaria.core.late_regex import late_regex
from kanaria.core.network import parse_address
from kanaria.formats.carriers.messages import moment
from kanaria.formats.web.forward import target

Object = Mapping[str, object]

MARK = "startedDateTime"
"""What every entry has and nothing else, also in the objects that go out."""
_BEGINS = late_regex(rb'(?:\xef\xbb\xbf)?\s*\{\s*"log"\s*:\s*\{\s*"(?:version|creator)"\s*:')
SENT, RECEIVED = "websocket_sent", "websocket_received"
"""Members for what either side sent on a WebSocket."""
_LONGEST = 64 << 10
"""Characters of a body that are kept; a HAR holds pictures and scripts of megabytes, a mining message has a line."""


def is_archive(head: bytes) -> bool:
    """Whether an input begins as a HAR does."""
    return _BEGINS.match(head) is not None


def is_entry(value: Object) -> bool:
    """Whether an object is an entry of a HAR."""
    return isinstance(value.get(MARK), str) and isinstance(value.get("request"), dict)


def request_of(entry: Object) -> dict[str, object]:
    """The request, with the messages that followed on it."""
    asked, answered = _object(entry.get("request")), _object(entry.get("response"))
    headers = _headers(asked)
    around: dict[str, object] = {
        MARK: entry[MARK], "time_iso8601": entry[MARK], "request_method": asked.get("method"),
        "request_uri": asked.get("url"), "server_protocol": asked.get("httpVersion") or None,
        "server_addr": entry.get("serverIPAddress"), "status": answered.get("status") or None,
        "http_user_agent": headers.get("user-agent"), "http_referer": headers.get("referer"),
    }  # fmt: skip
    return {
        **around, "body_bytes_sent": _size(answered),
        "request_body": _text(asked.get("postData")), "response_body": _text(answered.get("content")),
        **_messages(entry.get("_webSocketMessages")),
    }  # fmt: skip


def connection_of(request: Object) -> dict[str, object] | None:
    """The row of ``connection`` for a request that became a WebSocket on which something was said."""
    payloads = {"src_first": request.get(SENT), "dst_first": request.get(RECEIVED)}
    if not any(payloads.values()):
        return None
    host, port = target(str(request["request_uri"]))
    secure = str(request["request_uri"]).startswith(("wss:", "https:"))
    address = request.get("server_addr")
    server = address.strip("[]") if isinstance(address, str) and parse_address(address.strip("[]")) else None
    return {
        "time": moment(request[MARK]), "device": BROWSER, "direction": "outbound", "remote": server or host,
        "dst_ip": server, "dst_port": port or (443 if secure else 80), "transport": "tcp", "sni": host, "open": True,
        **{name: text.encode("utf-8", "replace") for name, text in payloads.items() if isinstance(text, str)},
    }  # fmt: skip


def without_messages(request: Object) -> Object:
    """The request alone."""
    return {name: value for name, value in request.items() if name not in (SENT, RECEIVED)}


def _messages(messages: object) -> dict[str, object]:
    """What either side sent on a WebSocket, a line each, as Chrome's tools note it."""
    listed = [one for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []
    texts_of: dict[str, object] = {}
    for name, sent in ((SENT, True), (RECEIVED, False)):
        texts = [
            one["data"] for one in listed if isinstance(one.get("data"), str) and (one.get("type") == "send") == sent
        ]
        if texts:
            texts_of[name] = "\n".join(texts)[:_LONGEST]
    return texts_of


def _object(value: object) -> Object:
    return value if isinstance(value, dict) else {}


def _headers(asked: Object) -> dict[str, object]:
    headers = asked.get("headers")
    pairs = [one for one in headers if isinstance(one, dict)] if isinstance(headers, list) else []
    return {str(one.get("name")).lower(): one.get("value") for one in pairs}


def _size(answered: Object) -> object:
    size = answered.get("bodySize")
    return size if isinstance(size, int) and size >= 0 else None


def _text(value: object) -> str | None:
    """The beginning of a body, decoded where the archive keeps it in Base64."""
    body = _object(value)
    text = body.get("text")
    if not isinstance(text, str) or not text:
        return None
    text = text[:_LONGEST]
    if body.get("encoding") != "base64":
        return text
    try:
        return base64.b64decode(text[: len(text) // 4 * 4]).decode("utf-8", "surrogateescape")
    except (ValueError, binascii.Error):
        return text
