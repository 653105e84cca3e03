"""The Linux audit log: program starts (EXECVE with its SYSCALL, CWD and PROCTITLE) and logons.

In: lines, as ``audit.log``, in a syslog or interpreted by ``ausearch -i``. Out: rows of ``process`` and ``logon``.
One event is several records with one serial number, often not in a row; arguments may be hexadecimal and in parts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import UTC, datetime

from kanaria.core.late_regex import late_regex
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch
from kanaria.core.values import dataclass
from kanaria.core.zone import LocalTime
from kanaria.formats import columns as cols
from kanaria.formats.logons.emit import Taken, address, joined_fields, number, tables_of
from kanaria.formats.text_log import Row, first_lines, sender_of

_RECORD = late_regex(
    r"(?:node=(?P<node>\S+) )?(?:type=(?P<type>[A-Z_0-9]+|UNKNOWN\[\d+\]) )?(?:msg=)?"
    r"audit\((?P<time>[^)]{1,60}?):(?P<serial>\d{1,12})\)\s?:\s?(?P<rest>.*)$"
)
_FIELD = late_regex(
    r"""(?P<name>[A-Za-z_0-9-]+(?:\[\d+\])?)=(?:"(?P<quoted>[^"]*)"|'(?P<inner>[^']*)'|(?P<bare>\S*))"""
)
_TOGETHER = late_regex(r" (?=type=[A-Z_]+ msg=audit\()")
"""Between the records of one event that a collector wrote on one line."""
_ARGUMENT = late_regex(r"^a(\d{1,5})(?:\[\d+\])?$")
_HEX = late_regex(r"^(?:[0-9A-Fa-f]{2})+$")
_NUMBERS = {
    "1300": "SYSCALL",
    "1309": "EXECVE",
    "1307": "CWD",
    "1327": "PROCTITLE",
    "1112": "USER_LOGIN",
    "1320": "EOE",
}
_HELD = 256
"""Events held at once. The kernel writes an event's records within milliseconds; ausearch gives up after 2 s."""
_ARGUMENTS = 8192
"""Characters of a command line that are kept, as of Windows' events."""
_NOBODY = frozenset(("4294967295", "unset", "-1"))


@dataclass
class _Event:
    row: Row
    records: dict[str, dict[str, str]] = field(default_factory=dict)
    arguments: dict[int, str] = field(default_factory=dict)


class Audit:
    """Records put together to events; ``take`` gives rows of events that are complete, ``left`` of all others.

    ``zone`` is that of times that ``ausearch`` printed.
    """

    def __init__(self, zone: LocalTime | None = None) -> None:
        self._zone = zone
        self._held: OrderedDict[tuple[str | None, str], _Event] = OrderedDict()

    def take(self, row: Row, line: str) -> list[Taken]:
        """``row`` has the line's number, and host and time where a carrier says them."""
        parts = [part for part in _TOGETHER.split(line) if "audit(" in part]
        if len(parts) > 1:
            return [taken for part in parts for taken in self.take(row, part)]
        match = _RECORD.search(line)
        if not match:
            return []
        kind = _kind(match["type"], line)
        fields = _fields(match["rest"], plain=") :" in line)
        when = _time(match["time"], self._zone) or row.get("time")
        host = match["node"] or row.get("host_name")
        base: Row = {**row, "time": when, "device": host, "host_name": host}
        if kind == "USER_LOGIN":
            return _logon(base, fields)
        key = (match["node"], match["serial"])
        event = self._held.setdefault(key, _Event(base))
        event.records.setdefault(kind, {}).update(fields)
        if kind == "EXECVE":
            _collect(event, fields)
        if kind in ("PROCTITLE", "EOE"):
            return _process(self._held.pop(key))
        return _process(self._held.popitem(last=False)[1]) if len(self._held) > _HELD else []

    def remaining(self) -> list[Taken]:
        """Events whose end did not come; they are not held any more."""
        events = list(self._held.values())
        self._held.clear()
        return [taken for event in events for taken in _process(event)]


def _kind(named: str | None, line: str) -> str:
    if named:
        return _NUMBERS.get(named.removeprefix("UNKNOWN[").rstrip("]"), named)
    return next((kind for code, kind in _NUMBERS.items() if f"type={code}" in line), "")


def _fields(text: str, *, plain: bool) -> dict[str, str]:
    """Fields by name; those that may be hexadecimal are decoded. The first of a name counts."""
    fields: dict[str, str] = {}
    for match in _FIELD.finditer(text.replace("\x1d", " ")):
        name, bare = match["name"], match["bare"]
        value = (
            match["quoted"] if match["quoted"] is not None else match["inner"] if match["inner"] is not None else bare
        )
        if match["inner"] is not None:
            fields.update(_fields(match["inner"], plain=plain))
        elif bare is not None and not plain and _may_be_hex(name) and _HEX.match(bare):
            value = bytes.fromhex(bare).replace(b"\0", b" ").decode("utf-8", "backslashreplace")
            value = value if _ARGUMENT.match(name) else value.strip()
        fields.setdefault(name, value or "")
    return fields


