"""Which fields of which Zeek log are read, and a typed view of them that hides whether they came as TSV or JSON.

Field names and meanings are those of Zeek's own documentation (https://docs.zeek.org/en/current/logs/). Text has Zeek's
``\\xHH`` escapes undone; bytes that are no UTF-8 stay escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

import pyarrow as pa

from kanaria.core.late_regex import late_regex
from kanaria.core.values import dataclass
from kanaria.formats.columns import flat, iso_to_time, lenient, seconds_to_time

_ENDPOINTS = {
    "ts": "time", "id.orig_h": "text", "id.orig_p": "int", "id.resp_h": "text", "id.resp_p": "int",
    "community_id": "text",
}  # fmt: skip

_OWN: Mapping[str, Mapping[str, str]] = {
    "conn": {
        "proto": "text", "service": "text", "duration": "real", "orig_bytes": "int", "resp_bytes": "int",
        "conn_state": "text", "history": "text", "orig_pkts": "int", "orig_ip_bytes": "int", "resp_pkts": "int",
        "resp_ip_bytes": "int",
    },
    "dns": {
        "proto": "text", "query": "text", "qtype": "int", "qtype_name": "text", "rcode": "int", "rcode_name": "text",
        "answers": "list", "TTLs": "list",
    },
    "ssl": {
        "version": "text", "cipher": "text", "server_name": "text", "next_protocol": "text", "established": "bool",
        "subject": "text", "issuer": "text", "validation_status": "text", "ja4": "text", "curve": "text",
        "ja3": "text",
    },
    "http": {
        "method": "text", "host": "text", "uri": "text", "referrer": "text", "version": "text", "user_agent": "text",
        "request_body_len": "int", "response_body_len": "int", "status_code": "int", "username": "text",
        "post_body": "text",
    },
    "rdp": {
        "cookie": "text", "result": "text", "security_protocol": "text", "client_name": "text",
        "requested_channels": "text", "cert_type": "text", "client_build": "text", "keyboard_layout": "text",
    },
    "smb_files": {"action": "text", "path": "text", "name": "text", "fuid": "text", "size": "int"},
    "smb_mapping": {"path": "text", "service": "text", "native_file_system": "text", "share_type": "text"},
    "ntlm": {
        "username": "text", "hostname": "text", "domainname": "text", "success": "bool", "status": "text",
        "server_nb_computer_name": "text",
    },
    "dce_rpc": {"named_pipe": "text", "endpoint": "text", "operation": "text", "rtt": "real"},
    "ssh": {
        "auth_success": "bool", "auth_attempts": "int", "client": "text", "server": "text", "kex_alg": "text",
        "host_key_alg": "text",
    },
    "kerberos": {
        "request_type": "text", "client": "text", "service": "text", "success": "bool", "error_msg": "text",
        "till": "text",
    },
    "notice": {
        "note": "text", "msg": "text", "sub": "text", "src": "text", "dst": "text", "p": "int", "proto": "text",
        "actions": "text",
    },
    "known_services": {"host": "text", "port_num": "int", "port_proto": "text", "service": "list"},
    "software": {
        "host": "text", "host_p": "int", "software_type": "text", "name": "text", "unparsed_version": "text",
        "version.major": "int",
    },
}  # fmt: skip

FIELDS: Mapping[str, Mapping[str, str]] = {path: {**_ENDPOINTS, **own} for path, own in _OWN.items()}
"""Kinds of the fields that are read, by log path: text, int, real, bool, list, time."""

PATHS = (
    *FIELDS, "x509", "known_hosts", "known_certs", "known_devices", "files", "weird", "dhcp", "tunnel",
    "dpd", "ntp", "sip", "snmp", "radius", "stats", "capture_loss", "conn-summary", "packet_filter", "loaded_scripts",
    "reporter", "pe", "ftp", "smtp", "syslog", "mysql", "modbus", "dnp3", "ocsp", "quic", "websocket", "analyzer",
    "telemetry", "cluster", "broker", "traceroute", "intel", "ldap", "ldap_search", "postgresql", "redis",
    "notice_alarm",
)  # fmt: skip
"""Log names Zeek writes; those without an entry in ``FIELDS`` are recognised and counted, but have no table here."""

_TSV_TYPES = {
    "text": pa.string(), "list": pa.string(), "int": pa.int64(), "real": pa.float64(), "time": pa.float64(),
    "bool": pa.bool_(),
}  # fmt: skip
_JSON_TYPES = {**_TSV_TYPES, "list": pa.list_(pa.string())}
_ENDPOINT_STRUCT = pa.struct(
    [("orig_h", pa.string()), ("orig_p", pa.int64()), ("resp_h", pa.string()), ("resp_p", pa.int64())]
)


def tsv_types(path: str) -> dict[str, pa.DataType]:
    return {name: _TSV_TYPES[kind] for name, kind in FIELDS[path].items()}


def json_schema(path: str, sample: bytes) -> pa.Schema:
    """Types of the JSON fields of a log; the sample shows how times and endpoints are written in this file."""
    types = {name: _JSON_TYPES[kind] for name, kind in FIELDS[path].items()}
    if re.search(rb'"ts"\s*:\s*"', sample):
        types["ts"] = pa.string()
    if "TTLs" in types:
        types["TTLs"] = pa.list_(pa.float64())
    if path == "known_services" and re.search(rb'"service"\s*:\s*"', sample):
        types["service"] = pa.string()
    if re.search(rb'"id"\s*:\s*\{', sample):
        types["id"] = _ENDPOINT_STRUCT
    if b'"id_orig_h"' in sample:
        types |= {name.replace(".", "_"): types[name] for name in _ENDPOINTS if name.startswith("id.")}
    return pa.schema([("_path", pa.string()), *types.items()])


def guess_path(names: Iterable[str]) -> str | None:
    """The log whose own fields fit the given names best, or None when none fits."""
    known = set(names)
    scores = {path: len(known & set(own)) / len(own) + len(known & set(own)) for path, own in _OWN.items()}
    best = max(scores, key=lambda path: scores[path])
    return best if len(known & set(_OWN[best])) >= 2 else None


_NAMED = late_regex(
    r"(?:^|[^a-z0-9_])(open_)?(" + "|".join(sorted(map(re.escape, PATHS), key=len, reverse=True)) + r")(?![a-z])"
)


def fits(path: str, names: Iterable[str]) -> bool:
    """Whether the names contain a field of that log's own."""
    return path in _OWN and not set(_OWN[path]).isdisjoint(names)


