"""``kanaria lab dns-server --live``: the case performed for real, and what other sensors would have seen."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from kanaria.core.stream import ReadContext
from kanaria.formats import registry
from kanaria.lab import performed, zeek_log
from kanaria.sources import open_inputs


def dns_server(path: Path, *, seed: int, without: Collection[str]) -> tuple[int, tuple[Path, ...]]:
    """Perform the case; returns the number of packets, and the logs beside the capture: Samba's logons, connections.

    Raises SourceError where rights or programs are missing.
    """
    parts = {part: part not in without for part in ("rdp", "smb", "mining")}
    packets, logons = performed.perform(path, seed=seed, **parts)
    connections = path.with_suffix(".conn.log")
    with connections.open("w") as file:
        file.writelines(zeek_log.lines(_connections(path)))
    return packets, (logons, connections)


def _connections(path: Path) -> Iterator[dict[str, Any]]:
    for stream in open_inputs([str(path)]):
        for batch in registry.get("pcap").read(stream, ReadContext()):
            if "connection" in batch.tables:
                yield from batch.tables["connection"].to_pylist()
