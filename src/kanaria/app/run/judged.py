"""What a step of the engine changed, and which of it is news."""

from __future__ import annotations

from kanaria.core.types import Incident
from kanaria.core.values import dataclass


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Incidents of which something was found, as they are now, the most severe first."""

    changed: tuple[Incident, ...]
    late: int = 0
    """Records that came later than the stated lateness; they were judged when they came."""
    announced: bool = False
    """Whether it is of records that will come again with their slice."""

    @property
    def news(self) -> tuple[Incident, ...]:
        """Those to notify somebody of; all of them where nothing is kept that says what was reported before."""
        return tuple(incident for incident in self.changed if incident.alert is None or incident.alert.tell)
