"""What a miner may do so as not to be read, and what strangers may send so that a device of ours is accused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.running import Kanaria
from tests.packets.build_packets import ACK, PSH, RST, SYN, ethernet, ip, pcap, tcp, udp
from tests.packets.build_packets import conversation as whole_connection
from tests.packets.hostile_traffic import (
    DEVICE,
    GRANTED,
    POOL,
    STRANGER,
    WORK,
    Frame,
    conversation,
    datagram,
    forged,
    line,
    login,
    mining,
    share,
    taken,
)

Script = list[tuple[str, bytes]]


def told(kanaria: Kanaria, folder: Path, frames: list[Frame]) -> list[tuple[str, str]]:
    (folder / "a.pcap").write_bytes(pcap(frames))
    found = kanaria("analyze", "a.pcap", "--format", "json").document["incidents"]
    return [(one["severity"], one["hypotheses"][0]["name"]) for one in found]


def begun(change: Callable[[bytes], bytes]) -> Script:
    """The dialogue with another spelling of its first message."""
    return [("c", change(login())), *mining()[1:]]


SPELLINGS: dict[str, Script] = {
    "blanks": begun(lambda first: b" " * 200_000 + first),
    "line ends": begun(lambda first: b"\r\n" * 50_000 + first),
    "empty objects": begun(lambda first: b"{}\n" * 30_000 + first),
    "other messages": begun(lambda first: line({"id": 9, "note": "x" * 900}) * 100 + first),
    "a long member": begun(lambda first: first.replace(b'"id"', b'"pad": "' + b"A" * 60_000 + b'", "id"')),
    "blanks between": begun(lambda first: first.replace(b": ", b" " * 3_000 + b":" + b"\t" * 3_000)),
    "escapes": begun(lambda first: first.replace(b"method", b"\\u006dethod").replace(b'"login",', b'"log\\u0069n",')),
    "a second method": begun(
        lambda first: first.replace(b'"method": "login"', b'"method": "login", "method": "hello"')
    ),
    "a batch": begun(lambda first: b"[" + first.strip() + b"]\n"),
}


@pytest.mark.parametrize("spelling", sorted(SPELLINGS))
def test_padding_and_other_spellings_hide_no_miner(kanaria: Kanaria, tmp_path: Path, spelling: str) -> None:
    assert told(kanaria, tmp_path, conversation(SPELLINGS[spelling])) == [("critical", "compromised_device")]


def test_segments_of_one_byte_hide_no_miner(kanaria: Kanaria, tmp_path: Path) -> None:
    assert told(kanaria, tmp_path, conversation(mining(shares=1), size=1)) == [("critical", "compromised_device")]


def segment(payload: bytes, flags: int, src: str, dst: str, seq: int = 1) -> bytes:
    sport, dport = (40_001, 3333) if dst == POOL else (3333, 40_001)
    return ethernet(ip(tcp(payload, sport=sport, dport=dport, seq=seq, ack=1, flags=flags), src=src, dst=dst))


FORGED: dict[str, list[Frame]] = {
    "a miner's segment": forged(login()),
    "a pool's segment": forged(GRANTED + WORK, POOL, DEVICE),
    "a half-open connection": [
        (0, segment(b"", SYN, DEVICE, POOL)), (9, segment(login(), PSH | ACK, DEVICE, POOL, 2)), (20, segment(b"", RST, POOL, DEVICE)),
    ],
    "datagrams of both": [
        datagram(login()), (9, ethernet(ip(udp(GRANTED, sport=3333, dport=40_000), src=POOL, dst=DEVICE, proto=17))),
    ],
    "a chat": conversation([("c", b"PRIVMSG #x :" + login()), ("s", b":b PRIVMSG #x :" + GRANTED)], dport=6667),
    "a mail": conversation([("s", b"+OK\r\n"), ("c", b"RETR 1\r\n"), ("s", b"+OK\r\n" + login() + GRANTED + WORK + b".\r\n")], dport=110),
    "another login": conversation([
        ("c", line({"id": 1, "jsonrpc": "2.0", "method": "login", "params": {"user": "bob", "password": "x"}})),
        ("s", line({"id": 1, "jsonrpc": "2.0", "result": {"status": "OK", "token": "abc"}})),
    ], dport=9000),
}  # fmt: skip


@pytest.mark.parametrize("attack", sorted(FORGED))
def test_forged_packets_and_quoted_lines_accuse_nobody(kanaria: Kanaria, tmp_path: Path, attack: str) -> None:
    assert told(kanaria, tmp_path, FORGED[attack]) == []


COMPACT = json.dumps(json.loads(GRANTED), separators=(",", ":")).encode() + b"\n"
SERVICES: dict[str, Script] = {
    "says no": [("c", login()), ("s", line({"id": 1, "jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}}))],
    "says ok": [("c", login()), ("s", line({"id": 1, "jsonrpc": "2.0", "result": "ok"}))],
    "echoes in other words": [("c", login()), ("s", login()), ("c", GRANTED), ("s", COMPACT)],
    "echoes and adds": [("c", login() + GRANTED), ("s", line({**json.loads(GRANTED), "received": True}))],
    "is given jobs": [("c", WORK), ("s", line({"error": "bad"})), ("c", GRANTED), ("s", line({"id": 1, "error": "x"}))],
    "is told both sides": [("c", GRANTED + WORK + login() + share(2) + taken(2)), ("s", GRANTED + WORK + login() + share(2) + taken(2))],
}  # fmt: skip


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_what_a_stranger_makes_a_service_say_accuses_no_device(kanaria: Kanaria, tmp_path: Path, service: str) -> None:
    found = told(kanaria, tmp_path, conversation(SERVICES[service], STRANGER, DEVICE, dport=8080))
    assert all(severity == "informational" and name != "compromised_device" for severity, name in found), found


def test_nothing_is_written_into_a_home_but_the_cache(tmp_path: Path) -> None:
    home, scratch = tmp_path / "home", tmp_path / "scratch"
    home.mkdir()
    scratch.mkdir()
    (tmp_path / "a.pcap").write_bytes(pcap(conversation(mining())))
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "MPL", "KANARIA"))}
    run = [sys.executable, "-m", "kanaria", "analyze", "a.pcap", "--format", "html", "-o", "report.html"]
    environment = {**clean, "HOME": str(home), "TMPDIR": str(scratch)}
    done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "<svg" in (tmp_path / "report.html").read_text() or "<img" in (tmp_path / "report.html").read_text()
    assert [path for path in home.rglob("*") if path.is_file() and home / ".cache/kanaria" not in path.parents] == []
    assert list(scratch.rglob("*")) == []


def slowly(frames: list[bytes], pause: int) -> list[Frame]:
    """The frames with ``pause`` seconds of silence before each that carries something."""
    at, timed = 0, []
    for frame in frames:
        at += pause * 1_000_000 if len(frame) > 60 else 20_000
        timed.append((at, frame))
    return timed


@pytest.mark.parametrize("pause", [1, 400, 1_500])
def test_a_pool_that_takes_its_time_hides_no_miner(kanaria: Kanaria, tmp_path: Path, pause: int) -> None:
    """Each word minutes after the one before: what was cut there had only one side, and was nobody's."""
    frames = slowly(whole_connection(mining(), src=DEVICE, dst=POOL), pause)
    assert told(kanaria, tmp_path, frames) == [("critical", "compromised_device")]


def test_a_capture_that_quotes_a_log_is_a_capture(kanaria: Kanaria, tmp_path: Path) -> None:
    """A datagram from outside with a miner's line made a text of the file, and the capture was not read."""
    (tmp_path / "a.pcap").write_bytes(pcap([datagram(login())]))
    done = kanaria("analyze", "a.pcap", "--format", "json").document
    assert [one["format"] for one in done["inputs"]] == ["pcap"]
    assert done["incidents"] == []
