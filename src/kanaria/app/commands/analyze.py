"""Commands that look at logs and captures: explain, analyze, demo, formats."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kanaria.app.commands.listen_options import live_options
from kanaria.app.commands.options import FAIL_ON, NOTHING, language_option, output_options, zone_option
from kanaria.app.commands.output_file import REJECTS_FILE
from kanaria.core.text import printable
from kanaria.core.words import Text

if TYPE_CHECKING:
    from kanaria.app.commands.listen_options import Live
    from kanaria.app.owning import Owning
    from kanaria.core.types import Analysis, Language


_IN_USE = Text(
    en="{store} is in use; this run keeps nothing", ja="{store} は使用中のため、この実行では何も保存しません"
)


@click.command()
@click.argument("line", required=False)
@click.option("--input-format", metavar="NAME", help="Format of the line; see kanaria formats.")
@click.option("--log-format", "layout", metavar="STRING", help="Apache LogFormat or nginx log_format of the line.")
@zone_option
@output_options
def explain(
    line: str | None,
    input_format: str | None,
    layout: str | None,
    timezone: str | None,
    config: Path | None,
    **output: Any,
) -> None:
    """Explain one log line, or the lines on standard input.

    Example: kanaria explain '"{\\"id\\":1,\\"method\\":\\"mining.subscribe\\",\\"params\\":[]}\\n" 400 4076 "-" "-"'
    """
    from kanaria.core.errors import SourceError
    from kanaria.sources import standard_input, text_stream

    if line == "-":
        line = None
    if line is not None and os.path.exists(line):
        raise SourceError(
            source=line, expected="a log line", got="the name of a file", cause="files are read by kanaria analyze"
        )
    data = os.fsencode(line) + b"\n" if line is not None else standard_input().read()
    _run([text_stream("line" if line is not None else "-", data)], config, input_format, layout, timezone, **output)


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@click.option("--input-format", metavar="NAME", help="Format of all inputs, instead of looking; see kanaria formats.")
@click.option("--log-format", "layout", metavar="STRING", help="Apache LogFormat or nginx log_format of the inputs.")
@zone_option
@click.option("--home", multiple=True, metavar="NETWORK", help="A network of yours; may be repeated.")
@click.option("--check-host", is_flag=True, help="Also look at this machine's load, processes and connections.")
@click.option("--rejects", metavar="FILE", type=REJECTS_FILE, help="Write records that could not be read here.")
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    help="Keep incidents and what is normal here, for later runs; default: as settings named by --config say.",
)
@click.option(
    "--fail-on",
    type=click.Choice(FAIL_ON),
    help="What ends with status 1; default: action, what a person must do something about.",
)
@click.option("--since", metavar="SPAN", help="Report only what went on within this span (25h, 7d) or since this time.")
@click.option(
    "--exec",
    "hook",
    metavar="COMMAND",
    help="Start this with the JSON document on its standard input when there is something to tell.",
)
@output_options
@live_options
def analyze(
    paths: tuple[str, ...],
    input_format: str | None,
    layout: str | None,
    timezone: str | None,
    home: tuple[str, ...],
    check_host: bool,
    rejects: str | None,
    store: Path | None,
    fail_on: str | None,
    since: str | None,
    hook: str | None,
    live: Live,
    **output: Any,
) -> None:
    """Analyze logs and captures: files, folders, globs, or - for standard input; or listen for a while.

    Example: kanaria analyze --lang ja /var/log/apache2/ capture.pcap
    """
    from kanaria.app.commands.analyze_paths import analyze_paths
    from kanaria.app.commands.unattended import Unattended

    if not paths and not live:
        raise click.UsageError("Missing argument 'PATH...', --interface or --listen.")  # noqa: EM101

    with _owned(store, output.get("config"), output["language"]) as mine:
        status = analyze_paths(
            paths,
            input_format=input_format,
            layout=layout,
            timezone=timezone,
            home=home,
            check_host=check_host,
            rejects=rejects,
            store=mine.store if mine else None,
            live=live,
            unattended=Unattended(fail_on=fail_on, since=since, hook=hook).checked(),
            mine=mine,
            **output,
        )
    click.get_current_context().exit(status)


@contextmanager
def _owned(store: Path | None, config: Path | None, language: Language) -> Iterator[Owning | None]:
    """The store for this run alone, when there is one: the one named, or that of settings that were named.

    Where the service holds the settings' store, the run goes on and keeps nothing.
    """
    from kanaria.core.errors import StoreBusy

    wanted = store or (_of_settings(config) if config is not None else None)
    with ExitStack() as stack:
        mine = None
        if wanted is not None:
            from kanaria.app.owning import owning

            try:
                mine = stack.enter_context(owning(wanted, "analyze"))
            except StoreBusy:
                if store is not None:
                    raise
                click.echo(f"kanaria: {_IN_USE.to(language).format(store=printable(str(wanted)))}", err=True)
        yield mine


def _of_settings(config: Path) -> Path | None:
    from kanaria.app.config import load

    named = load(config).store
    return Path(named) if named else None


@click.command()
@output_options
def demo(config: Path | None, **output: Any) -> None:
    """Show both real cases Kanaria was made for, on bundled examples.

    Example: kanaria demo --lang ja
    """
    from kanaria.app.commands.demo_inputs import demo_streams

    _run(demo_streams(), config, None, None, None, **output, exit_with_findings=False)


@click.command()
@language_option
def formats(language: Language) -> None:
    """List the formats that can be read, with an example of each.

    Example: kanaria formats
    """
    from kanaria.app.commands.lists import format_lines

    click.echo("\n".join(format_lines(language)))


def _run(
    streams: Any,
    config: Path | None,
    input_format: str | None,
    layout: str | None,
    timezone: str | None,
    *,
    language: Language,
    kind: str,
    path: str | None,
    full: bool,
    style: str,
    writer: str,
    show_prompt: bool,
    exit_with_findings: bool = True,
) -> None:
    from kanaria.app.commands.unattended import status_of
    from kanaria.app.config import load_for_inputs
    from kanaria.app.output import tell_unread, write
    from kanaria.app.run.engine import Engine
    from kanaria.app.run.pipeline import analyse
    from kanaria.app.run.setup import prepare
    from kanaria.app.writing import Order, rendered, stories_by_order

    settings = load_for_inputs(config)
    order = Order.of(settings, writer, kind, style=style, show_prompt=show_prompt)
    setup = prepare(settings, input_format=input_format, layout=layout, timezone=timezone)
    with Engine(setup) as engine:
        analysis: Analysis = analyse(streams, engine)
    target = sys.stdout if path is None else None
    stories = stories_by_order(analysis, setup.facts, kind, language, order)
    write(
        rendered(analysis, setup.facts, kind, language, target, full=full, style=style, order=order, stories=stories),
        path,
    )
    tell_unread(analysis, kind, language)
    engine.accounts.require_recognised(found=bool(analysis.incidents))
    click.get_current_context().exit(status_of(analysis) if exit_with_findings else NOTHING)
