"""The real sources in the folder that ``KANARIA_DATA`` names: captures and flow samples come in, sources go out.

Labels of captures: everything in a capture of miners' sessions is mining; where a capture mixes, the connections its
publishers name are (by the pools' ports in those very captures). Ports are used for nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.detection.capture import Found, read
from benchmarks.detection.samples import Connection, Source, cesnet

CAPTURES = (".pcap", ".pcapng", ".cap")

_POOL_PORTS = {3333, 9999, 9050, 8008}
"""Where the pools listen in the captures of nDPI, nfstream, NiceHash and zeek-cryptomining."""

_BROWSER = ("coinhive.pcap", 46634)
"""The one connection of that capture that mines (over TLS), by its client port; the rest loads the page."""


def real(folder: Path) -> list[Source]:
    """Every source that is there. Sources that repeat another's captures are left out (nfstream's are nDPI's)."""
    mining = folder / "mining"
    return [
        _captures("cj-sniffer", mining / "cj-sniffer-a", lambda found: True),
        _captures("dpi-samples", (mining / "ndpi", mining / "nicehash"), _pool),
        _captures("zeek-cryptomining", mining / "zeek-cryptomining", _pool),
        Source("cesnet", "cesnet", tuple(cesnet(mining / "cesnet-sample" / "miner22-sampled.csv"))),
        _captures("hard-negatives", folder / "mining-hard-negatives", lambda found: False),
        _captures("rdp", folder / "rdp", lambda found: False),
        _captures("ssh", folder / "ssh", lambda found: False),
        _captures("smb", folder / "smb", lambda found: False),
    ]


def homelab(folder: Path) -> Source:
    """Three days of an exposed server as Zeek's connection logs: totals only, nobody mines there.

    Zeek reports an open connection again and again; the longest report of each is kept.
    """
    longest: dict[object, Connection] = {}
    for path in sorted((folder / "zeek-homelab").rglob("*conn*.log*")):
        if "summary" not in path.name:
            for found in read(path):
                known = longest.get(found.key)
                if known is None or known.seconds < found.connection.seconds:
                    longest[found.key] = found.connection
    return Source("zeek-homelab", "zeek-homelab", tuple(longest.values()))


def _pool(found: Found) -> bool:
    if found.connection.transport != "tcp":
        return False
    if (found.file, found.ports[0]) == _BROWSER:
        return True
    return bool(_POOL_PORTS & set(found.ports)) and found.file != _BROWSER[0]


def _captures(name: str, folders: Path | Iterable[Path], mining: Callable[[Found], bool]) -> Source:
    roots = [folders] if isinstance(folders, Path) else list(folders)
    paths = sorted(path for root in roots for path in root.rglob("*") if path.suffix in CAPTURES)
    connections: list[Connection] = []
    for path in paths:
        connections += [found.labelled(mining(found)) for found in read(path)]
    return Source(name, name, tuple(connections))
