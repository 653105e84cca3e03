"""Compiled search expressions, kept in the user's cache as Hyperscan's databases.

Some hundred expressions take Hyperscan a third of a second and come back in a millisecond. What is kept is found by the
expressions and their flags; Hyperscan refuses what another version or another processor's compiled and what is damaged,
and then it is compiled anew.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import hyperscan

from kanaria.core import cached

WORTH_LOOKING = 10
"""Expressions from which on the cache is asked, which takes a tenth of a millisecond."""
WORTH_KEEPING = 0.01
"""Seconds of processor time from which on a database is kept; it is read back in one millisecond. The number of
expressions says little: 400 words are compiled in 9 ms, 20 expressions with gaps in 94."""
_KIND, _SETS = "patterns", 12
"""Databases kept; one takes half a megabyte at most, and an analysis of several kinds of logs uses six."""


def database(expressions: Sequence[bytes], flags: Sequence[int], make: Callable[[], Any]) -> Any:
    """What ``make`` gives, from the cache where it is there."""
    if len(expressions) < WORTH_LOOKING:
        return make()
    name = f"{_name(expressions, flags)}.hs"
    compiled = _read(name)
    if compiled is not None:
        return compiled
    before = time.thread_time()
    compiled = make()
    if time.thread_time() - before >= WORTH_KEEPING:
        cached.keep(_KIND, name, hyperscan.dumpb(compiled), most=_SETS)
    return compiled


def _name(expressions: Sequence[bytes], flags: Sequence[int]) -> str:
    basis = repr((list(expressions), list(flags)))
    return hashlib.sha256(basis.encode()).hexdigest()[:32]


def _read(name: str) -> Any:
    data = cached.load(_KIND, name)
    if data is None:
        return None
    try:
        compiled = hyperscan.loadb(data, hyperscan.HS_MODE_BLOCK)
        compiled.scratch = hyperscan.Scratch(compiled)
    except hyperscan.error:
        return None
    cached.used(_KIND, name)
    return compiled
