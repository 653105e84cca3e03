"""From an ``Analysis`` to the bytes a user asked for: reports for people, and exchange formats for other programs."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import click

from kanaria.core.errors import SourceError
from kanaria.core.facts import Knowledge
from kanaria.core.story import Stories
from kanaria.core.types import Analysis, Language, Text
from kanaria.core.unfinished import unfinished

WITH_SENTENCES = ("text", "markdown", "html", "json")
"""Formats that begin with what could not be read; with the others it is said on standard error."""
FORMATS = ("text", "markdown", "html", "json", "ocsf", "stix", "navigator", "misp", "csv", "iocs")


def render(
    analysis: Analysis, facts: Knowledge, kind: str, language: Language, target: TextIO | None,
    *, full: bool = False, style: str = "report", stories: Mapping[str, Stories] | None = None,
    note: Text | None = None,
) -> str:  # fmt: skip
    """The analysis in one of ``FORMATS``; colour and width follow ``target`` when it is a terminal.

    Text fits one screen unless it is to be ``full``; all other formats are always complete. ``stories`` are those by
    incident that somebody else wrote, and ``note`` says who.
    """
    if kind == "html":
        return _html(analysis, facts, language, style, stories, note)
    if style == "story" and kind in {"text", "markdown"}:
        return _story(analysis, facts, kind, language, target, stories, note)
    if kind == "json":
        return _json(analysis, facts, stories)
    if kind == "text":
        return _text(analysis, facts, language, target, full=full)
    return _RENDERERS[kind](analysis, facts, language, target)


def tell_unread(analysis: Analysis, kind: str, language: Language) -> None:
    """On standard error, what could not be read, where the format has no sentences to begin with it."""
    from kanaria.report.write import unread_share

    unread = unread_share(analysis, language)
    if unread and kind not in WITH_SENTENCES:
        click.echo(f"kanaria: {unread.text}", err=True)


def require_writable(path: str, expected: str = "a place to write the report to") -> None:
    """Raises SourceError, as ``write`` would after the work, when nothing can be written there."""
    if path == "-":
        return
    target = Path(os.path.realpath(path))
    if target.is_dir():
        wrong = errno.EISDIR
    elif not target.parent.is_dir():
        wrong = errno.ENOTDIR if target.parent.exists() else errno.ENOENT
    else:
        replaced = not target.exists() or target.is_file()
        wrong = 0 if os.access(target.parent if replaced else target, os.W_OK) else errno.EACCES
    if wrong:
        raise SourceError(source=path, expected=expected, got=os.strerror(wrong))


def write(text: str, path: str | None) -> None:
    """To the file, complete or not at all, or to standard output. Raises SourceError when that fails."""
    if path is None or path == "-":
        click.echo(text, nl=False)
        return
    write_bytes(text.encode("utf-8"), path)


def write_bytes(data: bytes, path: str | None) -> None:
    """To the file, complete or not at all, or to standard output. Raises SourceError when that fails."""
    if path is None or path == "-":
        click.echo(data, nl=False)
        return
    try:
        _replace(Path(os.path.realpath(path)), data)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SourceError(source=path, expected="a place to write the report to", got=reason) from error


def _replace(target: Path, data: bytes) -> None:
    """A file is replaced when the new content is complete; a device or pipe is written to, never replaced."""
    if target.exists() and not target.is_file() and not target.is_dir():
        with target.open("wb") as file:
            file.write(data)
        return
    # A name nobody can foresee, and never a link that waits there: the folder may be one that others write into.
    with unfinished(target.parent, f".{target.name[:200]}.", ".part") as (part, descriptor):
        with open(descriptor, "wb", closefd=False) as file:
            file.write(data)
        os.fchmod(descriptor, _mode(target))
        os.fsync(descriptor)
        part.replace(target)
    _settle(target.parent)


def _settle(folder: Path) -> None:
    """The new name, too, is on disk: what is told afterwards, the store will not tell again."""
    with suppress(OSError):  # a folder one may write into, but not list
        place = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(place)
        finally:
            os.close(place)


def _mode(target: Path) -> int:
    """The permissions of the file that is replaced, or what a new file gets."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _text(analysis: Analysis, facts: Knowledge, language: Language, target: TextIO | None, *, full: bool) -> str:
    from kanaria.report import text, text_brief

    terminal, columns = _terminal(target)
    colour = terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    written = text.render if full else text_brief.render
    return written(analysis, facts, language, columns=columns, colour=colour)


