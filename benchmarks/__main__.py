"""Runs every benchmark in a process of its own and prints what it says, as Markdown.

In: nothing, or names of benchmarks to run only those. Out: one heading per benchmark with its output. A process each,
because peak memory and compiled code must not carry over. Status 1 when one fails; a benchmark that lacks its data says
so with status 2 and is listed as skipped.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).parent
SKIPPED = 2
"""Exit status of a benchmark whose data or program is not there."""


def benchmarks() -> list[str]:
    """Names of the modules and packages here that have a ``main``."""
    modules = [path for path in FOLDER.glob("*.py") if not path.name.startswith("_")]
    packages = list(FOLDER.glob("*/__main__.py"))
    found = {path.stem: path for path in modules} | {path.parent.name: path for path in packages}
    return sorted(name for name, path in found.items() if "main" in functions(path))


def functions(path: Path) -> set[str]:
    """Names of the functions a module defines, read without importing it."""
    return {node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)}


def run(name: str) -> int:
    """Run one benchmark, print its output under a heading, and hand on its exit status."""
    print(f"## {name}\n", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}"], cwd=FOLDER.parent, capture_output=True, text=True, check=False
    )
    output = done.stdout.rstrip("\n")
    print(output if "|" in output else f"```text\n{output}\n```")
    if done.returncode == SKIPPED:
        print(f"Skipped: {done.stderr.strip()}")
    elif done.returncode:
        print(f"Failed with status {done.returncode}:\n\n```text\n{done.stderr.rstrip()}\n```")
    print(flush=True)
    return done.returncode


def main(names: Sequence[str]) -> int:
    """Run the named benchmarks, or all. Raises SystemExit with the known names for an unknown one."""
    known = benchmarks()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"expected benchmarks out of {', '.join(known)}; got {', '.join(unknown)}")
    statuses = [run(name) for name in names or known]
    return int(any(status not in (0, SKIPPED) for status in statuses))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
