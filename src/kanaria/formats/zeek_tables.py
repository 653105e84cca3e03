"""From the fields of one Zeek log to the columns of our tables, one short function per log.

Zeek's originator is our client (``src``). ``*_ip_bytes`` become IP bytes, ``orig_bytes``/``resp_bytes`` payload bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from kanaria.core.distinct import map_distinct
from kanaria.formats.columns import seconds_to_us
from kanaria.formats.zeek_fields import Fields

Columns = dict[str, Any]

SERVICES = {
    "ssl": "tls",
    "krb": "kerberos",
    "krb_tcp": "kerberos",
    "gssapi": "smb",
    "ntlm": "smb",
    "dce_rpc": "dce_rpc",
}
"""Zeek's analyzer names where ours differ."""
_MOST_TELLING = ("stratum", "rdp", "smb", "ssh", "tls", "http", "dns", "quic")
"""Of several services on one connection the first of these is kept: ``ssl,http`` through a proxy is TLS to us."""
_SECURITY = {"rdp": "standard", "ssl": "tls", "hybrid": "credssp", "hybrid_ex": "credssp"}
_LOGON_SERVICES = {445: "smb", 139: "smb", 3389: "rdp", 5985: "winrm", 5986: "winrm"}


def _endpoints(f: Fields) -> Columns:
    return {
        "time": f.time(), "src_ip": f.text("id.orig_h"), "src_port": f.integer("id.orig_p"),
        "dst_ip": f.text("id.resp_h"), "dst_port": f.integer("id.resp_p"), "community_id": f.text("community_id"),
    }  # fmt: skip


def connection(f: Fields, path: str) -> Columns:
    ends = _endpoints(f)
    return {
        **ends,
        "transport": transport(f.text("proto"), ends["src_ip"]),
        "service": map_distinct(f.text("service"), _service, pa.string()),
        "duration_us": seconds_to_us(f.real("duration")),
        "src_bytes": f.integer("orig_ip_bytes"), "dst_bytes": f.integer("resp_ip_bytes"),
        "src_packets": f.integer("orig_pkts"), "dst_packets": f.integer("resp_pkts"),
        "src_payload": f.integer("orig_bytes"), "dst_payload": f.integer("resp_bytes"),
        "state": f.text("conn_state"), "history": f.text("history"),
        "open": pa.array(np.full(len(f), path.startswith("open_"))),
    }  # fmt: skip


def transport(names: pa.Array, addresses: pa.Array) -> pa.Array:
    """Protocol names in lower case, ICMP between IPv6 addresses as ``icmp6``."""
    import pyarrow.compute as pc

    lowered = map_distinct(names, str.lower, pa.string())
    icmp = pc.equal(lowered, "icmp")
    if not pc.any(icmp).as_py():
        return lowered
    six = pc.and_(icmp, pc.fill_null(pc.match_substring(addresses, ":"), False))
    return pc.if_else(six, "icmp6", lowered)


def _service(text: str) -> str | None:
    found = [SERVICES.get(name, name) for name in text.lower().replace("-", "").split(",") if name]
    return next((name for name in _MOST_TELLING if name in found), found[0] if found else None)


def dns(f: Fields, path: str) -> Columns:
    import pyarrow.compute as pc

    rcode = pc.coalesce(f.text("rcode_name"), pc.cast(f.integer("rcode"), pa.string()))
    return {
        **_endpoints(f),
        "transport": pc.utf8_lower(f.text("proto")),
        "query": dns_name(f.text("query")),
        "query_type": pc.coalesce(f.text("qtype_name"), pc.cast(f.integer("qtype"), pa.string())),
        "rcode": rcode, "answers": f.items("answers"), "ttl": smallest(f.items("TTLs")),
    }  # fmt: skip


def dns_name(column: pa.Array) -> pa.Array:
    """Names in lower case without the final dot."""
    import pyarrow.compute as pc

    return pc.utf8_rtrim(pc.utf8_lower(column), ".")