def _story(
    analysis: Analysis, facts: Knowledge, kind: str, language: Language, target: TextIO | None,
    stories: Mapping[str, Stories] | None, note: Text | None,
) -> str:  # fmt: skip
    from kanaria.report import markdown, text_story
    from kanaria.report.story import write_stories

    stories = stories or {incident.id: write_stories(incident, analysis, facts) for incident in analysis.incidents}
    if kind == "markdown":
        return text_story.render_markdown(analysis, stories, language, markdown.escape, note)
    return text_story.render(analysis, stories, language, note, columns=_terminal(target)[1])


def _terminal(target: TextIO | None) -> tuple[bool, int]:
    """Whether it is one, and its width: what can be read on it, and 100 columns elsewhere."""
    terminal = target is not None and target.isatty()
    columns = min(shutil.get_terminal_size().columns, 120) if terminal else 100
    return terminal, max(columns, 40)


def _markdown(analysis: Analysis, facts: Knowledge, language: Language, _target: TextIO | None) -> str:
    from kanaria.report import markdown

    return markdown.render(analysis, facts, language)


def _html(
    analysis: Analysis,
    facts: Knowledge,
    language: Language,
    style: str,
    stories: Mapping[str, Stories] | None,
    note: Text | None,
) -> str:
    from kanaria.report import html

    return html.render(analysis, facts, language, stories, note, only_story=style == "story")


def _json(analysis: Analysis, facts: Knowledge, stories: Mapping[str, Stories] | None) -> str:
    from kanaria.report.document import document

    return json.dumps(document(analysis, facts, stories), ensure_ascii=False, indent=2) + "\n"


def _ocsf(analysis: Analysis, facts: Knowledge, language: Language, _target: TextIO | None) -> str:
    from kanaria.report.ocsf import export

    return "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in export(analysis, facts, language))


def _stix(analysis: Analysis, facts: Knowledge, language: Language, _target: TextIO | None) -> str:
    from kanaria.report import export_stix

    return export_stix.export(analysis, facts, language)


def _navigator(analysis: Analysis, facts: Knowledge, language: Language, _target: TextIO | None) -> str:
    from kanaria.report import export_navigator

    return json.dumps(export_navigator.export(analysis, facts, language), ensure_ascii=False, indent=2) + "\n"


def _misp(analysis: Analysis, facts: Knowledge, language: Language, _target: TextIO | None) -> str:
    from kanaria.report import export_misp

    return json.dumps(export_misp.export(analysis, facts, language), ensure_ascii=False, indent=2) + "\n"


def _csv(analysis: Analysis, _facts: Knowledge, language: Language, _target: TextIO | None) -> str:
    from kanaria.report import export_csv

    return export_csv.export(analysis, language)


def _iocs(analysis: Analysis, _facts: Knowledge, language: Language, _target: TextIO | None) -> str:
    from kanaria.report import export_iocs

    return export_iocs.export(analysis, language)


Renderer = Callable[[Analysis, Knowledge, Language, "TextIO | None"], str]
_RENDERERS: Mapping[str, Renderer] = {
    "markdown": _markdown,
    "ocsf": _ocsf,
    "stix": _stix,
    "navigator": _navigator,
    "misp": _misp,
    "csv": _csv,
    "iocs": _iocs,
}
