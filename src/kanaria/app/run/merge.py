"""Several live inputs read at once, each in a thread of its own, for each ends only when listening ends.

In: iterators that wait for what comes. Out: their items as they come, in the caller's thread.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from kanaria.core.values import dataclass

if TYPE_CHECKING:
    from kanaria.core.stream import Stream

Item = TypeVar("Item")
WAITING = 4  # items that may wait for the caller: batches of up to 100 MB
_PATIENCE = 0.5  # seconds after which a thread that cannot hand on looks whether anybody still listens


@dataclass(frozen=True)
class Together:
    """Live inputs that are to be read at once."""

    streams: tuple[Stream, ...]


def members(given: Stream | Together) -> tuple[Stream, ...]:
    """The inputs to read at once; a file is alone."""
    return given.streams if isinstance(given, Together) else (given,)


def interleaved(
    reads: Sequence[Iterator[Item]], through: Sequence[Callable[[Iterator[Item]], Iterator[Item]]]
) -> Iterator[Item]:
    """The items of all iterators as they come, each after its own ``through``, which gives one item for one.

    ``through`` runs in the caller's thread. What an iterator raises is raised here.
    """
    if len(reads) < 2:
        for read, step in zip(reads, through, strict=True):
            yield from step(read)
        return
    feeds = [deque[Item]() for _ in reads]
    followed = [step(_taken(feed)) for step, feed in zip(through, feeds, strict=True)]
    for place, item in _as_they_come(reads):
        feeds[place].append(item)
        yield next(followed[place])


def _taken(feed: deque[Item]) -> Iterator[Item]:
    while feed:
        yield feed.popleft()


def _as_they_come(reads: Sequence[Iterator[Item]]) -> Iterator[tuple[int, Item]]:
    come: queue.Queue[tuple[int, tuple[Item] | None]] = queue.Queue(WAITING)
    over = threading.Event()

    def hand_on(place: int, item: tuple[Item] | None) -> None:
        while not over.is_set():
            try:
                return come.put((place, item), timeout=_PATIENCE)
            except queue.Full:
                continue

    def work(place: int) -> None:
        try:
            for item in reads[place]:
                hand_on(place, (item,))
                if over.is_set():
                    return
        finally:
            hand_on(place, None)

    pool = ThreadPoolExecutor(len(reads), thread_name_prefix="live")
    left = {place: pool.submit(work, place) for place in range(len(reads))}
    try:
        while left:
            place, item = come.get()
            if item is None:
                left.pop(place).result()
            else:
                yield place, item[0]
    finally:
        over.set()
        pool.shutdown(wait=False)
