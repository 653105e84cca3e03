"""The case of the DNS server for real: machines perform its script, which gives a capture and a logon log.

Nine days take two minutes. What happens is done at once, one thing after the other, and long sessions run ``speed``
times as fast; afterwards every packet and every logged line gets the time it has in the story. So order, sizes and the
answers of real servers are the network's own; pauses are the script's.
"""

from __future__ import annotations

import asyncio
import bisect
import json
import os
import struct
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from kanaria.core.errors import SourceError
from kanaria.core.values import dataclass
from kanaria.lab import cast, dns_server, netns
from kanaria.lab.scenario import EPOCH, Conversation

SPEED = 60.0
"""Seconds of the story that a second of mining or of a Remote Desktop session stands for, unless told otherwise."""
LONG = 60.0
"""Conversations from this many seconds on are performed faster than they were."""
SETTLE = 0.004
"""Seconds for the last packets of one thing before the next begins; a round trip here takes 0.0001."""


Ready = Callable[[netns.Switch], None]


@dataclass(frozen=True)
class Piece:
    """From this moment of the clock on it is that second of the story, and time passes so fast."""

    real: float
    story: float
    speed: float


def perform(
    path: Path, *, seed: int = 7, rdp: bool = True, smb: bool = True, mining: bool = True, speed: float = SPEED,
    ready: Ready | None = None,
) -> tuple[int, Path]:  # fmt: skip
    """Write the capture, and beside it Samba's logons; returns the number of packets and the log's path.

    ``ready`` is called when everything stands; the story begins when it returns. Raises
    SourceError where namespaces, programs or rights are missing, or when a machine does not answer.
    """
    reason = cast.missing()
    if reason:
        raise SourceError(source="lab dns-server --live", expected=f"root and {', '.join(cast.PROGRAMS)}", got=reason)
    story = list(_to_do(dns_server.story(seed=seed, rdp=rdp, smb=smb, mining=mining)))
    with (
        tempfile.TemporaryDirectory(prefix="kanaria-lab-") as folder,
        netns.switch(f"kanlab{os.getpid()}", cast.MACHINES) as switch,
    ):
        raw = Path(folder) / "raw.pcap"
        pieces, logged = asyncio.run(_perform(story, switch, raw, seed, speed, ready))
        log = path.with_suffix(".samba.log")
        log.write_text("".join(_relogged(logged, _clock(pieces))))
        return _retimed(raw, path, pieces), log


def _to_do(story: Sequence[Conversation]) -> Iterator[Conversation]:
    """What the machines must be told to do: not what the server asks its forwarder for its clients, and nothing
    ordinary while something long is performed so much faster, where it would take as much longer."""
    until = 0.0
    for one in story:
        ordinary = one.label in ("dns", "web")
        if (one.label == "dns" and one.client == dns_server.SERVER) or (ordinary and one.start < until):
            continue
        if one.seconds >= LONG:
            until = max(until, one.start + one.seconds)
        yield one


async def _perform(
    story: Sequence[Conversation], switch: netns.Switch, raw: Path, seed: int, speed: float, ready: Ready | None
) -> tuple[list[Piece], list[str]]:
    async with cast.on_stage(switch, raw.parent, seed=seed, speed=speed) as players:
        if ready:
            ready(switch)
        began = players.logons.stat().st_size  # what was said before the curtain rose
        with netns.capture(switch, raw):
            pieces = await _play(story, players.play, speed)
            await asyncio.sleep(10 * SETTLE)
        return pieces, players.logons.read_text("utf-8", "replace")[began:].splitlines()


async def _play(
    story: Sequence[Conversation], play: Callable[[Conversation], Awaitable[None]], speed: float
) -> list[Piece]:
    """One thing after the other; while a long one lasts, the others come at their moment in it."""
    pieces: list[Piece] = []
    lasting: list[tuple[float, asyncio.Future[None]]] = []
    for one in story:
        if lasting and one.start < max(end for end, _ in lasting):
            await asyncio.sleep(max(0.0, pieces[-1].real + (one.start - pieces[-1].story) / speed - time.time()))
        else:
            await asyncio.gather(*(task for _, task in lasting))
            lasting = []
            await asyncio.sleep(SETTLE)
            pieces.append(Piece(time.time(), one.start, speed if one.seconds >= LONG else 1.0))
        task = asyncio.ensure_future(play(one))
        if one.seconds >= LONG:
            lasting.append((one.start + one.seconds, task))
        else:
            await task
    await asyncio.gather(*(task for _, task in lasting))
    return pieces


def _clock(pieces: Sequence[Piece]) -> Callable[[float], float]:
    """From moments of the clock to seconds of the story."""
    begins = [piece.real for piece in pieces]

    def story_time(moment: float) -> float:
        piece = pieces[max(bisect.bisect_right(begins, moment) - 1, 0)]
        return piece.story + max(moment - piece.real, 0.0) * piece.speed

    return story_time


def _retimed(raw: Path, path: Path, pieces: Sequence[Piece]) -> int:
    """The capture with the story's times; packets from before the first piece are left out."""
    story_time, data, at, count = _clock(pieces), raw.read_bytes(), 24, 0
    with path.open("wb") as file:
        file.write(data[:24])
        while at + 16 <= len(data):
            seconds, micros, kept, length = struct.unpack_from("<IIII", data, at)
            packet = data[at + 16 : at + 16 + kept]
            at += 16 + kept
            moment = seconds + micros / 1e6
            if moment >= pieces[0].real:
                moved = round((EPOCH.timestamp() + story_time(moment)) * 1e6)
                file.write(struct.pack("<IIII", *divmod(moved, 1_000_000), kept, length) + packet)
                count += 1
    return count


def _relogged(lines: Sequence[str], story_time: Callable[[float], float]) -> list[str]:
    """Samba's JSON lines with the story's times; the headings between them say nothing more."""
    kept = []
    for line in lines:
        if line.lstrip().startswith("{"):
            entry = json.loads(line)
            moment = datetime.strptime(entry["timestamp"], "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
            entry["timestamp"] = f"{EPOCH + timedelta(seconds=story_time(moment)):%Y-%m-%dT%H:%M:%S.%f+0000}"
            kept.append(json.dumps(entry) + "\n")
    return kept
