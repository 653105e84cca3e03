"""Freed memory does not stay with the process."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from kanaria.app.run.engine import Engine, Judged
from kanaria.app.run.setup import prepare

_USED = """
import sys
from kanaria.core.memory import give_back_large_blocks

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 >> 20

if sys.argv[1] == "given back":
    give_back_large_blocks()
    give_back_large_blocks()
bytearray(30 << 20)  # freed at once: from here on glibc keeps blocks up to this size
before = resident()
blocks, between = [], []
for _ in range(40):
    blocks.append(bytearray(b"x") * (4 << 20))
    between.append(bytearray(b"x") * (200 << 10))
del blocks
print(resident() - before)
"""


_HOLES = """
from kanaria.core.memory import give_back_what_is_free

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 >> 20

blocks = [bytearray(b"x") * (100 << 10) for _ in range(2_000)]
between = blocks[::10]
del blocks
before = resident()
give_back_what_is_free()
print(before - resident())
"""


_ENGINE = """
import duckdb
from kanaria.core.memory import ENGINE, give_back_what_the_engine_freed

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 >> 20

engine = duckdb.connect(config={"memory_limit": "2GB"})
for number in range(10):
    engine.execute(f"CREATE TEMP TABLE t{number} AS SELECT range, hash(range), range::VARCHAR FROM range(400_000)")
for number in range(10):
    engine.execute(f"DROP TABLE t{number}")
before = resident()
give_back_what_the_engine_freed(engine)
limit = engine.execute("SELECT current_setting('memory_limit')").fetchone()[0]
set_here = duckdb.connect(config={"memory_limit": ENGINE}).execute("SELECT current_setting('memory_limit')").fetchone()
print(before - resident(), limit == set_here[0])
"""


def test_what_the_engine_freed_is_given_back_and_its_limit_holds() -> None:
    """Of some 130 MB of tables that were dropped."""
    run = subprocess.run([sys.executable, "-c", _ENGINE], capture_output=True, text=True, check=True)
    given_back, limited = run.stdout.split()
    assert int(given_back) > 80
    assert limited == "True"


@pytest.mark.parametrize("endless", [True, False], ids=["a service", "files"])
def test_a_service_gives_back_with_every_checkpoint(tmp_path: Path, *, endless: bool) -> None:
    """Setting the limit is what makes the engine give back, so another limit does not outlive a checkpoint. Files end
    by themselves."""

    def limit(engine: Engine) -> str:
        return str(engine.engine.execute("SELECT current_setting('memory_limit')").fetchall()[0][0])

    with Engine(prepare(store=tmp_path / "s"), lateness=timedelta(0) if endless else None) as engine:
        usual = limit(engine)
        engine.engine.execute("SET memory_limit = '500MB'")
        engine.commit(Judged(changed=()))
        assert (limit(engine) == usual) is endless


def test_holes_in_the_heap_are_given_back() -> None:
    """Of 200 MB in pieces, between which some stay."""
    run = subprocess.run([sys.executable, "-c", _HOLES], capture_output=True, text=True, check=True)
    assert int(run.stdout) > 150


def kept(how: str) -> int:
    """Megabytes of 160 that a process still occupies when it has freed them, and 8 of others that it has not."""
    run = subprocess.run([sys.executable, "-c", _USED, how], capture_output=True, text=True, check=True)
    return int(run.stdout)


def test_large_blocks_are_given_back_when_they_are_freed() -> None:
    assert kept("given back") < 20
    assert kept("as it is") > 100
