"""Lines from standard input, until it ends: what another program pipes into the service."""

from __future__ import annotations

from typing import BinaryIO, ClassVar

from kanaria.core.words import Text
from kanaria.sources.chunks import Health
from kanaria.sources.inbox import Inbox
from kanaria.sources.received import Received


class Piped(Received):
    """Reads a pipe in a thread of its own. A ``LineSource``; a restart cannot go on where it was."""

    ends_within: ClassVar[float] = 0.0  # it waits for a pipe that nobody may ever write to again

    def __init__(self, name: str, pipe: BinaryIO) -> None:
        self.name = name
        self.health = Health()
        self._inbox = Inbox("", self.health)
        self._pipe = pipe
        self._get_ready(self._inbox)

    def _run(self) -> None:
        for line in self._pipe:
            if self._inbox.put([(self.name, line.rstrip(b"\r\n"), {})]) is None:
                return
        self.health.problem = Text(en="standard input has ended", ja="標準入力が終わりました")
