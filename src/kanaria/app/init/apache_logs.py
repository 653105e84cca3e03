"""The access logs of an Apache, from its own configuration: where they are and in which format."""

from __future__ import annotations

import glob
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from kanaria.app.init.nginx_logs import DEEPEST, AccessLog, absolute, server_folder
from kanaria.core.late_regex import late_regex

_DEFINED = late_regex(r"\$\{(\w+)\}")
_EXPORT = late_regex(r"^\s*(?:export\s+)?(\w+)=(.*)$")
KNOWN = frozenset({"combined", "common", "vhost_combined", "combinedio"})
"""Formats of Apache's own configuration that every reader knows."""


def apache_logs(main: Path, root: Path) -> list[AccessLog]:
    """What ``CustomLog`` and ``TransferLog`` directives name, each path once; of pipes only rotatelogs'."""
    defined = _defined(main)
    directives = list(_directives(main, server_folder(main, root), root, defined, DEEPEST))
    formats = {words[2]: words[1] for words in directives if words[0] == "logformat" and len(words) > 2}
    server = next((words[1] for words in directives if words[0] == "serverroot"), server_folder(main, root))
    logs: dict[str, AccessLog] = {}
    for words in directives:
        if words[0] not in {"customlog", "transferlog"}:
            continue
        path = _path(words[1], server)
        name = words[2] if words[0] == "customlog" and len(words) > 2 else "common"
        layout = None if name in KNOWN else formats.get(name, name)
        if path:
            logs.setdefault(path, AccessLog(path, layout, "Apache"))
    return list(logs.values())


def _path(target: str, server: str) -> str | None:
    """The file a log goes to; a pattern for what rotatelogs names by time."""
    if target.startswith("|"):
        words = target.lstrip("|$").split()
        names = [word for word in words[1:] if not word.startswith("-")]
        if not names or "rotatelogs" not in words[0]:
            return None
        target = re.sub(r"%.", "*", names[0])
    return absolute(target, server)


def _defined(main: Path) -> dict[str, str]:
    """Debian's ``envvars`` beside the main file, and what packages agree on where there is none."""
    variables = {"APACHE_LOG_DIR": "/var/log/apache2"}
    try:
        lines = (main.parent / "envvars").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return variables
    for match in filter(None, map(_EXPORT.match, lines)):
        variables[match[1]] = re.sub(r"\$\{?SUFFIX\}?", "", match[2].strip().strip("\"'"))
    return variables


def _directives(path: Path, base: str, root: Path, defined: dict[str, str], depth: int) -> Iterator[list[str]]:
    """Directives that say something, with their name in lower case, variables filled in; ``Define`` adds to them."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace").replace("\\\n", "")
    except OSError:
        return
    for line in text.splitlines():
        words = _words(_DEFINED.sub(lambda match: defined.get(match[1], ""), line))
        if len(words) < 2:
            continue
        words[0] = words[0].lower()
        if words[0] == "serverroot":
            base = words[1]
        elif words[0] == "define":
            defined[words[1]] = words[2] if len(words) > 2 else ""
        if words[0] in {"include", "includeoptional"} and depth:
            for name in _included(str(root) + absolute(words[1], base)):
                yield from _directives(name, base, root, defined, depth - 1)
        else:
            yield words


def _included(pattern: str) -> Iterator[Path]:
    """The files a pattern fits; a folder stands for all below it."""
    for place in map(Path, sorted(glob.glob(pattern))):
        yield from sorted(filter(os.path.isfile, place.rglob("*"))) if os.path.isdir(place) else [place]


def _words(line: str) -> list[str]:
    line = line.strip()
    if not line or line.startswith(("#", "<")):
        return []
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters, lexer.quotes, lexer.escapedquotes = True, "", '"', '"'
    try:
        return list(lexer)
    except ValueError:  # an open quote: not a line the server would take
        return []
