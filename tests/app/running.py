"""What a run of the command line leaves behind."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Done:
    """Exit status and both outputs."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self.out)
        return loaded

    @property
    def incident(self) -> dict[str, Any]:
        """The only incident of the document."""
        incidents = self.document["incidents"]
        assert len(incidents) == 1
        only: dict[str, Any] = incidents[0]
        return only


class Kanaria(Protocol):
    def __call__(self, *arguments: str, text: str | bytes = "", **environment: str) -> Done: ...
