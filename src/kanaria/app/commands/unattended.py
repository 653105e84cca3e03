"""Runs that nobody watches: what counts as found, how far back it may lie, and whom to hand it to.

In: an ``Analysis`` and what was asked with ``--fail-on``, ``--since`` and ``--exec``. Out: the analysis without older
incidents, an exit status, and a started program that gets the JSON document.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import click

from kanaria.app.commands.options import FOUND, IN_PART, NOTHING
from kanaria.core.errors import ConfigError, in_words
from kanaria.core.late_regex import late_regex
from kanaria.core.text import printable
from kanaria.core.types import SEVERITIES, Analysis, Incident, Language, Text
from kanaria.core.values import dataclass
from kanaria.core.zone import LocalTime

ANY, ACTION = "any", "action"
_SPAN = late_regex(r"(\d{1,6})\s*(min|h|d|w)", re.IGNORECASE)
_UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_ENDED = Text(en="--exec {name} ended with status {status}", ja="--exec {name} は状態{status}で終了しました")
_LATE = Text(en="it did not end within {seconds:g} seconds", ja="{seconds:g}秒以内に終了しませんでした")
PATIENCE = 300.0
"""Seconds a started program may take: a mail server that does not answer is given up after about as long."""


@dataclass(frozen=True, kw_only=True)
class Unattended:
    """What was asked. ``fail_on`` None is what a person must act on."""

    fail_on: str | None = None
    since: str | None = None
    hook: str | None = None

    def checked(self) -> Unattended:
        """The same. Raises ConfigError for a command that can never be started: on the day on which there is something
        to tell it would be too late."""
        if self.hook is not None:
            words_of(self.hook)
        return self

    @property
    def level(self) -> str:
        """One of ``commands.options.FAIL_ON``."""
        return self.fail_on or ACTION


def recent(analysis: Analysis, since: str | None, now: datetime, zone: LocalTime) -> Analysis:
    """Without incidents that ended before ``since``, a time of ``zone`` where it names none; those without a time
    stay. Raises ConfigError."""
    if since is None:
        return analysis
    start = _start(since, now, zone)
    kept = tuple(i for i in analysis.incidents if i.last_seen is None or i.last_seen >= start)
    return replace(analysis, incidents=kept)


def _start(since: str, now: datetime, zone: LocalTime) -> datetime:
    span = _SPAN.fullmatch(since.strip())
    try:
        if span:
            return now - int(span[1]) * _UNITS[span[2].lower()]
        start = datetime.fromisoformat(since.strip())
    except (ValueError, OverflowError) as error:
        raise ConfigError(
            path="--since", key="", expected="a span such as 25h or 7d, or a time such as 2026-01-02T03:00", got=since
        ) from error
    return start if start.tzinfo else zone.utc(start)


def status_of(analysis: Analysis, level: str = ANY) -> int:
    """Something was found that counts; nothing, and all was read; or nothing, in the part that could be read.

    With a store only news counts: what an earlier run reported and nothing was added to does not.
    """
    if any(_counts(incident, level) for incident in analysis.incidents):
        return FOUND
    return IN_PART if analysis.coverage.unread else NOTHING


def _counts(incident: Incident, level: str) -> bool:
    if level == ANY:
        return True
    if incident.alert is not None and not incident.alert.tell:
        return False
    if level == ACTION:
        first = incident.recommendations[0] if incident.recommendations else None
        grave = SEVERITIES.index(incident.severity) >= SEVERITIES.index("medium")
        return grave or (first is not None and first.effort > 0)
    return SEVERITIES.index(incident.severity) >= SEVERITIES.index(level)


def words_of(command: str) -> list[str]:
    """A command's words as a shell splits them. Raises ConfigError when it has none, or a quotation without an end."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if not words:
        raise ConfigError(path="--exec", key="", expected="a program and its arguments", got=command)
    return words


def hand_over(command: str | None, status: int, document: Callable[[], object], language: Language) -> None:
    """Start the program with the JSON document on its standard input, unless there is nothing to tell.

    It is no shell command: words are split as a shell does, nothing is expanded. What goes wrong with it is said and
    changes no status.
    """
    if command is None or status == NOTHING:
        return
    words = words_of(command)
    data = json.dumps(document(), ensure_ascii=False).encode()
    try:
        done = subprocess.run(words, input=data, timeout=PATIENCE, check=False)
    except OSError as error:
        click.echo(f"kanaria: --exec {printable(in_words(error, words[0]).to(language))}", err=True)
        return
    except subprocess.TimeoutExpired:
        late = _LATE.to(language).format(seconds=PATIENCE)
        click.echo(f"kanaria: --exec {printable(words[0])}: {late}", err=True)
        return
    if done.returncode:
        message = _ENDED.to(language).format(name=printable(words[0]), status=done.returncode)
        click.echo(f"kanaria: {message}", err=True)
