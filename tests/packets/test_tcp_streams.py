"""TCP as RFC 9293 has it: whatever order, repetition and loss segments come in, streams, counts and sides are those sent."""

from __future__ import annotations

import itertools
import random
import struct
from collections.abc import Callable
from typing import Any

import pytest
from build_packets import ACK, CLIENT, FIN, PSH, RST, SERVER, SYN, Reader, ethernet, ip, pcap, read_capture, tcp, udp
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.formats.packets import capture, pooled

One = Callable[[list[bytes]], dict[str, Any]]

TEXT = b"abcdefghijklmnopqrstuvwxyz0123456789"
ISN = 1000


def up(payload: bytes = b"", *, at: int = 0, flags: int = PSH | ACK, seq: int | None = None, **ends: Any) -> bytes:
    """A segment of the client, ``at`` so many bytes behind its first one."""
    number = ISN + 1 + at if seq is None else seq
    return ethernet(ip(tcp(payload, sport=40000, dport=3333, seq=number, flags=flags), **ends))


def down(payload: bytes = b"", *, at: int = 0, flags: int = PSH | ACK) -> bytes:
    return ethernet(ip(tcp(payload, sport=3333, dport=40000, seq=9001 + at, flags=flags), src=SERVER, dst=CLIENT))


SHAKE = [up(flags=SYN, seq=ISN), down(flags=SYN | ACK, at=-1), up(flags=ACK)]


@pytest.fixture
def one(read: Reader) -> One:
    """The one connection of some frames, read on either path."""

    def of(frames: list[bytes]) -> dict[str, Any]:
        rows, rejects = read(pcap(frames))
        assert not rejects
        (row,) = rows["connection"]
        return row

    return of


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_four_segments_in_any_order(order: tuple[int, ...], one: One) -> None:
    pieces = [up(TEXT[9 * at : 9 * at + 9], at=9 * at) for at in range(4)]
    row = one([*SHAKE, *(pieces[at] for at in order)])
    assert (row["src_first"], row["src_payload"], row["src_packets"]) == (TEXT, 36, 6)


@pytest.mark.parametrize("cuts", [(0, 36), (0, 1, 36), (0, 12, 24, 36), tuple(range(37))])
@pytest.mark.parametrize("again", [0, 1, 5])
def test_the_size_of_segments_and_their_repetition_change_no_stream(
    cuts: tuple[int, ...], again: int, one: One
) -> None:
    pieces = [up(TEXT[low:high], at=low) for low, high in itertools.pairwise(cuts)]
    row = one([*SHAKE, *(piece for piece in pieces for _ in range(1 + again))])
    assert (row["src_first"], row["src_payload"]) == (TEXT, 36)
    assert row["src_packets"] == 2 + len(pieces) * (1 + again)


OVERLAPS: dict[str, list[tuple[int, int]]] = {
    "the end repeated with more": [(0, 20), (15, 36)],
    "the whole repeated with more": [(0, 20), (0, 36)],
    "an old piece far back": [(0, 20), (20, 36), (3, 9)],
    "a later piece inside an earlier one": [(0, 30), (10, 20), (30, 36)],
    "a hole filled by more than fits": [(0, 10), (20, 36), (5, 25)],
    "two holes": [(0, 5), (10, 15), (20, 36), (5, 10), (15, 20)],
}


@pytest.mark.parametrize("name", OVERLAPS)
def test_pieces_that_overlap(name: str, one: One) -> None:
    row = one([*SHAKE, *(up(TEXT[low:high], at=low) for low, high in OVERLAPS[name])])
    assert row["src_first"] == TEXT


@pytest.mark.parametrize("isn", [0, 1, 2**31 - 5, 2**31, 2**32 - 40, 2**32 - 20, 2**32 - 1])
def test_numbers_go_round_anywhere(isn: int, one: One) -> None:
    frames = [up(flags=SYN, seq=isn), *(up(TEXT[at : at + 6], seq=isn + 1 + at) for at in (0, 12, 6, 18, 30, 24))]
    row = one(frames)
    assert (row["src_first"], row["src_payload"]) == (TEXT, 36)


def test_what_was_lost_is_missing_and_what_followed_is_there(one: One) -> None:
    row = one([*SHAKE, up(TEXT[:10], at=0), up(TEXT[20:], at=20), down(b"yes", at=0)])
    assert row["src_first"].startswith(TEXT[:10])
    assert row["src_first"].endswith(TEXT[20:])
    assert row["dst_first"] == b"yes"


