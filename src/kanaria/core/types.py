"""The types that cross a stage boundary, one per boundary: frozen, keyword-only values without behaviour of their own.

Rows travel as Arrow tables; these types exist only for the few rows that turned out interesting. Ids are derived from
content (see ``core.ids``), so a replay yields the same ids and nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Literal, get_args

from kanaria.core.alert import Alert
from kanaria.core.batch import Batch as Batch
from kanaria.core.batch import Position as Position
from kanaria.core.batch import RejectedRecord as RejectedRecord
from kanaria.core.coverage import Coverage
from kanaria.core.values import dataclass
from kanaria.core.words import LANGUAGES as LANGUAGES
from kanaria.core.words import Language as Language
from kanaria.core.words import Text as Text
from kanaria.core.zone import LocalTime

Severity = Literal["informational", "low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("informational", "low", "medium", "high", "critical")

Hypothesis = Literal[
    "internet_wide_scanner",
    "misdirected_miner",
    "exploitation_attempt",
    "compromised_device",
    "authorised_mining",
    "benign",
]
HYPOTHESES: tuple[Hypothesis, ...] = get_args(Hypothesis)

OutcomeValue = Literal["failed", "no_sign_of_success", "possible", "confirmed"]

Stage = Literal[
    "reconnaissance", "initial_access", "execution", "persistence", "lateral_movement", "command_and_control", "impact"
]


@dataclass(frozen=True, kw_only=True, slots=True)
class StratumMessage:
    """One mining protocol message found in a log line or a stream. Texts come from the wire and are hostile."""

    event_id: int
    dialect: str
    method: str
    direction: Literal["client", "server", "unknown"]
    coin: str | None = None
    algorithms: tuple[str, ...] = ()
    wallet: str | None = None
    wallet_valid: bool | None = None
    worker: str | None = None
    password: str | None = None
    agent: str | None = None
    agent_version: str | None = None
    job_id: str | None = None
    nonce: str | None = None
    sample: str | None = None
    """Name of the well-known sample this message repeats (``knowledge`` says which), else None."""
    truncated: bool = False
    time: datetime | None = None
    """When it was sent (of several alike, the first), where a sensor kept that; else its record has a time."""
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """One observation and what it is worth.

    ``bits`` is the log2 likelihood ratio for what ``about`` names (a hypothesis, or ``outcome``); negative speaks
    against. ``quote`` is the raw text of the record, printable but still hostile; empty when there is none.
    """

    id: str
    kind: str
    about: str
    family: str
    bits: float
    because: Text
    source: str | None = None
    line: int | None = None
    time: datetime | None = None
    quote: str = ""
    event_id: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A model fired: which, on what, why, and the records it rests on.

    ``key`` is what makes two findings the same thing (rule, entity, group values); ``values`` are the fields of the row
    that explain it, as text. ``time`` is None for records without a time. ``known`` of its records an earlier run had.
    """

    id: str
    rule: str
    rule_version: str
    title: Text
    why: Text
    severity: Severity
    table: str
    time: datetime | None
    device: str | None
    remote: str | None
    key: str
    bits: float
    stage: Stage | None = None
    techniques: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    cves: tuple[str, ...] = ()
    event_ids: tuple[int, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    until: datetime | None = None
    """Time of the last record, when the finding spans several."""
    since: datetime | None = None
    """Time of the first record, when that is before ``time``, at which the condition of the model first held."""
    known: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class HypothesisScore:
    """How probable one explanation is: ``bits`` is its summed evidence, ``probability`` the share among all."""

    name: Hypothesis
    probability: float
    bits: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """Whether it worked; ``bits`` is the evidence for success (negative: for failure), ``because`` evidence ids."""

    value: OutcomeValue
    bits: float
    because: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Indicator:
    """Something others can look for. ``type``: ipv4, ipv6, domain, url, wallet, user_agent, cookie, file, account."""

    type: str
    value: str
    comment: Text


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelineEntry:
    """One moment of an incident; ``evidence`` are evidence ids."""

    time: datetime
    stage: Stage | None
    what: Text
    evidence: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class RelatedVulnerability:
    """A vulnerability and why it is mentioned: an observed attempt matched it, or it is context only."""

    cve: str
    relation: Literal["matched", "context"]
    evidence: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recommendation:
    """Something to do; ``effort`` 0 is nothing at all, 3 is a project."""

    id: str
    effort: int
    text: Text
    evidence: tuple[str, ...]


EstimateName = Literal["hours", "cores", "watts_per_core", "price_per_kwh"]


@dataclass(frozen=True, kw_only=True, slots=True)
class EstimateInput:
    """A number an estimate rests on. ``source`` says who gives it: records, a setting, or a publication."""

    name: EstimateName
    value: float
    unit: str
    origin: Literal["observed", "configured", "assumed"]
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CostEstimate:
    """What mining cost, estimated: hours × cores × watts per core ÷ 1000 × price; ``evidence`` are evidence ids.

    ``hours`` among the inputs are hours of mining connections, of all devices together. ``cost_per_month`` is what it
    would cost to let it go on.
    """

    inputs: tuple[EstimateInput, ...]
    core_hours: float
    kwh: float
    cost: float
    cost_per_month: float
    currency: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Impact:
    """What it cost. ``checked`` names what was looked at; ``statements`` say what was seen there."""

    checked: tuple[str, ...]
    statements: tuple[Text, ...]
    estimate: CostEstimate | None = None
    """None when nothing says that or how long one of our devices mined."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """Everything known about one campaign or compromise."""

    id: str
    title: Text
    severity: Severity
    hypotheses: tuple[HypothesisScore, ...]
    outcome: Outcome
    devices: tuple[str, ...]
    remotes: tuple[str, ...]
    first_seen: datetime | None
    last_seen: datetime | None
    findings: tuple[Finding, ...]
    messages: tuple[StratumMessage, ...]
    techniques: tuple[str, ...]
    indicators: tuple[Indicator, ...]
    timeline: tuple[TimelineEntry, ...]
    vulnerabilities: tuple[RelatedVulnerability, ...]
    recommendations: tuple[Recommendation, ...]
    impact: Impact
    evidence: tuple[Evidence, ...]
    normal: tuple[Text, ...] = ()
    """What was normal for its devices before it, one sentence each."""
    alert: Alert | None = None
    """What this run adds to it; None when nothing is kept between runs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One interesting row as a Python object: its place, the raw text it stood as, and the row's values by column."""

    event_id: int
    table: str
    source: str
    line: int
    time: datetime | None
    device: str | None
    remote: str | None
    quote: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class InputSummary:
    """What became of one input: its format (None: not recognised), rows read, rows rejected, and the time it covers.

    ``unread`` are the rows of which nothing is claimed: rejected ones, and those that no reader of the format knows. An
    input that ``failed`` (permission, a missing program) counts as one of them more: how many it holds is not known.
    ``unsearched`` of them were not even looked through: what is no text, and what damage took away.
    """

    path: str
    format: str | None
    rows: int
    rejected: int
    first: datetime | None = None
    last: datetime | None = None
    note: Text | None = None
    unread: int = 0
    unsearched: int = 0
    failed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerSizes:
    """How a server usually answers: (bytes, times) of the commonest answer sizes, and how many answers were seen."""

    total: int
    sizes: tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class HostObservation:
    """Something seen on the machine itself. ``kind``: cpu_step, miner_process, pool_connection, nothing."""

    kind: str
    statement: Text
    source: str


SeriesKind = Literal["surprise", "threshold", "volume", "normal", "messages"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """Numbers over time about one device, for pictures.

    ``surprise``: bits per moment; ``threshold``: bits from which such a device is reported; ``volume`` and ``normal``:
    bytes or messages per interval, of the connection and of the device's usual; ``messages``: bytes of each message of
    a connection, negative when the other side sent it.
    """

    kind: SeriesKind
    device: str
    remote: str | None = None
    unit: str = ""
    points: tuple[tuple[datetime, float], ...]
    threshold: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Analysis:
    """The answer to one run: what was read, what was found, what was not looked at."""

    inputs: tuple[InputSummary, ...]
    incidents: tuple[Incident, ...]
    not_looked_at: tuple[Text, ...]
    notes: tuple[Text, ...] = ()
    series: tuple[Series, ...] = ()
    earlier: tuple[Incident, ...] = ()
    """Incidents kept from earlier runs: neighbours to compare with, not part of this answer."""
    zone: LocalTime = field(default_factory=LocalTime, compare=False)
    """The reader's zone."""

    @property
    def coverage(self) -> Coverage:
        """How much of the inputs the answer speaks of."""
        return Coverage(records=sum(i.rows for i in self.inputs), unread=sum(i.unread for i in self.inputs))


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """One sentence of a report and the evidence ids it stands on."""

    text: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A headed part of a report. ``id`` is stable and never translated."""

    id: str
    heading: str
    claims: tuple[Claim, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """An incident in words of one language."""

    incident: str
    language: Language
    verdict: Claim
    sections: tuple[Section, ...]
