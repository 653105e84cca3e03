"""Shapes of the facts that ``knowledge`` holds. Every fact says where it is from and when that was read.

Stages that need facts get them as arguments; nobody but ``knowledge`` loads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from kanaria.core.types import Text


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
    """A public mining pool operator. A host belongs to it when it equals or is below one of ``domains``."""

    name: str
    domains: tuple[str, ...]
    addresses: tuple[str, ...]
    coins: tuple[str, ...]
    provenance: Provenance


@dataclass(frozen=True, kw_only=True, slots=True)
class Coin:
    """A coin that is or was mined; ``algorithms`` as miners spell them (``rx/0``)."""

    symbol: str
    name: str
    family: str
    algorithms: tuple[str, ...]
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

    ``kind``: wallet, worker, password, job_id, ntime, nonce or agent.
    """

    kind: str
    value: str
    name: str
    meaning: Text
    provenance: Provenance


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
    """What one observation is worth, in bits, for or against ``about``; ``measured`` says how the number was found."""

    id: str
    about: str
    family: str
    bits: float
    because: Text
    measured: str
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
