"""What is freed goes back to the system, by a setting of the process."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

ENGINE = "600MB"
"""What the engine may take before it spills, in DuckDB's words."""
M_MMAP_THRESHOLD = -3
"""The parameter's number in glibc's ``malloc.h``."""
FREE = 16 << 20
"""An office's service needs 10 to 33 MB of free heap for a batch, and asks for them again: 4,000 to 8,000 pages, some
milliseconds. What it does not need would be held for good, and grow with the largest batch there ever was."""
LARGE = 1 << 20
"""Columns of a slice or a chunk take from 0.1 to 8 MB. With this limit 500,000 requests that a sensor saw leave a peak
of 0.58 GB, without one 0.72; the kernel's part of the processor time grows by 0.4 s of 8."""


def give_back_what_is_free() -> None:
    """Hand free memory of the heap to the system, where it is more than ``FREE`` bytes.

    Batches that load makes large leave holes: 332 MB of a heap of 428, in a service that read 12,000 lines a second on
    a busy machine.
    """
    libc = ctypes.CDLL(None)
    count, trim = getattr(libc, "mallinfo2", None), getattr(libc, "malloc_trim", None)
    if count is None or trim is None:  # musl, or glibc before 2.33
        return
    count.restype = _Heap
    if count().fordblks > FREE:
        trim(0)


def give_back_what_the_engine_freed(engine: duckdb.DuckDBPyConnection) -> None:
    """Let DuckDB hand free memory to the system, and set its limit to ``ENGINE``, which makes it do so.

    It has an allocator of its own, which keeps what it frees: of ten tables of 13 MB each, made and dropped, all 132
    MB, until a limit is set (40 ms on a busy machine, 1 ms where nothing is free). In an office's service these are 40
    to 65 MB, more after larger batches.
    """
    engine.execute(f"SET memory_limit = '{ENGINE}'")


class _Heap(ctypes.Structure):
    """glibc's ``struct mallinfo2``."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    )  # fmt: skip


@cache
def one_heap_for_a_long_life() -> None:
    """From now on Arrow takes its memory where everything else does, for a process that runs for months.

    By itself Arrow uses mimalloc, which keeps pages for each size of block and each thread: 78,000 lines of an office
    left 59 MB there for 7 MB of tables, 190,000 lines 92 MB for 23. In the C library's heap the same tables take 20 MB
    once, and stay there. What Arrow takes for itself while it reads and writes follows only where
    ``ARROW_DEFAULT_MEMORY_POOL`` said so before it was loaded, as ``kanaria serve`` does.
    """
    import pyarrow as pa

    pa.set_memory_pool(pa.system_memory_pool())


@cache
def give_back_large_blocks() -> None:
    """From now on, blocks of ``LARGE`` bytes and more are mapped one by one and unmapped when they are freed.

    glibc begins like that, at 128 kB, but takes every large block that is freed for a sign that more of its size will
    come and keeps them in its heaps from then on, up to 32 MB each. Ours come in many sizes, and what lies between two
    that stay is lost. Elsewhere than on Linux with glibc nothing happens.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE)
