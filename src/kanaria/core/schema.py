"""The normalised tables, one Arrow schema each, with the mapping to OCSF 1.8 and ECS beside every column.

Column names are ours, short snake_case. ``src`` is who opened the connection (the client), ``dst`` who answered;
``device`` is the internal side and ``remote`` the external one (see ``core.network``). Times are UTC microseconds,
durations ``int64`` microseconds, sizes bytes. A column a sensor cannot know is null, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa

from kanaria.core.schema_hosts import ALERT, EVENT, HOST, MINER, PROCESS
from kanaria.core.schema_parts import COMMON, TIME, Column, TableSchema, table

Tables = Mapping[str, pa.Table]
"""Tables by name, as they pass from stage to stage."""

__all__ = [
    "ALERT",
    "COMMON",
    "CONNECTION",
    "DNS",
    "EVENT",
    "HOST",
    "HTTP",
    "LOGON",
    "MESSAGES",
    "MINER",
    "PAIRS",
    "PROCESS",
    "RDP",
    "SMB",
    "STRATUM",
    "TABLES",
    "TIME",
    "TLS",
    "Column",
    "TableSchema",
    "Tables",
    "conform",
    "empty",
    "from_rows",
]  # fmt: skip

MESSAGES = pa.list_(
    pa.struct([pa.field("from_client", pa.bool_()), pa.field("length", pa.int32()), pa.field("time", pa.int64())])
)
"""The first payload-bearing messages of a flow: who sent it, its bytes, microseconds since the flow began."""

PAIRS = pa.list_(
    pa.struct(
        [
            pa.field("request", pa.int32()),
            pa.field("answer", pa.int32()),
            pa.field("count", pa.int64()),
            pa.field("delay_us", pa.int64()),
        ]
    )
)
"""The commonest (client length, next server length) pairs, how often each came, and the median delay."""


RESOLVED = "names of allowed pools that a resolver not of the client's choosing gave for the server's address"

HTTP = table(
    "http",
    "One request as a web server, proxy or sensor saw it.",
    4002,
    Column(
        "method",
        pa.string(),
        "request method; null when the request line is malformed",
        "http_request.http_method",
        "http.request.method",
    ),
    Column("url", pa.string(), "request target as sent: path and query", "http_request.url.url_string", "url.original"),
    Column("host", pa.string(), "Host header or virtual host", "http_request.url.hostname", "url.domain"),
    Column("protocol", pa.string(), "HTTP version as sent", "http_request.version", "http.version"),
    Column("status", pa.int32(), "status code of the answer", "http_response.code", "http.response.status_code"),
    Column("bytes_out", pa.int64(), "bytes of the answer", "traffic.bytes_out", "http.response.bytes"),
    Column("bytes_in", pa.int64(), "bytes of the request", "traffic.bytes_in", "http.request.bytes"),
    Column("duration_us", pa.int64(), "time taken to answer", "duration", "event.duration"),
    Column("referer", pa.string(), "Referer header", "http_request.referrer", "http.request.referrer"),
    Column("user_agent", pa.string(), "User-Agent header", "http_request.user_agent", "user_agent.original"),
    Column("user", pa.string(), "authenticated user", "actor.user.name", "user.name"),
    Column("request", pa.binary(), "the request line byte for byte, log escapes undone", "", "http.request.line"),
    Column("request_body", pa.binary(), "first bytes of the request body, where seen", "", "http.request.body.content"),
    Column(
        "response_body", pa.binary(), "first bytes of the answer's body, where seen", "", "http.response.body.content"
    ),
    Column("raw", pa.binary(), "the record as it stood in the source", "raw_data", "event.original"),
)

CONNECTION = table(
    "connection",
    "One transport flow, finished or still open.",
    4001,
    Column("transport", pa.string(), "tcp, udp, icmp, …", "connection_info.protocol_name", "network.transport"),
    Column(
        "service",
        pa.string(),
        "application protocol seen in the bytes: tls, http, rdp, smb, ssh, dns, stratum, …",
        "app_name",
        "network.protocol",
    ),
    Column("duration_us", pa.int64(), "first to last packet", "duration", "event.duration"),
    Column("src_bytes", pa.int64(), "IP bytes sent by the client", "traffic.bytes_out", "source.bytes"),
    Column("dst_bytes", pa.int64(), "IP bytes sent by the server", "traffic.bytes_in", "destination.bytes"),
    Column("src_packets", pa.int64(), "packets sent by the client", "traffic.packets_out", "source.packets"),
    Column("dst_packets", pa.int64(), "packets sent by the server", "traffic.packets_in", "destination.packets"),
    Column("src_payload", pa.int64(), "payload bytes sent by the client", "", ""),
    Column("dst_payload", pa.int64(), "payload bytes sent by the server", "", ""),
    Column("state", pa.string(), "Zeek's conn_state: S0 SF REJ RSTO S1 OTH …", "connection_info.flag_history", ""),
    Column("history", pa.string(), "Zeek's history letters", "", ""),
    Column("open", pa.bool_(), "reported before it ended", "", ""),
    Column("src_first", pa.binary(), "first payload bytes of the client", "", ""),
    Column("dst_first", pa.binary(), "first payload bytes of the server", "", ""),
    Column("messages", MESSAGES, "first 200 payload-bearing messages", "", ""),
    Column("pairs", PAIRS, "commonest request and answer lengths", "", ""),
    Column("src_messages", pa.int64(), "payload-bearing messages of the client", "", ""),
    Column("dst_messages", pa.int64(), "payload-bearing messages of the server", "", ""),
    Column("src_gap_mean_us", pa.int64(), "mean gap between client messages", "", ""),
    Column("src_gap_cv", pa.float64(), "coefficient of variation of those gaps", "", ""),
    Column(
        "sni",
        pa.string(),
        "TLS server name, HTTP host or DNS name of the server, where known",
        "tls.sni",
        "tls.client.server_name",
    ),
    Column(
        "names",
        pa.list_(pa.string()),
        "all names the client had resolved to the server's address, earliest first, where it gave none itself",
        "",
        "",
    ),
    Column("resolved", pa.list_(pa.string()), RESOLVED, "", ""),
    Column(
        "process",
        pa.string(),
        "program that owns the connection, where a host sensor knows",
        "actor.process.name",
        "process.name",
    ),
)

DNS = table(
    "dns",
    "One DNS question with its answer.",
    4003,
    Column("transport", pa.string(), "tcp or udp", "connection_info.protocol_name", "network.transport"),
    Column("query", pa.string(), "name asked for, lower case, no final dot", "query.hostname", "dns.question.name"),
    Column("query_type", pa.string(), "A, AAAA, MX, …", "query.type", "dns.question.type"),
    Column("rcode", pa.string(), "NOERROR, NXDOMAIN, …", "rcode", "dns.response_code"),
    Column("answers", pa.list_(pa.string()), "addresses or names answered", "answers", "dns.resolved_ip"),
    Column("ttl", pa.int64(), "smallest TTL in seconds", "", "dns.answers.ttl"),
    Column(
        "process",
        pa.string(),
        "program that asked, where a host sensor knows",
        "actor.process.name",
        "process.name",
    ),
)

TLS = table(
    "tls",
    "One TLS handshake.",
    4001,
    Column("resolved", pa.list_(pa.string()), RESOLVED, "", ""),
    Column("version", pa.string(), "TLSv1.2, TLSv1.3, …", "tls.version", "tls.version"),
    Column("sni", pa.string(), "server name asked for", "tls.sni", "tls.client.server_name"),
    Column("alpn", pa.list_(pa.string()), "protocols offered", "tls.alert", "tls.next_protocol"),
    Column("ja4", pa.string(), "JA4 fingerprint of the client", "tls.ja4_fingerprint_list", "tls.client.ja4"),
    Column("subject", pa.string(), "server certificate subject", "tls.certificate.subject", "tls.server.subject"),
    Column("issuer", pa.string(), "server certificate issuer", "tls.certificate.issuer", "tls.server.issuer"),
    Column("self_signed", pa.bool_(), "subject equals issuer", "", ""),
    Column("established", pa.bool_(), "the handshake completed", "", "tls.established"),
    Column("cipher", pa.string(), "cipher suite chosen", "tls.cipher", "tls.cipher"),
)

RDP = table(
    "rdp",
    "One Remote Desktop connection attempt.",
    4005,
    Column("cookie", pa.string(), "mstshash user in the X.224 request", "identifier_cookie", "user.name"),
    Column("routing_token", pa.string(), "load balancer token instead of a cookie", "", ""),
    Column(
        "requested_protocols", pa.string(), "standard, tls, credssp, rdstls, …; comma separated", "protocol_ver", ""
    ),
    Column("security", pa.string(), "protocol the server chose", "", ""),
    Column("client_name", pa.string(), "computer name the client gave", "src_endpoint.hostname", "source.domain"),
    Column(
        "result",
        pa.string(),
        "refused, handshake, encrypted, likely_success, likely_failure, success, failure",
        "status",
        "event.outcome",
    ),
    Column("answered", pa.bool_(), "the server spoke RDP back", "", ""),
)

SMB = table(
    "smb",
    "One SMB session or file action.",
    4006,
    Column("version", pa.string(), "SMB1, SMB2.1, SMB3.1.1, …", "dialect", ""),
    Column(
        "action", pa.string(), "negotiate, session_setup, tree_connect, file_open, …", "activity_name", "event.action"
    ),
    Column("share", pa.string(), "share path", "share", ""),
    Column("path", pa.string(), "file or named pipe", "file.path", "file.path"),
    Column("user", pa.string(), "NTLM user, where clear", "actor.user.name", "user.name"),
    Column("domain", pa.string(), "NTLM domain", "actor.user.domain", "user.domain"),
    Column("client_name", pa.string(), "NTLM workstation", "src_endpoint.hostname", "source.domain"),
    Column("status", pa.string(), "NT status name", "status_code", "event.outcome"),
    Column("answered", pa.bool_(), "the server spoke SMB back", "", ""),
)

LOGON = table(
    "logon",
    "One logon attempt on any service: Windows, SSH, RDP, SMB, FTP.",
    3002,
    Column("service", pa.string(), "windows, ssh, rdp, smb, ftp, sudo, …", "service.name", "event.provider"),
    Column("user", pa.string(), "account tried", "user.name", "user.name"),
    Column("domain", pa.string(), "its domain", "user.domain", "user.domain"),
    Column(
        "logon_type",
        pa.int32(),
        "Windows logon type: 3 network, 10 remote interactive, …",
        "logon_type_id",
        "winlog.logon.id",
    ),
    Column("success", pa.bool_(), "true, false, or null when the record does not say", "status", "event.outcome"),
    Column("method", pa.string(), "password, publickey, ntlm, kerberos, …", "auth_protocol", ""),
    Column("reason", pa.string(), "failure code or text", "status_detail", "event.reason"),
    Column("event_code", pa.int32(), "Windows event id", "metadata.event_code", "event.code"),
    Column("channel", pa.string(), "Windows channel", "metadata.log_name", "winlog.channel"),
    Column("privileged", pa.bool_(), "an administrative account or elevated token", "", ""),
    Column("client_name", pa.string(), "workstation name the client gave", "src_endpoint.hostname", "source.domain"),
    Column("host_name", pa.string(), "host that wrote the record", "device.hostname", "host.name"),
)

STRATUM = table(
    "stratum",
    "One mining protocol message, wherever it was found. event_id is that of the record it was found in.",
    0,
    Column("found_in", pa.string(), "table of the record: http, connection, alert", "", ""),
    Column("ordinal", pa.int32(), "number of the message inside its record, from 0", "", ""),
    Column(
        "dialect",
        pa.string(),
        "stratum_v1, cryptonote, eth_proxy, ethereum_stratum, getwork, zcash, stratum_v2, …",
        "",
        "",
    ),
    Column("method", pa.string(), "method or message name", "", ""),
    Column("from_client", pa.bool_(), "true miner to pool, false pool to miner, null unknown", "", ""),
    Column("accepted", pa.bool_(), "of an answer: whether it gives what was asked for; null when it is none", "", ""),
    Column("coin", pa.string(), "coin or family", "", ""),
    Column("wallet", pa.string(), "payout address or login", "", ""),
    Column("worker", pa.string(), "worker name", "", ""),
    Column("password", pa.string(), "password as sent", "", ""),
    Column("agent", pa.string(), "miner's own name", "", ""),
    Column("algorithms", pa.list_(pa.string()), "algorithms offered", "", ""),
)

TABLES: Mapping[str, TableSchema] = {
    table.name: table
    for table in (HTTP, CONNECTION, DNS, TLS, RDP, SMB, LOGON, ALERT, HOST, PROCESS, EVENT, MINER, STRATUM)
}


def empty(name: str) -> pa.Table:
    """An empty table of that name with every column in place."""
    return TABLES[name].arrow.empty_table()


def conform(name: str, columns: Mapping[str, object] | pa.Table, rows: int | None = None) -> pa.Table:
    """Bring columns into the table's schema: right order, right types, missing ones null.

    ``columns`` maps names to Arrow arrays or Python sequences of one length; ``rows`` is needed only when it is empty.
    Raises KeyError for a column the schema does not have (a format must not invent columns).
    """
    schema = TABLES[name].arrow
    given: Mapping[str, object] = (
        {n: columns.column(n) for n in columns.column_names} if isinstance(columns, pa.Table) else columns
    )
    unknown = set(given) - set(schema.names)
    if unknown:
        raise KeyError(f"{name} has no columns {sorted(unknown)}")  # noqa: EM102
    count = rows if rows is not None else max((len(value) for value in given.values()), default=0)  # type: ignore[arg-type]
    return pa.table([_typed(given.get(field.name), field.type, count) for field in schema], schema=schema)


def from_rows(name: str, rows: Iterable[Mapping[str, object]]) -> pa.Table:
    """A table from a few dictionaries; keys that are missing become null."""
    return pa.Table.from_pylist(list(rows), schema=TABLES[name].arrow)


def _typed(value: object, kind: pa.DataType, count: int) -> object:
    if value is None:
        return pa.nulls(count, kind)
    if isinstance(value, (pa.Array, pa.ChunkedArray)):
        return value if value.type.equals(kind) else value.cast(kind)
    return pa.array(value, kind)
