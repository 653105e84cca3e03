"""sysstat's JSON into ``host`` rows: the golden pair, cut and changed files, and files in pieces."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanaria.core import schema
from kanaria.core.stream import ReadContext
from kanaria.core.types import Batch
from kanaria.formats import registry
from kanaria.formats.host import sadf
from kanaria.formats.host.sadf import SadfJson
from kanaria.sources import text_stream

SAMPLE = (Path(__file__).parent / "golden" / "sadf.json").read_bytes()


def _read(data: bytes) -> list[Batch]:
    return list(SadfJson().read(text_stream("sadf.json", data), ReadContext()))


def test_golden_pair() -> None:
    (batch,) = _read(SAMPLE)
    names = ["line", "time", "host_name", "device", "sensor", "kind", "cpu_percent", "interval_us"]
    rows = batch.tables["host"].select(names).to_pylist()
    common = {"host_name": "srv", "device": "srv", "sensor": "sysstat", "kind": "cpu", "interval_us": 600_000_000}
    assert rows == [
        {**common, "line": 1, "time": datetime(2026, 1, 10, 9, 10, tzinfo=UTC), "cpu_percent": 2.5},
        {**common, "line": 2, "time": datetime(2026, 1, 10, 9, 20, tzinfo=UTC), "cpu_percent": 99.5},
    ]
    assert batch.rows == 4
    assert [reject.row for reject in batch.rejects] == [4]


def test_recognised_by_content_alone() -> None:
    scores = {known.name: known.sniff(SAMPLE, "input") for known in registry.all_formats()}
    assert max(scores, key=lambda name: scores[name]) == "sadf-json"


def test_pieces_of_any_size_give_the_same_rows(monkeypatch: object) -> None:
    whole = [list(sadf._records(io.StringIO(SAMPLE.decode())))]
    for size in (1, 7, 64, 1000):
        monkeypatch.setattr(sadf, "_BLOCK", size)  # type: ignore[attr-defined]
        assert [list(sadf._records(io.StringIO(SAMPLE.decode())))] == whole


def test_a_cut_file_keeps_its_whole_intervals() -> None:
    first = SAMPLE.index(b"09:20:00") + 200
    (batch,) = _read(SAMPLE[:first])
    assert batch.tables["host"].num_rows == 1
    assert batch.rejected == 1


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_changed_bytes_give_rows_or_rejects(data: st.DataObject) -> None:
    raw = bytearray(SAMPLE)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    for batch in _read(bytes(raw)):
        for table in batch.tables.values():
            assert table.schema.equals(schema.TABLES["host"].arrow)


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300))
def test_any_bytes_give_rows_or_rejects(data: bytes) -> None:
    batches = _read(data)
    assert all(not batch.tables for batch in batches)
    assert 0 <= SadfJson().sniff(data, "x") <= 1
