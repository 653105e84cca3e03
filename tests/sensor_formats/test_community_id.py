"""Community ID v1 against the vectors published with its specification and reference implementation."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.core import community_id as module
from kanaria.core.community_id import community_id, community_ids
from kanaria.core.distinct import Distinct

# Published with corelight/community-id-spec and its reference implementation: seed 0, then seed 1 where given.
VECTORS = [
    ("tcp", "128.232.110.120", 34855, "66.35.250.204", 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=", "1:3V71V58M3Ksw/yuFALMcW0LAHvc="),
    ("tcp", "66.35.250.204", 80, "128.232.110.120", 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=", "1:3V71V58M3Ksw/yuFALMcW0LAHvc="),
    ("tcp", "10.0.0.1", 10, "10.0.0.2", 11569, "1:SXBGMX1lBOwhhoDrZynfROxnhnM=", "1:HmBRGR+fUyXF4t8WEtal7Y0gEAo="),
    ("udp", "192.168.1.52", 54585, "8.8.8.8", 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ=", "1:Q9We8WO3piVF8yEQBNJF4uiSVrI="),
    ("icmp", "192.168.0.89", 8, "192.168.0.1", 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=", "1:03g6IloqVBdcZlPyX8r0hgoE7kA="),
    ("icmp", "192.168.0.1", 0, "192.168.0.89", 8, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=", "1:03g6IloqVBdcZlPyX8r0hgoE7kA="),
    ("icmp", "192.168.0.89", 20, "192.168.0.1", 0, "1:3o2RFccXzUgjl7zDpqmY7yJi8rI=", "1:lCXHHxavE1Vq3oX9NH5ladQg02o="),
    ("icmp", "192.168.0.89", 20, "192.168.0.1", 1, "1:tz/fHIDUHs19NkixVVoOZywde+I=", "1:Ie3wmFyxiEyikbsbcO03d2nh+PM="),
    ("icmp6", "fe80::200:86ff:fe05:80da", 135, "fe80::260:97ff:fe07:69ea", 0, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=", "1:kHa1FhMYIT6Ym2Vm2AOtoOARDzY="),
    ("icmp6", "3ffe:507:0:1:200:86ff:fe05:80da", 3, "3ffe:507:0:1:260:97ff:fe07:69ea", 0, "1:/OGBt9BN1ofenrmSPWYicpij2Vc=", "1:Ij4ZxnC87/MXzhOjvH2vHu7LRmE="),
    ("sctp", "192.168.170.8", 7, "192.168.170.56", 7, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=", None),
    ("sctp", "192.168.170.56", 80, "192.168.170.8", 7, "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ=", None),
    ("rsvp", "1.2.3.4", None, "5.6.7.8", None, "1:ikv3kmf89luf73WPz1jOs49S768=", None),
    ("tcp", "1.2.3.4", 1122, "5.6.7.8", 3344, "1:wCb3OG7yAFWelaUydu0D+125CLM=", None),
    ("udp", "1.2.3.4", 1122, "5.6.7.8", 3344, "1:0Mu9InQx6z4ZiCZM/7HXi2WMhOg=", None),
    ("tcp", "192.168.1.42", 42, "192.168.1.42", 41, "1:eRcf7I/xocOxnYo5pbJBV5NhVm0=", None),
    ("tcp", "192.168.1.42", 41, "192.168.1.42", 42, "1:eRcf7I/xocOxnYo5pbJBV5NhVm0=", None),
]  # fmt: skip


@pytest.mark.parametrize(("transport", "src", "sport", "dst", "dport", "expected", "seeded"), VECTORS)
def test_published_vectors(
    transport: str, src: str, sport: int | None, dst: str, dport: int | None, expected: str, seeded: str | None
) -> None:
    assert community_id(transport, src, sport, dst, dport) == expected
    if seeded:
        assert community_id(transport, src, sport, dst, dport, seed=1) == seeded


def test_columns_give_what_single_rows_give_and_null_where_something_is_missing() -> None:
    rows = [vector[:5] for vector in VECTORS]
    rows += [("tcp", "192.0.2.1", None, "192.0.2.2", 80), ("tcp", "host", 1, "192.0.2.2", 80)]
    rows += [("nonsense", "::1", 1, "::2", 2)]
    kinds = (pa.string(), pa.string(), pa.int32(), pa.string(), pa.int32())
    columns = [pa.chunked_array([pa.array(c, k)]) for c, k in zip(zip(*rows, strict=True), kinds, strict=True)]
    expected = [vector[5] for vector in VECTORS] + [None, None, None]
    assert community_ids(*columns).to_pylist() == expected


def test_protocol_numbers_work_as_names() -> None:
    assert community_id("6", "192.0.2.1", 1, "192.0.2.2", 80) == community_id("tcp", "192.0.2.1", 1, "192.0.2.2", 80)


def test_no_rows_give_no_ids() -> None:
    nothing = pa.array([], pa.string())
    ports = pa.array([], pa.int32())
    assert community_ids(nothing, nothing, ports, nothing, ports).to_pylist() == []


@settings(deadline=None)
@given(
    st.sampled_from(["tcp", "udp", "sctp"]),
    st.ip_addresses().map(str),
    st.integers(0, 65535),
    st.ip_addresses().map(str),
    st.integers(0, 65535),
)
def test_both_directions_of_a_flow_have_one_id(proto: str, src: str, sport: int, dst: str, dport: int) -> None:
    forward = community_id(proto, src, sport, dst, dport)
    assert forward == community_id(proto, dst, dport, src, sport)
    assert forward is not None
    assert len(forward) == 30


@pytest.mark.compiles
def test_many_rows_give_what_few_rows_give() -> None:
    count = 25_000
    ports = pa.array([i % 65536 for i in range(count)], pa.int32())
    tcp, src, dst = (pa.array([value] * count) for value in ("tcp", "192.0.2.1", "2001:db8::1"))
    many = community_ids(tcp, src, ports, src, ports)
    six = community_ids(tcp, src, ports, dst, ports)
    for row in (0, 443, count - 1):
        assert many[row].as_py() == community_id("tcp", "192.0.2.1", row, "192.0.2.1", row)
        assert six[row].as_py() == community_id("tcp", "192.0.2.1", row, "2001:db8::1", row)


ENDS = st.one_of(
    st.none(), st.sampled_from(["host", "192.0.2.7", "::ffff:192.0.2.9", "fe80::1%eth0"]), st.ip_addresses().map(str)
)
PORTS = st.one_of(st.none(), st.integers(-1, 70_000), st.integers(0, 20), st.integers(128, 146))
PROTOCOLS = st.one_of(st.none(), st.sampled_from(["tcp", "UDP", "icmp", "icmp6", "sctp", "gre", "1", "58", "255", "?"]))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(PROTOCOLS, ENDS, PORTS, ENDS, PORTS), max_size=12), st.integers(0, 65535))
def test_the_compiled_ids_are_those_of_the_plain_code(rows: list[tuple[object, ...]], seed: int) -> None:
    kinds = (pa.string(), pa.string(), pa.int32(), pa.string(), pa.int32())
    a, b, c, d, e = (pa.array([row[place] for row in rows], kind) for place, kind in enumerate(kinds))
    fast = module._compiled_ids(a, Distinct(b), Distinct(d), c, e, seed)
    assert fast.to_pylist() == module._plain_ids(a, b, c, d, e, seed).to_pylist()
    fast.validate(full=True)
