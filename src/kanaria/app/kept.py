"""What others may ask of a store: the same functions, answered by the process that owns it or by this one.

In: the store's folder. Out: incidents, decisions, what is normal, and how the owner is doing. The functions take and
give JSON values, for they may cross a socket; ``Kept`` gives them their types back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kanaria.core.clock import SystemClock
from kanaria.core.conversion import made, plain
from kanaria.core.errors import SourceError
from kanaria.core.words import Text
from kanaria.store import calls
from kanaria.store.incidents import Decision, IncidentStore, State, StoredIncident

if TYPE_CHECKING:
    from kanaria.app.run.setup import Setup

Json = Any
_CAUSE = "start it with kanaria serve, or systemctl start kanaria"


class Here:
    """The functions over a store that nobody else owns, or that this process does. ``setup`` is that of its run."""

    def __init__(self, folder: Path, setup: Setup | None = None) -> None:
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

    def learn_dismissed(self) -> str:
        """When what was dismissed is learned: ``now``, by the ``service`` in a moment, at the end of the ``run``."""
        from kanaria.app.run.dismissing import learn_dismissed

        return "now" if learn_dismissed(self._folder) else "run"

    def baseline(self, device: str | None = None) -> Json:
        from kanaria.app.commands.baseline_answers import told_of
        from kanaria.app.run.engine import Engine
        from kanaria.app.run.setup import prepare

        setup = self._setup or prepare(store=self._folder)
        with Engine(replace(setup, store=self._folder, on_alert=None, on_reject=None)) as engine:
            return plain(list(told_of(device, engine.memory.learned.life())))

    def status(self) -> Json:
        raise SourceError(source=str(self._folder), expected="a running kanaria serve", got="none", cause=_CAUSE)


class Kept:
    """A store as its readers see it; ``call`` answers a function by name."""

    def __init__(self, call: Callable[..., Json]) -> None:
        self._call = call

    def all(self, states: Sequence[str] = (), limit: int = -1) -> list[StoredIncident]:
        """As ``IncidentStore.all``."""
        return made(list[StoredIncident], self._call("incidents", states=list(states), limit=limit))

    def get(self, incident: str) -> StoredIncident:
        """As ``IncidentStore.get``. Raises KanariaError when there is none."""
        return made(StoredIncident, self._call("incident", id=incident))

    def history(self, incident: str) -> list[Decision]:
        """Every decision about an incident, oldest first."""
        return made(list[Decision], self._call("decisions", id=incident))

    def decide(self, incident: str, state: str, *, who: str, why: str) -> StoredIncident:
        """Move an incident to a state. Raises KanariaError when there is no way from where it is."""
        return made(StoredIncident, self._call("decide", id=incident, state=state, who=who, why=why))

    def learn_dismissed(self) -> str:
        """What was dismissed becomes part of normal life: ``now``, by the ``service``, or at the end of the ``run``."""
        return str(self._call("learn_dismissed"))

    def baseline(self, device: str | None = None) -> list[Text]:
        """What is normal for a device, in sentences; without one, how far learning got."""
        return made(list[Text], self._call("baseline", device=device))

    def status(self) -> dict[str, Any]:
        """How the owner is doing. Raises SourceError when nobody owns the store."""
        found: dict[str, Any] = self._call("status")
        return found


@contextmanager
def kept(folder: Path, setup: Callable[[], Setup] | None = None) -> Iterator[Kept]:
    """The store, by its owner or opened here; ``setup`` is asked for when it is opened here. Raises SourceError in
    clear words when neither works."""
    asked = calls.owner(folder)
    if asked is not None:
        with asked:
            yield Kept(asked.call)
        return
    with Here(folder, setup() if setup else None) as here:
        yield Kept(lambda name, **values: getattr(here, name)(**values))
