"""A progress bar on standard error for work over a second, silent when that is not a terminal."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import click

from kanaria.core.first_use import announce, refused
from kanaria.core.text import printable
from kanaria.core.words import Language, Text

QUIET_SECONDS = 1.0


class Advance(Protocol):
    """Told how many more bytes were read."""

    def __call__(self, done: int, /) -> None: ...


@contextmanager
def progress(total: int | None) -> Iterator[Advance]:
    """A function to report bytes to; ``total`` None draws nothing, because the end is not known."""
    if not total or not sys.stderr.isatty():
        yield lambda _done: None
        return
    started = time.monotonic()
    with click.progressbar(length=total, file=sys.stderr, show_pos=False, width=30) as bar:
        pending = 0

        def advance(done: int) -> None:
            nonlocal pending
            pending += done
            if time.monotonic() - started >= QUIET_SECONDS:
                bar.update(pending)
                pending = 0

        yield advance


_COMPILING = Text(
    en="Preparing the readers for this machine. This happens once after an installation or update and takes up to a "
    "minute.",
    ja="このマシン向けに読み取り処理を準備しています。インストールや更新の後に一度だけ、最長1分ほどかかります。",
)


def announce_compiling(language: Language) -> None:
    """Say so when the first use of an installation has to compile before anything is read."""
    announce(lambda: _compiling(language))


def _compiling(language: Language) -> None:
    click.echo(_COMPILING.to(language), err=True)
    for folder in refused():
        click.echo(_refused(folder).to(language), err=True)


def _refused(folder: Path) -> Text:
    place = shlex.quote(printable(str(folder)))
    return Text(
        en=f"Others can write to {place}, so compiled code is neither read from there nor kept there. "
        f"To allow it: chmod go-w {place}",
        ja=f"{place} には他のユーザーも書き込めるため、コンパイル済みコードの読み込みと保存には使いません。"
        f"使うには: chmod go-w {place}",
    )
