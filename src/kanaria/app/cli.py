"""The command line. Each command is a few lines: read options, run the pipeline, write the answer.

Exit status: 0 nothing found, 1 something found, 2 wrong usage or unreadable input.
"""

from __future__ import annotations

import locale
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kanaria import __version__
from kanaria.core.errors import KanariaError

if TYPE_CHECKING:
    from kanaria.core.types import Analysis, Language

FOUND, NOTHING, USAGE = 1, 0, 2


def main() -> None:
    """Entry point: deliberate errors become one line on standard error and exit status 2."""
    try:
        status = cli.main(prog_name="kanaria", standalone_mode=False)
        sys.exit(status if isinstance(status, int) else NOTHING)
    except click.ClickException as error:
        error.show()
        sys.exit(USAGE)
    except click.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(NOTHING)
    except KanariaError as error:
        click.echo(f"kanaria: {error}", err=True)
        sys.exit(USAGE)


class Ordered(click.Group):
    """Lists commands in the order a newcomer meets them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=Ordered, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kanaria")
def cli() -> None:
    """Find cryptojacking in logs and network traffic, and explain it.

    Example: kanaria analyze /var/log/nginx/access.log
    """


def _language(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str:
    if value:
        return value
    spoken = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "ja" if (spoken or locale.getlocale()[0] or "").startswith("ja") else "en"


Command = Callable[..., Any]


def language_option(command: Command) -> Command:
    option: Callable[[Command], Command] = click.option(
        "--lang",
        "language",
        type=click.Choice(["ja", "en"]),
        callback=_language,
        help="Language; default: the locale's.",
    )
    return option(command)


def output_options(command: Command) -> Command:
    """What every command that writes a report accepts."""
    kinds = ["text", "markdown", "html", "json", "ocsf"]
    command = click.option("-o", "--output", "path", metavar="FILE", help="Write here instead of standard output.")(
        command
    )
    command = click.option(
        "--format", "kind", type=click.Choice(kinds), default="text", show_default=True, help="Output."
    )(command)
    command = click.option("--config", type=click.Path(path_type=Path), help="Settings file.")(command)
    return language_option(command)


@cli.command()
@click.argument("line", required=False)
@click.option("--input-format", metavar="NAME", help="Format of the line; see kanaria formats.")
@output_options
def explain(
    line: str | None, input_format: str | None, language: Language, config: Path | None, kind: str, path: str | None
) -> None:
    """Explain one log line, or the lines on standard input.

    Example: kanaria explain '"{\\"id\\":1,\\"method\\":\\"mining.subscribe\\",\\"params\\":[]}\\n" 400 4076 "-" "-"'
    """
    from kanaria.sources import text_stream

    data = os.fsencode(line) + b"\n" if line is not None else sys.stdin.buffer.read()
    _run([text_stream("line" if line is not None else "-", data)], config, input_format, None, language, kind, path)


@cli.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--input-format", metavar="NAME", help="Format of all inputs, instead of looking; see kanaria formats.")
@click.option("--log-format", "layout", metavar="STRING", help="Apache LogFormat or nginx log_format of the inputs.")
@click.option("--home", multiple=True, metavar="NETWORK", help="A network of yours; may be repeated.")
@click.option("--check-host", is_flag=True, help="Also look at this machine's load, processes and connections.")
@click.option("--rejects", metavar="FILE", help="Write records that could not be read here.")
@output_options
def analyze(
    paths: tuple[str, ...],
    input_format: str | None,
    layout: str | None,
    home: tuple[str, ...],
    check_host: bool,
    rejects: str | None,
    **output: Any,
) -> None:
    """Analyze logs and captures: files, folders, globs, or - for standard input.

    Example: kanaria analyze --lang ja /var/log/apache2/ capture.pcap
    """
    from kanaria.app.analyze import analyze_paths

    found = analyze_paths(
        paths, input_format=input_format, layout=layout, home=home, check_host=check_host, rejects=rejects, **output
    )
    click.get_current_context().exit(FOUND if found else NOTHING)


@cli.command()
@output_options
def demo(language: Language, config: Path | None, kind: str, path: str | None) -> None:
    """Show both real cases Kanaria was made for, on bundled examples.

    Example: kanaria demo --lang ja
    """
    from kanaria.app.demo import demo_streams

    _run(demo_streams(), config, None, None, language, kind, path, exit_with_findings=False)


@cli.command()
@language_option
def formats(language: Language) -> None:
    """List the formats that can be read, with an example of each.

    Example: kanaria formats
    """
    from kanaria.app.listings import format_lines

    click.echo("\n".join(format_lines(language)))


class Listing(click.Group):
    """A group that lists unless told otherwise: ``knowledge pools`` is short for ``knowledge list pools``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in {*self.commands, "-h", "--help"}:
            args = ["list", *args]
        return super().parse_args(ctx, args)


@cli.group(cls=Listing)
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
    from kanaria.app.listings import knowledge_lines

    for line in knowledge_lines(kind, language):
        click.echo(line)


@knowledge.command("update")
@click.option("--pools", type=click.Path(exists=True, path_type=Path), help="A pool list, or a folder of them.")
@click.option("--networks", type=click.Path(exists=True, path_type=Path), help="A folder with ASN and country data.")
@click.option("--download", is_flag=True, help="Fetch the network data with npm; the only command that goes online.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where to keep it; default: your data folder.")
def knowledge_update(pools: Path | None, networks: Path | None, download: bool, folder: Path | None) -> None:
    """Replace pool lists and network data with newer ones.

    Example: kanaria knowledge update --networks ./ip-location-db
    """
    from kanaria.app.listings import update_lines

    for line in update_lines(folder, pools, networks, download=download):
        click.echo(line)


def _run(
    streams: Any,
    config: Path | None,
    input_format: str | None,
    layout: str | None,
    language: Language,
    kind: str,
    path: str | None,
    *,
    exit_with_findings: bool = True,
) -> None:
    from kanaria.app.config import load
    from kanaria.app.output import render, write
    from kanaria.app.pipeline import analyse
    from kanaria.app.stages import Stages

    stages = Stages(config=load(config), input_format=input_format, layout=layout)
    analysis: Analysis = analyse(streams, stages)
    write(render(analysis, stages.facts, kind, language, sys.stdout if path is None else None), path)
    click.get_current_context().exit(FOUND if analysis.incidents and exit_with_findings else NOTHING)
