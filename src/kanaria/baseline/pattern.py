"""The pattern of life of a network: ``score`` first, then ``learn`` in the open.

Normalised tables come in; the same tables with the columns of ``baseline.columns`` go out. Scoring changes nothing that
is kept. Learning takes the scored tables and what is withheld from it: rows of findings and open incidents.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from kanaria.baseline import encode, handful, output, ranking, roles
from kanaria.baseline.handful import Handful
from kanaria.baseline.history import History
from kanaria.baseline.roles import group_of
from kanaria.baseline.settings import BaselineSettings
from kanaria.baseline.state import State
from kanaria.core.arrow_rows import arrow_table
from kanaria.core.values import dataclass

if TYPE_CHECKING:
    import duckdb

    from kanaria.baseline.plans import Plans
    from kanaria.core.facts import Knowledge

Entity = tuple[str, str | None]

STEP_ROWS = 5_000
MAX_STEPS = 96
"""A batch of many hours is walked in order, so that its own past counts: in steps of an hour, or of more hours until a
step has ``STEP_ROWS`` rows, but never of more than a day. A step has a fixed cost: 0.5 to 2.5 s on a busy machine, not
measured on an idle one, which is where the numbers come from."""


OF_LEARNING = ("choices", "seen", "own", "hours", "amounts")
"""Steps of scoring that learning uses again."""
OF_ROWS = ("choices", "own", "hours", "amounts")
"""Those of them that are others when rows have been taken out since."""


COUNTED = 10_000
"""Anomalous device hours remembered as counted, the latest first. A day's budget is one."""


