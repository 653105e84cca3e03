"""DNS on the wire, as RFC 1035 and its successors lay it out: what becomes of each question, and what of each answer."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from build_packets import CLIENT, SERVER, START, Reader, conversation, ethernet, ip, pcap, read_capture, udp
from build_protocols import block

from kanaria.formats.packets.protocols import dns

QUESTION_FLAGS, ANSWER_FLAGS = 0x0100, 0x8180
POINTER = b"\xc0\x0c"
"""To the name in the question, which always stands at offset 12 (RFC 1035, 4.1.4)."""
STRANGER = "198.51.100.99"


def name(text: str) -> bytes:
    return b"".join(block(label.encode(), 1) for label in text.split(".") if label) + b"\0"


def record(kind: int, data: bytes, *, ttl: int = 300, owner: bytes = POINTER) -> bytes:
    return owner + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def message(
    query: str,
    *records: bytes,
    ident: int = 7,
    kind: int = 1,
    flags: int | None = None,
    more: bytes = b"",
    extra: int = 0,
) -> bytes:
    said = (ANSWER_FLAGS if records else QUESTION_FLAGS) if flags is None else flags
    head = struct.pack(">HHHHHH", ident, said, 1, len(records), 0, extra)
    return head + name(query) + struct.pack(">HH", kind, 1) + b"".join(records) + more


def asks(payload: bytes, *, sport: int = 40000, server: str = SERVER, client: str = CLIENT) -> bytes:
    return ethernet(ip(udp(payload, sport=sport, dport=53), proto=17, src=client, dst=server))


def answers(payload: bytes, *, dport: int = 40000, server: str = SERVER, client: str = CLIENT) -> bytes:
    return ethernet(ip(udp(payload, sport=53, dport=dport), proto=17, src=server, dst=client))


def exchange(question: bytes, answer: bytes) -> dict[str, Any]:
    rows, rejects = read_capture(pcap([asks(question), answers(answer)]))
    assert not rejects
    (row,) = rows["dns"]
    return row


SIX = bytes.fromhex("20010db8000000000000000000000009")


@pytest.mark.parametrize(
    ("kind", "said", "data", "meant"),
    [
        (1, "A", bytes((203, 0, 113, 9)), "203.0.113.9"),  # RFC 1035, 3.4.1
        (28, "AAAA", SIX, "2001:db8::9"),  # RFC 3596, 2.2
        (2, "NS", name("ns1.example"), "ns1.example"),  # RFC 1035, 3.3.11
        (5, "CNAME", name("Other.Example"), "other.example"),  # 3.3.1; names do not tell cases apart (RFC 4343)
        (12, "PTR", name("host.example"), "host.example"),  # 3.3.12
        (39, "DNAME", name("tree.example"), "tree.example"),  # RFC 6672, 2.1
        (15, "MX", b"\0\x0a" + name("mx.example"), "mx.example"),  # RFC 1035, 3.3.9: preference, then the exchange
        (33, "SRV", struct.pack(">HHH", 0, 5, 3333) + name("pool.example"), "pool.example"),  # RFC 2782
        (16, "TXT", b"\x05hello", "hello"),  # RFC 1035, 3.3.14
        (16, "TXT", b"\x05hello\x06 world", "hello world"),  # several strings are one text (RFC 7208, 3.3)
        (16, "TXT", b"\xff" + b"a" * 255 + b"\x03bcd", "a" * 255 + "bcd"),
        (16, "TXT", b"\0", ""),
        (16, "TXT", b"\x04\xe3\x81\x82\xff", "あ\\xff"),
    ],
)
def test_what_an_answer_says(kind: int, said: str, data: bytes, meant: str) -> None:
    row = exchange(message("a.example", kind=kind), message("a.example", record(kind, data), kind=kind))
    assert (row["query_type"], row["answers"], row["rcode"], row["ttl"]) == (said, [meant], "NOERROR", 300)


@pytest.mark.parametrize(
    ("kind", "said"),
    [(6, "SOA"), (43, "DS"), (46, "RRSIG"), (48, "DNSKEY"), (64, "SVCB"), (65, "HTTPS"), (255, "ANY"), (257, "CAA"),
     (252, "AXFR"), (62345, "TYPE62345")],
)  # fmt: skip
def test_kinds_of_questions_by_their_registered_names(kind: int, said: str) -> None:
    """IANA's register of resource record types; one that has no name is written as RFC 3597, 5 says."""
    row = exchange(message("a.example", kind=kind), message("a.example", kind=kind, flags=0x8180))
    assert (row["query_type"], row["answers"], row["ttl"]) == (said, None, None)


@pytest.mark.parametrize(
    ("code", "said"),
    [(0, "NOERROR"), (1, "FORMERR"), (2, "SERVFAIL"), (3, "NXDOMAIN"), (4, "NOTIMP"), (5, "REFUSED"), (6, "YXDOMAIN"),
     (9, "NOTAUTH"), (11, "RCODE11"), (15, "RCODE15")],
)  # fmt: skip
def test_how_a_question_was_answered(code: int, said: str) -> None:
    row = exchange(message("a.example"), message("a.example", flags=0x8180 | code))
    assert (row["rcode"], row["answers"]) == (said, None)


