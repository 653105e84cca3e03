"""Measurements, not tests: each module measures one thing and prints it. ``python -m benchmarks`` runs them all.

With ``KANARIA_BENCH_SMALL`` set each does a little of its work: what it prints says nothing then, but that it runs.
"""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")


def size(usual: T, small: T) -> T:
    """How much to measure with."""
    return small if os.environ.get("KANARIA_BENCH_SMALL") else usual
