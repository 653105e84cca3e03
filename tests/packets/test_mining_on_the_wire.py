"""The command on a capture of one miner: however its packets came to the sensor, the same device and pool are named."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from build_packets import block, pcap, pcapng
from click.testing import CliRunner

from kanaria.app.commands.main import cli
from tests.packets.hostile_traffic import DEVICE, POOL, SECOND, Frame, conversation, mining

Frames = Sequence[Frame]
MACS = bytes.fromhex("020000000001020000000002")


def bare() -> list[Frame]:
    """Three minutes of a miner in the clear, messages cut into segments of forty bytes."""
    return conversation(mining(shares=2), size=40, gap=10 * SECOND)


def each(change: Callable[[bytes], bytes]) -> Callable[[Frames], bytes]:
    return lambda frames: pcap([(when, change(frame)) for when, frame in frames])


def late(frames: Frames) -> bytes:
    """Within each message every other segment comes behind the others: several holes at once."""
    out: list[Frame] = []
    for when in sorted({when for when, _ in frames}):
        together = [frame for at, frame in frames if at == when]
        out += [(when + place, frame) for place, frame in enumerate(together[::2] + together[1::2])]
    return pcap(out)


def backwards(frames: Frames) -> bytes:
    """The second half of each message's segments before the first, both as they were."""
    out: list[Frame] = []
    for when in sorted({when for when, _ in frames}):
        together = [frame for at, frame in frames if at == when]
        half = len(together) // 2 if when else len(together)
        out += [(when + place, frame) for place, frame in enumerate(together[half:] + together[:half])]
    return pcap(out)


def repeated(frames: Frames) -> bytes:
    """A mirror port that copies both ways shows each packet twice."""
    return pcap([(when + copy, frame) for when, frame in frames for copy in (0, 1)])


def fragmented(frames: Frames) -> bytes:
    out: list[Frame] = []
    for number, (when, frame) in enumerate(frames, 1):
        head, body = frame[14:34], frame[34:]
        for at in range(0, len(body), 24):
            part, more = body[at : at + 24], at + 24 < len(body)
            field = struct.pack(">HHH", 20 + len(part), number, at // 8 | more << 13)
            out.append((when + at, frame[:14] + head[:2] + field + head[8:] + part))
    return pcap(out)


def in_pcapng(frames: Frames) -> bytes:
    """Nanoseconds, a comment with each packet, big-endian."""
    out = [block(0x0A0D0D0A, struct.pack(">IHHq", 0x1A2B3C4D, 1, 0, -1), ">")]
    out.append(block(1, struct.pack(">HHI", 1, 0, 0) + struct.pack(">HHBxxxHH", 9, 1, 9, 0, 0), ">"))
    for when, frame in frames:
        ticks = (1_700_000_000_000_000 + when) * 1000
        head = struct.pack(">IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
        comment = struct.pack(">HH", 1, 4) + b"note" + struct.pack(">HH", 0, 0)
        out.append(block(6, head + frame + bytes(-len(frame) % 4) + comment, ">"))
    return b"".join(out)


def with_noise(frames: Frames) -> bytes:
    """Among packets of other kinds, damaged ones, and ones that are cut."""
    chance, out = Random(7), []
    for when, frame in frames:
        out.append((when, frame))
        out.append((when, MACS + b"\x08\x06" + bytes(28)))
        out.append((when, bytes(chance.randrange(256) for _ in range(chance.randrange(60)))))
        out.append((when, frame[: chance.randrange(30)]))
    return pcap(out)


def damaged(frames: Frames) -> bytes:
    """Forty bytes of another file where the fifth packet's header was."""
    whole = pcap(frames)
    first = pcap(frames[:5])
    return whole[: len(first)] + b"\xa5" * 40 + whole[len(first) :]


def vxlan(frame: bytes) -> bytes:
    inner = b"\x08\0\0\0\0\0\x2a\0" + frame
    datagram = struct.pack(">HHHH", 55_000, 4789, 8 + len(inner), 0) + inner
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(datagram), 1, 0, 64, 17, 0)
    return MACS + b"\x08\0" + head + bytes([198, 51, 100, 1, 198, 51, 100, 2]) + datagram


WAYS: dict[str, Callable[[Frames], bytes]] = {
    "several holes at once": late,
    "halves the wrong way round": backwards,
    "each packet twice": repeated,
    "in fragments": fragmented,
    "in a tag": each(lambda frame: MACS + b"\x81\0\0\x07" + frame[12:]),
    "in two tags": each(lambda frame: MACS + b"\x88\xa8\0\x64\x81\0\0\x07" + frame[12:]),
    "behind labels": each(
        lambda frame: MACS + b"\x88\x47" + struct.pack(">II", 100 << 12 | 64, 200 << 12 | 1 << 8 | 64) + frame[14:]
    ),
    "in vxlan": each(vxlan),
    "as raw packets": lambda frames: pcap([(when, frame[14:]) for when, frame in frames], link=101),
    "in big-endian nanoseconds": lambda frames: pcap(frames, order=">", nano=True),
    "as pcapng with comments": in_pcapng,
    "among noise": with_noise,
    "behind damage": damaged,
}


def analyzed(path: Path) -> dict[str, Any]:
    arguments = ["analyze", str(path), "--format", "json", "--lang", "en"]
    result = CliRunner().invoke(cli, arguments, standalone_mode=False)
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is told of the bare capture."""
    return _incident(tmp_path_factory.mktemp("bare"), pcap(bare()))


def _incident(folder: Path, data: bytes) -> dict[str, Any]:
    capture = folder / "x.pcap"
    capture.write_bytes(data)
    (incident,) = analyzed(capture)["incidents"]
    found: dict[str, Any] = incident
    return found


@pytest.mark.parametrize("way", WAYS)
def test_the_miner_and_its_pool_are_named(way: str, plain: dict[str, Any], tmp_path: Path) -> None:
    incident = _incident(tmp_path, WAYS[way](bare()))
    assert (incident["severity"], incident["entities"]["devices"]) == ("critical", [DEVICE])
    assert POOL in incident["entities"]["remotes"]
    assert incident["title"] == plain["title"]
    assert {one["rule"] for one in incident["findings"]} == {one["rule"] for one in plain["findings"]}


def test_a_capture_without_mining_names_nobody(tmp_path: Path) -> None:
    """The same packets with other words in them."""
    talk = [(who, b"x" * len(said)) for who, said in mining(shares=2)]
    capture = tmp_path / "x.pcapng"
    capture.write_bytes(pcapng([frame for _, frame in conversation(talk, size=40)]))
    assert analyzed(capture)["incidents"] == []
