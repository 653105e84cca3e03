"""The command line. Each command is a few lines: read options, run the pipeline, write the answer.

Exit status: 0 nothing found, 1 something found, 2 wrong usage or unreadable input.
"""

from __future__ import annotations

import os
import sys

import click

from kanaria import __version__
from kanaria.app.cli_analyze import analyze, demo, explain, formats
from kanaria.app.cli_incident import incident
from kanaria.app.cli_knowledge import knowledge
from kanaria.app.cli_rules import rules
from kanaria.app.options import NOTHING, USAGE, Ordered
from kanaria.core.errors import KanariaError


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


@click.group(cls=Ordered, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kanaria")
def cli() -> None:
    """Find cryptojacking in logs and network traffic, and explain it.

    Example: kanaria analyze /var/log/nginx/access.log
    """


for command in (explain, analyze, demo, formats, incident, knowledge, rules):
    cli.add_command(command)
