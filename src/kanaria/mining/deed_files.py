"""What a downloader is told to write and where it reads from, out of its words on a command line.

In: a program's name and its words. Out: the files it writes, the hosts it asks, whether it only prints.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from kanaria.core.late_regex import late_regex
from kanaria.mining import deed_words as w

TRIVIAL = frozenset(("tftp", "ftpget"))
"""Downloaders that take a host and a file instead of an address."""
_HOST = late_regex(r"[\w-]+(?:\.[\w-]+)+(?::\d+)?")
_ADDRESS = late_regex(r"\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?")
_ORDERS = frozenset("get put mode binary ascii octet netascii".split())
_WITH_A_WORD = {"tftp": frozenset(("-b",)), "ftpget": frozenset(("-u", "-p", "-P"))}
"""Options of BusyBox whose next word is neither host nor file: block size; user, password, port."""


def saved(name: str, rest: Sequence[str]) -> Iterator[str]:
    """The files a downloader is told to write."""
    if name in TRIVIAL:
        yield from transfer(name, rest)[1]
        return
    if name in ("certutil", "bitsadmin"):
        yield from (word for word in rest[1:] if not word.startswith(("-", "/d", "/t")) and "://" not in word)
        return
    for index, word in enumerate(rest):
        bare = name == "curl" and re.fullmatch(r"-[a-zA-Z]{0,6}O", word)
        if w.SAVES.match(word) and not bare and index + 1 < len(rest):
            yield rest[index + 1].lstrip(">")
        elif (joined := w.SAVES_JOINED.match(word)) and not (name == "curl" and "O" in word.split(joined[1])[0]):
            yield joined[1].lstrip(">")


def printed(rest: Sequence[str]) -> bool:
    """Whether ``wget`` keeps nothing: it writes to its output (``-O -``, ``-qO-``), only looks, or deletes again."""
    return (
        any(re.fullmatch(r"(?:-[a-zA-Z]{0,5}O|--output-document=)-|--spider|--delete-after", word) for word in rest)
        or any(
            re.fullmatch(r"-[a-zA-Z]{0,5}O|--output-document", word) and after == "-"
            for word, after in itertools.pairwise(rest)
        )
    )  # fmt: skip


def transfer(name: str, rest: Sequence[str]) -> tuple[list[str], list[str]]:
    """Host and files of ``tftp`` and ``ftpget``: an address is the host, else the first name that no option takes."""
    left, named = [], []
    words = iter(rest)
    for word in words:
        if word in _WITH_A_WORD[name]:
            next(words, None)
        elif word in ("-r", "-l"):
            named.append(next(words, ""))
        elif not word.startswith("-") and word not in _ORDERS:
            left.append(word)
    hosts = [word for word in left if _ADDRESS.fullmatch(word)] or [word for word in left if _HOST.fullmatch(word)]
    return hosts[:1], [word for word in (*named, *left) if word and word not in hosts[:1] and not word.isdigit()]
