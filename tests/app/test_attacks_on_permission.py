"""What somebody who mines on a device may try so that the owner's permission covers it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.running import Kanaria
from tests.packets.build_packets import pcap
from tests.packets.hostile_traffic import (
    DEVICE,
    MINE,
    OTHER,
    POOL,
    RESOLVER,
    SECOND,
    STRANGER,
    Frame,
    conversation,
    hello,
    merged,
    mining,
    resolved,
)

NAME = "pool.example.org"
BY_POOL = f"allowed:\n  pools: ['{NAME}']\n"


def told(kanaria: Kanaria, folder: Path, frames: list[Frame], settings: str) -> list[tuple[str, str]]:
    """Severity and explanation of each incident, the gravest first."""
    (folder / "a.pcap").write_bytes(pcap(frames))
    (folder / "k.yaml").write_text(settings)
    found = kanaria("analyze", "a.pcap", "--config", "k.yaml", "--format", "json").document["incidents"]
    return [(one["severity"], one["hypotheses"][0]["name"]) for one in found]


@pytest.mark.parametrize(
    ("client", "resolver", "address", "hours", "covered"),
    [
        (DEVICE, RESOLVER, POOL, 0, True),
        (DEVICE, "10.0.0.53", POOL, 0, True),
        (DEVICE, STRANGER, POOL, 0, False),  # a resolver of the attacker's
        (OTHER, RESOLVER, POOL, 0, False),  # somebody else asked
        (DEVICE, RESOLVER, "203.0.113.91", 0, False),  # the pool is elsewhere
        (DEVICE, RESOLVER, POOL, 2, False),  # asked long after the connection
    ],
)
def test_an_allowed_pool_is_where_a_resolver_says_it_is(
    kanaria: Kanaria, tmp_path: Path, client: str, resolver: str, address: str, hours: int, covered: bool
) -> None:
    asked = resolved(f"eu.{NAME}", address, client, resolver, start=hours * 3_600 * SECOND)
    frames = merged(asked, conversation(mining(), start=SECOND))
    expected = ("informational", "authorised_mining") if covered else ("critical", "compromised_device")
    assert told(kanaria, tmp_path, frames, BY_POOL) == [expected]


def test_a_name_in_tls_is_the_miners_own_word(kanaria: Kanaria, tmp_path: Path) -> None:
    records = [("c", b"\x17\x03\x03\x00\xb8" + bytes(184)), ("s", b"\x17\x03\x03\x00\x40" + bytes(64))] * 20
    talk = [("c", hello("pool.supportxmr.com")), ("s", b"\x16\x03\x03\x00\x40" + bytes(64)), *records]
    frames = conversation(talk, dport=443, start=SECOND)
    allowed = "allowed:\n  pools: [supportxmr.com]\n"
    ((severity, name),) = told(kanaria, tmp_path, frames, allowed)
    assert (severity, name) == ("high", "compromised_device")
    shown = kanaria("analyze", "a.pcap", "--config", "k.yaml").out
    assert "Only the device itself calls the other side pool.supportxmr.com" in " ".join(shown.split())
    frames = merged(resolved("pool.supportxmr.com", POOL), frames)
    assert told(kanaria, tmp_path, frames, allowed) == [("informational", "authorised_mining")]


def test_an_allowed_wallet_on_one_connection_covers_no_other_pool_or_device(kanaria: Kanaria, tmp_path: Path) -> None:
    frames = merged(
        conversation(mining(MINE)),
        conversation(mining(), dst="203.0.113.91", sport=40_001, start=SECOND),
        conversation(mining(), OTHER, sport=40_002, start=2 * SECOND),
    )
    found = told(kanaria, tmp_path, frames, f"allowed:\n  wallets: ['{MINE}']\n")
    assert found[0] == ("critical", "compromised_device")
    assert found[-1] == ("informational", "authorised_mining")
    assert len(found) in {2, 3}


@pytest.mark.parametrize(
    "name", ["org", ".", "", ".org", "example.org.", "POOL.Example.org", "ool.example.org", "pool"]
)
def test_a_permission_for_a_single_label_is_none_for_what_lies_below(
    kanaria: Kanaria, tmp_path: Path, name: str
) -> None:
    frames = merged(resolved(NAME, POOL), conversation(mining(), start=SECOND))
    ((_, found),) = told(kanaria, tmp_path, frames, f"allowed:\n  pools: ['{name}']\n")
    assert (found == "authorised_mining") == ("example.org" in name.lower() and not name.startswith("ool"))
