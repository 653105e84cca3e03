"""``kanaria serve``: what sources bring is judged in micro-batches, kept, and told; until somebody asks it to end.

Here its parts are put together: what is read (``intake``), the loop (``turns``) and its pace, who judges (``judging``),
where news go (``outgoing``, ``telling``), and what else a service must do (``upkeep``).
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

from kanaria.app.config import Config
from kanaria.app.live.acknowledging import acknowledging
from kanaria.app.live.endpoints import answering
from kanaria.app.live.intake import Intake
from kanaria.app.live.judging import Judging
from kanaria.app.live.outgoing import Outgoing
from kanaria.app.live.pace import Pace
from kanaria.app.live.service_log import Log, logger
from kanaria.app.live.siem import Siem
from kanaria.app.live.state import state
from kanaria.app.live.systemd import notify
from kanaria.app.live.telling import Telling, message_language
from kanaria.app.live.turns import Signals, Turns
from kanaria.app.live.upkeep import Upkeep
from kanaria.app.live.watching import watched, watched_flows
from kanaria.app.mending import mend, messages
from kanaria.app.owning import owning
from kanaria.core.clock import steady
from kanaria.core.first_use import announce
from kanaria.core.types import Finding, Incident, RejectedRecord, Text
from kanaria.respond.acknowledge import Links
from kanaria.store.incidents import IncidentStore
from kanaria.store.outbox import Outbox
from kanaria.store.timeline import Believed

COMPILED_WITHIN = 1800
"""Seconds that a start may take which has to compile. It took 10 s of processor time in the wheel's environment, and
143 s by the clock at a load of 25 on two cores; ten times that, for a machine ten times slower and as busy, is 1,430.
systemd's own 90 or 300 would end such a start again and again; too long a time only lets one that hangs hang longer."""


