"""One-way records into connections: sides, slices, clients, ICMP, states; and clocks that lie."""

from __future__ import annotations

import logging

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.formats.flow_state import parse_flags
from kanaria.formats.netflow_clock import believable
from kanaria.formats.netflow_stitch import RECORD, SLICE_GAP_US, stitch

T0 = 1_768_003_200_000_000
CLIENT, SERVER = ("192.0.2.10", 50000), ("203.0.113.5", 443)
_Row = dict[str, object]


def record(line: int, src: tuple[str, int], dst: tuple[str, int], start: float, end: float, **more: object) -> _Row:
    base: _Row = {
        "first": T0 + int(start * 1e6), "last": T0 + int(end * 1e6), "protocol": 6, "src_ip": src[0], "src_port": src[1],
        "dst_ip": dst[0], "dst_port": dst[1], "bytes": 400, "packets": 5, "flags": 0x1B, "line": line,
    }  # fmt: skip
    return {**base, **more}


def stitched(*rows: _Row) -> list[_Row]:
    columns, lines = stitch(pa.Table.from_pylist(list(rows), schema=RECORD))
    found = pa.table({**columns, "line": lines}).to_pylist()
    return list(found)


def test_two_directions_become_one_connection() -> None:
    (row,) = stitched(
        record(1, SERVER, CLIENT, 0.01, 12.1, bytes=620, packets=3), record(2, CLIENT, SERVER, 0.0, 12.25)
    )
    assert (row["src_ip"], row["src_port"], row["dst_ip"], row["dst_port"]) == (*CLIENT, *SERVER)
    assert (row["src_bytes"], row["dst_bytes"], row["src_packets"], row["dst_packets"]) == (400, 620, 5, 3)
    assert (row["state"], row["duration_us"], row["line"], row["transport"]) == ("SF", 12_250_000, 1, "tcp")


def test_slices_of_a_long_flow_are_joined_and_a_silence_divides() -> None:
    minute = 60.0
    slices = [record(i + 1, CLIENT, SERVER, i * minute, (i + 1) * minute, flags=0x18) for i in range(30)]
    (row,) = stitched(*slices)
    assert row["duration_us"] == 30 * 60 * 1_000_000
    assert row["src_bytes"] == 30 * 400
    gap = SLICE_GAP_US / 1e6
    apart = stitched(record(1, CLIENT, SERVER, 0, 1), record(2, CLIENT, SERVER, 1 + gap + 0.001, 90))
    assert [row["line"] for row in apart] == [1, 2]


def test_a_long_slice_covers_a_short_one_inside() -> None:
    rows = stitched(
        record(1, CLIENT, SERVER, 0, 600), record(2, SERVER, CLIENT, 1, 2), record(3, SERVER, CLIENT, 500, 600)
    )
    assert len(rows) == 1


def test_the_client_of_a_flow_seen_from_the_middle_is_the_high_port() -> None:
    (row,) = stitched(record(1, SERVER, CLIENT, 0.0, 1, flags=0x18), record(2, CLIENT, SERVER, 0.5, 1, flags=0x18))
    assert row["src_ip"] == CLIENT[0]
    assert row["state"] == "OTH"


def test_directions_that_begin_together_are_told_apart_by_port() -> None:
    (row,) = stitched(record(1, SERVER, CLIENT, 0, 1), record(2, CLIENT, SERVER, 0, 1))
    assert (row["src_ip"], row["dst_port"]) == (CLIENT[0], 443)


def test_unanswered_and_refused_connections() -> None:
    (lonely,) = stitched(record(1, CLIENT, SERVER, 0, 0, flags=0x02, packets=1))
    assert (lonely["state"], lonely["dst_packets"]) == ("S0", 0)
    (refused,) = stitched(
        record(1, CLIENT, SERVER, 0, 0, flags=0x02, packets=1), record(2, SERVER, CLIENT, 0.01, 0.01, flags=0x14)
    )
    assert refused["state"] == "REJ"


def test_icmp_takes_type_and_code_from_the_destination_port() -> None:
    (row,) = stitched(
        record(1, ("192.0.2.1", 0), ("203.0.113.5", 8 * 256), 0, 1, protocol=1, flags=0),
        record(2, ("203.0.113.5", 0), ("192.0.2.1", 0), 0.01, 1, protocol=1, flags=0),
    )
    assert (row["transport"], row["src_ip"], row["src_port"], row["dst_port"]) == ("icmp", "192.0.2.1", 8, 0)


def test_nothing_in_nothing_out() -> None:
    columns, lines = stitch(RECORD.empty_table())
    assert (columns, len(lines)) == ({}, 0)


_FLOWS = st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 10_000), st.integers(0, 400))


@settings(deadline=None)
@given(st.lists(_FLOWS, min_size=1, max_size=25))
def test_no_byte_is_lost_or_counted_twice(flows: list[tuple[bool, int, int, int]]) -> None:
    rows = []
    for line, (back, port, start, length) in enumerate(flows, start=1):
        ends = (CLIENT[0], 50000 + port), SERVER
        rows.append(record(line, *(ends[::-1] if back else ends), start, start + length))
    found = stitched(*rows)
    assert sum(int(str(row["src_bytes"])) + int(str(row["dst_bytes"])) for row in found) == 400 * len(rows)
    assert len({row["line"] for row in found}) == len(found)
    assert stitched(*reversed(rows)) == found


@pytest.mark.parametrize(
    ("text", "flags"),
    [("0x1b", 27), ("27", 27), (".AP.SF", 27), ("...AP.SF", 27), ("", 0), ("0xzz", 0), ("........", 0)],
)
def test_flags_in_every_spelling(text: str, flags: int) -> None:
    assert parse_flags(text) == flags


def test_impossible_times_move_to_reception_and_are_told(caplog: pytest.LogCaptureFixture) -> None:
    received, day = T0, 86_400_000_000
    first = pa.array([received - 5_000_000, received + day, received - 60 * day, 0])
    span = pa.array([1_000_000] * 4)
    receipts = pa.array([received, received, received, 0])
    with caplog.at_level(logging.WARNING):
        moved = believable(first, span, receipts, pa.array(["192.0.2.1", "192.0.2.2", "192.0.2.3", None]), "test")
    assert moved.to_pylist() == [received - 5_000_000, received - 1_000_000, received - 1_000_000, 0]
    assert "192.0.2.2 is 86401 s ahead" in caplog.text
    assert "192.0.2.3" in caplog.text
    assert "192.0.2.1" not in caplog.text
