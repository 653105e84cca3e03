"""``kanaria init``: settings for this machine, or settings of version 0.1 as TOML."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kanaria.app.commands.options import language_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kanaria.app.init.machine import Candidate
    from kanaria.core.words import Language


@click.command()
@click.option("-o", "--output", "named", metavar="FILE", help="File to write, or - to show; default: your settings.")
@click.option("--from", "old", type=click.Path(path_type=Path), help="Convert this YAML settings file of version 0.1.")
@click.option("--notify", "url", help="Apprise URL of whom to notify.")
@click.option("--store", help="Folder to keep everything in; default: your data folder.")
@click.option("--root", default="/", type=click.Path(path_type=Path), help="Look below this folder instead of /.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@language_option
def init(
    named: str | None, old: Path | None, url: str | None, store: str | None, root: Path, force: bool, language: Language
) -> None:
    """Look at this machine and write settings for it: what to watch, and what is in the way.

    Example: kanaria init --notify ntfy://ntfy.sh/my-secret-topic
    """
    from kanaria.app.config_file import default_places
    from kanaria.app.folders import data_folder
    from kanaria.app.init.machine import look
    from kanaria.app.init.settings_text import settings_text

    path = named or str(default_places()[0])
    _require_new(path, force)
    if store is not None:
        _require_folder(store)
    if old is not None:
        _write(path, _converted(old), force)
        return
    candidates = look(root)
    _say(candidates, language, to_stderr=path == "-")
    _write(path, settings_text(candidates, store=store or str(data_folder()), url=url, language=language), force)


def _converted(old: Path) -> str:
    from kanaria.app.config import load
    from kanaria.app.config_file import read
    from kanaria.app.init.settings_text import toml

    load(old)  # says what is wrong with it before anything is written
    data = read(old).data
    return toml(data if isinstance(data, dict) else {})


def _say(candidates: Sequence[Candidate], language: Language, *, to_stderr: bool) -> None:
    """What there is, and what is in the way."""
    for item in candidates:
        mark = "?" if item.asleep else "-" if item.problem else "+"
        where = item.source.path or item.source.interface or item.source.kind
        problem = f" — {item.problem.to(language)}" if item.problem else ""
        click.echo(f"{mark} {item.what.to(language)}: {where}{problem}", err=to_stderr)
    if not candidates:
        click.echo(
            {"en": "Nothing to watch was found.", "ja": "監視対象が見つかりませんでした。"}[language], err=to_stderr
        )


def _require_new(path: str, force: bool) -> None:
    from kanaria.core.errors import ConfigError

    if path != "-" and Path(path).exists() and not force:
        raise ConfigError(
            path=path, key="", expected="a new file", got="one that is there", cause="--force writes over it"
        )
    _require_folder(str(Path(path).absolute().parent) if path != "-" else "/", "a place to write the settings to")


def _require_folder(folder: str, expected: str = "a folder to keep incidents in") -> None:
    """Raises SourceError for what is no folder and cannot become one. Who may write there is another question: the
    service may be another user."""
    from kanaria.core.errors import SourceError

    if "://" in folder:
        raise SourceError(source=folder, expected=expected, got="a URL")
    place = Path(folder).expanduser().absolute()
    there = next((one for one in (place, *place.parents) if os.path.lexists(one)), place)
    if not there.is_dir():
        raise SourceError(source=folder, expected=expected, got="a file" if there == place else "Not a directory")


def _write(path: str, text: str, force: bool) -> None:
    from kanaria.app.output import write

    _require_new(path, force)
    if path != "-":
        Path(path).absolute().parent.mkdir(parents=True, exist_ok=True)
    write(text, path)
    if path != "-":
        Path(path).chmod(0o600)  # it may hold the address of a channel, which is a secret
        click.echo(f"→ {path}")
