"""``kanaria lab dns-server --live``: the case performed for real, and what other sensors would have seen."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click

from kanaria.core.stream import ReadContext
from kanaria.core.words import Language, Text
from kanaria.formats import registry
from kanaria.lab import netns, performed, zeek_log
from kanaria.sources import open_inputs

_READY = Text(
    en="Ready. {interface} shows everything, inside a namespace of its own:\n  {command}",
    ja="準備ができました。専用の名前空間の {interface} で、すべての通信を見られます。\n  {command}",
)
_BEGIN = Text(en="Press Enter to begin.", ja="Enterキーを押すと始まります。")


def dns_server(
    path: Path, *, seed: int, without: Collection[str], speed: float = performed.SPEED, waits: Language | None = None
) -> tuple[int, tuple[Path, ...]]:
    """Perform the case; returns the number of packets, and the logs beside the capture: Samba's logons, connections.

    With ``waits`` it says in that language where to watch, and begins when somebody presses Enter. Raises SourceError
    where rights or programs are missing.
    """
    parts = {part: part not in without for part in ("rdp", "smb", "mining")}
    ready = partial(_until_told, language=waits) if waits else None
    packets, logons = performed.perform(path, seed=seed, speed=speed, ready=ready, **parts)
    connections = path.with_suffix(".conn.log")
    with connections.open("w") as file:
        file.writelines(zeek_log.lines(_connections(path)))
    return packets, (logons, connections)


def _until_told(switch: netns.Switch, language: Language) -> None:
    """The stage is set, and nothing has happened yet."""
    command = f"ip netns exec {switch.wire} kanaria serve --config FILE"
    click.echo(_READY.to(language).format(interface=switch.interface, command=command))
    click.prompt(_BEGIN.to(language), default="", show_default=False, prompt_suffix="\n")


def _connections(path: Path) -> Iterator[dict[str, Any]]:
    for stream in open_inputs([str(path)]):
        for batch in registry.get("pcap").read(stream, ReadContext()):
            if "connection" in batch.tables:
                yield from batch.tables["connection"].to_pylist()
