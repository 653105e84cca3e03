"""Shapes of the facts that ``knowledge`` holds. Every fact says where it is from and when that was read.

Stages that need facts get them as arguments; nobody but ``knowledge`` loads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import date

from kanaria.core.types import Severity, StratumMessage, Text
from kanaria.core.values import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """Where a fact comes from: a citation a person can follow, and the day it was read there."""

    source: str
    date: date


@dataclass(frozen=True, kw_only=True, slots=True)
class CvssScore:
    """One scorer's opinion. ``version`` is the CVSS version, ``vector`` its full vector string."""

    scorer: str
    version: str
    score: float
    vector: str | None
    provenance: Provenance


@dataclass(frozen=True, kw_only=True, slots=True)
class Vulnerability:
    """A vulnerability that brings miners onto machines."""

    cve: str
    product: str
    summary: Text
    affected: str
    fixed: str | None
    scores: tuple[CvssScore, ...]
    kev_date: date | None
    provenance: Provenance


@dataclass(frozen=True, kw_only=True, slots=True)
class Pool:
    """A public mining pool operator. A host belongs to it when it equals or is below one of ``domains``.

    ``role``: pool, proxy, marketplace, browser (scripts that mine in a visitor's browser), donation, solo (software
    people run themselves) or vendor. ``state``: closed, or active when no end is known; a closed one still shows up in
    old miners' settings and old logs. ``addresses`` were published for it at the time ``note`` says; they move, and
    prove less than a name.
    """

    name: str
    domains: tuple[str, ...]
    addresses: tuple[str, ...]
    coins: tuple[str, ...]
    provenance: Provenance
    role: str = "pool"
    state: str = "active"
    note: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Coin:
    """A coin that is or was mined; ``algorithms`` as miners spell them (``rx/0``)."""

    symbol: str
    name: str
    family: str
    algorithms: tuple[str, ...]
    provenance: Provenance


@dataclass(frozen=True, kw_only=True, slots=True)
class Algorithm:
    """A proof of work as miners spell it, with the coins that use it; exactly one coin means the name gives it away."""

    name: str
    family: str
    coins: tuple[str, ...]
    provenance: Provenance


@dataclass(frozen=True, kw_only=True, slots=True)
class MinerAgent:
    """A mining program as it names itself; ``pattern`` is a regular expression on the agent text."""

    name: str
    pattern: str
    coins: tuple[str, ...]
    provenance: Provenance


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleValue:
    """A value known from documentation or from internet-wide scanners.

    ``kind``: wallet, worker, password, job_id, ntime, nonce or agent. Several values share a ``name`` when they belong
    to one known sample.
    """

    kind: str
    value: str
    name: str
    meaning: Text
    provenance: Provenance

    def occurs_in(self, message: StratumMessage) -> bool:
        """Whether the message repeats this very value."""
        texts = (message.wallet, message.worker, message.password, message.agent, message.job_id, message.nonce)
        return message.sample == self.name and self.value in (*texts, *message.fields.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class Technique:
    """An ATT&CK technique; ``was`` is the id it had before a rename."""

    id: str
    name: Text
    tactic: str
    was: str | None
    provenance: Provenance


@dataclass(frozen=True, kw_only=True, slots=True)
class Weight:
    """What one observation is worth, in bits, for or against ``about``; ``measured`` says how the number was found.

    ``needs`` names the column that makes the observation: a record in which it is null or false gives no evidence of
    this kind. ``measured_in`` names a column that holds how many bits this very record is worth: less than ``least`` is
    no observation, more than ``bits`` is not believed. ``most`` is the highest severity of a finding for which nothing
    but such evidence speaks.
    """

    id: str
    about: str
    family: str
    bits: float
    because: Text
    measured: str
    provenance: Provenance
    needs: str | None = None
    measured_in: str | None = None
    least: float = 0.0
    most: Severity | None = None

    @property
    def conditional(self) -> bool:
        """Whether only some records make the observation."""
        return self.needs is not None or self.measured_in is not None

    def shows(self, record: Mapping[str, object]) -> bool:
        """Whether the record makes this observation."""
        if self.needs is not None and record.get(self.needs) in (None, False):
            return False
        return self.measured_in is None or self._measured(record) >= self.least

    def worth(self, record: Mapping[str, object]) -> float:
        """The bits of the observation in this record."""
        return self.bits if self.measured_in is None else min(self.bits, round(self._measured(record), 1))

    def _measured(self, record: Mapping[str, object]) -> float:
        value = record.get(self.measured_in or "")
        return float(value) if isinstance(value, (int, float)) else float("-inf")


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A number reports may use, with its unit and how far it can be trusted."""

    id: str
    value: float
    unit: str
    text: Text
    provenance: Provenance


@dataclass(frozen=True, kw_only=True, slots=True)
class NotableNetwork:
    """Address space whose holder is publicly known to scan the Internet, or that a documented campaign came from."""

    network: str
    name: str
    meaning: Text
    provenance: Provenance


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedHost:
    """A name that many unrelated people share: a list that calls it a pool is wrong, whoever published the list."""

    domain: str
    reason: Text
    provenance: Provenance


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownIndicator:
    """Something others saw in attacks. ``type`` as in ``core.types.Indicator``; the provenance is who says so, when."""

    type: str
    value: str
    comment: str | None
    provenance: Provenance


@dataclass(frozen=True, kw_only=True, slots=True)
class Knowledge:
    """All facts, loaded once and handed to the stages."""

    vulnerabilities: Mapping[str, Vulnerability]
    pools: tuple[Pool, ...]
    coins: Mapping[str, Coin]
    agents: tuple[MinerAgent, ...]
    samples: tuple[SampleValue, ...]
    techniques: Mapping[str, Technique]
    weights: Mapping[str, Weight]
    caps: Mapping[str, float]
    """Largest sum of bits one evidence family may contribute, by family."""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    algorithms: Mapping[str, Algorithm] = field(default_factory=dict)
    networks: tuple[NotableNetwork, ...] = ()
    shared_hosts: Mapping[str, SharedHost] = field(default_factory=dict)
    indicators: tuple[KnownIndicator, ...] = ()
