"""The engine: batches in, changed incidents out; the same for a file that ends and for a life that goes on.

``analyse`` (``app.run.pipeline``) reads files to their end with it. A service makes one with a ``lateness`` and calls
``step`` with what came since the last time; what is news stands in ``Judged.news``. ``commit`` keeps incidents, so
that they are never lost or told twice; ``checkpoint`` keeps everything else, together with how far the inputs were
read. After a crash reading goes on from the last checkpoint, and what was committed since comes out again under the
same ids.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa

from kanaria.app.run.at_once import URGENT, Announced, AtOnce
from kanaria.app.run.case_file import LEARNED, CaseFile
from kanaria.app.run.conclude import Around, cases_of, conclude, judged, series, trusted
from kanaria.app.run.input_accounts import Inputs
from kanaria.app.run.merge import Together
from kanaria.app.run.open_flows import Watch
from kanaria.app.run.ordering import Files, Live, Slice
from kanaria.app.run.plot_series import SeriesKeeper, roles_of
from kanaria.app.run.reading import Reading
from kanaria.app.run.setup import Setup, baseline_settings
from kanaria.app.run.understand import understand
from kanaria.app.run.workspace import Workspace
from kanaria.core.ahead import ahead
from kanaria.core.errors import ConfigError
from kanaria.core.glossary import about_mining
from kanaria.core.ids import content_id
from kanaria.core.network import HomeNetworks
from kanaria.core.schema import Tables
from kanaria.core.story import Stories
from kanaria.core.stream import Stream
from kanaria.core.types import SEVERITIES, Analysis, Batch, Finding, Incident, StratumMessage, Text
from kanaria.core.values import dataclass
from kanaria.detect import Detector
from kanaria.memory.learned import LIVED
from kanaria.memory.network_state import NetworkState, WhatRan, changed_rules, parts
from kanaria.memory.open_findings import CarriedCases, keep
from kanaria.store.database import unusable
from kanaria.store.events import NO_CHANGES
from kanaria.wire.handed_on import Linked
from kanaria.wire.home_inference import infer
from kanaria.wire.spool import STREAMED

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What a step changed: incidents of which something was found, as they are now, the most severe first."""

    changed: tuple[Incident, ...]
    late: int = 0
    """Records that came later than the stated lateness; they were judged when they came."""
    announced: bool = False
    """Whether it is of records that will come again with their slice."""

    @property
    def news(self) -> tuple[Incident, ...]:
        """Those to notify somebody of; all of them where nothing is kept that says what was reported before."""
        return tuple(incident for incident in self.changed if incident.alert is None or incident.alert.tell)


