"""A slice of a handful of rows, scored and learned without the engine, but for what it holds: history in, history out.

``encode`` left the slice in the temporary tables ``encoded`` and ``actors``. What the history knows of the ids in it is
fetched, the program's operations are worked through here (``evaluate``), and what learning appends is handed back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from kanaria.baseline import shape
from kanaria.baseline.evaluate import Rows, evaluate, rows_of

if TYPE_CHECKING:
    from kanaria.baseline.plans import Plans
    from kanaria.baseline.ranking import Calibration
    from kanaria.baseline.settings import BaselineSettings
    from kanaria.baseline.state import State

MOST = 64
"""Rows of a handful. One took 37 ms of processor time to encode, score and learn and 64 took 72; by the engine's
statements 78 and 100; 128 take as long either way (measured on a busy machine)."""
_ACTORS = ("actor", "actor_text", "grp", "role", "first", "known")
_RATES = ", ".join(f"sum({name}) AS {name}" for name in shape.RATES)
_KNOWN: Mapping[str, tuple[tuple[str, ...], str]] = {
    "ties": (("tie", "weight", "last"), "SELECT tie, sum(weight), max(last) FROM {} JOIN {} ON tie = id GROUP BY tie"),
    "totals": (
        ("subject", "kind", "weight", "types"),
        "SELECT subject, kind, sum(weight), sum(types) FROM {} JOIN {} ON subject = id GROUP BY subject, kind",
    ),
    "quantities": (
        ("subject", "quantity", "bucket", "weight"),
        "SELECT subject, quantity, bucket, sum(weight) FROM {} JOIN {} ON subject = id GROUP BY ALL",
    ),
    "hourly": (
        ("actor", "hour", *shape.RATES),
        f"SELECT actor, hour, {_RATES} FROM {{}} JOIN {{}} ON actor = id GROUP BY actor, hour",  # noqa: S608
    ),
}
"""What is fetched of the history, by table: its columns, and the query. Added up, because rows are appended."""
_ASKED = "(SELECT id FROM asked WHERE id % 2 < 2)"
"""Every id passes; ``program.look_up`` says why it is asked."""
MOST_CLOSED = 256
"""Rows of finished hours that are closed like this."""
_WHOLE = frozenset({"row", "actor", "grp", "hour"})
_FLAGS = frozenset({"new_to_device", "new_to_network"})
_FRESH = {"kind": pa.string(), "id": pa.int64(), "row": pa.int64()}
_KINDS = {"int64": pa.int64(), "float64": pa.float64()}


def of_one_hour(state: State, plans: Plans) -> Handful | None:
    """The encoded slice of at most ``MOST`` rows, if they are of one hour and none was scored before."""
    handful = Handful(state, plans)
    fresh = all(peak is None for peak in handful.rows["together_peak"])
    return handful if fresh and len(set(handful.rows["hour"])) == 1 else None


class Handful:
    """The rows of one slice, all of one hour, and what was found out about them."""

    def __init__(self, state: State, plans: Plans) -> None:
        self.state = state
        self._few = plans.few
        self._statements = state.statements
        self.tables: dict[str, Rows] = {}
        self.actors = rows_of(_ACTORS, self._fetched(f"SELECT {', '.join(_ACTORS)} FROM actors"))  # noqa: S608
        self.read()

    def read(self) -> None:
        """Take the rows as they are in ``encoded`` now."""
        rows = self._fetched("FROM encoded")
        self.tables["rows"] = rows_of(tuple(shape.ROWS), rows)

    def acting(self) -> pa.Table:
        """The devices of the slice, by id and address."""
        kinds = {"actor": pa.int64(), "actor_text": pa.string()}
        return pa.table({name: pa.array(self.actors[name], kind) for name, kind in kinds.items()})

    @property
    def rows(self) -> Rows:
        return self.tables["rows"]

    @property
    def hour(self) -> int:
        return int(self.rows["hour"][0])

    # ---- scoring ------------------------------------------------------------------------------------------------

    def look_up(self) -> None:
        """Find out what the history knows of the slice, and what follows for the steps that learning needs, too."""
        self._evaluate("choices")
        self._statements.list_ids("asked", self._asked())
        for name, (columns, query) in _KNOWN.items():
            rows = self._fetched(query.format(f"{self.state.alias}.{name}", _ASKED))
            self.tables[name] = rows_of(columns, rows)
        self._evaluate("seen")
        self.follow()

    def follow(self) -> None:
        """The steps that differ when rows are taken out."""
        self._evaluate("choices", "own", "hours", "amounts")

    def scored(self, calibration: Calibration, settings: BaselineSettings, first_hour: int) -> pa.Table:
        """The result of scoring, with what is known of the acting devices."""
        self.tables["calibration"] = calibration.rows(set(self.rows["grp"]))
        rest = [name for name in self._few["score"] if name not in self.tables or name == "scored"]
        self._evaluate(*rest)
        return self._judged(calibration.threshold, settings, first_hour)

    def _judged(self, threshold: float, settings: BaselineSettings, first_hour: int) -> pa.Table:
        scored = self.tables["scored"]
        acting = [self.actors["actor"].places()[actor,][0] for actor in scored["actor"]]
        since = [self.actors["first"][place] for place in acting]
        young = scored["hour"][0] - first_hour < settings.warm_up_days * 24
        least = settings.device_warm_up_hours
        learning = [
            young or (hour - first if first is not None else 0) < least
            for hour, first in zip(scored["hour"], since, strict=True)
        ]
        rare = [p <= threshold and not new for p, new in zip(scored["p_value"], learning, strict=True)]
        columns = {name: pa.array(scored[name], _kind(name)) for name in shape.SCORED}
        columns["role"] = pa.array([self.actors["role"][place] for place in acting], pa.string())
        columns["new_device"] = pa.array([not self.actors["known"][place] for place in acting], pa.bool_())
        columns |= {"learning": pa.array(learning, pa.bool_()), "anomalous": pa.array(rare, pa.bool_())}
        return pa.table(columns)

    def _asked(self) -> set[int]:
        """Ids of everything that the history could know of the slice."""
        choices, rows = self.tables["choices"], self.rows
        pairs = {*zip(rows["actor"], rows["grp"], strict=True)}
        subjects = {shape.NETWORK_SUBJECT}.union(*pairs)
        ties = {
            subject ^ value
            for actor, grp, value in zip(choices["actor"], choices["grp"], choices["value"], strict=True)
            for subject in (actor, grp, shape.NETWORK_SUBJECT)
        }
        services = {service for service in rows["service"] if service is not None}
        return subjects | ties | {subject ^ service for subject in subjects for service in services}

    # ---- learning -----------------------------------------------------------------------------------------------

    def append(self, settled: Callable[[int], bool]) -> None:
        """Add the slice to the history. ``settled`` says whether an hour's surprise is normal for a device that was
        first seen in the hour it is given."""
        self._evaluate("grown", part="absorb")
        for name, operations in self._few["absorb"].items():
            if name == "grown":
                continue
            added = _arrow(name, evaluate(operations, self.tables))
            if name == "hourly":
                added = pa.concat_tables([added, _arrow(name, self._peaks(settled))])
            if len(added):
                self.state.append_rows(name, added)

    def _peaks(self, settled: Callable[[int], bool]) -> Rows:
        """The most surprising of each device's hour, as rows that count nothing else."""
        scored, still = self.tables["scored"], set(self.rows["row"])
        first = dict(zip(self.actors["actor"], self.actors["first"], strict=True))
        peaks_of: dict[tuple[int, int], list[tuple[float, ...]]] = {}
        for row, actor, group, *peaks in zip(
            *(scored[name] for name in ("row", "actor", "grp", *shape.PEAKS)), strict=True
        ):
            if row in still and first[actor] is not None and settled(first[actor]):
                peaks_of.setdefault((actor, group), []).append(tuple(peaks))
        nothing = (0.0,) * len(shape.RATES)
        most = [(*who, self.hour, *nothing, *map(max, zip(*peaks, strict=True))) for who, peaks in peaks_of.items()]
        return rows_of(tuple(shape.HISTORY["hourly"]), most)

    @property
    def answered(self) -> bool:
        """Whether somebody was answered on a service, from outside or inside."""
        wanted = (self.rows[name] for name in ("inbound", "network", "connection", "failed", "service"))
        return any(
            (inbound or network is None) and connection == 1 and failed == 0 and service is not None
            for inbound, network, connection, failed, service in zip(*wanted, strict=True)
        )

    @property
    def fresh(self) -> list[int]:
        """Values that the network has now met for the first time."""
        grown, seen = self.tables["grown"], self.tables["seen"]["tie"].places()
        values = zip(grown["value"], grown["old"], strict=True)
        return sorted({value for value, old in values if old is None and (value,) not in seen})

    def fresh_rows(self, kinds: Sequence[str]) -> pa.Table:
        """The kind of each of these values, and the first row that has it."""
        fresh, first_row = set(self.fresh), dict[tuple[str, int], int]()
        for kind in kinds:
            for value, row in zip(self.rows[kind], self.rows["row"], strict=True):
                if value in fresh:
                    first_row[kind, value] = min(row, first_row.get((kind, value), row))
        kept = {
            "kind": [kind for kind, _ in first_row],
            "id": [value for _, value in first_row],
            "row": [*first_row.values()],
        }
        return pa.table({name: pa.array(kept[name], kind) for name, kind in _FRESH.items()})

    # ---- inside -------------------------------------------------------------------------------------------------

    def _evaluate(self, *names: str, part: str = "score") -> None:
        for name in names:
            self.tables[name] = evaluate(self._few[part][name], self.tables)

    def _fetched(self, sql: str) -> list[tuple[object, ...]]:
        return self._statements.run(sql).fetchall()


def close(state: State, plans: Plans, finished: str) -> None:
    """Make history of a handful of finished hours; ``finished`` is the condition that chooses their rows."""
    tables = {
        name: rows_of(
            tuple(shape.HISTORY[name]), state.statements.run(f"FROM {state.alias}.{name} {finished}").fetchall()
        )
        for name in ("hourly", "flows")
    }
    for name, operations in plans.few["close_hours"].items():
        added = evaluate(operations, tables)
        if added.height:
            state.append_rows(name, _arrow(name, added))


def _kind(column: str) -> pa.DataType:
    return pa.int64() if column in _WHOLE else pa.bool_() if column in _FLAGS else pa.float64()


def _arrow(table: str, rows: Rows) -> pa.Table:
    """Rows of one of the history's tables as the engine takes them."""
    columns = shape.HISTORY.get(table) or shape.CLOSED[table]
    return pa.table({name: pa.array(rows[name], _KINDS[kind]) for name, kind in columns.items()})
