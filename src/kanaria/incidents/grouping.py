"""Which findings belong to one campaign or compromise.

Takes all findings, messages and records of a run; returns disjoint cases. Findings are joined by who acted, each kind
of link with its own reach in time; the result does not depend on the order of the findings.

What many use joins nobody: two devices that ask one resolver or reach one pool have nothing to do with each other until
they pay the same wallet. Mining the owner allowed, and what a person dismissed, are never joined with anything else.
"""

from __future__ import annotations

import ipaddress
import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from kanaria.core.network import parse_address
from kanaria.core.own_address import apart, means_itself
from kanaria.core.types import Finding, Record, StratumMessage
from kanaria.incidents.actors import DEVICE_STAGES, NETWORK_TABLES, acted
from kanaria.incidents.alike import alike
from kanaria.incidents.case import Allowed, Case
from kanaria.incidents.permission import Permission

# How far apart two findings may be and still be joined by a link of this kind. A scanner comes back for months with the
# same wallet; one address is reassigned within days; a device's trouble is one story as long as it goes on daily.
REACH: Mapping[str, timedelta] = {
    "event": timedelta.max,
    "sample": timedelta(days=365),
    "wallet": timedelta(days=365),
    "fragment": timedelta.max,
    "remote": timedelta(days=3),
    "pair": timedelta(days=3),
    "network": timedelta(days=1),
    "device": timedelta(days=3),
    "account": timedelta(days=1),
    "entrance": timedelta(days=1),
    "alike": timedelta(days=1),
}

Link = tuple[str, str]
NOTHING_ALLOWED = Allowed()
ByEvent = Mapping[int, list[StratumMessage]]


def group(
    findings: Sequence[Finding],
    messages: Sequence[StratumMessage],
    records: Mapping[int, Record],
    server: str | None = None,
    *,
    allowed: Allowed = NOTHING_ALLOWED,
    dismissed: frozenset[str] = frozenset(),
) -> tuple[Case, ...]:
    """Disjoint cases covering every finding, earliest first; records without a time come last.

    ``server`` is the device whose web log this is when the log does not name it: a request it did not refuse is joined
    with what that device did within a day. ``dismissed`` are ids of findings a person called harmless.
    """
    by_event: dict[int, list[StratumMessage]] = defaultdict(list)
    for message in messages:
        by_event[message.event_id].append(message)
    permission = Permission(allowed, messages, records)
    parent = list(range(len(findings)))
    members: dict[tuple[str, Link], list[int]] = defaultdict(list)
    for index, finding in enumerate(findings):
        realm = "dismissed" if finding.id in dismissed else "allowed" if permission.covers(finding) else ""
        for link in set(_links(finding, by_event, records, server)):
            members[realm, link].append(index)
    for (_realm, link), indices in members.items():
        _join(parent, findings, indices, REACH[link[0]])
    kept = frozenset(i for (realm, _), indices in members.items() if realm for i in indices)
    together = _groups(parent)
    for indices in alike({root: g for root, g in together.items() if kept.isdisjoint(g)}, findings, records):
        _join(parent, findings, indices, REACH["alike"])
    cases = [_case([findings[i] for i in indices], by_event, records) for indices in _groups(parent).values()]
    return tuple(sorted(cases, key=_order))


def _links(finding: Finding, by_event: ByEvent, records: Mapping[int, Record], server: str | None) -> Iterator[Link]:
    own = acted(finding, records)
    at, to = (_apart(name, finding, records) for name in (finding.device or server, finding.remote))
    yield from _by_messages(finding, by_event, own)
    if account := finding.values.get("user"):
        yield "account", f"{account}@{to}"
    if to and not own:  # a stranger is known by the address; what a device reaches, others reach too
        yield "remote", to
        if finding.table == "http" and (network := _network(to)):
            yield "network", network
    if to and at:
        yield "pair", f"{at} {to}"
    about_device = finding.table in NETWORK_TABLES or finding.stage in DEVICE_STAGES
    if finding.device and at and about_device:
        yield "device", at
    if not finding.remote and not finding.device:
        for source in sorted({records[e].source for e in finding.event_ids if e in records}):
            yield "fragment", source
    yield from _entrances(finding, records, at)


