"""What all sources are that get lines in a thread of their own: pushed, or fetched from somebody who keeps them.

The thread leaves lines in an inbox; the service starts it, takes them, says what is kept, and closes it. A source
writes ``_run``, and what else it has to do when it goes on from where it was or is closed.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import ClassVar, Protocol

from kanaria.sources.chunks import Chunk, Health, Position, Wake


class Box(Protocol):
    """Where lines wait: an ``Inbox``, or ``Arrivals`` before one."""

    def start(self, resume: Mapping[str, Position], wake: Wake) -> Mapping[str, Position]: ...

    def take(self, limit: int) -> list[Chunk]: ...

    def keeping(self) -> None: ...

    def kept(self) -> None: ...

    def close(self) -> None: ...


class Received:
    """The common part of a ``LineSource``; ``_get_ready`` belongs into the constructor."""

    name: str
    health: Health
    begins_within: ClassVar[float] = 0.0
    """Seconds it may take until it is known where reading begins, if that is to be the end there is at the start; of a
    server that does not answer by then, it is the end when it first does."""
    ends_within: ClassVar[float] = 5.0
    """Seconds the thread may take to end; it is left behind then, and ends with the process."""

    def _get_ready(self, box: Box, over: threading.Event | None = None) -> None:
        self._box = box
        self._over = over or threading.Event()
        """Set when the source is to end."""
        self._began = threading.Event()
        """Set when it is known where reading begins."""
        self._thread = threading.Thread(target=self._run, name=f"{type(self).__name__} {self.name}", daemon=True)

    def start(self, resume: Mapping[str, Position], wake: Wake) -> None:
        self._resume(self._box.start(resume, wake))
        self._thread.start()
        if self._begins_at_end():
            self._began.wait(self.begins_within)

    def take(self, limit: int) -> list[Chunk]:
        return self._box.take(limit)

    def keeping(self) -> None:
        self._box.keeping()

    def kept(self) -> None:
        self._box.kept()

    def close(self) -> None:
        self._over.set()
        self._box.close()
        if self._thread.is_alive():
            self._hang_up()
            self._thread.join(self.ends_within)
        self._release()

    def _run(self) -> None:
        """Read until ``_over``."""
        raise NotImplementedError

    def _begins_at_end(self) -> bool:
        """Whether what is there before the start does not count."""
        return False

    def _resume(self, kept: Mapping[str, Position]) -> None:
        """Go on behind what is kept."""

    def _hang_up(self) -> None:
        """Wake the thread when it waits for something else than ``_over``."""

    def _release(self) -> None:
        """Give back what was opened; the thread has ended, or never began."""
