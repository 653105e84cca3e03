"""Runs the commands that pages show and compares what comes out with what the page says.

A ``console`` block holds commands after ``$ `` and their output. A line ``…`` stands for any lines (at least one), so
that long outputs can be cut; inside a line it stands for any text. A block with ``file=NAME`` after its language is a file that later commands of the page
find; ``status=2`` after ``console`` says that its commands fail. ``python -m tests.docs.doc_commands`` runs
every page and writes the present outputs into it; the difference is then reviewed like any other.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from tests.docs.doc_pages import ROOT, Block, blocks, written
from tests.running import PATIENCE, unconfigured

CUT = "…"
WIDTH = "80"


@dataclass(frozen=True)
class Shown:
    """A command and the output lines a page shows below it."""

    command: str
    output: tuple[str, ...]


def shown(block: Block) -> list[Shown]:
    """Commands of a console block with their outputs; a command ends where its quotes are closed."""
    found: list[Shown] = []
    for line in block.lines:
        if line.startswith("$ "):
            found.append(Shown(line[2:], ()))
        elif found and _open(found[-1].command):
            found[-1] = Shown(f"{found[-1].command}\n{line}", ())
        elif found:
            found[-1] = Shown(found[-1].command, (*found[-1].output, line))
        else:
            raise ValueError(f"line {block.at}: a console block begins with a command after '$ '")
    return found


def matches(expected: Sequence[str], got: Sequence[str]) -> bool:
    """Whether the output is what the page shows, with cuts standing for one or more lines."""
    if not expected:
        return not got
    if expected[0] == CUT:
        return any(matches(expected[1:], got[start:]) for start in range(1, len(got) + 1))
    return bool(got) and same(expected[0], got[0]) and matches(expected[1:], got[1:])


def same(expected: str, got: str) -> bool:
    """Whether one line is the other, a cut inside it standing for any text."""
    return re.fullmatch(".*".join(map(re.escape, expected.split(CUT))), got) is not None


def prepare(folder: Path) -> None:
    """An empty folder becomes a checkout as far as a page's commands can see."""
    for entry in ("src", "benchmarks", "docs"):
        (folder / entry).symlink_to(ROOT / entry)
    (folder / "home").mkdir()


def place(block: Block, folder: Path) -> None:
    """Write a ``file=NAME`` block where the page says it is."""
    target = folder / block.options["file"]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(block.lines) + "\n", encoding="utf-8")


def run(command: str, folder: Path) -> tuple[int, list[str]]:
    """Exit status and output lines: plain ``kanaria`` commands in this process, anything else in a shell.

    Commands with a store get a process of their own: its database stays open for as long as the process lives.
    """
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = list(lexer)
    if words[0] == "kanaria" and "--store" not in words and not any(set(word) <= set("|<>&;") for word in words):
        return _inside(words, folder)
    return _shell(command, folder)


def _environment(folder: Path) -> dict[str, str]:
    """The user's own settings are unseen, and outputs do not depend on the terminal."""
    path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
    return unconfigured(folder / "home", COLUMNS=WIDTH, PATH=path)


def _inside(words: list[str], folder: Path) -> tuple[int, list[str]]:
    from kanaria.app.commands.main import main

    out = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    status: object = 0
    with (
        mock.patch.dict(os.environ, _environment(folder), clear=True),
        mock.patch.object(sys, "argv", words),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(b""), "utf-8")),
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(out),
    ):
        try:
            main()
        except SystemExit as stop:
            status = stop.code
    buffer = out.buffer
    assert isinstance(buffer, io.BytesIO)
    return int(str(status or 0)), buffer.getvalue().decode().splitlines()


def _shell(command: str, folder: Path) -> tuple[int, list[str]]:
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env=_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout.decode().splitlines()


def _open(command: str) -> bool:
    try:
        shlex.split(command)
    except ValueError:
        return True
    return command.endswith("\\")


def refreshed(old: Sequence[str], got: Sequence[str]) -> list[str]:
    """What a page should show now: the same cuts, every shown part found again in the new output."""
    if CUT not in old:
        return list(old) if matches(old, got) else list(got)
    lines: list[str] = []
    start = 0
    for part in _parts(old):
        if part == [CUT]:
            lines.append(CUT)
            continue
        found = _nearest(part[0], got, start)
        fresh = got[found : found + len(part)]
        lines += [old if same(old, new) else new for old, new in zip(part, fresh, strict=False)]
        start = found + len(part)
    return lines


def _parts(lines: Sequence[str]) -> Iterator[list[str]]:
    part: list[str] = []
    for line in lines:
        if line == CUT:
            if part:
                yield part
            yield [CUT]
            part = []
        else:
            part.append(line)
    if part:
        yield part


def _nearest(line: str, got: Sequence[str], start: int) -> int:
    ratios = [difflib.SequenceMatcher(None, line, other).ratio() for other in got[start:]]
    return start + ratios.index(max(ratios)) if ratios else start


def refresh(page: Path) -> None:
    """Run a page's commands and write the present outputs into it."""
    lines = page.read_text(encoding="utf-8").splitlines()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        prepare(folder)
        offset = 0
        for block in blocks(page.read_text(encoding="utf-8")):
            if "file" in block.options:
                place(block, folder)
            if block.language != "console":
                continue
            body: list[str] = []
            for item in shown(block):
                _, got = run(item.command, folder)
                body += [f"$ {item.command}", *refreshed(item.output, got)]
            first = block.at + offset
            lines[first : first + len(block.lines)] = body
            offset += len(body) - len(block.lines)
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    for one in [Path(argument).resolve() for argument in sys.argv[1:]] or written():
        refresh(one)
