"""What runs with one ``--store`` hand to each other, and where an incident of this run goes on from an earlier one.

Comes in: the store's folder. Goes out: the state a run begins with, each part once, and at the end the state it leaves
behind, which the store saves in one transaction with the incidents: a run that is killed has not been, and the same run
again gives what it would have given. Without a folder everything is empty and nothing is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from kanaria.core.stream import Stream
from kanaria.core.types import Batch, Incident, Text
from kanaria.incidents.case import Case
from kanaria.memory.contact_times import Contacts
from kanaria.memory.open_findings import pack, unpack
from kanaria.memory.read_sources import Ledger

if TYPE_CHECKING:
    from kanaria.baseline.silent_files import GivenFile

VERSION = 1
"""Of the form of the parts together; others are not read, and the run begins without them."""
NAMED = 12
"""Rules a note names."""
AHEAD = timedelta(days=1)
"""Records further ahead of the clock have a wrong time, and must not make everything else look old."""


@dataclass(frozen=True, kw_only=True)
class WhatRan:
    """What one run adds to the memory beside its cases and its sources."""

    ends: Sequence[datetime | None]
    """Time of the last record of each input."""
    correlations: Mapping[str, Any]
    later_requests: Mapping[str, Any]
    silence: Mapping[str, Any]


class Kept:
    """The state of a store, read at the beginning of a run."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        state = _load(folder)
        self.ledger = Ledger(state.get("sources"))
        self.carried = unpack(state.get("carried"))
        self.contacts = Contacts(state.get("contacts"))
        self.correlations: dict[str, Any] | None = state.get("correlations")
        self.silence: dict[str, Any] | None = state.get("silence")
        self.cases: Sequence[Case] = ()
        """All cases of the run, set when they are known."""

    def follow(self, stream: Stream, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches of a source; with a store, every record under the id it has in all runs."""
        return self.ledger.follow(stream, batches) if self.folder else batches

    def fresh(self, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        """The rows that no earlier run has read; tables without any are left out."""
        found = {name: self.ledger.fresh(table) for name, table in tables.items()}
        return {name: table for name, table in found.items() if len(table) or table is tables[name]}

    def given(self, names: Iterable[str]) -> dict[str, GivenFile]:
        """Of the inputs that are files: when they were last changed, and whether an earlier run had them."""
        from kanaria.baseline.silent_files import GivenFile

        found = {}
        for name in names:
            path = Path(name)
            if path.is_file():
                found[name] = GivenFile(round(path.stat().st_mtime * 1e6), again=name in self.ledger.names)
        return found

    def dismissed(self) -> frozenset[str]:
        """Ids of findings of incidents that a person called harmless: nothing new is joined with those."""
        if self.folder is None or not self.carried.findings:
            return frozenset()
        from kanaria.store.incidents import IncidentStore

        with IncidentStore(self.folder) as store:
            return store.learnable()

    def concerns(self, case: Case, met: frozenset[str]) -> bool:
        """Whether this run has anything to do with a case: it found some of it (``met``), or read its records again."""
        return any(
            finding.id in met or any(self.ledger.read_now(event) for event in finding.event_ids)
            for finding in case.findings
        )

    def go_on(self, incidents: Sequence[Incident], news: frozenset[str], again: timedelta) -> list[Incident]:
        """The incidents under the ids they have in the store, each with what this run adds to it.

        ``news`` are the findings with records that no earlier run had.
        """
        if self.folder is None:
            return list(incidents)
        from kanaria.report.reading import incident_from
        from kanaria.store.alerts import alert
        from kanaria.store.incidents import IncidentStore

        found = []
        with IncidentStore(self.folder) as store:
            for incident in incidents:
                ids = [finding.id for finding in incident.findings]
                keeper = store.keeper(incident.id, ids)
                before = incident_from(store.get(keeper).document) if keeper else None
                made = alert(incident, store.told(ids), news=not news.isdisjoint(ids), again=again)
                normal = incident.normal or (before.normal if before else ())
                found.append(replace(incident, id=keeper or incident.id, normal=normal, alert=made))
        return found

    def dump(self, this_run: WhatRan, now: datetime) -> dict[str, Any]:
        """What the next run begins with."""
        ends = [*this_run.ends, self.carried.newest]
        newest = max((end for end in ends if end and end <= now + AHEAD), default=None)
        correlations = dict(this_run.correlations)
        read = correlations["newest"]
        if read and datetime.fromisoformat(read) > now + AHEAD:
            correlations["newest"] = None
        parts = {
            "sources": self.ledger.dump(),
            "carried": pack(self.cases, this_run.later_requests, newest),
            "contacts": self.contacts.dump(),
            "correlations": correlations,
            "silence": this_run.silence,
        }
        return {name: {"version": VERSION, "content": content} for name, content in parts.items()}


def forgotten(rules: Sequence[str]) -> Text:
    """The note that rules are not what they were, so that what they had half finished is gone."""
    named = ", ".join(rules[:NAMED]) + (", …" if len(rules) > NAMED else "")
    return Text(
        en=f"Rules that changed since the last run begin anew, without what they had seen then: {named}.",
        ja=f"前回の解析から変更されたルールは、前回までの途中経過を引き継がずに始めます: {named}。",
    )


def _load(folder: Path | None) -> dict[str, Any]:
    if folder is None or not folder.is_dir():
        return {}
    from kanaria.store.incidents import IncidentStore

    with IncidentStore(folder) as store:
        parts = store.state()
    return {name: part["content"] for name, part in parts.items() if part.get("version") == VERSION}
