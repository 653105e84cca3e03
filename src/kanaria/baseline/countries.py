"""From which countries people log on: tables come in, the column ``baseline.new_country`` is added, then it learns.

The country stands in ``knowledge.country`` where network data are installed; without it, or for an address that no
country is known of, the column is null and a rule falls back on the network. Counted are successful logons from
outside; those that belong to a finding are not learned. What was learned is
kept with the other state.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

import pyarrow as pa

from kanaria.core.errors import SourceError

FILE = "countries.json"
COLUMN = "baseline.new_country"
# Logons with a known country before one more can be called new: somebody must have logged on at all.
LEAST_LOGONS = 3
_NEEDED = frozenset({"knowledge.country", "success", "direction", "event_id"})


class Countries:
    """Counts of successful logons from outside by country. ``kept`` is what ``dump`` of an earlier run gave;
    ``directory`` is where older versions kept it."""

    def __init__(self, kept: Mapping[str, int] | None = None, directory: Path | None = None) -> None:
        self._path = directory / FILE if directory else None
        self._seen: Counter[str] = Counter(kept)
        if kept is None and self._path and self._path.is_file():
            try:
                self._seen.update(json.loads(self._path.read_text(encoding="utf-8")))
            except (OSError, ValueError, TypeError) as error:
                raise SourceError(
                    source=str(self._path),
                    expected="counts of logons by country",
                    got=str(error),
                    cause="cut off? delete it",
                ) from error

    def score(self, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        """The tables; ``logon`` with the column, true for a country nobody logged on from so far."""
        scored = dict(tables)
        if "logon" in tables and set(tables["logon"].column_names) >= _NEEDED:
            scored["logon"] = tables["logon"].append_column(COLUMN, self._column(tables["logon"]))
        return scored

    def learn(self, tables: Mapping[str, pa.Table], exclude_event_ids: Collection[int] = ()) -> None:
        """Count the successful logons from outside, without those named."""
        logon = tables.get("logon")
        if logon is None or not set(logon.column_names) >= _NEEDED:
            return
        import pyarrow.compute as pc

        inside = pc.and_kleene(pc.equal(logon["success"], True), pc.equal(logon["direction"], "inbound"))
        withheld = pc.is_in(logon["event_id"], pa.array(sorted(exclude_event_ids), pa.int64()))
        rows = logon.filter(pc.fill_null(pc.and_kleene(inside, pc.invert(withheld)), False))
        counts = rows["knowledge.country"].drop_null().value_counts()
        if len(counts):
            self._seen.update({item["values"]: item["counts"] for item in counts.to_pylist()})

    def dump(self) -> dict[str, int]:
        """As JSON values."""
        return dict(sorted(self._seen.items()))

    def _column(self, logon: pa.Table) -> pa.Array:
        country = logon["knowledge.country"]
        if self._seen.total() < LEAST_LOGONS:
            return pa.nulls(len(logon), pa.bool_())
        return pa.array([None if name is None else name not in self._seen for name in country.to_pylist()], pa.bool_())
