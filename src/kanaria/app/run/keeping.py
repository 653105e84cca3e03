"""What was found and what is remembered is kept: one transaction, and nothing of it is judged here.

``commit`` keeps incidents and the news of them; with a checkpoint also everything the next run begins with, together
with how far the inputs were read, and what is more than may be remembered is let go of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kanaria.app.run.conclude import Around, cases_of, series
from kanaria.app.run.judged import Judged
from kanaria.core.errors import ConfigError
from kanaria.core.types import Analysis, Text
from kanaria.memory.network_state import WhatRan, parts
from kanaria.memory.open_findings import CarriedCases, keep
from kanaria.store.database import unusable
from kanaria.store.events import NO_CHANGES

if TYPE_CHECKING:
    from kanaria.app.run.plot_series import SeriesKeeper
    from kanaria.core.story import Stories
    from kanaria.detect import Detector

Json = dict[str, Any]


class Keeping:
    """For one engine: its cases and its memory (``around``), what its ``detector`` counts and its pictures show.

    ``asking`` names the rules that ask what was learned, as the next run compares them.
    """

    def __init__(self, around: Around, detector: Detector, pictured: SeriesKeeper, asking: Mapping[str, str]) -> None:
        self._around, self._detector, self._pictured, self._asking = around, detector, pictured, asking
        self._setup, self._memory = around.setup, around.memory
        self._read: Json | None = None
        """How far inputs were read, as everything is kept that was read until then; None: until now."""
        self._latest: datetime | None = None
        """Time of the newest record of inputs that are accounted for no longer."""
        self._left_out: tuple[Text, ...] = ()

    @property
    def left_out(self) -> tuple[Text, ...]:
        """What was more than may be remembered when everything was last kept, in words."""
        return self._left_out

    def only_until_here(self) -> None:
        """What is read from now on is no part of the next checkpoint."""
        self._read = self._memory.ledger.dump()

    def commit(
        self, found: Analysis | Judged, *, checkpoint: bool, beside: Mapping[str, Json] | None = None,
        stories: Mapping[str, Stories] | None = None,
    ) -> list[str]:  # fmt: skip
        """Keep these incidents and the news of them; with ``checkpoint``, in the same transaction, everything the next
        run begins with. ``beside`` are parts of the state that somebody else keeps there (positions of live inputs),
        and ``stories`` those that somebody else wrote.
        Returns the ids they live under. Raises SourceError when the store cannot be written."""
        from kanaria.report.document import document
        from kanaria.store.incidents import IncidentStore

        folder = self._folder()
        now = self._setup.clock.now()
        analysis = found if isinstance(found, Analysis) else self._analysis(found)
        analysis = replace(analysis, series=self._pictured.to_keep(analysis.series))
        documents = document(analysis, self._setup.facts, stories)
        try:
            with IncidentStore(folder) as store:
                state = self._state(now) if checkpoint else {}
                rows = self._memory.events.keep(self._newest(now)) if checkpoint else NO_CHANGES
                ids = store.save(documents["incidents"], now, {**state, **parts(beside or {})}, rows)
        except OSError as error:
            raise unusable(str(folder), error) from error
        if checkpoint:
            self._read = None
            self._memory.settle()
        return ids

    def commit_learning(self) -> None:
        """Keep what was learned and how far the inputs were read, and nothing else of this run."""
        from kanaria.store.incidents import IncidentStore

        folder = self._folder()
        try:
            with IncidentStore(folder) as store:
                now = self._setup.clock.now()
                store.save([], now, self._memory.taught(), self._memory.events.keep(self._newest(now)))
        except OSError as error:
            raise unusable(str(folder), error) from error
        self._memory.settle()

    def mark_notified(self, incidents: Sequence[str]) -> None:
        """Somebody was notified of these committed incidents."""
        from kanaria.store.incidents import IncidentStore

        with IncidentStore(self._folder()) as store:
            store.mark_told(incidents, self._setup.clock.now())
        self._memory.everybody_told()

    def forgotten(self) -> tuple[Text, ...]:
        """What the next run would begin without, were everything kept now, in words."""
        return self._forgotten(self._carried(self._setup.clock.now()))

    def _folder(self) -> Path:
        if self._setup.store is None:
            raise ConfigError(path="store", key="", expected="a folder to keep incidents in", got="none")
        return self._setup.store

    def _analysis(self, found: Judged) -> Analysis:
        return Analysis(
            inputs=tuple(self._around.accounts.summaries.values()),
            incidents=found.changed,
            not_looked_at=(),
            series=() if found.announced else series(self._around, self._pictured, found.changed),
            zone=self._setup.zone,
        )

    def _state(self, now: datetime) -> dict[str, Any]:
        """Everything the next run begins with, as JSON values."""
        memory, case = self._memory, self._around.case
        carried = self._carried(now)
        if case.shrink(carried.findings):
            memory.withhold_open()
        self._left_out, beyond = self._forgotten(carried), self._beyond(carried)
        ran = WhatRan(
            ends=self._ends(),
            correlations=self._detector.dump_state(memory.limits.correlation_events),
            later_requests=case.later_requests,
            rules=self._asking,
        )
        dumped = memory.dump(ran, carried, now, self._read)
        self._detector.forget(memory.limits.correlation_events)
        self._pictured.forget()
        memory.forget(beyond)
        if memory.events.endless:
            self._latest = self._newest(now)
            self._around.accounts.forget(memory.limits.sources)
        return dumped

    def _carried(self, now: datetime) -> CarriedCases:
        """What of the cases is carried on."""
        return keep(cases_of(self._around), self._newest(now), self._memory.limits)

    def _forgotten(self, carried: CarriedCases) -> tuple[Text, ...]:
        """What is more than may be remembered, in words."""
        too_old = self._memory.events.too_old(self._newest(self._setup.clock.now()))
        as_it_came = {"identities": self._around.case.rhythms.forgotten}
        return (*self._memory.forgotten(self._beyond(carried), as_it_came), *too_old)

    def _beyond(self, carried: CarriedCases) -> dict[str, int]:
        events = self._detector.beyond(self._memory.limits.correlation_events)
        return {
            "findings": carried.forgotten, "correlation_events": events, "pictured_devices": self._pictured.beyond,
        }  # fmt: skip

    def _newest(self, now: datetime) -> datetime | None:
        return self._memory.newest(self._ends(), now)

    def _ends(self) -> list[datetime | None]:
        return [self._latest, *(summary.last for summary in self._around.accounts.summaries.values())]
