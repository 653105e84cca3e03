"""From datagrams of exporters to connections: every version and form tells the same conversation the same way."""

from __future__ import annotations

import ipaddress
import itertools
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kanaria.formats.netflow_datagrams import MAGIC, NetflowDatagrams, frame
from tests.reading_formats import Everything, read_all

NOW = 1_768_003_260
UPTIME = 100_000
BOOT_MS = NOW * 1000 - UPTIME
WHEN = datetime.fromtimestamp(NOW - 60, UTC)
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
DONE = SYN | ACK | PSH | FIN


@dataclass(frozen=True)
class Flow:
    """One direction of a conversation: ends, when it began and how long it went on (ms after NOW - 60 s)."""

    src: str = "192.0.2.10"
    dst: str = "203.0.113.5"
    sport: int = 50_000
    dport: int = 443
    begin: int = 0
    span: int = 12_250
    size: int = 400
    count: int = 5
    flags: int = DONE
    protocol: int = 6

    def back(self, **changes: Any) -> Flow:
        """The other direction, which began a little later."""
        turned = replace(self, src=self.dst, dst=self.src, sport=self.dport, dport=self.sport, begin=self.begin + 10)
        return replace(turned, **{"span": self.span - 10, "size": 620, "count": 3, **changes})

    @property
    def first_ms(self) -> int:
        return (NOW - 60) * 1000 + self.begin

    @property
    def ends(self) -> tuple[bytes, bytes]:
        source, target = (ipaddress.ip_address(one).packed for one in (self.src, self.dst))
        return source, target


# --- exporters ----------------------------------------------------------------------------------------------------------


def version5(*flows: Flow, now: int = NOW) -> bytes:
    """Cisco's version 5: a header of 24 bytes and records of 48; IPv4 alone."""
    out = struct.pack("!HHIIIIBBH", 5, len(flows), UPTIME, now, 0, 1, 0, 0, 0)
    for one in flows:
        up = one.first_ms - BOOT_MS
        source, target = one.ends
        out += source + target + bytes(4) + struct.pack(
            "!HHIIIIHHBBBBHHBBH", 1, 2, one.count, one.size, up, up + one.span, one.sport, one.dport, 0, one.flags,
            one.protocol, 0, 0, 0, 24, 24, 0,
        )  # fmt: skip
    return out


def _set(number: int, body: bytes) -> bytes:
    return struct.pack("!HH", number, 4 + len(body)) + body


def _version9(flows: Sequence[Flow], *, template: bool, data: bool) -> bytes:
    """RFC 3954: uptimes of the exporter; one template for each family."""
    sets = []
    for number, size in ((256, 4), (257, 16)):
        addresses = ((8, 4), (12, 4)) if size == 4 else ((27, 16), (28, 16))
        fields = (*addresses, (7, 2), (11, 2), (4, 1), (6, 1), (1, 4), (2, 4), (22, 4), (21, 4))
        if template:
            sets.append(
                _set(0, struct.pack("!HH", number, len(fields)) + b"".join(struct.pack("!HH", *f) for f in fields))
            )
        body = b""
        for one in flows:
            if len(one.ends[0]) == size:
                up = one.first_ms - BOOT_MS
                body += b"".join(one.ends) + struct.pack(
                    "!HHBBIIII", one.sport, one.dport, one.protocol, one.flags, one.size, one.count, up, up + one.span
                )
        if body and data:
            sets.append(_set(number, body + bytes(-len(body) % 4)))
    return struct.pack("!HHIIII", 9, len(sets), UPTIME, NOW, 1, 7) + b"".join(sets)


def version9(*flows: Flow) -> bytes:
    return _version9(flows, template=True, data=True)


