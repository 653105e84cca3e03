"""The access logs of an Apache, from its own configuration: where they are and in which format."""

from __future__ import annotations

import glob
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from kanaria.app.init.nginx_logs import DEEPEST, AccessLog
from kanaria.core.late_regex import late_regex

_DEFINED = late_regex(r"\$\{(\w+)\}")
_EXPORT = late_regex(r"^\s*(?:export\s+)?(\w+)=(.*)$")
KNOWN = frozenset({"combined", "common", "vhost_combined", "combinedio"})
"""Formats of Apache's own configuration that every reader knows."""


def apache_logs(main: Path, root: Path) -> list[AccessLog]:
    """What ``CustomLog`` and ``TransferLog`` directives name, each path once; of pipes only rotatelogs'."""
    defined = _defined(main)
    directives = list(_directives(main, main.parent, root, defined, DEEPEST))
    formats = {words[2]: words[1] for words in directives if words[0] == "logformat" and len(words) > 2}
    inside = f"/{main.parent.relative_to(root)}"
    server = next((words[1] for words in directives if words[0] == "serverroot" and len(words) > 1), inside)
    found: dict[str, AccessLog] = {}
    for words in directives:
        if words[0] not in {"customlog", "transferlog"} or len(words) < 2:
            continue
        path = _path(words[1], server)
        name = words[2] if words[0] == "customlog" and len(words) > 2 else "common"
        layout = None if name in KNOWN else formats.get(name, name)
        if path:
            found.setdefault(path, AccessLog(path, layout, "Apache"))
    return list(found.values())


def _path(target: str, server: str) -> str | None:
    """The file a log goes to; a pattern for what rotatelogs names by time."""
    if target.startswith("|"):
        words = target.lstrip("|$").split()
        names = [word for word in words[1:] if not word.startswith("-")]
        if "rotatelogs" not in words[0] or not names:
            return None
        target = re.sub(r"%.", "*", names[0])
    return target if target.startswith("/") else f"{server}/{target}"


def _defined(main: Path) -> dict[str, str]:
    """Debian's ``envvars`` beside the main file, and what packages agree on where there is none."""
    found = {"APACHE_LOG_DIR": "/var/log/apache2"}
    try:
        lines = (main.parent / "envvars").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return found
    for match in filter(None, map(_EXPORT.match, lines)):
        found[match[1]] = re.sub(r"\$\{?SUFFIX\}?", "", match[2].strip().strip("\"'"))
    return found


def _directives(path: Path, base: Path, root: Path, defined: Mapping[str, str], depth: int) -> Iterator[list[str]]:
    """Directives with their name in lower case, variables filled in."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace").replace("\\\n", "")
    except OSError:
        return
    for line in text.splitlines():
        words = _words(_DEFINED.sub(lambda match: defined.get(match[1], ""), line))
        if not words:
            continue
        words[0] = words[0].lower()
        if words[0] in {"include", "includeoptional"} and len(words) > 1 and depth:
            pattern = str(root) + words[1] if words[1].startswith("/") else str(base / words[1])
            for name in sorted(glob.glob(pattern)):
                yield from _directives(Path(name), base, root, defined, depth - 1)
        else:
            yield words


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
