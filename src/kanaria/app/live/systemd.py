"""What systemd is told: that the service is ready, alive, or ending. Elsewhere nothing happens."""

from __future__ import annotations

import os
import socket


def notify(message: str) -> None:
    """Send ``READY=1``, ``WATCHDOG=1`` or ``STOPPING=1`` (sd_notify(3)) where ``NOTIFY_SOCKET`` says."""
    place = os.environ.get("NOTIFY_SOCKET")
    if not place:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        out.sendto(message.encode("ascii"), "\0" + place[1:] if place.startswith("@") else place)
