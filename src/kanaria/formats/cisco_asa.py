"""Cisco ASA and Firepower (FTD) messages: from lines to rows of ``connection``, and of ``alert`` for what the
firewall itself says of a scan (733101), by its signatures (400000 to 400050) and its list of botnets (338001 to
338008).

A connection is said twice, when it is built (who began it) and when it is torn down (how long, how many bytes); the two
are put together by their number. What was built and never torn down is still open at the end of the log, which is where
a miner's connection stays. Byte counts are of both directions together and stand as those of the server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from datetime import datetime, timedelta

from kanaria.core.late_regex import late_regex
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch, Text
from kanaria.core.values import dataclass
from kanaria.formats.logons.emit import Taken, address, batches, number
from kanaria.formats.logons.text_input import open_text
from kanaria.formats.mapped.clock import Clock
from kanaria.formats.text_log import Row

_MESSAGE = late_regex(r"%(?:ASA|FTD|PIX)-(?:\w+-)?[0-7]-(\d{6}): (.*)")
_STAMP = late_regex(
    r"^(?:<\d{1,3}>)?(?:1 |\d+: )?:?\s*(?P<iso>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)|"
    r"^(?:<\d{1,3}>)?(?:\d+: )?:?\s*(?P<bsd>[A-Z][a-z]{2}\s+\d{1,2}(?: \d{4})? \d\d:\d\d:\d\d)"
)
_END = r"(?P<{0}_if>[^:\s]+):(?P<{0}>[0-9A-Fa-f.:]+)/(?P<{0}_port>\d+)"
_ENDS = _END.format("a") + r"(?:\s?\([^)]*\)){0,2} to " + _END.format("b")
_BUILT = late_regex(r"Built (?P<way>inbound|outbound) (?P<proto>TCP|UDP|SCTP) connection (?P<id>\d+) for " + _ENDS)
_DOWN = late_regex(
    r"Teardown (?P<proto>TCP|UDP|SCTP) connection (?P<id>\d+) for " + _ENDS + r"(?:\([^)]*\))* "
    r"duration (?P<hours>\d+):(?P<minutes>\d\d):(?P<seconds>\d\d) bytes (?P<bytes>\d+)(?: (?P<why>[A-Z][\w -]*))?"
)
# "Deny tcp src outside:198.51.100.7/5000 dst inside:192.0.2.1/3389 by …" (106023), "… denied tcp
# outside/198.51.100.7(5000) -> inside/192.0.2.1(3389) …" (106100), "… denied from 198.51.100.7/5000 to …" (106001).
_DENIED = (
    late_regex(
        r"Deny (?P<proto>\w+) src [^:\s]+:(?P<a>[0-9A-Fa-f.:]+?)(?:/(?P<a_port>\d+))?(?:\([^)]*\))? "
        r"dst [^:\s]+:(?P<b>[0-9A-Fa-f.:]+?)(?:/(?P<b_port>\d+))?(?:\([^)]*\))?(?: |$)"
    ),
    late_regex(
        r"access-list \S+ (?P<verdict>permitted|denied) (?P<proto>\w+) [^/\s]+/(?P<a>[0-9A-Fa-f.:]+)\((?P<a_port>\d+)\)"
        r"(?:\([^)]*\))? -> [^/\s]+/(?P<b>[0-9A-Fa-f.:]+)\((?P<b_port>\d+)\)"
    ),
    late_regex(
        r"(?P<proto>TCP|UDP) (?:connection|access) denied (?:by ACL )?from (?P<a>[0-9A-Fa-f.:]+)/(?P<a_port>\d+) "
        r"to (?:[^:\s]+:)?(?P<b>[0-9A-Fa-f.:]+)/(?P<b_port>\d+)"
    ),
)
# "Object 192.0.2.9 is attacking. Current burst rate is …" (733101; some write "Host", "[192.0.2.9]" or "(attacker)")
_SCANS = late_regex(r"^(?:\w+ )?\[?\s*(?P<a>[0-9A-Fa-f.:]+?)\s*\]?(?: \([^)]*\))? is (?P<deed>attacking|targeted)\b")
# "IDS:2000 ICMP Echo Reply from 198.51.100.7 to 192.0.2.1 on interface outside"
_SIGNED = late_regex(
    r"^(?P<what>IDS:\d{1,6} .{1,120}?) from (?P<a>[0-9A-Fa-f.:]+) to (?P<b>[0-9A-Fa-f.:]+) on interface "
)
# "Dynamic filter monitored blacklisted TCP traffic from inside:192.0.2.9/5000 (…) to outside:203.0.113.5/80 (…),
# destination 203.0.113.5 resolved from dynamic list: bad.example, threat-level: high, category: Malware"
_FILTERED = late_regex(
    r"^(?P<what>Dynamic [Ff]ilter \w+ (?:black|grey) ?listed) \w+ traffic from "
    + _ENDS
    + r".*? list: (?P<name>[^\s,]+)(?:.*?category: (?P<category>[\w -]{1,60}))?"
)
_STATES = (("TCP FINs", "SF"), ("TCP Reset-I", "RSTO"), ("TCP Reset-O", "RSTR"), ("SYN Timeout", "S0"))
_WAITING = 200_000
"""Connections kept open at a time, 100 MB at most; the largest models hold more, and the oldest are told of then."""


class CiscoAsa:
    """Connections and refusals of an ASA or FTD."""

    name = "cisco-asa"
    title = "Cisco ASA and FTD log"
    example = (
        "Jan 10 2026 09:00:02 fw01 : %ASA-6-302014: Teardown TCP connection 9000 for outside:203.0.113.50/443 "
        "to inside:192.0.2.7/50000 duration 0:00:02 bytes 11000 TCP FINs"
    )
    tables: tuple[str, ...] = ("connection", "alert")
    tried = Text(
        en="one generated sample, and messages made in the documented forms",
        ja="例1件と、文書にある書式で作ったメッセージ",
    )

    def sniff(self, head: bytes, name: str) -> float:
        lines = [line for line in head.split(b"\n")[:200] if line.strip()]
        fitting = sum(b"%ASA-" in line or b"%FTD-" in line or b"%PIX-" in line for line in lines)
        return 0.95 if lines and fitting >= 0.3 * len(lines) else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        with open_text(stream) as lines:
            log = _Log(Clock(context))
            yield from batches(log.records(lines), stream, context, name=self.name, sensor="cisco-asa")


@dataclass
class _Log:
    """The connections that are open while the log is read."""

    clock: Clock
    open: dict[str, Row] = field(default_factory=dict)

    def records(self, lines: Iterator[str]) -> Iterator[list[Taken] | tuple[str, bytes]]:
        for line in lines:
            if line.strip():
                yield self._one(line)
        for row in self.open.values():
            yield [("connection", {**row, "open": True})]

    def _one(self, line: str) -> list[Taken] | tuple[str, bytes]:
        found = _MESSAGE.search(line)
        if found is None:
            return "expected a message with a number (%ASA-6-302013: …)", line.encode("utf-8", "backslashreplace")
        time, said = self._time(line), found[2]
        if built := _BUILT.search(said):
            return self._built(built, time)
        if down := _DOWN.search(said):
            return [("connection", self._down(down, time))]
        for pattern in _DENIED:
            if refused := pattern.search(said):
                return [("connection", _refused(refused, time))]
        if alert := _alert(said):
            return [("alert", {"time": time, "signature_id": found[1], **alert})]
        return "", line.encode("utf-8", "backslashreplace")

    def _time(self, line: str) -> datetime | None:
        found = _STAMP.match(line)
        if found is None:
            return None
        return self.clock.when(found["iso"] or found["bsd"])

    def _built(self, built: re.Match[str], time: datetime | None) -> list[Taken]:
        """Inbound is begun by the first end, the one on the less trusted side; outbound by the other."""
        row = _row(built, time, turned=built["way"] == "outbound")
        waiting = self.open.pop(built["id"], None)  # numbers come again after a restart
        self.open[built["id"]] = row
        if waiting is None and len(self.open) > _WAITING:
            waiting = self.open.pop(next(iter(self.open)))
        return [("connection", {**waiting, "open": True})] if waiting else []

    def _down(self, down: re.Match[str], time: datetime | None) -> Row:
        began = self.open.pop(down["id"], None)
        lasted = timedelta(hours=int(down["hours"]), minutes=int(down["minutes"]), seconds=int(down["seconds"]))
        if began is None:  # the log begins later: the side with the higher port is taken for the client
            begin = time - lasted if time and lasted < timedelta(days=3650) else time
            began = _row(down, begin, turned=int(down["b_port"]) > int(down["a_port"]))
        state = next((state for start, state in _STATES if (down["why"] or "").startswith(start)), None)
        micros = min(round(lasted.total_seconds() * 1e6), 2**52)
        return {**began, "duration_us": micros, "dst_bytes": number(down["bytes"], 2**52), "state": state}


def _row(found: re.Match[str], time: datetime | None, *, turned: bool) -> Row:
    return {"time": time, "transport": found["proto"].lower(), **_ends(found, turned=turned)}


def _ends(found: re.Match[str], *, turned: bool = False) -> Row:
    src, dst = ("b", "a") if turned else ("a", "b")
    return {
        "src_ip": address(found[src]), "dst_ip": address(found[dst]),
        "src_port": number(found[f"{src}_port"], 65_535), "dst_port": number(found[f"{dst}_port"], 65_535),
    }  # fmt: skip


def _refused(found: re.Match[str], time: datetime | None) -> Row:
    permitted = found.groupdict().get("verdict") == "permitted"
    return {**_row(found, time, turned=False), "state": None if permitted else "S0"}


def _alert(said: str) -> Row | None:
    """What the firewall says of somebody, in its own words; of who is only the target it says nothing bad."""
    if found := _SCANS.search(said):
        if found["deed"] == "targeted":
            return {"dst_ip": address(found["a"]), "signature": "Scanning threat: target"}
        return {"src_ip": address(found["a"]), "signature": "Scanning threat: attacker", "category": "Recon.Scanning"}
    if found := _SIGNED.search(said):
        return {"src_ip": address(found["a"]), "dst_ip": address(found["b"]), "signature": found["what"]}
    if found := _FILTERED.search(said):
        return {**_ends(found), "signature": found["what"], "category": found["category"], "subject": found["name"]}
    return None