class PatternOfLife:
    """One network's history and what it says about new rows. Not safe to share between threads."""

    def __init__(
        self,
        engine: duckdb.DuckDBPyConnection,
        *,
        facts: Knowledge | None = None,
        settings: BaselineSettings | None = None,
        directory: Path | None = None,
    ) -> None:
        """``engine`` executes; ``directory`` keeps the state, None keeps it in memory. Raises ConfigError for a state
        that another version wrote."""
        self.settings = settings or BaselineSettings()
        self._facts = facts
        self.state = State(engine.cursor(), directory, self.settings.half_life_days * 24)
        self._engine = self.state.engine
        self._statements = self.state.statements
        self._engine.execute("SET TimeZone = 'UTC'")
        self._history = History(self.state, self.settings)
        self._scored: Mapping[str, pa.Table] | None = None
        self._handful: Handful | None = None
        self.anomalies = 0
        """Device hours called anomalous since it was opened, of those that have taught."""
        self._counted: set[tuple[int, str]] = set()
        self._refresh()

    @cached_property
    def _plans(self) -> Plans:
        from kanaria.baseline.plans import plans

        return plans(self.settings.half_life_days * 24)

    # ---- scoring ------------------------------------------------------------------------------------------------

    def score(self, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        """The tables with the columns of ``columns.COLUMNS``; the history stays as it was.

        A batch that spans hours is walked in order, and what it did earlier counts as provisional history for what it
        does later, except rows that are anomalous themselves.
        """
        encode.encode(self._statements, tables, f"{self.state.alias}.devices")
        few = sum(len(tables[name]) for name in encode.TABLES if name in tables) <= handful.MOST
        self._handful = handful.of_one_hour(self.state, self._plans) if few else None
        steps = self._steps() if self._handful is None else []
        self._scored = tables if len(steps) == 1 or self._handful else None
        parts = []
        if self._handful is not None:
            parts.append(self._score_handful(self._handful))
        elif len(steps) == 1:
            parts.append(self._score_step(*steps[0], whole=True))
        elif steps:
            self._statements.walk()
            with self.state.transaction(keep=False):
                for low, high in steps:
                    self._close_before(low)
                    parts.append(self._score_step(low, high, whole=False))
                    self._absorb_provisionally(parts[-1])
            self._refresh()
        return output.attach(tables, parts, self._acting(), roles.serves(self.state), self.settings.critical)

    def _acting(self) -> pa.Table:
        """The devices of the batch, by id and address."""
        if self._handful is not None:
            return self._handful.acting()
        return arrow_table(self._statements.run("SELECT actor, actor_text FROM actors"))

    def _steps(self) -> list[tuple[int, int]]:
        """Half-open ranges of hours that cover the encoded batch."""
        row = self._statements.run("SELECT min(hour), max(hour), count(*) FROM encoded").fetchone()
        if row is None or row[0] is None:
            return []
        low, high, rows = (int(value) for value in row)
        if low == high:
            return [(low, low + 1)]
        hours = high + 1 - low
        width = -(-hours // min(hours, max(rows // STEP_ROWS, -(-hours // 24)), MAX_STEPS))
        numbers = self._engine.execute(
            f"SELECT DISTINCT (hour - {low}) // {width} FROM encoded ORDER BY 1"  # noqa: S608
        ).fetchall()
        return [(low + int(number) * width, low + (int(number) + 1) * width) for (number,) in numbers]

    def _score_step(self, low: int, high: int, *, whole: bool) -> pa.Table:
        self._history.take(low, high, whole=whole)
        self._history.look_up(self._plans, *OF_LEARNING)
        *inner, last = (name for name in self._plans.score if name not in OF_LEARNING)
        # One statement: what only scoring needs is never stored, and the engine reads it with all its threads.
        parts = {"rows": "FROM baseline_rows"} | {name: self._plans.score[name] for name in inner}
        steps = ", ".join(f"baseline_{name} AS MATERIALIZED ({sql})" for name, sql in parts.items())
        settings = self.settings
        self._calibration.hand_over(self._statements)
        threshold = self._calibration.threshold
        self._statements.note("noted", first=self._history.first_hour(low), threshold=float(threshold))
        return self._statements.result(
            f"baseline_{last}",
            f"""WITH {steps}
                SELECT s.*, a.role, NOT a.known AS new_device,
                    s.hour - noted.first < {settings.warm_up_days * 24}
                        OR coalesce(s.hour - a.first, 0) < {settings.device_warm_up_hours} AS learning,
                    p_value <= noted.threshold AND NOT learning AS anomalous
                FROM ({self._plans.score[last]}) s JOIN actors a USING (actor) CROSS JOIN noted""",  # noqa: S608
        )

    def _score_handful(self, few: Handful) -> pa.Table:
        self._history.take(few.hour, few.hour + 1, whole=True)
        few.look_up()
        return few.scored(self._calibration, self.settings, self._history.first_hour(few.hour))

    def _absorb_provisionally(self, scored: pa.Table) -> None:
        """Take the step just scored into the provisional history, its anomalies excepted."""
        strange = scored.filter(scored["anomalous"]).select(["row"])
        if len(strange):
            self._statements.take_in("strange", strange)
            self._statements.run("DELETE FROM step_rows WHERE row IN (SELECT row FROM strange)")
            self._history.look_up(self._plans, *OF_ROWS)
        self._history.append(self._plans, scored=True)

    def _close_before(self, hour: int) -> None:
        if self._history.close_before(hour, self._plans):
            self._refresh()

    def _refresh(self) -> None:
        self._calibration = ranking.refresh(self.state, self.settings)

    # ---- learning -----------------------------------------------------------------------------------------------

    def learn(
        self,
        tables: Mapping[str, pa.Table],
        exclude_event_ids: Iterable[int] = (),
        exclude_entities: Iterable[Entity] = (),
        *,
        position: str | None = None,
    ) -> None:
        """Absorb scored tables. Rows withheld are kept aside, for ``dismiss``; ``position`` is committed with the rest.

        ``exclude_entities`` are (device, remote) pairs of open incidents; None as remote means the whole device.
        """
        gate = (frozenset(exclude_event_ids), frozenset(exclude_entities))
        scored = self._just_scored(tables)
        self._scored = None
        if not scored:
            encode.encode(self._statements, tables, f"{self.state.alias}.devices")
        held = any(gate) and not self.settings.learn_incidents
        if held:
            encode.withhold(self._statements, *gate)
        with self.state.transaction():
            self._count_alerts(tables)
            if held:
                self._history.keep_aside()
            if scored and self._handful is not None:
                self._learn_handful(self._handful, held=held)
            else:
                self._learn_encoded(scored=scored, held=held)
            if position is not None:
                self.state.put("position", position)
        encode.release(self._statements)
        if self.state.needs_compaction():
            self.state.compact(self.settings.max_ties)

    def _just_scored(self, tables: Mapping[str, pa.Table]) -> bool:
        """Whether the encoded batch still is that of these tables: scoring encoded it a moment ago."""
        before = self._scored
        return (
            before is not None
            and before.keys() == tables.keys()
            and all(before[name]["event_id"].equals(tables[name]["event_id"]) for name in before)
        )

    def _learn_encoded(self, *, scored: bool = False, held: bool = False) -> None:
        """Walk the encoded batch; what scoring found out about it a moment ago is used again."""
        steps = self._steps()
        for low, high in steps:
            self._close_before(low)
            self._history.take(low, high, whole=len(steps) == 1)
            # What was looked up while scoring still holds: closing hours adds to amounts and peaks, and not to ties.
            if self._history.regrouped or not scored:
                self._history.look_up(self._plans, *OF_LEARNING)
            elif held:
                self._history.look_up(self._plans, *OF_ROWS)
            self._history.append(self._plans, scored=scored)

    def _learn_handful(self, few: Handful, *, held: bool) -> None:
        if held:
            few.read()
        if not few.rows.height:
            return
        self._close_before(few.hour)
        if self._history.regrouped:
            few.look_up()
        elif held:
            few.follow()
        self._history.append_handful(few)

    def dismiss(self, event_ids: Iterable[int] = (), entities: Iterable[Entity] = ()) -> int:
        """Learn after all what was withheld for these events or (device, remote) pairs; returns the number of rows."""
        self._scored = None
        self._statements.walk()
        encode.name_held(self._statements, event_ids, entities)
        with self.state.transaction():
            rows = self._history.bring_back(encode.HELD)
            self._learn_encoded()
        return rows

    def _count_alerts(self, tables: Mapping[str, pa.Table]) -> None:
        """How many device hours were called anomalous, by day: what is reported against the budget."""
        fresh = output.alerts(tables) - self._counted  # an hour comes in many slices while it is watched live
        self.anomalies += len(fresh)
        for day, alerts in Counter(hour // 24 for hour, _device in fresh).items():
            self._engine.execute(f"INSERT INTO {self.state.alias}.days VALUES ({day}, 0, {alerts})")  # noqa: S608
        self._counted |= fresh
        if len(self._counted) > COUNTED:
            self._counted = set(sorted(self._counted)[-COUNTED // 2 :])

    def alert_bits(self, wanted: Iterable[str]) -> dict[str, float]:
        """By role, the surprise from which an hour is told of now; roles of which none would be are left out."""
        bits_of = {role: self._calibration.alert_bits(group_of(self._engine, role)) for role in wanted}
        return {role: bits for role, bits in bits_of.items() if bits is not None}

    # ---- answers ------------------------------------------------------------------------------------------------

    @dataclass(frozen=True, kw_only=True)
    class Status:
        """How far learning got, in hours of event time, and how large the state is."""

        learned_hours: int
        wanted_hours: float
        learning: bool
        devices: int
        ties: int
        alerts: int
        alert_days: int
        sizes: Mapping[str, int]

    def status(self) -> Status:
        first, latest = self.state.get("first_hour"), self.state.get("latest_hour")
        hours = int(latest) + 1 - int(first) if first and latest else 0
        wanted = self.settings.warm_up_days * 24
        if (share := ranking.observed(self.state, self.settings, hours / 24)) < 1.0:
            hours = int(share * min(hours, wanted))  # a span in which little was seen teaches little
        sizes = self.state.sizes()
        alias = self.state.alias
        row = self._engine.execute(
            f"SELECT coalesce(sum(alerts), 0), count(DISTINCT day) FROM {alias}.days WHERE day * 24 >= $1",  # noqa: S608
            [int(first or 0) + wanted],
        ).fetchone()
        return self.Status(
            learned_hours=hours,
            wanted_hours=wanted,
            learning=hours < wanted,
            devices=sizes["devices"],
            ties=sizes["ties"],
            alerts=int(row[0]) if row else 0,
            alert_days=int(row[1]) if row else 0,
            sizes=sizes,
        )

    def position(self) -> str | None:
        """The resume position committed with the last batch."""
        return self.state.get("position")
