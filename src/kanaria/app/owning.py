"""The process that owns a store: it has it to itself, and answers others meanwhile (``store_functions``)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kanaria.app.run.engine import Engine
from kanaria.app.store_functions import Here
from kanaria.core.clock import steady, wall
from kanaria.store import calls
from kanaria.store.alone import alone

Json = Any


class Owning:
    """What the owner's answers depend on; whoever runs says it as it comes to be known."""

    def __init__(self, store: Path, command: str) -> None:
        self.store, self._command, self._started = store, command, steady()
        self._engine: Engine | None = None
        self.status: Callable[[], Json] = self._run
        self._decided = False

    def follow(self, engine: Engine) -> None:
        """This engine works with the store: answers are by its settings, and say how far it got."""
        self._engine = engine

    def heed(self, engine: Engine) -> bool:
        """Let the engine take in what people decided since it began or was last told; called by its own thread."""
        decided, self._decided = self._decided, False
        if decided:
            engine.memory.heed_decisions()
        return decided

    def functions(self) -> calls.Functions:
        """What others may call."""

        def here(name: str) -> Callable[..., Json]:
            def call(**values: Json) -> Json:
                engine = self._engine
                with Here(self.store, (lambda: engine.setup) if engine else None) as opened:
                    return getattr(opened, name)(**values)

            return call

        names = ("incidents", "incident", "decisions", "decide", "baseline")
        return {**{name: here(name) for name in names}, "learn_dismissed": self._heed, "status": lambda: self.status()}

    def _heed(self) -> str:
        self._decided = True
        return "service" if self._command == "serve" else "run"

    def _run(self) -> Json:
        from kanaria import __version__

        inputs = list(self._engine.accounts.summaries.values()) if self._engine else []
        records, up = sum(item.rows for item in inputs), round(steady() - self._started, 1)
        return {
            "command": self._command, "pid": os.getpid(), "version": __version__, "store": str(self.store),
            "started": wall(self._started), "uptime": up, "records": records,
        }  # fmt: skip


@contextmanager
def owning(store: Path, command: str) -> Iterator[Owning]:
    """Own the store while open. Raises SourceError when another process does, or when there can be no such folder."""
    with alone(store):
        mine = Owning(store, command)
        with calls.answering(store, mine.functions()):
            yield mine
