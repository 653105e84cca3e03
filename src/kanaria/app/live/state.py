"""How the service is doing: one JSON object for people and programs, and the same as metrics.

What ``/status`` answers and ``kanaria status`` and ``kanaria doctor`` read is the same object; metrics are derived from
it, in OpenMetrics text.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from kanaria.core.clock import steady, wall
from kanaria.core.words import Text

Json = dict[str, Any]
STUCK = 120.0
"""Seconds without a turn of the loop after which the service counts as hanging: by its limits a batch takes 5."""

PLACES = 3
"""As many places of unknown lines as are named: the first tells what kind of log it is."""


class Running(Protocol):
    """What is asked of a running service."""

    store: Path
    started: float
    ready: bool
    rejected: int
    mended: list[Text]
    judging: Any
    intake: Any
    turns: Any
    outgoing: Any
    outbox: Any
    telling: Any
    upkeep: Any


def state(service: Running) -> Json:
    """Everything about a running service."""
    judging, turns, pace = service.judging, service.turns, service.turns.pace
    return {
        "command": "serve",
        "pid": os.getpid(),
        "version": _version(),
        "started": wall(service.started),
        "uptime": round(steady() - service.started, 1),
        "store": str(service.store),
        "alive": time.monotonic() - turns.turned < STUCK,
        "ready": service.ready,
        "batches": pace.batches,
        "records": turns.records,
        "rejected": service.rejected,
        "unread": judging.unread,
        "unread_in": dict(islice(judging.unknown.items(), PLACES)),
        "news": service.outgoing.count,
        "notes": [{"en": note.en, "ja": note.ja} for note in (*turns.left_out, *judging.events.notes())],
        "events": judging.events.size,
        "last_batch_seconds": round(pace.took, 4),
        "lag_seconds": round(pace.lag, 4),
        "free_bytes": shutil.disk_usage(service.store).free,
        "incident_bytes": service.upkeep.size,
        "removed_incidents": service.upkeep.removed,
        "mended": [{"en": said.en, "ja": said.ja} for said in service.mended],
        "sources": [_source(source.name, source.health) for source in service.intake.all],
        "channels": list(_channels(service)),
    }


def _version() -> str:
    from kanaria import __version__

    return __version__


def _source(name: str, health: Any) -> Json:
    return {
        "name": name,
        "records": health.records,
        "bytes": health.bytes,
        "last": health.last,
        "behind_bytes": health.behind,
        "behind_records": health.behind_records,
        "lost": health.lost,
        "lost_how": health.lost_how.en if health.lost_how else "",
        "lost_how_ja": health.lost_how.ja if health.lost_how else "",
        "refused": health.refused,
        "problem": health.problem.en if health.problem else "",
        "problem_ja": health.problem.ja if health.problem else "",
        "typical_gap": health.typical_gap,
        "silent_for": health.silent(),
    }


def _channels(service: Running) -> Iterator[Json]:
    counts = service.outbox.counts()
    for name, sender in service.telling.senders.items():
        yield {
            "name": name,
            **{kind: counts.get((name, kind), 0) for kind in ("waiting", "sent", "dead")},
            "failures": sender.failures,
            "last_sent": None if sender.last_sent is None else service.outbox.time.wall(sender.last_sent),
            "last_error": service.outbox.last_error(name),
        }


GAUGES: Mapping[str, str] = {
    "kanaria_up": "Whether the service takes its turns.",
    "kanaria_start_time_seconds": "When it was started.",
    "kanaria_batch_duration_seconds": "Seconds the last batch took.",
    "kanaria_lag_seconds": "Seconds from arrival to judgement of the last batch's oldest line.",
    "kanaria_store_free_bytes": "Free space on the disk of the store.",
    "kanaria_events_bytes": "Disk space that kept rows of what crossed the wire take.",
    "kanaria_events_rows": "Kept rows of what crossed the wire.",
    "kanaria_source_last_event_timestamp_seconds": "When something last came from a source.",
    "kanaria_source_backlog_bytes": "Bytes of a source that wait to be read.",
    "kanaria_source_backlog_records": "Records that wait in a topic or stream to be read.",
    "kanaria_source_problem": "Whether a source cannot be read now.",
    "kanaria_channel_waiting_messages": "Messages that wait for a channel.",
}
COUNTERS: Mapping[str, str] = {
    "kanaria_batches": "Micro-batches judged.",
    "kanaria_records": "Lines judged.",
    "kanaria_records_rejected": "Records that could not be read.",
    "kanaria_lines_unread": "Lines in no known format.",
    "kanaria_news": "Times an incident became news.",
    "kanaria_source_records": "Records of a source.",
    "kanaria_source_lost": "Records of a source that came and could not be kept, or were gone before they were read.",
    "kanaria_source_refused": "Records of a source whose sender may not send, or in no shape that can be read.",
    "kanaria_channel_messages_sent": "Messages a channel accepted and that are still remembered.",
    "kanaria_channel_messages_dead": "Messages that were given up and are still remembered.",
}


def metrics(found: Json) -> str:
    """The state in OpenMetrics text."""
    values = dict(_values(found))
    lines: list[str] = []
    for kind, names in (("gauge", GAUGES), ("counter", COUNTERS)):
        for name, words in names.items():
            lines += [f"# TYPE {name} {kind}", f"# HELP {name} {words}"]
            suffix = "_total" if kind == "counter" else ""
            lines += [f"{name}{suffix}{labels} {value}" for labels, value in values.get(name, [])]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _values(found: Json) -> Iterator[tuple[str, list[tuple[str, object]]]]:
    single = {
        "kanaria_up": int(found["alive"]), "kanaria_start_time_seconds": found["started"],
        "kanaria_batch_duration_seconds": found["last_batch_seconds"], "kanaria_lag_seconds": found["lag_seconds"],
        "kanaria_store_free_bytes": found["free_bytes"], "kanaria_batches": found["batches"],
        "kanaria_records": found["records"], "kanaria_records_rejected": found["rejected"],
        "kanaria_lines_unread": found["unread"], "kanaria_news": found["news"],
        "kanaria_events_bytes": found["events"]["bytes"], "kanaria_events_rows": found["events"]["rows"],
    }  # fmt: skip
    yield from ((name, [("", value)]) for name, value in single.items())
    sources = {
        "kanaria_source_last_event_timestamp_seconds": "last", "kanaria_source_backlog_bytes": "behind_bytes",
        "kanaria_source_backlog_records": "behind_records",
        "kanaria_source_records": "records", "kanaria_source_lost": "lost", "kanaria_source_refused": "refused",
    }  # fmt: skip
    for name, key in sources.items():
        yield name, [(_label("source", s["name"]), s[key]) for s in found["sources"] if s[key] is not None]
    yield "kanaria_source_problem", [(_label("source", s["name"]), int(bool(s["problem"]))) for s in found["sources"]]
    channels = {
        "kanaria_channel_waiting_messages": "waiting", "kanaria_channel_messages_sent": "sent",
        "kanaria_channel_messages_dead": "dead",
    }  # fmt: skip
    for name, key in channels.items():
        yield name, [(_label("channel", c["name"]), c[key]) for c in found["channels"]]


def _label(name: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{{{name}="{escaped}"}}'
