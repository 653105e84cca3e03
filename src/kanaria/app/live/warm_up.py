"""Everything that a first record would wait for, done before there is one: compiled loops, rules, facts, words.

A probe and some ordinary requests go through an engine with a store that is thrown away. Where code was never compiled
before this takes up to half a minute, later a few seconds. Modules that only other records need are loaded, too: the
first message after an installation would wait until eighty of them were read from the disk.
"""

from __future__ import annotations

import tempfile
from datetime import timedelta
from importlib import import_module
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
_NOBODYS = b"a line that no program writes\n"
"""It has every reader looked through."""
_LATER = (
    "kanaria.baseline.plans",
    "kanaria.mining.grammar",
    "kanaria.mining.grammar_coin",
    "pyarrow.acero",
    "pyarrow.json",
    "pyarrow.parquet",
)
"""Modules that are loaded with the first row that crossed the wire, and the first that is kept."""


def warm_up(setup: Setup) -> None:
    """Load and compile what it takes to recognise and judge lines, to keep an incident, to write its report and to
    send a message."""
    from kanaria.formats import registry

    registry.detect(text_stream("warm-up", _NOBODYS))
    for name in _LATER:
        import_module(name)
    "localhost".encode("idna")  # as the first connection to any host does
    with tempfile.TemporaryDirectory(prefix="kanaria-warm-up-") as folder:
        with Engine(setup.with_store(Path(folder)), lateness=timedelta(0)) as engine:
            for data in (_PROBE, _ORDINARY * _LINES):
                judged = engine.step(engine.read([text_stream("warm-up", data)]))
                engine.commit(judged)