def test_a_probe_that_keeps_a_connection_alive_is_no_message(one: One) -> None:
    """RFC 9293, 3.8.4: one byte, or none, before what was already sent."""
    probes = [up(b"\0", at=35, flags=ACK), down(flags=ACK, at=0)] * 5
    row = one([*SHAKE, up(TEXT), *probes])
    assert (row["src_payload"], row["src_messages"], row["src_first"]) == (36, 1, TEXT)


def test_data_in_the_first_segment_counts(one: One) -> None:
    """TCP Fast Open (RFC 7413) sends data with the SYN."""
    row = one([up(TEXT[:9], flags=SYN, seq=ISN), down(flags=SYN | ACK, at=-1), up(TEXT[9:], at=9)])
    assert (row["src_first"], row["src_payload"]) == (TEXT, 36)


def test_data_with_the_last_segment_counts(one: One) -> None:
    row = one([*SHAKE, up(TEXT, flags=FIN | PSH | ACK), down(b"bye", flags=FIN | ACK)])
    assert (row["src_first"], row["dst_first"], row["state"]) == (TEXT, b"bye", "SF")


@pytest.mark.parametrize("side", ["c", "s"])
def test_what_a_reset_says_besides_is_no_data_to_lose_a_stream_over(side: str, one: One) -> None:
    reset = up(b"go away", at=36, flags=RST | ACK) if side == "c" else down(b"go away", flags=RST | ACK)
    row = one([*SHAKE, up(TEXT), reset])
    assert row["src_first"].startswith(TEXT)
    assert row["state"] == ("RSTO" if side == "c" else "RSTR")


def test_both_open_at_once_and_it_is_one_connection(one: One) -> None:
    """RFC 9293, figure 8: two SYNs cross."""
    row = one(
        [
            up(flags=SYN, seq=ISN),
            down(flags=SYN, at=-1),
            down(flags=SYN | ACK, at=-1),
            up(flags=SYN | ACK, seq=ISN),
            up(TEXT),
        ]
    )
    assert (row["src_ip"], row["src_first"]) == (CLIENT, TEXT)


def test_a_connection_of_the_same_ports_anew_is_another_one(read: Reader) -> None:
    again = [up(flags=SYN, seq=ISN + 5000), down(flags=SYN | ACK, at=4999), up(b"second", seq=ISN + 5001)]
    rows, _ = read(pcap([*SHAKE, up(TEXT), up(flags=FIN | ACK, at=36), down(flags=FIN | ACK), *again]))
    assert [row["src_first"] for row in sorted(rows["connection"], key=lambda row: row["time"])] == [TEXT, b"second"]


