"""``auth.log``, ``secure`` and any syslog file with logons in it: sshd, PAM, sudo, su, FTP and mail servers, netfilter.

One logon attempt is often several lines (PAM's, then sshd's; "Invalid user", then "Failed password"). The general line
is held back and dropped when a precise one of the same process follows, so that an attempt counts once.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, datetime

from kanaria.core.late_regex import late_regex
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch
from kanaria.formats import columns as cols
from kanaria.formats.firewall import netfilter_row
from kanaria.formats.host.messages import PROGRAMS, Messages
from kanaria.formats.logons import services, sshd
from kanaria.formats.logons.emit import Taken, tables_of
from kanaria.formats.miners.phrases import read as read_phrase
from kanaria.formats.text_log import FACILITY, Row, Years, first_lines, iso_time

TABLES: tuple[str, ...] = ("logon", "process", "miner", "connection")
_PREFIX = late_regex(
    r"^(?:<\d{1,3}>)?(?:1 )?(?:[A-Z][a-z]{2} (?=[A-Z]))?"
    r"(?:(?P<month>[A-Z][a-z]{2})\s+(?P<day>\d{1,2})\s+(?:(?P<year>\d{4})\s+)?(?P<clock>\d\d:\d\d:\d\d)(?P<part>\.\d+)?"
    r"(?: (?P<late>\d{4})(?= ))?"
    r"|(?P<iso>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?\s?(?:Z|[+-]\d\d:?\d\d)?)"
    r"|[A-Z][a-z]{2} (?P<full>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?) (?P<zone>[A-Z]{2,5}|[+-]\d\d(?:\d\d)?)"
    r"|(?P<epoch>\d{9,10}\.\d{6}))"
    rf"\s+(?:{FACILITY}|(?P<host>\S+)\s+(?:{FACILITY})?)"
    r"(?:\[ID \d+ \S+\]\s+)?(?P<tag>[\w./@-]{1,64}(?:\(\w+\))?)"
    r"(?:\[(?P<pid>\d{1,10})\]:?|:|\s+(?P<procid>\d{1,10}|-)\s+\S+\s+(?:-|\[[^\]]*\]))\s+(?P<rest>.*)$"
)
_FTP_OWN = late_regex(
    r"^[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2})\s+(?P<day>\d{1,2}) (?P<clock>\d\d:\d\d:\d\d) (?P<year>\d{4}) "
    r"\[pid (?P<pid>\d{1,10})\] (?P<rest>.*(?:FAIL|OK) LOGIN: .*)$"
)
_REPEATED = late_regex(r"^message repeated (?P<times>\d{1,6}) times: \[\s?(?P<message>.*)\]$")
_SSH_PROGRAMS = frozenset(("sshd", "sshd-session", "sshd-auth", "dropbear", "ssh"))
_REMEMBERED = 4096
"""Processes whose attempts are remembered; sshd starts one per connection and each lives for minutes at most."""
_BESIDE_LOGONS = frozenset(
    ("CRON", "cron", "systemd-logind", "useradd", "groupadd", "passwd", "polkitd", "gdm-password")
)
# What these write is known (Debian's and Fedora's default packages): no logons, and commands only where the search of
# every line finds them. Lines of programs that are not listed, containers' and applications' own, count as unread.
_OTHERS = _BESIDE_LOGONS | frozenset(
    "crond crontab anacron atd systemd kernel rsyslogd syslogd syslog-ng dbus-daemon dbus NetworkManager ModemManager"
    " wpa_supplicant dhclient dhcpcd avahi-daemon chronyd ntpd snapd smartd thermald irqbalance multipathd udisksd"
    " fwupd packagekitd unattended-upgrade apt logrotate userdel usermod groupdel chage smtpd smtp qmgr cleanup pickup"
    " bounce anvil local master scache trivial-rewrite postscreen tlsproxy submission".split()
)
_SYSLOG_SHARE, _SYSLOG_SCORE = 0.9, 0.5
"""A file of syslog lines whose programs nobody knows is read as syslog, unless a format knows what they write."""


class Attempts:
    """Turns the messages of one machine's programs into rows, each attempt once.

    ``take`` gives the rows that are certain, ``remaining`` those held back that nothing more precise followed.
    """

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[str, str], Row] = OrderedDict()
        self._told: OrderedDict[tuple[str, str], bool] = OrderedDict()
        self._said: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._others = Messages()

    def take(self, row: Row, program: str, pid: str | None, message: str) -> list[Taken]:
        """Rows for one message; ``row`` has the columns every row of this record gets."""
        repeated = _REPEATED.match(message)
        if repeated:
            return [(name, _with_times(taken, repeated["times"])) for name, taken in
                    self.take(row, program, pid, repeated["message"])]  # fmt: skip
        base = program.rpartition("/")[2] if program.startswith("/") else program
        plain = base.partition("(")[0]
        if plain in _SSH_PROGRAMS:
            return self._ssh(row, base, (str(row.get("host_name")), f"{plain}[{pid}]"), message)
        if found := services.service_row(base, message) or services.pam_failure(message, base):
            return [("logon", {**row, **found})]
        if base == "sudo" and (asked := services.sudo_row(message)):
            return _sudo(row, *asked)
        if " SRC=" in message and "IN=" in message and (packet := netfilter_row(message, _time(row), _line(row))):
            return [("connection", packet)]
        return self._others.take(row, base, pid, message)

    @property
    def held_back(self) -> bool:
        """Whether the last message is understood though no row came of it yet; rows of several lines come later."""
        return self._others.held_back

    def remaining(self, *, miners: bool = True, ended: bool = True) -> list[Taken]:
        """Held rows; they are not held any more. Miners of a log with an end are told at its end."""
        rows: list[Taken] = [("logon", row) for row in self._held.values()]
        self._held.clear()
        return [*rows, *self._others.remaining(miners=miners, ended=ended)]

    def _ssh(self, row: Row, program: str, key: tuple[str, str], message: str) -> list[Taken]:
        if found := sshd.ssh_row(message):
            return self._ssh_attempt({**row, **found}, key, message)
        if found := services.pam_failure(message, program):
            return self._hold({**row, **found, "service": "ssh"}, key) if "more auth" not in message else []
        if opened := services.session_opened(message):
            return [] if key in self._told else self._opened({**row, "service": "ssh", "user": opened}, key)
        if sent := sshd.ssh_sent(message):
            self._said[key] = sent
            if len(self._said) > _REMEMBERED:
                self._said.popitem(last=False)
            return []
        if connection := sshd.ssh_connection(message):
            columns, sent = connection
            sent = self._said.pop(key, sent)
            if key in self._told:
                return []
            self._tell(key)
            return [*self._drop(key), ("logon", {**row, **columns}), *_spoken(row, columns, sent)]
        return []

    def _ssh_attempt(self, found: Row, key: tuple[str, str], message: str) -> list[Taken]:
        """Precise lines count each; a refused name is held until the method's own line; ends repeat the rest."""
        if message.startswith(("Accepted", "Failed", "Bad password", "Password auth", "Pubkey auth", "Login attempt")):
            self._held.pop(key, None)
            self._tell(key)
            return [("logon", found)]
        if message.startswith(("Invalid user", "Illegal user", "User ")):
            return self._hold(found, key)
        if key in self._told:
            return []
        held = self._held.pop(key, None)
        self._tell(key)
        kept = {name: held[name] for name in ("line", "time", "reason")} if held else {}
        return [("logon", {**found, **kept})]

    def _opened(self, row: Row, key: tuple[str, str]) -> list[Taken]:
        """A session nobody announced: where sshd leaves logons to PAM, this line is the only one."""
        self._tell(key)
        return [*self._drop(key), ("logon", {**row, "success": True, "method": "pam"})]

    def _hold(self, row: Row, key: tuple[str, str]) -> list[Taken]:
        """Keep the row back. PAM's line for a name that was just refused is the same attempt."""
        before = self._held.get(key)
        if before is not None and before["method"] is None and row["method"] == "pam":
            return []
        self._held[key] = row
        evicted = [self._held.popitem(last=False)[1]] if len(self._held) > _REMEMBERED else []
        kept = [before] if before is not None else []
        return [("logon", old) for old in (*kept, *evicted)]

    def _drop(self, key: tuple[str, str]) -> list[Taken]:
        held = self._held.pop(key, None)
        return [("logon", held)] if held else []

    def _tell(self, key: tuple[str, str]) -> None:
        self._told[key] = True
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)


