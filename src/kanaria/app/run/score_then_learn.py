"""What memory says of a slice, before it learns from it; and the learning, of what is no part of a finding.

In: a slice with what is in its rows. Out: the same rows with ``baseline.*`` columns; afterwards, what is normal.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from kanaria.app.run.plot_series import SeriesKeeper, roles_of
from kanaria.memory.learned import LIVED
from kanaria.wire.spool import STREAMED

if TYPE_CHECKING:
    from kanaria.app.run.case_file import CaseFile
    from kanaria.app.run.ordering import Slice
    from kanaria.app.run.setup import Setup
    from kanaria.core.schema import Tables
    from kanaria.memory.network_state import NetworkState


class ScoreThenLearn:
    """For one engine. Pairs of addresses that its ``case`` knows teach nothing."""

    def __init__(self, setup: Setup, memory: NetworkState, case: CaseFile, pictured: SeriesKeeper) -> None:
        self._memory, self._case, self._pictured = memory, case, pictured
        self._stored = setup.store is not None
        self._warm_up = timedelta(days=setup.config.baseline.warm_up_days)

    def score(self, piece: Slice, tables: Tables) -> Tables:
        """Surprise in bits for what crosses the wire; for web requests, how this server usually answers."""
        memory, learned = self._memory, self._memory.learned
        if "http" in tables:
            endless = memory.events.endless  # then what an earlier run counted is known, and counts once
            http = memory.ledger.fresh(tables["http"]) if endless else tables["http"]
            learned.web.absorb(http, from_engine=piece.on_the_wire)
        if self._lives(piece, piece.tables):
            tables = learned.score(tables)
            self._pictured.set_thresholds(learned.alert_bits(roles_of(tables)))
        if "logon" not in tables:
            return tables
        fresh = memory.ledger.fresh(tables["logon"])
        return {**memory.silence.watch({**tables, "logon": fresh}), "logon": tables["logon"]}

    def score_again(self, piece: Slice, tables: Tables) -> Tables:
        """Surprise in bits for rows of that slice which were handed on before, and have been counted."""
        return self._memory.learned.score(tables) if self._lives(piece, tables) else tables

    def remember(self, piece: Slice) -> None:
        """Keep what crossed the wire and what machines recorded, for questions about the past."""
        if piece.on_the_wire:
            self._memory.remember(piece.tables, piece.anew)

    def learn(self, piece: Slice, tables: Tables, withheld: frozenset[int] = frozenset()) -> None:
        """Absorb what is no part of a finding. What web servers log has a profile of its own."""
        if not self._lives(piece, piece.tables):
            return
        fresh = self._memory.fresh(tables, piece.anew)  # the same records again teach nothing
        if set(fresh) & LIVED:
            self._memory.learn(fresh, withheld, self._case.pairs())

    def _lives(self, piece: Slice, tables: Tables) -> bool:
        """Whether the pattern of life has to do with these tables of a slice, and there is, or will be, history enough
        to say what is normal: too short a capture is not scored. Web servers' logs come alone, and are none of it."""
        if not (set(tables) & (LIVED - STREAMED) or (piece.on_the_wire and "http" in tables)):
            return False
        return self._stored or piece.span >= self._warm_up
