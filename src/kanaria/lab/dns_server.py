"""The case of the DNS server as a capture: from a seed to a pcap file of nine days in virtual time.

Eight ordinary days of a name server and its clients; then Remote Desktop is sprayed from outside, mostly as
``hello``, somebody gets a session, and hours later the server mines Monero over TLS with a host on no list and speaks
SMB with addresses outside. Outside addresses are those of RFC 5737. Sizes, order and timing are scripted.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from kanaria.lab import desktop, framing
from kanaria.lab.mining import Plan, conversation
from kanaria.lab.scenario import Conversation, Host, Message, write_pcap

Rng = np.random.Generator

SERVER = Host("dns", "192.168.10.53")
CLIENTS = tuple(Host(f"desk{number}", f"192.168.10.{100 + number}") for number in range(4))
FORWARDER = Host("forwarder", "192.0.2.53")
SITES = tuple(Host(f"site{number}", f"192.0.2.{80 + number}") for number in range(3))
SPRAYERS = tuple(Host(f"spray{number}", f"198.51.100.{20 + number}") for number in range(9))
INTRUDER = Host("intruder", "198.51.100.200")
POOL = Host("pool", "203.0.113.44")
SMB_PEERS = (Host("peer0", "203.0.113.150"), Host("peer1", "198.51.100.61"))

HOUR, DAY = 3600.0, 86_400.0
QUIET_DAYS = 8
"""One more than the pattern of life wants before it calls anything unusual."""
SPRAY, LOGON, MINING, SMB = 2 * HOUR, 6.5 * HOUR, 9 * HOUR, 9.1 * HOUR
"""Seconds into the ninth day."""
ATTEMPTS = 48
SESSION_SECONDS = 240.0
MINING_SECONDS = 2.5 * HOUR


def build(path: Path, *, seed: int = 7, rdp: bool = True, smb: bool = True, mining: bool = True) -> int:
    """Write the capture; returns the number of packets. Parts of the attack can be left out."""
    return write_pcap(story(seed=seed, rdp=rdp, smb=smb, mining=mining), path)


def story(*, seed: int = 7, rdp: bool = True, smb: bool = True, mining: bool = True) -> list[Conversation]:
    """Everything that happens, in order of time."""
    rng = np.random.default_rng(seed)
    conversations = list(_ordinary(rng))
    attack = QUIET_DAYS * DAY
    conversations += _spray(rng, attack) if rdp else []
    conversations += _mining(seed, attack) if mining else []
    conversations += _file_sharing(rng, attack) if smb else []
    return sorted(conversations, key=lambda one: one.start)


def _ordinary(rng: Rng) -> Iterator[Conversation]:
    """Clients ask the server and visit the same few sites in working hours; the server asks its forwarder."""
    for hour in range(QUIET_DAYS * 24 + 14):
        start = hour * HOUR
        for client in CLIENTS:
            yield _question(rng, client, SERVER, start + float(rng.uniform(0, HOUR)))
            if 8 <= hour % 24 < 18 and rng.random() < 0.3:
                yield _visit(rng, client, SITES[int(rng.integers(len(SITES)))], start + float(rng.uniform(0, HOUR)))
        yield _question(rng, SERVER, FORWARDER, start + float(rng.uniform(0, HOUR)))


def _question(rng: Rng, client: Host, server: Host, start: float) -> Conversation:
    ident = rng.bytes(2)
    name = b"\3www\7example\3com\0\0\1\0\1"
    question = ident + bytes.fromhex("01000001000000000000") + name
    answer = ident + bytes.fromhex("81800001000100000000") + name + bytes.fromhex("c00c000100010000012c0004c0000250")
    messages = (Message(0.0, True, question), Message(0.012, False, answer))
    return Conversation(
        client=client, server=server, server_port=53, messages=messages, client_port=_port(rng), start=start,
        transport="udp", label="dns",
    )  # fmt: skip


def _visit(rng: Rng, client: Host, site: Host, start: float) -> Conversation:
    body = (Message(0.1, True, rng.bytes(300)), Message(0.2, False, rng.bytes(int(rng.integers(700, 1300)))))
    messages = tuple(framing.tls(body, rng, sni="www.example.com"))
    return _tcp(rng, client, site, 443, messages, start, "web")


def _spray(rng: Rng, attack: float) -> Iterator[Conversation]:
    """Attempts minutes apart from many sources, and one session that lasts."""
    for number in range(ATTEMPTS):
        cookie = "hello" if number % 4 else "administrator"[:9]
        start = attack + SPRAY + number * 300 + float(rng.uniform(0, 120))
        yield _desktop(rng, SPRAYERS[number % len(SPRAYERS)], start, cookie, 0)
    yield _desktop(rng, INTRUDER, attack + LOGON, "admin", 40_000)


def _desktop(rng: Rng, client: Host, start: float, cookie: str, screen: int) -> Conversation:
    """One Remote Desktop connection: X.224 request and answer in the clear, TLS with a logon inside, and so many bytes
    of screen; none when the logon is refused."""
    pieces = screen // 1400
    gap = SESSION_SECONDS / max(1, pieces)
    body = [Message(0.02 * step, who, rng.bytes(size)) for step, (who, size) in enumerate(desktop.logon(pieces > 0))]
    for number in range(pieces):
        body += [
            Message(0.2 + number * gap, True, rng.bytes(50)),
            Message(0.24 + number * gap, False, rng.bytes(min(screen, 1400))),
        ]
    secured = [replace(m, time=m.time + 0.1) for m in framing.tls(tuple(body), rng)]
    messages = (Message(0.0, True, desktop.request(cookie)), Message(0.05, False, desktop.ANSWER), *secured)
    one = _tcp(rng, client, SERVER, 3389, messages, start, "rdp")
    return replace(one, tags={"cookie": cookie, "granted": "yes" if pieces else ""})


def mining_plan(seed: int) -> Plan:
    """What is mined, and how."""
    return Plan(dialect="cryptonote", seconds=MINING_SECONDS, share_seconds=30.0, wrapping="tls", seed=seed)


def _mining(seed: int, attack: float) -> Iterator[Conversation]:
    plan = mining_plan(seed)
    yield conversation(plan, SERVER, POOL, 443, start=attack + MINING, client_port=50_123)


def _file_sharing(rng: Rng, attack: float) -> Iterator[Conversation]:
    """SMB with addresses outside, right after the mining has begun: one out, one in, one out."""
    ends = ((SERVER, SMB_PEERS[0]), (SMB_PEERS[1], SERVER), (SERVER, SMB_PEERS[1]))
    for number, (client, server) in enumerate(ends):
        messages = (
            Message(0.0, True, _smb2(0, 0, struct.pack("<HHHHI16s8sHH", 36, 2, 1, 0, 0, b"", b"", 0x0202, 0x0210))),
            Message(0.06, False, _smb2(0, 0, struct.pack("<HHHH", 65, 1, 0x0210, 0) + bytes(57), answer=True)),
            Message(0.2, True, _smb2(3, 1, _tree(server.address))),
            Message(0.26, False, _smb2(3, 1, struct.pack("<HBBIII", 16, 2, 0, 0, 0, 0), answer=True)),
        )
        yield _tcp(rng, client, server, 445, messages, attack + SMB + number * 90, "smb")


def _tree(address: str) -> bytes:
    path = f"\\\\{address}\\IPC$".encode("utf-16-le")
    return struct.pack("<HHHH", 9, 0, 72, len(path)) + path


def _smb2(command: int, number: int, body: bytes, *, answer: bool = False) -> bytes:
    """An SMB2 message in a NetBIOS session frame ([MS-SMB2] 2.2.1)."""
    head = struct.pack("<4sHHIHHIIQIIQ16s", b"\xfeSMB", 64, 1, 0, command, 1, int(answer), 0, number, 0, 0, 0, b"")
    return struct.pack("!I", len(head) + len(body)) + head + body


def _tcp(
    rng: Rng, client: Host, server: Host, port: int, messages: tuple[Message, ...], start: float, label: str
) -> Conversation:
    return Conversation(
        client=client,
        server=server,
        server_port=port,
        messages=messages,
        client_port=_port(rng),
        start=start,
        label=label,
    )


def _port(rng: Rng) -> int:
    """An ephemeral port (RFC 6335)."""
    return int(rng.integers(49_152, 65_536))
