"""``kanaria lab``: traffic of our own for trying Kanaria out. Nothing hashes, nothing leaves the machine."""

from __future__ import annotations

from pathlib import Path

import click

from kanaria.app.options import Ordered


@click.group(cls=Ordered)
def lab() -> None:
    """Make traffic to try Kanaria on.

    Example: kanaria lab dns-server case.pcap
    """


@lab.command("dns-server")
@click.argument("path", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--seed", default=7, show_default=True, help="Same seed, same capture.")
@click.option("--without", multiple=True, type=click.Choice(["rdp", "smb", "mining"]), help="Leave a part out.")
def lab_dns_server(path: Path, seed: int, without: tuple[str, ...]) -> None:
    """Write a capture of the case of the DNS server: days of quiet, Remote Desktop sprayed from outside, mining, SMB.

    Example: kanaria lab dns-server case.pcap --without rdp
    """
    from kanaria.core.errors import SourceError
    from kanaria.lab import dns_server

    try:
        packets = dns_server.build(path, seed=seed, **{part: part not in without for part in ("rdp", "smb", "mining")})
    except OSError as error:
        raise SourceError(source=str(path), expected="a place to write to", got=error.strerror or str(error)) from error
    click.echo(f"{path}: {packets} packets")
