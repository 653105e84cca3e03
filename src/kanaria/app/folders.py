"""Where a user's own data lie."""

from __future__ import annotations

import os
from pathlib import Path


def data_folder() -> Path:
    """Where a user's own facts and network data lie."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "kanaria"


def user_facts() -> Path | None:
    """The folder of facts an update made, when there is one."""
    folder = data_folder()
    return folder if any(folder.rglob("*.yaml")) else None


def facts_folder(named: str | None) -> Path | None:
    """The folder of facts that settings name, else the user's own."""
    return Path(named) if named else user_facts()
