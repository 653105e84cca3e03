"""Work on the next items while the present one is used; results come in order.

The function runs in threads, which pays where it spends its time in code that releases the interpreter's lock (Arrow,
DuckDB, Hyperscan, Numba). An exception of the function comes out where its result would have.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(function: Callable[[Item], Result], items: Iterable[Item], *, workers: int = 1) -> Iterator[Result]:
    """``map``, with up to ``workers`` items being worked on beyond the one in use. Items are taken by the caller's
    thread, one at a time and never more than needed."""
    from concurrent.futures import ThreadPoolExecutor  # 10 ms to import; a single line is explained without it

    source = iter(items)
    with ThreadPoolExecutor(workers, thread_name_prefix="ahead") as pool:
        pending: deque[Future[Result]] = deque(pool.submit(function, item) for item in islice(source, workers))
        while pending:
            done = pending.popleft()
            pending.extend(pool.submit(function, item) for item in islice(source, 1))
            yield done.result()
