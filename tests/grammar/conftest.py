"""Connections for the grammar's tests: scripts of the laboratory or lists of messages come in, tables go out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pytest

from kanaria import knowledge
from kanaria.core import schema
from kanaria.core.facts import Knowledge
from kanaria.lab.scenario import MSS, Message
from kanaria.mining import grammar

Packet = tuple[bool, int, float]
"""Who sends (True: the client), payload bytes, seconds since the connection began."""


@dataclass(frozen=True)
class Judged:
    """What the grammar said about one connection."""

    bits: float | None
    kind: str | None
    en: str | None
    ja: str | None


def packets(script: Sequence[Message], seconds: float | None = None) -> list[Packet]:
    """A script's payload packets up to a moment, cut at the path MTU."""
    return [
        (m.from_client, min(MSS, len(m.data) - at), m.time)
        for m in script
        if seconds is None or m.time <= seconds
        for at in range(0, len(m.data), MSS)
    ]


def rows(
    connections: Sequence[Sequence[Packet] | None], *, seconds: float | None = None, transport: str = "tcp"
) -> pa.Table:
    """A ``connection`` table with the first 200 messages of each."""
    lists = [
        None
        if one is None
        else [{"from_client": c, "length": n, "time": round(t * 1e6)} for c, n, t in one[:200]]
        for one in connections
    ]  # fmt: skip
    lasted = [seconds if seconds is not None else max((p[2] for p in one or ()), default=0.0) for one in connections]
    return schema.conform(
        "connection",
        {
            "messages": pa.array(lists, schema.MESSAGES),
            "duration_us": [round(value * 1e6) for value in lasted],
            "transport": [transport] * len(lists),
        },
        len(lists),
    )


def judgements(table: pa.Table) -> list[Judged]:
    """The four columns of each row of a table that was read."""
    return [
        Judged(row[grammar.COLUMNS[0]], row[grammar.COLUMNS[1]], row[grammar.COLUMNS[2]], row[grammar.COLUMNS[3]])
        for row in table.select(list(grammar.COLUMNS)).to_pylist()
    ]


@pytest.fixture(scope="session")
def facts() -> Knowledge:
    return knowledge.load()


@pytest.fixture(scope="session")
def judge(facts: Knowledge) -> Callable[..., Judged]:
    """Judges one connection given as packets or as a script."""

    def judge_one(
        connection: Sequence[Packet] | Sequence[Message],
        *,
        until: float | None = None,
        transport: str = "tcp",
        seconds: float | None = None,
    ) -> Judged:
        sent = [
            item
            for one in connection
            for item in (packets([one], until) if isinstance(one, Message) else [one])
            if until is None or item[2] <= until
        ]
        return judgements(grammar.read(rows([sent], transport=transport, seconds=seconds), facts))[0]

    return judge_one


@pytest.fixture(scope="session")
def table_of() -> Callable[..., pa.Table]:
    return rows


@pytest.fixture(scope="session")
def judged_rows() -> Callable[[pa.Table], list[Judged]]:
    return judgements
