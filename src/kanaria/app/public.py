"""Kanaria from Python: analyse files, explain a line, render a report. Everything else may change between releases.

Paths or a line come in, an ``Analysis`` of frozen values goes out. Errors are those of ``kanaria.KanariaError``.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from kanaria.app.config import Config, load
from kanaria.core.types import Analysis, Language

if TYPE_CHECKING:
    from kanaria.app.owning import Owning


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
            engine.told(engine.commit(analysis))
        return analysis


def explain(line: str | bytes, *, input_format: str | None = None, log_format: str | None = None) -> Analysis:
    """What ``kanaria explain`` says of one log line, or of several."""
    from kanaria.app.run.engine import Engine
    from kanaria.app.run.pipeline import analyse as run
    from kanaria.app.run.setup import prepare
    from kanaria.sources import text_stream

    data = line.encode("utf-8", "surrogateescape") if isinstance(line, str) else line
    with Engine(prepare(input_format=input_format, layout=log_format)) as engine:
        return run([text_stream("line", data if data.endswith(b"\n") else data + b"\n")], engine)


def render(analysis: Analysis, kind: str = "text", language: Language = "en") -> str:
    """The analysis as text, markdown, html, json or one of the other formats of ``kanaria analyze --format``."""
    from kanaria import knowledge
    from kanaria.app.folders import user_facts
    from kanaria.app.output import render as write

    return write(analysis, knowledge.load(user_facts()), kind, language, None)


def _held(store: Path | None) -> AbstractContextManager[Owning | None]:
    from kanaria.app.owning import owning

    return owning(store, "kanaria.analyse") if store else nullcontext()
