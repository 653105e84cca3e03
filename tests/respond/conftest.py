"""What a test opens is closed at its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kanaria.store.outbox import Outbox


@pytest.fixture(autouse=True)
def every_outbox_is_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Python 3.13 warns of databases that nobody closed, in whichever test runs when they are collected."""
    opened: list[Outbox] = []
    begin = Outbox.__init__

    def noted(self: Outbox, folder: Path) -> None:
        begin(self, folder)
        opened.append(self)

    monkeypatch.setattr(Outbox, "__init__", noted)
    yield
    for outbox in opened:
        outbox.close()
