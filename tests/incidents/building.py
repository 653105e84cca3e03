"""Cases made by hand: findings, messages and records with ordinary values for whatever a test is not about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from kanaria import knowledge
from kanaria.core.facts import Knowledge
from kanaria.core.glossary import MINERS, MINING
from kanaria.core.types import Evidence, Finding, Record, StratumMessage, Text
from kanaria.incidents.case import Case, Surroundings

START = datetime(2026, 6, 21, 7, 0, tzinfo=UTC)
STRANGER = "203.0.113.9"
DEVICE = "192.0.2.53"


@cache
def facts() -> Knowledge:
    """The facts Kanaria ships with."""
    return knowledge.load()


def at(seconds: float | None) -> datetime | None:
    return None if seconds is None else START + timedelta(seconds=seconds)


def about(rule: str) -> tuple[str, ...]:
    """The tags that real rules of such names carry."""
    if "mining" in rule:
        return (MINING,)
    return (MINERS,) if "stratum" in rule or "miner" in rule else ()


def finding(rule: str = "stratum_message_in_web_request", seconds: float | None = 0, **more: Any) -> Finding:
    values: dict[str, Any] = {
        "id": f"f-{rule}-{seconds}", "rule": rule, "rule_version": "1", "title": Text(en=f"Title of {rule}", ja=f"{rule}の題"),
        "why": Text(en="why", ja="理由"), "severity": "low", "table": "http", "time": at(seconds), "device": None,
        "remote": STRANGER, "key": rule, "bits": 1.0, "stage": "reconnaissance", "tags": about(rule),
    }  # fmt: skip
    values["tags"] = (MINING,) if "mining" in rule else (MINERS,) if "stratum" in rule else ()
    return Finding(**{**values, **more})


def message(event_id: int = 1, **more: Any) -> StratumMessage:
    values: dict[str, Any] = {
        "event_id": event_id,
        "dialect": "cryptonote",
        "method": "login",
        "direction": "client",
    }
    return StratumMessage(**{**values, **more})


def record(event_id: int = 1, seconds: float | None = 0, table: str = "http", **more: Any) -> Record:
    values: dict[str, Any] = {
        "event_id": event_id, "table": table, "source": "access.log", "line": event_id, "time": at(seconds),
        "device": None, "remote": STRANGER, "quote": f"line {event_id}", "values": {},
    }  # fmt: skip
    return Record(**{**values, **more})


def request(event_id: int = 1, seconds: float | None = 0, remote: str = STRANGER, **values: object) -> Record:
    """A web request; ``values`` are its columns."""
    return record(event_id, seconds, remote=remote, values=values)


def case(*findings: Finding, messages: Iterable[StratumMessage] = (), records: Iterable[Record] = ()) -> Case:
    return Case(tuple(findings), tuple(messages), {r.event_id: r for r in records})


def around(**more: Any) -> Surroundings:
    return Surroundings(facts=facts(), **more)


def kinds(items: Iterable[Evidence]) -> list[str]:
    return [item.kind for item in items]
