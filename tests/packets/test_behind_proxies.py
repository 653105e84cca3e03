"""Who mines through a proxy is named with the pool that was asked for; the proxy is only the way."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from build_packets import conversation, pcap, tcp
from build_packets import ethernet as frame
from build_packets import ip as packet
from click.testing import CliRunner
from golden_captures import TLS, Script
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.app.commands.main import cli
from kanaria.core.proxies import Proxied, is_socks, proxied

MINER, PROXY, POOL = "10.1.2.3", "10.1.2.2", "203.0.113.5"
NAME = b"pool.supportxmr.com"
WORK = {
    "blob": "10" * 76,
    "job_id": "j1",
    "target": "b88d0600",
    "algo": "rx/0",
    "height": 3000000,
    "seed_hash": "ab" * 32,
}


def _line(**said: Any) -> bytes:
    return json.dumps(said).encode() + b"\n"


STRATUM: Script = [
    ("c", _line(id=1, method="login", params={"login": "4Example", "pass": "x", "agent": "XMRig/6.21.0", "algo": ["rx/0"]})),
    ("s", _line(id=1, jsonrpc="2.0", error=None, result={"id": "a1", "status": "OK", "job": WORK})),
    ("s", _line(jsonrpc="2.0", method="job", params={**WORK, "job_id": "j2"})),
    ("c", _line(id=2, method="submit", params={"id": "a1", "job_id": "j2", "nonce": "3ceb3ffd", "result": "a0" * 32})),
    ("s", _line(id=2, jsonrpc="2.0", error=None, result={"status": "OK"})),
]  # fmt: skip
PORT = struct.pack(">H", 3333)
V5 = [("c", b"\5\1\0"), ("s", b"\5\0")]
V5_ADDRESS = b"\1" + bytes([203, 0, 113, 5]) + PORT
AGREED = ("s", b"\5\0\0\1\0\0\0\0\0\0")
WAYS: dict[str, tuple[Script, str]] = {
    "connect": (
        [("c", b"CONNECT pool.supportxmr.com:3333 HTTP/1.1\r\nHost: pool.supportxmr.com:3333\r\n\r\n"),
         ("s", b"HTTP/1.1 200 Connection established\r\n\r\n")],
        "pool.supportxmr.com",
    ),
    "connect to an address": (
        [("c", b"CONNECT 203.0.113.5:3333 HTTP/1.0\r\n\r\n"), ("s", b"HTTP/1.0 200 OK\r\nVia: squid\r\n\r\n")], POOL,
    ),
    "socks 5": ([*V5, ("c", b"\5\1\0\3" + bytes([len(NAME)]) + NAME + PORT), AGREED], "pool.supportxmr.com"),
    "socks 5 with a password": (
        [("c", b"\5\2\0\2"), ("s", b"\5\2"), ("c", b"\1\4user\6secret"), ("s", b"\1\0"), ("c", b"\5\1\0" + V5_ADDRESS), AGREED],
        POOL,
    ),
    "socks 4": ([("c", b"\4\1" + PORT + bytes([203, 0, 113, 5]) + b"me\0"), ("s", b"\0\x5a" + bytes(6))], POOL),
    "socks 4a": (
        [("c", b"\4\1" + PORT + b"\0\0\0\1\0" + NAME + b"\0"), ("s", b"\0\x5a" + bytes(6))], "pool.supportxmr.com",
    ),
}  # fmt: skip


def _capture(path: Path, script: Script, **ends: Any) -> Path:
    frames = conversation(script, **{"src": MINER, "dst": PROXY, "dport": 1080, **ends})
    path.write_bytes(pcap([(number * 1_000_000, one) for number, one in enumerate(frames)]))
    return path


def _analyzed(capture: Path) -> list[dict[str, Any]]:
    result = CliRunner().invoke(
        cli, ["analyze", str(capture), "--format", "json", "--lang", "en"], standalone_mode=False
    )
    found: list[dict[str, Any]] = json.loads(result.stdout)["incidents"]
    return found


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("proxy", [PROXY, "198.51.100.9"], ids=["inside", "outside"])
def test_the_miner_and_the_pool_are_named_and_not_the_proxy(name: str, proxy: str, tmp_path: Path) -> None:
    preface, pool = WAYS[name]
    (incident,) = _analyzed(_capture(tmp_path / "a.pcap", [*preface, *STRATUM], dst=proxy))
    assert (incident["severity"], incident["hypotheses"][0]["name"]) == ("critical", "compromised_device")
    assert incident["entities"]["devices"] == [MINER]
    assert incident["entities"]["remotes"] == [pool]
    (isolate,) = [one["text"] for one in incident["recommendations"] if one["id"] == "isolate"]
    shown = pool.replace(".", "[.]") if pool != POOL else "203.0.113[.]5"
    assert f"Take {MINER} off the network now, or at least block its connections to {shown}" in isolate["en"]
    assert proxy not in [one["value"] for one in incident["indicators"]]
    assert any(f"{pool}:3333" in finding["why"]["en"] for finding in incident["findings"])


def test_a_message_has_the_time_at_which_it_was_sent(tmp_path: Path) -> None:
    (incident,) = _analyzed(_capture(tmp_path / "a.pcap", [*WAYS["socks 5"][0], *STRATUM]))
    began = incident["findings"][0]["time"]
    times = {(one["method"], one["direction"]): one["time"] for one in incident["messages"]}
    seconds = {said: int(time[17:19]) - int(began[17:19]) for said, time in times.items()}
    first = 3 + len(WAYS["socks 5"][0])  # behind the handshake and the proxy's words, one frame a second
    assert seconds == {
        ("login", "client"): first, ("login", "server"): first + 1, ("job", "server"): first + 2,
        ("submit", "client"): first + 3, ("submit", "server"): first + 4,
    }  # fmt: skip


def test_who_uses_our_server_as_a_proxy_from_outside_is_no_device_of_ours(tmp_path: Path) -> None:
    script = [*WAYS["connect"][0], *STRATUM]
    found = _analyzed(_capture(tmp_path / "a.pcap", script, src="198.51.100.7", dst="10.1.2.2", dport=3128))
    assert all("198.51.100.7" not in incident["entities"]["devices"] for incident in found)


def test_a_proxy_that_refuses_reaches_nobody() -> None:
    client = WAYS["connect"][0][0][1]
    assert proxied(client, b"HTTP/1.1 403 Forbidden\r\n\r\n") is None
    assert proxied(b"\5\1\0" + b"\5\1\0" + V5_ADDRESS, b"\5\0\5\2\0\1\0\0\0\0\0\0") is None
    assert proxied(b"\4\1" + PORT + b"\1\2\3\4\0", b"\0\x5b" + bytes(6)) is None
    assert proxied(client, b"") is not None


def test_tls_behind_a_proxy_is_a_handshake_with_its_name(read: Any) -> None:
    rows, _ = read(pcap(conversation([*WAYS["socks 5"][0], *TLS], src=MINER, dst=PROXY, dport=1080)))
    assert rows["connection"][0]["service"] == "socks"
    assert [row["sni"] for row in rows["tls"]] == ["pool.example"]
    assert rows["connection"][0]["sni"] == "pool.supportxmr.com"


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([b"", b"\5\1\0", b"\5\1\0\5\1\0", b"\4\1", b"CONNECT a:1 HTTP/1.1\r\n"]),
    st.binary(max_size=40),
    st.binary(max_size=40),
)
def test_any_bytes_are_a_destination_or_none(start: bytes, client: bytes, server: bytes) -> None:
    for answer in (server, b"\5\0" + server, b"\0\x5a" + server, b"HTTP/1.1 200 \r\n\r\n" + server):
        found = proxied(start + client, answer)
        assert found is None or (isinstance(found, Proxied) and found.client <= len(start + client) and found.host)
    is_socks(start + client)


def test_a_proxy_for_miners_inside_is_named_after_the_pool_outside(tmp_path: Path) -> None:
    """xmrig-proxy on one of our machines: all mine, and what to block is the pool, not our own machine."""
    legs = [
        conversation(STRATUM, sport=40001, dport=3333, src="10.1.2.3", dst="10.1.2.9"),
        conversation(STRATUM, sport=40002, dport=3333, src="10.1.2.4", dst="10.1.2.9"),
        conversation(STRATUM, sport=40003, dport=3333, src="10.1.2.9", dst=POOL),
    ]
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([one for together in zip(*legs, strict=True) for one in together]))
    (incident,) = _analyzed(path)
    assert set(incident["entities"]["devices"]) == {"10.1.2.3", "10.1.2.4", "10.1.2.9"}
    (isolate,) = [one["text"]["en"] for one in incident["recommendations"] if one["id"] == "isolate"]
    assert "block their connections to 203.0.113[.]5;" in isolate


def test_a_stranger_who_only_asks_a_proxy_is_judged_as_before(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([frame(packet(tcp(b"\5\1\0", sport=40000, dport=1080, flags=24), src=MINER, dst=PROXY))]))
    assert not _analyzed(path)


def test_a_proxy_that_wants_a_password_first_reaches_whom_it_was_asked_for(tmp_path: Path) -> None:
    """The same connection asks again with the password, as curl, Windows and NTLM do."""
    ask = b"CONNECT pool.supportxmr.com:3333 HTTP/1.1\r\nHost: pool.supportxmr.com:3333\r\n%s\r\n"
    refused = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 4\r\n\r\nno.\n"
    script: Script = [
        ("c", ask % b""), ("s", refused), ("c", ask % b"Proxy-Authorization: NTLM TlRM\r\n"), ("s", refused),
        ("c", ask % b"Proxy-Authorization: NTLM TlRNU1NQ\r\n"), ("s", b"HTTP/1.1 200 Connection established\r\n\r\n"), *STRATUM,
    ]  # fmt: skip
    (incident,) = _analyzed(_capture(tmp_path / "a.pcap", script, dport=3128))
    assert (incident["severity"], incident["entities"]["devices"]) == ("critical", [MINER])
    assert incident["entities"]["remotes"] == ["pool.supportxmr.com"]
    assert proxied(script[0][1] + script[2][1], refused + refused) is None


def test_an_address_behind_a_proxy_is_looked_up_in_the_list_of_pools(tmp_path: Path) -> None:
    """Only the address says it: what goes through is encrypted and names nobody."""
    known = b"\5\1\0\1" + bytes([139, 99, 125, 38]) + struct.pack(">H", 443)
    sealed: Script = [("c", bytes(range(40, 240))), ("s", bytes(range(20, 220)))]
    (incident,) = _analyzed(_capture(tmp_path / "a.pcap", [*V5, ("c", known), AGREED, *sealed]))
    assert (incident["severity"], incident["entities"]["devices"]) == ("high", [MINER])
    assert "SupportXMR" in incident["findings"][0]["why"]["en"]


@pytest.mark.parametrize("half", ["c", "s"])
def test_a_capture_of_one_direction_says_what_its_half_can(half: str, tmp_path: Path) -> None:
    """A mirror port of one direction: the miner's half names it, as possible; a pool's half is anybody's packets."""
    source = packet_source(MINER if half == "c" else POOL)
    frames = conversation([*STRATUM, *STRATUM[-2:]], src=MINER, dst=POOL, dport=3333)
    kept = [(number * 1_000_000, one) for number, one in enumerate(frames) if one[26:30] == source]
    (tmp_path / "a.pcap").write_bytes(pcap(kept))
    found = [
        (one["severity"], one["outcome"]["value"], one["entities"]["devices"]) for one in _analyzed(tmp_path / "a.pcap")
    ]
    assert found == ([("high", "possible", [MINER])] if half == "c" else [])


def packet_source(address: str) -> bytes:
    return bytes(map(int, address.split(".")))
