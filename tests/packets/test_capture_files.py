"""The containers of packets (draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng): every block, every clock, every cut."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from build_packets import CLIENT, SERVER, START, Reader, block, ethernet, ip, pcap, read_capture, tcp, udp

SECOND = START // 1_000_000
WHEN = datetime.fromtimestamp(SECOND, UTC)


def frame_to(port: int, size: int = 30) -> bytes:
    return ethernet(ip(udp(b"\xee" * size, dport=port), proto=17))


A, B, C = frame_to(9001), frame_to(9002), frame_to(9003)


def section(order: str = "<", options: bytes = b"") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1) + options, order)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(order: str = "<", *, link: int = 1, snap: int = 0, options: bytes = b"") -> bytes:
    return block(1, struct.pack(order + "HHI", link, 0, snap) + options, order)


def enhanced(
    frame: bytes, ticks: int, order: str = "<", *, of: int = 0, wire: int | None = None, options: bytes = b""
) -> bytes:
    head = struct.pack(
        order + "IIIII", of, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame) if wire is None else wire
    )
    return block(6, head + frame + bytes(-len(frame) % 4) + options, order)


def simple(frame: bytes, order: str = "<") -> bytes:
    return block(3, struct.pack(order + "I", len(frame)) + frame, order)


def old(frame: bytes, ticks: int, order: str = "<") -> bytes:
    return block(
        2, struct.pack(order + "HHIIII", 0, 0, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame)) + frame, order
    )


def ports(rows: dict[str, list[dict[str, Any]]]) -> list[int]:
    return sorted(row["dst_port"] for row in rows.get("connection", []))


def times(rows: dict[str, list[dict[str, Any]]]) -> dict[int, timedelta]:
    return {row["dst_port"]: row["time"] - WHEN for row in rows["connection"]}


US = START


# --- blocks -------------------------------------------------------------------------------------------------------------

BETWEEN: dict[str, bytes] = {
    "names": block(4, struct.pack("<HH", 1, 13) + bytes([203, 0, 113, 5]) + b"a.example" + bytes(3) + bytes(4)),
    "statistics": block(5, struct.pack("<III", 0, US >> 32, US & 0xFFFFFFFF) + option(4, bytes(8)) + option(0, b"")),
    "secrets": block(10, struct.pack("<II", 0x544C534B, 40) + b"CLIENT_RANDOM 00 00".ljust(40)),
    "a custom block": block(0xBAD, struct.pack("<I", 32473) + b"anything"),
    "a custom block not to be copied": block(0x40000BAD, struct.pack("<I", 32473) + b"anything"),
    "a journal entry": block(9, b"__REALTIME_TIMESTAMP=1\nMESSAGE=x\n"),
    "a block of next year": block(0x0B0B0B0B & 0x7F, b"what ever"),
    "an empty block": block(0x70, b""),
    "another interface": interface(link=101),
}


@pytest.mark.parametrize("name", BETWEEN)
@pytest.mark.parametrize("place", [1, 2, 3])
def test_blocks_without_packets_are_stepped_over(name: str, place: int, read: Reader) -> None:
    parts = [section() + interface(), enhanced(A, US), enhanced(B, US + 1)]
    rows, rejects = read(b"".join([*parts[:place], BETWEEN[name], *parts[place:]]))
    assert (ports(rows), rejects) == ([9001, 9002], [])


@pytest.mark.parametrize("order", "<>")
def test_every_kind_of_packet_block(order: str, read: Reader) -> None:
    data = section(order) + interface(order) + enhanced(A, US, order) + old(B, US + 1000, order) + simple(C, order)
    rows, rejects = read(data)
    assert (ports(rows), rejects) == ([9001, 9002, 9003], [])


def test_options_behind_a_packet_are_no_part_of_it(read: Reader) -> None:
    more = option(1, b"a comment of seven") + option(2, struct.pack("<I", 1)) + option(0, b"")
    rows, rejects = read(section() + interface() + enhanced(A, US, options=more) + enhanced(B, US))
    assert (ports(rows), rejects) == ([9001, 9002], [])
    assert {row["src_bytes"] for row in rows["connection"]} == {58}


@pytest.mark.parametrize("second", "<>")
@pytest.mark.parametrize("first", "<>")
def test_a_section_has_its_own_byte_order_and_interfaces(first: str, second: str, read: Reader) -> None:
    """Interfaces are counted anew in every section; ``mergecap`` and concatenation write such files."""
    raw = ip(udp(b"\xee" * 30, dport=9004), proto=17)
    data = section(first) + interface(first) + enhanced(A, US, first)
    data += section(second) + interface(second, link=101) + enhanced(raw, US, second)
    rows, rejects = read(data)
    assert (ports(rows), rejects) == ([9001, 9004], [])


def test_each_packet_is_of_the_interface_it_names(read: Reader) -> None:
    raw, cooked = (
        ip(udp(bytes(30), dport=9004), proto=17),
        bytes(14) + b"\x08\0" + ip(udp(bytes(30), dport=9005), proto=17),
    )
    data = section() + interface() + interface(link=101) + interface(link=113)
    rows, rejects = read(data + enhanced(cooked, US, of=2) + enhanced(A, US) + enhanced(raw, US, of=1))
    assert (ports(rows), rejects) == ([9001, 9004, 9005], [])


def test_a_packet_of_an_interface_that_is_not_there_is_told(read: Reader) -> None:
    rows, rejects = read(section() + interface() + enhanced(A, US, of=7) + enhanced(B, US))
    assert ports(rows) == [9002]
    assert len(rejects) == 1


# --- clocks -------------------------------------------------------------------------------------------------------------

RESOLUTIONS: dict[str, tuple[bytes, int]] = {
    "none said: microseconds": (b"", US + 250_000),
    "seconds": (option(9, b"\x00"), SECOND),
    "milliseconds": (option(9, b"\x03"), SECOND * 1000 + 250),
    "microseconds": (option(9, b"\x06"), US + 250_000),
    "nanoseconds": (option(9, b"\x09"), (US + 250_000) * 1000 + 999),
    "2 to the -10": (option(9, b"\x8a"), SECOND * 1024 + 256),
    "2 to the -20": (option(9, b"\x94"), (SECOND << 20) + (1 << 18)),
    "an offset of an hour": (option(14, struct.pack("<q", 3600)), US + 250_000 - 3_600_000_000),
    "an offset backwards": (option(14, struct.pack("<q", -60)), US + 250_000 + 60_000_000),
    "behind other options": (option(2, b"eth0") + option(11, b"\0tcp") + option(9, b"\x09"), (US + 250_000) * 1000),
    "not behind the end of options": (option(0, b"") + option(9, b"\x09"), US + 250_000),
}


@pytest.mark.parametrize("name", RESOLUTIONS)
def test_clocks_of_interfaces(name: str, read: Reader) -> None:
    options, ticks = RESOLUTIONS[name]
    rows, _ = read(section() + interface(options=options) + enhanced(A, ticks))
    assert times(rows)[9001] == timedelta(seconds=0 if name == "seconds" else 0.25)


@pytest.mark.parametrize("nano", [False, True])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("second", [0, 1, 86_399, 951_782_400, 2**31 - 1, 2**31, 4_070_908_800, 2**32 - 1])
def test_seconds_of_pcap_are_unsigned(second: int, order: str, nano: bool) -> None:
    """From 1970 to 2106: a capture of 2038 and later is none of 1901."""
    part = 999_999_999 if nano else 999_999
    head = struct.pack(order + "IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    record = struct.pack(order + "IIII", second, part, len(A), len(A)) + A
    rows, _ = read_capture(head + record)
    assert rows["connection"][0]["time"] == datetime.fromtimestamp(second, UTC) + timedelta(microseconds=999_999)


def test_packets_that_are_out_of_order_give_a_beginning_and_no_negative_duration(read: Reader) -> None:
    """Multi-queue cards and merged files: neighbours may lie some milliseconds back."""
    frames = [(5_000, A), (1_000, A), (9_000, A), (2_000, B)]
    rows, rejects = read(pcap(frames))
    assert not rejects
    (row,) = [row for row in rows["connection"] if row["dst_port"] == 9001]
    assert (row["src_packets"], 0 <= row["duration_us"] <= 8_000) == (3, True)


# --- how much of a packet there is ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("snap", [14, 20, 33, 34, 41, 42, 50, 200])
def test_a_snap_length_cuts_bytes_and_never_counts(snap: int, read: Reader) -> None:
    """From 42 bytes on (Ethernet, IPv4, UDP) a packet says all that a flow needs; below, it is counted as cut."""
    frames = [frame_to(9001, 100)] * 4
    rows, rejects = read(pcap(frames, snap=snap))
    if snap >= 42:
        (row,) = rows["connection"]
        assert (row["src_packets"], row["src_payload"], row["src_bytes"], rejects) == (4, 400, 512, [])
        assert len(row["src_first"] or b"") == min(4 * (snap - 42), 400)
    else:
        assert "connection" not in rows
        assert rejects[0].reason.startswith("4 packets: ")


def test_a_length_on_the_wire_below_the_captured_one_is_not_believed(read: Reader) -> None:
    rows, rejects = read(section() + interface() + enhanced(A, US, wire=1) + enhanced(B, US))
    assert (ports(rows), rejects) == ([9001, 9002], [])
    assert {row["src_payload"] for row in rows["connection"]} == {30}


def test_padding_of_short_frames_is_no_payload(read: Reader) -> None:
    """Ethernet fills frames up to 60 bytes: what lies behind the IP packet's length is not sent by anybody."""
    ack = ethernet(ip(tcp(flags=16, sport=40000, dport=9001)))
    rows, _ = read(pcap([ack + bytes(6), ack + b"\xaa" * 6 + b"fcs!"]))
    (row,) = rows["connection"]
    assert (row["src_packets"], row["src_payload"], row["src_first"]) == (2, 0, None)


