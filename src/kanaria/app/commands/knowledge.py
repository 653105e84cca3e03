"""``kanaria knowledge``: what is known, from where, since when."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kanaria.app.commands.options import Listing, language_option

if TYPE_CHECKING:
    from kanaria.core.words import Language


@click.group(cls=Listing)
def knowledge() -> None:
    """List the facts Kanaria holds, with their sources and dates; update them when you ask for it.

    Example: kanaria knowledge vulnerabilities
    """


@knowledge.command("list")
@click.argument("kind", required=False)
@language_option
def knowledge_list(kind: str | None, language: Language) -> None:
    """List all facts, or those of one kind.

    Example: kanaria knowledge list pools
    """
    from kanaria.app.commands.lists import knowledge_lines

    for line in knowledge_lines(kind, language):
        click.echo(line)


@knowledge.command("update")
@click.option("--pools", type=click.Path(exists=True, path_type=Path), help="A pool list, or a folder of them.")
@click.option("--networks", type=click.Path(exists=True, path_type=Path), help="A folder with ASN and country data.")
@click.option("--download", is_flag=True, help="Fetch the network data with npm; the only command that goes online.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where to keep it; default: your data folder.")
@language_option
def knowledge_update(
    pools: Path | None, networks: Path | None, download: bool, folder: Path | None, language: Language
) -> None:
    """Replace pool lists and network data with newer ones.

    Example: kanaria knowledge update --networks ./ip-location-db
    """
    from kanaria.app.commands.lists import update_lines

    for line in update_lines(folder, pools, networks, language, download=download):
        click.echo(line)


@knowledge.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--source", metavar="NAME", help="Who says so; default: the file's name. The same name replaces its list."
)
@click.option("--folder", type=click.Path(path_type=Path), help="Where to keep it; default: your data folder.")
@language_option
def knowledge_import(file: Path, source: str | None, folder: Path | None, language: Language) -> None:
    """Import indicators from text, CSV, STIX 2.1 or MISP, defanged or not.

    Example: kanaria knowledge import iocs.txt --source JPCERT/CC
    """
    from kanaria.app.commands.lists import import_lines

    for line in import_lines(file, source, folder, language):
        click.echo(line)
