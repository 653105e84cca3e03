"""Every layout that is data against its golden pair: a raw sample in, the whole normalised output out.

``KANARIA_REBASELINE=1`` writes the outputs anew; review the difference. A layout without a pair fails.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.core.errors import RuleError
from kanaria.core.network import HomeNetworks
from kanaria.core.stream import ReadContext
from kanaria.formats import mapped, registry
from kanaria.formats.mapped.layout import Cell, load, parse
from kanaria.formats.mapped.mapped import Mapped
from kanaria.formats.mapped.values import at, cell, when
from tests.reading_formats import BytesStream, broken_promises

GOLDEN = Path(__file__).parent / "golden"
NAMES = [place.rpartition(":")[2] for place in mapped.places()]
CONTEXT = ReadContext(home=HomeNetworks.parse(["192.0.2.0/24", "2001:db8::/64"]), year=2026)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.decode("latin-1") if isinstance(value, bytes) else value


@pytest.mark.parametrize("name", NAMES)
def test_golden_pair(read: Any, name: str) -> None:
    data = (GOLDEN / f"{name}.sample").read_bytes()
    chosen = registry.detect(BytesStream(data, "sample.log"))
    assert chosen is not None and chosen.name == name
    everything = read(chosen, data, "sample.log", CONTEXT)
    tables = {
        table: [{key: _plain(value) for key, value in row.items() if key not in ("event_id", "source", "community_id")}
                for row in everything.rows_of(table)]
        for table in sorted(everything.tables)
    }  # fmt: skip
    output = {"rows": everything.rows, "rejects": len(everything.rejects), "tables": tables}
    expected = GOLDEN / f"{name}.expected.json"
    if os.environ.get("KANARIA_REBASELINE"):
        expected.write_text(json.dumps(output, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert output == json.loads(expected.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_damage_costs_no_neighbour(read: Any, name: str) -> None:
    lines = (GOLDEN / f"{name}.sample").read_bytes().splitlines(keepends=True)
    whole = read(Mapped(load(name)), b"".join(lines), "sample.log", CONTEXT)
    damaged = read(Mapped(load(name)), b"".join([lines[0], b'{"cut": "of\n', *lines[1:]]), "sample.log", CONTEXT)
    assert {table: len(rows) for table, rows in damaged.tables.items()} == {
        table: len(rows) for table, rows in whole.tables.items()
    }
    assert len(damaged.rejects) == len(whole.rejects) + 1


@pytest.mark.parametrize("name", NAMES)
def test_any_bytes_are_rows_or_rejected(name: str) -> None:
    known, sample = Mapped(load(name)), (GOLDEN / f"{name}.sample").read_bytes()

    @settings(max_examples=15, deadline=None)
    @given(st.integers(0, len(sample)), st.binary(max_size=12))
    def check(place: int, noise: bytes) -> None:
        assert not broken_promises(known, sample[:place] + noise + sample[place:], CONTEXT)

    check()


@pytest.mark.parametrize(
    ("record", "path", "value"),
    [
        ({"a": {"b": 1}}, "a.b", 1),
        ({"a.b": 2}, "a.b", 2),
        ({"a": {"b.c": 3}}, "a.b.c", 3),
        ({"a.b": {"c": 4}}, "a.b.c", 4),
        ({"a": [{"b": 5}]}, "a.0.b", 5),
        ({"a": [{"x": 0}, {"b": 6}]}, "a.*.b", 6),
        ({"a": [1]}, "a.7", None),
        ({"a": 1}, "a.b", None),
    ],
)
def test_paths(record: dict[str, object], path: str, value: object) -> None:
    assert at(record, path) == value


@pytest.mark.parametrize(
    ("written", "iso"),
    [
        ("1768035600123456789", "2026-01-10T09:00:00.123457+00:00"),
        ("1768035600.5", "2026-01-10T09:00:00.500000+00:00"),
        ("2026/01/10 09:00:00", "2026-01-10T09:00:00+00:00"),
        ("01/10/2026-09:00:00.25", "2026-01-10T09:00:00.250000+00:00"),
        ("2026-01-10 18:00:00.123 +09:00", "2026-01-10T09:00:00.123000+00:00"),
        ("2026-01-10T18:00:00.123456789+09:00", "2026-01-10T09:00:00.123456+00:00"),
    ],
)
def test_times_of_sensors(written: str, iso: str) -> None:
    found = when(written)
    assert found is not None and abs((found - datetime.fromisoformat(iso)).total_seconds()) < 1e-5


def test_a_sensor_that_says_nothing_knows_nothing() -> None:
    assert cell({"a": "N/A", "b": "-", "c": "x"}, Cell(paths=("a", "b", "c"))) == "x"
    assert cell({"a": "Other"}, Cell(paths=("a",), map={"close": "SF"}, default=None)) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reader": "xml"}, "reader: one of"),
        ({"rows": [{"table": "nosuch", "columns": {}}]}, "table: one of"),
        ({"rows": [{"table": "dns", "columns": {"nosuch": "a"}}]}, "columns of the table dns"),
        ({"rows": [{"table": "dns", "columns": {"query": {"form": "a"}}}]}, "got form"),
        ({"title": None}, "the key 'title'"),
    ],
)
def test_a_wrong_layout_is_refused(change: dict[str, Any], said: str) -> None:
    good = {"name": "x", "title": "x", "example": "x", "sensor": "x", "tried": {"en": "x", "ja": "x"}, "reader": "json",
            "time": "t", "rows": [{"table": "dns", "columns": {"query": "q"}}]}  # fmt: skip
    assert parse(good, "x.yaml").rows[0].table == "dns"
    wrong = {key: value for key, value in {**good, **change}.items() if value is not None}
    with pytest.raises(RuleError, match=said):
        parse(wrong, "x.yaml")
