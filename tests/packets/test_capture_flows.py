"""Captures of every shape become the same connection row."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from build_packets import (
    ACK,
    CLIENT,
    FIN,
    PSH,
    RST,
    SERVER,
    SYN,
    Reader,
    Result,
    conversation,
    ethernet,
    ip,
    pcap,
    pcapng,
    tcp,
    udp,
)  # fmt: skip

from kanaria.formats.packets import window
from kanaria.formats.packets.fragments import WORDS as FRAGMENTS

SCRIPT = [("c", b'{"id":1,"method":"login"}\n'), ("s", b'{"id":1,"result":{}}\n')]
BARE = [frame[14:] for frame in conversation(SCRIPT)]


def _one(result: Result) -> dict[str, object]:
    rows, rejects = result
    assert not rejects
    (row,) = rows["connection"]
    return dict(row)


def _shape(row: dict[str, object]) -> dict[str, object]:
    names = (
        "src_ip", "src_port", "dst_ip", "dst_port", "transport", "state", "history", "src_bytes", "dst_bytes",
        "src_packets", "dst_packets", "src_payload", "dst_payload", "src_first", "dst_first", "duration_us",
    )  # fmt: skip
    return {name: row[name] for name in names}


EXPECTED = {
    "src_ip": CLIENT, "src_port": 40000, "dst_ip": SERVER, "dst_port": 443, "transport": "tcp", "state": "SF",
    "history": "ShADdFf", "src_bytes": 226, "dst_bytes": 141, "src_packets": 5, "dst_packets": 3,
    "src_payload": 26, "dst_payload": 21, "src_first": SCRIPT[0][1], "dst_first": SCRIPT[1][1], "duration_us": 7000,
}  # fmt: skip

LINKS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "ethernet": (1, lambda packet: ethernet(packet)),
    "vlan": (1, lambda packet: ethernet(packet, tags=[7])),
    "qinq": (1, lambda packet: ethernet(packet, tags=[7, 9])),
    "pppoe": (1, lambda packet: bytes(12) + b"\x88\x64\x11\0\0\1" + struct.pack(">HH", len(packet) + 2, 0x21) + packet),
    "mpls": (1, lambda packet: bytes(12) + b"\x88\x47\0\0\x10\x40\0\0\x21\x40" + packet),
    "raw": (101, lambda packet: packet),
    "raw_ipv4": (228, lambda packet: packet),
    "raw_openbsd": (14, lambda packet: packet),
    "null": (0, lambda packet: b"\2\0\0\0" + packet),
    "loop": (108, lambda packet: b"\0\0\0\2" + packet),
    "cooked": (113, lambda packet: bytes(14) + b"\x08\0" + packet),
    "cooked2": (276, lambda packet: b"\x08\0" + bytes(18) + packet),
    "ppp": (9, lambda packet: b"\xff\3\0\x21" + packet),
}


@pytest.mark.parametrize("kind", LINKS)
def test_every_link_type_gives_the_same_row(kind: str, read: Reader) -> None:
    link, wrap = LINKS[kind]
    row = _one(read(pcap([wrap(packet) for packet in BARE], link=link)))
    assert _shape(row) == EXPECTED


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("nano", [False, True])
def test_pcap_in_any_order_and_resolution(order: str, nano: bool, read: Reader) -> None:
    assert _shape(_one(read(pcap(conversation(SCRIPT), order=order, nano=nano)))) == EXPECTED


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("resolution", [None, 6, 9])
def test_pcapng_in_any_order_and_resolution(order: str, resolution: int | None, read: Reader) -> None:
    assert _shape(_one(read(pcapng(conversation(SCRIPT), order=order, resolution=resolution)))) == EXPECTED


def test_ipv6_and_extension_headers(read: Reader) -> None:
    packet = ip(tcp(flags=SYN), src="2001:db8::1", dst="2001:db8::2")
    hop = packet[:6] + b"\0" + packet[7:40] + bytes((6, 0, 0, 0, 0, 0, 0, 0)) + packet[40:]
    hop = hop[:4] + struct.pack(">H", 28) + hop[6:]
    row = _one(read(pcap([ethernet(packet), ethernet(hop)])))
    assert (row["src_ip"], row["dst_ip"], row["src_packets"], row["state"]) == ("2001:db8::1", "2001:db8::2", 2, "S0")


def _states() -> dict[str, list[tuple[str, int]]]:
    return {
        "S0": [("c", SYN)],
        "REJ": [("c", SYN), ("s", RST | ACK)],
        "S1": [("c", SYN), ("s", SYN | ACK), ("c", ACK)],
        "RSTO": [("c", SYN), ("s", SYN | ACK), ("c", ACK), ("c", RST)],
        "RSTR": [("c", SYN), ("s", SYN | ACK), ("c", ACK), ("s", RST)],
        "RSTOS0": [("c", SYN), ("c", RST)],
        "RSTRH": [("s", SYN | ACK), ("s", RST)],
        "SH": [("c", SYN), ("c", FIN | ACK)],
        "SHR": [("s", SYN | ACK), ("s", FIN | ACK)],
        "S2": [("c", SYN), ("s", SYN | ACK), ("c", ACK), ("c", FIN | ACK)],
        "S3": [("c", SYN), ("s", SYN | ACK), ("c", ACK), ("s", FIN | ACK)],
        "OTH": [("c", ACK), ("s", ACK)],
    }


@pytest.mark.parametrize("state", _states())
def test_connection_states_are_those_of_zeek(state: str, read: Reader) -> None:
    frames = [
        ethernet(ip(tcp(flags=flags, seq=5)) if who == "c" else ip(
            tcp(flags=flags, seq=7, sport=443, dport=40000), src=SERVER, dst=CLIENT))
        for who, flags in _states()[state]
    ]  # fmt: skip
    row = _one(read(pcap(frames)))
    assert (row["state"], row["src_ip"], row["dst_port"]) == (state, CLIENT, 443)


def test_reordered_repeated_and_overlapping_segments_give_the_stream_once(read: Reader) -> None:
    text = bytes(range(65, 91)) * 4
    pieces = [(0, 30), (60, 90), (30, 60), (20, 70), (0, 30), (90, 104)]
    frames = [ethernet(ip(tcp(text[low:high], seq=1 + low, flags=ACK | PSH))) for low, high in pieces]
    row = _one(read(pcap([ethernet(ip(tcp(flags=SYN))), *frames])))
    assert row["src_first"] == text
    assert row["src_payload"] == len(text)
    assert "T" in str(row["history"]) and "G" in str(row["history"])


def test_a_hole_closes_up_and_the_rest_is_kept(read: Reader) -> None:
    frames = [
        ethernet(ip(tcp(b"first\n", seq=1, flags=PSH | ACK))),
        ethernet(ip(tcp(b"third\n", seq=13, flags=PSH | ACK))),
    ]
    assert _one(read(pcap(frames)))["src_first"] == b"first\nthird\n"


def test_sequence_numbers_wrap(read: Reader) -> None:
    start = 0xFFFFFFF0
    text = b"0123456789" * 5
    frames = [ethernet(ip(tcp(text[at : at + 10], seq=start + at, flags=ACK))) for at in (0, 20, 10, 30, 40)]
    row = _one(read(pcap(frames)))
    assert (row["src_first"], row["src_payload"]) == (text, 50)


def test_snap_length_cuts_bytes_but_not_counts(read: Reader) -> None:
    row = _one(read(pcap(conversation([("c", b"x" * 500)]), snap=100)))
    assert (row["src_payload"], len(row["src_first"])) == (500, 46)  # type: ignore[arg-type]


def test_messages_are_writes_not_segments(read: Reader) -> None:
    big = [
        ("c", b"a" * 1400),
        ("c", b"b" * 1400),
        ("c", b"c" * 100),
        ("s", b"d" * 64),
        ("s", b"e" * 300),
        ("c", b"f" * 9),
    ]
    row = _one(read(pcap(conversation(big))))
    assert [(m["from_client"], m["length"]) for m in row["messages"]] == [  # type: ignore[attr-defined]
        (True, 2900), (False, 64), (False, 300), (True, 9)]  # fmt: skip
    assert row["pairs"] == [{"request": 2900, "answer": 64, "count": 1, "delay_us": 1000}]
    assert (row["src_messages"], row["dst_messages"]) == (2, 2)


def test_counts_go_on_after_the_two_hundredth_message(read: Reader) -> None:
    script = [("c", b"s" * 185), ("s", b"a" * 64)] * 150
    row = _one(read(pcap(conversation(script))))
    assert len(row["messages"]) == 200  # type: ignore[arg-type]
    assert (row["src_messages"], row["dst_messages"]) == (150, 150)
    assert row["pairs"] == [{"request": 185, "answer": 64, "count": 150, "delay_us": 1000}]
    assert (row["src_gap_mean_us"], row["src_gap_cv"]) == (2000, 0.0)


def test_silence_ends_a_flow_and_a_new_syn_starts_another(read: Reader) -> None:
    call = [(number * 1000, frame) for number, frame in enumerate(conversation(SCRIPT))]
    later = [(at + 400_000_000, frame) for at, frame in call]
    rows, _ = read(pcap([*call, *later, *[(at + 6_000_000, frame) for at, frame in later]]))
    assert [row["state"] for row in rows["connection"]] == ["SF", "SF", "SF"]
    assert len({row["event_id"] for row in rows["connection"]}) == 3
    assert len({row["community_id"] for row in rows["connection"]}) == 1


def test_who_is_the_client_is_seen_from_bytes_when_a_capture_starts_in_the_middle(read: Reader) -> None:
    job = b'{"jsonrpc":"2.0","method":"job","params":{"blob":"00","job_id":"1","target":"ff"}}\n'
    submit = b'{"id":2,"method":"submit","params":{"id":"1","job_id":"1","nonce":"00","result":"00"}}\n'
    frames = [
        ethernet(ip(tcp(job, sport=40000, dport=3333, seq=1, flags=PSH | ACK))),
        ethernet(ip(tcp(submit, sport=3333, dport=40000, seq=1, flags=PSH | ACK), src=SERVER, dst=CLIENT)),
    ]
    row = _one(read(pcap(frames)))
    assert (row["dst_ip"], row["dst_port"], row["src_first"]) == (CLIENT, 40000, submit)
    assert str(row["history"]).startswith("^")


def test_the_lower_port_serves_when_nothing_else_is_known(read: Reader) -> None:
    frames = [ethernet(ip(tcp(b"\0" * 64, sport=3333, dport=40000, flags=ACK), src=SERVER, dst=CLIENT))]
    assert _one(read(pcap(frames)))["dst_port"] == 3333


def test_udp_and_icmp(read: Reader) -> None:
    ping = ip(struct.pack(">BBHHH", 8, 0, 0, 1, 1) + b"x" * 8, proto=1)
    pong = ip(struct.pack(">BBHHH", 0, 0, 0, 1, 1) + b"x" * 8, proto=1, src=SERVER, dst=CLIENT)
    frames = [ip(udp(b"ask" * 9, dport=9999), proto=17), ping, pong]
    rows, rejects = read(pcap([ethernet(frame) for frame in frames]))
    assert not rejects
    assert [(r["transport"], r["state"], r["src_packets"], r["dst_packets"]) for r in rows["connection"]] == [
        ("udp", "S0", 1, 0), ("icmp", "OTH", 1, 1)]  # fmt: skip


def test_fragments_and_other_trouble_are_counted_not_lost(read: Reader) -> None:
    first = ethernet(ip(tcp(b"a" * 64, flags=ACK), fragment=0x2000))
    second = ethernet(ip(b"b" * 64, fragment=8))
    short = ethernet(ip(tcp(b"x")))[:40]
    wrong = ethernet(b"\x41" + ip(tcp(b"x"))[1:])
    arp = bytes(12) + b"\x08\x06" + bytes(28)
    rows, rejects = read(pcap([first, second, second, short, wrong, arp]))
    assert [row["src_packets"] for row in rows["connection"]] == [1]
    reasons = sorted((reject.row, reject.reason.split(" packets: ")[0]) for reject in rejects)
    assert reasons == [(4, "1"), (5, "1"), (6, f"2 {FRAGMENTS}")]


def test_unknown_link_type_says_so(read: Reader) -> None:
    rows, (reject,) = read(pcap([b"\0" * 60] * 3, link=147))
    assert not rows
    assert reject.reason.startswith("3 packets: link type")


def test_a_flow_has_only_letters_of_its_own(read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "BLOCK", 256)
    again = ethernet(ip(tcp(seq=5000, flags=SYN)))  # ends the conversation, whose place the datagram gets
    rows, _ = read(pcap([*conversation(SCRIPT), again, ethernet(ip(udp(bytes(200), dport=9), proto=17))]))
    assert [row["history"] for row in rows["connection"]] == ["ShADdFf", "S", "D"]
