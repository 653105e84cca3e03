"""IP fragments: what a host would put together is read, what contradicts itself or stays in parts accuses nobody."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.core.stream import ReadContext
from kanaria.formats.packets import capture, fragments
from kanaria.formats.packets.container import RECORD
from kanaria.mining.reading import read
from tests.incidents.building import facts
from tests.packets.build_packets import MemoryStream, ethernet, pcap, read_capture
from tests.packets.hostile_traffic import DEVICE, POOL, SECOND, Frame, conversation, mining

SIX = ("2001:db8::7", "2001:db8:1::90")


def parts(frame: bytes, ident: int, size: int = 24, tags: Sequence[int] = ()) -> list[bytes]:
    """The fragments of an Ethernet frame's IP packet, each with ``size`` bytes of it."""
    packet = frame[14:]
    if packet[0] >> 4 == 6:
        head, body = packet[:40], packet[40:]
    else:
        head, body = packet[:20], packet[20:]
    made = []
    for at in range(0, len(body), size):
        more, piece = at + size < len(body), body[at : at + size]
        if packet[0] >> 4 == 6:
            extension = struct.pack(">BBHI", head[6], 0, at | more, ident)
            fresh = head[:4] + struct.pack(">HB", len(piece) + 8, 44) + head[7:] + extension
        else:
            fresh = (
                head[:2] + struct.pack(">HHH", 20 + len(piece), ident & 0xFFFF, (at // 8) | (0x2000 * more)) + head[8:]
            )
        made.append(ethernet(fresh + piece, tags=tags))
    return made


def cut(frames: Sequence[Frame], size: int = 24, tags: Sequence[int] = ()) -> list[Frame]:
    """Every frame in parts."""
    return [
        (time + number, piece)
        for ident, (time, frame) in enumerate(frames, 1)
        for number, piece in enumerate(parts(frame, ident, size, tags))
    ]


def flows(frames: Sequence[Frame]) -> list[tuple[bytes, bytes]]:
    tables, _ = read_capture(pcap(frames))
    return [(row["src_first"] or b"", row["dst_first"] or b"") for row in tables.get("connection", [])]


@pytest.fixture(params=["plain", "compiled"], autouse=True)
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "compiled":
        monkeypatch.setattr(capture, "PLAIN_BYTES", -1)


@pytest.mark.parametrize("tags", [(), (7,)])
@pytest.mark.parametrize("ends", [(DEVICE, POOL), SIX])
def test_a_dialogue_in_fragments_is_read_as_if_whole(ends: tuple[str, str], tags: tuple[int, ...]) -> None:
    frames = conversation(mining(), *ends)
    assert flows(cut(frames, tags=tags)) == flows(frames)
    _, rejects = read_capture(pcap(cut(frames)))
    assert not rejects


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([8, 16, 64, 1_400]), st.booleans())
def test_the_order_of_parts_and_doubles_mean_nothing(random: Random, size: int, doubled: bool) -> None:
    frames = conversation(mining(shares=1))
    told = []
    for ident, (time, frame) in enumerate(frames, 1):
        pieces = parts(frame, ident, size)
        pieces += pieces[:1] if doubled and len(pieces) > 1 else []
        shuffled = pieces[:]
        random.shuffle(shuffled)
        told += [(time + number, piece) for number, piece in enumerate(shuffled)]
    assert flows(told) == flows(frames)


def test_parts_that_contradict_each_other_make_nothing_and_are_counted() -> None:
    frames = conversation(mining())
    spoiled: list[Frame] = []
    for ident, (time, frame) in enumerate(frames, 1):
        pieces = parts(frame, ident)
        wrong = [piece[:-1] + bytes([piece[-1] ^ 1]) for piece in pieces[1:2]]
        spoiled += [(time + number, piece) for number, piece in enumerate([*pieces[:1], *wrong, *pieces[1:]])]
    tables, rejects = read_capture(pcap(spoiled))
    said = b"".join(row["src_first"] or b"" for row in tables.get("connection", []))
    assert b"login" not in said and b"submit" not in said
    assert any(fragments.WORDS in reject.reason for reject in rejects)


@pytest.mark.parametrize("shift", [-8, 8])
def test_overlapping_parts_make_nothing(shift: int) -> None:
    frame = conversation(mining())[3][1]
    one, *rest = parts(frame, 1, 64)
    offset = struct.unpack_from(">H", rest[0], 20)[0]
    moved = rest[0][:20] + struct.pack(">H", offset + shift // 8) + rest[0][22:]
    assert b"login" not in b"".join(first for first, _ in flows(list(enumerate([one, moved, *rest]))))


def test_what_never_becomes_whole_is_counted_and_forgotten() -> None:
    lone = [(n * 40 * SECOND, parts(conversation(mining())[3][1], n, 64)[0]) for n in range(1, 6)]
    tables, rejects = read_capture(pcap(lone))
    assert not tables.get("connection")
    assert [reject.reason for reject in rejects] == [f"5 {fragments.WORDS}"]


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragments, "MOST_WAITING", 50)
    waiting = fragments.Reassembler()
    frame = conversation(mining())[3][1]
    for n in range(150):
        packet = parts(frame, n, 8)[0]
        data = np.frombuffer(packet, np.uint8)
        records = np.array([(0, n, len(packet), len(packet), 1)], RECORD)
        waiting.whole(fragments.fragments_plainly, data, records, 1)
    assert len(waiting._waiting) <= 50
    waiting.end()
    assert waiting.lost == 150


def test_forged_parts_accuse_nobody() -> None:
    """A datagram and a segment that somebody forged in parts are no more than if they came whole."""
    segment = conversation(mining(), opened=False, closed=False)[0][1]
    tables = capture_tables(cut([(0, segment)], 64))
    assert not read(tables, facts()).messages


def capture_tables(frames: Sequence[Frame]) -> dict[str, object]:
    tables: dict[str, list[pa.Table]] = {}
    for batch in capture.PcapFormat().read(MemoryStream(pcap(frames)), ReadContext()):
        for name, table in batch.tables.items():
            tables.setdefault(name, []).append(table)
    return {name: pa.concat_tables(made) for name, made in tables.items()}
