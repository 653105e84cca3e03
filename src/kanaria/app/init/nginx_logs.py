"""The access logs of an nginx, from its own configuration: where they are and in which format.

The main configuration file comes in; includes are followed. ``AccessLog`` values go out, each path once.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator
from pathlib import Path

from kanaria.core.late_regex import late_regex
from kanaria.core.values import dataclass

_TOKEN = late_regex(
    r"""\s+|\#[^\n]*|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([{};])"""
    r"""|((?:\$\{\w+\}|[^\s;{}"'#\\]|\\.)(?:\$\{\w+\}|[^\s;{}])*)""",
    re.S,
)
_VARIABLE = late_regex(r"\$\{?\w+\}?")
DEEPEST = 10
"""Includes in includes: nginx's own packages nest three deep."""


@dataclass(frozen=True)
class AccessLog:
    """``layout`` is the server's own format string; None for the formats every reader knows."""

    path: str
    layout: str | None
    server: str


def nginx_logs(main: Path, root: Path) -> list[AccessLog]:
    """What ``access_log`` directives name, in order. ``root`` is what the configuration calls ``/``."""
    directives = list(_directives(main, root, DEEPEST))
    formats = {words[1]: _layout(words[2:]) for words in directives if words[0] == "log_format" and len(words) > 2}
    logs: dict[str, AccessLog] = {}
    for words in directives:
        if words[0] != "access_log" or len(words) < 2 or words[1] == "off" or words[1].startswith("syslog:"):
            continue
        name = words[2] if len(words) > 2 and "=" not in words[2] else "combined"
        path = absolute(_VARIABLE.sub("*", words[1]), server_folder(main, root))
        logs.setdefault(path, AccessLog(path, formats.get(name), "nginx"))
    return list(logs.values())


def server_folder(main: Path, root: Path) -> str:
    """What relative names in a server's configuration start from, unless it says otherwise: ``conf/`` lies in it."""
    folder = main.parent.parent if main.parent.name == "conf" else main.parent
    return f"/{folder.relative_to(root)}"


def absolute(path: str, folder: str) -> str:
    return path if path.startswith("/") else f"{folder}/{path}"


def _layout(words: list[str]) -> str | None:
    return "".join(word for word in words if not word.startswith("escape=")) or None


def _directives(path: Path, root: Path, depth: int) -> Iterator[list[str]]:
    """Words of every directive, whatever block it stands in."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for words in _statements(text):
        if words[0] == "include" and len(words) > 1 and depth:
            for name in _included(words[1], path, root):
                yield from _directives(Path(name), root, depth - 1)
        elif words:
            yield words


def _included(pattern: str, path: Path, root: Path) -> list[str]:
    """nginx takes relative names from the folder of its main file; packages keep included files below it."""
    if pattern.startswith("/"):
        return sorted(glob.glob(str(root) + pattern))
    folders = [folder for folder in (path.parent, path.parent.parent) if folder != folder.parent]
    return next((files for folder in folders if (files := sorted(glob.glob(str(folder / pattern))))), [])


def _statements(text: str) -> Iterator[list[str]]:
    words: list[str] = []
    for match in _TOKEN.finditer(text):
        double, single, mark, plain = match.groups()
        if mark:
            if words:
                yield words
            words = []
        elif double is not None or single is not None:
            words.append(re.sub(r"\\(.)", r"\1", double if double is not None else single))
        elif plain is not None:
            words.append(plain)
