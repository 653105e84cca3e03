"""Which devices and remotes an incident is about: what belongs to an open one teaches nothing."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def pairs(incident: Json) -> list[tuple[str, str]]:
    """Device and remote of its findings, from its JSON document."""
    distinct = {(f.get("device"), f.get("remote")) for f in incident["findings"]}
    sides = incident.get("entities", {"devices": [], "remotes": []})
    if len(sides["devices"]) == 1:  # findings about several strangers name none of them
        distinct |= {(sides["devices"][0], remote) for remote in sides["remotes"]}
    return [(device, remote) for device, remote in sorted(distinct, key=str) if device and remote]
