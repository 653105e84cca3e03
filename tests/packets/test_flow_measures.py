"""What is counted and measured of a connection: bytes of IP, payload, messages, pairs, pauses, ICMP's kinds, histories."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

import pytest
from build_packets import ACK, CLIENT, FIN, PSH, RST, SERVER, SYN, Reader, ethernet, ip, pcap, tcp, udp

MS = 1000
SIX = {"c": ("2001:db8::10", "2001:db8::5"), "s": ("2001:db8::5", "2001:db8::10")}
FOUR = {"c": (CLIENT, SERVER), "s": (SERVER, CLIENT)}


class Talk:
    """Frames of one TCP connection, each with its time; sequence numbers follow what was sent."""

    def __init__(self, *, six: bool = False, dport: int = 3333) -> None:
        self.frames: list[tuple[int, bytes]] = []
        self._ends, self._ports = (SIX if six else FOUR), {"c": (40_000, dport), "s": (dport, 40_000)}
        self._next = {"c": 1000, "s": 9000}

    def send(self, who: str, size: int = 0, *, at: int, flags: int = PSH | ACK, window: int = 64_000) -> Talk:
        other = "s" if who == "c" else "c"
        sport, dport = self._ports[who]
        segment = tcp(b"\xaa" * size, sport=sport, dport=dport, seq=self._next[who], ack=self._next[other], flags=flags)
        segment = segment[:14] + struct.pack(">H", window) + segment[16:]
        src, dst = self._ends[who]
        self.frames.append((at, ethernet(ip(segment, src=src, dst=dst))))
        self._next[who] += size + (1 if flags & (SYN | FIN) else 0)
        return self

    def shake(self) -> Talk:
        return self.send("c", at=0, flags=SYN).send("s", at=0, flags=SYN | ACK).send("c", at=0, flags=ACK)


def row(read: Reader, talk: Talk) -> dict[str, Any]:
    rows, rejects = read(pcap(talk.frames))
    assert not rejects
    (found,) = rows["connection"]
    return found


# --- counts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("six", [False, True])
@pytest.mark.parametrize("sizes", [(), (1,), (100, 200), (1460,) * 5])
def test_bytes_are_those_of_ip_and_payload_is_what_was_said(six: bool, sizes: Sequence[int], read: Reader) -> None:
    talk = Talk(six=six).shake()
    for number, size in enumerate(sizes):
        talk.send("c", size, at=10 * MS * (number + 1)).send("s", 2 * size, at=10 * MS * (number + 1) + MS)
    found = row(read, talk)
    head = 60 if six else 40
    assert (found["src_packets"], found["dst_packets"]) == (2 + len(sizes), 1 + len(sizes))
    assert (found["src_payload"], found["dst_payload"]) == (sum(sizes), 2 * sum(sizes))
    assert found["src_bytes"] == head * found["src_packets"] + sum(sizes)
    assert found["dst_bytes"] == head * found["dst_packets"] + 2 * sum(sizes)


def test_bytes_on_the_wire_count_where_the_capture_kept_less(read: Reader) -> None:
    talk = Talk().shake().send("c", 1000, at=MS).send("s", 900, at=2 * MS)
    rows, _ = read(pcap(talk.frames, snap=80))
    (found,) = rows["connection"]
    assert (found["src_bytes"], found["src_payload"], found["dst_payload"]) == (40 * 3 + 1000, 1000, 900)
    assert (len(found["src_first"]), len(found["dst_first"])) == (80 - 54, 80 - 54)


def test_a_duration_is_from_the_first_packet_to_the_last(read: Reader) -> None:
    found = row(read, Talk().shake().send("c", 5, at=1_500 * MS).send("s", at=250_000 * MS, flags=ACK))
    assert found["duration_us"] == 250_000 * MS


# --- messages -----------------------------------------------------------------------------------------------------------

LINES: dict[str, tuple[list[tuple[Any, ...]], list[tuple[bool, int]]]] = {
    "one write": ([("c", 100, 1)], [(True, 100)]),
    "a question and its answer": ([("c", 100, 1), ("s", 300, 2)], [(True, 100), (False, 300)]),
    "a write in three segments": (
        [("c", 1460, 1, ACK), ("c", 1460, 1, ACK), ("c", 80, 1)], [(True, 3000)],
    ),
    "pushed segments that TCP filled": ([("c", 1460, 1), ("c", 1460, 1), ("c", 80, 1)], [(True, 3000)]),
    "two writes one after the other": ([("c", 100, 1), ("c", 50, 2)], [(True, 100), (True, 50)]),
    "two parts that nobody pushed": ([("c", 100, 1, ACK), ("c", 50, 2)], [(True, 150)]),
    "a pause longer than a retransmission": ([("c", 100, 1, ACK), ("c", 50, 250)], [(True, 100), (True, 50)]),
    "a pause as long as one": ([("c", 100, 1, ACK), ("c", 50, 201)], [(True, 150)]),
    "acknowledgements between": (
        [("c", 1460, 1, ACK), ("s", 0, 2, ACK), ("c", 40, 3)], [(True, 1500)],
    ),
    "both speak at once": (
        [("c", 100, 1), ("s", 30, 1), ("c", 100, 2), ("s", 30, 2)],
        [(True, 100), (False, 30), (True, 100), (False, 30)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("six", [False, True])
def test_messages_are_what_a_program_wrote(name: str, six: bool, read: Reader) -> None:
    script, meant = LINES[name]
    talk = Talk(six=six).shake()
    for who, size, at, *flags in script:
        talk.send(who, size, at=at * MS, flags=flags[0] if flags else PSH | ACK)
    found = row(read, talk)
    assert [(one["from_client"], one["length"]) for one in found["messages"]] == meant
    assert (found["src_messages"], found["dst_messages"]) == (
        sum(ours for ours, _ in meant), sum(not ours for ours, _ in meant),
    )  # fmt: skip


def test_each_datagram_is_a_message(read: Reader) -> None:
    frames = [(at * MS, ethernet(ip(udp(b"\xee" * size, dport=9000), proto=17))) for at, size in enumerate((5, 5, 900))]
    (found,) = read(pcap(frames))[0]["connection"]
    assert [one["length"] for one in found["messages"]] == [5, 5, 900]
    assert [one["time"] for one in found["messages"]] == [0, MS, 2 * MS]


# --- pairs and pauses ---------------------------------------------------------------------------------------------------


def asked(rounds: Sequence[tuple[int, int, int]], *, every: int = 1000) -> Talk:
    """So many rounds of a question, an answer, and how long it took (ms), one each second."""
    talk = Talk().shake()
    for number, (question, answer, delay) in enumerate(rounds, 1):
        talk.send("c", question, at=number * every * MS).send("s", answer, at=(number * every + delay) * MS)
    return talk


def test_lengths_of_questions_meet_those_of_their_answers(read: Reader) -> None:
    found = row(read, asked([(200, 60, 30)] * 7 + [(90, 700, 5)] * 3))
    assert [(one["request"], one["answer"], one["count"]) for one in found["pairs"]] == [(200, 60, 7), (90, 700, 3)]
    assert [one["delay_us"] for one in found["pairs"]] == [30 * MS, 5 * MS]


@pytest.mark.parametrize("different", [1, 8, 9, 20])
def test_the_commonest_pair_is_certain_however_many_others_there_are(different: int, read: Reader) -> None:
    """Eight are followed: of more, those that come often are kept, and no count is above what was seen."""
    rounds = [(200, 60, 10)] * 30
    for number in range(different):
        rounds.insert(3 * number + 1, (300 + number, 60, 10))
    found = row(read, asked(rounds))
    first = found["pairs"][0]
    assert (first["request"], first["answer"]) == (200, 60)
    assert first["count"] == 30
    assert len(found["pairs"]) <= 8
    assert all(one["count"] <= 1 for one in found["pairs"][1:])


def test_what_nobody_asked_for_answers_nothing(read: Reader) -> None:
    talk = Talk().shake().send("s", 400, at=MS).send("s", 400, at=500 * MS).send("c", 50, at=600 * MS)
    assert row(read, talk)["pairs"] == []


@pytest.mark.parametrize(
    ("times", "mean", "cv"),
    [
        ([0], None, None),
        ([0, 1000], 1_000_000, None),
        ([0, 1000, 2000, 3000], 1_000_000, 0.0),
        ([0, 1000, 3000], 1_500_000, 1 / 3),
        ([0, 60_000, 120_000, 180_000, 240_000], 60_000_000, 0.0),
        ([0, 0, 0], 0, None),
    ],
    ids=["one", "two", "even", "uneven", "a minute each", "at once"],
)
def test_pauses_between_what_the_client_says(
    times: list[int], mean: int | None, cv: float | None, read: Reader
) -> None:
    talk = Talk().shake()
    for at in times:
        talk.send("c", 100, at=at * MS)
    found = row(read, talk)
    assert found["src_gap_mean_us"] == mean
    assert (found["src_gap_cv"] is None) == (cv is None)
    if cv is not None:
        assert math.isclose(found["src_gap_cv"], cv, abs_tol=1e-6)


# --- histories ----------------------------------------------------------------------------------------------------------

HISTORIES: dict[str, tuple[list[tuple[Any, ...]], str, str]] = {
    "everything in order": (
        [("c", 0, SYN), ("s", 0, SYN | ACK), ("c", 0, ACK), ("c", 9, PSH | ACK), ("s", 9, PSH | ACK), ("c", 0, FIN | ACK),
         ("s", 0, FIN | ACK), ("c", 0, ACK)],
        "ShADdFf", "SF",
    ),
    "nobody there": ([("c", 0, SYN)], "S", "S0"),
    "refused": ([("c", 0, SYN), ("s", 0, RST | ACK)], "Sr", "REJ"),
    "opened and left": ([("c", 0, SYN), ("s", 0, SYN | ACK), ("c", 0, ACK)], "ShA", "S1"),
    "the client resets": (
        [("c", 0, SYN), ("s", 0, SYN | ACK), ("c", 0, ACK), ("c", 9, PSH | ACK), ("c", 0, RST | ACK)], "ShADR", "RSTO",
    ),
    "the server resets": (
        [("c", 0, SYN), ("s", 0, SYN | ACK), ("c", 0, ACK), ("c", 9, PSH | ACK), ("s", 0, RST)], "ShADr", "RSTR",
    ),
    "the client is done, the server goes on": (
        [("c", 0, SYN), ("s", 0, SYN | ACK), ("c", 0, FIN | ACK), ("s", 9, PSH | ACK)], "ShFd", "S2",
    ),
    "the server is done, the client goes on": (
        [("c", 0, SYN), ("s", 0, SYN | ACK), ("s", 0, FIN | ACK), ("c", 9, PSH | ACK)], "ShfD", "S3",
    ),
    "the handshake was missed": ([("c", 9, PSH | ACK), ("s", 9, PSH | ACK)], "Dd", "OTH"),
    "data with the last word": (
        [("c", 0, SYN), ("s", 0, SYN | ACK), ("c", 9, FIN | PSH | ACK), ("s", 9, FIN | PSH | ACK)], "ShDFdf", "SF",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HISTORIES)
@pytest.mark.parametrize("six", [False, True])
def test_histories_in_zeeks_letters(name: str, six: bool, read: Reader) -> None:
    """Capitals are the client's: S syn, h syn and ack, A ack, D data, F fin, R rst; each once, when it first came."""
    script, letters, state = HISTORIES[name]
    talk = Talk(six=six)
    for number, (who, size, flags) in enumerate(script):
        talk.send(who, size, at=number * MS, flags=flags)
    found = row(read, talk)
    assert (found["history"], found["state"]) == (letters, state)


