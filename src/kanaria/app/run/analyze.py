"""``kanaria analyze``: opens the inputs, shows progress, keeps rejected records, writes the report."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from kanaria.app.commands.listen_options import Live
from kanaria.app.commands.options import FOUND, IN_PART, NOTHING
from kanaria.app.commands.progress import announce_compiling, progress
from kanaria.app.config import Config, load
from kanaria.app.live.inputs import listening, own_addresses, own_note
from kanaria.app.live.open_flows import tell
from kanaria.app.output import render, tell_unread, write
from kanaria.app.run.pipeline import analyse
from kanaria.app.run.stages import Stages
from kanaria.core.clock import SystemClock
from kanaria.core.errors import SourceError
from kanaria.core.network import PRIVATE
from kanaria.core.text import printable
from kanaria.core.types import Analysis, Language, RejectedRecord
from kanaria.memory.network_state import WhatRan
from kanaria.sources import open_inputs, total_size


def analyze_paths(
    paths: Sequence[str],
    *,
    input_format: str | None,
    layout: str | None,
    home: Sequence[str],
    check_host: bool,
    rejects: str | None,
    language: Language,
    config: Path | None,
    kind: str,
    path: str | None,
    full: bool = False,
    store: Path | None = None,
    live: Live | None = None,
) -> int:
    """Run everything; the exit status. With ``store``, keep state and incidents there.

    What is listened to comes first, so that files which grow meanwhile are read up to its end.
    """
    if sys.stderr.isatty() or live:
        announce_compiling(language)
    settings = _with_home(load(config), home)
    own = own_addresses(live) if live and not settings.home else []
    if own:
        settings = _with_home(settings, [*map(str, PRIVATE), *own])
    stages = Stages(config=settings, input_format=input_format, layout=layout, store=store)
    stages.inputs.notes += [own_note(own)] if own else []
    stages.check_host = check_host
    if live and live.interfaces:
        stages.on_alert = lambda finding, now: tell(finding, now, language)
    try:
        with progress(total_size(paths)) as advance, _reject_file(rejects, stages):
            files = open_inputs(paths, on_progress=advance)
            with listening(live or Live(), language) as listened:
                analysis = analyse(itertools.chain(listened, files), stages)
    finally:
        stages.release()
    if store:
        _keep(analysis, stages, store)
    target = sys.stdout if path is None else None
    write(render(analysis, stages.facts, kind, language, target, full=full), path)
    tell_unread(analysis, kind, language)
    stages.inputs.require_recognised(found=bool(analysis.incidents))
    return status_of(analysis)


def status_of(analysis: Analysis) -> int:
    """Something was found; nothing, and all was read; or nothing, in the part that could be read."""
    if analysis.incidents:
        return FOUND
    return IN_PART if analysis.coverage.unread else NOTHING


def _keep(analysis: Analysis, stages: Stages, folder: Path) -> None:
    from kanaria.report.document import document
    from kanaria.store.incidents import IncidentStore

    with IncidentStore(folder) as store:
        now = SystemClock().now()
        store.save(document(analysis, stages.facts)["incidents"], now, stages.kept.dump(_what_ran(stages), now))


def _what_ran(stages: Stages) -> WhatRan:
    return WhatRan(
        ends=[summary.last for summary in stages.inputs.summaries.values()],
        correlations=stages.detector.dump_state(),
        later_requests=stages.material.later_requests,
        silence=stages.silence.dump(),
    )


def _with_home(config: Config, home: Sequence[str]) -> Config:
    return replace(config, home=tuple(home)) if home else config


@contextmanager
def _reject_file(path: str | None, stages: Stages) -> Iterator[None]:
    """While open, rejected records go to the file as tab-separated place, reason and escaped text."""
    if path is None:
        yield
        return
    try:
        file = Path(path).open("w", encoding="utf-8")
    except OSError as error:
        raise SourceError(
            source=path, expected="a place to write rejected records to", got=str(error.strerror)
        ) from error

    def keep(record: RejectedRecord) -> None:
        shown = record.raw.decode("utf-8", "backslashreplace").encode("unicode_escape").decode("ascii")
        file.write(f"{printable(record.source)}\t{record.row}\t{printable(record.reason)}\t{shown}\n")

    stages.on_reject = keep
    with file:
        yield