def test_a_chain_of_aliases_keeps_its_order_and_the_shortest_life() -> None:
    """RFC 1034, 3.6.2: an answer starts with the alias and ends with the address it leads to."""
    behind = 12 + len(name("www.example")) + 4 + 2 + 10  # where the first record's data begins
    pointer = struct.pack(">H", 0xC000 | behind)
    chain = (
        record(5, name("edge.example"), ttl=3600),
        record(5, name("node7.example"), ttl=20, owner=pointer),
        record(1, bytes((203, 0, 113, 7)), ttl=60, owner=b"\5node7\7example\0"),
        record(1, bytes((203, 0, 113, 8)), ttl=60, owner=b"\5node7\7example\0"),
    )
    row = exchange(message("www.example"), message("www.example", *chain))
    assert row["answers"] == ["edge.example", "node7.example", "203.0.113.7", "203.0.113.8"]
    assert row["ttl"] == 20


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ("Pool.SupportXMR.Example", "pool.supportxmr.example"),  # RFC 4343; resolvers mix cases on purpose
        ("xn--eckwd4c7c.example", "xn--eckwd4c7c.example"),
        ("_xmpp._tcp.example", "_xmpp._tcp.example"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),  # the longest label
        (".".join(["a" * 61] * 4), ".".join(["a" * 61] * 4)),  # near the longest name
        ("4.3.2.1.in-addr.arpa", "4.3.2.1.in-addr.arpa"),
        ("", ""),  # the root
    ],
)
def test_names_as_they_are_asked_for(asked: str, kept: str) -> None:
    row = exchange(message(asked), message(asked, record(1, bytes((203, 0, 113, 9)))))
    assert (row["query"], row["answers"]) == (kept, ["203.0.113.9"])


def test_an_answer_counts_for_the_one_who_asked_and_for_nobody_else(read: Reader) -> None:
    """RFC 5452, 9.1: an answer matches its question's id, name, type, and both addresses and ports."""
    good = message("a.example", record(1, bytes((203, 0, 113, 9))))
    forged = {
        "other id": answers(message("a.example", record(1, bytes(4)), ident=8)),
        "other name": answers(message("b.example", record(1, bytes(4)))),
        "other kind": answers(message("a.example", record(28, bytes(16)), kind=28)),
        "other port": answers(good, dport=40001),
        "other server": answers(good, server=STRANGER),
        "other client": answers(good, client="192.0.2.11"),
    }
    for what, frame in forged.items():
        rows, _ = read(pcap([asks(message("a.example")), frame]))
        assert [(row["query"], row["rcode"], row["answers"]) for row in rows["dns"]] == [("a.example", None, None)], (
            what
        )


def test_an_answer_nobody_asked_for_makes_no_row(read: Reader) -> None:
    rows, _ = read(pcap([answers(message("a.example", record(1, bytes(4))))]))
    assert "dns" not in rows
    assert (rows["connection"][0]["src_ip"], rows["connection"][0]["service"]) == (CLIENT, "dns")


@pytest.mark.parametrize(("after", "rcode"), [(9_900_000, "NOERROR"), (10_100_000, None), (3_600_000_000, None)])
def test_an_answer_comes_in_time_or_the_question_went_unanswered(after: int, rcode: str | None) -> None:
    later = message("b.example", ident=9)
    frames = [(0, asks(message("a.example"))), (after - 1, asks(later, sport=41000)),
              (after, answers(message("a.example", record(1, bytes((203, 0, 113, 9))))))]  # fmt: skip
    rows, _ = read_capture(pcap(frames))
    (found,) = [row for row in rows["dns"] if row["query"] == "a.example"]
    assert (found["rcode"], found["time"]) == (rcode, datetime.fromtimestamp(START / 1e6, UTC))


def test_a_question_asked_again_is_a_question_of_its_own(read: Reader) -> None:
    """RFC 1035, 7.2 has clients ask again with the same id; the second was answered, the first was not."""
    question, answer = message("a.example"), message("a.example", record(1, bytes((203, 0, 113, 9))))
    rows, _ = read(pcap([(0, asks(question)), (2_000_000, asks(question)), (2_050_000, answers(answer))]))
    assert [(row["line"], row["rcode"]) for row in rows["dns"]] == [(1, None), (2, "NOERROR")]


def test_both_families_under_one_id_find_each_its_own(read: Reader) -> None:
    four, six = record(1, bytes((203, 0, 113, 9))), record(28, SIX)
    frames = [
        asks(message("a.example", kind=1)),
        asks(message("a.example", kind=28)),
        answers(message("a.example", six, kind=28)),
        answers(message("a.example", four, kind=1)),
    ]
    rows, _ = read(pcap(frames))
    assert {row["query_type"]: row["answers"] for row in rows["dns"]} == {"A": ["203.0.113.9"], "AAAA": ["2001:db8::9"]}


