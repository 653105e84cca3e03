"""The command line. Each command is a few lines: read options, run the pipeline, write the answer.

Exit status: 0 nothing found, 1 something found, 2 wrong usage or unreadable input.
"""

from __future__ import annotations

import click

from kanaria.app.commands.analyze import analyze, demo, explain, formats
from kanaria.app.commands.ask import ask
from kanaria.app.commands.baseline import baseline, beacons, devices
from kanaria.app.commands.exit_status import run
from kanaria.app.commands.incident import incident
from kanaria.app.commands.init import init
from kanaria.app.commands.keeping import backup, install_service, restore, uninstall_service
from kanaria.app.commands.knowledge import knowledge
from kanaria.app.commands.lab import lab
from kanaria.app.commands.mcp import mcp
from kanaria.app.commands.options import Ordered
from kanaria.app.commands.rules import rules
from kanaria.app.commands.serve import check_config, doctor, notify, serve, status
from kanaria.core.build import build


def main() -> None:
    """Entry point: runs the command line and leaves the process with its exit status."""
    run(cli)


@click.group(cls=Ordered, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(build(), prog_name="kanaria")
def cli() -> None:
    """Find cryptojacking in logs and network traffic, and explain it.

    Example: kanaria analyze /var/log/nginx/access.log
    """


SERVICE = (init, serve, status, doctor, check_config, notify)
KEEPING = (install_service, uninstall_service, backup, restore)
for command in (
    explain,
    analyze,
    demo,
    devices,
    beacons,
    baseline,
    incident,
    ask,
    mcp,
    rules,
    knowledge,
    formats,
    lab,
    *SERVICE,
    *KEEPING,
):
    cli.add_command(command)
