"""Where news of incidents goes: into a file for other programs, to people, and to the program the service runs in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kanaria.app.live.judging import Judging
    from kanaria.app.live.service_log import Log
    from kanaria.app.live.siem import Siem
    from kanaria.app.live.telling import Telling
    from kanaria.app.live.upkeep import Upkeep
    from kanaria.core.types import Incident

Offer = Callable[["Incident"], bool]
"""Gets an incident that is news, and says whether it was taken."""


class Outgoing:
    """``offer`` is the program this runs in, if any: what it does not take is news for the next service."""

    def __init__(
        self, judging: Judging, telling: Telling, siem: Siem, upkeep: Upkeep, log: Log, offer: Offer | None = None
    ) -> None:
        self._judging, self._telling, self._siem, self._upkeep = judging, telling, siem, upkeep
        self._log, self._offer = log, offer
        self._count = 0

    @property
    def count(self) -> int:
        """How many times an incident was news."""
        return self._count

    def tell(self, news: list[dict[str, Any]]) -> None:
        """Hand on news of incidents, which are kept, and note which of them are in the outbox."""
        try:
            self._siem.write(() if self._upkeep.sheds else news)
        except OSError as error:  # a full disk, a wrong path: people are told all the same
            self._log("cannot write OCSF", level="error", file=self._siem.path, error=error)
        self._count += len(news)
        self._telling.tell(news)
        self._judging.dispatched(list(takewhile(self._taken, news)))

    def _taken(self, item: Mapping[str, Any]) -> bool:
        return self._offer is None or self._offer(self._judging.incident(item["id"]))
