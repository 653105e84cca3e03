"""What a network's life has taught: the pattern of life, countries of logons, how web servers answer.

Slices come in, scored before they teach anything. Web servers' logs have a profile of their own and are no part of the
pattern of life. The history is opened with the first slice that has to do with it, as a copy of the last generation
that was kept (``generations``): what a run taught is kept by its checkpoints and by nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from kanaria.baseline.countries import Countries
from kanaria.baseline.pattern import Entity, PatternOfLife
from kanaria.baseline.requests import OddRequests
from kanaria.baseline.settings import BaselineSettings
from kanaria.baseline.state import FILE
from kanaria.baseline.web import WebProfile
from kanaria.core.facts import Knowledge
from kanaria.core.limits import Limits
from kanaria.core.schema import Tables
from kanaria.memory import generations
from kanaria.store.database import unusable

if TYPE_CHECKING:
    import duckdb

LIVED = frozenset({"connection", "dns", "tls", "rdp", "smb", "logon", "http"})
"""Tables the pattern of life learns from; requests only where a sensor on the wire saw them."""


class Learned:
    """Scores and learns slices. ``folder`` is where generations are kept, None for this run only; ``scratch`` is where
    the run's own copy lies."""

    def __init__(
        self,
        engine: duckdb.DuckDBPyConnection,
        *,
        facts: Knowledge,
        settings: BaselineSettings,
        folder: Path | None,
        scratch: Path,
        kept: Mapping[str, Any] | None,
        limits: Limits = Limits(),  # noqa: B008  (frozen)
    ) -> None:
        self._engine, self._facts, self._settings = engine, facts, settings
        self._folder, self._work = folder, scratch / "baseline"
        self._generation = int(kept["generation"]) if kept else 0
        self._countries = Countries(kept["countries"] if kept else None, folder)
        self._limits = limits
        self.web = WebProfile(engine, limits)
        self._opened: tuple[PatternOfLife, OddRequests] | None = None
        self._taught = False

    def life(self) -> PatternOfLife:
        """What is normal for each device."""
        return self._open()[0]

    @property
    def anomalies(self) -> int:
        """Hours of devices that this run called anomalous, of those that have taught: what the alert budget is for."""
        return self._opened[0].anomalies if self._opened else 0

    @property
    def forgotten(self) -> dict[str, int]:
        """By limit, what was let go of as it came."""
        return {**self.web.forgotten, "told_connections": self._opened[1].forgotten if self._opened else 0}

    def score(self, tables: Tables) -> Tables:
        """Surprise in bits; nothing that is kept changes."""
        life, requests = self._open()
        return self._countries.score(requests.explain(life.score(tables)))

    def beforehand(self, tables: Tables) -> Tables:
        """Surprise of rows that will be scored again in their turn: nobody remembers that they were asked about."""
        return self.life().score(tables)

    def alert_bits(self, roles: Iterable[str]) -> Mapping[str, float]:
        """By role, the surprise from which an hour is told of now."""
        return self.life().alert_bits(roles)

    def learn(self, tables: Mapping[str, pa.Table], events: Iterable[int], pairs: Iterable[Entity]) -> None:
        """Absorb scored tables without the events and (device, remote) pairs that are withheld."""
        life, _ = self._open()
        withheld, sides = frozenset(events), list(pairs)
        life.learn(tables, exclude_event_ids=withheld, exclude_entities=sides)
        self._countries.learn(tables, exclude_event_ids=withheld | _events_of(tables.get("logon"), sides))
        self._taught = True

    def dismiss(self, events: Iterable[int], pairs: Iterable[Entity]) -> int:
        """Learn after all what was withheld for these; returns the number of rows."""
        found = self.life().dismiss(events, pairs)
        self._taught = self._taught or found > 0
        return found

    @property
    def exists(self) -> bool:
        """Whether anything was learned, by this run or before it."""
        return self._taught or bool(self._folder and generations.exists(self._folder))

    def keep(self) -> dict[str, Any]:
        """Write a new generation, if anything was taught since the last; returns what the database is to remember."""
        if self._opened and self._taught and self._folder:
            life = self._opened[0]
            life.state.engine.execute(f"CHECKPOINT {life.state.alias}")
            self._generation += 1
            generations.keep(self._work, self._folder, self._generation)
            self._taught = False
        return {"generation": self._generation, "countries": self._countries.dump()}

    def settle(self) -> None:
        """The database names the last generation: others are not needed any more."""
        if self._folder and self._folder.is_dir():
            generations.settle(self._folder, self._generation)

    def close(self) -> None:
        """Let go of the files."""
        if self._opened:
            self._opened[0].state.engine.close()
            self._opened = None

    def _open(self) -> tuple[PatternOfLife, OddRequests]:
        if self._opened is None:
            import duckdb

            if self._folder:
                generations.check(self._folder, self._generation)
                generations.restore(self._folder, self._generation, self._work)
            directory = self._work if self._folder else None
            try:
                life = PatternOfLife(self._engine, facts=self._facts, settings=self._settings, directory=directory)
            except duckdb.Error as error:
                place = f"{self._folder}/{FILE}"
                raise unusable(place, error) from error
            self._opened = life, OddRequests(life, self._limits.told_connections)
        return self._opened


def _events_of(logon: pa.Table | None, pairs: Iterable[Entity]) -> frozenset[int]:
    """Logons on these devices from these remotes."""
    import pyarrow.compute as pc

    if logon is None or not len(logon):
        return frozenset()
    named = pa.array([f"{device}\0{remote}" for device, remote in pairs], pa.string())
    sides = pc.binary_join_element_wise(logon["device"], logon["remote"], "\0")
    return frozenset(logon["event_id"].filter(pc.fill_null(pc.is_in(sides, named), False)).to_pylist())
