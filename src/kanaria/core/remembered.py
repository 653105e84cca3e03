"""Functions of short texts, such as addresses, whose results are remembered: batches and records repeat them.

How many are remembered in each place is a setting of the process (``limits.addresses``); those last met stay. A text
may be hostile and megabytes long: long ones are worked out each time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

from kanaria.core.limits import Limits

LONGEST = 64
"""Characters, or bytes, of what is remembered; an IPv6 address has 45."""
_Function = TypeVar("_Function", bound=Callable[..., Any])
_most = Limits.addresses
_places: list[Callable[[], None]] = []


def remembered(function: _Function) -> _Function:
    """The function, remembering its results for texts of ``LONGEST`` characters together at most."""
    cached = lru_cache(maxsize=_most)(function)

    @wraps(function)
    def look(text: str | bytes) -> Any:
        return cached(text) if len(text) <= LONGEST else function(text)

    @wraps(function)
    def look_at(*texts: str | bytes) -> Any:
        return cached(*texts) if sum(map(len, texts)) <= LONGEST else function(*texts)

    def anew() -> None:
        nonlocal cached
        cached = lru_cache(maxsize=_most)(function)

    _places.append(anew)
    return cast(_Function, look if function.__code__.co_argcount == 1 else look_at)


def remembered_here(method: _Function) -> _Function:
    """The same for a method of an object that is made now and may go."""
    cached = lru_cache(maxsize=_most)(method)

    def look(text: str) -> Any:
        return cached(text) if len(text) <= LONGEST else method(text)

    return cast(_Function, look)


def remember(most: int) -> None:
    """From now on so many are remembered in each place."""
    global _most
    if most != _most:
        _most = most
        for anew in _places:
            anew()


def most() -> int:
    """How many are remembered in each place."""
    return _most
