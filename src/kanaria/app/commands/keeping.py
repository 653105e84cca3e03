"""Commands that put the service in place and keep its store: install-service, uninstall-service, backup, restore."""

from __future__ import annotations

from pathlib import Path

import click

from kanaria.app.commands.options import config_option, kept_folder, language_option, store_option
from kanaria.core.errors import ConfigError
from kanaria.core.late_regex import late_regex
from kanaria.core.text import printable
from kanaria.core.words import Language, Text

_STAYS = Text(en="The settings and the store stay where they are.", ja="設定と保存されたデータはそのまま残ります。")
_DONE = {
    "user kanaria": "ユーザー kanaria を作成しました",
    "started": "起動しました",
    "not started, and no user made: systemd does not run here": (
        "systemdが動いていないため、起動もユーザーの作成もしていません"
    ),
}
"""What an installation has done beside files, whose names say it."""
_MEMORY, _CPU = (
    late_regex(r"[0-9]+(?:\.[0-9]+)?[KMGTPE]?|[0-9]+(?:\.[0-9]+)?%|infinity"),
    late_regex(r"[0-9]+(?:\.[0-9]+)?%"),
)
"""What systemd reads (systemd.resource-control)."""


@click.command("install-service")
@click.option("--config", required=True, type=click.Path(path_type=Path, exists=True), help="Settings file.")
@click.option("--capture", is_flag=True, help="Allow the service to capture packets.")
@click.option("--memory", default="2G", show_default=True, help="Memory beyond which systemd slows it down.")
@click.option("--cpu", default="150%", show_default=True, help="Processor time it may take; 100% is one core.")
@click.option("--root", default="/", type=click.Path(path_type=Path), help="Install below this folder instead of /.")
@click.option("--print", "show", is_flag=True, help="Only show the unit.")
@click.option("--no-start", is_flag=True, help="Do not start it.")
@language_option
def install_service(
    config: Path, capture: bool, memory: str, cpu: str, root: Path, show: bool, no_start: bool, language: Language
) -> None:
    """Install kanaria serve as a systemd service with a user of its own and few rights; needs root.

    Example: kanaria install-service --config /etc/kanaria/kanaria.toml
    """
    from kanaria.app.config import load
    from kanaria.app.init.systemd_unit import install, unit

    for option, value, form, example in (("--memory", memory, _MEMORY, "2G or 50%"), ("--cpu", cpu, _CPU, "150%")):
        if not form.fullmatch(value):  # systemd would only log it, and set no limit
            raise ConfigError(path=option, key="", expected=f"a limit such as {example}", got=value)
    settings = load(config)
    text = unit(config, settings, capture=capture, memory=memory, cpu=cpu)
    if show:
        click.echo(text, nl=False)
        return
    for line in install(text, config, settings, root, start=not no_start):
        click.echo(_DONE.get(line, line) if language == "ja" else line)


@click.command("uninstall-service")
@click.option("--root", default="/", type=click.Path(path_type=Path), help="Remove it below this folder instead of /.")
@language_option
def uninstall_service(root: Path, language: Language) -> None:
    """Stop the systemd service and remove it; settings and store stay.

    Example: kanaria uninstall-service
    """
    from kanaria.app.init.systemd_unit import uninstall

    none = {"en": "There is no service.", "ja": "サービスはインストールされていません。"}
    click.echo(_STAYS.to(language) if uninstall(root) else none[language])


@click.command()
@click.argument("archive", type=click.Path(path_type=Path))
@config_option
@store_option
def backup(archive: Path, config: Path | None, folder: Path | None) -> None:
    """Write everything that is kept into one archive, also while the service runs.

    Example: kanaria backup kanaria-backup.tar.gz
    """
    from kanaria.store import backup as archives

    archives.backup(kept_folder(folder, config), archive)
    click.echo(str(archive))


@click.command()
@click.argument("archive", type=click.Path(path_type=Path, exists=True), required=False)
@config_option
@store_option
@click.option("--set-aside", is_flag=True, help="Put aside what is damaged, or with an archive everything, and go on.")
@language_option
def restore(
    archive: Path | None, config: Path | None, folder: Path | None, set_aside: bool, language: Language
) -> None:
    """Put an archive of kanaria backup back where there is no store yet, or begin a damaged store anew.

    Nothing is deleted: what was damaged lies in a folder with the date in the store.

    Example: kanaria restore kanaria-backup.tar.gz --store /var/lib/kanaria/store
    """
    from kanaria.app.mending import mend, messages, restored

    if archive is None and not set_aside:
        raise click.UsageError("Missing argument 'ARCHIVE' or --set-aside.")  # noqa: EM101
    store = kept_folder(folder, config)
    if archive is None:
        for line in messages(mend(store)):
            click.echo(printable(line.to(language)))
        return
    aside = restored(archive, store, set_aside=set_aside)
    if aside:
        click.echo(printable(Text(en=f"Set aside: {aside}", ja=f"退避先: {aside}").to(language)))
    click.echo(str(store))