def _with_times(row: Row, times: str) -> Row:
    reason = f"{row['reason']}, " if row.get("reason") else ""
    return {**row, "reason": f"{reason}repeated {times} times"}


def _sudo(row: Row, asked: Row, command: str | None) -> list[Taken]:
    """The attempt; what was run becomes a process of the machine."""
    taken: list[Taken] = [("logon", {**row, **asked})]
    if command:
        ran = {"kind": "start", "platform": "linux", "process": command.split(" ")[0], "command": command}
        taken.append(("process", {**row, **ran, "user": "root" if asked["privileged"] else None, "parent": "sudo",
                                  "parent_user": asked["user"]}))  # fmt: skip
    return taken


def _spoken(row: Row, columns: Row, sent: str | None) -> list[Taken]:
    """What a client said instead of SSH, as a connection: mining software knocks at every port."""
    if not sent:
        return []
    seen = {key: columns[key] for key in ("src_ip", "src_port")}
    said = _ESCAPED.sub(_unescape, sent.encode("utf-8", "replace"))
    row = {key: row[key] for key in ("line", "time", "device")}
    return [("connection", {**row, **seen, "transport": "tcp", "service": "ssh", "src_first": said})]


_ESCAPED = late_regex(rb"\\([0-3][0-7]{2}|\\)")


def _unescape(found: re.Match[bytes]) -> bytes:
    """OpenSSH logs with vis(3): octal for bytes that are not printable, doubled backslashes."""
    return b"\\" if found[1] == b"\\" else bytes([int(found[1], 8)])


