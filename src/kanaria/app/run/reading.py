"""Streams to batches: every input in its format, every record under the id it has in all runs, and accounts of it all.

In: streams, live ones side by side. Out: batches. Records that cannot be read go to ``Setup.on_reject``; what is known
of connections that are still open goes to ``watch`` and comes again when they have ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from kanaria.app.run.input_accounts import Inputs
from kanaria.app.run.merge import Together, interleaved, members
from kanaria.app.run.searching import pools_of, searched
from kanaria.core.errors import MissingExtra, SourceError
from kanaria.core.memory import give_back_large_blocks
from kanaria.core.schema import Tables
from kanaria.core.stream import Format, ReadContext, Stream
from kanaria.core.types import Batch, Position, RejectedRecord
from kanaria.formats.unknown import BESIDE, UNKNOWN
from kanaria.memory.read_sources import Ledger
from kanaria.wire.clock_check import ClockCheck

if TYPE_CHECKING:
    import duckdb

    from kanaria.app.run.setup import Setup


class Reading:
    """The inputs of one engine."""

    def __init__(
        self,
        setup: Setup,
        engine: duckdb.DuckDBPyConnection,
        ledger: Ledger,
        watch: Callable[[Tables], None] | None = None,
    ) -> None:
        self.accounts = Inputs(notes=list(setup.notes))
        self._setup, self._engine, self._ledger, self._watch = setup, engine, ledger, watch
        self._clocks = ClockCheck(setup.clock, keeps=setup.store is not None)
        self._sensors: set[str] = set()
        self._pools = pools_of(setup.facts)

    def batches(self, streams: Iterable[Stream | Together]) -> Iterator[Batch]:
        """Bytes to normalised tables. What is not understood is searched; inputs in no known format are noted, too."""
        give_back_large_blocks()
        setup = self._setup
        context = ReadContext(
            events=any(rule.table == "event" for rule in setup.rules.rules),
            home=setup.config.home_networks,
            engine=lambda: self._engine,
            layout=setup.layout,
            zone=setup.zone,
            open_flows=self._watch is not None,
            now=setup.clock.now(),
        )
        for given in streams:
            chosen = [(stream, found) for stream in members(given) if (found := self._recognised(stream))]
            reads = [self._read(stream, found, context) for stream, found in chosen]
            for batch in interleaved(reads, [partial(self._ledger.follow, stream) for stream, _found in chosen]):
                yield from self._accepted(batch)
            for stream, _found in chosen:
                if stream.name not in self.accounts.failures:
                    self.accounts.done(stream)

    def arrived(self, stream: Stream, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The same for batches of a live stream that somebody else reads."""
        self.accounts.open(stream.name, str(getattr(stream, "format_name", "")))
        self._sensors.add(stream.name)
        for batch in self._ledger.follow(stream, iter(batches)):
            yield from self._accepted(batch)

    def _read(self, stream: Stream, found: Format, context: ReadContext) -> Iterator[Batch]:
        """The batches of one input. What stops a file is noted, and the others are read; a live input may not stop."""
        layout: str | None = getattr(stream, "layout", None)
        context = replace(context, layout=layout) if layout else context
        try:
            yield from searched(found.read(stream, context), stream, context, self._pools)
            if damage := getattr(stream, "damage", None):
                yield _damaged(stream.name, found.name, damage)
        except (MissingExtra, SourceError) as error:
            if _live(stream):
                raise
            self.accounts.failed(stream.name, error)

    def _accepted(self, batch: Batch) -> Iterator[Batch]:
        if not batch.interim:
            yield self._counted(batch)
        elif self._watch:
            self._watch(batch.tables)

    def on_the_wire(self, batch: Batch) -> bool:
        """Whether the input shows connections: requests in it were seen on the wire, not logged by a web server."""
        return batch.source in self._sensors

    def _counted(self, batch: Batch) -> Batch:
        batch = self._clocks.checked(batch, self.accounts.wrong_clock)
        self.accounts.count(batch)
        shown: Iterable[RejectedRecord] = batch.rejects if self._setup.on_reject else ()
        for reject in shown:
            assert self._setup.on_reject is not None  # noqa: S101  (nothing is told without it)
            self._setup.on_reject(reject)
        return batch

    def _recognised(self, stream: Stream) -> Format | None:
        """The format of an input; None is noted, and so is an input that cannot be opened."""
        try:
            return self._format_of(stream)
        except SourceError as error:
            if _live(stream):
                raise
            self.accounts.failed(stream.name, error)
            return None

    def _format_of(self, stream: Stream) -> Format | None:
        """What a live input brings, what the user said, or what it looks like."""
        from kanaria.formats import recognised, registry

        setup = self._setup
        wanted = setup.input_format or ("logformat" if setup.layout is not None else None)
        name = getattr(stream, "format_name", None) or ("logformat" if getattr(stream, "layout", None) else wanted)
        if not name and (packed := recognised.archive(stream.head())):
            self.accounts.unknown(stream, packed, is_log=False)
            return UNKNOWN
        chosen = registry.get(name) if name else registry.detect(stream)
        if chosen is None:
            return self._unknown(stream)
        self.accounts.open(stream.name, chosen.name)
        guess = getattr(chosen, "guess", None)
        if guess is not None:
            self.accounts.guessed(stream.name, guess(stream.head()))
        remark = getattr(chosen, "remark", None)
        if remark is not None:
            self.accounts.remarked(stream.name, remark(stream.head()))
        if "connection" in chosen.tables:
            self._sensors.add(stream.name)
        return chosen

    def _unknown(self, stream: Stream) -> Format | None:
        """Who reads an input nobody recognised; None where there is nothing in it."""
        from kanaria.formats import recognised

        head = stream.head()
        none = recognised.beside(head, stream.name) if head else None
        self.accounts.unknown(stream, none or recognised.remark(head), is_log=none is None)
        return BESIDE if none else UNKNOWN if head else None


def _damaged(source: str, name: str, damage: str) -> Batch:
    """What compressed data lost at its end, whatever format it is in: one record that could not be read."""
    reject = RejectedRecord(source=source, row=0, reason=damage, raw=b"")
    place = Position(source=source)
    return Batch(source=source, format=name, tables={}, rows=1, rejects=(reject,), rejected=1, position=place)


def _live(stream: Stream) -> bool:
    """Whether the input listens: it says itself what it brings, and its end is the end of the run."""
    return getattr(stream, "format_name", None) is not None
