"""What a person called harmless becomes part of normal life: the rows that were withheld for it are learned."""

from __future__ import annotations

from pathlib import Path

from kanaria.app.owning import owning
from kanaria.app.run.engine import Engine
from kanaria.app.run.setup import prepare
from kanaria.core.errors import StoreBusy


def learn_dismissed(store: Path) -> bool:
    """Learn what was withheld for dismissed incidents; False when a run has the store, which the next one will do."""
    try:
        with owning(store, "incident set"), Engine(prepare(store=store), only_learns=True) as engine:
            if engine.memory.learn_dismissed():
                engine.commit_learning()
    except StoreBusy:
        return False
    return True
