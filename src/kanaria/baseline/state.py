"""The history as tables of one DuckDB catalog: created, versioned, appended to, compacted, merged, measured.

One file per directory (or memory). Everything a batch changes is committed in one transaction together with the resume
position, so a process killed anywhere resumes with the state of its last whole batch. Rows are appended and added up
when read; ``compact`` folds them. Two states of the same version add up with ``merge``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from kanaria.baseline.statements import Statements
from kanaria.core.arrow_rows import MANY, arrow_table
from kanaria.core.errors import ConfigError

if TYPE_CHECKING:
    import duckdb

VERSION = 2
FILE = "pattern_of_life.duckdb"
_ALIASES = count(1)

_TABLES = {
    "ties": "tie BIGINT, subject BIGINT, kind BIGINT, value BIGINT, weight DOUBLE, last BIGINT",
    "totals": "subject BIGINT, kind BIGINT, weight DOUBLE, types DOUBLE",
    "quantities": "subject BIGINT, quantity BIGINT, bucket BIGINT, weight DOUBLE",
    "hourly": """actor BIGINT, grp BIGINT, hour BIGINT, connections DOUBLE, remotes DOUBLE, sources DOUBLE,
        failed DOUBLE, sent DOUBLE, novelty_peak DOUBLE, service_peak DOUBLE, volume_peak DOUBLE, rhythm_peak DOUBLE,
        together_peak DOUBLE""",
    "flows": "actor BIGINT, grp BIGINT, service BIGINT, hour BIGINT, quantity BIGINT, bucket BIGINT",
    "peaks": "grp BIGINT, rank BIGINT, bin BIGINT, weight DOUBLE",
    "days": "day BIGINT, device_hours BIGINT, alerts BIGINT",
    "devices": "actor BIGINT, device VARCHAR, role VARCHAR, grp BIGINT, first BIGINT, last BIGINT",
    "services": "device VARCHAR, service VARCHAR, side VARCHAR, clients BIGINT, first BIGINT, last BIGINT",
    "texts": "id BIGINT, kind VARCHAR, text VARCHAR",
    "withheld": """event_id BIGINT, device VARCHAR, remote VARCHAR, row BIGINT, actor BIGINT, actor_text VARCHAR,
        side VARCHAR, grp BIGINT, hour BIGINT, inbound BOOLEAN, endpoint BIGINT, network BIGINT, service BIGINT,
        name BIGINT, account BIGINT, agent BIGINT, slot BIGINT, up DOUBLE, down DOUBLE, duration DOUBLE,
        connection BIGINT, failed BIGINT, sent DOUBLE, endpoint_text VARCHAR, network_text VARCHAR,
        service_text VARCHAR, name_text VARCHAR, account_text VARCHAR, agent_text VARCHAR""",
    "meta": "key VARCHAR, value VARCHAR",
}
_APPENDED = ("ties", "totals", "quantities", "hourly", "flows", "peaks", "meta")
"""What learning a few rows adds to."""
_ARROW = {"BIGINT": pa.int64(), "DOUBLE": pa.float64(), "VARCHAR": pa.string()}
COMPACT_ROWS = 5_000_000
"""Appended rows after which they are folded at the latest: half of ten million ties. Reading them costs a batch less
than folding them more often would."""
LEAST_COMPACT_ROWS = 50_000
"""Below this folding costs more than reading what is there; from there on the history may grow by half first."""
PARTS = 16
PARTED_TIES = 1_000_000
"""A history in a file with more ties than this is folded in so many turns, each a range of ids. Ids are hashes, so the
parts are equally large. Ten million ties folded at once made one batch in seventeen wait for 3.7 s."""
CHECKPOINT_AT = "256MB"
"""How much is written before DuckDB tidies the file. By itself it would at 16 MB, after a batch or two: 100,000 flows,
each another, write 11 MB."""
_GROWING = ("ties", "totals", "quantities")
_ID_BITS = 63
_FOLDED = {
    "ties": """tie, any_value(subject) AS subject, any_value(kind) AS kind, any_value(value) AS value,
        sum(weight) AS weight, max(last) AS last""",
    "totals": "subject, kind, sum(weight) AS weight, sum(types) AS types",
    "quantities": "subject, quantity, bucket, sum(weight) AS weight",
    "peaks": "grp, rank, bin, sum(weight) AS weight",
    "days": "day, sum(device_hours)::BIGINT AS device_hours, sum(alerts)::BIGINT AS alerts",
    "services": "device, service, side, max(clients) AS clients, min(first) AS first, max(last) AS last",
    "devices": """actor, any_value(device) AS device, arg_max(role, last) AS role, arg_max(grp, last) AS grp,
        min(first) AS first, max(last) AS last""",
}


class State:
    """One history. ``alias`` is the catalog's name inside the engine; table names are ``{alias}.ties`` and so on."""

    def __init__(self, engine: duckdb.DuckDBPyConnection, directory: Path | None, half_life_hours: float) -> None:
        self.engine = engine
        self.statements = Statements(engine)
        self._meta: dict[str, str] | None = None
        self._unwritten: dict[str, str] = {}
        self._in_transaction = False
        self._appended = 0
        """Rows of growing tables since they were folded: counting them anew would read the tables."""
        self.alias = f"pattern_of_life_{next(_ALIASES)}"
        self.path = directory / FILE if directory else None
        if directory:
            directory.mkdir(parents=True, exist_ok=True)
        place = str(self.path).replace("'", "''") if self.path else ":memory:"
        engine.execute(f"SET wal_autocheckpoint = '{CHECKPOINT_AT}'; ATTACH '{place}' AS {self.alias}")
        with self.transaction():
            for name, columns in _TABLES.items():
                engine.execute(f"CREATE TABLE IF NOT EXISTS {self.alias}.{name} ({columns})")
        self._check(half_life_hours)
        for name in ("ties", "totals", "quantities", "hourly", "flows"):
            engine.execute(f"CREATE OR REPLACE TEMP VIEW baseline_{name} AS FROM {self.alias}.{name}")
        self.statements.expect(*map(_columns, _APPENDED))
        self._compacted = self._rows()

    def _rows(self) -> int:
        return sum(self.count(name) for name in _GROWING)

    def _check(self, half_life_hours: float) -> None:
        """A state of another version, another hash or another half-life cannot be added to; say so."""
        probe = self.one("SELECT hash('pattern', 'of life')")
        for key, value in {"version": str(VERSION), "hash": str(probe)}.items():
            if (got := self._kept_or_put(key, value)) != value:
                cause = "written by another version; start a new directory"
                raise ConfigError(path=str(self.path or "memory"), key=key, expected=value, got=got, cause=cause)
        learned = float(self._kept_or_put("half_life_hours", str(float(half_life_hours))))
        if learned != half_life_hours:
            raise ConfigError(
                path="settings",
                key="baseline.half_life_days",
                expected=f"{learned / 24:g}, with which this store has learned so far",
                got=half_life_hours / 24,
                cause="set it back, or name another store",
            )

    def _kept_or_put(self, key: str, value: str) -> str:
        if (got := self.get(key)) is None:
            self.put(key, value)
        return value if got is None else got

    @contextmanager
    def transaction(self, *, keep: bool = True) -> Iterator[None]:
        """All or nothing; with ``keep=False`` always nothing."""
        self.engine.execute("BEGIN")
        self._in_transaction = True
        before = self._appended
        with ExitStack() as undone:
            undone.callback(self._roll_back, before)
            yield
            if keep:
                self._write_meta()
                undone.pop_all()
        if keep:
            self._in_transaction = False
            self.engine.execute("COMMIT")

    def _roll_back(self, appended: int) -> None:
        self._in_transaction = False
        self._unwritten.clear()
        self.engine.execute("ROLLBACK")
        self._appended = appended
        self.statements.forget()
        self._meta = None

    def one(self, query: str, parameters: list[object] | None = None) -> object:
        row = self.engine.execute(query, parameters or []).fetchone()
        return row[0] if row else None

    def count(self, table: str) -> int:
        return int(str(self.one(f"SELECT count(*) FROM {self.alias}.{table}")))  # noqa: S608

    def get(self, key: str) -> str | None:
        if self._meta is None:
            self._meta = dict(self.engine.execute(f"SELECT key, value FROM {self.alias}.meta").fetchall())  # noqa: S608
        return self._meta.get(key)

    def put(self, key: str, value: str) -> None:
        """Keep a value; inside a transaction, all of them are written at its end."""
        self.get(key)
        self._unwritten[key] = value
        if self._meta is not None:
            self._meta[key] = value
        if not self._in_transaction:
            self._write_meta()

    def _write_meta(self) -> None:
        if not self._unwritten:
            return
        keys, values = list(self._unwritten), list(self._unwritten.values())
        with self.statements.handed(pa.table([keys, values], schema=_columns("meta"))) as rows:
            self.statements.run(f"DELETE FROM {self.alias}.meta WHERE key IN (SELECT key FROM {rows})")  # noqa: S608
            self.statements.run(f"INSERT INTO {self.alias}.meta FROM {rows}")
        self._unwritten.clear()

    def append(self, name: str, query: str) -> None:
        """Add the rows of a query to one of the history's tables."""
        added = self.statements.add(f"{self.alias}.main.{name}", query, _columns(name).names)
        if name in _GROWING:
            self._appended += added

    def append_rows(self, name: str, rows: pa.Table) -> None:
        """Add rows with the columns of one of the history's tables, in their order."""
        self.statements.append(f"{self.alias}.main.{name}", rows)
        if name in _GROWING:
            self._appended += len(rows)

    def needs_compaction(self) -> bool:
        allowed = min(max(LEAST_COMPACT_ROWS, self._compacted // 2), COMPACT_ROWS)
        return self._appended > allowed // PARTS and self._appended > allowed // self._parts()

    def _parts(self) -> int:
        """In memory nothing is given back but whole tables, so there everything is folded at once."""
        return PARTS if self.path and self.count("ties") > PARTED_TIES else 1

    def compact(self, max_ties: int) -> None:
        """Fold what appending left behind, drop the least of too many ties, and give the space back.

        A large history is folded part by part, one with each call, so that no batch waits for the whole.
        """
        parts = self._parts()
        part = int(self.get("next_part") or 0) % parts
        with self.transaction():
            if part == 0:
                for name in _FOLDED.keys() - {"ties"}:
                    self._rewrite(name, f"SELECT {_FOLDED[name]} FROM {self.alias}.{name} GROUP BY ALL")  # noqa: S608
            self._fold_ties(part, parts, max_ties // parts)
            self.put("next_part", str((part + 1) % parts))
        self.statements.forget()
        if self.path and part == parts - 1:
            self.engine.execute(f"CHECKPOINT {self.alias}")
        self._compacted, self._appended = self._rows(), 0

    def _fold_ties(self, part: int, parts: int, most: int) -> None:
        """Fold one part. Where ties are dropped, so are words of values that the network has no tie to any more."""
        change = self._rewrite if parts == 1 else self._replace
        width = (1 << _ID_BITS) // parts
        tie, word = (f"{key} BETWEEN {part * width} AND {(part + 1) * width - 1}" for key in ("tie", "id"))
        change("ties", f"SELECT {_FOLDED['ties']} FROM {self.alias}.ties WHERE {tie} GROUP BY tie", tie)  # noqa: S608
        if int(str(self.one(f"SELECT count(*) FROM {self.alias}.ties WHERE {tie}"))) > most:  # noqa: S608
            change("ties", f"FROM {self.alias}.ties WHERE {tie} ORDER BY weight DESC LIMIT {most}", tie)
            # A value's id is that of the network's tie to it.
            change("texts", f"FROM {self.alias}.texts SEMI JOIN {self.alias}.ties ON tie = id WHERE {word}", word)

    def _replace(self, name: str, query: str, within: str) -> None:
        """The rows of a range of ids."""
        self.engine.execute(f"CREATE OR REPLACE TEMP TABLE folded AS {query}")
        self.engine.execute(f"DELETE FROM {self.alias}.{name} WHERE {within}")  # noqa: S608
        self.engine.execute(f"INSERT INTO {self.alias}.{name} BY NAME FROM folded")
        self.engine.execute("DROP TABLE folded")

    def _rewrite(self, name: str, query: str, _within: str = "") -> None:
        """The whole table, so that its place is given back."""
        self.engine.execute(f"CREATE OR REPLACE TABLE {self.alias}.folded AS {query}")
        self.engine.execute(f"DROP TABLE {self.alias}.{name}")
        self.engine.execute(f"ALTER TABLE {self.alias}.folded RENAME TO {name}")

    def merge(self, other: State) -> None:
        """Add another sensor's history, attached to the same engine. Open hours come along; the position does not."""
        names = [name for name in _TABLES if name != "meta"]
        first = [value for value in (self.get("first_hour"), other.get("first_hour")) if value]
        latest = [value for value in (self.get("latest_hour"), other.get("latest_hour")) if value]
        parts = {name: arrow_table(self.engine.execute(f"FROM {other.alias}.{name}"), MANY) for name in names}
        with self.transaction():
            for name, part in parts.items():
                self.engine.register("merge_part", part)
                new = f"ANTI JOIN {self.alias}.texts USING (id)" if name == "texts" else ""
                self.engine.execute(f"INSERT INTO {self.alias}.{name} BY NAME FROM merge_part {new}")
                self.engine.unregister("merge_part")
                self._appended += len(part) if name in _GROWING else 0
            if first:
                self.put("first_hour", min(first, key=int))
                self.put("latest_hour", max(latest, key=int))

    def sizes(self) -> dict[str, int]:
        """Rows per table, and ``bytes`` on disk (0 in memory)."""
        rows = {name: self.count(name) for name in _TABLES if name != "meta"}
        return rows | {"bytes": self.path.stat().st_size if self.path and self.path.exists() else 0}


def _columns(name: str) -> pa.Schema:
    """The columns of one of the history's tables."""
    return pa.schema([(column, _ARROW[kind]) for column, kind in map(str.split, _TABLES[name].split(","))])
