"""The pattern of life of a network: ``score`` first, then ``learn`` in the open.

Normalised tables come in; the same tables with the columns of ``baseline.columns`` go out. Scoring changes nothing that
is kept. Learning takes the scored tables and what is withheld from it: rows of findings and open incidents.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kanaria.baseline import roles
from kanaria.baseline.settings import BaselineSettings
from kanaria.baseline.state import State

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
_WITHHELD_ROWS = 200_000
_ROW_COLUMNS = (
    "row, actor, grp, hour, inbound, endpoint, network, service, name, account, slot, up, down, duration, connection, "
    "failed, sent"
)


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
        self._engine.execute("SET TimeZone = 'UTC'")
        self._scored: Mapping[str, pa.Table] | None = None
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
        from kanaria.baseline import encode, output

        encode.encode(self._engine, tables, f"{self.state.alias}.devices")
        steps = self._steps()
        self._scored = tables if len(steps) == 1 else None
        parts = []
        if len(steps) == 1:
            parts.append(self._score_step(*steps[0]))
        elif steps:
            with self.state.transaction(keep=False):
                for low, high in steps:
                    self._close_before(low)
                    parts.append(self._score_step(low, high))
                    self._absorb_step(provisional=True)
            self._refresh()
        return output.attach(tables, parts, self._serves(), self.settings.critical)

    def _steps(self) -> list[tuple[int, int]]:
        """Half-open ranges of hours that cover the encoded batch."""
        row = self._engine.execute("SELECT min(hour), max(hour), count(*) FROM encoded").fetchone()
        if row is None or row[0] is None:
            return []
        low, high, rows = (int(value) for value in row)
        hours = high + 1 - low
        width = -(-hours // min(hours, max(rows // STEP_ROWS, -(-hours // 24)), MAX_STEPS))
        found = self._engine.execute(
            f"SELECT DISTINCT (hour - {low}) // {width} FROM encoded ORDER BY 1"  # noqa: S608
        ).fetchall()
        return [(low + int(number) * width, low + (int(number) + 1) * width) for (number,) in found]

    def _score_step(self, low: int, high: int) -> pa.Table:
        execute = self._engine.execute
        execute(
            f"""CREATE OR REPLACE TEMP TABLE baseline_rows AS SELECT {_ROW_COLUMNS}, peak FROM encoded
                WHERE hour >= {low} AND hour < {high}"""  # noqa: S608
        )
        for name, sql in self._plans.score.items():
            execute(f"CREATE OR REPLACE TEMP TABLE baseline_{name} AS {sql}")
        settings, first = self.settings, self._first_hour(low)
        return execute(
            f"""CREATE OR REPLACE TEMP TABLE baseline_judgement AS
                SELECT s.*, coalesce(d.role, 'unknown') AS role, e.actor_text AS actor, d.actor IS NULL AS new_device,
                    e.hour - {first} < {settings.warm_up_days * 24}
                        OR coalesce(e.hour - e.first, 0) < {settings.device_warm_up_hours} AS learning,
                    coalesce(s.p_value, 1.0) <= {self._threshold} AND NOT learning AS anomalous, e.hour
                FROM baseline_scored s JOIN encoded e USING (row)
                LEFT JOIN {self.state.alias}.devices d ON d.actor = e.actor;
                FROM baseline_judgement"""  # noqa: S608
        ).to_arrow_table()

    def _first_hour(self, otherwise: int) -> int:
        return int(self.state.get("first_hour") or otherwise)

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
        from kanaria.baseline import encode

        gate = (frozenset(exclude_event_ids), frozenset(exclude_entities))
        held = None if self.settings.learn_incidents or not any(gate) else gate
        if held or not self._just_scored(tables):
            encode.encode(self._engine, tables, f"{self.state.alias}.devices", held)
        else:
            self._engine.execute(
                """CREATE OR REPLACE TEMP TABLE encoded AS SELECT e.* REPLACE (j.surprise_bits AS peak)
                   FROM encoded e LEFT JOIN baseline_judgement j USING (row)"""
            )
        self._scored = None
        with self.state.transaction():
            self._count_alerts(tables)
            self._learn_encoded()
            if position is not None:
                self.state.put("position", position)
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

    def _learn_encoded(self) -> None:
        self._withhold()
        for low, high in self._steps():
            self._close_before(low)
            self._absorb_between(low, high)

    def _absorb_between(self, low: int, high: int) -> None:
        self._engine.execute(
            f"""CREATE OR REPLACE TEMP TABLE baseline_rows AS
                SELECT {_ROW_COLUMNS}, {self._peak("encoded.peak")} AS peak
                FROM encoded WHERE learn AND hour >= {low} AND hour < {high}"""  # noqa: S608
        )
        for name in ("choices", "seen"):
            self._engine.execute(f"CREATE OR REPLACE TEMP TABLE baseline_{name} AS {self._plans.score[name]}")
        self._append(low, high)

    def _absorb_step(self, *, provisional: bool) -> None:
        """Take the step just scored into the (provisional) history, its anomalies excepted."""
        low, high = self._bounds()
        self._engine.execute(
            f"""CREATE OR REPLACE TEMP TABLE baseline_rows AS
                SELECT r.* REPLACE ({self._peak("j.surprise_bits", "e.")} AS peak)
                FROM baseline_rows r JOIN baseline_judgement j USING (row) JOIN encoded e USING (row)
                WHERE NOT ({str(provisional).lower()} AND j.anomalous)"""  # noqa: S608
        )
        for name in ("choices", "seen"):
            self._engine.execute(f"CREATE OR REPLACE TEMP TABLE baseline_{name} AS {self._plans.score[name]}")
        self._append(low, high)

    def _bounds(self) -> tuple[int, int]:
        row = self._engine.execute("SELECT min(hour), max(hour) + 1 FROM baseline_rows").fetchone()
        return (int(row[0]), int(row[1])) if row and row[0] is not None else (0, 0)

    def _peak(self, surprise: str, prefix: str = "") -> str:
        """Only hours of a settled network and a settled device say what surprise is normal."""
        settled = self._first_hour(0) + self.settings.warm_up_days * 12
        known = self.state.get("first_hour") is not None or self.settings.warm_up_days == 0
        if not known:
            return "NULL::DOUBLE"
        age = f"{prefix}hour - {prefix}first >= {self.settings.device_warm_up_hours}"
        return f"CASE WHEN {prefix}hour >= {settled} AND coalesce({age}, false) THEN {surprise} END"

    def _append(self, low: int, high: int) -> None:
        alias = self.state.alias
        for name, sql in self._plans.absorb.items():
            self._engine.execute(f"CREATE OR REPLACE TEMP TABLE delta_{name} AS {sql}")
        for name in self._plans.absorb:
            self._engine.execute(f"INSERT INTO {alias}.{name} BY NAME FROM delta_{name}")
        self._remember_texts()
        self._remember_devices(low, high)
        if self.state.get("first_hour") is None and self._bounds()[1]:
            self.state.put("first_hour", str(self._bounds()[0]))
        latest, last = int(self.state.get("latest_hour") or 0), self._bounds()[1] - 1
        if last > latest:
            self.state.put("latest_hour", str(last))

    def _remember_texts(self) -> None:
        """The words behind values that the network has now met for the first time."""
        kinds = ("endpoint", "network", "service", "name", "account")
        parts = " UNION ALL ".join(
            f"SELECT {kind} AS id, '{kind}' AS kind, {kind}_text AS text FROM new"  # noqa: S608
            for kind in kinds
        )
        self._engine.execute(
            f"""INSERT INTO {self.state.alias}.texts
                WITH new AS (FROM encoded SEMI JOIN baseline_rows USING (row))
                SELECT DISTINCT id, kind, text FROM ({parts}) WHERE id IN (
                    SELECT value FROM delta_ties WHERE subject = 0 AND value NOT IN (SELECT tie FROM baseline_seen))"""  # noqa: S608
        )

    def _remember_devices(self, low: int, high: int) -> None:
        alias = self.state.alias
        self._engine.execute(
            f"""INSERT INTO {alias}.devices
                SELECT e.actor, any_value(actor_text), 'unknown', any_value(e.grp), min(hour), max(hour)
                FROM encoded e SEMI JOIN baseline_rows USING (row)
                WHERE e.actor NOT IN (SELECT actor FROM {alias}.devices) GROUP BY e.actor"""  # noqa: S608
        )
        self._engine.execute(
            f"""INSERT INTO {alias}.services
                SELECT CASE WHEN inbound THEN actor_text ELSE endpoint_text END AS device,
                    split_part(service_text, ' ', 2) AS service, side,
                    count(DISTINCT CASE WHEN inbound THEN endpoint_text ELSE actor_text END) AS clients,
                    min(hour), max(hour)
                FROM encoded WHERE side <> 'out' AND connection = 1 AND failed = 0 AND service_text IS NOT NULL
                    AND learn AND hour >= {low} AND hour < {high} GROUP BY 1, 2, 3"""  # noqa: S608
        )

    def _close_before(self, hour: int) -> None:
        """Finished hours become history; finished days bring roles up to date."""
        alias = self.state.alias
        open_hours = self.state.one(f"SELECT count(*) FROM {alias}.hourly WHERE hour < {hour}")  # noqa: S608
        if not open_hours:
            return
        for name in ("hourly", "flows"):
            self._engine.execute(
                f"CREATE OR REPLACE TEMP TABLE closing_{name} AS FROM {alias}.{name} WHERE hour < {hour}"
            )
        for name, sql in self._plans.close_hours.items():
            closing = sql.replace('"baseline_hourly"', "closing_hourly").replace('"baseline_flows"', "closing_flows")
            self._engine.execute(f"INSERT INTO {alias}.{name} BY NAME {closing}")
        self._engine.execute(
            f"""INSERT INTO {alias}.days
                SELECT hour // 24, count(DISTINCT (actor, hour)), 0 FROM closing_hourly GROUP BY 1;
                UPDATE {alias}.devices d SET last = greatest(d.last, c.hour)
                FROM (SELECT actor, max(hour) AS hour FROM closing_hourly GROUP BY 1) c WHERE c.actor = d.actor;
                DELETE FROM {alias}.hourly WHERE hour < {hour}; DELETE FROM {alias}.flows WHERE hour < {hour}"""  # noqa: S608
        )
        if hour // 24 > int(self.state.get("roles_day") or 0):
            self._new_day(hour)
        self._refresh()

    def _new_day(self, hour: int) -> None:
        roles.assign(self.state, self.settings.roles, self.settings.half_life_days * 24)
        self.state.put("roles_day", str(hour // 24))
        self._engine.execute(f"DELETE FROM {self.state.alias}.withheld WHERE hour < {hour} - 24 * 90")  # noqa: S608

    def _withhold(self) -> None:
        alias = self.state.alias
        self._engine.execute(
            f"""INSERT INTO {alias}.withheld BY NAME
                SELECT event_id, device, remote, actor_text, {_ROW_COLUMNS}, endpoint_text, network_text, service_text,
                    name_text, account_text FROM encoded WHERE NOT learn LIMIT {_WITHHELD_ROWS}"""  # noqa: S608
        )

    def dismiss(self, event_ids: Iterable[int] = (), entities: Iterable[Entity] = ()) -> int:
        """Learn after all what was withheld for these events or (device, remote) pairs; returns the number of rows."""
        alias, pairs = self.state.alias, list(entities)
        chosen = "event_id IN (SELECT unnest($1::BIGINT[]))" + "".join(
            f" OR (device = ${2 + 2 * number} AND (${3 + 2 * number}::VARCHAR IS NULL OR remote = ${3 + 2 * number}))"
            for number in range(len(pairs))
        )
        values: list[object] = [list(event_ids), *(part for pair in pairs for part in pair)]
        self._engine.execute(
            f"""CREATE OR REPLACE TEMP TABLE encoded AS SELECT * REPLACE (row_number() OVER () AS row),
                    NULL::DOUBLE AS peak, true AS learn, hour AS first,
                    split_part(service_text, ' ', 1) AS side
                FROM {alias}.withheld WHERE {chosen}""",  # noqa: S608
            values,
        )
        with self.state.transaction():
            self._engine.execute(f"DELETE FROM {alias}.withheld WHERE {chosen}", values)  # noqa: S608
            for low, high in self._steps():
                self._absorb_between(low, high)
        return int(str(self.state.one("SELECT count(*) FROM encoded")))

    # ---- calibration --------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        """P-values and the threshold from the history as it stands."""
        from kanaria.baseline import calibration, shape

        hours: dict[int, calibration.Counts] = {}
        latest = int(self.state.get("latest_hour") or shape.LANDMARK)
        scale = shape.scale_at(latest, self.settings.half_life_days * 24)
        found = self._engine.execute(f"SELECT grp, bin, sum(weight) FROM {self.state.alias}.peaks GROUP BY ALL")  # noqa: S608
        for group, number, weight in found.fetchall():
            counts = hours.setdefault(int(group), np.zeros(shape.CALIBRATION_BINS))
            counts[int(number)] = weight * scale
        table = calibration.p_values(hours)
        groups = self._engine.execute(f"SELECT DISTINCT grp FROM {self.state.alias}.devices").fetchall()  # noqa: S608
        wanted = {int(group) for (group,) in groups} | set(table) | {roles.group_of(self._engine, "unknown")}
        bins = shape.CALIBRATION_BINS
        self._engine.execute(
            """CREATE OR REPLACE TEMP TABLE baseline_calibration AS
               SELECT unnest($1::BIGINT[]) AS grp, unnest($2::BIGINT[]) AS bin, unnest($3::DOUBLE[]) AS p""",
            [
                [group for group in wanted for _ in range(bins)],
                list(range(bins)) * len(wanted),
                [float(p) for group in wanted for p in table.get(group, table[0])],
            ],
        )
        self._threshold = self._alert_threshold()

    def _alert_threshold(self) -> float:
        """The p-value that as many device hours a day fall below by chance as the budget allows."""
        row = self._engine.execute(
            f"""SELECT sum(hours), count(*) FROM (SELECT day, sum(device_hours) AS hours FROM {self.state.alias}.days
                GROUP BY day ORDER BY day DESC LIMIT 14)"""  # noqa: S608
        ).fetchone()
        if row is None or not row[0]:
            return 0.0
        return min(self.settings.alerts_per_day * float(row[1]) / float(row[0]), 1.0)

    def _count_alerts(self, tables: Mapping[str, pa.Table]) -> None:
        """How many device hours were called anomalous, by day: what is reported against the budget."""
        from kanaria.baseline import output

        for day, alerts in output.alerts(tables).items():
            self._engine.execute(f"INSERT INTO {self.state.alias}.days VALUES ({day}, 0, {alerts})")  # noqa: S608

    def _serves(self) -> Mapping[str, str]:
        return roles.serves(self.state)

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
