"""Whether an incident is news: what a run adds to it, seen against what earlier runs reported."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from kanaria.core.values import dataclass
from kanaria.core.words import Text

AlertKind = Literal["new", "escalated", "reminder", "repeated", "known"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """What a run adds to an incident, and so whether anybody has to be notified of it now.

    ``new``: no earlier run had it. ``escalated``: more severe, or a stage or model it did not have; ``because`` says
    which. ``reminder``: it goes on, and was reported so long ago that it is reported again. ``repeated``: it goes on.
    ``known``: this run read the same records again.
    """

    kind: AlertKind
    because: tuple[Text, ...] = ()
    runs: int = 1
    """Runs that added something to it, this one included."""
    told: datetime | None = None
    """Up to which event time an earlier run has reported it; None when none has."""

    @property
    def tell(self) -> bool:
        """Whether it is news."""
        return self.kind in {"new", "escalated", "reminder"}
