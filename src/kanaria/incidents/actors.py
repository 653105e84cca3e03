"""Who did what: a case is taken apart, each part about one actor and one kind of deed.

A part is judged by itself, so that what one actor did never speaks about another. What a device of ours did
(``conduct``), what was tried at its doors (``access``), a stranger's attack payloads (``attack``) and a stranger's
mining messages and other probes (``probe``) are different deeds, of different actors or of one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Literal

from kanaria.core.glossary import asked_from_outside
from kanaria.core.types import Evidence, Finding, Record, StratumMessage
from kanaria.core.values import dataclass
from kanaria.incidents.case import Case

Deed = Literal["conduct", "access", "attack", "probe"]

# Findings of these stages say something about the device itself, so they are joined by device. Web probes of different
# strangers against one server are different campaigns and are not.
DEVICE_STAGES = frozenset({"execution", "persistence", "lateral_movement", "command_and_control", "impact"})
NETWORK_TABLES = frozenset({"connection", "rdp", "smb", "logon", "dns", "tls", "host", "alert"})
# What a stranger's payload or a device's behaviour speaks for; everything else is somebody who looks around.
_SERIOUS = frozenset({"exploitation_attempt", "compromised_device"})


@dataclass(frozen=True)
class Part:
    """What one actor did. ``case`` holds its findings alone; ``lent`` is what others' findings say about this device.

    ``whole`` is the case it is part of, for what can only be seen from there: how many sources a campaign has, what a
    server did after an attack.
    """

    deed: Deed
    who: str
    case: Case
    whole: Case
    lent: tuple[Evidence, ...] = ()


def parts(case: Case) -> tuple[Part, ...]:
    """The case, actor by actor; every finding is in exactly one part."""
    groups: dict[tuple[Deed, str], list[Finding]] = defaultdict(list)
    for finding in case.findings:
        groups[_deed(finding, case)].append(finding)
    messages: dict[int, list[StratumMessage]] = defaultdict(list)
    for message in case.messages:
        messages[message.event_id].append(message)
    made = []
    for (deed, who), findings in groups.items():
        doors = groups.get(("access", who), ()) if deed == "conduct" else ()
        lent = tuple(e for f in doors for e in f.evidence if e.about == "compromised_device" and e.bits > 0)
        made.append(Part(deed, who, _only(findings, messages, case), case, lent))
    return tuple(made)


def _only(findings: list[Finding], messages_of: Mapping[int, list[StratumMessage]], case: Case) -> Case:
    events = sorted({event for finding in findings for event in finding.event_ids})
    messages = tuple(message for event in events for message in messages_of.get(event, ()))
    return Case(tuple(findings), messages, {event: case.records[event] for event in events if event in case.records})


def _deed(finding: Finding, case: Case) -> tuple[Deed, str]:
    if acted(finding, case.records):
        return "conduct", finding.device or ""
    if finding.remote and asked_from_outside([finding]):  # a question is neither an attack nor a way in
        return "probe", finding.remote
    serious = any(item.about in _SERIOUS and item.bits > 0 for item in finding.evidence)
    if finding.device and finding.table != "http":
        return ("access", finding.device) if serious or finding.remote is None else ("probe", finding.remote)
    return ("attack" if serious else "probe"), finding.remote or ""


def acted(finding: Finding, records: Mapping[int, Record]) -> bool:
    """Whether the device of the finding, one of ours, did what it tells of, rather than something was done to it."""
    if not finding.device:
        return False
    if finding.table == "host":
        return True
    read = [records[event] for event in finding.event_ids if event in records]
    sides = [device_of(record) == finding.device for record in read if record.values.get("src_ip") is not None]
    if sides:
        return any(sides)
    if direction := finding.values.get("direction") or next(
        (str(record.values["direction"]) for record in read if record.values.get("direction")), None
    ):
        return direction == "outbound"
    return finding.table != "http" and finding.stage in DEVICE_STAGES and finding.table not in {"rdp", "smb", "logon"}


def device_of(record: Record) -> str | None:
    """The device of ours that began what the record tells of, None when a stranger did."""
    begun = record.values.get("src_ip")
    if record.values.get("direction") == "inbound":
        return None
    return record.device if begun is None or begun == record.device else None
