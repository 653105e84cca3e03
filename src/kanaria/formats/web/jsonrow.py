"""One JSON object of an access log to a row, whatever its writer calls the keys.

Keys are compared without case and punctuation, nested objects are flattened with dots. Served are nginx variables,
Caddy, Traefik, ECS, Envoy, Cloudflare, Google and AWS gateways, and close relatives. A key's name tells its unit, as
documented by its writer. JSON-RPC messages standing bare on a line are requests without an HTTP line around them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import lru_cache

from kanaria.core.late_regex import late_regex
from kanaria.formats.web import values
from kanaria.formats.web.escapes import to_bytes
from kanaria.formats.web.layout import join_request
from kanaria.formats.web.values import Row

# What a key carries, by its letters and digits; several names may carry one thing, the first listed wins.
KEYS: Mapping[str, tuple[str, ...]] = {
    "request": ("request", "request_line", "http_request_line", "requestline", "request.request_line"),
    "client": (
        "remote_addr", "request.remote_ip", "request.remote_addr", "ClientHost", "ClientAddr", "client_ip",
        "clientip", "remote_ip", "remote_host", "client.ip", "client.address", "source.ip", "source.address",
        "httpRequest.remoteIp", "downstream_remote_address", "downstream_direct_remote_address", "c_ip", "src_ip",
        "srcip", "ip", "host_ip", "identity.sourceIp", "sourceIp", "remote", "client", "network.client.ip", "peer",
        "httpRequest.clientIp", "properties.clientIP", "remote_address", "transaction.remote_address",
        "transaction.client_ip", "remote_ip_address", "client_address", "data.srcip", "host_remote", "cliIP",
    ),
    "real_client": ("request.client_ip",),
    "forwarded": (
        "http_x_forwarded_for", "x_forwarded_for", "xff", "forwarded_for", "proxy_add_x_forwarded_for",
        "request.headers.X-Forwarded-For", "request_X-Forwarded-For", "http_x_real_ip", "realip",
        "requestHeaders.X-Forwarded-For", "httpRequest.headers.X-Forwarded-For",
    ),
    "method": (
        "request_method", "request.method", "RequestMethod", "http.request.method", "http_method", "httpMethod",
        "httpRequest.requestMethod", "ClientRequestMethod", "cs_method", "method", "verb", "http.method",
        "httpRequest.httpMethod", "properties.httpMethod", "reqMethod",
    ),
    "path": (
        "request_uri", "request.uri", "RequestPath", "url.original", "httpRequest.requestUrl", "ClientRequestURI",
        "url.full", "http.url", "url.path", "proxy.path", "uri", "url", "path", "request_path", "resourcePath",
        "cs_uri_stem", "target", "http.target", "document_uri", "httpRequest.uri", "properties.requestUri", "data.url",
        "uri_path", "reqPath",
    ),
    "args": (
        "args", "query_string", "url.query", "query", "cs_uri_query", "request_query", "httpRequest.args",
        "properties.requestQuery", "uri_query", "queryStr",
    ),
    "protocol": (
        "server_protocol", "request.proto", "RequestProtocol", "httpRequest.protocol", "ClientRequestProtocol",
        "protocol", "proto", "http_version", "http.flavor", "request_protocol", "request_proto",
        "httpRequest.httpVersion",
    ),
    "http_version": ("http.version",),
    "status": (
        "status", "DownstreamStatus", "http.response.status_code", "status_code", "statusCode", "httpRequest.status",
        "EdgeResponseStatus", "response_code", "response_status", "sc_status", "http_status", "code",
        "response.status", "OriginStatus", "http.status_code", "response", "response.http_code",
        "properties.httpStatus", "properties.httpStatusCode", "data.id",
    ),
    "bytes_out": (
        "body_bytes_sent", "size", "DownstreamContentSize", "http.response.body.bytes", "http.response.bytes",
        "httpRequest.responseSize", "EdgeResponseBytes", "bytes_sent", "sc_bytes", "response_size", "responseLength",
        "bytes_out", "bytes", "resp_size", "properties.sentBytes", "content_length", "response.bytes", "body_bytes",
    ),
    "bytes_in": (
        "request_length", "bytes_read", "RequestContentSize", "http.request.bytes", "http.request.body.bytes",
        "httpRequest.requestSize", "bytes_received", "bytes_in", "ClientRequestBytes", "cs_bytes",
    ),
    "seconds": (
        "request_time", "httpRequest.latency", "latency_s", "duration_s", "elapsed", "response_time", "duration",
    ),
    "millis": (
        "duration_ms", "latency_ms", "responseLatency", "time_taken", "request_time_ms", "elapsed_ms", "latency",
    ),
    "nanos": ("Duration", "event.duration"),
    "referer": (
        "http_referer", "request.headers.Referer", "request_Referer", "http.request.referrer", "httpRequest.referer",
        "ClientRequestReferer", "referer", "referrer", "cs_Referer", "http_referrer", "requestHeaders.Referer",
        "httpRequest.headers.Referer",
    ),
    "user_agent": (
        "http_user_agent", "request.headers.User-Agent", "request_User-Agent", "user_agent.original",
        "httpRequest.userAgent", "ClientRequestUserAgent", "user_agent", "userAgent", "agent", "ua", "cs_User_Agent",
        "http.user_agent", "identity.userAgent", "useragent", "requestHeaders.User-Agent",
        "httpRequest.headers.User-Agent", "properties.userAgent", "http_useragent",
    ),
    "user": ("remote_user", "user_id", "ClientUsername", "user.name", "username", "user", "cs_username", "auth"),
    "host": (
        "request.host", "RequestHost", "http_host", "url.domain", "ClientRequestHost", "authority", "vhost",
        "virtual_host", "server_name", "cs_host", "domainName", "host", "request.headers.Host",
        "httpRequest.headers.Host", "properties.host", "reqHost",
    ),
    "port": ("server_port", "destination.port", "RequestPort"),
    "server": ("server_addr", "destination.ip", "serverIp", "httpRequest.serverIp"),
    "src_port": ("remote_port", "ClientPort", "source.port", "client.port", "request.remote_port"),
    "body": ("request_body", "http.request.body.content", "req_body", "body"),
    "answer": ("resp_body", "response_body", "http.response.body.content", "upstream_response_body", "res_body"),
    "time": (
        "time_iso8601", "msec", "StartUTC", "@timestamp", "EdgeStartTimestamp", "ts", "timestamp", "time_local",
        "time", "start_time", "requestTime", "datetime", "date", "StartLocal", "requestTimeEpoch", "@t", "t",
        "time_stamp", "_time", "timeStamp", "transaction.time", "event_time", "reqTimeSec",
    ),
}  # fmt: skip
_SEPARATORS = late_regex(r"[^a-z0-9.]+")
_LONGEST_KEY = 128  # characters of a key that is remembered, with those around it
_DEPTH = 5  # of nesting that is looked into; Caddy's request headers are at 3

# Other sensors' JSON, which has readers of its own.
_FOREIGN = ("uid", "event_type", "id.orig_h", "flow_id")


def _fold(key: str) -> str:
    return _SEPARATORS.sub("", key.lower())


# "Duration" of Traefik is nanoseconds, "duration" of Caddy seconds: such names are looked up as written.
_EXACT = {name: kind for kind, names in KEYS.items() for name in names if kind == "nanos"}
_KIND: dict[str, tuple[str, int]] = {
    _fold(name): (kind, rank)
    for kind, names in reversed(list(KEYS.items()))
    for rank, name in enumerate(names)
    if name not in _EXACT
}


def web_row(record: Mapping[str, object], aliases: Mapping[str, str] | None = None) -> Row | None:
    """The row of one access log object, or None when it is no HTTP request.

    ``aliases`` maps keys of the user's own layout to kinds. Raw bytes in strings are lone surrogates (``load_json``).
    """
    if any(key in record for key in _FOREIGN):
        return None
    record = unwrapped(record)
    if "logicalUserName" in record:  # Tomcat's valve calls the client its host
        aliases = {"host": "client", **(aliases or {})}
    members = _collect(record, aliases or {})
    if "request" not in members and not ("path" in members and ("method" in members or "status" in members)):
        return None
    parts = {kind: _plain(value) for kind, value in members.items()}
    if "response_code" in record and isinstance(record.get("duration"), int) and "seconds" in parts:
        parts["millis"] = parts.pop("seconds")  # Envoy's duration is in whole milliseconds
    if "reqPath" in record and not parts.get("path", "/").startswith("/"):
        parts["path"] = f"/{parts['path']}"  # Akamai leaves the slash out
    return _assemble(members, parts)


# Objects that hold a whole record: an Elasticsearch hit, ModSecurity's audit log, Splunk's export.
WRAPPERS = ("_source", "transaction", "result", "fields", "properties")


def unwrapped(record: Mapping[str, object]) -> Mapping[str, object]:
    """The record inside a wrapper that says nothing of a request itself."""
    for key in WRAPPERS:
        inner = record.get(key)
        if key == "properties":  # Azure App Service writes an object as text
            inner = _object_in(inner)
        if isinstance(inner, dict) and "request" not in record and "url" not in record:
            return unwrapped(inner) if key == "_source" else inner
    return record


def _object_in(value: object) -> object:
    try:
        return json.loads(value) if isinstance(value, str) and value.startswith("{") else None
    except (ValueError, RecursionError):
        return None


def _collect(record: Mapping[str, object], aliases: Mapping[str, str]) -> dict[str, object]:
    ranked: dict[str, tuple[int, object]] = {}
    for key, value in _flatten(record):
        kind, rank = kind_of(key, aliases)
        if kind and value not in (None, "", "-") and (kind not in ranked or rank < ranked[kind][0]):
            ranked[kind] = (rank, value)
        elif kind == "request" and kind not in ranked:
            ranked[kind] = (rank, value)
    return {kind: value for kind, (_, value) in ranked.items()}


def kind_of(key: str, aliases: Mapping[str, str]) -> tuple[str, int]:
    """What a key carries ("" for nothing we know) and its rank among the keys of that kind, lowest first."""
    if key in aliases:
        return aliases[key], -1
    return _known_kind(key) if len(key) <= _LONGEST_KEY else _known_kind.__wrapped__(key)


@lru_cache(maxsize=1 << 12)
def _known_kind(key: str) -> tuple[str, int]:
    """Remembered: folding a key takes longer than reading its value, and every line has the same keys."""
    return (_EXACT[key], -1) if key in _EXACT else _KIND.get(_fold(key), ("", 0))


def _flatten(record: Mapping[str, object], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, object]]:
    for key, value in record.items():
        if isinstance(value, dict):
            if depth < _DEPTH:
                yield from _flatten(value, f"{prefix}{key}.", depth + 1)
        elif (
            isinstance(value, list)
            and value
            and all(isinstance(i, dict) and {"name", "value"} <= i.keys() for i in value)
        ):
            for item in value:  # AWS writes headers as pairs
                yield f"{prefix}{key}.{item['name']}", item["value"]
        else:
            yield prefix + key, value[0] if isinstance(value, list) and value else value


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.9f}"
    return value if isinstance(value, str) else "" if value is None else str(value)


def _assemble(members: Mapping[str, object], parts: dict[str, str]) -> Row:
    row: Row = {}
    if "request" in parts:
        values.set_request(row, to_bytes(parts["request"]))
    else:
        join_request(row, parts)
    row["time"] = values.any_time(members.get("time"))
    row["src_ip"], row["src_port"] = values.client(parts.get("client", ""), parts.get("forwarded", ""))
    if "real_client" in parts:  # Caddy worked it out from its trusted proxies
        row["src_ip"], row["src_port"] = values.address(parts["real_client"])[0], None
    if "src_port" in parts:
        row["src_port"] = values.small_integer(parts["src_port"])
    row["host"], row["dst_port"] = values.address(parts.get("host", ""))
    if "port" in parts:
        row["dst_port"] = values.small_integer(parts["port"])
    row["dst_ip"] = values.address(parts.get("server", ""))[0]
    _numbers(row, parts)
    for column in ("referer", "user_agent", "user"):
        if column in parts:
            row[column] = values.text_or_none(to_bytes(parts[column]))
    if "body" in parts:
        row["request_body"] = to_bytes(parts["body"])
    if "answer" in parts:
        row["response_body"] = to_bytes(parts["answer"])
    return row


def _numbers(row: Row, parts: Mapping[str, str]) -> None:
    row["status"] = values.small_integer(parts.get("status", ""))
    row["bytes_out"] = values.integer(parts.get("bytes_out", "").partition(".")[0])
    row["bytes_in"] = values.integer(parts.get("bytes_in", "").partition(".")[0])
    for kind, power in (("seconds", 6), ("millis", 3), ("nanos", -3)):
        if kind in parts and row.get("duration_us") is None:
            row["duration_us"] = values.scaled(parts[kind].rstrip("s"), power)


_RPC_MEMBERS = frozenset((
    "id", "jsonrpc", "method", "params", "result", "error", "worker", "agent", "algo", "height", "reject-reason", "seq",
    "cmd", "rpc", "ver",
))  # fmt: skip
"""What JSON-RPC 1.0 and 2.0 put into a message, and what Stratum's relatives add (Ethereum proxies, Grin, pools)."""
_HTTP_METHODS = frozenset(("GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "PROPFIND"))


def is_json_rpc(record: object) -> bool:
    """Whether a JSON value is a JSON-RPC call or answer (or a batch of them): its shape, not its method names."""
    if isinstance(record, list):
        return bool(record) and all(isinstance(item, dict) and is_json_rpc(item) for item in record)
    if not isinstance(record, dict):
        return False
    return rpc_members(record.keys(), record.get("method")) or _of_browser_miner(record)


def rpc_members(members: AbstractSet[str], method: object) -> bool:
    """Whether an object with these members is such a message. One that has others beside them is a record of something
    else, unless it says ``jsonrpc``, or names a method with its parameters."""
    if "jsonrpc" in members:
        return True
    call = isinstance(method, str) and method.upper() not in _HTTP_METHODS and "status" not in members
    if call and "params" in members:
        return True
    answer = "result" in members or "error" in members
    return "id" in members and (call or answer) and members <= _RPC_MEMBERS


_BROWSER_MINER: Mapping[str, frozenset[str]] = {
    "auth": frozenset({"site_key", "sitekey", "siteKey", "site-key"}), "authed": frozenset({"hashes"}),
    "job": frozenset({"blob"}), "submit": frozenset({"nonce"}), "hash_accepted": frozenset({"hashes"}),
}  # fmt: skip
"""Messages of CoinHive's protocol and its imitations, with one of the parameters that each has."""


def _of_browser_miner(record: Mapping[object, object]) -> bool:
    kind, given = record.get("type"), record.get("params")
    return isinstance(kind, str) and isinstance(given, dict) and not _BROWSER_MINER.get(kind, _NONE).isdisjoint(given)


_NONE: frozenset[str] = frozenset()


_CARRYING = (
    "MESSAGE", "full_log", "log", "message", "msg", "line", "Line", "event.original", "event", "@message", "_raw",
    "full_message", "short_message", "textPayload", "body", "raw",
)  # fmt: skip


def inner_line(record: Mapping[str, object]) -> tuple[bytes, int | None, str | None, str | None] | None:
    """The log line a collector wrapped into JSON, with its time, host and program; None when nothing is wrapped.

    journald's ``MESSAGE`` may be a list of byte values; Docker's ``log`` ends in a newline.
    """
    record = unwrapped(record)
    for key in _CARRYING:
        value = record.get(key)
        if isinstance(value, list) and value and all(isinstance(item, int) and 0 <= item < 256 for item in value):
            return (bytes(value), *_wrapper(record))
        if isinstance(value, list) and len(value) == 1:  # Kibana's fields
            value = value[0]
        if isinstance(value, str) and len(value) > 1:
            return (to_bytes(value).rstrip(b"\r\n"), *_wrapper(record))
    return None


def _wrapper(record: Mapping[str, object]) -> tuple[int | None, str | None, str | None]:
    time = next((record[k] for k in ("__REALTIME_TIMESTAMP", "time", "@timestamp", "timestamp") if k in record), None)
    host = next((record[k] for k in ("_HOSTNAME", "hostname", "host") if isinstance(record.get(k), str)), None)
    name = next(
        (record[k] for k in ("SYSLOG_IDENTIFIER", "program", "appname") if isinstance(record.get(k), str)), None
    )
    return values.any_time(time), host, name  # type: ignore[return-value]
