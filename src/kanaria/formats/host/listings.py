"""What a person pasted from a terminal: ``ps``, ``top``, ``ss``, ``netstat``, ``tasklist``, ``lsof -i``.

From lines to rows of ``process`` (what runs) and ``connection`` (what is connected, with its owner). Such a
listing is a look at one moment and carries no time; of a connection it does not say who opened it, so the side with the
lower port below 1024 is taken for the server, and else the other side.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kanaria.core.late_regex import late_regex
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch
from kanaria.formats import columns as cols
from kanaria.formats.logons.emit import Taken, endpoint, number, tables_of
from kanaria.formats.text_log import Row, first_lines, is_log_line

_STATES = {
    "ESTAB": "S1", "ESTABLISHED": "S1", "SYN-SENT": "S0", "CLOSE-WAIT": "S3", "TIME-WAIT": "SF", "FIN-WAIT-1": "S2",
    "FIN-WAIT-2": "S2", "FIN-WAIT1": "S2", "FIN-WAIT2": "S2", "LAST-ACK": "SF", "CLOSING": "SF",
}  # fmt: skip
_SS = late_regex(
    r"^(?:(?P<proto>tcp|udp)\S*\s+)?(?P<state>[A-Z][A-Z0-9-]+)\s+\d+\s+\d+\s+(?P<local>\S+:\S+)\s+(?P<other>\S+:\S+)"
    r"(?:\s+users:\(\((?P<users>.*)\)\))?"
)
_USER = late_regex(r'"(?P<name>[^"]{1,64})",pid=(?P<pid>\d+)')
_NETSTAT = late_regex(
    r"^\s*(?P<proto>tcp|udp|TCP|UDP)[46]?6?\s+(?:\d+\s+\d+\s+)?(?P<local>\S+[:.]\S+)\s+(?P<other>\S+[:.]\S+)\s+"
    r"(?:(?P<state>[A-Z_0-9]{4,12})\s*)?(?:(?:\S+\s+\d+\s+)?(?P<pid>\d+)(?:/(?P<name>.{1,64}?))?)?\s*$"
)
_NAME = late_regex(r"^(?P<name>(?:[A-Za-z0-9_-]{1,63}\.)+[A-Za-z][A-Za-z0-9-]{1,62})[:.][\w-]+$")
_OWNER = late_regex(r"^\s*\[(?P<name>[^\]]{1,128})\]\s*$")
_LSOF = late_regex(
    r"^(?P<name>\S+)\s+(?P<pid>\d+)\s+(?P<user>\S+)\s+\S+\s+IPv[46]\s+\S+\s+\S+\s+(?P<proto>TCP|UDP)\s+"
    r"(?P<local>\S+?)(?:->(?P<other>\S+))?(?:\s+\((?P<state>\w+)\))?$"
)
_HEADERS = {
    "COMMAND": "command", "CMD": "command", "ARGS": "command", "COMM": "process", "PID": "pid", "PPID": "parent_pid",
    "USER": "user", "UID": "user", "EUSER": "user", "RUSER": "user",
}  # fmt: skip
_TASK = late_regex(r'^(?:"(?P<quoted>[^"]+\.exe)","(?P<qpid>\d+)"|(?P<name>\S.{0,60}?\.exe)\s+(?P<pid>\d+)\s+\S+)')
_LINKED = late_regex(r"/proc/(?P<pid>\d+)/exe -> '?(?P<name>[^'\s]{1,200})")
_MAPPED = late_regex(
    r"^(?P<process>\S+)\s+(?P<pid>\d+)(?:\s+\d+)?\s+(?P<user>\S+)\s+txt\s+REG\s+.*?(?P<name>/\S{1,200})"
)
_GPU = late_regex(
    r"^\|\s+\d+\s+(?:\S+\s+\S+\s+)?(?P<pid>\d{1,9})\s+(?:C|G|C\+G|M)\s+(?P<name>\S.{0,120}?)\s+\d+MiB\s+\|"
)
_CONTAINER = late_regex(
    r"^(?P<id>[0-9a-f]{12})\s+(?P<image>[\w./:@-]{2,200})\s+\"(?P<command>.{0,200}?)\"\s+.{0,40}?\b(?P<state>Up|Exited|Created|Restarting)\b"
)
_UNIT = late_regex(
    r"^\s*(?:[\u25cf*\u25cb\u00d7]\s*)?(?P<name>[\w@.:\\-]{1,200})\.service\s+(?:loaded|masked|not-found|bad-setting)\s+"
    r"(?:active|activating|inactive|failed|reloading|deactivating)\s+[a-z-]+(?:\s+(?P<description>\S.*?))?\s*$"
)
_STATS = late_regex(r"^(?P<id>[0-9a-f]{12})\s+(?P<name>[\w.-]{1,128})\s+[\d.]+%\s+[\d.]+\w*i?B\s*/")
_GPU_CSV = late_regex(r"^(?P<pid>\d{1,9}), (?P<name>[^,]{1,200}), (?:\d+ MiB|\[N/A\])\s*$")
_SHELL = late_regex(
    r"^\s*\d+\s+\d+\s+\d+\s+\d+\s+(?:[\d.,]+\s+)?(?P<pid>\d{1,9})\s+\d{1,5}\s+(?P<name>[^\s/:]\S{0,120})\s*$"
)
"""A row of PowerShell's Get-Process: handles, three amounts of memory, processor time if any, id, session, name."""
_RUN_KEY = late_regex(r"^\[HKEY_[A-Z_]+\\.*\\(?:Run|RunOnce|RunServices)\]\s*$", re.IGNORECASE)
_RUN_VALUE = late_regex(r'^(?:"(?P<name>(?:[^"\\]|\\.){1,200})"|@)="(?P<command>(?:[^"\\]|\\.){1,2000})"\s*$')
_HEAD = late_regex(
    r"^\s*(?:(?:Netid +)?State +Recv-Q +Send-Q +Local Address:Port +Peer Address:Port\b.*"
    r"|Active (?:Internet )?[Cc]onnections(?: \([\w/ ]+\))?"
    r"|Proto +(?:Recv-Q +Send-Q +)?Local Address +Foreign Address\b.*"
    r"|CONTAINER ID +(?:IMAGE +COMMAND|NAME +CPU %) .*|COMMAND +PID +(?:TID +)?(?:TASKCMD +)?USER +FD +TYPE .*"
    r"|UNIT +LOAD +ACTIVE +SUB +DESCRIPTION|Image Name +PID +Session Name .*)\s*$"
)
"""The heads of listings whose rows are known without them."""
_CLIENTS_FROM = 1024
"""Ports below are servers' by RFC 6335 (system ports)."""


