"""An engine that notes its statements, for tests of what is planned and asked."""

from __future__ import annotations

from typing import Any


class Heard:
    """Behaves as the engine it is made of."""

    def __init__(self, engine: Any) -> None:
        self._engine, self.asked = engine, list[str]()

    def execute(self, sql: str, *rest: Any) -> Any:
        self.asked.append(sql)
        return self._engine.execute(sql, *rest)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)
