"""What a person called harmless becomes part of normal life: the rows that were withheld for it are learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kanaria.app.owning import owning
from kanaria.app.run.engine import Engine
from kanaria.app.run.setup import prepare
from kanaria.core.errors import StoreBusy

if TYPE_CHECKING:
    from kanaria.app.run.setup import Setup


def learn_dismissed(store: Path, setup: Callable[[], Setup] | None = None) -> bool:
    """Learn what was withheld for dismissed incidents; False when a run has the store, which the next one will do.
    ``setup`` makes that of the user's settings, by which the store learned."""
    made = replace(setup(), store=store) if setup else prepare(store=store)
    try:
        with owning(store, "incident set"), Engine(made, only_learns=True) as engine:
            if engine.memory.learn_dismissed():
                engine.commit_learning()
    except StoreBusy:
        return False
    return True
