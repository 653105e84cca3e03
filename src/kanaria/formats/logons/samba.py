"""Samba's record of logons: audit lines in JSON and in words, as ``auth_audit`` and ``auth_json_audit`` write.

The lines stand alone (``auth_json_audit`` to its own file or to syslog) or between the two-line headers of
``log.smbd``. Where a file has both forms of one attempt, only the JSON one counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime

from kanaria.core.late_regex import late_regex
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch
from kanaria.core.zone import LocalTime
from kanaria.formats.logons.emit import endpoint, number
from kanaria.formats.text_log import Row, first_lines, iso_time, read_lines

_HEADER = late_regex(r"^\[(?P<time>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?),\s+\d+(?:,[^\]]*)?\] ")
_WORDS = late_regex(
    r"Auth: \[(?P<service>[^,\]]*),(?P<kind>[^\]]*)\] user \[(?P<domain>.*?)\]\\\[(?P<user>.*?)\] at \[(?P<at>.*?)\] "
    r"with \[(?P<method>.*?)\] status \[(?P<status>\w+)\] workstation \[(?P<workstation>.*?)\] "
    r"remote host \[(?P<remote>.*?)\].*? local host \[(?P<local>.*?)\]"
)
_OLD = late_regex(
    r"check_ntlm_password:\s+Authentication for user \[(?P<user>.*)\] -> \[.*\] FAILED with error (?P<status>NT_\w+)"
)
_SERVICES = {"smb": "smb", "smb2": "smb", "smb3": "smb", "ldap": "ldap", "kerberos kdc": "kerberos",
             "dcerpc": "dcerpc", "winbind": "windows", "netlogon": "windows", "samlogon": "windows"}  # fmt: skip
_OK = "NT_STATUS_OK"


class SambaLog:
    """``log.smbd`` and Samba's JSON audit lines."""

    name = "samba"
    title = "Samba logon audit (log.smbd, auth_json_audit)"
    example = (
        '{"timestamp":"2026-01-10T09:00:00.000000+0000","type":"Authentication","Authentication":{"status":'
        '"NT_STATUS_WRONG_PASSWORD","remoteAddress":"ipv4:198.51.100.7:50000","serviceDescription":"SMB2",'
        '"clientAccount":"admin","clientDomain":"EXAMPLE","passwordType":"NTLMv2"}}'
    )
    tables: tuple[str, ...] = ("logon",)

    def sniff(self, head: bytes, name: str) -> float:
        if (
            b'"Authentication"' not in head
            and b"Auth: [" not in head
            and b"/smbd/" not in head
            and b"auth/" not in head
        ):
            return 0.0
        lines = first_lines(head)
        if any(_json_row(line) for line in lines):
            return 0.96
        return 0.9 if any(_WORDS.search(line) or _HEADER.match(line) for line in lines) else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        reader = _Reader(b'"Authentication":' in stream.head(), context.zone)
        return read_lines(stream, context, name=self.name, table="logon", sensor="samba", take=reader.take,
                          own=_own)  # fmt: skip


class _Reader:
    """Remembers the time of the last header for the lines below it."""

    def __init__(self, json_only: bool, zone: LocalTime) -> None:
        self._zone = zone
        self._json_only = json_only
        self._time: datetime | None = None

    def take(self, text: str, line: int) -> Row | str | None:
        header = _HEADER.match(text)
        if header:
            self._time = iso_time(header["time"].replace("/", "-"), self._zone)
        if '"Authentication"' in text:
            return self._finish(_json_row(text), line) or "expected a JSON object of type Authentication; it is cut off"
        if self._json_only:
            return None
        return self._finish(_words_row(text), line)

    def _finish(self, row: Row | None, line: int) -> Row | None:
        if row is None:
            return None
        return {**row, "line": line, "time": row.get("time") or self._time}


def _own(text: str) -> bool:
    """Whether a line that tells no logon is Samba's all the same: a header, what stands below one, another audit
    record."""
    if _HEADER.match(text) or text.startswith(("  ", "\t")):
        return True
    begin = text.find("{")
    try:
        value = json.loads(text[begin:]) if begin >= 0 else None
    except (ValueError, RecursionError):
        return False
    return isinstance(value, Mapping) and isinstance(value.get("type"), str) and value["type"] in value


def _json_row(text: str) -> Row | None:
    begin = text.find("{")
    if begin < 0:
        return None
    try:
        value = json.loads(text[begin:])
    except (ValueError, RecursionError):
        return None
    fields = value.get("Authentication") if isinstance(value, Mapping) else None
    if not isinstance(fields, Mapping):
        return None
    text_of = {key: str(item) for key, item in fields.items() if isinstance(item, (str, int)) and item != ""}
    stamp = value.get("timestamp")
    return {
        **_ends(text_of.get("remoteAddress", ""), text_of.get("localAddress", "")),
        "time": iso_time(stamp) if isinstance(stamp, str) else None,
        "service": _service(text_of.get("serviceDescription", "")),
        "user": text_of.get("clientAccount"), "domain": text_of.get("clientDomain"),
        "client_name": (text_of.get("workstation") or "").lstrip("\\") or None,
        "method": (text_of.get("passwordType") or "").lower() or None,
        **_outcome(text_of.get("status", "")),
        "event_code": number(text_of.get("eventId")), "logon_type": number(text_of.get("logonType")),
    }  # fmt: skip


def _words_row(text: str) -> Row | None:
    if match := _WORDS.search(text):
        return {
            **_ends(match["remote"], match["local"]), "service": _service(match["service"]),
            "user": match["user"] or None, "domain": match["domain"] or None,
            "client_name": match["workstation"].lstrip("\\") or None, "method": match["method"].lower() or None,
            **_outcome(match["status"]),
        }  # fmt: skip
    if match := _OLD.search(text):
        return {"service": "smb", "user": match["user"] or None, **_outcome(match["status"])}
    return None


def _ends(remote: str, local: str) -> Row:
    src, dst = endpoint(remote), endpoint(local)
    return {"src_ip": src[0], "src_port": src[1], "dst_ip": dst[0], "dst_port": dst[1]}


def _service(text: str) -> str:
    low = text.lower()
    return _SERVICES.get(low, low or "smb")


def _outcome(status: str) -> Row:
    return {"success": status == _OK if status else None, "reason": None if status in ("", _OK) else status}
