"""Options, groups and exit statuses that commands share."""

from __future__ import annotations

import functools
import ipaddress
import locale
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from kanaria.app.capturing import Live, endpoint

FOUND, NOTHING, USAGE = 1, 0, 2


class Ordered(click.Group):
    """Lists commands in the order a newcomer meets them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


class Listing(click.Group):
    """A group that lists unless told otherwise: ``knowledge pools`` is short for ``knowledge list pools``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in {*self.commands, "-h", "--help"}:
            args = ["list", *args]
        return super().parse_args(ctx, args)


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
    kinds = ["text", "markdown", "html", "json", "ocsf", "stix", "navigator", "misp", "csv", "iocs"]
    command = click.option("-o", "--output", "path", metavar="FILE", help="Write here instead of standard output.")(
        command
    )
    command = click.option(
        "--format", "kind", type=click.Choice(kinds), default="text", show_default=True, help="Output."
    )(command)
    command = click.option("--config", type=click.Path(path_type=Path), help="Settings file.")(command)
    return language_option(command)


def live_options(command: Command) -> Command:
    """What to listen to, handed to the command as one ``live``. Stands nearest to the function."""

    @functools.wraps(command)
    def with_live(
        *arguments: Any,
        interface: str | None,
        capture_filter: str | None,
        listen: tuple[str, int] | None,
        exporter: tuple[str, ...],
        seconds: float | None,
        **options: Any,
    ) -> Any:
        live = Live(
            interface=interface,
            capture_filter=capture_filter or "",
            listen=listen,
            exporters=exporter,
            seconds=seconds,
        )
        live.check()
        return command(*arguments, live=live, **options)

    wrapped: Command = with_live
    for option in (
        click.option("--seconds", type=click.FloatRange(0, min_open=True), help="Stop listening after this time."),
        click.option(
            "--exporter", multiple=True, metavar="NETWORK", callback=_networks, help="Who may send flows; repeatable."
        ),
        click.option(
            "--listen", metavar="[HOST:]PORT", callback=_endpoint, help="Receive NetFlow and IPFIX on this UDP port."
        ),
        click.option("--capture-filter", metavar="EXPR", help="Capture only this (pcap-filter), as 'not port 22'."),
        click.option("--interface", metavar="NAME", help="Capture packets on this interface (any: all of them)."),
    ):
        wrapped = option(wrapped)
    return wrapped


def _endpoint(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, int] | None:
    try:
        return endpoint(value) if value is not None else None
    except ValueError:
        message = f"{value!r} is not a port (2055), an address and port (192.0.2.1:2055), or [2001:db8::1]:2055."
        raise click.BadParameter(message) from None


def _networks(_context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    for text in value:
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
    return value
