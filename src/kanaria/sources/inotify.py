"""A wake-up call when something happens in folders (Linux's inotify, by ctypes).

Only a wake-up: what really happened, ``os.stat`` says. Where inotify does not work (other systems, network file
systems, no watches left) nobody is woken and polling alone does it, a little later.
"""

from __future__ import annotations

import ctypes
import os
import select
import sys
import threading

from kanaria.sources.chunks import Wake

_EVENTS = 0x2 | 0x4 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800
"""Modify, attributes, close after writing, moved from and to, create, delete, delete and move of the folder itself."""
_FLAGS = 0o4000 | 0o2000000  # IN_NONBLOCK, IN_CLOEXEC
PAUSE = 0.002
"""Seconds between two wake-ups: a busy log changes thousands of times a second."""


class Watcher:
    """Calls ``wake`` from a thread of its own. ``add`` folders at any time; ``close`` ends it."""

    def __init__(self, wake: Wake) -> None:
        self._wake = wake
        self._folders: set[str] = set()
        self._libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
        self._fd = self._libc.inotify_init1(_FLAGS) if self._libc else -1
        self._ended, self._end = os.pipe()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inotify", daemon=True)
        if self._fd >= 0:
            self._thread.start()

    def add(self, folder: str) -> None:
        """Watch a folder; one that cannot be watched is left to polling."""
        if self._fd < 0 or self._libc is None or folder in self._folders:
            return
        if self._libc.inotify_add_watch(self._fd, os.fsencode(folder), _EVENTS) >= 0:
            self._folders.add(folder)

    def forget(self, folder: str) -> None:
        """A folder that is gone may come back and has to be added again then."""
        self._folders.discard(folder)

    def close(self) -> None:
        self._over.set()
        os.write(self._end, b"x")
        if self._thread.is_alive():
            self._thread.join()
        for descriptor in (self._fd, self._ended, self._end):
            if descriptor >= 0:
                os.close(descriptor)

    def _run(self) -> None:
        while not self._over.is_set():
            ready, _, _ = select.select([self._fd, self._ended], [], [])
            if self._fd in ready:
                self._drain()
                self._wake()
                self._over.wait(PAUSE)

    def _drain(self) -> None:
        while True:
            try:
                if not os.read(self._fd, 1 << 16):
                    return
            except BlockingIOError:
                return