def ipfix(*flows: Flow) -> bytes:
    """RFC 7011: milliseconds since 1970, counters of eight bytes, flags of two."""
    sets = []
    for number, size in ((300, 4), (301, 16)):
        addresses = ((8, 4), (12, 4)) if size == 4 else ((27, 16), (28, 16))
        fields = (*addresses, (7, 2), (11, 2), (4, 1), (6, 2), (1, 8), (2, 8), (152, 8), (153, 8))
        sets.append(_set(2, struct.pack("!HH", number, len(fields)) + b"".join(struct.pack("!HH", *f) for f in fields)))
        body = b"".join(
            b"".join(one.ends) + struct.pack(
                "!HHBHQQQQ", one.sport, one.dport, one.protocol, one.flags, one.size, one.count, one.first_ms,
                one.first_ms + one.span,
            )
            for one in flows if len(one.ends[0]) == size
        )  # fmt: skip
        if body:
            sets.append(_set(number, body))
    inside = b"".join(sets)
    return struct.pack("!HHIII", 10, 16 + len(inside), NOW, 1, 7) + inside


EXPORTERS = {"5": version5, "9": version9, "ipfix": ipfix}


def read(*datagrams: bytes, exporter: str = "192.0.2.1", received: int = NOW) -> Everything:
    data = MAGIC + b"".join(frame(received * 1_000_000, exporter, one) for one in datagrams)
    return read_all(NetflowDatagrams(), data, "flows")


def connections(*datagrams: bytes, **context: Any) -> list[dict[str, Any]]:
    found = read(*datagrams, **context)
    assert not found.rejects
    return found.rows_of("connection")


SIX = Flow(src="2001:db8::10", dst="2001:db8::5")


@pytest.mark.parametrize("version", EXPORTERS)
@pytest.mark.parametrize("order", ["question first", "answer first", "apart"])
def test_both_directions_are_one_connection(version: str, order: str) -> None:
    export, flow = EXPORTERS[version], Flow()
    both = [flow, flow.back()] if order != "answer first" else [flow.back(), flow]
    datagrams = [export(one) for one in both] if order == "apart" else [export(*both)]
    (row,) = connections(*datagrams)
    assert (row["src_ip"], row["src_port"], row["dst_ip"], row["dst_port"]) == (
        "192.0.2.10",
        50_000,
        "203.0.113.5",
        443,
    )
    assert (row["src_bytes"], row["dst_bytes"], row["src_packets"], row["dst_packets"]) == (400, 620, 5, 3)
    assert (row["time"], row["duration_us"], row["transport"]) == (WHEN, 12_250_000, "tcp")
    assert (row["state"], row["sensor"], row["open"]) == ("SF", "netflow", False)


@pytest.mark.parametrize("version", ["9", "ipfix"])
def test_both_families_in_one_datagram(version: str) -> None:
    rows = connections(EXPORTERS[version](Flow(), SIX, Flow().back(), SIX.back()))
    assert sorted((row["src_ip"], row["dst_ip"], row["dst_bytes"]) for row in rows) == [
        ("192.0.2.10", "203.0.113.5", 620), ("2001:db8::10", "2001:db8::5", 620),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "flows", [(Flow(), Flow().back()), (Flow(), Flow(sport=50_001), Flow(dst="203.0.113.6"))], ids=["one", "three"]
)
def test_every_version_tells_the_same(flows: tuple[Flow, ...]) -> None:
    told = []
    for export in EXPORTERS.values():
        told.append(
            [{key: value for key, value in row.items() if key != "event_id"} for row in connections(export(*flows))]
        )
    assert told[0] == told[1] == told[2]


# --- who began, and how it ended ----------------------------------------------------------------------------------------

ENDINGS: dict[str, tuple[int, int | None, str]] = {
    "all in order": (DONE, DONE, "SF"),
    "still open": (SYN | ACK | PSH, SYN | ACK | PSH, "S1"),
    "nobody answered": (SYN, None, "S0"),
    "refused": (SYN, RST | ACK, "REJ"),
    "the client reset it": (SYN | ACK | PSH | RST, SYN | ACK | PSH, "RSTO"),
    "the server reset it": (SYN | ACK | PSH, SYN | ACK | PSH | RST, "RSTR"),
}


