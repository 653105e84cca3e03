"""Compiles the hot loops of this package (``core.machine_code``)."""

from __future__ import annotations

from pathlib import Path

from kanaria.core.machine_code import compiler

_MODULES = (
    "compile", "copyout", "decode", "fetch", "layout", "links", "messages", "segments", "state", "track", "tunnels",
    "walk",
)  # fmt: skip

jit = compiler(Path(__file__).with_name(f"{name}.py") for name in _MODULES)
"""Decorator: the compiled function."""
