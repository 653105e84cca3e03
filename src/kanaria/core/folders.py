"""Where this user's files lie, by the XDG Base Directory Specification. Nothing is made here."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """For what can be made anew at any time: compiled code, lists of fonts. ``$XDG_CACHE_HOME/kanaria``."""
    return _base("XDG_CACHE_HOME", ".cache") / "kanaria"


def _base(variable: str, below_home: str) -> Path:
    named = os.environ.get(variable, "")
    # The specification: a relative path is invalid and to be ignored.
    return Path(named) if os.path.isabs(named) else Path(os.path.expanduser("~")) / below_home
