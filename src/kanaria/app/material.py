"""What incidents will be made of, gathered while batches pass: findings, messages, and the few rows they rest on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from kanaria.core.schema import TABLES
from kanaria.core.text import printable
from kanaria.core.types import Finding, Record, StratumMessage

if TYPE_CHECKING:
    import duckdb

# Columns that are large, or shown elsewhere, and so not copied into a record's values.
_LEFT_OUT = frozenset(
    ("raw", "request", "request_body", "response_body", "messages", "pairs", "src_first", "dst_first", "payload")
)
QUOTE_BYTES = 4_096
# A dropped file's name shorter than this is too common to recognise a later request by.
DROPPED_NAME_LENGTH = 5
LATER_REQUESTS_KEPT = 20
EVENTS_KEPT = 50
# The same thing found again after a day of silence is told as a new finding.
SAME_FINDING_WITHIN = timedelta(days=1)


class Material:
    """Grows batch by batch; rows are kept only when a finding or a message refers to them."""

    def __init__(self) -> None:
        self.findings: dict[str, Finding] = {}
        self._latest: dict[str, Finding] = {}
        self.messages: list[StratumMessage] = []
        self.records: dict[int, Record] = {}
        self.later_requests: dict[str, list[Record]] = {}
        self.tables_seen: set[str] = set()

    def add(
        self, tables: Mapping[str, pa.Table], messages: Iterable[StratumMessage], findings: Iterable[Finding]
    ) -> None:
        """Keep a batch's findings and messages, and the rows behind them."""
        new = list(messages)
        self.messages += new
        wanted = {message.event_id for message in new}
        for finding in findings:
            self._merge(finding)
            wanted.update(finding.event_ids)
        self.tables_seen.update(name for name, table in tables.items() if len(table))
        for name, table in tables.items():
            if name in TABLES and name != "stratum" and wanted:
                self._keep(name, table, wanted)
        self._note_later_requests(tables.get("http"))

    def complete(self, engine: duckdb.DuckDBPyConnection) -> None:
        """Fetch the rows of findings that were made after their batch had passed from where the batches were spooled.

        They lack the columns of later stages; what a model looked at stands in the finding itself.
        """
        missing = {event for finding in self.findings.values() for event in finding.event_ids} - set(self.records)
        if not missing:
            return
        engine.register("wanted_events", pa.table({"event_id": pa.array(sorted(missing), pa.int64())}))
        spooled = engine.execute("SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, 'spool_')")
        for (table,) in sorted(spooled.fetchall()):
            query = f"FROM {table} SEMI JOIN wanted_events USING (event_id) ORDER BY time, event_id"
            for record in records(table.removeprefix("spool_"), engine.execute(query).to_arrow_table()):
                self.records.setdefault(record.event_id, record)
        engine.unregister("wanted_events")

    def _merge(self, finding: Finding) -> None:
        """One finding per thing found: the same rule and key in a later batch makes the earlier finding longer."""
        earlier = self._latest.get(finding.key)
        if earlier is None or earlier.id == finding.id or not _continues(earlier, finding):
            self._latest[finding.key] = self.findings[finding.id] = finding
            return
        count = int(earlier.values.get("count", "1")) + int(finding.values.get("count", "1"))
        merged = replace(
            earlier,
            event_ids=(earlier.event_ids + finding.event_ids)[:EVENTS_KEPT],
            until=max(filter(None, (earlier.until, earlier.time, finding.until, finding.time)), default=None),
            values={**earlier.values, "count": str(count)},
        )
        self._latest[finding.key] = self.findings[earlier.id] = merged

    def _keep(self, name: str, table: pa.Table, wanted: set[int]) -> None:
        import pyarrow.compute as pc

        rows = table.filter(pc.is_in(table["event_id"], pa.array(sorted(wanted), pa.int64())))
        for record in records(name, rows):
            self.records.setdefault(record.event_id, record)

    def _note_later_requests(self, http: pa.Table | None) -> None:
        """Requests for what an exploit seen so far would have left on the server."""
        names = self._dropped()
        if http is None or not names:
            return
        import pyarrow.compute as pc

        for name, since in sorted(names.items()):
            kept = self.later_requests.setdefault(name, [])
            hits = http.filter(pc.fill_null(pc.match_substring(http["url"], name), False))
            for record in records("http", hits.slice(0, LATER_REQUESTS_KEPT)):
                itself = name in str(record.values.get("payload.dropped", ""))
                early = since is not None and record.time is not None and record.time < since
                if not itself and not early and len(kept) < LATER_REQUESTS_KEPT:
                    kept.append(record)

    def _dropped(self) -> dict[str, datetime | None]:
        """Names of files exploits would have left, with the time of the first attempt."""
        names: dict[str, datetime | None] = {}
        for record in self.records.values():
            for path in str(record.values.get("payload.dropped", "")).split(","):
                name = path.rsplit("/", 1)[-1]
                if len(name) >= DROPPED_NAME_LENGTH:
                    names.setdefault(name, record.time)
        return names


def _continues(earlier: Finding, later: Finding) -> bool:
    end, start = earlier.until or earlier.time, later.time
    return end is None or start is None or abs(start - end) <= SAME_FINDING_WITHIN


def records(name: str, rows: pa.Table) -> list[Record]:
    """Rows as records: aware times, no large binary columns, the raw text as the quote."""
    values = rows.drop_columns([column for column in rows.column_names if column in _LEFT_OUT]).to_pylist()
    quotes = _quotes(rows)
    return [
        Record(
            event_id=row["event_id"],
            table=name,
            source=row["source"] or "",
            line=row["line"] or 0,
            time=_utc(row["time"]),
            device=row["device"],
            remote=row["remote"],
            quote=quote or _summary(row),
            values={column: value for column, value in row.items() if value is not None},
        )
        for row, quote in zip(values, quotes, strict=True)
    ]


def _quotes(rows: pa.Table) -> list[str]:
    if "raw" not in rows.column_names:
        return [""] * len(rows)
    return [printable((raw or b"")[:QUOTE_BYTES]) for raw in rows["raw"].to_pylist()]


def _summary(row: Mapping[str, object]) -> str:
    """One line for a record that never was a line of text."""
    ends = f"{row.get('src_ip')}:{row.get('src_port')} -> {row.get('dst_ip')}:{row.get('dst_port')}"
    names = ("transport", "service", "query", "sni", "cookie", "user", "share", "state", "process", "command")
    facts = " ".join(f"{name}={printable(str(row[name]))}" for name in names if row.get(name) is not None)
    return f"{ends} {facts}".rstrip()


def _utc(time: datetime | None) -> datetime | None:
    return time.astimezone(UTC) if time else None
