"""The options of a command that listens, checked and put together as one ``Live``. Loads nothing heavy.

In: ``--interface``, ``--capture-filter``, ``--listen``, ``--exporter`` and ``--seconds``. Out: ``Live``.
"""

from __future__ import annotations

import functools
import ipaddress
from typing import Any

import click

from kanaria.app.commands.options import Command
from kanaria.core.values import dataclass

ANYWHERE = "0.0.0.0"  # noqa: S104 - routers send from elsewhere; --exporter says who may


@dataclass(frozen=True, kw_only=True)
class Live:
    """What to listen to: interfaces, and a UDP port (``listen``: address and port) for flows of routers."""

    interfaces: tuple[str, ...] = ()
    capture_filter: str = ""
    listen: tuple[str, int] | None = None
    exporters: tuple[str, ...] = ()
    seconds: float | None = None

    def __bool__(self) -> bool:
        return bool(self.interfaces) or self.listen is not None

    def check(self) -> None:
        """Raises click.UsageError for options that do not go together."""
        if len(set(self.interfaces)) < len(self.interfaces):
            raise click.UsageError("--interface names the same interface twice.")  # noqa: EM101
        if len(self.interfaces) > 1 and "any" in self.interfaces:
            raise click.UsageError("--interface any captures on all interfaces; name no others beside it.")  # noqa: EM101
        for name, given, needs, there in (
            ("--capture-filter", bool(self.capture_filter), "--interface", bool(self.interfaces)),
            ("--exporter", bool(self.exporters), "--listen", self.listen is not None),
            ("--seconds", self.seconds is not None, "--interface or --listen", bool(self)),
        ):
            if given and not there:
                message = f"{name} needs {needs}."
                raise click.UsageError(message)


def endpoint(text: str) -> tuple[str, int]:
    """Address and port of ``[HOST:]PORT``; an IPv6 address stands in brackets. Raises ValueError."""
    host, _, port = text.rpartition(":")
    number = int(port)
    if not port.isascii() or not 0 < number < 1 << 16 or (":" in host and not host.startswith("[")):
        raise ValueError(text)
    return host.strip("[]") or ANYWHERE, number


def live_options(command: Command) -> Command:
    """What to listen to, handed to the command as one ``live``. Stands nearest to the function."""

    @functools.wraps(command)
    def with_live(
        *arguments: Any,
        interface: tuple[str, ...],
        capture_filter: str | None,
        listen: tuple[str, int] | None,
        exporter: tuple[str, ...],
        seconds: float | None,
        **options: Any,
    ) -> Any:
        live = Live(
            interfaces=interface,
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
        click.option(
            "--interface", multiple=True, metavar="NAME", help="Capture packets here (any: everywhere); repeatable."
        ),
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
