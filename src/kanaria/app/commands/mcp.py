"""``kanaria mcp``: kept incidents for an assistant that speaks the Model Context Protocol."""

from __future__ import annotations

from pathlib import Path

import click

from kanaria.app.commands.incident import kept_folder, store_option


@click.command()
@store_option
def mcp(folder: Path | None) -> None:
    """Let an assistant read kept incidents, on standard input and output (Model Context Protocol).

    Example: kanaria mcp --store /var/lib/kanaria
    """
    from kanaria.core.errors import MissingExtra

    try:
        import mcp.server  # noqa: F401
    except ImportError as error:
        raise MissingExtra(package="mcp", extra="mcp", purpose="kanaria mcp") from error
    from kanaria.app.mcp_server import serve

    serve(kept_folder(folder))
