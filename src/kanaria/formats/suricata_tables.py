"""From the JSON fields of one Suricata event type to the columns of our tables, one short function per type.

Field names are those of Suricata's EVE documentation (https://docs.suricata.io/en/latest/output/eve/eve-json-format.html).
Suricata counts bytes of whole packets, link layer included (14 bytes more per packet on Ethernet than IP bytes).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from kanaria.core.distinct import map_distinct
from kanaria.formats import flow_state
from kanaria.formats.columns import flat, iso_to_time
from kanaria.formats.zeek_tables import dns_name, one_item, rdp_security, smallest, tls_version

Columns = dict[str, Any]
TEXT, INT = pa.string(), pa.int64()
_TEXTS = pa.list_(TEXT)


def _struct(texts: str = "", ints: str = "", **others: pa.DataType) -> pa.StructType:
    fields = [(name, TEXT) for name in texts.split()] + [(name, INT) for name in ints.split()]
    return pa.struct([*fields, *others.items()])


_COUNTS = _struct("start end state reason src_ip dest_ip", "pkts_toserver pkts_toclient bytes_toserver bytes_toclient "
                  "src_port dest_port")  # fmt: skip
_TCP = _struct("tcp_flags tcp_flags_ts tcp_flags_tc state")
_HTTP = _struct(
    "hostname url http_user_agent http_refer http_method protocol http_request_body http_request_body_printable "
    "http_response_body http_response_body_printable", "status length",
)  # fmt: skip
_QUESTIONS = pa.list_(_struct("rrname rrtype"))
_ANSWERS = pa.list_(_struct("rrname rrtype rdata", "ttl"))
_DNS = _struct("type rrname rrtype rcode rdata", "id ttl", queries=_QUESTIONS, answers=_ANSWERS)
_TLS = _struct("subject issuerdn sni version ja4", client_alpns=_TEXTS)
_QUIC = _struct("version sni ja4")
_RDP = _struct("event_type cookie protocol reason", server_supports=_TEXTS, client=_struct("client_name"))
_SMB = _struct(
    "dialect command status share filename named_pipe disposition", ntlmssp=_struct("domain user host"),
    client_dialects=_TEXTS,
)  # fmt: skip
_ALERT = _struct("signature category action", "signature_id severity gid rev")
_ANOMALY = _struct("type event layer app_proto")
_SSH = _struct(client=_struct("proto_version software_version"), server=_struct("proto_version software_version"))
_NETFLOW = _struct("start end", "pkts bytes age")

_COMMON = [
    ("timestamp", TEXT), ("flow_id", INT), ("src_ip", TEXT), ("src_port", INT), ("dest_ip", TEXT), ("dest_port", INT),
    ("proto", TEXT), ("community_id", TEXT), ("app_proto", TEXT), ("icmp_type", INT), ("icmp_code", INT),
]  # fmt: skip


def _schema(**fields: pa.DataType) -> pa.Schema:
    return pa.schema([*_COMMON, *fields.items()])


def get(table: pa.Table, *path: str) -> pa.Array:
    """A nested field as a flat array, null wherever a parent is null."""
    import pyarrow.compute as pc

    column = flat(table[path[0]])
    return pc.struct_field(column, list(path[1:])) if len(path) > 1 else column


def endpoints(t: pa.Table) -> Columns:
    import pyarrow.compute as pc

    names = map_distinct(get(t, "proto"), transport, TEXT)
    icmp = pc.fill_null(pc.match_substring(names, "icmp"), False)
    return {
        "time": iso_to_time(get(t, "timestamp")), "src_ip": get(t, "src_ip"), "dst_ip": get(t, "dest_ip"),
        "src_port": pc.if_else(icmp, pc.coalesce(get(t, "icmp_type"), get(t, "src_port")), get(t, "src_port")),
        "dst_port": pc.if_else(icmp, pc.coalesce(get(t, "icmp_code"), get(t, "dest_port")), get(t, "dest_port")),
        "community_id": get(t, "community_id"),
    }  # fmt: skip


def transport(name: str) -> str:
    """``TCP`` as ``tcp``, ``IPv6-ICMP`` as ``icmp6``, a protocol number as its name."""
    lowered = name.lower()
    if lowered.isascii() and lowered.isdigit() and len(lowered) < 4:
        return flow_state.PROTOCOL_NAMES.get(int(lowered), lowered)
    return {"ipv6-icmp": "icmp6", "icmpv6": "icmp6"}.get(lowered, lowered)


def _service(name: str) -> str | None:
    return None if name in ("failed", "unknown") else {"krb5": "kerberos", "ftp-data": "ftp"}.get(name, name)


def flow(t: pa.Table) -> Columns:
    import pyarrow.compute as pc

    start, end = (iso_to_time(get(t, "flow", name)) for name in ("start", "end"))
    names = map_distinct(get(t, "proto"), transport, TEXT)
    return {
        **endpoints(t),
        "time": pc.coalesce(start, iso_to_time(get(t, "timestamp"))), "transport": names,
        "service": map_distinct(get(t, "app_proto"), _service, TEXT),
        "duration_us": pc.cast(pc.subtract(end, start), INT),
        "src_bytes": get(t, "flow", "bytes_toserver"), "dst_bytes": get(t, "flow", "bytes_toclient"),
        "src_packets": get(t, "flow", "pkts_toserver"), "dst_packets": get(t, "flow", "pkts_toclient"),
        "state": _flow_state(t, names), "open": pa.array(np.zeros(t.num_rows, np.bool_)),
    }  # fmt: skip


def _flow_state(t: pa.Table, names: pa.Array) -> pa.Array:
    numbers = {name: number for number, name in flow_state.PROTOCOL_NAMES.items()}
    protocol = map_distinct(names, lambda name: numbers.get(name, 0), INT)
    flags = [map_distinct(get(t, "tcp", side), lambda text: flow_state.parse_flags("0x" + text), INT)
             for side in ("tcp_flags_ts", "tcp_flags_tc")]  # fmt: skip
    counts = [get(t, "flow", side) for side in ("pkts_toserver", "pkts_toclient")]
    return flow_state.states(*(column.fill_null(0).to_numpy() for column in (protocol, *flags, *counts)))


def dns(t: pa.Table) -> Columns:
    """Versions 1 to 3 of the layout; the one answer of version 1 becomes a list of one."""
    import pyarrow.compute as pc

    first = pc.list_element(_padded(get(t, "dns", "queries")), 0)
    answers = get(t, "dns", "answers")
    rdata = pc.if_else(pc.is_valid(answers), _member(answers, "rdata"), one_item(get(t, "dns", "rdata")))
    ends = endpoints(t)
    answered = pc.and_(pc.fill_null(pc.equal(ends["src_port"], 53), False), pc.not_equal(ends["dst_port"], 53))
    return {
        **_turned(ends, pc.fill_null(answered, False)),
        "transport": map_distinct(get(t, "proto"), transport, TEXT),
        "query": dns_name(pc.coalesce(get(t, "dns", "rrname"), pc.struct_field(first, "rrname"))),
        "query_type": pc.coalesce(get(t, "dns", "rrtype"), pc.struct_field(first, "rrtype")),
        "rcode": get(t, "dns", "rcode"), "answers": rdata,
        "ttl": pc.coalesce(smallest(_member(answers, "ttl")), get(t, "dns", "ttl")),
    }  # fmt: skip


def _padded(lists: pa.Array) -> pa.Array:
    """Lists with one null element where they were null or empty, so that the first element can be taken."""
    import pyarrow.compute as pc

    some = pa.array([[None]], lists.type).take(pa.array(np.zeros(len(lists), np.int64)))
    return pc.if_else(pc.greater(pc.fill_null(pc.list_value_length(lists), 0), 0), lists, some)


def _member(lists: pa.Array, name: str) -> pa.Array:
    """One field of every struct in each list, as lists."""
    import pyarrow.compute as pc

    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    return pa.ListArray.from_arrays(offsets, pc.struct_field(pc.list_flatten(lists), name), mask=lists.is_null())


def _turned(ends: Columns, mask: pa.Array) -> Columns:
    """Endpoints with client and server exchanged in the masked rows."""
    import pyarrow.compute as pc

    pairs = (("src_ip", "dst_ip"), ("src_port", "dst_port"))
    both = [(one, other) for pair in pairs for one, other in (pair, pair[::-1])]
    return {**ends, **{one: pc.if_else(mask, ends[other], ends[one]) for one, other in both}}


def tls(t: pa.Table) -> Columns:
    import pyarrow.compute as pc

    subject, issuer = get(t, "tls", "subject"), get(t, "tls", "issuerdn")
    version = map_distinct(get(t, "tls", "version"), lambda v: None if v == "UNDETERMINED" else tls_version(v), TEXT)
    return {
        **endpoints(t),
        "version": version, "sni": pc.utf8_lower(get(t, "tls", "sni")), "alpn": get(t, "tls", "client_alpns"),
        "ja4": get(t, "tls", "ja4"), "subject": subject, "issuer": issuer, "self_signed": pc.equal(subject, issuer),
        "established": pc.is_valid(version),
    }  # fmt: skip


def quic(t: pa.Table) -> Columns:
    """QUIC is TLS 1.3 inside (RFC 9001); an event tells of the client's first packets."""
    import pyarrow.compute as pc

    return {
        **endpoints(t),
        "version": pa.nulls(len(t), TEXT), "sni": pc.utf8_lower(get(t, "quic", "sni")), "ja4": get(t, "quic", "ja4"),
    }  # fmt: skip