class Engine:
    """One network's memory and the stages that work on it. Use it with ``with``; not safe to share between threads.

    ``lateness`` says how much later than the newest a record may come; None waits for the end of the inputs. One that
    ``only_learns`` judges nothing, so that another may still judge what it read.
    """

    def __init__(self, setup: Setup, *, lateness: timedelta | None = None, only_learns: bool = False) -> None:
        self.setup = setup
        self._work = Workspace()
        self.engine = self._work.engine
        with ExitStack() as undone:
            undone.callback(self._work.close)
            self.memory = NetworkState(
                setup.store,
                self.engine,
                facts=setup.facts,
                settings=baseline_settings(setup.config),
                scratch=self._work.scratch,
                only_learns=only_learns,
                limits=setup.config.limits,
                events=setup.config.events,
            )
            if lateness is not None:
                self.memory.go_on_without_end()
            watch = self._watching(lateness) if setup.on_alert else None
            self._reading = Reading(setup, self.engine, self.memory.ledger, watch.look if watch else None)
            self._order = self._ordered(lateness)
            self._detector = self._detecting(lateness)
            self._at_once = self._announcing()
            undone.pop_all()
        self.case = CaseFile(self.memory.carried, setup.config.limits.identities)
        self._asking = {"settings": _settings(setup), **self._detector.reading(*LEARNED)}
        self._series = SeriesKeeper(setup.config.limits.pictured_devices)
        self._late = 0
        self._read: Json | None = None
        """How far inputs were read, as everything is kept that was read until then; None: until now."""
        self._latest: datetime | None = None
        """Time of the newest record of inputs that are accounted for no longer."""
        self._announced: dict[str, tuple[str, Announced]] = {}
        """By what findings are about, the ids under which they were announced and are not yet found in their slice."""
        self.left_out: tuple[Text, ...] = ()
        """What was more than may be remembered when everything was last kept, in words."""

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def accounts(self) -> Inputs:
        """What became of the inputs."""
        return self._reading.accounts

    def read(self, streams: Iterable[Stream | Together]) -> Iterator[Batch]:
        """The batches of these inputs, accounted for; every record under the id it has in all runs."""
        return self._reading.batches(streams)

    def arrived(self, stream: Stream, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The same for batches of a live stream that somebody else reads."""
        return self._reading.arrived(stream, batches)

    def slices(self, batches: Iterable[Batch], *, ended: bool = True) -> Iterator[Slice]:
        """The same in order of time; with ``ended`` nothing more comes."""
        yield from self._noted(self._order.arrived(batches))
        if ended:
            yield from self._noted(self._order.rest())

    def take(self, batches: Iterable[Batch]) -> None:
        """Work on batches as far as their order is known."""
        self._work_on(self._order.arrived(batches))

    def step(self, batches: Iterable[Batch] = (), between: Callable[[], None] = lambda: None) -> Judged:
        """``take``, and judge every incident of which something was found. ``between`` the two something may be
        announced."""
        self.take(batches)
        between()
        return self._judged()

    def announce(self, batches: Iterable[Batch]) -> Judged:
        """Take in batches of a life that goes on, to be worked on by the next ``step``; what needs no neighbours and is
        grave is judged now. To be committed without a checkpoint: no memory has changed."""
        assert isinstance(self._order, Live)  # noqa: S101  (nobody hurries where inputs end)
        taken_in, begun = self._taken_in(self._order, batches), time.monotonic()
        # What web servers log is neither linked nor scored: where nobody waits, its turn comes at once.
        ways = (True, False) if self._order.lateness else (True,)
        looks = (self._at_once.look(taken_in.get(way, {}), on_the_wire=way, known=self._known) for way in ways)
        found = [one for one in looks if one]
        grave = self._beside(found) if found else ()
        if found:
            self._at_once.rest(time.monotonic() - begun)
        return Judged(changed=grave, announced=True)

    def _known(self, finding: Finding) -> bool:
        return finding.key in self._announced or self.case.goes_on(finding)

    def _beside(self, found: Sequence[Announced]) -> tuple[Incident, ...]:
        """The grave incidents that these would be part of, those that are news."""
        case = self.case.beside()
        for one in {id(one): one for _name, one in self._announced.values()}.values():
            case.add(one.tables, one.messages, one.findings)
        case.forget_changes()
        for one in found:
            case.add(one.tables, one.messages, one.findings)
        incidents = judged(replace(self._around(), case=case, ahead=True))
        grave = Judged(changed=tuple(i for i in incidents if SEVERITIES.index(i.severity) >= URGENT)).news
        told = {finding.id for incident in grave for finding in incident.findings}
        new = ((finding, one) for one in found for finding in one.findings if finding.id in told)
        self._announced |= {finding.key: (finding.id, one) for finding, one in new}
        return grave

    @staticmethod
    def _taken_in(order: Live, batches: Iterable[Batch]) -> dict[bool, Tables]:
        """The rows of batches that now wait for their turn, by whether they crossed the wire."""
        parts: dict[bool, dict[str, list[pa.Table]]] = {}
        for batch in batches:
            order.take_in(batch)
            into = parts.setdefault(order.crossed_the_wire(batch), {})
            for name, table in batch.tables.items():
                into.setdefault(name, []).append(table)
        joined = {
            way: {name: pa.concat_tables(t, promote_options="default") for name, t in into.items()}
            for way, into in parts.items()
        }
        return {way: {name: table for name, table in tables.items() if len(table)} for way, tables in joined.items()}

    @property
    def hastens(self) -> bool:
        """Whether ``announce`` has something to look at that came before."""
        return self._at_once.put_off

    @property
    def waits(self) -> bool:
        """Whether rows wait for their turn."""
        return isinstance(self._order, Live) and self._order.waits

    def hurry(self, between: Callable[[], None] = lambda: None) -> Judged:
        """Work on what still waits for its turn, as before positions are kept that lie behind it, and judge. What is
        announced from ``between`` the two on waits for the next step: it counts as unread for the checkpoint that
        follows."""
        self._read = self.memory.ledger.dump()
        self._work_on(self._order.rest())
        self._announced.clear()
        self._at_once.settled()
        between()
        return self._judged()

    def judge_changed(self) -> Judged:
        """Judge every incident of which something was found since the last time, without working on more."""
        return self._judged()

    def finish(self) -> Analysis:
        """Nothing more comes: the analysis of everything read and remembered, the most severe incident first."""
        self._end()
        analysis = conclude(self._around(), self._series)
        if not self.setup.store:
            return analysis
        return replace(analysis, notes=(*analysis.notes, *self._forgotten(self._kept(self.setup.clock.now()))))

    def _forgotten(self, kept: CarriedCases) -> tuple[Text, ...]:
        """What is more than may be remembered, in words."""
        too_old = self.memory.events.too_old(self._newest(self.setup.clock.now()))
        as_it_came = {"identities": self.case.rhythms.forgotten}
        return (*self.memory.forgotten(self._beyond(kept), as_it_came), *too_old)

    def _beyond(self, kept: CarriedCases) -> dict[str, int]:
        events = self._detector.beyond(self.memory.limits.correlation_events)
        return {
            "findings": kept.forgotten, "correlation_events": events, "pictured_devices": self._series.beyond,
        }  # fmt: skip

    def drain(self) -> Judged:
        """Nothing more comes: what still waited, judged."""
        self._end()
        return self._judged()

    def commit(
        self, found: Analysis | Judged, *, checkpoint: bool = True, beside: Mapping[str, Json] | None = None,
        stories: Mapping[str, Stories] | None = None,
    ) -> list[str]:  # fmt: skip
        """Keep these incidents and the news of them; with ``checkpoint``, in the same transaction, everything the next
        run begins with. ``beside`` are parts of the state that somebody else keeps there (positions of live inputs),
        and ``stories`` those that somebody else wrote.
        Returns the ids they live under. Raises SourceError when the store cannot be written."""
        from kanaria.report.document import document
        from kanaria.store.incidents import IncidentStore

        folder = self._kept_in()
        now = self.setup.clock.now()
        analysis = found if isinstance(found, Analysis) else self._analysis(found)
        analysis = replace(analysis, series=self._series.to_keep(analysis.series))
        documents = document(analysis, self.setup.facts, stories)
        try:
            with IncidentStore(folder) as store:
                state = self._state(now) if checkpoint else {}
                rows = self.memory.events.keep(self._newest(now)) if checkpoint else NO_CHANGES
                ids = store.save(documents["incidents"], now, {**state, **parts(beside or {})}, rows)
        except OSError as error:
            raise unusable(str(folder), error) from error
        if checkpoint:
            self._read = None
            self.memory.settle()
        return ids

    def commit_learning(self) -> None:
        """Keep what was learned and how far the inputs were read, and nothing else of this run."""
        from kanaria.store.incidents import IncidentStore

        folder = self._kept_in()
        try:
            with IncidentStore(folder) as store:
                now = self.setup.clock.now()
                store.save([], now, self.memory.taught(), self.memory.events.keep(self._newest(now)))
        except OSError as error:
            raise unusable(str(folder), error) from error
        self.memory.settle()

    def mark_notified(self, incidents: Sequence[str]) -> None:
        """Somebody was notified of these committed incidents."""
        from kanaria.store.incidents import IncidentStore

        with IncidentStore(self._kept_in()) as store:
            store.mark_told(incidents, self.setup.clock.now())
        self.memory.everybody_told()

    def _kept_in(self) -> Path:
        if self.setup.store is None:
            raise ConfigError(path="store", key="", expected="a folder to keep incidents in", got="none")
        return self.setup.store

    def _analysis(self, found: Judged) -> Analysis:
        return Analysis(
            inputs=tuple(self.accounts.summaries.values()),
            incidents=found.changed,
            not_looked_at=(),
            series=() if found.announced else series(self._around(), self._series, found.changed),
            zone=self.setup.zone,
        )

    def _state(self, now: datetime) -> dict[str, Any]:
        """Everything the next run begins with, as JSON values."""
        kept = self._kept(now)
        if self.case.shrink(kept.findings):
            self.memory.withhold_open()
        self.left_out, beyond = self._forgotten(kept), self._beyond(kept)
        ran = WhatRan(
            ends=self._ends(),
            correlations=self._detector.dump_state(self.memory.limits.correlation_events),
            later_requests=self.case.later_requests,
            rules=self._asking,
        )
        dumped = self.memory.dump(ran, kept, now, self._read)
        self._detector.forget(self.memory.limits.correlation_events)
        self._series.forget()
        self.memory.forget(beyond)
        if self.memory.events.endless:
            self._latest = self._newest(now)
            self.accounts.forget(self.memory.limits.sources)
        return dumped

    def _ends(self) -> list[datetime | None]:
        return [self._latest, *(summary.last for summary in self.accounts.summaries.values())]

    def _kept(self, now: datetime) -> CarriedCases:
        """What of the cases is carried on."""
        return keep(cases_of(self._around()), self._newest(now), self.memory.limits)

    def _newest(self, now: datetime) -> datetime | None:
        return self.memory.newest(self._ends(), now)

    def close(self) -> None:
        """Let go of all files."""
        self.memory.close()
        self._work.close()

    # ---- one slice, top to bottom ---------------------------------------------------------------------------------

    def _work_on(self, slices: Iterator[Slice]) -> None:
        def understood(piece: Slice) -> tuple[Slice, Tables, tuple[StratumMessage, ...]]:
            return piece, *understand(piece.tables, self.setup)  # knowledge.*, mining.*, payload.*: needs no memory

        for piece, events, messages in ahead(understood, self._noted(slices)):
            self._judge(piece, events, messages)

    def _judge(self, piece: Slice, events: Tables, messages: Sequence[StratumMessage]) -> None:
        if "connection" in events:
            self.accounts.flows.add(events["connection"])
        self._work.suit(sum(len(table) for table in piece.tables.values()))
        before = self._matched_before(piece.anew) if piece.anew else {}
        self.remember(piece)
        scored = self.score(piece, events)  # baseline.*: surprise, in bits, before any learning
        revised = piece.anew.revised if piece.anew else frozenset[int]()
        found = self._detector.judge(scored, revised | _silences(scored), before)  # Sigma rules and correlations
        findings, told = self._as_announced(self._without_hindsight(found.findings))
        self.case.add(scored, messages, findings)
        self.case.note_told(told)
        self.learn(piece, scored, found.event_ids)  # the gate is visible here: what belongs to a finding is not learned
        self._series.add(scored, _mining(findings), self.memory.ledger.settled)
        if piece.anew and piece.anew.again:
            self._judge_again(piece, before)

    def _matched_before(self, anew: Linked) -> dict[str, frozenset[int]]:
        """Which rules the rows matched that have others in their place now."""
        kept, _messages = understand(anew.before, self.setup)
        matched = self._detector.matched(kept)
        for rule, events in self.case.resting_on(anew.revised):
            matched[rule] = matched.get(rule, frozenset()) | events
        return matched

    def _judge_again(self, piece: Slice, before: Mapping[str, frozenset[int]]) -> None:
        """Judge rows that were handed on before and are others now. They have been counted, and have taught."""
        assert piece.anew is not None  # noqa: S101  (who calls this has looked)
        events, messages = understand(piece.anew.again, self.setup)
        scored = self.memory.learned.score(events) if self._lives(replace(piece, tables=events)) else events
        found = self._detector.judge(scored, piece.anew.revised, before)
        self.case.add(scored, messages, self._without_hindsight(found.findings))

    def _without_hindsight(self, findings: Sequence[Finding]) -> list[Finding]:
        """What is read again is judged as it was when it came: more was learned since, also of these records."""
        new = [finding for finding in findings if finding.known and not self.case.goes_on(finding)]
        hindsight = self.memory.hindsight(new, self._asking) if new else ()
        return [finding for finding in findings if finding.id not in hindsight]

    def _as_announced(self, findings: Sequence[Finding]) -> tuple[list[Finding], set[int]]:
        """What was announced keeps the id it was announced under: it has another where a record of another log, about
        the same thing, turned out to come first. And the records that were announced."""
        named, events = [], set[int]()
        for finding in findings:
            if finding.key in self._announced:
                name, one = self._announced.pop(finding.key)
                events.update(event for each in one.findings for event in each.event_ids)
                finding = replace(finding, id=name)
            named.append(finding)
        return named, events

    def score(self, piece: Slice, tables: Tables) -> Tables:
        """Surprise in bits for what crosses the wire; for web requests, how this server usually answers."""
        learned = self.memory.learned
        if "http" in tables:
            endless = self.memory.events.endless  # then what an earlier run counted is known, and counts once
            http = self.memory.ledger.fresh(tables["http"]) if endless else tables["http"]
            learned.web.absorb(http, from_engine=piece.on_the_wire)
        if self._lives(piece):
            tables = learned.score(tables)
            self._series.set_thresholds(learned.alert_bits(roles_of(tables)))
        if "logon" not in tables:
            return tables
        fresh = self.memory.ledger.fresh(tables["logon"])
        return {**self.memory.silence.watch({**tables, "logon": fresh}), "logon": tables["logon"]}

    def remember(self, piece: Slice) -> None:
        """Keep what crossed the wire and what machines recorded, for questions about the past."""
        if piece.on_the_wire:
            self.memory.remember(piece.tables, piece.anew)

    def learn(self, piece: Slice, tables: Tables, withheld: frozenset[int] = frozenset()) -> None:
        """Absorb what is no part of a finding. What web servers log has a profile of its own."""
        if not self._lives(piece):
            return
        fresh = self.memory.fresh(tables, piece.anew)  # the same records again teach nothing
        if set(fresh) & LIVED:
            self.memory.learn(fresh, withheld, self.case.pairs())

    def _lives(self, piece: Slice) -> bool:
        """Whether the pattern of life has to do with it, and there is, or will be, history enough to say what is
        normal: too short a capture is not scored. Web servers' logs come alone, and are none of it."""
        if not (set(piece.tables) & (LIVED - STREAMED) or (piece.on_the_wire and "http" in piece.tables)):
            return False
        warm_up = timedelta(days=self.setup.config.baseline.warm_up_days)
        return self.setup.store is not None or piece.span >= warm_up

    # ---- beginning and end ----------------------------------------------------------------------------------------

    def _noted(self, slices: Iterator[Slice]) -> Iterator[Slice]:
        for piece in slices:
            self.accounts.doubles += piece.doubles
            self.accounts.note(piece.notes)
            self._late += piece.late
            yield piece

    def _end(self) -> None:
        self._work_on(self._order.rest())
        if "logon" in self.case.tables_seen:
            silent = self.memory.silence.at_the_end(self.memory.given(self.accounts.summaries))
            if silent is not None:
                quiet = {"host": silent}
                self.case.add(quiet, (), self._detector.judge(quiet, _silences(quiet)).findings)
        ended = self._detector.finish(self.memory.limits.correlation_events)
        self.case.add({}, (), ended)  # correlations that could only be decided at the end

    def _judged(self) -> Judged:
        incidents = judged(self._around())
        self.case.forget_changes()
        late, self._late = self._late, 0
        return Judged(changed=incidents, late=late)

    def _around(self) -> Around:
        return Around(setup=self.setup, memory=self.memory, case=self.case, accounts=self.accounts)

    def _watching(self, lateness: timedelta | None) -> Watch:
        """What looks at connections that are still open; in a life that goes on they make incidents at once."""
        if lateness is None:
            return Watch(self.setup, self.engine)
        score = self.memory.learned.score if self.setup.store else dict
        return Watch(self.setup, self.engine, score=score, found=lambda *open_ones: self.case.add_open(*open_ones))

    def _announcing(self) -> AtOnce:
        def link(tables: Tables) -> Tables:
            return self._order.beforehand(tables) if isinstance(self._order, Live) else tables

        seen = self.memory.ledger.was_judged if self.setup.store else None
        return AtOnce(self.setup, self.engine, link=link, score=self.memory.learned.beforehand, seen=seen)

    def _ordered(self, lateness: timedelta | None) -> Files | Live:
        config, wired = self.setup.config, self._reading.on_the_wire
        home: HomeNetworks | None = config.home_networks if config.home else None
        if lateness is None:
            return Files(
                self._work, home, wired, trusted(self.setup), self.memory.events.earlier, self.memory.count_for_home,
                self.memory.events,
            )  # fmt: skip
        return Live(
            self._work, home, wired, lateness=lateness, trusted=trusted(self.setup), earlier=self.memory.events.earlier,
            inferred=infer(self.memory.home), past=self.memory.events,
        )  # fmt: skip

    def _detecting(self, lateness: timedelta | None) -> Detector:
        detector = Detector(
            self.setup.rules,
            lambda: self.engine,
            facts=self.setup.facts,
            lateness=None if lateness is None else timedelta(0),
            updates=True,  # what is kept is told as it is; how often somebody is told is for the news to say
            seen=self.memory.ledger.was_judged if self.setup.store else None,
            remembers=self.setup.store is not None,
        )
        changed = detector.load_state(self.memory.correlations) if self.memory.correlations else ()
        if changed:
            self.accounts.note((changed_rules(changed),))
        return detector


def _settings(setup: Setup) -> str:
    """What the user says that decides what is surprising, as a short text."""
    wanted = asdict(baseline_settings(setup.config)) | {"home": setup.config.home}
    return content_id("s", [json.dumps(wanted, sort_keys=True, default=sorted)])


def _silences(tables: Tables) -> frozenset[int]:
    """Records at which hosts fell silent: what is said of them is new, though an earlier run has read them."""
    host = tables.get("host")
    if host is None or "baseline.silent_hours" not in host.column_names:
        return frozenset()
    return frozenset(host.filter(host["baseline.silent_hours"].is_valid())["event_id"].to_pylist())


def _mining(findings: Iterable[Finding]) -> Iterator[int]:
    return (event for finding in findings if about_mining(finding) for event in finding.event_ids)
