"""DNS answers count for who asked, and every name of an address is kept."""

from __future__ import annotations

import struct

import duckdb
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from kanaria import knowledge
from kanaria.core import schema
from kanaria.formats.packets.protocols.dns import Datagram, DnsLog
from kanaria.wire.flow_linking import _named

CLIENT, RESOLVER = ("192.0.2.7", 5353), ("9.9.9.9", 53)


def packet(name: str, ident: int, address: str | None = None) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
    head = struct.pack(">HHHHHH", ident, 0x8180 if address else 0x0100, 1, 1 if address else 0, 0, 0)
    if address is None:
        return head + labels + struct.pack(">HH", 1, 1)
    data = bytes(int(part) for part in address.split("."))
    return head + labels + struct.pack(">HH", 1, 1) + b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + data


def datagram(time: int, payload: bytes, answer: bool) -> Datagram:
    ends = (RESOLVER, CLIENT) if answer else (CLIENT, RESOLVER)
    return Datagram(time, time, ends[0], ends[1], payload)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["a.example", "b.example"]), st.integers(1, 3)), max_size=12))
def test_an_answer_counts_for_who_asked(parts: list[tuple[bool, str, int]]) -> None:
    log, asked, rows = DnsLog(), set(), []
    for time, (answer, name, ident) in enumerate(parts):
        found = list(log.add(datagram(time, packet(name, ident, "203.0.113.9" if answer else None), answer)))
        answered = [row for row in found if row["answers"]]
        assert bool(answered) == (answer and (name, ident) in asked)
        (asked.discard if answer else asked.add)((name, ident))
        rows += found
    rows += log.finish()
    assert len(rows) == sum(not answer for answer, _, _ in parts)


def test_a_second_name_does_not_take_the_place_of_the_first() -> None:
    facts = knowledge.load()
    pool = next(known for known in facts.pools if known.role == "pool").domains[0]
    names = [pool, "www.example.org"]
    dns = schema.from_rows("dns", [
        {"event_id": n, "time": 1_000_000 * n, "src_ip": CLIENT[0], "dst_ip": RESOLVER[0], "query": name, "answers": ["203.0.113.9"]}
        for n, name in enumerate(names)
    ])  # fmt: skip
    flow = schema.from_rows("connection", [
        {"event_id": 9, "time": 9_000_000, "src_ip": CLIENT[0], "dst_ip": "203.0.113.9", "remote": "203.0.113.9"}
    ])  # fmt: skip
    engine = duckdb.connect()
    engine.register("linking_dns", dns)
    linked = _named(engine, flow, {"dns"})
    assert linked["names"].to_pylist() == [names]
    assert linked["sni"].to_pylist() == ["www.example.org"]
    assert knowledge.enrich({"connection": linked}, facts)["connection"]["knowledge.pool"].to_pylist() != [None]
    assert isinstance(linked, pa.Table)
