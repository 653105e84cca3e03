"""Mining is told of while the connection is still open: interim rows come in, findings go out, each pair of addresses
rarely.

The rows of open connections are judged by the same knowledge, grammar and rules as those of ended ones, but nothing is
kept of them: they are in no table, learned by nobody and counted nowhere. When the connection has ended its last row
goes the way of every row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click
import pyarrow as pa

from kanaria.app.run.understand import understand
from kanaria.core.types import Finding, Language, Text

if TYPE_CHECKING:
    import duckdb

    from kanaria.app.run.setup import Setup
    from kanaria.detect import Detector

TECHNIQUE = "T1496.001"
"""Compute hijacking (MITRE ATT&CK): the models that need nothing but a connection to say so."""

AGAIN = timedelta(minutes=10)
"""A pair of addresses that goes on mining is told of again after so long, and from then on when the time since the
first alert has doubled: 10 minutes, 20, 40, 80 … Ten alerts cover the first three and a half days."""

REMEMBERED = 100_000
"""Pairs whose alerts are remembered; the oldest is forgotten first and would be told of anew."""

_LINE = Text(en="{now} still open: {title}. {why}", ja="{now} 通信中: {title}。{why}")


@dataclass
class _Told:
    first: datetime
    due: datetime


class Watch:
    """Looks at open connections for one run, and tells ``setup.on_alert``."""

    def __init__(self, setup: Setup, engine: duckdb.DuckDBPyConnection) -> None:
        self._setup, self._engine = setup, engine
        self._told: dict[tuple[str | None, str | None], _Told] = {}
        self._detector: Detector | None = None

    def look(self, tables: Mapping[str, pa.Table]) -> None:
        """Judge the connections of an interim batch. What time it is, their newest packet says."""
        if "connection" not in tables or self._setup.on_alert is None:
            return
        now = _newest(tables["connection"])
        events = {"connection": _named(tables)}
        understood, _ = understand(events, self._setup)
        for finding in self._detect({"connection": understood["connection"]}):
            if self._is_due(finding, now):
                self._setup.on_alert(finding, now)

    def _detect(self, tables: Mapping[str, pa.Table]) -> list[Finding]:
        if self._detector is None:
            from kanaria import detect

            models = [
                rule
                for rule in self._setup.rules.single()
                if rule.table == "connection" and TECHNIQUE in rule.techniques
            ]
            # A cursor of its own: the engine itself may be in use by the thread that works on finished batches.
            self._detector = detect.Detector(
                detect.RuleSet(rules=tuple(models)), self._engine.cursor, facts=self._setup.facts
            )
        return self._detector.evaluate(tables)

    def _is_due(self, finding: Finding, now: datetime) -> bool:
        pair = finding.values.get("src_ip"), finding.values.get("dst_ip")
        told = self._told.get(pair)
        if told and now < told.due:
            return False
        first = told.first if told else now
        self._told[pair] = _Told(first, now + max(AGAIN, now - first))
        if len(self._told) > REMEMBERED:
            del self._told[next(iter(self._told))]
        return True


def tell(finding: Finding, now: datetime, language: Language) -> None:
    """One line on standard error, with the time of day in UTC."""
    click.echo(
        _LINE.to(language).format(
            now=now.strftime("%H:%M:%SZ"),
            title=finding.title.to(language),
            why=finding.why.to(language),
        ),
        err=True,
    )


def _newest(connection: pa.Table) -> datetime:
    import pyarrow.compute as pc

    lasted = pc.cast(pc.fill_null(connection["duration_us"], 0), pa.duration("us"))
    newest: datetime = pc.max(pc.add(connection["time"], lasted)).as_py()
    return newest.astimezone(UTC)


def _named(tables: Mapping[str, pa.Table]) -> pa.Table:
    """Connections with the name their TLS handshake asked for."""
    import pyarrow.compute as pc

    connection = tables["connection"]
    if "tls" not in tables:
        return connection
    asked = tables["tls"].select(["community_id", "sni"]).drop_null()
    rows = pc.index_in(connection["community_id"], asked["community_id"].combine_chunks())
    names = asked["sni"].combine_chunks().take(rows.combine_chunks())
    at = connection.schema.get_field_index("sni")
    return connection.set_column(at, "sni", pc.coalesce(connection["sni"], names))
