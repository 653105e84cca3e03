"""Who sent what a line speaks of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanaria.core.network import parse_address
from kanaria.core.senders import sender

SENT = '{"id":1}'


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"warning: non-SMTP command from unknown[203.0.113.9]: {SENT}", ("203.0.113.9", None)),
        (f"Bad protocol version identification '{SENT}' from 203.0.113.9 port 40000", ("203.0.113.9", 40000)),
        (f"WARN client 203.0.113.9:40112 invalid request {SENT}", ("203.0.113.9", 40112)),
        (f'lvl=warn msg="Served" conn=203.0.113.9:47294 {SENT}', ("203.0.113.9", 47294)),
        (f"rejected {SENT} src=2001:db8::7 dst=192.0.2.1", ("2001:db8::7", None)),
        (f"12:00:01.123 gateway [203.0.113.9] {SENT}", ("203.0.113.9", None)),
        (f"2026-01-02 03:04:05 v1.2.3 http://203.0.113.80/x {SENT}", (None, None)),
        (f"file /var/log/203.0.113.9/access.log: {SENT}", (None, None)),
        (f"job 12:: at 04:05:06 {SENT}", (None, None)),
    ],
)
def test_the_client_is_the_address_in_the_place_of_one(line: str, expected: tuple[str | None, int | None]) -> None:
    begin = line.index(SENT)
    assert sender(line, (begin, begin + len(SENT))) == expected


def test_an_address_inside_what_was_sent_is_no_sender() -> None:
    line = "said wget http://x/ from 203.0.113.9 now"
    assert sender(line, (5, len(line))) == (None, None)


@given(st.text(max_size=200), st.integers(0, 200), st.integers(0, 200))
def test_whatever_a_line_says_the_sender_is_an_address_or_nobody(text: str, begin: int, length: int) -> None:
    address, port = sender(text, (begin, begin + length))
    assert address is None or parse_address(address) is not None
    assert port is None or 0 <= port < 65536