def test_options_in_the_header_are_no_payload(one: One) -> None:
    options = b"\x02\x04\x05\xb4\x04\x02\x08\x0a" + bytes(8) + b"\x01\x03\x03\x07"
    segment = (
        struct.pack(">HHIIBBHHH", 40000, 3333, ISN + 1, 1, (5 + len(options) // 4) << 4, PSH | ACK, 64000, 0, 0)
        + options
        + TEXT
    )
    row = one([*SHAKE, ethernet(ip(segment))])
    assert (row["src_first"], row["src_payload"]) == (TEXT, 36)


@pytest.mark.parametrize("offset", [0, 1, 4, 15])
def test_a_header_of_an_impossible_length_is_told_and_no_flow(offset: int, read: Reader) -> None:
    segment = struct.pack(">HHIIBBHHH", 40000, 3333, 1, 1, offset << 4, PSH | ACK, 64000, 0, 0)
    rows, rejects = read(pcap([ethernet(ip(segment))]))
    assert "connection" not in rows
    assert rejects[0].reason.startswith("1 packet")


def test_wrong_checksums_are_no_reason_to_lose_a_packet(read: Reader) -> None:
    """Cards compute them after the capture: what a machine captures of itself has none that fit."""
    frames = [bytearray(frame) for frame in [*SHAKE, up(TEXT)]]
    for frame in frames:
        frame[24:26] = frame[50:52] = b"\xde\xad"
    rows, rejects = read(pcap([bytes(frame) for frame in frames]))
    assert (rows["connection"][0]["src_first"], rejects) == (TEXT, [])


@pytest.mark.parametrize(
    ("src", "dst"),
    [
        ("2001:db8::10", "2001:db8::5"),
        ("fe80::1", "fe80::2"),
        ("::1", "::1"),
        ("::ffff:192.0.2.10", "::ffff:203.0.113.5"),
    ],
)
def test_addresses_of_both_families(src: str, dst: str, one: One) -> None:
    row = one([up(TEXT, flags=SYN, seq=ISN, src=src, dst=dst)])
    meant = (src.removeprefix("::ffff:"), dst.removeprefix("::ffff:"))
    assert (row["src_ip"], row["dst_ip"], row["src_port"], row["dst_port"]) == (*meant, 40000, 3333)


EXTENSIONS: dict[str, list[tuple[int, bytes]]] = {  # RFC 8200, 4: (kind, what stands behind its first two bytes)
    "hop by hop": [(0, bytes(6))],
    "routing": [(43, bytes(6))],
    "destination": [(60, bytes(14))],
    "all of them, in the order that is advised": [(0, bytes(6)), (60, bytes(6)), (43, bytes(22)), (60, bytes(6))],
    "a fragment that is whole": [(44, bytes(6))],
}


@pytest.mark.parametrize("name", EXTENSIONS)
def test_what_stands_between_ipv6_and_tcp(name: str, one: One) -> None:
    headers, body = EXTENSIONS[name], tcp(TEXT, sport=40000, dport=3333, seq=1)
    kinds = [*(kind for kind, _ in headers), 6]
    for (kind, inside), following in reversed(list(zip(headers, kinds[1:], strict=True))):
        size = 0 if kind == 44 else (len(inside) + 2) // 8 - 1
        body = bytes([following, size]) + inside + body
    row = one([ethernet(ip(body, src="2001:db8::10", dst="2001:db8::5", proto=kinds[0]))])
    assert (row["src_first"], row["dst_port"], row["src_payload"]) == (TEXT, 3333, 36)


@pytest.mark.parametrize("size", [0, 7, 8, 37, 44, 45, 60, 0xFFFF])
def test_a_length_of_udp_that_is_wrong(size: int) -> None:
    """RFC 768; 0 means all there is (RFC 2675), below 8 it cannot be, and beyond the packet the packet decides."""
    datagram = bytearray(udp(TEXT, dport=9000))
    datagram[4:6] = struct.pack(">H", size)
    rows, rejects = read_capture(pcap([ethernet(ip(bytes(datagram), proto=17))]))
    if 0 < size < 8:
        assert ("connection" in rows, len(rejects)) == (False, 1)
    else:
        kept = 36 if size == 0 or size >= 44 else size - 8
        assert (rows["connection"][0]["src_payload"], rows["connection"][0]["src_first"]) == (kept, TEXT[:kept] or None)


def _pieces(count: int, size: int = 10) -> list[bytes]:
    """So many different pieces of one stream."""
    return [bytes([33 + number]) * size for number in range(count)]


@pytest.mark.parametrize("count", [3, 5, 9, 17])
@pytest.mark.parametrize("filled", ["oldest first", "newest first", "from the middle"])
def test_every_other_segment_comes_late(count: int, filled: str, one: One) -> None:
    """As many holes as half the segments, eight at most."""
    pieces = _pieces(count)
    late = list(range(1, count, 2))
    order = {"oldest first": late, "newest first": late[::-1], "from the middle": late[1::2] + late[::2]}[filled]
    frames = [up(pieces[at], at=10 * at) for at in [*range(0, count, 2), *order]]
    row = one([*SHAKE, *frames])
    assert (row["src_first"], row["src_payload"]) == (b"".join(pieces), 10 * count)


@pytest.mark.parametrize("isn", [ISN, 2**32 - 60, 2**32 - 101, 2**31 - 70])
@pytest.mark.parametrize("seed", range(12))
def test_any_order_of_any_pieces_gives_the_stream(seed: int, isn: int, one: One) -> None:
    """Cut anywhere, sent again with other cuts, mixed within eight holes: each byte counts once."""
    chance = random.Random(seed)
    text = bytes(chance.randrange(33, 127) for _ in range(160))
    cuts = sorted({0, 160, *(chance.randrange(1, 160) for _ in range(9))})
    pieces = list(itertools.pairwise(cuts))
    again = [(max(low - 3, 0), min(high + 5, 160)) for low, high in chance.sample(pieces, 3)]
    chance.shuffle(pieces)
    if pieces[0][0]:  # what lies before the first byte that is seen belongs to no known stream
        pieces.insert(0, pieces.pop(next(at for at, (low, _) in enumerate(pieces) if low == 0)))
    frames = [up(flags=SYN, seq=isn), *(up(text[low:high], seq=isn + 1 + low) for low, high in pieces + again)]
    row = one(frames)
    assert (row["src_first"], row["src_payload"]) == (text, 160)


def test_a_segment_in_the_middle_of_a_hole_leaves_two(one: One) -> None:
    parts = [(0, 6), (30, 36), (14, 20), (20, 30), (6, 14)]
    row = one([*SHAKE, *(up(TEXT[low:high], at=low) for low, high in parts)])
    assert (row["src_first"], row["src_payload"]) == (TEXT, 36)


def test_one_segment_fills_several_holes_and_counts_only_what_was_missing(one: One) -> None:
    row = one([*SHAKE, *(up(TEXT[at : at + 4], at=at) for at in (0, 8, 16, 24, 32)), up(TEXT[2:34], at=2)])
    assert (row["src_first"], row["src_payload"], row["src_packets"]) == (TEXT, 36, 8)


def test_the_oldest_of_more_than_eight_holes_is_given_up(one: One) -> None:
    """Twice what an acknowledgement can name (RFC 2018): its bytes count as sent again, those of the others as new."""
    pieces = _pieces(19)
    row = one([*SHAKE, *(up(pieces[at], at=10 * at) for at in [*range(0, 19, 2), *range(1, 19, 2)])])
    assert row["src_payload"] == 180
    assert row["src_first"] == b"".join(piece for at, piece in enumerate(pieces) if at != 1)
    assert "T" in row["history"]


def test_holes_of_both_sides_are_their_own(one: One) -> None:
    pieces = _pieces(5)
    order = (0, 2, 4, 3, 1)
    frames = [send(pieces[at], at=10 * at) for at in order for send in (up, down)]
    row = one([*SHAKE, *frames])
    assert row["src_first"] == row["dst_first"] == b"".join(pieces)


def test_a_connection_begun_anew_has_no_holes_of_the_one_before(one: One) -> None:
    """A SYN that is sent again before any data: numbers start where the last one says."""
    frames = [up(flags=SYN, seq=5), up(flags=SYN, seq=ISN), up(TEXT[:10], at=0), up(TEXT[20:], at=20)]
    row = one([*frames, up(TEXT[10:20], at=10), up(TEXT[10:20], at=10)])
    assert (row["src_first"], row["src_payload"]) == (TEXT, 36)


PIECES = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 40)), min_size=1, max_size=60)


