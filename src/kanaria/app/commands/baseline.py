"""Commands about devices and their pattern of life."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kanaria.app.commands.options import Ordered, config_option, kept_folder, language_option, list_format, store_option

if TYPE_CHECKING:
    from kanaria.app.run.setup import Setup
    from kanaria.core.words import Language

home_option = click.option("--home", multiple=True, metavar="NETWORK", help="A network of yours; may be repeated.")


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@list_format
@home_option
@config_option
@language_option
def devices(paths: tuple[str, ...], kind: str, home: tuple[str, ...], config: Path | None, language: Language) -> int:
    """List internal devices: role, services, which of them answer to the Internet, and what is wrong with that.

    Example: kanaria devices capture.pcap
    """
    from kanaria.app.commands import baseline_answers as life

    setup = _setup(config, home)
    inventory, status = life.inventory(paths, setup, language)
    lines = [life.device_document(inventory)] if kind == "json" else life.device_lines(inventory, setup.zone, language)
    for line in lines:
        click.echo(line)
    return status


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@list_format
@config_option
@language_option
def beacons(paths: tuple[str, ...], kind: str, config: Path | None, language: Language) -> int:
    """List calls that come back like clockwork: the same two addresses, even intervals, the same sizes.

    Example: kanaria beacons /var/log/zeek/
    """
    from kanaria.app.commands import beacon_list as regular

    beacons_seen, status = regular.beacons(paths, _setup(config, ()), language)
    lines = [regular.beacon_document(beacons_seen)] if kind == "json" else regular.beacon_lines(beacons_seen, language)
    for line in lines:
        click.echo(line)
    return status


@click.group(cls=Ordered)
def baseline() -> None:
    """Look at what is normal here: learn it, show it, explain a record by it.

    Example: kanaria baseline show 192.0.2.10
    """


@baseline.command("learn")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@store_option
@home_option
@config_option
@language_option
def baseline_learn(
    paths: tuple[str, ...], folder: Path | None, home: tuple[str, ...], config: Path | None, language: Language
) -> int:
    """Learn what is normal from captures and logs, without judging them.

    Example: kanaria baseline learn /var/log/zeek/
    """
    from kanaria.app.commands import baseline_answers as life
    from kanaria.app.owning import owning

    place = kept_folder(folder, config)
    with owning(place, "baseline learn") as mine:
        lines, status = life.learn(paths, _setup(config, home, place), language, mine)
    for line in lines:
        click.echo(line)
    return status


@baseline.command("show")
@click.argument("device", required=False)
@store_option
@config_option
@language_option
def baseline_show(device: str | None, folder: Path | None, config: Path | None, language: Language) -> None:
    """Say in words what is normal for a device and how sure that is; without one, how far learning got.

    Example: kanaria baseline show 192.0.2.10 --lang ja
    """
    from kanaria.app.kept import kept

    place = kept_folder(folder, config)
    with kept(place, lambda: _setup(config, (), place)) as store:
        for sentence in store.baseline(device):
            click.echo(sentence.to(language))


@baseline.command("explain")
@click.argument("place", metavar="PATH:RECORD")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--store",
    "folder",
    type=click.Path(path_type=Path),
    help="Folder with what was learned before these inputs; default: only they count.",
)
@home_option
@config_option
@language_option
def baseline_explain(
    place: str,
    paths: tuple[str, ...],
    folder: Path | None,
    home: tuple[str, ...],
    config: Path | None,
    language: Language,
) -> None:
    """Show the bits of one record: how surprising it was for its device, its peers and the network.

    Example: kanaria baseline explain conn.log:812 conn.log
    """
    from kanaria.app.commands import baseline_answers as life
    from kanaria.app.owning import owning

    with owning(folder, "baseline explain") if folder is not None else nullcontext():
        for line in life.explain_event(place, paths, _setup(config, home, folder), language):
            click.echo(line)


def _setup(config: Path | None, home: tuple[str, ...], store: Path | None = None) -> Setup:
    from dataclasses import replace

    from kanaria.app.config import load_for_inputs
    from kanaria.app.run.setup import prepare

    settings = load_for_inputs(config)
    return prepare(replace(settings, home=home) if home else settings, store=store)
