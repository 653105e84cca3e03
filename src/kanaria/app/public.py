"""Kanaria from Python: analyse files, explain a line, watch, render a report. The rest may change between releases.

Answers are frozen values (``core.types``). Errors are those of ``kanaria.KanariaError``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager, aclosing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from kanaria.app.config import Config, load
from kanaria.app.config_live import Source
from kanaria.core.errors import ConfigError
from kanaria.core.types import Analysis, Incident, Language

if TYPE_CHECKING:
    from kanaria.app.owning import Owning
    from kanaria.app.run.setup import Setup


def analyse(
    *paths: str | Path,
    home: Sequence[str] = (),
    store: str | Path | None = None,
    config: str | Path | None = None,
    input_format: str | None = None,
    log_format: str | None = None,
) -> Analysis:
    """What ``kanaria analyze`` finds in these files, folders or globs, the most severe incident first.

    ``home`` are your networks, ``config`` a settings file. With a ``store`` incidents and what is normal are kept there
    as the command keeps them, and count as told. Raises SourceError for what cannot be opened, and ConfigError.
    """
    from dataclasses import replace

    from kanaria.app.run.engine import Engine
    from kanaria.app.run.pipeline import analyse as run
    from kanaria.app.run.setup import prepare
    from kanaria.sources import open_inputs

    settings = load(Path(config)) if config else Config()
    settings = replace(settings, home=tuple(home)) if home else settings
    setup = prepare(settings, store=Path(store) if store else None, input_format=input_format, layout=log_format)
    with _held(setup.store) as mine, Engine(setup) as engine:
        if mine:
            mine.follow(engine)
        analysis = run(open_inputs([str(path) for path in paths]), engine)
        if mine:
            mine.heed(engine)
            engine.mark_notified(engine.commit(analysis))
        return analysis


def explain(line: str | bytes, *, input_format: str | None = None, log_format: str | None = None) -> Analysis:
    """What ``kanaria explain`` says of one log line, or of several."""
    from kanaria.app.run.setup import prepare

    return explained(line, prepare(input_format=input_format, layout=log_format))


def explained(line: str | bytes, setup: Setup) -> Analysis:
    """The same with the settings, facts and rules of a setup."""
    from kanaria.app.run.engine import Engine
    from kanaria.app.run.pipeline import analyse as run
    from kanaria.sources import text_stream

    data = line.encode("utf-8", "surrogateescape") if isinstance(line, str) else line
    with Engine(setup) as engine:
        return run([text_stream("line", data if data.endswith(b"\n") else data + b"\n")], engine)


async def watch(
    *paths: str | Path,
    home: Sequence[str] = (),
    store: str | Path | None = None,
    config: str | Path | None = None,
) -> AsyncGenerator[Incident, None]:
    """Incidents as they become news, day and night, by the engine of ``kanaria serve``: ``async for incident in …``.

    ``paths`` are log files that grow, or patterns of such (read from their start, the first time), beside the sources
    that the settings file ``config`` has. ``store`` is where incidents, what is normal and how far was read are kept;
    without it where the settings say, else the user's data folder. Its ``[[notify]]`` and ``[serve]`` tell nobody.

    Reading and judging run in a thread; it waits while an incident is worked on. Ask for the next one, and this one
    counts as told; whatever ends the loop before, also by cancelling it, leaves it to be told by the next ``watch``
    with that store. Where the loop is left with ``break``, ``contextlib.aclosing`` ends the watch at once. Raises
    ConfigError and SourceError, also when another process has the store.
    """
    from dataclasses import replace

    from kanaria.app.folders import data_folder
    from kanaria.app.live.handing import handed
    from kanaria.app.live.watching import must_watch

    settings = load(Path(config)) if config else Config()
    settings = replace(settings, home=tuple(home)) if home else settings
    settings = replace(settings, sources=(*settings.sources, *map(_followed, paths)))
    must_watch(settings, config)
    async with aclosing(handed(settings, Path(store or settings.store or data_folder()))) as news:
        async for incident in news:
            yield incident


def _followed(path: str | Path) -> Source:
    """A log file, or a pattern of such, as something to watch."""
    if Path(path).is_dir():
        raise ConfigError(
            path=str(path), key="", expected="a file or a pattern such as /var/log/nginx/*.log", got="a folder"
        )
    return Source(kind="file", path=str(Path(path).absolute()))


def render(analysis: Analysis | Incident, kind: str = "text", language: Language = "en") -> str:
    """An analysis or an incident as text, markdown, html, json or another format of ``kanaria analyze --format``."""
    from kanaria import knowledge
    from kanaria.app.folders import user_facts
    from kanaria.app.output import render as write

    if isinstance(analysis, Incident):
        analysis = Analysis(inputs=(), incidents=(analysis,), not_looked_at=())
    return write(analysis, knowledge.load(user_facts()), kind, language, None)


def _held(store: Path | None) -> AbstractContextManager[Owning | None]:
    from kanaria.app.owning import owning

    return owning(store, "kanaria.analyse") if store else nullcontext()