def http(t: pa.Table) -> Columns:
    import pyarrow.compute as pc

    method, url, version = (get(t, "http", name) for name in ("http_method", "url", "protocol"))
    line = pc.binary_join_element_wise(pc.fill_null(method, ""), url, version, " ", null_handling="skip")
    return {
        **endpoints(t),
        "method": method, "url": url, "host": get(t, "http", "hostname"), "protocol": version,
        "status": get(t, "http", "status"), "bytes_out": get(t, "http", "length"),
        "referer": get(t, "http", "http_refer"), "user_agent": get(t, "http", "http_user_agent"),
        "request": pc.if_else(pc.is_null(method), pa.scalar(None, TEXT), line),
        "request_body": body(t, "http_request_body"), "response_body": body(t, "http_response_body"),
    }  # fmt: skip


def body(t: pa.Table, name: str) -> pa.Array:
    return _bytes(get(t, "http", name), get(t, "http", name + "_printable"))


def _bytes(encoded: pa.Array, shown: pa.Array) -> pa.Array:
    """Base64 decoded; where there is none (or it is broken) the printable form."""
    import pyarrow.compute as pc

    return pc.coalesce(map_distinct(encoded, _decode, pa.binary()), shown.cast(pa.binary()))


def _decode(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def alert(t: pa.Table) -> Columns:
    import pyarrow.compute as pc

    ends = _turned(endpoints(t), pc.fill_null(pc.equal(get(t, "direction"), "to_client"), False))
    for column, name in (
        ("src_ip", "src_ip"),
        ("dst_ip", "dest_ip"),
        ("src_port", "src_port"),
        ("dst_port", "dest_port"),
    ):
        ends[column] = pc.coalesce(get(t, "flow", name), ends[column])
    return {
        **ends, "transport": map_distinct(get(t, "proto"), transport, TEXT),
        "signature": get(t, "alert", "signature"), "signature_id": get(t, "alert", "signature_id").cast(TEXT),
        "category": get(t, "alert", "category"), "severity": get(t, "alert", "severity"),
        "payload": _bytes(get(t, "payload"), get(t, "payload_printable")),
    }  # fmt: skip


def anomaly(t: pa.Table) -> Columns:
    import pyarrow.compute as pc

    event = get(t, "anomaly", "event")
    kind = pc.binary_join_element_wise("anomaly", get(t, "anomaly", "type"), ": ")
    return {**endpoints(t), "signature": event, "signature_id": event, "category": kind}


def ssh(t: pa.Table) -> Columns:
    return {**endpoints(t), "service": pa.array(["ssh"]).take(pa.array(np.zeros(t.num_rows, np.int64)))}


def smb(t: pa.Table) -> Columns:
    import pyarrow.compute as pc

    status = get(t, "smb", "status")
    return {
        **endpoints(t),
        "version": map_distinct(get(t, "smb", "dialect"), smb_version, TEXT),
        "action": map_distinct(get(t, "smb", "command"), smb_action, TEXT),
        "share": get(t, "smb", "share"), "path": pc.coalesce(get(t, "smb", "filename"), get(t, "smb", "named_pipe")),
        "user": get(t, "smb", "ntlmssp", "user"), "domain": get(t, "smb", "ntlmssp", "domain"),
        "client_name": get(t, "smb", "ntlmssp", "host"), "status": status, "answered": pc.is_valid(status),
    }  # fmt: skip


def smb_version(dialect: str) -> str:
    """``3.11`` as ``SMB3.1.1``, ``2.10`` as ``SMB2.1``, ``NT LM 0.12`` as ``SMB1``."""
    known = {"2.02": "SMB2.0.2", "2.10": "SMB2.1", "3.00": "SMB3.0", "3.02": "SMB3.0.2", "3.11": "SMB3.1.1"}
    return known.get(dialect, "SMB1" if "LM" in dialect.upper() else dialect)


def smb_action(command: str) -> str:
    """``SMB2_COMMAND_TREE_CONNECT`` as ``tree_connect``; creating is what opens a file."""
    name = command.partition("COMMAND_")[2].lower() or command.lower()
    name = name.removesuffix("_andx")
    return {"create": "file_open", "nt_create": "file_open", "negotiate_protocol": "negotiate"}.get(name, name)


def rdp(t: pa.Table) -> Columns:
    """One row per event; ``suricata`` joins those of one flow afterwards."""
    import pyarrow.compute as pc

    kind = get(t, "rdp", "event_type")
    refused = pc.equal(kind, "initial_response")
    supports = _padded(get(t, "rdp", "server_supports"))
    failed = pc.and_(pc.fill_null(refused, False), pc.is_valid(get(t, "rdp", "reason")))
    encrypted = pc.fill_null(pc.equal(kind, "tls_handshake"), False)
    return {
        **endpoints(t),
        "cookie": get(t, "rdp", "cookie"), "client_name": get(t, "rdp", "client", "client_name"),
        "security": map_distinct(
            pc.coalesce(get(t, "rdp", "protocol"), pc.list_element(supports, 0)), rdp_security, TEXT
        ),
        "result": pc.case_when(pc.make_struct(failed, encrypted), "refused", "encrypted"),
        "answered": pc.if_else(pc.not_equal(kind, "initial_request"), True, pa.scalar(None, pa.bool_())),
    }  # fmt: skip


EVENTS: Mapping[str, tuple[str, pa.Schema, Callable[[pa.Table], Columns]]] = {
    "flow": ("connection", _schema(flow=_COUNTS, tcp=_TCP), flow),
    "dns": ("dns", _schema(dns=_DNS), dns),
    "tls": ("tls", _schema(tls=_TLS), tls),
    "quic": ("tls", _schema(quic=_QUIC), quic),
    "http": ("http", _schema(http=_HTTP), http),
    "rdp": ("rdp", _schema(rdp=_RDP), rdp),
    "smb": ("smb", _schema(smb=_SMB), smb),
    "ssh": ("logon", _schema(ssh=_SSH), ssh),
    "alert": (
        "alert",
        _schema(alert=_ALERT, flow=_COUNTS, http=_HTTP, payload=TEXT, payload_printable=TEXT, direction=TEXT),
        alert,
    ),
    "anomaly": ("alert", _schema(anomaly=_ANOMALY), anomaly),
    "netflow": ("connection", _schema(netflow=_NETFLOW, tcp=_TCP), flow),
}
"""Table, JSON schema and mapping by event type. ``netflow`` rows are halves that ``suricata`` stitches instead."""