def path_from_name(name: str) -> str | None:
    """The log path a file name speaks of: ``open_conn`` for ``open_conn.18:00:00-19:00:00.log.gz``."""
    found = _NAMED.search(name.replace("\\", "/").rsplit("/", 1)[-1].lower())
    return (found[1] or "") + found[2] if found else None


_ESCAPE = late_regex(r"\\(\\|x[0-9A-Fa-f]{2})")


def unescape(text: str) -> str:
    """Zeek's ``\\xHH`` and ``\\\\`` undone; what then is no UTF-8 stays written as ``\\xHH``."""
    data = _ESCAPE.sub(lambda found: "\\" if found[1] == "\\" else chr(int(found[1][1:], 16)), _latin(text))
    return data.encode("latin-1").decode("utf-8", "backslashreplace")


def unescape_json(text: str) -> str:
    """``\\xHH`` undone, in which Zeek's JSON writes what is no UTF-8; its backslashes stand for themselves."""
    return unescape(text.replace("\\", "\\\\").replace("\\\\x", "\\x"))


def _latin(text: str) -> str:
    """The UTF-8 bytes of the text, each as one character, so that escaped and plain bytes can be joined."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


@dataclass(frozen=True, slots=True)
class Fields:
    """Typed columns of one log, null where the log lacks them. ``separator`` splits sets in TSV, None for JSON."""

    table: pa.Table
    separator: str | None = None
    empty: str = "(empty)"
    escapes: bool = True
    """Whether there may be a backslash in any text."""

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def _column(self, name: str, kind: pa.DataType) -> pa.Array:
        if name in self.table.column_names:
            return flat(self.table[name])
        return pa.nulls(len(self), kind)

    def text(self, name: str) -> pa.Array:
        import pyarrow.compute as pc

        column = self._endpoint(name, pa.string())
        if not pa.types.is_string(column.type):
            column = pc.cast(column, pa.string())
        if self.separator is not None:
            blank = pc.equal(column, self.empty)
            column = pc.if_else(blank, "", column) if pc.any(blank).as_py() else column
        if not self.escapes:
            return column
        escaped = pc.match_substring(column, "\\")
        if not pc.any(escaped).as_py():
            return column
        return _replace(column, escaped, unescape if self.separator is not None else unescape_json)

    def integer(self, name: str) -> pa.Array:
        return lenient(self._endpoint(name, pa.int64()), pa.int64())

    def real(self, name: str) -> pa.Array:
        return lenient(self._column(name, pa.float64()), pa.float64())

    def flag(self, name: str) -> pa.Array:
        return lenient(self._column(name, pa.bool_()), pa.bool_())

    def time(self, name: str = "ts") -> pa.Array:
        import pyarrow.compute as pc

        column = self._column(name, pa.float64())
        if not pa.types.is_string(column.type):
            return seconds_to_time(_seconds(column))
        return pc.coalesce(iso_to_time(column), seconds_to_time(_seconds(lenient(column, pa.float64()))))

    def items(self, name: str) -> pa.Array:
        """A set or vector field as lists of text."""
        import pyarrow.compute as pc

        column = self._column(name, pa.list_(pa.string()))
        if not pa.types.is_string(column.type):
            return column
        if self.separator is None:
            return pc.split_pattern(column, ",")
        lists = pc.split_pattern(self.text(name), self.separator)
        return pc.if_else(pc.equal(column, self.empty), pa.scalar([], lists.type), lists)

    def _endpoint(self, name: str, kind: pa.DataType) -> pa.Array:
        """A column; endpoints also where JSON exporters nest them (``id: {orig_h}``) or write ``id_orig_h``."""
        import pyarrow.compute as pc

        column = self._column(name, kind)
        other = name.replace(".", "_")
        if other != name and other in self.table.column_names:
            column = pc.coalesce(column, flat(self.table[other]))
        if name.startswith("id.") and "id" in self.table.column_names:
            column = pc.coalesce(column, pc.struct_field(flat(self.table["id"]), name[3:]))
        return column


_MILLISECONDS = 1e11
"""From here on a number since 1970 is no second (that were the year 5138): ``JSON::TS_MILLIS``."""


def _seconds(column: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    column = pc.cast(column, pa.float64())
    return pc.if_else(pc.greater(column, _MILLISECONDS), pc.divide(column, 1e3), column)


def _replace(column: pa.Array, mask: pa.Array, function: Callable[[str], object]) -> pa.Array:
    """The column with ``function`` applied to the distinct values of the masked rows."""
    import pyarrow.compute as pc

    from kanaria.core.distinct import map_distinct

    chosen = pc.fill_null(mask, False)
    changed = map_distinct(column.filter(chosen), function, pa.string())
    return pc.replace_with_mask(column, chosen, changed)
