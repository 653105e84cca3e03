"""Order of rotated logs: the members of a set one after the other, oldest first.

Known are numbers (``access.log.2.gz`` is older than ``access.log.1``), dates and times in the name (logrotate's
``dateext``, cronolog, Zeek's ``conn.00:00:00-01:00:00.log.gz``, IIS's ``u_ex260102.log``), with the plain name last.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from kanaria.core.late_regex import late_regex

_COMPRESSED = late_regex(r"\.(?:gz|bz2|xz|zst|lzma|z)$", re.IGNORECASE)
_NUMBER = late_regex(r"\.(\d{1,4})(?=\.log$|$)")
_CLOCK = late_regex(r"\.(\d\d:\d\d:\d\d)-\d\d:\d\d:\d\d(?=\.|$)")
_DATE = late_regex(
    r"[-._]?((?:19|20)\d\d[-._]?\d\d[-._]?\d\d(?:[-._T]?\d\d(?:[-._:]?\d\d){0,2})?)(?=[-._]|$)(?:[-._](\d{1,3}))?"
)
_IIS = late_regex(r"(?<=u_ex)(\d{6,8})(?=\.|$)|(?<=u_in)(\d{6,8})(?=\.|$)")

Key = tuple[int, str, int]


def split(name: str) -> tuple[str, Key]:
    """The set a file name belongs to, and its place in it: smaller keys are older."""
    plain = _COMPRESSED.sub("", name)
    for pattern in (_CLOCK, _IIS, _DATE):
        match = pattern.search(plain)
        if match:
            digits = re.sub(r"\D", "", match[1] or match[2])
            number = int(match[2]) if pattern is _DATE and match[2] else 0
            return plain[: match.start()] + plain[match.end() :], (0, digits, number)
    match = _NUMBER.search(plain)
    if match:
        return plain[: match.start()] + plain[match.end() :], (1, "", -int(match[1]))
    return plain, (2, "", 0)


def in_time_order(paths: Sequence[str]) -> list[str]:
    """The paths with every rotated set in time order, sets where their first member stood."""
    first: dict[tuple[str, str], int] = {}
    keyed = []
    for index, path in enumerate(paths):
        folder, name = os.path.split(path)
        stem, age = split(name)
        keyed.append(((first.setdefault((folder, stem), index)), age, index, path))
    return [path for _, _, _, path in sorted(keyed)]
