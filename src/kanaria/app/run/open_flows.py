"""Mining is told of while the connection is still open: from interim rows to findings, each pair of addresses
rarely.

The rows of open connections are judged by the same knowledge, pattern of life, grammar and rules as those of ended
ones, but they are in no table, learned by nobody and counted nowhere. When the connection has ended its last row goes
the way of every row, and has the same id. A service puts what was found into its cases at once, so that the incident
is there, and told, while the connection is open; its end then adds to that incident.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click
import pyarrow as pa

from kanaria.app.run.understand import understand
from kanaria.core.types import Finding, Language, Text
from kanaria.core.values import dataclass

if TYPE_CHECKING:
    import duckdb

    from kanaria.app.run.setup import Setup
    from kanaria.core.schema import Tables
    from kanaria.detect import Detector

TECHNIQUE = "T1496.001"
"""Compute hijacking (MITRE ATT&CK): the models that need nothing but a connection to say so."""

AGAIN = timedelta(minutes=10)
"""A pair of addresses that goes on mining is told of again after so long, and from then on when the time since the
first alert has doubled: 10 minutes, 20, 40, 80 … Ten alerts cover the first three and a half days."""

REMEMBERED = 100_000
"""Pairs whose alerts are remembered; the oldest is forgotten first and would be told of anew."""

_LINE = Text(en="{now} still open: {title}. {why}", ja="{now} 通信中: {title}。{why}")


Found = Callable[[pa.Table, Sequence[Finding]], None]
"""Takes rows of open connections and what was found in them."""


@dataclass
class _Notified:
    first: datetime
    due: datetime
    rules: set[str] = field(default_factory=set)


class Watch:
    """Looks at open connections for one run, and tells ``setup.on_alert`` and ``found``.

    ``score`` adds what the pattern of life says of connections, and changes nothing that is kept.
    """

    def __init__(
        self, setup: Setup, engine: duckdb.DuckDBPyConnection, *, score: Callable[[Tables], Tables] = dict,
        found: Found | None = None,
    ) -> None:  # fmt: skip
        self._setup, self._engine, self._score, self._found = setup, engine, score, found
        self._told: dict[tuple[str | None, str | None], _Notified] = {}
        self._detector: Detector | None = None

    def look(self, tables: Mapping[str, pa.Table]) -> None:
        """Judge the connections of an interim batch. What time it is, their newest packet says."""
        if "connection" not in tables or self._setup.on_alert is None:
            return
        now = _newest(tables["connection"])
        events = {"connection": _named(tables)}
        understood, _ = understand(events, self._setup)
        scored = self._score({"connection": understood["connection"]})
        new = [finding for finding in self._detect(scored) if self._is_new(finding, now)]
        if new and self._found:
            self._found(scored["connection"], new)

    def _detect(self, tables: Mapping[str, pa.Table]) -> list[Finding]:
        if self._detector is None:
            from kanaria import detect

            about = [rule for rule in self._setup.rules.rules if TECHNIQUE in rule.techniques]
            models = [rule for rule in about if rule.correlation is None and rule.table == "connection"]
            names = {rule.id for rule in models}
            models += [rule for rule in about if rule.correlation and names & set(rule.correlation.rules)]
            # A cursor of its own: the engine itself may be in use by the thread that works on finished batches.
            self._detector = detect.Detector(
                detect.RuleSet(rules=tuple(models)), self._engine.cursor, facts=self._setup.facts,
                lateness=timedelta(0), remembers=False,
            )  # fmt: skip
        return self._detector.evaluate(tables)

    def _is_new(self, finding: Finding, now: datetime) -> bool:
        """Whether it is the first of its rule about this pair of addresses, or the pair is due; a pair that is due is
        told of."""
        pair = finding.values.get("src_ip"), finding.values.get("dst_ip")
        notified = self._told.get(pair)
        if notified is None or now >= notified.due:
            first = notified.first if notified else now
            notified = self._told[pair] = _Notified(first, now + max(AGAIN, now - first))
            if len(self._told) > REMEMBERED:
                del self._told[next(iter(self._told))]
            if self._setup.on_alert:
                self._setup.on_alert(finding, now)
        new = finding.rule not in notified.rules
        notified.rules.add(finding.rule)
        return new


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
