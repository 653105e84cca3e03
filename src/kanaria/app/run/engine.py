"""The engine: batches in, changed incidents out; the same for a file that ends and for a life that goes on.

``analyse`` (``app.run.pipeline``) reads files to their end with it. A service makes one with a ``lateness`` and calls
``step`` with what came since the last time; what is news stands in ``Judged.news``. ``commit`` keeps incidents, so
that they are never lost or told twice; with a checkpoint it keeps everything else, together with how far the inputs
were read. After a crash reading goes on from the last checkpoint, and what was committed since comes out again under
the same ids.

Its parts are put together by ``app.run.assembly``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any

from kanaria.app.run.assembly import assembled
from kanaria.app.run.conclude import conclude, judged
from kanaria.app.run.judged import Judged
from kanaria.app.run.ordering import Live, Slice
from kanaria.app.run.understand import understand
from kanaria.core.ahead import ahead
from kanaria.core.glossary import about_mining

if TYPE_CHECKING:
    from kanaria.app.run.merge import Together
    from kanaria.app.run.setup import Setup
    from kanaria.core.schema import Tables
    from kanaria.core.story import Stories
    from kanaria.core.stream import Stream
    from kanaria.core.types import Analysis, Batch, Finding, StratumMessage, Text
    from kanaria.wire.handed_on import Linked

Json = dict[str, Any]


class Engine:
    """One network's memory and the stages that work on it. Use it with ``with``; not safe to share between threads.

    ``lateness`` says how much later than the newest a record may come; None waits for the end of the inputs. One that
    ``only_learns`` judges nothing, so that another may still judge what it read.
    """

    def __init__(self, setup: Setup, *, lateness: timedelta | None = None, only_learns: bool = False) -> None:
        parts = assembled(setup, lateness, only_learns=only_learns)
        self.setup = setup
        self.engine = parts.work.engine
        self.memory, self.case, self.accounts = parts.around.memory, parts.around.case, parts.around.accounts
        self.pattern = parts.pattern
        self._work, self._around, self._reading, self._order = parts.work, parts.around, parts.reading, parts.order
        self._detector, self._series, self._asking = parts.detector, parts.pictured, parts.asking
        self._announcing, self._keeping = parts.announcing, parts.keeping
        self._late = 0

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all files."""
        self.memory.close()
        self._work.close()

    # ---- inputs ---------------------------------------------------------------------------------------------------

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

    # ---- a life that goes on --------------------------------------------------------------------------------------

    def take(self, batches: Iterable[Batch]) -> None:
        """Work on batches as far as their order is known."""
        self._work_on(self._order.arrived(batches))

    def step(self, batches: Iterable[Batch] = (), between: Callable[[], None] = lambda: None) -> Judged:
        """``take``, and judge every incident of which something was found. ``between`` the two something may be
        announced."""
        self.take(batches)
        between()
        return self.judge_changed()

    def judge_changed(self) -> Judged:
        """Judge every incident of which something was found since the last time, without working on more."""
        incidents = judged(self._around)
        self.case.forget_changes()
        late, self._late = self._late, 0
        return Judged(changed=incidents, late=late)

    def announce(self, batches: Iterable[Batch]) -> Judged:
        """Take in batches of a life that goes on, to be worked on by the next ``step``; what needs no neighbours and is
        grave is judged now. To be committed without a checkpoint: no memory has changed."""
        assert isinstance(self._order, Live)  # noqa: S101  (nobody hurries where inputs end)
        return self._announcing.look(batches, self._order)

    @property
    def hastens(self) -> bool:
        """Whether ``announce`` has something to look at that came before."""
        return self._announcing.hastens

    @property
    def waits(self) -> bool:
        """Whether rows wait for their turn."""
        return isinstance(self._order, Live) and self._order.waits

    def hurry(self, between: Callable[[], None] = lambda: None) -> Judged:
        """Work on what still waits for its turn, as before positions are kept that lie behind it, and judge. What is
        announced from ``between`` the two on waits for the next step: it counts as unread for the checkpoint that
        follows."""
        self._keeping.only_until_here()
        self._work_on(self._order.rest())
        self._announcing.settled()
        between()
        return self.judge_changed()

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
        self.pattern.remember(piece)
        scored = self.pattern.score(piece, events)  # baseline.*: surprise, in bits, before any learning
        revised = piece.anew.revised if piece.anew else frozenset[int]()
        matched = self._detector.judge(scored, revised | _silences(scored), before)  # Sigma rules and correlations
        findings, told = self._announcing.as_announced(self._without_hindsight(matched.findings))
        self.case.add(scored, messages, findings)
        self.case.note_told(told)
        self.pattern.learn(piece, scored, matched.event_ids)  # the gate: what belongs to a finding is not learned
        self._series.add(scored, _mining(findings), self.memory.ledger.settled)
        if piece.anew and piece.anew.again:
            self._judge_again(piece, piece.anew, before)

    def _matched_before(self, anew: Linked) -> dict[str, frozenset[int]]:
        """Which rules the rows matched that have others in their place now."""
        kept, _messages = understand(anew.before, self.setup)
        matched = self._detector.matched(kept)
        for rule, events in self.case.resting_on(anew.revised):
            matched[rule] = matched.get(rule, frozenset()) | events
        return matched

    def _judge_again(self, piece: Slice, anew: Linked, before: Mapping[str, frozenset[int]]) -> None:
        """Judge rows that were handed on before and are others now. They have been counted, and have taught."""
        events, messages = understand(anew.again, self.setup)
        scored = self.pattern.score_again(piece, events)
        matched = self._detector.judge(scored, anew.revised, before)
        self.case.add(scored, messages, self._without_hindsight(matched.findings))

    def _without_hindsight(self, findings: Sequence[Finding]) -> list[Finding]:
        """What is read again is judged as it was when it came: more was learned since, also of these records."""
        new = [finding for finding in findings if finding.known and not self.case.goes_on(finding)]
        hindsight = self.memory.hindsight(new, self._asking) if new else ()
        return [finding for finding in findings if finding.id not in hindsight]

    def _noted(self, slices: Iterator[Slice]) -> Iterator[Slice]:
        for piece in slices:
            self.accounts.count_doubles(piece.doubles)
            self.accounts.note(piece.notes)
            self._late += piece.late
            yield piece

    # ---- the end --------------------------------------------------------------------------------------------------

    def finish(self) -> Analysis:
        """Nothing more comes: the analysis of everything read and remembered, the most severe incident first."""
        self._end()
        analysis = conclude(self._around, self._series)
        if not self.setup.store:
            return analysis
        return replace(analysis, notes=(*analysis.notes, *self._keeping.forgotten()))

    def drain(self) -> Judged:
        """Nothing more comes: what still waited, judged."""
        self._end()
        return self.judge_changed()

    def _end(self) -> None:
        self._work_on(self._order.rest())
        if "logon" in self.case.tables_seen:
            silent = self.memory.silence.at_the_end(self.memory.given(self.accounts.summaries))
            if silent is not None:
                quiet = {"host": silent}
                self.case.add(quiet, (), self._detector.judge(quiet, _silences(quiet)).findings)
        ended = self._detector.finish(self.memory.limits.correlation_events)
        self.case.add({}, (), ended)  # correlations that could only be decided at the end

    # ---- what is kept ---------------------------------------------------------------------------------------------

    def commit(
        self, found: Analysis | Judged, *, checkpoint: bool = True, beside: Mapping[str, Json] | None = None,
        stories: Mapping[str, Stories] | None = None,
    ) -> list[str]:  # fmt: skip
        """Keep these incidents and the news of them; with ``checkpoint`` everything the next run begins with, too, and
        ``beside`` it what others keep there. ``stories`` are those that somebody else wrote. Returns the ids they live
        under. Raises SourceError when the store cannot be written."""
        return self._keeping.commit(found, checkpoint=checkpoint, beside=beside, stories=stories)

    def commit_learning(self) -> None:
        """Keep what was learned and how far the inputs were read, and nothing else of this run."""
        self._keeping.commit_learning()

    def mark_notified(self, incidents: Sequence[str]) -> None:
        """Somebody was notified of these committed incidents."""
        self._keeping.mark_notified(incidents)

    @property
    def left_out(self) -> tuple[Text, ...]:
        """What was more than may be remembered when everything was last kept, in words."""
        return self._keeping.left_out


def _silences(tables: Tables) -> frozenset[int]:
    """Records at which hosts fell silent: what is said of them is new, though an earlier run has read them."""
    host = tables.get("host")
    if host is None or "baseline.silent_hours" not in host.column_names:
        return frozenset()
    return frozenset(host.filter(host["baseline.silent_hours"].is_valid())["event_id"].to_pylist())


def _mining(findings: Iterable[Finding]) -> Iterator[int]:
    return (event for finding in findings if about_mining(finding) for event in finding.event_ids)
