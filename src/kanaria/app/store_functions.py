"""What may be asked of a store: functions that take and give JSON values, for they may cross a socket (``app.kept``).

In: the store's folder. Out: incidents, decisions, and what is normal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kanaria.core.clock import SystemClock
from kanaria.core.conversion import plain
from kanaria.core.errors import SourceError
from kanaria.store.incidents import IncidentStore, State

if TYPE_CHECKING:
    from kanaria.app.run.setup import Setup

Json = Any
_CAUSE = "start it with kanaria serve, or systemctl start kanaria"


class Here:
    """The functions over a store that nobody else owns, or that this process does. ``setup`` makes that of its run."""

    def __init__(self, folder: Path, setup: Callable[[], Setup] | None = None) -> None:
        self._folder, self._setup = folder, setup
        self._opened: IncidentStore | None = None

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._opened:
            self._opened.__exit__()

    @property
    def _store(self) -> IncidentStore:
        self._opened = self._opened or IncidentStore(self._folder)
        return self._opened

    def incidents(self, states: Sequence[str] = (), limit: int = -1) -> Json:
        return plain(self._store.all(states, limit))

    def incident(self, id: str) -> Json:
        return plain(self._store.get(id))

    def decisions(self, id: str) -> Json:
        return plain(self._store.history(id))

    def decide(self, id: str, state: State, who: str, why: str) -> Json:
        return plain(self._store.decide(id, state, who=who, why=why, now=SystemClock().now()))

    def baseline(self, device: str | None = None) -> Json:
        from kanaria.app.run.engine import Engine
        from kanaria.app.run.setup import prepare
        from kanaria.app.what_is_normal import what_is_normal

        setup = self._setup() if self._setup else prepare(store=self._folder)
        with Engine(replace(setup, store=self._folder, on_alert=None, on_reject=None)) as engine:
            return plain(list(what_is_normal(device, engine.memory.learned.life())))

    def status(self) -> Json:
        raise SourceError(source=str(self._folder), expected="a running kanaria serve", got="none", cause=_CAUSE)
