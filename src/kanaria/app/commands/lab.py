"""``kanaria lab``: traffic of our own for trying Kanaria out. Nothing hashes, nothing leaves the machine."""

from __future__ import annotations

from pathlib import Path

import click

from kanaria.app.commands.options import Ordered, language_option
from kanaria.core.plural import fill
from kanaria.core.text import printable
from kanaria.core.words import Language, Text

_WRITTEN = Text(en="{path}: {packets:packet|packets}", ja="{path}: {packets}パケット")
_PERFORMED = Text(en="{path}: {packets:packet|packets}; {logs}", ja="{path}: {packets}パケット、ほかに{logs}")


@click.group(cls=Ordered)
def lab() -> None:
    """Make traffic to try Kanaria on.

    Example: kanaria lab dns-server case.pcap
    """


@lab.command("dns-server")
@click.argument("path", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--seed", default=7, show_default=True, help="Same seed, same capture.")
@click.option("--without", multiple=True, type=click.Choice(["rdp", "smb", "mining"]), help="Leave a part out.")
@click.option(
    "--live", is_flag=True, help="Perform it in network namespaces with real servers (root; two minutes at most)."
)
@click.option(
    "--speed",
    default=60.0,
    show_default=True,
    type=click.FloatRange(1, 600),
    help="With --live: how many times as fast mining and sessions go. Who watches live needs 15 or less: a connection "
    "is judged after half a minute.",
)
@click.option(
    "--wait", "waits", is_flag=True, help="With --live: say where it can be watched, and begin when Enter is pressed."
)
@language_option
def lab_dns_server(
    path: Path, seed: int, without: tuple[str, ...], live: bool, speed: float, waits: bool, language: Language
) -> None:  # fmt: skip
    """Write a capture of the case of the DNS server: days of quiet, Remote Desktop sprayed from outside, mining, SMB.

    It is scripted. With --live it is performed by dnsmasq, Samba, a Remote Desktop listener and our own pool and miner;
    Samba's logons and a connection log then stand beside the capture.

    Example: kanaria lab dns-server case.pcap --without rdp
    """
    from kanaria.core.errors import SourceError
    from kanaria.lab import dns_server

    try:
        if live:
            from kanaria.app.commands import lab_live

            packets, logs = lab_live.dns_server(
                path, seed=seed, without=without, speed=speed, waits=language if waits else None
            )
            summary = fill(_PERFORMED.to(language), path=path, packets=packets, logs=", ".join(map(str, logs)))
            click.echo(printable(summary))
            return
        packets = dns_server.build(path, seed=seed, **{part: part not in without for part in ("rdp", "smb", "mining")})
    except OSError as error:
        raise SourceError(source=str(path), expected="a place to write to", got=error.strerror or str(error)) from error
    click.echo(printable(fill(_WRITTEN.to(language), path=path, packets=packets)))
