"""From settings to sources: what the service reads lines from."""

from __future__ import annotations

from dataclasses import dataclass

from kanaria.app.config_live import Source
from kanaria.sources.chunks import LineSource
from kanaria.sources.follow import Follower, below, matching


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A source with what the settings say of its lines."""

    source: LineSource
    format: str | None
    log_format: str | None


def watched(settings: Source, number: int) -> Watched:
    """The source that settings describe, the ``number``-th of its file."""
    return Watched(source=_made(settings, number), format=settings.format, log_format=settings.log_format)


def name_of(settings: Source, number: int) -> str:
    """What it is called everywhere; its positions are kept under it."""
    return settings.name or settings.path or settings.listen or settings.interface or f"{settings.kind} {number}"


def _made(settings: Source, number: int) -> LineSource:
    name = name_of(settings, number)
    at_end = settings.start == "end"
    if settings.kind == "file":
        return Follower(name, matching(settings.path or ""), at_end=at_end)
    if settings.kind == "zeek":
        return Follower(name, below(settings.path or "", ("*.log",)), at_end=at_end)
    return Follower(name, below(settings.path or "", ("eve*.json",)), at_end=at_end)
