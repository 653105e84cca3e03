"""Logs of Docker containers: the files of its ``json-file`` driver, of all containers or of those named."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Callable, Sequence

from kanaria.core.errors import SourceError

FOLDER = "/var/lib/docker/containers"


def container_logs(folder: str, names: Sequence[str]) -> Callable[[], list[str]]:
    """The log files that are there now; a container is known by the name in its own settings beside the log."""

    def files() -> list[str]:
        if not os.access(folder, os.R_OK | os.X_OK):
            raise SourceError(
                source=folder, expected="a readable folder of containers", got="no permission, or nothing there",
                cause="it belongs to root: let the service's user read it, for example with setfacl", retry_after=5.0,
            )  # fmt: skip
        found = sorted(glob.glob(os.path.join(folder, "*", "*-json.log")))
        return [path for path in found if not names or _name(os.path.dirname(path)) in names]

    return files


def _name(folder: str) -> str:
    try:
        with open(os.path.join(folder, "config.v2.json"), encoding="utf-8") as file:
            return str(json.load(file).get("Name", "")).lstrip("/")
    except (OSError, ValueError):
        return ""