def _may_be_hex(name: str) -> bool:
    return name in ("proctitle", "exe", "comm", "cwd", "acct") or bool(_ARGUMENT.match(name))


def _collect(event: _Event, fields: Mapping[str, str]) -> None:
    for name, value in fields.items():
        if match := _ARGUMENT.match(name):
            place = int(match[1])
            event.arguments[place] = event.arguments.get(place, "") + value


def _process(event: _Event) -> list[Taken]:
    if "EXECVE" not in event.records:
        return []
    call, where = event.records.get("SYSCALL", {}), event.records.get("CWD", {})
    words = [event.arguments[place] for place in sorted(event.arguments)]
    command = " ".join(words) or event.records.get("PROCTITLE", {}).get("proctitle") or None
    login = call.get("AUID") or call.get("auid") or ""
    return [("process", {
        **event.row, "kind": "start", "platform": "linux", "process": call.get("exe") or (words[0] if words else None),
        "command": command[:_ARGUMENTS] if command else None, "directory": where.get("cwd"),
        "pid": number(call.get("pid"), 2**62), "parent_pid": number(call.get("ppid"), 2**62),
        "user": _account(call.get("UID") or call.get("uid")),
        "parent_user": None if login in _NOBODY else _account(login),
    })]  # fmt: skip


def _event(line: int, text: str, zone: LocalTime) -> list[Taken]:
    """The record as it stands, for rules that look at single records."""
    match = _RECORD.search(text)
    if not match:
        return []
    fields = {"type": _kind(match["type"], text), **_fields(match["rest"], plain=") :" in text)}
    return [("event", {
        "line": line, "time": _time(match["time"], zone), "device": match["node"], "host_name": match["node"],
        "platform": "linux", "channel": "auditd", "fields": joined_fields(fields),
    })]  # fmt: skip


def _account(name: str | None) -> str | None:
    return f"uid {name}" if name and name.isdecimal() else name or None


def _logon(row: Row, fields: Mapping[str, str]) -> list[Taken]:
    program = (fields.get("exe") or "").rpartition("/")[2]
    result = fields.get("res", "")
    return [("logon", {
        **row, "service": {"sshd": "ssh"}.get(program, program) or None, "src_ip": address(fields.get("addr")),
        "user": fields.get("acct") or _account(fields.get("id")),
        "success": {"success": True, "1": True, "failed": False, "0": False}.get(result),
    })]  # fmt: skip


def _time(text: str, zone: LocalTime | None) -> datetime | None:
    """Seconds since 1970, or the local time that ausearch prints (UTC where no zone is known)."""
    try:
        seconds = float(text)
    except ValueError:
        pass
    else:
        return datetime.fromtimestamp(seconds, UTC) if 0 <= seconds < 1e10 else None
    for pattern in ("%m/%d/%Y %H:%M:%S.%f", "%d/%m/%Y %H:%M:%S.%f", "%m/%d/%y %H:%M:%S.%f"):
        try:
            naive = datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone comes next
        except ValueError:
            continue
        return zone.utc(naive) if zone else naive.replace(tzinfo=UTC)
    return None


class AuditLog:
    """``/var/log/audit/audit.log``."""

    name = "auditd"
    title = "Linux audit log (audit.log, ausearch)"
    example = 'type=EXECVE msg=audit(1768035600.206:579393): argc=3 a0="/usr/bin/curl" a1="-o" a2="/tmp/x"'
    tables: tuple[str, ...] = ("process", "logon", "event")

    def sniff(self, head: bytes, name: str) -> float:
        if b"audit(" not in head:
            return 0.0
        lines = [line for line in first_lines(head) if line.strip()]
        bare = sum(line.startswith(("type=", "node=")) and bool(_RECORD.search(line)) for line in lines)
        sent = sum(bool(_RECORD.search(line)) and bool(sender_of(line)) for line in lines)
        return 0.97 if bare >= 0.3 * len(lines) and bare else 0.98 if sent >= 0.9 * len(lines) and sent else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        audit = Audit(context.zone)
        chunk = None
        for chunk in cols.chunks(stream):
            taken: list[Taken] = []
            rejects: list[tuple[int, str, bytes]] = []
            count = 0
            for at, line in enumerate(chunk.data.split(b"\n")[:-1], start=chunk.first):
                if not line.strip() or line.startswith(b"----"):
                    continue
                count += 1
                text = line.decode("utf-8", "backslashreplace")
                if _RECORD.search(text) is None:
                    rejects.append((at, "expected an audit record: type=… msg=audit(time:serial): …", line))
                else:
                    taken += audit.take({"line": at, "host_name": sender_of(text)}, text)
                    taken += _event(at, text, context.zone) if context.events else []
            tables = tables_of(taken, stream, context, "auditd")
            yield cols.make_batch(stream, self.name, chunk, tables, count, rejects)
        if chunk is not None and (remaining := audit.remaining()):
            yield cols.make_batch(stream, self.name, chunk, tables_of(remaining, stream, context, "auditd"), 0, [])