@pytest.mark.parametrize("name", ENDINGS)
@pytest.mark.parametrize("version", EXPORTERS)
def test_how_a_connection_ended_is_seen_from_its_flags(name: str, version: str) -> None:
    """The OR of all a side sent is all an exporter tells."""
    ours, theirs, state = ENDINGS[name]
    flow = Flow(flags=ours)
    both = [flow] if theirs is None else [flow, flow.back(flags=theirs)]
    (row,) = connections(EXPORTERS[version](*both))
    assert (row["state"], row["src_ip"], row["dst_port"]) == (state, "192.0.2.10", 443)


@pytest.mark.parametrize("version", EXPORTERS)
def test_who_sent_first_is_the_client_whatever_its_port(version: str) -> None:
    flow = Flow(sport=22, dport=50_000, flags=SYN | ACK)
    (row,) = connections(EXPORTERS[version](flow.back(flags=SYN | ACK), flow))
    assert (row["src_ip"], row["src_port"]) == ("192.0.2.10", 22)


@pytest.mark.parametrize("version", EXPORTERS)
def test_of_a_conversation_met_in_the_middle_the_low_port_serves(version: str) -> None:
    """Without a SYN the beginning was missed, and who happened to be seen first says nothing."""
    answer = Flow(src="203.0.113.5", dst="192.0.2.10", sport=443, dport=50_000, flags=ACK | PSH)
    (row,) = connections(EXPORTERS[version](answer, answer.back(flags=ACK | PSH)))
    assert (row["src_ip"], row["dst_port"]) == ("192.0.2.10", 443)


@pytest.mark.parametrize("version", EXPORTERS)
@pytest.mark.parametrize("protocol", [17, 132])
def test_datagrams_have_ends_too(version: str, protocol: int) -> None:
    flow = Flow(protocol=protocol, flags=0, dport=53)
    (row,) = connections(EXPORTERS[version](flow, flow.back()))
    assert (row["transport"], row["dst_port"], row["state"]) == (
        {17: "udp", 132: "sctp"}[protocol],
        53,
        "SF" if protocol == 17 else row["state"],
    )


@pytest.mark.parametrize("version", EXPORTERS)
def test_icmps_kind_and_code_lie_in_the_port(version: str) -> None:
    """Version 5 and its heirs write kind * 256 + code into the destination port: an echo is 2048."""
    flow = Flow(protocol=1, sport=0, dport=8 << 8, flags=0)
    answer = replace(flow.back(), sport=0, dport=0)
    (row,) = connections(EXPORTERS[version](flow, answer))
    assert (row["transport"], row["src_ip"], row["src_port"], row["dst_port"]) == ("icmp", "192.0.2.10", 8, 0)
    assert (row["src_packets"], row["dst_packets"]) == (5, 3)


# --- slices -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", EXPORTERS)
@pytest.mark.parametrize(("silence", "count"), [(0, 1), (59_000, 1), (61_000, 2)])
def test_slices_of_a_long_connection(version: str, silence: int, count: int) -> None:
    """An exporter hands on what it has every so often (active timeout); a minute of silence ends a conversation."""
    first = Flow(begin=-30_000, span=10_000, flags=SYN | ACK)
    second = Flow(begin=-20_000 + silence, span=20_000, flags=ACK | FIN)
    rows = connections(EXPORTERS[version](first, second))
    assert len(rows) == count
    assert sum(row["src_bytes"] for row in rows) == 800


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_slices_in_any_order_are_one_connection(order: tuple[int, ...]) -> None:
    slices = [Flow(begin=20_000 * number, span=20_000, size=100 + number) for number in range(3)]
    (row,) = connections(*(ipfix(slices[at]) for at in order))
    assert (row["src_bytes"], row["duration_us"], row["time"]) == (303, 60_000_000, WHEN)


