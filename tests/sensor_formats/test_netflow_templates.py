"""NetFlow v5, v9 (RFC 3954) and IPFIX (RFC 7011, RFC 5103, RFC 5477): every form a flow comes in, as the standards have it."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import pytest

from kanaria.formats.netflow_datagrams import MAGIC, NetflowDatagrams, frame
from kanaria.formats.netflow_wire import Decoder
from tests.reading_formats import read_all

NOW = 1_768_003_260
UPTIME = 100_000
"""Milliseconds the exporter has been up when it sends, so that it started at ``NOW`` - 100 s."""
WHO = "192.0.2.1"
A4, B4 = bytes([192, 0, 2, 10]), bytes([203, 0, 113, 5])
A6, B6 = bytes.fromhex("20010db8" + "00" * 11 + "10"), bytes.fromhex("20010db8" + "00" * 11 + "05")

Field = tuple[int, int, int]
"""(number, value, length in bytes)."""


def fields_of(values: Sequence[Field]) -> tuple[bytes, bytes]:
    """(template fields, record)."""
    plain = b"".join(struct.pack("!HH", number, size) for number, _value, size in values)
    return plain, b"".join(value.to_bytes(size, "big") for _number, value, size in values)


def set_of(number: int, body: bytes) -> bytes:
    return struct.pack("!HH", number, 4 + len(body)) + body


def v9(*sets: bytes, domain: int = 7) -> bytes:
    return struct.pack("!HHIIII", 9, len(sets), UPTIME, NOW, 1, domain) + b"".join(sets)


def ipfix(*sets: bytes, domain: int = 7) -> bytes:
    body = b"".join(sets)
    return struct.pack("!HHIII", 10, 16 + len(body), NOW, 1, domain) + body


def number(data: bytes) -> int:
    return int.from_bytes(data, "big")


ENDS: list[Field] = [(8, number(A4), 4), (12, number(B4), 4), (7, 50000, 2), (11, 443, 2), (4, 6, 1)]
COUNTS: list[Field] = [(1, 400, 4), (2, 5, 4)]


def decoded(version: int, values: Sequence[Field], *before: bytes, decoder: Decoder | None = None) -> dict[str, Any]:
    """The one record of a datagram with its own template."""
    plain, record = fields_of(values)
    wrap = v9 if version == 9 else ipfix
    template = set_of(0 if version == 9 else 2, struct.pack("!HH", 256, len(values)) + plain)
    (found,) = (decoder or Decoder()).decode(wrap(template, *before, set_of(256, record)), WHO)
    return found


def at(seconds: float) -> int:
    """Microseconds of so many seconds after ``NOW``."""
    return NOW * 1_000_000 + round(seconds * 1_000_000)


# --- when ---------------------------------------------------------------------------------------------------------------

TIMES: dict[str, tuple[int, list[Field], tuple[float, float]]] = {
    "since the exporter started": (9, [(22, 40_000, 4), (21, 52_250, 4)], (-60, -47.75)),
    "seconds": (10, [(150, NOW - 60, 4), (151, NOW - 48, 4)], (-60, -48)),
    "milliseconds": (10, [(152, (NOW - 60) * 1000 + 250, 8), (153, (NOW - 48) * 1000, 8)], (-59.75, -48)),
    "milliseconds, also in version 9": (9, [(152, (NOW - 60) * 1000, 8), (153, (NOW - 48) * 1000, 8)], (-60, -48)),
    "microseconds as NTP writes them": (
        10, [(154, (NOW - 60 + 2_208_988_800) << 32 | 1 << 31, 8), (155, (NOW - 48 + 2_208_988_800) << 32, 8)], (-59.5, -48),
    ),
    "nanoseconds as NTP writes them": (
        10, [(156, (NOW - 60 + 2_208_988_800) << 32, 8), (157, (NOW - 48 + 2_208_988_800) << 32 | 1 << 30, 8)], (-60, -47.75),
    ),
    "microseconds before the export": (10, [(158, 60_000_000, 4), (159, 48_000_000, 4)], (-60, -48)),
    "a beginning and how long": (10, [(152, (NOW - 60) * 1000, 8), (161, 12_250, 4)], (-60, -47.75)),
    "since a start that the record names": (10, [(160, (NOW - 100) * 1000, 8), (22, 40_000, 4), (21, 52_000, 4)], (-60, -48)),
    "an observation alone": (10, [(323, (NOW - 5) * 1000, 8)], (-5, -5)),
    "a beginning alone": (10, [(150, NOW - 60, 4)], (-60, -60)),
    "none: it was exported now": (10, [], (0, 0)),
}  # fmt: skip


@pytest.mark.parametrize("name", TIMES)
def test_times_in_every_form(name: str) -> None:
    version, times, (first, last) = TIMES[name]
    record = decoded(version, [*ENDS, *COUNTS, *times])
    assert (record["first"], record["last"]) == (at(first), at(last))


@pytest.mark.parametrize(
    ("uptime", "first", "last", "began", "ended"),
    [
        (100_000, 40_000, 52_000, -60, -48),
        (1_000, 2**32 - 5_000, 500, -6, -0.5),  # the counter of 32 bits went round in the middle: after 49.7 days
        (1_000, 2**32 - 5_000, 2**32 - 4_000, -6, -5),
        (2**32 - 1, 2**32 - 1_001, 2**32 - 1, -1, 0),
    ],
)
def test_uptimes_that_went_round(uptime: int, first: int, last: int, began: float, ended: float) -> None:
    record = struct.pack(
        "!4s4s4sHHIIIIHHBBBBHHBBH", A4, B4, bytes(4), 0, 0, 5, 400, first, last, 1, 2, 0, 0, 6, 0, 0, 0, 0, 0, 0
    )
    five = struct.pack("!HHIIIIBBH", 5, 1, uptime, NOW, 0, 1, 0, 0, 0) + record
    plain, body = fields_of([*ENDS, *COUNTS, (22, first, 4), (21, last, 4)])
    sets = set_of(0, struct.pack("!HH", 256, 9) + plain) + set_of(256, body)
    nine = struct.pack("!HHIIII", 9, 2, uptime, NOW, 1, 7) + sets
    for datagram in (five, nine):
        (found,) = Decoder().decode(datagram, WHO)
        assert (found["first"], found["last"]) == (at(began), at(ended))


# --- what ---------------------------------------------------------------------------------------------------------------

CONTENTS: dict[str, tuple[list[Field], dict[str, Any]]] = {
    "IPv4": ([*ENDS, *COUNTS], {"src_ip": "192.0.2.10", "dst_ip": "203.0.113.5", "src_port": 50000, "dst_port": 443, "protocol": 6,
                                "bytes": 400, "packets": 5}),
    "IPv6": ([(27, number(A6), 16), (28, number(B6), 16), *ENDS[2:], *COUNTS], {"src_ip": "2001:db8::10", "dst_ip": "2001:db8::5"}),
    "both families in one template, IPv4 meant": (
        [(27, 0, 16), (28, 0, 16), *ENDS, *COUNTS], {"src_ip": "192.0.2.10", "dst_ip": "203.0.113.5"},
    ),
    "counts of eight bytes": ([*ENDS, (1, 5_000_000_000, 8), (2, 4_000_000, 8)], {"bytes": 5_000_000_000, "packets": 4_000_000}),
    "counts of three bytes": ([*ENDS, (1, 70_000, 3), (2, 70, 3)], {"bytes": 70_000, "packets": 70}),  # RFC 7011, 6.2
    "counts of the whole flow": ([*ENDS, (85, 400, 8), (86, 5, 8)], {"bytes": 400, "packets": 5}),
    "counts of what left": ([*ENDS, (23, 400, 4), (24, 5, 4)], {"bytes": 400, "packets": 5}),
    "initiator and responder": ([*ENDS, (231, 400, 4), (232, 620, 4), (298, 5, 4), (299, 3, 4)],
                                {"bytes": 400, "bytes_rev": 620, "packets": 5, "packets_rev": 3}),
    "flags": ([*ENDS, *COUNTS, (6, 0x1B, 1)], {"flags": 0x1B}),
    "flags of two bytes": ([*ENDS, *COUNTS, (6, 0x011B, 2)], {"flags": 0x1B}),
    "ping": ([*ENDS[:2], (4, 1, 1), (32, 0x0800, 2), *COUNTS], {"protocol": 1, "dst_port": 0x0800, "src_port": 0}),
    "ping of IPv6 in two fields": (
        [(27, number(A6), 16), (28, number(B6), 16), (4, 58, 1), (178, 128, 1), (179, 0, 1), *COUNTS], {"protocol": 58, "dst_port": 0x8000},
    ),
    "fields nobody asked for": (
        [(61, 0, 1), (10, 4, 4), *ENDS, (56, 0x00005E005301, 6), (58, 7, 2), *COUNTS, (16, 64500, 4)], {"bytes": 400, "src_port": 50000},
    ),
    "in another order": (list(reversed([*ENDS, *COUNTS])), {"src_ip": "192.0.2.10", "dst_port": 443, "bytes": 400}),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTENTS)
@pytest.mark.parametrize("version", [9, 10])
def test_contents(name: str, version: int) -> None:
    values, meant = CONTENTS[name]
    record = decoded(version, values)
    assert {key: record[key] for key in meant} == meant


def test_a_record_without_addresses_is_no_flow() -> None:
    plain, record = fields_of([(4, 6, 1), *COUNTS])
    sets = set_of(0, struct.pack("!HH", 256, 3) + plain), set_of(256, record)
    assert Decoder().decode(v9(*sets), WHO) == []


# --- sampling -----------------------------------------------------------------------------------------------------------

SAMPLED: dict[str, tuple[list[Field], int]] = {
    "an interval": ([(34, 100, 4), (35, 1, 1)], 100),  # one packet in so many (IANA: samplingInterval)
    "a sampler's interval": ([(48, 1, 1), (49, 2, 1), (50, 512, 4)], 512),
    "one packet, then a space": ([(302, 1, 8), (304, 1, 2), (305, 1, 4), (306, 999, 4)], 1000),  # RFC 5477, 8.2
    "ten packets, then a space": ([(304, 1, 2), (305, 10, 4), (306, 90, 4)], 10),
    "a size out of a population": ([(304, 3, 2), (309, 2, 4), (310, 2000, 4)], 1000),
    "nothing left out": ([(34, 1, 4)], 1),
}  # fmt: skip


def options(version: int, values: Sequence[Field], ident: int = 257) -> tuple[bytes, bytes]:
    """(options template set, data set); the scope is the whole device."""
    plain, record = fields_of(values)
    scope = struct.pack("!HH", 1, 4)
    if version == 9:
        head = struct.pack("!HHH", ident, 4, len(plain))
        return set_of(1, head + scope + plain), set_of(ident, bytes(4) + record)
    head = struct.pack("!HHH", ident, 1 + len(values), 1)
    return set_of(3, head + struct.pack("!HH", 144, 4) + plain), set_of(ident, bytes(4) + record)


@pytest.mark.parametrize("name", SAMPLED)
@pytest.mark.parametrize("version", [9, 10])
def test_counts_of_samplers_are_those_of_the_wire(name: str, version: int) -> None:
    values, times = SAMPLED[name]
    record = decoded(version, [*ENDS, *COUNTS], *options(version, values))
    assert (record["bytes"], record["packets"]) == (400 * times, 5 * times)


def test_a_sampler_is_of_its_exporter_and_domain_alone() -> None:
    decoder = Decoder()
    decoder.decode(v9(*options(9, [(34, 100, 4)])), WHO)
    decoder.decode(v9(*options(9, [(34, 7, 4)]), domain=8), WHO)
    assert decoded(9, [*ENDS, *COUNTS], decoder=decoder)["bytes"] == 40_000
    plain, record = fields_of([*ENDS, *COUNTS])
    sets = set_of(0, struct.pack("!HH", 256, 7) + plain), set_of(256, record)
    (other,) = decoder.decode(v9(*sets), "192.0.2.2")
    assert other["bytes"] == 400


def test_several_options_templates_in_one_set() -> None:
    one, two = (options(9, values, ident)[0][4:] for values, ident in (([(41, 1, 4)], 300), ([(34, 100, 4)], 301)))
    data = options(9, [(34, 100, 4)], 301)[1]
    record = decoded(9, [*ENDS, *COUNTS], set_of(1, one + two), data)
    assert record["bytes"] == 40_000


# --- templates ------------------------------------------------------------------------------------------------------------


def _two_shapes() -> tuple[bytes, bytes, bytes, bytes]:
    short, short_data = fields_of([*ENDS, (1, 400, 4)])
    long, long_data = fields_of([*ENDS, (1, 400, 8), (2, 5, 4)])
    return (struct.pack("!HH", 256, 6) + short, short_data, struct.pack("!HH", 257, 7) + long, long_data)


def test_several_templates_in_one_set_and_several_records_in_one() -> None:
    short, short_data, long, long_data = _two_shapes()
    sets = set_of(0, short + long), set_of(256, short_data * 3 + b"\0\0\0"), set_of(257, long_data * 2)
    records = Decoder().decode(v9(*sets), WHO)
    assert [record["packets"] for record in records] == [0, 0, 0, 5, 5]


def test_a_template_that_changed_counts_from_then_on() -> None:
    decoder = Decoder()
    short, short_data, _, _ = _two_shapes()
    decoder.decode(v9(set_of(0, short)), WHO)
    (before,) = decoder.decode(v9(set_of(256, short_data)), WHO)
    plain, record = fields_of([(12, number(B4), 4), (8, number(A4), 4), (1, 7, 8)])
    decoder.decode(v9(set_of(0, struct.pack("!HH", 256, 3) + plain)), WHO)
    (after,) = decoder.decode(v9(set_of(256, record)), WHO)
    assert (before["bytes"], after["bytes"], after["src_ip"]) == (400, 7, "192.0.2.10")


@pytest.mark.parametrize("other", [{"domain": 8}, {"exporter": "192.0.2.2"}])
def test_a_template_is_of_its_exporter_and_domain_alone(other: dict[str, Any]) -> None:
    decoder = Decoder()
    short, short_data, _, _ = _two_shapes()
    decoder.decode(v9(set_of(0, short)), WHO)
    asked = v9(set_of(256, short_data), domain=other.get("domain", 7))
    assert decoder.decode(asked, other.get("exporter", WHO)) == []
    assert decoder.without_template == 1


def test_a_template_that_was_withdrawn_reads_nothing_more() -> None:
    """RFC 7011, 8.1: a template of no fields takes the one of that number back."""
    decoder = Decoder()
    short, short_data, _, _ = _two_shapes()
    decoder.decode(ipfix(set_of(2, short)), WHO)
    decoder.decode(ipfix(set_of(2, struct.pack("!HH", 256, 0))), WHO)
    assert decoder.decode(ipfix(set_of(256, short_data)), WHO) == []
    assert decoder.without_template == 1


@pytest.mark.parametrize("size", [3, 254, 255, 300, 1000])
def test_values_of_variable_length(size: int) -> None:
    """RFC 7011, 7: one byte of length below 255, else 255 and two bytes."""
    plain, record = fields_of([*ENDS, *COUNTS])
    template = struct.pack("!HH", 256, 8) + struct.pack("!HH", 96, 65535) + plain
    name = (bytes([size]) if size < 255 else b"\xff" + struct.pack("!H", size)) + b"n" * size
    records = Decoder().decode(ipfix(set_of(2, template), set_of(256, (name + record) * 2)), WHO)
    assert [one["bytes"] for one in records] == [400, 400]


# --- damage and files -------------------------------------------------------------------------------------------------------


def v5(count: int, said: int | None = None) -> bytes:
    record = struct.pack(
        "!4s4s4sHHIIIIHHBBBBHHBBH",
        A4,
        B4,
        bytes(4),
        0,
        0,
        5,
        400,
        40_000,
        52_000,
        50000,
        443,
        0,
        0x1B,
        6,
        0,
        0,
        0,
        0,
        0,
        0,
    )
    return struct.pack("!HHIIIIBBH", 5, count if said is None else said, UPTIME, NOW, 0, 1, 0, 0, 0) + record * count


def read(*datagrams: bytes) -> Any:
    return read_all(
        NetflowDatagrams(), MAGIC + b"".join(frame(NOW * 1_000_000, WHO, one) for one in datagrams), "flows"
    )


def test_a_broken_datagram_costs_nothing_of_its_neighbours() -> None:
    for broken in (b"\0\7", b"\0\5", b"\0\x09" + bytes(5), b"\xff" * 40, b"GET / HTTP/1.1\r\n\r\n"):
        found = read(v5(1), broken, v5(1))
        assert [reject.row for reject in found.rejects] == [2], broken
        assert sum(row["src_packets"] or 0 for row in found.tables["connection"].to_pylist()) == 10, broken


@pytest.mark.parametrize("size", range(24, 24 + 3 * 48, 7))
def test_of_a_datagram_that_is_cut_the_whole_records_are_kept_and_the_cut_is_told(size: int) -> None:
    found = read(v5(3)[:size])
    packets = sum(row["src_packets"] or 0 for row in found.tables["connection"].to_pylist()) if found.tables else 0
    assert packets == 5 * ((size - 24) // 48)
    assert "cut off" in found.rejects[0].reason


def test_a_recording_cut_at_any_byte_keeps_what_was_whole() -> None:
    one, two = frame(NOW * 1_000_000, WHO, v5(1)), frame(NOW * 1_000_000, WHO, v5(1))
    for size in range(len(one), len(one) + len(two)):
        found = read_all(NetflowDatagrams(), MAGIC + (one + two)[:size], "flows")
        assert sum(row["src_packets"] or 0 for row in found.tables["connection"].to_pylist()) == 5
