"""Lines from standard input, until it ends: what another program pipes into the service."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import BinaryIO

from kanaria.core.words import Text
from kanaria.sources.chunks import Chunk, Health, Position, Wake
from kanaria.sources.inbox import Inbox


class Piped:
    """Reads a pipe in a thread of its own. A ``LineSource``; a restart cannot go on where it was."""

    def __init__(self, name: str, pipe: BinaryIO) -> None:
        self.name = name
        self.health = Health()
        self._inbox = Inbox("", self.health)
        self._pipe = pipe
        self._thread = threading.Thread(target=self._run, name="stdin", daemon=True)

    def start(self, resume: Mapping[str, Position], wake: Wake) -> None:
        self._inbox.start(resume, wake)
        self._thread.start()

    def take(self, limit: int) -> list[Chunk]:
        return self._inbox.take(limit)

    def kept(self) -> None:
        self._inbox.kept()

    def close(self) -> None:
        self._inbox.close()

    def _run(self) -> None:
        for line in self._pipe:
            if self._inbox.put([(self.name, line.rstrip(b"\r\n"), {})]) is None:
                return
        self.health.problem = Text(en="standard input has ended", ja="標準入力が終わりました")