class Reader:
    """Lines one by one; a header says what the columns of the lines below it are."""

    def __init__(self) -> None:
        self._header: tuple[str, ...] = ()
        self._last: Row | None = None
        self._starts = False
        """Whether the key of a registry export that the lines belong to says what starts with Windows."""

    def take(self, line: str, number_of_line: int) -> list[Taken] | None:
        """Rows of a line, none for a header; None for a line of no listing."""
        row: Row = {"line": number_of_line}
        if line.startswith("[HKEY_"):
            self._starts = _RUN_KEY.match(line) is not None
            return []
        if self._starts and (match := _RUN_VALUE.match(line)):
            command = re.sub(r"\\(.)", r"\1", match["command"])
            job = {**row, "kind": "job", "platform": "windows", "process": match["name"], "command": command}
            return [("process", job)]
        if names := _header(line):
            self._header = names
            return []
        if _HEAD.match(line):
            self._header = ()
            return []
        if (match := _NETSTAT.match(line) or _LSOF.match(line)) or (match := _SS.match(line)):
            self._header = ()
            return self._connection(row, match)
        if (match := _OWNER.match(line)) and self._last is not None:
            self._last["process"] = match["name"]  # netstat -b names the program on the line below
            return [("process", {**row, "kind": "running", "platform": "windows", "process": match["name"]})]
        if (seen := _by_line(line)) is not None:
            return [("process", {**row, "kind": "running", **seen})]
        if self._header:
            return self._program(row, line)
        if match := _TASK.match(line):
            name, pid = match["quoted"] or match["name"], number(match["qpid"] or match["pid"])
            return [("process", {**row, "kind": "running", "platform": "windows", "process": name, "pid": pid})]
        return None

    def _program(self, row: Row, line: str) -> list[Taken] | None:
        cells = line.split(None, len(self._header) - 1)
        if len(cells) < len(self._header) - 1:
            return None
        cells_by_name = {name: cell.strip() for name, cell in zip(self._header, cells, strict=False)}
        named = {_HEADERS[name]: value for name, value in cells_by_name.items() if name in _HEADERS}
        pid = number(named.get("pid"), 2**31 - 1)
        if pid is None:
            return None
        command = named.get("command") or None
        kernel = command is not None and command.startswith("[") and command.endswith("]")
        words = (command or "").lstrip("\\_| ").split()
        path = named.get("process") or (words[0].rstrip(":") if words and not kernel else None)
        return [("process", {
            **row, "kind": "running", "process": path, "command": command, "pid": pid, "user": named.get("user"),
            "parent_pid": number(named.get("parent_pid"), 2**31 - 1),
        })]  # fmt: skip

    def _connection(self, row: Row, match: re.Match[str]) -> list[Taken]:
        groups = match.groupdict()
        user = _USER.search(groups.get("users") or "")
        name = (user["name"] if user else groups.get("name")) or None
        pid = number(user["pid"] if user else groups.get("pid"), 2**31 - 1)
        taken: list[Taken] = []
        if name:
            taken.append(
                ("process", {**row, "kind": "running", "process": name.strip(), "pid": pid, "user": groups.get("user")})
            )
        local, other = endpoint(groups["local"]), endpoint(groups.get("other") or "")
        self._last = None
        if other[0] is None and (named := _NAME.match(groups.get("other") or "")):
            taken.append(("dns", {**row, "query": named["name"].lower()}))
        if local[0] and other[0] and other[1]:
            mine, theirs = (other, local) if (local[1] or _CLIENTS_FROM) < _CLIENTS_FROM <= other[1] else (local, other)
            self._last = {
                **row, "src_ip": mine[0], "src_port": mine[1], "dst_ip": theirs[0], "dst_port": theirs[1],
                "transport": (groups.get("proto") or "tcp").lower(),
                "state": _STATES.get((groups.get("state") or "").replace("_", "-")),
                "open": True, "process": name,
            }  # fmt: skip
            taken.append(("connection", self._last))
        return taken


