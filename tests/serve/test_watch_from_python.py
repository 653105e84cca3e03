"""``async for incident in kanaria.watch(…)``: a log that grows, a loop that is never blocked, an end that keeps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

import kanaria
from tests.running import PATIENCE
from tests.serve.test_serve import ORDINARY, PROBES

Watch = AsyncGenerator[kanaria.Incident, None]


def write(log: Path, *lines: str) -> None:
    with log.open("a") as server:
        for line in lines:
            print(line, file=server)


def from_another(number: int) -> str:
    """A try for mining at an address of its own, so that it makes an incident of its own."""
    return (
        f'203.0.113.{number} - - [21/Jun/2026:07:01:0{number} +0000] '
        r'"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"cpuminer/2.5.' + str(number) + r'\"]}\n"'
        ' 400 157 "-" "-"'
    )  # fmt: skip


async def first(watch: Watch, then: Callable[[], None] = lambda: None) -> kanaria.Incident:
    """The first news, after ``then`` was done while the loop waited; the watch is closed before it was told."""
    async with aclosing(watch), asyncio.timeout(PATIENCE):
        asyncio.get_running_loop().call_later(0.1, then)
        return await anext(watch)


def read_on(store: Path) -> dict[str, object]:
    from kanaria.store.incidents import IncidentStore

    with IncidentStore(store) as opened:
        return dict(opened.state()["live"]["content"]["positions"])


def test_what_a_log_brings_is_news_and_what_was_not_worked_on_stays_so(tmp_path: Path) -> None:
    log, store = tmp_path / "access.log", tmp_path / "store"
    write(log, ORDINARY)

    async def told() -> list[kanaria.Incident]:
        found = []
        watch = kanaria.watch(log, store=store)
        async with aclosing(watch), asyncio.timeout(PATIENCE):
            async for incident in watch:
                found.append(incident)
                if len(found) == 2:
                    break
                write(log, from_another(1))
        return found

    incident = asyncio.run(first(kanaria.watch(log, store=store), lambda: write(log, *PROBES)))
    assert incident.alert is not None and incident.alert.kind == "new"
    assert incident.id in kanaria.render(incident, "json")
    assert str(log) in read_on(store)
    again, other = asyncio.run(told())
    assert again == incident, "nobody had asked for the next one"
    assert other.id != incident.id, "the first one had been told"
    assert other.remotes == ("203.0.113.1",)


def test_the_loop_goes_on_and_cancelling_ends_the_watch_at_once(tmp_path: Path) -> None:
    log, store = tmp_path / "access.log", tmp_path / "store"
    write(log, ORDINARY, PROBES[0])
    seen: list[str] = []
    worst = 0.0

    async def consume() -> None:
        async for incident in kanaria.watch(log, store=store):
            seen.append(incident.id)

    async def main() -> None:
        nonlocal worst
        task = asyncio.create_task(consume())
        until = time.monotonic() + PATIENCE
        while not seen and time.monotonic() < until:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            worst = max(worst, time.monotonic() - before)
        await asyncio.sleep(0.2)  # it has asked for the next one, and waits
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert len(seen) == 1
    assert worst < 2.0, "the loop had no turn"
    assert str(log) in read_on(store)
    with pytest.raises(kanaria.ConfigError):  # the store is free, and nothing else is news
        asyncio.run(first(kanaria.watch(store=store)))


def test_a_slow_program_holds_the_service_up_instead_of_being_flooded(tmp_path: Path) -> None:
    log, store = tmp_path / "access.log", tmp_path / "store"
    write(log, *PROBES)

    async def main() -> tuple[int, int]:
        watch = kanaria.watch(log, store=store)
        async with aclosing(watch), asyncio.timeout(PATIENCE):
            await anext(watch)
            write(log, from_another(1))
            await asyncio.sleep(1.0)
            waited = kept(store)
            await anext(watch)
            return waited, kept(store)

    assert asyncio.run(main()) == (1, 2)


def kept(store: Path) -> int:
    from kanaria.store.incidents import IncidentStore

    with IncidentStore(store) as opened:
        return len(opened.all())


def test_errors_come_to_the_loop(tmp_path: Path) -> None:
    log, store = tmp_path / "access.log", tmp_path / "store"
    write(log, PROBES[0])

    async def two() -> None:
        one = kanaria.watch(log, store=store)
        async with aclosing(one), asyncio.timeout(PATIENCE):
            await anext(one)
            await first(kanaria.watch(log, store=store))

    with pytest.raises(kanaria.SourceError, match="another run is using it"):
        asyncio.run(two())
    with pytest.raises(kanaria.ConfigError, match="a file or a pattern"):
        asyncio.run(first(kanaria.watch(tmp_path, store=store)))
    with pytest.raises(kanaria.ConfigError, match="something to watch"):
        asyncio.run(first(kanaria.watch(store=store)))