# --- clocks, templates, strangers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("off", [-30, 0, 50])
def test_a_clock_that_is_a_little_off_is_left_alone(off: int) -> None:
    (row,) = connections(ipfix(Flow()), received=NOW - off)
    assert row["time"] == WHEN


@pytest.mark.parametrize("off", [-7200, -86_400, 3600, 86_400 * 365])
def test_the_collectors_clock_decides_where_the_exporters_cannot_be_right(off: int) -> None:
    """Flows are placed where they were received; how long they took stays."""
    (row,) = connections(ipfix(Flow()), received=NOW - off)
    assert row["time"] == datetime.fromtimestamp(NOW - off, UTC) - timedelta(seconds=12.25)
    assert row["duration_us"] == 12_250_000


def test_data_before_its_template_is_told_and_what_follows_is_read() -> None:
    early, template, late = (
        _version9([Flow()], template=one, data=two) for one, two in ((False, True), (True, False), (False, True))
    )
    found = read(early, template, late)
    assert [reject.row for reject in found.rejects] == [1]
    assert "template" in found.rejects[0].reason
    assert [row["src_bytes"] for row in found.rows_of("connection")] == [400]


def test_exporters_do_not_share_templates() -> None:
    first, second = _version9([Flow()], template=True, data=False), _version9([Flow()], template=False, data=True)
    data = MAGIC + frame(NOW * 1_000_000, "192.0.2.1", first) + frame(NOW * 1_000_000, "192.0.2.2", second)
    found = read_all(NetflowDatagrams(), data, "flows")
    assert (found.rows_of("connection"), [reject.row for reject in found.rejects]) == ([], [2])


def test_a_collector_hands_on_in_between_and_goes_on_counting() -> None:
    """An empty datagram is its sign; numbers of records, and so the ids of connections, go on."""
    found = read(
        version5(Flow()), b"", version5(Flow(sport=50_001), Flow(sport=50_002)), b"", version5(Flow(sport=50_003))
    )
    assert [len(batch.tables["connection"]) for batch in found.batches] == [1, 2, 1]
    rows = found.rows_of("connection")
    assert [row["line"] for row in rows] == [1, 2, 3, 4]
    assert len({row["event_id"] for row in rows}) == 4
    assert found.batches[-1].position.row == 5


@pytest.mark.parametrize("version", EXPORTERS)
def test_the_largest_counts_there_can_be(version: str) -> None:
    most = 2**32 - 1 if version != "ipfix" else 2**64 - 1
    (row,) = connections(EXPORTERS[version](Flow(size=most, count=2**32 - 1)))
    assert row["src_bytes"] == min(most, 1 << 62)
    assert row["src_packets"] == 2**32 - 1


def recording(datagrams: Sequence[bytes]) -> Everything:
    """Each from an exporter of its own, so that a broken template spoils no other's data."""
    frames = (frame(NOW * 1_000_000, f"192.0.2.{number % 250}:{number}", one) for number, one in enumerate(datagrams))
    return read_all(NetflowDatagrams(), MAGIC + b"".join(frames), "flows")


@pytest.mark.parametrize("version", EXPORTERS)
def test_cut_at_any_byte_no_flow_is_told_that_was_not_sent(version: str) -> None:
    whole = EXPORTERS[version](Flow(), Flow(sport=50_001))
    found = recording([whole[:size] for size in range(1, len(whole))])
    rows = found.rows_of("connection")
    assert 50_000 in {row["src_port"] for row in rows} <= {50_000, 50_001}
    assert {row["src_bytes"] for row in rows} <= {400 * count for count in range(1, len(whole))}
    assert len(found.rejects) > len(whole) // 2


