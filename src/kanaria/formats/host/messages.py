"""What programs of a machine write to its log, beyond logons: jobs, services, audit records, and miners' own lines.

From one message with its program to rows of ``process``; miners' lines are summed up (``miners.runs``) and
audit records put together (``auditd``), so that their rows come at the end.
"""

from __future__ import annotations

from kanaria.core.late_regex import late_regex
from kanaria.formats.host.auditd import Audit
from kanaria.formats.logons.emit import Taken
from kanaria.formats.logons.services import sudo_row
from kanaria.formats.miners.runs import Runs
from kanaria.formats.text_log import Row

_JOB = late_regex(r"^\((?P<user>[^)]{1,64})\) (?:CMD|COMMAND) \((?P<command>.*)\)\s*$")
_UNIT = late_regex(r"^(?:Started|Starting|Created symlink) (?P<unit>.{1,200}?)\.?$")
_KILLED = late_regex(r"\bKilled process (?P<pid>\d{1,10}) \((?P<name>[^)]{1,64})\)")
_LISTED = late_regex(
    r"(?P<user>[\w.+-]{1,32})\s+(?P<pid>\d{1,10})\s+(?:\d{1,4}\.?\d?\s+\d{1,3}\.?\d?\s+\d[\d.]*[kmgt]?\s+\d[\d.]*[kmgt]?\s+\S{1,8}\s+"
    r"[DRSTtZXI][\w+<]{0,5}\s+\S{4,7}\s+\d{1,6}:\d\d(?:\.\d\d)?"
    r"|\d{1,10}\s+\d{1,3}\s+\S{4,7}\s+\S{1,8}\s+(?:\d{1,4}-)?\d\d:\d\d:\d\d)\s+(?P<command>\S.*)"
)
"""A row of ``ps aux`` or ``ps -ef`` that came without its header."""
_JOBS = frozenset(("CRON", "cron", "crond", "anacron", "atd", "crontab", "/usr/sbin/cron", "/USR/SBIN/CRON"))
PROGRAMS = _JOBS | {"systemd", "kernel", "audit", "auditd", "audispd", "audisp-syslog", "sysmon"}
"""Programs whose messages are looked at for more than a miner's line."""


def of_any_program(row: Row, program: str | None, message: str) -> Row | None:
    """What a line says was run, by cron, sudo or systemd, or was killed; its program may have got lost on the way."""
    if match := _JOB.match(message):
        return _process(row, "job", "cron", match["command"], match["user"])[1]
    if match := _LISTED.fullmatch(message):
        command = match["command"]
        made = _process(row, "running", command.split(" ")[0], command, match["user"])[1]
        return {**made, "pid": int(match["pid"])}
    if match := _KILLED.search(message):
        return {**_process(row, "running", match["name"], None, None)[1], "pid": int(match["pid"])}
    if (asked := sudo_row(message)) and asked[1]:
        who, command = asked[0], asked[1]
        return {**_process(row, "start", command.split(" ")[0], command, None)[1], "parent": "sudo",
                            "parent_user": who["user"], "user": "root" if who["privileged"] else None}  # fmt: skip
    if (program or "systemd").removesuffix(".service") in ("systemd", "init") and (match := _UNIT.match(message)):
        return _process(row, "service", match["unit"], None, None)[1]
    return None


class Messages:
    """Rows out of the messages of one log."""

    def __init__(self) -> None:
        self.runs, self._audit = Runs(), Audit()
        self.held_back = False
        """Whether the last message belongs to a row that comes later."""

    def take(self, row: Row, program: str, pid: str | None, message: str) -> list[Taken]:
        """Rows that are certain at once; ``row`` has line, time and host."""
        self.held_back = False
        if program in _JOBS:
            match = _JOB.match(message)
            return [_process(row, "job", "cron", match["command"], match["user"])] if match else []
        if program == "systemd" and (match := _UNIT.match(message)):
            return [_process(row, "service", match["unit"], None, None)]
        if program == "sysmon" or message.startswith("<Event>"):
            return _sysmon(row, message)
        if "audit" in program or program.startswith("audisp") or (program == "kernel" and "audit(" in message):
            self.held_back = True
            return self._audit.take(row, message)
        if program == "kernel" and (match := _KILLED.search(message)):
            taken = _process(row, "running", match["name"], None, None)
            return [(taken[0], {**taken[1], "pid": int(match["pid"])})]
        self.held_back = self.runs.take(row, message, container=program or None, pid=pid)
        return []

    def remaining(self, *, miners: bool, ended: bool) -> list[Taken]:
        """What was held back: what ``miners`` wrote so far, and of a log that ``ended`` events without their end."""
        miners_runs = [("miner", row) for row in self.runs.unreported()] if miners else []
        return [*(self._audit.remaining() if ended else ()), *miners_runs]


def _process(row: Row, kind: str, process: str, command: str | None, user: str | None) -> Taken:
    return "process", {**row, "kind": kind, "platform": "linux", "process": process, "command": command, "user": user}


def _sysmon(row: Row, message: str) -> list[Taken]:
    """Sysmon for Linux writes events as XML; the time and host of the line stand in for what they lack."""
    from kanaria.formats.logons.windows_xml import rows_of_text

    return [(table, {**{k: v for k, v in taken.items() if v is not None}, "line": row["line"],
                     "device": taken.get("device") or row.get("device")})
            for table, taken in rows_of_text(message)]  # fmt: skip
