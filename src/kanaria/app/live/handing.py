"""The service inside a program of somebody else's: its news are handed to an asyncio loop, one incident at a time.

The service reads and judges in a thread of its own, so that the loop is never blocked; it waits until the program has
worked on an incident before it goes on, so that a slow program is not flooded. What the program did not take stays
news.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from kanaria.app.config import Config
from kanaria.app.live.service import Service
from kanaria.core.text import printable
from kanaria.core.types import Incident

Offered = tuple[Incident, Future[bool]]
"""An incident, and whether the program worked on it."""


async def handed(config: Config, store: Path) -> AsyncGenerator[Incident, None]:
    """Incidents as they become news. An incident counts as told when the next one is asked for.

    Raises KanariaError when the service cannot begin or go on."""
    desk = Desk(asyncio.get_running_loop())
    async with _running(config, store, desk):
        while (offered := await desk.next()) is not None:
            incident, taken = offered
            yield incident
            taken.set_result(True)


@asynccontextmanager
async def _running(config: Config, store: Path, desk: Desk) -> AsyncIterator[None]:
    """A service in a thread of its own while open; everything it read is kept when it is closed."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="kanaria-watch")
    made = partial(Service, _silent(config), store, log=_log, offer=desk.offer)
    try:
        service = await desk.loop.run_in_executor(pool, made)
        run = desk.loop.run_in_executor(pool, service.run)
        run.add_done_callback(lambda _run: desk.close())
        try:
            yield
        finally:
            desk.close()
            service.stop()
            await asyncio.shield(run)
    finally:
        pool.shutdown(wait=False)


class Desk:
    """Where the service's thread lays an incident down and waits, and the loop takes it up."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._laid: asyncio.Queue[Offered | None] = asyncio.Queue()
        self._waiting: Future[bool] | None = None
        self._closed = False

    def offer(self, incident: Incident) -> bool:
        """Called by the service: whether the program worked on it. Returns when that is known."""
        taken: Future[bool] = Future()
        try:
            self.loop.call_soon_threadsafe(self._lay, incident, taken)
        except RuntimeError:  # the loop is closed
            return False
        return taken.result()

    def _lay(self, incident: Incident, taken: Future[bool]) -> None:
        if self._closed:
            taken.set_result(False)
            return
        self._waiting = taken
        self._laid.put_nowait((incident, taken))

    async def next(self) -> Offered | None:
        """The next one; None when the service has ended."""
        return await self._laid.get()

    def close(self) -> None:
        """Nothing more is taken; whoever waits is told so."""
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(False)
        if not self._closed:
            self._closed = True
            self._laid.put_nowait(None)


def _silent(config: Config) -> Config:
    """The same without what speaks to others: who watches is told, and decides what becomes of it."""
    return replace(config, notify=(), serve=replace(config.serve, listen="off", acknowledge=None, ocsf=None))


def _log(what: str, /, level: str = "info", **facts: object) -> None:
    """The service's own log, where programs expect it."""
    words = "".join(f" {name}={printable(str(value))}" for name, value in facts.items())
    logging.getLogger("kanaria").log(logging.getLevelNamesMapping()[level.upper()], "%s%s", what, words)
