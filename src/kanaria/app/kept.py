"""What others may ask of a store: the same functions, answered by the process that owns it or by this one.

In: the store's folder. Out: incidents, decisions, what is normal, and how the owner is doing. The functions take and
give JSON values, for they may cross a socket; ``StoreReader`` gives them their types back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kanaria.app.store_functions import Here
from kanaria.core.conversion import made
from kanaria.core.words import Text
from kanaria.store import calls
from kanaria.store.incidents import Decision, StoredIncident

if TYPE_CHECKING:
    from kanaria.app.run.setup import Setup

Json = Any


class _Alone(Here):
    """They do, and one more: nobody owns the store."""

    def learn_dismissed(self) -> str:
        """When what was dismissed is learned: ``now``, by the ``service`` in a moment, at the end of the ``run``."""
        from kanaria.app.dismissing import learn_dismissed

        return "now" if learn_dismissed(self._folder, self._setup) else "run"


class StoreReader:
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
        document: dict[str, Any] = self._call("status")
        return document


@contextmanager
def kept(folder: Path, setup: Callable[[], Setup] | None = None) -> Iterator[StoreReader]:
    """The store, by its owner or opened here; ``setup`` makes that of what is normal, when it is opened
    here. Raises SourceError in
    clear words when neither works."""
    asked = calls.owner(folder)
    if asked is not None:
        with asked:
            yield StoreReader(asked.call)
        return
    with _Alone(folder, setup) as here:
        yield StoreReader(lambda name, **values: getattr(here, name)(**values))