# --- damage -----------------------------------------------------------------------------------------------------------------


def _both() -> dict[str, tuple[bytes, list[int]]]:
    """A file of three packets, and where each of them ends."""
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    classic, ends = head, []
    for number, frame in enumerate((A, B, C)):
        classic += struct.pack("<IIII", SECOND, number, len(frame), len(frame)) + frame
        ends.append(len(classic))
    ng, ng_ends = section() + interface(), []
    for number, frame in enumerate((A, B, C)):
        ng += enhanced(frame, US + number)
        ng_ends.append(len(ng))
    return {"pcap": (classic, ends), "pcapng": (ng, ng_ends)}  # type: ignore[dict-item]


FILES = _both()


@pytest.mark.parametrize("kind", FILES)
def test_cut_at_any_byte_packets_before_are_kept_and_the_cut_is_told(kind: str) -> None:
    data, ends = FILES[kind]
    for size in range(30, len(data) + 1):
        rows, rejects = read_capture(data[:size])
        whole = sum(end <= size for end in ends)  # type: ignore[attr-defined]
        assert len(ports(rows)) == whole, size
        at_an_end = size in ends or size == (24 if kind == "pcap" else len(section() + interface()))  # type: ignore[operator]
        assert len(rejects) == (0 if at_an_end else 1) or size < len(section() + interface()), size