def smallest(lists: pa.Array) -> pa.Array:
    """The smallest number of each list as whole int64, null for an empty list."""
    import pyarrow.compute as pc

    values, rows = pc.list_flatten(lists), pc.list_parent_indices(lists)
    if pa.types.is_string(values.type):
        from kanaria.formats.columns import lenient

        values = lenient(values, pa.float64())
    known = pc.is_valid(values)
    rows, values = rows.filter(known).to_numpy(), pc.cast(values.filter(known), pa.float64()).to_numpy()
    least = np.full(len(lists), np.inf)
    np.minimum.at(least, rows, values)
    return pa.array(np.where(np.isfinite(least), least, 0).astype(np.int64), mask=~np.isfinite(least))


def tls(f: Fields, path: str) -> Columns:
    import pyarrow.compute as pc

    subject, issuer = f.text("subject"), f.text("issuer")
    same = pc.equal(subject, issuer)
    said = pc.fill_null(pc.match_substring(f.text("validation_status"), "self", ignore_case=True), False)
    return {
        **_endpoints(f),
        "version": map_distinct(f.text("version"), tls_version, pa.string()),
        "sni": pc.utf8_lower(f.text("server_name")), "alpn": one_item(f.text("next_protocol")), "ja4": f.text("ja4"),
        "subject": subject, "issuer": issuer, "self_signed": pc.or_kleene(same, pc.if_else(said, True, same)),
        "established": f.flag("established"), "cipher": f.text("cipher"),
    }  # fmt: skip


def tls_version(text: str) -> str:
    """``TLSv12``, ``TLS 1.2`` and ``TLSv1.2`` as ``TLSv1.2``; anything else as it is."""
    digits = "".join(char for char in text if char.isdigit())
    if not text.upper().startswith(("TLS", "SSL")) or not digits or len(digits) > 2:
        return text
    return f"{text[:3].upper()}v{digits[0]}" + (
        f".{digits[1]}" if len(digits) == 2 else ".0" if text[0] in "Tt" else ""
    )


def one_item(column: pa.Array) -> pa.Array:
    """Each value as a list of one, null as null."""
    offsets = pa.array(np.arange(len(column) + 1), pa.int32())
    return pa.ListArray.from_arrays(offsets, column, mask=column.is_null())


def http(f: Fields, path: str) -> Columns:
    import pyarrow.compute as pc

    version = pc.binary_join_element_wise("HTTP/", f.text("version"), "")
    method, url = f.text("method"), f.text("uri")
    # Arrow's join drops a row whose parts are all null: one part must not be.
    line = pc.binary_join_element_wise(pc.fill_null(method, ""), url, version, " ", null_handling="skip")
    return {
        **_endpoints(f),
        "method": method, "url": url, "host": f.text("host"), "protocol": version,
        "status": f.integer("status_code"), "bytes_out": f.integer("response_body_len"),
        "bytes_in": f.integer("request_body_len"), "referer": f.text("referrer"), "user_agent": f.text("user_agent"),
        "user": f.text("username"), "request": pc.if_else(pc.is_null(method), pa.scalar(None, pa.string()), line),
        "request_body": f.text("post_body"),
    }  # fmt: skip


def rdp(f: Fields, path: str) -> Columns:
    import pyarrow.compute as pc

    result, security = f.text("result"), f.text("security_protocol")
    return {
        **_endpoints(f),
        "cookie": f.text("cookie"), "client_name": f.text("client_name"),
        "security": map_distinct(security, rdp_security, pa.string()),
        "result": map_distinct(result, rdp_result, pa.string()),
        "answered": pc.or_(pc.is_valid(result), pc.is_valid(security)),
    }  # fmt: skip


def rdp_security(name: str) -> str:
    """A protocol of the RDP negotiation by our name: ``HYBRID`` is CredSSP."""
    return _SECURITY.get(name.lower(), name.lower())


def rdp_result(text: str) -> str:
    """Zeek's result as one of ours: a server that names a security failure refused, ``encrypted`` stays."""
    lowered = text.lower()
    if lowered in ("encrypted", "success"):
        return lowered
    return "failure" if lowered.startswith("fail") else "refused"


def smb_files(f: Fields, path: str) -> Columns:
    return {
        **_endpoints(f),
        "action": map_distinct(f.text("action"), lambda name: name.split("::")[-1].lower(), pa.string()),
        "share": f.text("path"), "path": f.text("name"), "answered": pa.array(np.ones(len(f), np.bool_)),
    }  # fmt: skip


