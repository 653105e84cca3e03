"""The path of an event, top to bottom. This is the first page to read; the second is ``app.run.engine``.

From streams and an ``Engine`` to an ``Analysis``. A service calls the same engine step by step and never
ends.
"""

from __future__ import annotations

from collections.abc import Iterable

from kanaria.app.run.engine import Engine
from kanaria.app.run.merge import Together
from kanaria.core.stream import Stream
from kanaria.core.types import Analysis


def analyse(streams: Iterable[Stream | Together], engine: Engine) -> Analysis:
    """Read everything, judge it, and say what was found and what was not looked at. Keeps nothing."""
    batches = engine.read(streams)  # bad rows are kept aside, never lost, never fatal
    engine.take(batches)  # slices in order of time: understand, score, detect, learn
    return engine.finish()  # findings -> cases -> incidents
