"""Names of logs: a rotated log is the old content under a new name, and one log whatever the number it carries."""

from __future__ import annotations

from kanaria.core.late_regex import late_regex

_ROTATED = late_regex(r"[-._]?\d+|\.(?:gz|bz2|xz|zst)$")


def log_of(source: str) -> str:
    """One name for one log: ``/var/log/remote.log``, ``remote.log.1``, ``remote-20260301.log.gz``."""
    folder, slash, name = source.rpartition("/")
    return folder + slash + _ROTATED.sub("", name)
