"""``kanaria mcp``: kept incidents for an assistant that speaks the Model Context Protocol."""

from __future__ import annotations

import os
from pathlib import Path

import click

from kanaria.app.commands.options import config_option, kept_folder, store_option

TOKEN = "KANARIA_MCP_TOKEN"  # noqa: S105 the name of a variable


@click.command()
@store_option
@config_option
@click.option(
    "--http", metavar="HOST:PORT", help=f"Answer over HTTP at /mcp instead, whoever has the token of {TOKEN}."
)
def mcp(folder: Path | None, config: Path | None, http: str | None) -> None:
    """Let an assistant read kept incidents, on standard input and output (Model Context Protocol).

    Example: kanaria mcp --store /var/lib/kanaria
    """
    from kanaria.app.config import load
    from kanaria.core.errors import MissingExtra

    try:
        import mcp.server  # noqa: F401
    except ImportError as error:
        raise MissingExtra(package="mcp", extra="mcp", purpose="kanaria mcp") from error
    from kanaria.app.mcp_server import serve, serve_http

    settings = load(config)
    if http is None:
        serve(kept_folder(folder, config), settings)
        return
    host, _, port = http.rpartition(":")
    if not port.isdecimal() or not host:
        raise click.UsageError("--http takes HOST:PORT, such as 127.0.0.1:8765")  # noqa: EM101
    serve_http(kept_folder(folder, config), host.strip("[]"), int(port), os.environ.get(TOKEN, ""), settings)
