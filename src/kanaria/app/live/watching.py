"""From settings to sources: what the service reads lines from."""

from __future__ import annotations

from dataclasses import dataclass

from kanaria.app.config_live import Source
from kanaria.app.live.endpoints import address
from kanaria.app.secret_values import secret
from kanaria.sources.chunks import LineSource
from kanaria.sources.docker import FOLDER, container_logs
from kanaria.sources.follow import Follower, Names, below, matching

LISTEN = {"syslog": "127.0.0.1:5514", "http": "127.0.0.1:8088", "netflow": "127.0.0.1:2055"}
"""Where kinds listen unless told otherwise; syslog's own port 514 needs root."""
FORMATS = {"journal": "journald-json"}
"""Formats that follow from the kind."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A source with what the settings say of its lines."""

    source: LineSource
    format: str | None
    log_format: str | None


def watched(settings: Source, number: int) -> Watched:
    """The source that settings describe, the ``number``-th of its file."""
    return Watched(
        source=_made(settings, number),
        format=settings.format or FORMATS.get(settings.kind),
        log_format=settings.log_format,
    )


def name_of(settings: Source, number: int) -> str:
    """What it is called everywhere; its positions are kept under it."""
    return settings.name or settings.path or settings.listen or settings.interface or f"{settings.kind} {number}"


def _made(settings: Source, number: int) -> LineSource:
    name = name_of(settings, number)
    if settings.kind in {"file", "zeek", "suricata", "docker"}:
        return Follower(name, _names(settings), at_end=settings.start == "end")
    if settings.kind == "journal":
        from kanaria.sources.journal import Journal

        return Journal(name, folder=settings.path, units=settings.units, at_end=settings.start == "end")
    if settings.kind == "stdin":
        from kanaria.sources import standard_input
        from kanaria.sources.piped import Piped

        return Piped(name, standard_input())
    host, port = address(settings.listen or LISTEN[settings.kind])
    if settings.kind == "syslog":
        from kanaria.sources.syslog import Syslog

        return Syslog(
            name, host, port, udp=settings.protocol != "tcp", tcp=settings.protocol != "udp",
            senders=settings.senders, certificate=settings.certificate, key=settings.key,
        )  # fmt: skip
    from kanaria.sources.http_intake import HttpIntake

    return HttpIntake(name, host, port, secret(settings.token or "", f"sources[{number}].token"))


def _names(settings: Source) -> Names:
    path = settings.path or FOLDER
    if settings.kind == "docker":
        return container_logs(path, settings.containers)
    if settings.kind == "file":
        return matching(path)
    return below(path, ("*.log",) if settings.kind == "zeek" else ("eve*.json",))
