"""Options, groups and exit statuses that commands share."""

from __future__ import annotations

import locale
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kanaria.app.commands.output_file import OUTPUT_FILE
from kanaria.core.words import Language

if TYPE_CHECKING:
    from kanaria.app.config import Config
    from kanaria.app.run.setup import Setup
    from kanaria.core.zone import LocalTime

FOUND, NOTHING, USAGE, IN_PART = 1, 0, 2, 3
# What ``--fail-on`` accepts: anything, what a person must act on, or a severity and what is worse.
FAIL_ON = ("any", "action", "informational", "low", "medium", "high", "critical")


class Ordered(click.Group):
    """Lists commands in the order a newcomer meets them, and speaks the language that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def main(self, args: Sequence[str] | None = None, *more: Any, **named: Any) -> Any:
        given = sys.argv[1:] if args is None else list(args)
        with speaking(asked_language(given)):
            return super().main(args, *more, **named)


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """The command line's own words in that language inside the block; English needs nothing."""
    if language == "en":
        yield
        return
    from kanaria.app.commands import japanese

    with japanese.speaking(language):
        yield


def asked_language(arguments: Sequence[str]) -> Language:
    """The language that ``--lang`` names on a command line, before anybody has parsed it; else that of the settings
    that ``--config`` names, else the locale's."""
    given = _named(arguments, "--lang")
    if given in {"ja", "en"}:
        return "ja" if given == "ja" else "en"
    config = _named(arguments, "--config")
    return settled_language(Path(config) if config else None)


def _named(arguments: Sequence[str], option: str) -> str | None:
    """The value of the option as click takes it: the last one given, before ``--``."""
    value_given = None
    for word, value in zip(arguments, [*arguments[1:], None], strict=False):
        if word == "--":
            break
        if word == option:
            value_given = value
        elif word.startswith(f"{option}="):
            value_given = word.partition("=")[2]
    return value_given


def settled_language(config: Path | None) -> Language:
    """What the settings say, those of the named file or of the default places; else what the locale says."""
    from kanaria.app.config_file import language_of

    return language_of(config) or locale_language()


class Listing(click.Group):
    """A group that lists unless told otherwise: ``knowledge pools`` is short for ``knowledge list pools``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in {*self.commands, "-h", "--help"}:
            args = ["list", *args]
        return super().parse_args(ctx, args)


def _language(context: click.Context, _parameter: click.Parameter, value: str | None) -> str:
    """As given. Else as settings say: ``--config`` is known by now, since click takes what was given first."""
    return value or settled_language(context.params.get("config"))


def locale_language() -> Language:
    """What the locale's variables say."""
    spoken = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "ja" if (spoken or locale.getlocale()[0] or "").startswith("ja") else "en"


Command = Callable[..., Any]
# What a report can be written as besides text; ``app.output`` knows how.
KINDS = ("markdown", "html", "json", "ocsf", "stix", "navigator", "misp", "csv", "iocs")


def language_option(command: Command) -> Command:
    option: Callable[[Command], Command] = click.option(
        "--lang",
        "language",
        type=click.Choice(["ja", "en"]),
        callback=_language,
        help="Language; default: that of the settings, else the locale's.",
    )
    return option(command)


config_option: Callable[[Command], Command] = click.option(
    "--config", type=click.Path(path_type=Path), help="Settings file."
)
store_option: Callable[[Command], Command] = click.option(
    "--store",
    "folder",
    type=click.Path(path_type=Path),
    help="Folder that everything is kept in; default: that of your settings, else your data folder.",
)
zone_option: Callable[[Command], Command] = click.option(
    "--tz", "timezone", metavar="ZONE", help="Zone of times that name none, as Asia/Tokyo; default: the system's."
)
list_format = click.option(
    "--format", "kind", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Output."
)


def kept_folder(folder: Path | None, config: Path | None) -> Path:
    """The named folder, else the store of the settings, else the user's own. Raises SourceError for a file."""
    from kanaria.app.config import load
    from kanaria.core.errors import SourceError

    chosen = folder if folder is not None else store_of(load(config))
    if chosen.exists() and not chosen.is_dir():
        raise SourceError(source=str(chosen), expected="a folder to keep incidents in", got="a file")
    return chosen


def reader_zone(config: Path | None) -> LocalTime:
    """The zone that times are shown in: that of the settings, else the system's."""
    from kanaria.app.config import load
    from kanaria.core.zone import local_time

    return local_time(load(config).timezone)


def set_up(folder: Path | None, config: Path | None) -> Callable[[], Setup]:
    """Makes what a run with these settings works with; nothing is loaded before it is asked for."""
    from kanaria.app.config import load
    from kanaria.app.run.setup import prepare

    return lambda: prepare(load(config), store=kept_folder(folder, config))


def store_of(settings: Config) -> Path:
    """Where everything is kept: as set, else the user's data folder."""
    from kanaria.app.folders import data_folder

    return Path(settings.store) if settings.store else data_folder()


def writer_options(command: Command) -> Command:
    """Who writes a story, and what a model would be sent."""
    command = click.option(
        "--show-prompt", is_flag=True, help="Print what a language model would be sent, and send nothing."
    )(command)
    option: Callable[[Command], Command] = click.option(
        "--writer", type=click.Choice(["deterministic", "llm"]), default="deterministic", show_default=True,
        help="Who writes the story: Kanaria, or the language model of [llm] in the settings, every sentence checked.",
    )  # fmt: skip
    return option(command)


def output_options(command: Command) -> Command:
    """What every command that writes a report accepts."""
    kinds = ["text", *KINDS]
    command = click.option(
        "-o", "--output", "path", metavar="FILE", type=OUTPUT_FILE, help="Write here instead of standard output."
    )(command)
    command = click.option(
        "--format", "kind", type=click.Choice(kinds), default="text", show_default=True, help="Output."
    )(command)
    command = click.option("--full", is_flag=True, help="Text that tells everything, not only what fits one screen.")(
        command
    )
    command = click.option(
        "--style", type=click.Choice(["report", "story"]), default="report", show_default=True,
        help="A report by headings, or a story in paragraphs (text, markdown, html; json has both).",
    )(command)  # fmt: skip
    command = writer_options(command)
    command = click.option("--config", type=click.Path(path_type=Path), help="Settings file.")(command)
    return language_option(command)
