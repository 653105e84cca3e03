"""Captures of attacks: whole conversations of miners, pools, resolvers and strangers, with times, as frames."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Sequence

from kanaria.mining.keccak import keccak256
from tests.encoding import cryptonote_encode
from tests.packets.build_packets import ACK, FIN, PSH, RST, SYN, ethernet, ip, tcp, udp

Frame = tuple[int, bytes]
"""Microseconds since the capture's start, and the frame."""

SECOND = 1_000_000
DEVICE, OTHER, POOL, STRANGER, RESOLVER = "10.7.1.1", "10.7.2.1", "203.0.113.90", "198.51.100.66", "9.9.9.9"


def wallet(seed: int) -> str:
    """A Monero address with a right checksum."""
    body = b"\x12" + bytes([seed]) * 64
    return cryptonote_encode(body + keccak256(body)[:4])


MINE, THEIRS = wallet(1), wallet(2)
JOB = {"blob": "0e" * 76, "job_id": "q1", "target": "b88d0600", "algo": "rx/0"}


def line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


def login(payout: str = THEIRS, agent: str = "XMRig/6.22.2", code: str = "x") -> bytes:
    said = {"login": payout, "pass": code, "agent": agent, "algo": ["rx/0"]}
    return line({"id": 1, "jsonrpc": "2.0", "method": "login", "params": said})


GRANTED = line({"id": 1, "jsonrpc": "2.0", "error": None, "result": {"id": "a", "job": JOB, "status": "OK"}})
WORK = line({"jsonrpc": "2.0", "method": "job", "params": JOB})


def share(number: int) -> bytes:
    done = {"id": "a", "job_id": "q1", "nonce": f"{number:08x}", "result": "0f" * 32}
    return line({"id": number, "jsonrpc": "2.0", "method": "submit", "params": done})


def taken(number: int) -> bytes:
    return line({"id": number, "jsonrpc": "2.0", "error": None, "result": {"status": "OK"}})


def mining(payout: str = THEIRS, shares: int = 5, **said: str) -> list[tuple[str, bytes]]:
    """What a miner ("c") and its pool ("s") say."""
    script = [("c", login(payout, **said)), ("s", GRANTED)]
    for number in range(2, 2 + shares):
        script += [("c", share(number)), ("s", taken(number)), ("s", WORK)]
    return script


def conversation(
    script: Iterable[tuple[str, bytes]], src: str = DEVICE, dst: str = POOL, *, sport: int = 40_000, dport: int = 3333,
    start: int = 0, gap: int = 20 * SECOND, opened: bool = True, closed: bool = True, size: int = 1_400,
) -> list[Frame]:  # fmt: skip
    """A TCP connection; a message longer than ``size`` takes several segments."""
    numbers, ports = {"c": 1_000, "s": 9_000}, {"c": (src, sport), "s": (dst, dport)}
    frames: list[Frame] = []
    time = start

    def send(who: str, payload: bytes, flags: int) -> None:
        other = "s" if who == "c" else "c"
        near, far = ports[who], ports[other]
        segment = tcp(
            payload,
            sport=near[1],
            dport=far[1],
            seq=numbers[who],
            ack=numbers[other] if flags & ACK else 0,
            flags=flags,
        )
        frames.append((time, ethernet(ip(segment, src=near[0], dst=far[0]))))
        numbers[who] += len(payload) + (1 if flags & (SYN | FIN) else 0)

    if opened:
        send("c", b"", SYN)
        send("s", b"", SYN | ACK)
        send("c", b"", ACK)
    for who, payload in script:
        time += gap
        for at in range(0, max(len(payload), 1), size):
            send(who, payload[at : at + size], PSH | ACK)
    if closed:
        send("c", b"", FIN | ACK)
        send("s", b"", FIN | ACK)
        send("c", b"", ACK)
    return frames


def forged(
    payload: bytes, src: str = DEVICE, dst: str = POOL, *, flags: int = PSH | ACK, start: int = 0
) -> list[Frame]:
    """One segment of a connection that nobody opened, and the reset it draws."""
    there = tcp(payload, sport=40_001, dport=3333, seq=77, ack=88, flags=flags)
    back = tcp(b"", sport=3333, dport=40_001, seq=88, flags=RST)
    return [(start, ethernet(ip(there, src=src, dst=dst))), (start + 900, ethernet(ip(back, src=dst, dst=src)))]


def datagram(payload: bytes, src: str = DEVICE, dst: str = POOL, *, start: int = 0, dport: int = 3333) -> Frame:
    return start, ethernet(ip(udp(payload, dport=dport), src=src, dst=dst, proto=17))


def resolved(
    name: str, address: str, client: str = DEVICE, resolver: str = RESOLVER, *, ident: int = 7, start: int = 0
) -> list[Frame]:
    """A question for a name, and its answer."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
    asked = labels + struct.pack(">HH", 1, 1)
    question = struct.pack(">HHHHHH", ident, 0x0100, 1, 0, 0, 0) + asked
    data = bytes(int(part) for part in address.split("."))
    answer = struct.pack(">HHHHHH", ident, 0x8180, 1, 1, 0, 0) + asked
    answer += b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + data
    there = ip(udp(question, sport=5_353, dport=53), src=client, dst=resolver, proto=17)
    back = ip(udp(answer, sport=53, dport=5_353), src=resolver, dst=client, proto=17)
    return [(start, ethernet(there)), (start + 9_000, ethernet(back))]


def hello(name: str) -> bytes:
    """A TLS 1.2 ClientHello with a server name."""
    server = name.encode()
    entry = struct.pack(">BH", 0, len(server)) + server
    names = struct.pack(">H", len(entry)) + entry
    extensions = struct.pack(">HH", 0, len(names)) + names
    body = b"\x03\x03" + bytes(32) + b"\0" + struct.pack(">HHH", 2, 0xC02F, 0x0100)
    body += struct.pack(">H", len(extensions)) + extensions
    shaken = b"\x01" + struct.pack(">I", len(body))[1:] + body
    return b"\x16\x03\x01" + struct.pack(">H", len(shaken)) + shaken


def merged(*parts: Sequence[Frame]) -> list[Frame]:
    """Frames of several conversations in order of time."""
    return sorted((frame for part in parts for frame in part), key=lambda frame: frame[0])
