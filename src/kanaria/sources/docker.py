"""Logs of Docker containers: the files of its ``json-file`` driver, of all containers or of those named.

Docker keeps a container's name beside its log, in a file for root alone that it makes anew whenever the container
starts. Whose name cannot be read may be one that is wanted: that is a problem to be told, not a container less.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence

from kanaria.core.errors import SourceError

FOLDER = "/var/lib/docker/containers"
_RIGHT = "Docker keeps them for root: give the service CAP_DAC_READ_SEARCH, or let Docker log to the journal"


def container_logs(folder: str, names: Sequence[str]) -> Callable[[], list[str | SourceError]]:
    """The log files that are there now, and why others cannot be known.

    Raises SourceError where the folder cannot be read. A name that was read once still holds when it no longer can be.
    """
    names_read: dict[str, str] = {}

    def files() -> list[str | SourceError]:
        logs: list[str | SourceError] = []
        closed = 0
        for place in _containers(folder):
            try:
                if names:
                    names_read[place] = _name(place)
            except PermissionError:
                closed += place not in names_read
            if not names or names_read.get(place) in names:
                try:
                    logs += _logs(place)
                except PermissionError:
                    closed += 1
        if closed:
            logs.append(_closed(folder, closed))
        return logs

    return files


def _containers(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:  # asked, not looked up: os.access() overlooks capabilities
            return sorted(entry.path for entry in entries)
    except OSError as error:
        raise SourceError(
            source=folder, expected="a readable folder of containers", got="no permission, or nothing there",
            cause=_RIGHT, retry_after=5.0,
        ) from error  # fmt: skip


def _logs(place: str) -> list[str]:
    """Raises PermissionError where the container's folder is closed."""
    try:
        with os.scandir(place) as entries:
            return sorted(entry.path for entry in entries if entry.name.endswith("-json.log"))
    except (FileNotFoundError, NotADirectoryError):  # removed meanwhile, or no container
        return []


def _name(place: str) -> str:
    """Empty where there is none; raises PermissionError where it may not be read."""
    try:
        with open(os.path.join(place, "config.v2.json"), encoding="utf-8") as file:
            return str(json.load(file).get("Name", "")).lstrip("/")
    except PermissionError:
        raise
    except (OSError, ValueError):
        return ""


def _closed(folder: str, count: int) -> SourceError:
    return SourceError(
        source=folder, expected="containers whose names and logs may be read", got=f"no permission for {count} of them",
        cause=_RIGHT, retry_after=5.0,
    )  # fmt: skip
