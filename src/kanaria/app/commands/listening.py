"""Live inputs of a run: from the sources a user named to streams that end on time or on Ctrl-C.

Compiled code is loaded before the capture opens: loading takes a second or more, in which packets would queue up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click

from kanaria.app.commands.interrupts import asking
from kanaria.app.commands.listen_options import Live
from kanaria.app.run.merge import Together
from kanaria.core.types import Language, Text

if TYPE_CHECKING:
    from kanaria.core.stream import Stream
    from kanaria.sources.live import LiveStream
    from kanaria.sources.netflow_collector import NetflowCollector

# Seconds of datagrams that are put together at most: nobody waits for them before the end, and the longer, the more
# slices of one flow become one. Exporters cut flows after one to thirty minutes.
TOGETHER = 3600.0
_STARTED = Text(
    en="Listening on {name}. Ctrl-C ends it and gives the report.",
    ja="{name} で受信しています。Ctrl-C で終了し、結果を表示します。",
)
_STOPPED = Text(
    en="Stopped listening; a second Ctrl-C gives up.", ja="受信を終えました。もう一度 Ctrl-C を押すと中止します。"
)


def own_addresses(live: Live) -> list[str]:
    """Public addresses of this machine where packets are captured: they are ours although nobody said so."""
    if not live.interfaces:
        return []
    from kanaria.core.network import is_global
    from kanaria.sources.live import addresses

    addresses_here = {address for interface in live.interfaces for address in addresses(interface)}
    return sorted(address for address in addresses_here if is_global(address))


def own_note(own: Sequence[str]) -> Text:
    """Says that they count."""
    named = ", ".join(own)
    return Text(
        en=f"{named}: addresses of this machine, so they count as yours beside private address space (use --home to "
        "say otherwise).",
        ja=f"{named} はこのマシンのアドレスなので、プライベートアドレスとともにご自身のものとみなしました"
        "(異なる場合は --home で指定してください)。",
    )


@contextmanager
def listening(live: Live, language: Language) -> Iterator[Iterator[Stream | Together]]:
    """The live inputs, if any. They end after ``live.seconds``, on Ctrl-C, or when the system asks us to end.

    Only the first Ctrl-C does so, and only while something is still coming: otherwise it gives up as always.
    """
    if not live:
        yield iter(())
        return
    over = threading.Event()
    with ExitStack() as opened:
        inputs = _open(live, opened)

        def stop() -> None:
            if not over.is_set():
                over.set()
                for stream in inputs:
                    stream.stop()

        def streams() -> Iterator[Stream | Together]:
            yield Together(inputs) if len(inputs) > 1 else inputs[0]
            over.set()

        names = ", ".join(stream.name for stream in inputs)
        with _ending(stop, over, live.seconds, language):
            click.echo(_STARTED.to(language).format(name=names), err=True)  # from here on Ctrl-C gives the report
            yield streams()


def _open(live: Live, opened: ExitStack) -> tuple[LiveStream | NetflowCollector, ...]:
    """Everything to listen to, running; ``opened`` closes it. Raises SourceError when one of them cannot start."""
    inputs: list[LiveStream | NetflowCollector] = []

    def keep(stream: LiveStream | NetflowCollector) -> None:
        opened.callback(stream.close)
        inputs.append(stream)

    if live.interfaces:
        from kanaria.formats.packets.warm_up import warm_up
        from kanaria.sources.live import open_interface

        warm_up()
        for interface in live.interfaces:
            keep(open_interface(interface, filter_expression=live.capture_filter))
    if live.listen:
        from kanaria.sources.netflow_collector import NetflowCollector

        keep(NetflowCollector(*live.listen, exporters=live.exporters, every=TOGETHER))
    for stream in inputs:
        stream.head()
    return tuple(inputs)


@contextmanager
def _ending(
    stop: Callable[[], None], over: threading.Event, seconds: float | None, language: Language
) -> Iterator[None]:
    """While open, a request to end calls ``stop`` unless it is ``over`` already, and so does the end of the time."""

    def end() -> None:
        if not over.is_set():
            stop()
            click.echo(_STOPPED.to(language), err=True)

    timer = threading.Timer(seconds or 0.0, stop)
    timer.daemon = True
    if seconds is not None:
        timer.start()
    try:
        with asking(end, over.is_set):
            yield
    finally:
        timer.cancel()