def _by_line(line: str) -> Row | None:
    """A program by a line that needs no header: of /proc, lsof, nvidia-smi or docker ps."""
    if match := _CONTAINER.match(line):
        return {
            "process": match["image"],
            "command": f"{match['image']} {match['command'].rstrip('…')}",
            "container": match["id"],
        }
    if match := _UNIT.match(line):
        return {"kind": "service", "platform": "linux", "process": match["name"], "description": match["description"]}
    if match := _STATS.match(line):
        return {"process": match["name"], "container": match["id"]}
    match = _GPU_CSV.match(line) or _SHELL.match(line)
    match = match or _LINKED.search(line) or _MAPPED.match(line) or _GPU.match(line)
    if match is None:
        return None
    groups = match.groupdict()
    return {
        "process": groups["name"].split()[0], "command": groups["name"], "pid": number(groups["pid"], 2**31 - 1),
        "user": groups.get("user"),
    }  # fmt: skip


def _heads_alone(lines: list[str]) -> bool:
    """Whether a listing had nothing to list."""
    return bool(lines) and all(_header(line) or _HEAD.match(line) for line in lines)


def _header(line: str) -> tuple[str, ...]:
    """The names of columns, for the heads of ps, top and their kin."""
    names = tuple("COMMAND" if name == "Command" else name for name in line.replace("▽", " ").replace("△", " ").split())
    columns = {_HEADERS[name] for name in names if name in _HEADERS}
    last = names[-1] if names else ""
    return names if {"pid"} <= columns and _HEADERS.get(last) in ("command", "process") and "FD" not in names else ()


class Listing:
    """Output of ps, ss, netstat and the like."""

    name = "process-list"
    title = "Output of ps, top, htop, ss, netstat, lsof, nvidia-smi, docker ps, systemctl, tasklist, Get-Process or reg"
    example = 'ESTAB 0 0 192.0.2.7:50000 203.0.113.50:3333 users:(("name",pid=4021,fd=12))'
    tables: tuple[str, ...] = ("process", "connection", "dns")

    def sniff(self, head: bytes, name: str) -> float:
        if b"NVIDIA-SMI" in head and b"Process name" in head:
            return 0.9  # mostly frames and figures
        lines = [line for line in first_lines(head) if line.strip()]
        reader = Reader()
        taken_of = [reader.take(line, at) for at, line in enumerate(lines, start=1)]
        fitting = sum(bool(taken) for taken in taken_of)
        if not fitting:
            return 0.9 if _heads_alone(lines) else 0.0
        return 0.9 if fitting >= 0.5 * len(lines) - 3 else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        reader = Reader()
        for chunk in cols.chunks(stream):
            taken: list[Taken] = []
            unparsed: list[tuple[int, bytes]] = []
            count = 0
            for at, line in enumerate(chunk.data.split(b"\n")[:-1], start=chunk.first):
                if line.strip():
                    rows = reader.take(line.decode("utf-8", "backslashreplace").rstrip("\r"), at)
                    count += rows != []
                    taken += rows or []
                    unparsed += [(at, line)] if rows is None else []
            tables = tables_of(taken, stream, context, "host")
            strange = sum(is_log_line(line) for _at, line in unparsed)
            yield cols.make_batch(stream, self.name, chunk, tables, count, [], passed_over=strange, unparsed=unparsed)
