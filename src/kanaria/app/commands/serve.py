"""Commands of the service: serve, and what looks after it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kanaria.app.commands.interrupts import asking, leave_at_once
from kanaria.app.commands.options import FOUND, config_option, language_option, list_format, store_of

if TYPE_CHECKING:
    from kanaria.core.words import Language


@click.command()
@config_option
def serve(config: Path | None) -> None:
    """Watch day and night, remember, and notify somebody when it matters.

    Example: kanaria serve --config /etc/kanaria/kanaria.toml
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # before Arrow is loaded: why says ``core.memory``
    from kanaria.app.config import load
    from kanaria.app.live.service import Service
    from kanaria.app.live.service_log import logger
    from kanaria.app.live.watching import must_watch

    settings = load(config)
    must_watch(settings, config)
    os.umask(0o077)  # what is kept quotes logs that not everybody may read
    log, begun = logger(settings.serve.log), list["Service"]()

    def watches() -> bool:
        return bool(begun) and begun[0].ready

    def leave(_number: int) -> None:
        log("stopped before it began")  # as asked: nothing is kept yet that an end at any instruction would spoil
        leave_at_once(0)

    with asking(lambda: begun[0].stop(), lambda: not watches(), leave):
        try:
            begun.append(Service(settings, store_of(settings)))
            begun[0].run()
        except (KeyboardInterrupt, SystemExit):
            if watches():
                raise
            log("stopped before it began")  # as asked; compiling for the first time takes long


@click.command()
@config_option
@list_format
@language_option
def status(config: Path | None, kind: str, language: Language) -> None:
    """Show how the running service is doing, or another run that has the store.

    Example: kanaria status --config /etc/kanaria/kanaria.toml
    """
    from kanaria.app.config import load
    from kanaria.app.kept import kept
    from kanaria.app.live.doctor import status_lines

    with kept(store_of(load(config))) as store:
        document = store.status()
    if kind == "json":
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return
    for line in status_lines(document):
        click.echo(line.to(language))


@click.command()
@config_option
@language_option
def doctor(config: Path | None, language: Language) -> None:
    """Say in words what is wrong with the settings or the running service; status 1 when something is.

    Example: kanaria doctor --config /etc/kanaria/kanaria.toml
    """
    from kanaria.app.config import load
    from kanaria.app.live.checking import checks
    from kanaria.app.live.doctor import damage, findings, service_of
    from kanaria.core.errors import SourceError
    from kanaria.core.text import printable

    settings = load(config)
    complaints = [check.words for check in checks(settings) if not check.good]
    damaged = damage(store_of(settings))
    for error in damaged:
        click.echo(f"- {printable(error.to(language))}")
    if damaged:
        click.get_current_context().exit(FOUND)
    try:
        complaints += findings(service_of(store_of(settings)), settings)
    except SourceError as error:
        click.echo(error.to(language))
        click.get_current_context().exit(FOUND)
    for line in complaints:
        click.echo(f"- {line.to(language)}")
    if not complaints:
        click.echo({"en": "All is well.", "ja": "異常はありません。"}[language])
    click.get_current_context().exit(FOUND if complaints else 0)


@click.command("check-config")
@config_option
@language_option
def check_config(config: Path | None, language: Language) -> None:
    """Check a settings file without running anything; status 1 when a source or channel cannot work.

    Example: kanaria check-config --config /etc/kanaria/kanaria.toml
    """
    from kanaria.app.config import load
    from kanaria.app.live.checking import checks

    results = list(checks(load(config)))
    for check in results:
        click.echo(f"{'ok' if check.good else '--'}  {check.words.to(language)}")
    click.get_current_context().exit(0 if all(check.good for check in results) else FOUND)


@click.group()
def notify() -> None:
    """Try the channels through which somebody is notified.

    Example: kanaria notify test
    """


@notify.command("test")
@config_option
@click.option("--channel", "only", help="Only the channel of this name.")
@language_option
def notify_test(config: Path | None, only: str | None, language: Language) -> None:
    """Send a test message through every channel and say whether it was accepted; status 1 when one was not.

    Example: kanaria notify test --config /etc/kanaria/kanaria.toml
    """
    from kanaria.app.config import load
    from kanaria.app.live.checking import tried

    results = list(tried(load(config), only))
    for check in results:
        click.echo(f"{'ok' if check.good else '--'}  {check.words.to(language)}")
    click.get_current_context().exit(0 if all(check.good for check in results) else FOUND)
