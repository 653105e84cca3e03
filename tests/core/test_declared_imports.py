"""Every module that the program imports is one of its own, of Python, or declared in ``pyproject.toml``."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
NAMES_OF = {"sigma": "pysigma", "yaml": "pyyaml", "llvmlite": "numba", "markupsafe": "jinja2"}
"""Distributions that call themselves otherwise, or that a declared one is made on and re-exports."""


def imported(source: Path) -> set[str]:
    """Top names of all modules a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"kanaria", "_typeshed"}


def declared() -> set[str]:
    """Names of the distributions that the metadata names, extras included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    listed = [
        *project["dependencies"],
        *(item for extra in project["optional-dependencies"].values() for item in extra),
    ]
    return {re.sub(r"[-_.]+", "-", re.split(r"[<>=!~\[; ]", item)[0]).lower() for item in listed}


def test_no_module_comes_in_by_chance() -> None:
    holders = packages_distributions()
    known = declared()
    undeclared = {
        f"{source.relative_to(ROOT)}: {name}"
        for source in SOURCES
        for name in imported(source)
        if NAMES_OF.get(name, "") not in known
        and not {re.sub(r"[-_.]+", "-", holder).lower() for holder in holders.get(name, [name])} & known
    }
    assert undeclared == set()


def test_what_is_needed_always_is_imported_somewhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = {re.split(r"[<>=!~\[; ]", item)[0].lower() for item in project["dependencies"]}
    used = {name for source in SOURCES for name in imported(source)}
    assert needed <= used | {NAMES_OF[name] for name in used if name in NAMES_OF}


def test_programs_that_tests_start_have_no_module_that_only_tests_bring() -> None:
    found = 'print([n for n in ("numpy", "pandas", "coverage") if tried(n)])'
    tried = "def tried(n):\n    try: __import__(n)\n    except ImportError: return False\n    return True\n"
    done = subprocess.run([sys.executable, "-c", tried + found], check=True, capture_output=True, text=True)
    assert done.stdout == "['numpy']\n"