def _apart(address: str | None, finding: Finding, records: Mapping[int, Record]) -> str | None:
    """An address that means the machine itself, told apart from that of another machine."""
    if not address or not means_itself(address):
        return address
    found = next((records[event] for event in finding.event_ids if event in records), None)
    return apart(address, found.source, found.values.get("host_name")) if found else address


def _by_messages(finding: Finding, by_event: ByEvent, own: bool) -> Iterator[Link]:
    """Whom the messages pay, and from strangers the known values they repeat: these say nothing about a device of ours."""
    for event_id in finding.event_ids:
        yield "event", str(event_id)
        for message in by_event.get(event_id, ()):
            if message.sample and not own:
                yield "sample", message.sample
            if message.wallet and message.wallet_valid:
                yield "wallet", message.wallet


def _entrances(finding: Finding, records: Mapping[int, Record], device: str | None) -> Iterator[Link]:
    """A web request that was not refused may be how they came in; a refused one is not."""
    if device is None:
        return
    if finding.table == "http":
        statuses = [records[e].values.get("status") for e in finding.event_ids if e in records]
        if any(isinstance(status, int) and 200 <= status < 400 for status in statuses):
            yield "entrance", device
    elif finding.stage in DEVICE_STAGES:
        yield "entrance", device


def _network(remote: str) -> str | None:
    """The neighbourhood one scanner operator typically uses: a /24, or a /48 in IPv6."""
    address = parse_address(remote)
    if address is None:
        return None
    return str(ipaddress.ip_network(f"{address}/{24 if address.version == 4 else 48}", strict=False))


def _join(parent: list[int], findings: Sequence[Finding], indices: list[int], reach: timedelta) -> None:
    timed = sorted((i for i in indices if findings[i].time is not None), key=lambda i: _span(findings[i])[0])
    untimed = [i for i in indices if findings[i].time is None]
    end: datetime | None = None
    for before, after in itertools.pairwise(timed):
        end = max(filter(None, (end, _span(findings[before])[1])))
        if reach == timedelta.max or _span(findings[after])[0] - end <= reach:
            _union(parent, before, after)
    for other in untimed[1:] + timed[:1] if untimed else ():
        _union(parent, untimed[0], other)


def _span(finding: Finding) -> tuple[datetime, datetime]:
    assert finding.time is not None  # noqa: S101  (callers sort out untimed findings)
    return finding.time, finding.until or finding.time


def _groups(parent: list[int]) -> dict[int, list[int]]:
    groups: dict[int, list[int]] = defaultdict(list)
    for index in range(len(parent)):
        groups[_root(parent, index)].append(index)
    return groups


def _root(parent: list[int], index: int) -> int:
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = parent[index]
    return index


def _union(parent: list[int], one: int, other: int) -> None:
    low, high = sorted((_root(parent, one), _root(parent, other)))
    parent[high] = low


def _case(findings: list[Finding], by_event: Mapping[int, list[StratumMessage]], records: Mapping[int, Record]) -> Case:
    events = {event_id for finding in findings for event_id in finding.event_ids}
    ordered = tuple(
        sorted(findings, key=lambda f: (f.time is None, f.time.timestamp() if f.time else 0.0, f.rule, f.id))
    )
    messages = tuple(message for event_id in sorted(events) for message in by_event.get(event_id, ()))
    return Case(ordered, messages, {e: records[e] for e in sorted(events) if e in records})


def _order(case: Case) -> tuple[bool, float, str]:
    first = case.times[0].timestamp() if case.times else 0.0
    return not case.times, first, min(finding.id for finding in case.findings)