def _time(row: Row) -> datetime | None:
    time = row.get("time")
    return time if isinstance(time, datetime) else None


def _line(row: Row) -> int:
    return int(str(row["line"]))


class _Remembering(Years):
    """Guessing tools write many lines in one second: its time is worked out once."""

    def __init__(self, context: ReadContext) -> None:
        super().__init__(context)
        self._last: tuple[tuple[str | None, ...], datetime | None] | None = None

    def time(self, month: str, day: str, clock: str, part: str | None, year: str | None = None) -> datetime | None:
        key = (month, day, clock, part, year)
        if self._last is None or self._last[0] != key:
            self._last = (key, super().time(month, day, clock, part, year))
        return self._last[1]


class AuthLog:
    """Syslog files with logons."""

    name = "auth-log"
    title = "auth.log, secure or syslog: sshd, PAM, sudo, su, FTP, mail, netfilter, cron, systemd, audit, miners"
    example = "Jan 10 09:00:00 srv sshd[4021]: Failed password for invalid user admin from 198.51.100.7 port 50000 ssh2"
    tables: tuple[str, ...] = TABLES

    def sniff(self, head: bytes, name: str) -> float:
        lines = [line for line in first_lines(head, 2000) if line.strip()]
        parsed = [found for line in lines if (found := parse(line, Years(ReadContext(year=2000))))]
        ours = sum(
            (_is_ours(program) and _name(program) != "kernel") or _of_miner(message)
            for _row, program, _pid, message in parsed
        )
        if not ours:
            return 0.0
        return 0.95 if ours >= 0.2 * len(lines) else 0.65

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        years, attempts = _Remembering(context), Attempts()
        chunk = None
        for chunk in cols.chunks(stream):
            taken: list[Taken] = []
            rejects: list[tuple[int, str, bytes]] = []
            unparsed: list[tuple[int, bytes]] = []
            count = passed_over = 0
            for number, line in enumerate(chunk.data.split(b"\n")[:-1], start=chunk.first):
                if not line.strip():
                    continue
                count += 1
                found = parse(line.decode("utf-8", "backslashreplace"), years)
                if found is None:
                    rejects.append((number, "expected a syslog line: time, host, program, message", line))
                    unparsed.append((number, line))
                else:
                    row, program, pid, message = found
                    rows = attempts.take({**row, "line": number}, program, pid, message)
                    taken += rows
                    if not rows and not attempts.held_back and not says_logons(program):
                        unparsed.append((number, line))
                        passed_over += not _is_ours(program)
            taken += attempts.remaining(miners=stream.size is None, ended=False)
            tables = tables_of(taken, stream, context, "syslog")
            yield cols.make_batch(
                stream, self.name, chunk, tables, count, rejects, passed_over=passed_over, unparsed=unparsed
            )
        if chunk is not None and (taken := attempts.remaining()):
            yield cols.make_batch(stream, self.name, chunk, tables_of(taken, stream, context, "syslog"), 0, [])


def _is_ours(tag: str) -> bool:
    """Whether it is known what the program writes: of its other lines it can be said that they are no logons."""
    return says_logons(tag) or _name(tag) in _OTHERS or _name(tag) in PROGRAMS or tag.startswith("systemd-")


def says_logons(tag: str) -> bool:
    """Whether the program's lines are read for logons."""
    return _name(tag) in _SSH_PROGRAMS or _name(tag) in services.PROGRAMS


def _name(tag: str) -> str:
    return tag.rpartition("/")[2].partition("(")[0]


def _of_miner(message: str) -> bool:
    said = read_phrase(message)
    return said is not None and said.sure


def _full_time(text: str, zone: str, years: Years) -> datetime | None:
    """What ``journalctl -o short-full`` writes: its zone by name, which is the writer's, or in hours."""
    if zone == "UTC":
        return iso_time(f"{text}Z", years.zone)
    return iso_time(text if zone.isalpha() else f"{text}{zone:0<5}", years.zone)


def parse(line: str, years: Years) -> tuple[Row, str, str | None, str] | None:
    """Common columns, program, process id and message of a line, or None for a line of another kind."""
    found = _PREFIX.match(line)
    if found:
        when: datetime | None
        if found["epoch"]:
            when = datetime.fromtimestamp(float(found["epoch"]), UTC)
        elif found["full"]:
            when = _full_time(found["full"], found["zone"], years)
        elif found["iso"]:
            when = iso_time(found["iso"], years.zone)
        else:
            when = years.time(
                found["month"], found["day"], found["clock"], found["part"], found["year"] or found["late"]
            )
        host = None if found["host"] == "-" else found["host"]
        return {"time": when, "device": host, "host_name": host}, found["tag"], found["pid"] or found["procid"], \
            found["rest"]  # fmt: skip
    own = _FTP_OWN.match(line)
    if own:
        when = years.time(own["month"], own["day"], own["clock"], None, own["year"])
        return {"time": when, "device": None, "host_name": None}, "vsftpd", own["pid"], own["rest"]
    return None