def test_over_ipv6_and_from_any_port_of_the_server(read: Reader) -> None:
    ends = {"server": "2001:db8::53", "client": "2001:db8::10"}
    answer = message("a.example", record(28, SIX), kind=28)
    rows, _ = read(pcap([asks(message("a.example", kind=28), **ends), answers(answer, **ends)]))
    (row,) = rows["dns"]
    assert (row["src_ip"], row["dst_ip"], row["dst_port"], row["transport"]) == (
        "2001:db8::10",
        "2001:db8::53",
        53,
        "udp",
    )


def test_options_in_the_additional_part_are_no_answers() -> None:
    """EDNS(0), RFC 6891: an OPT record behind the answers says how large a datagram may be, in the place of a class."""
    opt = b"\0" + struct.pack(">HHIH", 41, 1232, 0, 0)
    question = message("a.example", more=opt, extra=1)
    answer = message("a.example", record(1, bytes((203, 0, 113, 9)), ttl=77), more=opt, extra=1)
    row = exchange(question, answer)
    assert (row["answers"], row["ttl"]) == (["203.0.113.9"], 77)


ANSWER = message("a.example", record(5, name("b.example"), ttl=50), record(1, bytes((203, 0, 113, 9)), ttl=40))


@pytest.mark.parametrize("size", range(12, len(ANSWER)))
def test_an_answer_cut_at_any_byte_says_what_it_still_says(size: int) -> None:
    found = dns.parse(ANSWER[:size])
    whole_question = 12 + len(name("a.example")) + 2
    assert (found is not None) == (size >= whole_question)
    if found is not None:
        assert (found.query, found.rcode) == ("a.example", "NOERROR")
        assert found.answers == ["b.example", "203.0.113.9"][: len(found.answers)]
    assert dns.parse(ANSWER).answers == ["b.example", "203.0.113.9"]  # type: ignore[union-attr]


def _tcp(*messages: bytes) -> bytes:
    return b"".join(block(one, 2) for one in messages)


def test_over_tcp_each_question_has_its_own_time_and_answer(read: Reader) -> None:
    """RFC 7766: a connection stays open for further questions, and answers come in any order."""
    first, second, third = (message(f"{one}.example", ident=at) for at, one in enumerate("abc"))
    said = [message(f"{one}.example", record(1, bytes((203, 0, 113, at))), ident=at) for at, one in enumerate("abc")]
    script = [("c", _tcp(first)), ("s", _tcp(said[0])), ("c", _tcp(second, third)), ("s", _tcp(said[2], said[1]))]
    frames = [(number * 1_000_000, frame) for number, frame in enumerate(conversation(script, dport=53))]
    rows, rejects = read(pcap(frames))
    assert not rejects
    began = datetime.fromtimestamp(START / 1e6, UTC)
    found = {row["query"]: (row["time"] - began, row["answers"], row["transport"]) for row in rows["dns"]}
    assert found == {
        "a.example": (timedelta(seconds=3), ["203.0.113.0"], "tcp"),
        "b.example": (timedelta(seconds=5), ["203.0.113.1"], "tcp"),
        "c.example": (timedelta(seconds=5), ["203.0.113.2"], "tcp"),
    }
    assert len({row["event_id"] for row in rows["dns"]}) == 3


def test_over_tcp_both_families_may_share_an_id(read: Reader) -> None:
    asked = _tcp(message("a.example", kind=1), message("a.example", kind=28))
    said = _tcp(
        message("a.example", record(28, SIX), kind=28), message("a.example", record(1, bytes((203, 0, 113, 9))))
    )
    rows, _ = read(pcap(conversation([("c", asked), ("s", said)], dport=53)))
    assert [(row["query_type"], row["answers"]) for row in rows["dns"]] == [
        ("A", ["203.0.113.9"]),
        ("AAAA", ["2001:db8::9"]),
    ]


def test_over_tcp_an_answer_of_many_segments_is_put_together(read: Reader) -> None:
    texts = [record(16, block(f"text {number:03d} {'x' * 100}".encode(), 1)) for number in range(60)]
    whole = _tcp(message("big.example", *texts, kind=16))
    pieces = [("s", whole[at : at + 1000]) for at in range(0, len(whole), 1000)]
    rows, _ = read(pcap(conversation([("c", _tcp(message("big.example", kind=16))), *pieces], dport=5353)))
    (row,) = rows["dns"]
    assert (len(row["answers"]), row["answers"][59][:8], row["dst_port"]) == (60, "text 059", 5353)


@pytest.mark.parametrize(
    "payload",
    [
        message("a.example", flags=0x2900),  # an update (RFC 2136), no question
        b"\x13\x37" + b"\xff" * 60,
        struct.pack(">HHHHHH", 1, 0, 0, 0, 0, 0) + bytes(40),  # asks nothing
        b"\x80\x60" + bytes(10) + b"voice over the port of names" * 3,
    ],
    ids=["update", "noise", "empty", "audio"],
)
def test_what_uses_the_port_without_asking_is_no_question(payload: bytes, read: Reader) -> None:
    rows, _ = read(pcap([asks(payload)]))
    assert "dns" not in rows
    assert len(rows["connection"]) == 1