def test_a_window_that_closes_is_noted_and_a_reset_or_syn_says_nothing_of_it(read: Reader) -> None:
    talk = Talk().send("c", at=0, flags=SYN, window=0).send("s", at=0, flags=SYN | ACK).send("c", at=MS, flags=ACK)
    talk.send("c", 100, at=2 * MS).send("s", at=3 * MS, flags=ACK, window=0).send("s", at=4 * MS, flags=RST, window=0)
    assert row(read, talk)["history"] == "ShADawr"


# --- ICMP ---------------------------------------------------------------------------------------------------------------


def icmp(kind: int, code: int = 0, *, six: bool = False, back: bool = False, body: bytes = bytes(32)) -> bytes:
    """RFC 792, RFC 4443: kind, code, checksum, four bytes whose meaning depends, then data."""
    src, dst = (SIX if six else FOUR)["s" if back else "c"]
    return ethernet(ip(bytes((kind, code)) + bytes(6) + body, src=src, dst=dst, proto=58 if six else 1))


@pytest.mark.parametrize(
    ("six", "asks", "answers"),
    [(False, 8, 0), (False, 13, 14), (False, 17, 18), (True, 128, 129), (True, 135, 136), (True, 133, 134)],
    ids=["echo", "timestamp", "address mask", "echo 6", "neighbour", "router"],
)
def test_a_question_of_icmp_and_its_answer_are_one_connection(six: bool, asks: int, answers: int, read: Reader) -> None:
    (found,) = read(pcap([icmp(asks, six=six), icmp(answers, six=six, back=True)] * 3))[0]["connection"]
    assert (found["src_ip"], found["transport"]) == (SIX["c"][0] if six else CLIENT, "icmp")
    assert (found["src_port"], found["dst_port"]) == (asks, answers)
    assert (found["src_packets"], found["dst_packets"], found["src_payload"]) == (3, 3, 96)


@pytest.mark.parametrize("code", [0, 1, 3, 13])
def test_an_error_of_icmp_is_its_senders(code: int, read: Reader) -> None:
    """Destination unreachable: kind 3, and why."""
    (found,) = read(pcap([icmp(3, code, back=True)]))[0]["connection"]
    assert (found["src_ip"], found["dst_ip"], found["src_port"], found["dst_port"]) == (SERVER, CLIENT, 3, code)
    assert (found["state"], found["service"]) == ("OTH", None)


@pytest.mark.parametrize(
    ("number", "name"), [(2, "igmp"), (50, "esp"), (51, "ah"), (89, "ospf"), (132, "sctp"), (200, "200")]
)
def test_other_protocols_are_named_and_have_no_ports(number: int, name: str, read: Reader) -> None:
    (found,) = read(pcap([ethernet(ip(b"\xaa" * 40, proto=number))]))[0]["connection"]
    assert found["transport"] == name
    assert (found["src_port"], found["dst_port"], found["src_bytes"]) == (0, 0, 60)
