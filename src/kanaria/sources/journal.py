"""The system's journal as it grows, by ``journalctl``: no library is needed, and its cursor is the position.

``journalctl`` runs as a child; when it ends it is started again, later each time. Its pipe waits while the inbox is
full.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Mapping, Sequence

from kanaria.core.errors import in_words
from kanaria.core.japanese import quoted
from kanaria.core.text import printable
from kanaria.core.words import Text
from kanaria.sources.chunks import Health, Position
from kanaria.sources.inbox import Inbox, Record
from kanaria.sources.received import Received

FORMAT = "journald-json"
PLACE = "journal"
ASKED = 10.0
"""Seconds ``journalctl`` may take to say what its last entry is: where it reads on from is known no sooner."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
"""Seconds before ``journalctl`` is started again, doubled each time."""


class Journal(Received):
    """Follows the journal of this machine, or of a folder. A ``LineSource``."""

    def __init__(
        self, name: str, *, folder: str | None = None, units: Sequence[str] = (), at_end: bool = False,
        program: str = "journalctl",
    ) -> None:  # fmt: skip
        self.name = name
        self.health = Health()
        self._inbox = Inbox(name, self.health)
        self._options = [*(("-D", folder) if folder else ()), *(f"--unit={unit}" for unit in units)]
        self._at_end, self._program = at_end, program
        self._child: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()
        """A child is started, or ended."""
        self._get_ready(self._inbox)

    def _resume(self, kept: Mapping[str, Position]) -> None:
        self._cursor = str(kept[PLACE]["cursor"]) if PLACE in kept else ""
        if self._at_end and not self._cursor:
            self._begin_behind_the_last()

    def _begin_behind_the_last(self) -> None:
        """What is written from now on counts, though nobody reads it yet."""
        command = [self._program, "-o", "json", "--no-pager", "--quiet", *self._options, "--lines=1"]
        try:
            run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=ASKED, check=True)
        except (OSError, subprocess.SubprocessError):
            return  # said when it is asked to follow; it begins at its end then
        self._at_end = False  # there is none where there is nothing yet
        for line in run.stdout.splitlines()[-1:]:
            if (cursor := _cursor(line)) is not None:
                self._cursor = cursor
                self._inbox.put([Record(place=PLACE, line=None, position={"cursor": cursor})])

    def _hang_up(self) -> None:
        with self._starting:
            if self._child is not None:
                self._child.terminate()

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._over.is_set():
            before = self.health.records
            self._follow()
            pause = FIRST_PAUSE if self.health.records > before else min(LONGEST_PAUSE, 2 * pause)
            self._over.wait(pause)

    def _follow(self) -> None:
        """Read until the child ends."""
        fresh = "--lines=0" if self._at_end else "--lines=all"
        since = f"--after-cursor={self._cursor}" if self._cursor else fresh
        command = [self._program, "-o", "json", "--follow", "--no-pager", "--quiet", *self._options, since]
        try:
            with self._starting:
                if self._over.is_set():
                    return
                self._child = child = subprocess.Popen(
                    command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
                )
        except OSError as error:
            self.health.problem = in_words(error, self._program)
            return
        with child:
            assert child.stdout is not None and child.stderr is not None  # noqa: S101  (both are pipes)
            self.health.problem = None
            for line in child.stdout:
                if (cursor := _cursor(line)) is not None:
                    self._cursor = cursor
                    self._inbox.put([(PLACE, line.rstrip(b"\n"), {"cursor": cursor})])
                if self._over.is_set():
                    child.terminate()
                    break
            reason = child.stderr.read(4096).decode("utf-8", "replace").strip()
        if not self._over.is_set():
            last, name = printable(reason.splitlines()[-1]) if reason else "", printable(self._program)
            self.health.problem = Text(
                en=f"{name} ended: {last}" if last else f"{name} ended",
                ja=f"{name} が終了しました: {quoted(last)}" if last else f"{name} が終了しました",
            )


def _cursor(line: bytes) -> str | None:
    try:
        cursor = json.loads(line).get("__CURSOR")
    except (ValueError, AttributeError):
        return None
    return cursor if isinstance(cursor, str) else None