class Service:
    """One running service. ``run`` returns when ``stop`` was called.

    Inside another program ``offer`` gets every incident that is news, and says whether it was taken; what was not is
    offered again by the next service on this store. ``log`` is then the program's, and systemd is left to it."""

    def __init__(
        self, config: Config, store: Path, *, log: Log | None = None, offer: Callable[[Incident], bool] | None = None
    ) -> None:
        self.config, self.store = config, store
        self.mended: list[Text] = []
        """What of the store was damaged when it began, and where it lies now."""
        self.log: Log = log or logger(config.serve.log)
        self._offer = offer
        self._language = message_language(config)
        self.intake = Intake(watched(config), watched_flows(config))
        self._signals = Signals()
        self.started = steady()
        self.rejected = 0
        self.ready = False

    def stop(self) -> None:
        """Ask to end; from any thread, and from no signal handler."""
        self._signals.end()

    def run(self) -> None:
        """Watch until stopped. What is damaged in the store is put aside first: one who does not watch because of
        what happened before would be worse. Raises SourceError when the store belongs to another run."""
        announce(self._compiling)
        mended = mend(self.store)
        self.mended = list(messages(mended)) if mended else []
        with owning(self.store, "serve") as mine, _outbox(self.store) as self.outbox:
            links = Links(self.outbox, self.config.serve.acknowledge_hours) if self.config.serve.acknowledge else None
            self.telling = Telling(
                self.config, self.outbox, self.watched, self.log, links=links, handled=self._handled,
                events=lambda incident: siem.events(incident),
            )  # fmt: skip
            self._say_mended()
            self.upkeep = Upkeep(
                self.config, self.store, self.outbox, self.telling, self.log, lambda missing: self.judging.shed(missing)
            )
            with self._judge() as self.judging:
                siem = self._siem(self.judging)
                self.turns = self._turns(siem)
                self.judging.owned(mine)
                mine.status = lambda: state(self)
                with answering(self.config.serve.listen, self.store, lambda: state(self), self.log), self._links(links):
                    self._watch()

    def _judge(self) -> Judging:
        return Judging(
            self.config, self.store, on_the_wire=self.intake.on_the_wire, on_reject=self._rejected,
            on_alert=self._alert, clock=Believed(self.outbox.time),
        )  # fmt: skip

    def _siem(self, judging: Judging) -> Siem:
        path, limit = self.config.serve.ocsf, int(self.config.serve.ocsf_mb * 1e6)
        return Siem(self.store, judging.setup.facts, self._language, Path(path) if path else None, limit)

    def _turns(self, siem: Siem) -> Turns:
        self.outgoing = Outgoing(self.judging, self.telling, siem, self.upkeep, self.log, self._offer)
        return Turns(
            self.judging, self.intake, self.outgoing, self.upkeep, Pace(self.config.serve.batch_seconds),
            signals=self._signals, alive=lambda: self._say("WATCHDOG=1"), log=self.log, language=self._language,
        )  # fmt: skip

    def _watch(self) -> None:
        self.outgoing.tell(self.judging.pending())
        self.telling.start()
        self.turns.begin()
        if self._offer is None:  # to look whether what was loaded can go stopped everything for 100 ms at a time
            gc.freeze()
        self.ready = True
        self._say("READY=1")
        self.log("started", store=self.store, sources=len(self.intake.all), channels=len(self.telling.senders))
        try:
            self.turns.run()
        finally:
            self._say("STOPPING=1")
            self.intake.close()
            self.telling.close()
            self.log("stopped", records=self.records)

    @property
    def records(self) -> int:
        """Lines and flows that were read."""
        return self.turns.records

    @property
    def unread(self) -> int:
        """Lines in no known format."""
        return self.judging.unread

    def watched(self) -> Mapping[str, Any]:
        """For digests: what was read since the start, and how many hours of devices nothing explained."""
        return {
            "sources": self.intake.records(), "since": self.outbox.time.when(self.started),
            "alerts": self.judging.anomalies, "budget": self.config.alerts_per_day,
        }  # fmt: skip

    def _compiling(self) -> None:
        """It takes a minute, once; on a small machine longer than systemd waits for a start."""
        self._say(f"EXTEND_TIMEOUT_USEC={COMPILED_WITHIN * 1_000_000}")
        self.log("preparing the readers for this machine; once after an installation or update, up to some minutes")

    def _say_mended(self) -> None:
        for number, said in enumerate(self.mended):
            self.log("the store was damaged", level="error", what=said.en)
            self.telling.notice("mended", f"mended-{self.outbox.time.when(self.started)}-{number}", {"what": said})

    def _links(self, links: Links | None) -> AbstractContextManager[None]:
        """Answer links that acknowledge incidents, if there are to be any."""
        if links is None:
            return nullcontext()
        return acknowledging(self.config.serve.acknowledge_listen, links, self._acknowledge, self._language, self.log)

    def _acknowledge(self, incident: str) -> None:
        with IncidentStore(self.store) as store:
            store.decide(
                incident, "acknowledged", who="link", why="link in a message", now=Believed(self.outbox.time).now()
            )
        self.log("acknowledged", incident=incident)

    def _handled(self, incident: str) -> bool:
        """Whether somebody has taken care of an incident."""
        with IncidentStore(self.store) as store:
            return store.get(incident).state != "open"

    def _alert(self, finding: Finding, now: datetime) -> None:
        """Mining goes on: what somebody is told of it is news of its incident."""
        self.log("mining on an open connection", finding=finding.id, rule=finding.rule, last=now.isoformat())

    def _rejected(self, record: RejectedRecord) -> None:
        self.rejected += 1
        self.upkeep.reject(record)

    def _say(self, said: str) -> None:
        """To systemd, which started this process."""
        if self._offer is None:
            notify(said)


@contextmanager
def _outbox(folder: Path) -> Iterator[Outbox]:
    made = Outbox(folder)
    try:
        yield made
    finally:
        made.close()