@pytest.mark.parametrize("version", EXPORTERS)
def test_a_byte_changed_anywhere_ends_nothing_and_no_time_leaves_the_calendar(version: str) -> None:
    whole = EXPORTERS[version](Flow())
    broken = [whole[:place] + bytes((whole[place] ^ 0xFF,)) + whole[place + 1 :] for place in range(len(whole))]
    found = recording([*broken, EXPORTERS[version](Flow(sport=50_009))])
    rows = found.rows_of("connection")
    assert 50_009 in {row["src_port"] for row in rows}
    assert all(2000 < row["time"].year < 2100 for row in rows)
    assert all(0 <= row["duration_us"] < 50 * 86_400_000_000 for row in rows)


@pytest.mark.parametrize(
    ("first", "last", "began", "span"),
    [
        (-60, -48, -60, 12), (-60, 2**40, -60, 0), (-(2**30), -48, 0, 0), (2**40, 2**40, 0, 0), (-60, -61, -60, 0),
        (-7 * 86_400, -10, -7 * 86_400, 7 * 86_400 - 10),
    ],
    ids=["right", "ends in ages", "began long ago", "both in ages", "ends before it began", "softflowd's longest"],
)  # fmt: skip
def test_times_that_cannot_be_are_not_believed(first: int, last: int, began: int, span: int) -> None:
    """No flow lasts longer than what counts its time: 32 bits of milliseconds."""
    fields = ((8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (1, 4), (2, 4), (152, 8), (153, 8))
    template = struct.pack("!HH", 300, len(fields)) + b"".join(struct.pack("!HH", *field) for field in fields)
    body = b"".join(Flow().ends) + struct.pack(
        "!HHBBIIQQ", 50_000, 443, 6, DONE, 400, 5, (NOW + first) * 1000, (NOW + last) * 1000
    )
    inside = _set(2, template) + _set(300, body)
    (row,) = connections(struct.pack("!HHIII", 10, 16 + len(inside), NOW, 1, 7) + inside)
    assert (row["time"], row["duration_us"]) == (datetime.fromtimestamp(NOW + began, UTC), span * 1_000_000)


OURS, THEIRS, PRIVATE = 0, 29305, 32473
"""IANA's own fields, those of the way back (RFC 5103), and an enterprise's (RFC 5612's number for documents)."""


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize("place", ["before", "behind"])
def test_a_record_of_both_directions_with_fields_of_an_enterprise(answered: bool, place: str) -> None:
    """An enterprise's field number 1 is not IANA's octets, wherever it stands."""
    private = [(1, 4, PRIVATE, 77), (8, 4, PRIVATE, 0x01020304), (4, 1, PRIVATE, 17)]
    fields = [
        (8, 4, OURS, int.from_bytes(Flow().ends[0], "big")), (12, 4, OURS, int.from_bytes(Flow().ends[1], "big")),
        (7, 2, OURS, 50_000), (11, 2, OURS, 443), (4, 1, OURS, 6), (6, 1, OURS, DONE if answered else SYN),
        (1, 8, OURS, 400), (2, 8, OURS, 5), (152, 8, OURS, Flow().first_ms), (153, 8, OURS, Flow().first_ms + 12_250),
        (1, 8, THEIRS, 620 if answered else 0), (2, 8, THEIRS, 3 if answered else 0),
        (6, 1, THEIRS, DONE if answered else 0),
    ]  # fmt: skip
    fields = [*private, *fields] if place == "before" else [*fields, *private]
    template, record = struct.pack("!HH", 400, len(fields)), b""
    for number, size, enterprise, value in fields:
        template += struct.pack("!HH", number | (0x8000 if enterprise else 0), size)
        template += struct.pack("!I", enterprise) if enterprise else b""
        record += value.to_bytes(size, "big")
    inside = _set(2, template) + _set(400, record)
    (row,) = connections(struct.pack("!HHIII", 10, 16 + len(inside), NOW, 1, 7) + inside)
    assert (row["src_ip"], row["transport"], row["src_bytes"], row["src_packets"]) == ("192.0.2.10", "tcp", 400, 5)
    assert (row["dst_bytes"], row["dst_packets"], row["state"]) == ((620, 3, "SF") if answered else (0, 0, "S0"))
