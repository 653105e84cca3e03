"""Freed memory does not stay with the process."""

from __future__ import annotations

import subprocess
import sys

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
