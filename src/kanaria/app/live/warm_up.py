"""Everything that a first record would wait for, done before there is one: compiled loops, rules, facts, words.

A probe and some ordinary requests go through an engine with a store that is thrown away. Where code was never compiled
before this takes up to half a minute, later a few seconds.
"""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

from kanaria.app.run.engine import Engine
from kanaria.app.run.setup import Setup
from kanaria.sources import text_stream

_ORDINARY = b'192.0.2.7 - - [21/Jun/2026:07:01:00 +0000] "GET / HTTP/1.1" 200 157 "-" "Mozilla/5.0"\n'
_PROBE = (
    b'203.0.113.9 - - [21/Jun/2026:07:01:01 +0000] "{\\"id\\":1,\\"method\\":\\"mining.subscribe\\",\\"params\\":[]}" '
    b'400 150 "-" "-"\n'
)
_LINES = 15_000
"""Enough of them that the compiled reader of large inputs is used."""


def warm_up(setup: Setup) -> None:
    """Load and compile what judging lines, keeping an incident and writing its report need."""
    with tempfile.TemporaryDirectory(prefix="kanaria-warm-up-") as folder:
        with Engine(setup.with_store(Path(folder)), lateness=timedelta(0)) as engine:
            for data in (_PROBE, _ORDINARY * _LINES):
                judged = engine.step(engine.read([text_stream("warm-up", data)]))
                engine.commit(judged)