def _holes(seen: set[int]) -> int:
    """How many holes there are between the first byte and the last."""
    return sum(at - 1 not in seen for at in seen) - 1


@settings(max_examples=60, deadline=None)
@given(PIECES, st.sampled_from([ISN, 2**32 - 150, 2**31 - 150]))
def test_both_readers_agree_on_any_pieces_and_count_no_byte_twice(pieces: list[tuple[int, int]], isn: int) -> None:
    """Beyond eight holes a byte may go uncounted; none is counted that was not sent, and none twice."""
    text = bytes(33 + at % 90 for at in range(400))
    frames = [up(flags=SYN, seq=isn), *(up(text[at : at + size], seq=isn + 1 + at) for at, size in pieces)]
    told = []
    for limit in (1 << 60, -1):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(capture, "PLAIN_BYTES", limit)
            ((row,), rejects) = (lambda found: (found[0]["connection"], found[1]))(read_capture(pcap(frames)))
        assert not rejects
        told.append({name: row[name] for name in ("src_first", "src_payload", "history", "src_messages", "state")})
    assert told[0] == told[1]
    seen: set[int] = set()
    most = 0
    for at, size in pieces:
        seen |= {-1, *range(at, at + size)}
        most = max(most, _holes(seen))
    if most <= 8:
        assert (told[0]["src_payload"], told[0]["src_first"]) == (
            len(seen) - 1,
            bytes(text[at] for at in sorted(seen)[1:]),
        )
    assert told[0]["src_payload"] <= len(seen) - 1


def test_a_place_in_the_table_that_is_used_again_has_no_holes_of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table with two places: the third connection, met in its middle, gets that of the first."""
    monkeypatch.setattr(capture, "PLAIN_BYTES", -1)
    monkeypatch.setattr(pooled, "MAX_FLOWS", 2)
    first = [up(TEXT[:10], at=0), up(TEXT[20:], at=20)]
    second = [
        ethernet(ip(tcp(TEXT[low:high], sport=40001, dport=3333, seq=ISN + 1 + low, flags=PSH | ACK)))
        for low, high in ((0, 20), (20, 36), (10, 20))
    ]
    between = ethernet(ip(tcp(b"x", sport=40002, dport=3333, flags=PSH | ACK)))
    rows, _ = read_capture(pcap([*first, between, *second]))
    assert {row["src_port"]: row["src_payload"] for row in rows["connection"]} == {40000: 26, 40002: 1, 40001: 36}