def smb_mapping(f: Fields, path: str) -> Columns:
    constant = pa.array(["tree_connect"]).take(pa.array(np.zeros(len(f), np.int64)))
    return {
        **_endpoints(f),
        "action": constant,
        "share": f.text("path"),
        "answered": pa.array(np.ones(len(f), np.bool_)),
    }


def dce_rpc(f: Fields, path: str) -> Columns:
    import pyarrow.compute as pc

    action = pc.binary_join_element_wise(f.text("endpoint"), f.text("operation"), "::")
    return {**_endpoints(f), "action": action, "path": f.text("named_pipe")}


def ntlm(f: Fields, path: str) -> Columns:
    ends = _endpoints(f)
    return {
        **ends,
        "service": _by_port(ends["dst_port"]), "user": f.text("username"), "domain": f.text("domainname"),
        "success": f.flag("success"), "method": _constant("ntlm", f), "client_name": f.text("hostname"),
        "reason": f.text("status"),
    }  # fmt: skip


def _by_port(ports: pa.Array) -> pa.Array:
    return pa.array([_LOGON_SERVICES.get(port, "windows") for port in ports.to_pylist()], pa.string())


def _constant(value: str, f: Fields) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.string()), len(f))


def ssh(f: Fields, path: str) -> Columns:
    return {**_endpoints(f), "service": _constant("ssh", f), "success": f.flag("auth_success")}


def kerberos(f: Fields, path: str) -> Columns:
    client = f.text("client")
    return {
        **_endpoints(f),
        "service": _constant("kerberos", f), "method": _constant("kerberos", f), "success": f.flag("success"),
        "user": map_distinct(client, lambda text: text.partition("/")[0] or None, pa.string()),
        "domain": map_distinct(client, lambda text: text.partition("/")[2] or None, pa.string()),
        "reason": f.text("error_msg"),
    }  # fmt: skip


def notice(f: Fields, path: str) -> Columns:
    import pyarrow.compute as pc

    ends, note = _endpoints(f), f.text("note")
    # Scripts put what was sent into ``sub`` and their own words into ``msg``; a message begins what it is in.
    sub, message = f.text("sub"), f.text("msg")
    kept = pc.coalesce(pc.binary_join_element_wise(sub, message, "\n"), sub, message)
    return {
        **ends,
        "src_ip": pc.coalesce(ends["src_ip"], f.text("src")), "dst_ip": pc.coalesce(ends["dst_ip"], f.text("dst")),
        "dst_port": pc.coalesce(ends["dst_port"], f.integer("p")), "signature": note, "signature_id": note,
        "category": map_distinct(note, lambda name: name.split("::")[0], pa.string()), "payload": kept,
    }  # fmt: skip


def known_services(f: Fields, path: str) -> Columns:
    import pyarrow.compute as pc

    names = pc.utf8_lower(pc.binary_join(f.items("service"), ","))
    host = f.text("host")
    return {
        "time": f.time(), "dst_ip": host, "device": host, "dst_port": f.integer("port_num"),
        "kind": _constant("listen", f), "process": names, "host_name": host,
    }  # fmt: skip


def software(f: Fields, path: str) -> Columns:
    """What a host called itself on the wire, whole; ``name`` is what Zeek made of it."""
    import pyarrow.compute as pc

    said = pc.coalesce(f.text("unparsed_version"), f.text("name"))
    host = f.text("host")
    return {
        "time": f.time(), "src_ip": host, "src_port": f.integer("host_p"), "device": host, "signature": said,
        "signature_id": f.text("software_type"), "category": _constant("Software", f),
    }  # fmt: skip


MAPPINGS: Mapping[str, tuple[str, Callable[[Fields, str], Columns]]] = {
    "conn": ("connection", connection), "dns": ("dns", dns), "ssl": ("tls", tls), "http": ("http", http),
    "rdp": ("rdp", rdp), "smb_files": ("smb", smb_files), "smb_mapping": ("smb", smb_mapping),
    "dce_rpc": ("smb", dce_rpc), "ntlm": ("logon", ntlm), "ssh": ("logon", ssh), "kerberos": ("logon", kerberos),
    "notice": ("alert", notice), "known_services": ("host", known_services),
    "software": ("alert", software),
}  # fmt: skip
"""Table and mapping by Zeek log path (without ``open_``)."""
