"""What an incident is judged from: the findings that belong together, their messages and records, and the surroundings.

A ``Case`` is one group of findings. ``Surroundings`` is everything the judge may ask about the rest of the input: how
the server answers others, which time the logs cover, what the host itself showed, and what the owner allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from functools import cached_property

from kanaria.core.facts import Knowledge
from kanaria.core.glossary import about_mining, speaks_of_mining
from kanaria.core.types import AnswerSizes, Finding, HostObservation, InputSummary, Record, StratumMessage
from kanaria.core.values import dataclass
from kanaria.incidents.rhythm import Rhythm


@dataclass(frozen=True)
class Case:
    """Findings of one campaign or compromise with the messages and records they rest on."""

    findings: tuple[Finding, ...]
    messages: tuple[StratumMessage, ...]
    records: Mapping[int, Record]
    accused: tuple[str, ...] = ()
    """Devices the verdict is about, when it is known: an incident may name more."""

    @property
    def blamed(self) -> tuple[str, ...]:
        """The devices the verdict is about, else the internal sides."""
        return self.accused or self.devices

    @cached_property
    def devices(self) -> tuple[str, ...]:
        """Internal sides, commonest first."""
        return _commonest([f.device for f in self.findings] + [r.device for r in self.records.values()])

    @cached_property
    def remotes(self) -> tuple[str, ...]:
        """External sides, commonest first."""
        return _commonest([f.remote for f in self.findings] + [r.remote for r in self.records.values()])

    @cached_property
    def times(self) -> tuple[datetime, ...]:
        """All known times, sorted."""
        times = [record.time for record in self.records.values()]
        times += [time for finding in self.findings for time in (finding.since, finding.time, finding.until)]
        return tuple(sorted(time for time in times if time is not None))

    @cached_property
    def web_records(self) -> tuple[Record, ...]:
        """The web requests among the records, in order of time and place."""
        rows = [r for r in self.records.values() if r.table == "http"]
        return tuple(sorted(rows, key=lambda r: (r.time.timestamp() if r.time else 0.0, r.source, r.line)))

    @cached_property
    def came_with_wallet(self) -> Mapping[str, frozenset[str]]:
        """By payout address the strangers that presented it to us."""
        sources: dict[str, set[str]] = {}
        for message in self.messages:
            record = self.records.get(message.event_id)
            if message.wallet and record and record.remote and came_in(record):
                sources.setdefault(message.wallet, set()).add(record.remote)
        return {wallet: frozenset(remotes) for wallet, remotes in sources.items()}

    @cached_property
    def mined_outward(self) -> tuple[Finding, ...]:
        """What says that a device of ours mined at somebody outside."""
        outbound = (f for f in self.findings if f.values.get("direction") == "outbound")
        return tuple(finding for finding in outbound if about_mining(finding))

    @cached_property
    def first_request(self) -> datetime | None:
        """When the first web request reached us; what a device asks through a proxy is its own doing."""
        asked = (r.time for r in self.web_records if r.time and r.values.get("direction") != "outbound")
        return next(asked, None)

    def record_of(self, message: StratumMessage) -> Record | None:
        return self.records.get(message.event_id)


@dataclass(frozen=True)
class Allowed:
    """Mining the owner said is theirs: pool host names, payout addresses and devices."""

    pools: frozenset[str] = frozenset()
    wallets: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Costs:
    """What the owner said, or the host showed, about the machine and the price of power; None: not known."""

    cores: float | None = None
    watts_per_core: float | None = None
    price_per_kwh: float | None = None
    currency: str = "JPY"
    observed_cores: int | None = None
    """Cores of this machine, when it was looked at and a miner was found on it."""


def _no_answers(_status: int | None, _path: str | None) -> AnswerSizes:
    return AnswerSizes(total=0, sizes=())


def _nothing_asked(_device: str, _name: str, _time: datetime) -> bool:
    return False


def _nobody(_status: int) -> int:
    return 0


def _no_rhythm(_source: str, _login: str, _agent: str) -> Rhythm | None:
    return None


def _no_contact(_device: str, _peers: Sequence[tuple[str, int | None]]) -> float:
    return 0.0


@dataclass(frozen=True, kw_only=True)
class Guessers:
    """Sources whose logons to one device failed, and those among them that logged on later."""

    sources: int
    got_in: int


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """Remote Desktop attempts on one device, and those that look like somebody logged on."""

    attempts: int
    logged_on: int


def _no_sessions(_device: str) -> Sessions | None:
    return None


def _no_logons(_device: str) -> Guessers | None:
    return None


@dataclass(frozen=True)
class Surroundings:
    """What the judge may ask about everything else that was read."""

    facts: Knowledge
    inputs: tuple[InputSummary, ...] = ()
    asked_of: Callable[[str, str, datetime], bool] = _nothing_asked
    """Whether a device was asked by somebody for a name just before a moment."""
    answers: Callable[[int | None, str | None], AnswerSizes] = _no_answers
    """Usual answer sizes for (status, path without query); None means any. Rows of incidents are included."""
    malformed_sources: Callable[[int], int] = _nobody
    """How many different clients sent malformed requests answered with this status."""
    later_requests: Mapping[str, tuple[Record, ...]] = field(default_factory=dict)
    """Requests for something an exploit would have dropped, by the dropped name."""
    host: tuple[HostObservation, ...] = ()
    host_checked: tuple[str, ...] = ()
    allowed: Allowed = Allowed()
    critical_devices: frozenset[str] = frozenset()
    costs: Costs = Costs()
    contact: Callable[[str, Sequence[tuple[str, int | None]]], float] = _no_contact
    """Seconds in which a device had a connection open to one of these remotes and ports; 0 when not known."""
    guessers: Callable[[str], Guessers | None] = _no_logons
    """Who failed to log on to a device, and how many of them got in; None when no logons of it were read."""
    sessions: Callable[[str], Sessions | None] = _no_sessions
    """Remote Desktop attempts on a device; None when none were read."""
    rhythm: Callable[[str, str, str], Rhythm | None] = _no_rhythm
    """Logins of one (source, login, agent), counted over all of them; None when not known."""
    tables_seen: frozenset[str] = frozenset()
    """Names of the tables that had rows: what kinds of evidence were available at all."""


def mines(case: Case) -> bool:
    """Whether anything of mining was found at all, not only signs of a break-in."""
    return speaks_of_mining(case.findings, case.messages)


def came_in(record: Record) -> bool:
    """Whether a stranger began it: a request to our web server, or a connection from outside."""
    return record.table == "http" or (record.table == "connection" and record.values.get("direction") == "inbound")


def turned_away(case: Case) -> bool:
    """Whether the server refused every request, or knew nothing of what was asked for: 4xx to each of them."""
    statuses = [record.values.get("status") for record in case.web_records]
    return bool(statuses) and all(isinstance(status, int) and 400 <= status < 500 for status in statuses)


def asked_inside(case: Case) -> bool:
    """Whether every request came from the private network: a client of one's own, or a proxy in front."""
    return bool(case.web_records) and all(r.values.get("direction") == "internal" for r in case.web_records)


# Evidence that says that passwords are tried.
GUESSING = frozenset({"login_guessing", "rdp_guessing", "rdp_opened_often"})
GOT_IN = "login_after_guessing"


def guessed(case: Case) -> bool:
    """Whether passwords were tried."""
    return any(item.kind in GUESSING for finding in case.findings for item in finding.evidence)


def got_in(case: Case) -> Finding | None:
    """The finding that says that guessing was followed by a logon."""
    logons = (f for f in case.findings if any(item.kind == GOT_IN for item in f.evidence))
    return next(logons, None)


def _commonest(values: list[str | None]) -> tuple[str, ...]:
    counts: dict[str, int] = {}
    for value in values:
        if value:
            counts[value] = counts.get(value, 0) + 1
    return tuple(sorted(counts, key=lambda value: (-counts[value], value)))
