"""What the MCP server answers with: every list and every text is bounded, and what strangers wrote is named so."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

INCIDENTS, ITEMS, QUOTE, LINE = 50, 40, 390, 4000
"""Most items in one answer, letters of a quote, and of a line to explain: an assistant's context is small, and the rest
can be asked for by id or with an offset."""
Id = Annotated[str, Field(pattern=r"^i-[0-9a-f]{4,12}$")]
Spoken = Literal["ja", "en"]
Offset = Annotated[int, Field(ge=0, le=100_000)]
State = Literal["open", "acknowledged", "contained", "dismissed", "closed"]
Words = Annotated[str, Field(max_length=500)]
Quote = Annotated[str, Field(max_length=400)]


class Brief(BaseModel):
    """An incident in one line."""

    id: str
    state: str
    severity: str
    outcome: str
    title: str
    last_seen: str | None


class Incidents(BaseModel):
    """A page of incidents; ``next_offset`` is null when these are the last."""

    incidents: list[Brief]
    next_offset: int | None


class Said(BaseModel):
    """A sentence with the evidence it stands on."""

    text: str
    evidence: list[str]


class Proof(BaseModel):
    """One observation."""

    id: str
    because: str
    bits: float
    about: str
    untrusted_quote: Quote


class Proofs(BaseModel):
    """A page of observations; ``next_offset`` is null when these are the last."""

    evidence: list[Proof]
    next_offset: int | None


class Whole(BaseModel):
    """An incident with its story. ``proposals`` are for a person to carry out elsewhere; nothing here can."""

    brief: Brief
    story: list[Said]
    proposals: list[str]
    untrusted_devices: list[str]
    untrusted_remotes: list[str]


class DeviceBrief(BaseModel):
    """A device that incidents are about."""

    untrusted_name: Quote
    incidents: list[str]
    worst_severity: str


class Normal(BaseModel):
    """What is normal for a device, or how far learning got."""

    sentences: list[str]


class Fact(BaseModel):
    """Something known, with who says so since when."""

    kind: str
    id: str
    text: str
    source: str
    date: str


class Facts(BaseModel):
    """The facts that match; ``more`` says how many were left out."""

    facts: list[Fact]
    more: int


class RuleBrief(BaseModel):
    """A detection rule in one line."""

    id: str
    level: str
    table: str
    title: str
    techniques: list[str]


class RuleWhole(BaseModel):
    """A detection rule in words: what it looks for, why that matters, and what to do when it speaks."""

    brief: RuleBrief
    description: str
    why: str
    runbook: str | None
    references: list[str]


class Rules(BaseModel):
    """The rules that match; ``more`` says how many were left out."""

    rules: list[RuleBrief]
    more: int


class Explained(BaseModel):
    """What Kanaria says of a log line: ``incidents`` is empty when nothing of mining is in it."""

    incidents: list[Whole]
