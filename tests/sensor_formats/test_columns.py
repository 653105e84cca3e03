"""The shared column helpers: times against the standard library, chunks, lenient numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.formats import columns as cols
from kanaria.formats import json_lines
from kanaria.formats.spans import Spans
from kanaria.formats.uniform_times import uniform_times
from tests.reading_formats import BytesStream

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(datetime(1970, 1, 3), datetime(2200, 1, 1), timezones=ZONES)  # noqa: DTZ001 - bounds are naive


@settings(deadline=None)
@given(st.lists(TIMES, min_size=1, max_size=8))
def test_iso_times_as_the_standard_library_reads_them(times: list[datetime]) -> None:
    texts = [time.isoformat(timespec="microseconds") for time in times]
    assert cols.iso_to_time(pa.array(texts)).to_pylist() == times


@settings(deadline=None)
@given(st.lists(TIMES, min_size=1, max_size=8), st.sampled_from(["microseconds", "milliseconds", "seconds"]))
def test_uniform_times_agree_with_the_general_reader(times: list[datetime], spec: str) -> None:
    texts = pa.array([time.astimezone(UTC).isoformat(timespec=spec) for time in times])
    fast = uniform_times(texts)
    slow = cols.iso_to_time(pa.chunked_array([pa.concat_arrays([texts, pa.array([None], pa.string())])]))
    assert fast is not None
    assert fast.to_pylist() == slow.to_pylist()[:-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-10T09:00:00Z", "2026-01-10T09:00:00+00:00"),
        ("2026-01-10 09:00:00.5", "2026-01-10T09:00:00.500000+00:00"),
        ("2026-01-10T09:00:00.123456789+0900", "2026-01-10T00:00:00.123456+00:00"),
        ("2026-01-10T09:00:00,250-05:30", "2026-01-10T14:30:00.250000+00:00"),
    ],
)
def test_spellings_of_times(text: str, expected: str) -> None:
    for column in (pa.array([text]), pa.array([text, None])):
        assert cols.iso_to_time(column)[0].as_py().isoformat() == expected


@pytest.mark.parametrize(
    "text", ["2026-02-40T00:00:00Z", "2026-13-01T00:00:00Z", "yesterday", "", "2026-01-10T25:00:00Z"]
)
def test_what_is_no_time_is_null(text: str) -> None:
    assert cols.iso_to_time(pa.array([text])).to_pylist() == [None]


@settings(deadline=None)
@given(st.lists(st.text("ab\r\t ", max_size=9)), st.integers(1, 20))
def test_chunks_lose_no_line_whatever_their_size(texts: list[str], size: int) -> None:
    data = "".join(text.replace("\r", "") + "\n" for text in texts).encode()
    found = list(cols.chunks(BytesStream(data), size))
    joined = b"".join(chunk.data for chunk in found)
    if all(len(text) < size for text in texts):
        assert joined == data
        assert [chunk.first for chunk in found] == [1 + joined[:at].count(b"\n") for at in _begins(found)]
    assert joined.replace(b"\n", b"") == data.replace(b"\n", b"")
    assert sum(chunk.count for chunk in found) == joined.count(b"\n")


def _begins(found: list[cols.Chunk]) -> list[int]:
    return [0, *np.cumsum([len(chunk.data) for chunk in found]).tolist()][: len(found)]


def test_cells_that_do_not_fit_become_null_and_short_rows_are_rejected() -> None:
    data = b"a\t1\t1.5\tT\nb\tx\t-\tF\nshort\t1\nc\t3\t1e3\t?\n"
    types = {"n": pa.int64(), "r": pa.float64(), "b": pa.bool_(), "t": pa.string()}
    part = cols.read_delimited(Spans.of(data, 10), ["t", "n", "r", "b"], types)
    assert part.table.to_pydict() == {
        "n": [1, None, 3], "r": [1.5, None, 1000.0], "b": [True, False, None], "t": ["a", "b", "c"]
    }  # fmt: skip
    assert part.lines.tolist() == [10, 11, 13]
    assert [(row, raw) for row, _reason, raw in part.rejects] == [(12, b"short\t1")]


def test_json_of_other_types_is_fitted_or_null() -> None:
    data = b"\n".join([b'{"t":5,"n":"7","l":["a"]}', b'{"t":"x","n":true,"l":"b"}', b"[1]", b'{"t":null,"n":1.9}', b""])
    fields = pa.schema([("t", pa.string()), ("n", pa.int64()), ("l", pa.list_(pa.string()))])
    part = json_lines.read_json_lines(Spans.of(data, 1), fields)
    assert part.table.to_pydict() == {"t": ["5", "x", None], "n": [7, None, 1], "l": [["a"], ["b"], None]}
    assert [row for row, _reason, _raw in part.rejects] == [3]


@settings(deadline=None)
@given(st.floats(0, 4e9))
def test_seconds_become_exact_microseconds(seconds: float) -> None:
    assert cols.seconds_to_us(pa.array([seconds])).to_pylist() == [round(seconds * 1e6)]
