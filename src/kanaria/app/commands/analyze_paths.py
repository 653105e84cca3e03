"""``kanaria analyze``: opens the inputs, shows progress, keeps rejected records, writes the report."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from kanaria.app.commands.listen_options import Live
from kanaria.app.commands.listening import listening, own_addresses, own_note
from kanaria.app.commands.progress import announce_compiling, progress
from kanaria.app.commands.unattended import Unattended, hand_over, recent, status_of
from kanaria.app.config import Config, load_for_inputs
from kanaria.app.in_force import in_force
from kanaria.app.output import tell_unread, write
from kanaria.app.owning import Owning
from kanaria.app.run.engine import Engine
from kanaria.app.run.open_flows import tell
from kanaria.app.run.pipeline import analyse
from kanaria.app.run.setup import prepare
from kanaria.app.writing import Order, WrittenStories, rendered, stories_by_order
from kanaria.core.errors import SourceError
from kanaria.core.network import PRIVATE
from kanaria.core.text import printable
from kanaria.core.types import Analysis, Language, RejectedRecord
from kanaria.report.document import document
from kanaria.sources import open_inputs, total_size


def analyze_paths(
    paths: Sequence[str],
    *,
    input_format: str | None,
    layout: str | None,
    timezone: str | None = None,
    home: Sequence[str],
    check_host: bool,
    rejects: str | None,
    language: Language,
    config: Path | None,
    kind: str,
    path: str | None,
    full: bool = False,
    style: str = "report",
    writer: str = "deterministic",
    show_prompt: bool = False,
    store: Path | None = None,
    live: Live | None = None,
    unattended: Unattended | None = None,
    mine: Owning | None = None,
) -> int:
    """Run everything; the exit status. With ``store``, which is ``mine``, keep state and incidents there.

    What is listened to comes first, so that files which grow meanwhile are read up to its end.
    """
    if sys.stderr.isatty() or live:
        announce_compiling(language)
    settings = _with_home(load_for_inputs(config), home)
    order = Order.of(settings, writer, kind, style=style, show_prompt=show_prompt)
    asked = unattended or Unattended()
    own = own_addresses(live) if live and not settings.home else []
    if own:
        settings = _with_home(settings, [*map(str, PRIVATE), *own])
    with _reject_file(rejects) as on_reject:
        setup = prepare(
            settings,
            store=store,
            input_format=input_format,
            layout=layout,
            timezone=timezone,
            check_host=check_host,
            on_reject=on_reject,
            on_alert=partial(tell, language=language) if live and live.interfaces else None,
            notes=(*in_force(config, settings), *((own_note(own),) if own else ())),
        )
        with Engine(setup) as engine:
            engine.memory.learn_dismissed()
            if mine:
                mine.follow(engine)
            analysis = _analysed(paths, live, engine, language)
            shown = recent(analysis, asked.since, setup.clock.now(), setup.zone)
            stories = stories_by_order(shown, setup.facts, kind, language, order)
            kept, failure = _keep(analysis, shown, engine, mine, stories) if mine else ([], None)
    analysis = shown
    target = sys.stdout if path is None else None
    text = rendered(analysis, setup.facts, kind, language, target, full=full, style=style, order=order, stories=stories)
    write(text, path)
    tell_unread(analysis, kind, language)
    if failure:  # the report is written first: it is complete whatever becomes of the store
        raise failure
    if kept:
        sys.stdout.flush()
        engine.mark_notified(kept)
    status = status_of(analysis, asked.level)
    hand_over(
        asked.hook, status, lambda: document(analysis, setup.facts, stories.stories if stories else None), language
    )
    engine.accounts.require_recognised(found=bool(analysis.incidents))
    return status


def _analysed(paths: Sequence[str], live: Live | None, engine: Engine, language: Language) -> Analysis:
    with progress(total_size(paths)) as advance:
        files = open_inputs(paths, on_progress=advance)
        with listening(live or Live(), language) as listened:
            return analyse(itertools.chain(listened, files), engine)


def _keep(
    analysis: Analysis, shown: Analysis, engine: Engine, mine: Owning, stories: WrittenStories | None
) -> tuple[list[str], SourceError | None]:
    """The ids under which the incidents that are shown were kept, or why none could be. All are kept; of those that are
    not shown nobody was told."""
    seen = {incident.id for incident in shown.incidents}
    try:
        mine.heed(engine)
        ids = engine.commit(analysis, stories=stories.stories if stories else None)
        return [id for incident, id in zip(analysis.incidents, ids, strict=True) if incident.id in seen], None
    except SourceError as error:
        return [], error


def _with_home(config: Config, home: Sequence[str]) -> Config:
    return replace(config, home=tuple(home)) if home else config


@contextmanager
def _reject_file(path: str | None) -> Iterator[Callable[[RejectedRecord], None] | None]:
    """Writes rejected records to the file while open, as tab-separated place, reason and escaped text."""
    if path is None:
        yield None
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

    with file:
        yield keep