@pytest.mark.parametrize("kind", FILES)
def test_a_byte_changed_anywhere_costs_two_packets_at_most_and_never_the_reading(kind: str) -> None:
    data, _ = FILES[kind]
    for place in range(24 if kind == "pcap" else 48, len(data), 3):
        damaged = bytearray(data)
        damaged[place] ^= 0xFF
        rows, _ = read_capture(bytes(damaged))
        kept = {9001, 9002, 9003} & set(ports(rows))
        assert len(kept) >= 1, place


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("junk", [b"\0" * 64, b"\xff" * 64, b"GET / HTTP/1.1\r\n\r\n" * 4, b"x"])
def test_what_follows_the_packets_and_is_none_is_told(kind: str, junk: bytes, read: Reader) -> None:
    data, _ = FILES[kind]
    rows, rejects = read(data + junk)
    assert ports(rows) == [9001, 9002, 9003]
    assert rejects


@pytest.mark.parametrize("kind", FILES)
def test_a_hole_of_zeros_in_the_middle_is_stepped_over(kind: str, read: Reader) -> None:
    """A machine that lost its power leaves blocks of zeros where the file system had not written yet."""
    data, ends = FILES[kind]
    middle = ends[0]  # type: ignore[index]
    rows, rejects = read(data[:middle] + bytes(4096) + data[middle:])
    assert set(ports(rows)) >= {9001, 9003}
    assert rejects


def test_a_file_without_packets_is_empty_and_well(read: Reader) -> None:
    for data in (FILES["pcap"][0][:24], section() + interface(), section()):
        assert read(data) == ({}, [])


def test_the_same_packet_twice_is_a_repetition_and_no_second_message(read: Reader) -> None:
    """A mirror of both directions of a port shows every packet twice; TCP's numbers tell."""
    syn = ethernet(ip(tcp(seq=99, flags=2, sport=40000, dport=9001)))
    data = ethernet(ip(tcp(b"hello", seq=100, flags=24, sport=40000, dport=9001)))
    rows, _ = read(pcap([syn, syn, data, data]))
    (row,) = rows["connection"]
    assert (row["src_first"], row["src_payload"], row["src_messages"], row["src_packets"]) == (b"hello", 5, 1, 4)
    assert (row["src_ip"], row["dst_ip"]) == (CLIENT, SERVER)
