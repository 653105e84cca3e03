"""Reads the documentation the way the tests need it: a Markdown file in; headings, code blocks and links out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```")
LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)|<(https?://[^>\s]+)>")


@dataclass(frozen=True)
class Block:
    """One fenced code block: its info string, its lines, and the line number of the opening fence (from 1)."""

    info: str
    lines: tuple[str, ...]
    at: int

    @property
    def language(self) -> str:
        return self.info.split(" ")[0]

    @property
    def options(self) -> dict[str, str]:
        """``key=value`` words after the language."""
        return dict(word.split("=", 1) for word in self.info.split(" ")[1:] if "=" in word)


def pages() -> list[Path]:
    """Every page for readers: the README, CONTRIBUTING and CHANGELOG files and all of docs/."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def written() -> list[Path]:
    """Pages people write, in distinction from the generated reference."""
    return [page for page in pages() if "reference" not in page.parts]


def counterpart(page: Path) -> Path:
    """The Japanese page beside an English one."""
    return page.with_name(page.name.removesuffix(".md") + ".ja.md")


def is_japanese(page: Path) -> bool:
    return page.name.endswith(".ja.md")


def blocks(text: str) -> list[Block]:
    """Fenced code blocks, in order. Raises ValueError for a block without an end."""
    found, opened, info, body = [], 0, "", list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        if not FENCE.match(line):
            body.append(line)
        elif opened:
            found.append(Block(info, tuple(body), opened))
            opened = 0
        else:
            opened, info, body = number, line[3:].strip(), []
    if opened:
        raise ValueError(f"line {opened}: a code block without an end")
    return found


def prose(text: str) -> Iterator[str]:
    """Lines outside code blocks."""
    inside = False
    for line in text.splitlines():
        if FENCE.match(line):
            inside = not inside
        elif not inside:
            yield line


def headings(text: str) -> list[tuple[int, str]]:
    """(level, words) of every heading."""
    found = (re.match(r"(#{1,6}) (.+)", line) for line in prose(text))
    return [(len(match[1]), match[2]) for match in found if match]


def links(text: str) -> list[str]:
    """Targets of links and pictures outside code."""
    plain = (re.sub(r"`[^`]*`", "", line) for line in prose(text))
    return [match[1] or match[2] for line in plain for match in LINK.finditer(line)]


def anchors(text: str) -> set[str]:
    """Heading anchors as GitHub makes them."""
    words = (re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for _, heading in headings(text))
    return set(words)
