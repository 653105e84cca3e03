"""The real pool and miner: over loopback in the clear, in TLS and in WebSocket, and between network namespaces."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import struct
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from kanaria import knowledge
from kanaria.core import schema
from kanaria.core.errors import SourceError
from kanaria.lab import live, netns
from kanaria.lab.dialects import DIALECTS
from kanaria.lab.mining import Plan
from kanaria.mining import grammar
from tests import live_mining

SPEED = 600.0


def _talk(plan: Plan, server: ssl.SSLContext | None = None, client: ssl.SSLContext | None = None) -> live.Counts:
    async def both() -> live.Counts:
        async with live.pool(plan, "127.0.0.1", 0, SPEED, server) as port:
            return await live.run_miner(plan, "127.0.0.1", port, SPEED, client)

    return asyncio.run(asyncio.wait_for(both(), 30))


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_every_dialect_mines_over_tcp(dialect: str) -> None:
    # Ten minutes of mining in one second: twenty shares expected.
    counts = _talk(Plan(dialect=dialect, seconds=600, share_seconds=30, seed=2))
    assert 5 <= counts.shares <= 45


@pytest.mark.parametrize("dialect", ["cryptonote", "browser"])
def test_mining_over_tls(dialect: str, tmp_path: Path) -> None:
    counts = _talk(Plan(dialect=dialect, seconds=600, share_seconds=30), live.server_tls(tmp_path), live.client_tls())
    assert counts.shares >= 5


def test_the_certificate_is_self_signed(tmp_path: Path) -> None:
    cert, key = live.certificate(tmp_path)
    assert cert.read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert "PRIVATE KEY" in key.read_text()


def test_nobody_listening_is_an_error() -> None:
    with pytest.raises(OSError, match="Connect"):
        asyncio.run(live.run_miner(Plan(dialect="cryptonote", seconds=1), "127.0.0.1", 9, SPEED))


def test_a_name_for_every_kind_of_message() -> None:
    assert live.name_of(b'{"id":1,"method":"login","params":{}}') == "login"
    assert live.name_of(b'{"type":"submit","params":{}}') == "submit"
    assert live.name_of(b'{"id":1,"result":true}') == ""


def test_namespaces_say_why_they_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    reason = netns.available()
    assert "root" in reason or "not installed" in reason
    with pytest.raises(SourceError, match="expected root, ip and tcpdump"), netns.pair("kanlab-none"):
        pass


@pytest.mark.privileged
def test_a_captured_miner_looks_like_a_scripted_one(tmp_path: Path) -> None:
    reason = netns.available()
    if reason:
        pytest.skip(reason)
    path, speed = tmp_path / "live.pcap", 60.0
    try:
        _capture(path, tmp_path, speed)
    except SourceError as error:
        pytest.skip(str(error))
    sent = _packets(path, 4443)
    # Lengths are the dialect's plus 22 bytes of TLS 1.3; time is stretched back to the miner's own.
    plain = DIALECTS["cryptonote"].share(np.random.default_rng(0), 5)
    said = Counter(size for client, size, _ in sent if client).most_common(2)  # shares, and keepalives
    assert sum(count for size, count in said if abs(size - (len(plain) + 22)) <= 2) >= 8
    messages = [{"from_client": c, "length": n, "time": round(t * 1e6 * speed)} for c, n, t in sent]
    table = schema.from_rows(
        "connection", [{"messages": messages[:200], "duration_us": messages[-1]["time"], "transport": "tcp"}]
    )
    row = grammar.read(table, knowledge.load()).to_pylist()[0]
    assert row["mining.grammar_kind"] == "sequence"
    assert row["mining.grammar_bits"] >= 7.0


def _capture(path: Path, folder: Path, speed: float) -> None:
    how = ["--speed", str(speed), "--tls", str(folder)]
    with (
        netns.pair(f"kanlab{os.getpid()}") as machines,
        netns.capture(machines, path),
        live_mining.pool(machines, 4443, *how),
    ):
        live_mining.mine(machines, 4443, *how, "--seconds", "600")


def _packets(path: Path, port: int) -> list[tuple[bool, int, float]]:
    """Payload packets of the longest TCP connection to a port: from the client, bytes, seconds since its first packet."""
    flows: dict[int, list[tuple[bool, int, float]]] = {}
    data, at = path.read_bytes(), 24
    while at + 16 <= len(data):
        seconds, micros, kept, _ = struct.unpack_from("<IIII", data, at)
        frame = data[at + 16 : at + 16 + kept]
        at += 16 + kept
        if frame[12:14] != b"\x08\x00" or frame[23] != 6:
            continue
        source, target = struct.unpack_from("!HH", frame, 34)
        payload = struct.unpack_from("!H", frame, 16)[0] - 20 - (frame[46] >> 4) * 4
        client = target == port
        if payload > 0:
            flow = flows.setdefault(source if client else target, [])
            flow.append((client, payload, seconds + micros / 1e6))
    longest = max(flows.values(), key=len)
    return [(client, size, when - longest[0][2]) for client, size, when in longest]
