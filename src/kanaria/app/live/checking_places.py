"""Whether the places that settings name can be worked with: rules, facts, the store, the file for a SIEM.

Nothing is made or written: a folder that is not there yet is good when it can be made.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from kanaria.app.config import Config
from kanaria.core.errors import KanariaError
from kanaria.core.text import printable
from kanaria.core.types import Text


def places(config: Config) -> Iterator[Text]:
    """What is wrong with each of them."""
    yield from _knowledge(config)
    if config.store is not None and (problem := _folder(Path(config.store))) is not None:
        yield Text(en=f"store: {problem.en}", ja=f"store: {problem.ja}")
    if config.serve.ocsf is not None:
        file = Path(config.serve.ocsf)
        problem = _folder(file.parent) or _file(file)
        if problem is not None:
            yield Text(en=f"serve.ocsf: {problem.en}", ja=f"serve.ocsf: {problem.ja}")


def _knowledge(config: Config) -> Iterator[Text]:
    """Facts, and rules, which need them. A rule that is not loaded is otherwise only a note of a report."""
    if config.knowledge is None and not config.rules:
        return
    from kanaria.app.run.setup import prepare

    try:
        failed = prepare(config).notes
    except KanariaError as error:
        yield Text(en=f"knowledge: {error}", ja=f"knowledge: {error.to('ja')}")
    else:
        yield from failed


def _folder(folder: Path) -> Text | None:
    """Why nothing can be kept in a folder, made if need be; None when it can."""
    there = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    shown = printable(str(there))
    if not there.is_dir():
        return Text(en=f"{shown} is no folder", ja=f"{shown} はフォルダではありません")
    return None if os.access(there, os.W_OK | os.X_OK) else _not_written(shown)


def _file(file: Path) -> Text | None:
    shown = printable(str(file))
    if not os.path.lexists(file):
        return None
    if not file.is_file():
        return Text(en=f"{shown} is no file", ja=f"{shown} はファイルではありません")
    return None if os.access(file, os.W_OK) else _not_written(shown)


def _not_written(shown: str) -> Text:
    return Text(en=f"{shown} may not be written by this user", ja=f"このユーザーは {shown} に書き込めません")
