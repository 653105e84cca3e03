"""Live capture: an interface name comes in, a ``Stream`` of pcap bytes goes out, for the same reader as files.

tcpdump (or dumpcap) captures: it fills a kernel ring, drops its privileges, and is on every router; no capture code of
our own to keep right. Measured at 50,000 packets a second between network namespaces on two cores, sender included:
no packet of 300,000 lost on a quiet machine, a fifth to a third with either tool once other work kept both cores busy.
``dropped`` says what was lost. Capturing needs root or CAP_NET_RAW.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import re
import select
import shutil
import signal
import subprocess
from pathlib import Path
from typing import BinaryIO, cast

from kanaria.core.errors import SourceError

RING_KIB = 128 << 10  # kernel ring: at 50,000 packets of 500 bytes a second it holds five seconds
PIPE = 1 << 20
HEADER = 24  # bytes of a pcap file header
START_SECONDS = 10.0
_DROPPED = re.compile(rb"(\d+) packets? dropped by kernel")


def open_interface(name: str, *, filter_expression: str = "") -> LiveStream:
    """Start capturing on an interface (``any`` for all). ``filter_expression`` is a pcap filter: ``not port 22``.

    Raises SourceError when no capture tool is installed, the interface does not exist or capturing is not allowed.
    """
    if not re.fullmatch(r"[\w.:@-]{1,64}", name) or name.startswith("-"):
        raise SourceError(source=name, expected="the name of a network interface", got=repr(name))
    return LiveStream(name, _command(name, filter_expression))


def _command(name: str, filter_expression: str) -> list[str]:
    tail = ["--", filter_expression] if filter_expression else []
    if tool := shutil.which("tcpdump", path=_search_path()):
        return [tool, "-i", name, "-n", "-U", "-s", "0", "-B", str(RING_KIB), "-w", "-", *tail]
    if tool := shutil.which("dumpcap", path=_search_path()):
        limit = ["-f", filter_expression] if filter_expression else []
        return [tool, "-i", name, "-q", "-P", "-B", str(RING_KIB >> 10), "-w", "-", *limit]
    raise SourceError(
        source=name, expected="tcpdump or dumpcap to capture with", got="neither", cause="install the tcpdump package"
    )


def _search_path() -> str:
    """The search path with the system directories, which a user's path may lack."""
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


class LiveStream:
    """A running capture. It ends when ``close`` is called or the interface goes away."""

    path: Path | None = None
    size: int | None = None

    def __init__(self, name: str, command: list[str]) -> None:
        self.name = name
        self.dropped: int | None = None
        """Packets the kernel had to drop, known after ``close``."""
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        self._head = b""
        self._opened = False
        # A larger pipe lets tcpdump go on while a batch is being worked on; 1 MiB is what any user may ask for.
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._pipe(), fcntl.F_SETPIPE_SZ, PIPE)

    def head(self) -> bytes:
        """The file header. Raises SourceError when the capture did not start."""
        pipe = self._pipe()
        while len(self._head) < HEADER:
            ready = select.select([pipe], [], [], START_SECONDS)[0]
            data = os.read(pipe, HEADER - len(self._head)) if ready else b""
            if not data:
                raise self._failure()
            self._head += data
        return self._head

    def open(self) -> BinaryIO:
        """The capture from its beginning, unbuffered: reads return what is there."""
        head = self.head()
        self._opened = True
        return cast(BinaryIO, _Pipe(head, cast(BinaryIO, self._process.stdout)))

    def close(self) -> None:
        """Stop capturing; what was captured can still be read to its end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        errors = self._wait() if self._opened else self._errors()
        found = _DROPPED.search(errors)
        self.dropped = int(found[1]) if found else self.dropped

    def _pipe(self) -> int:
        if self._process.stdout is None:
            raise self._failure()
        return self._process.stdout.fileno()

    def _wait(self) -> bytes:
        """What the tool said until it ended, while a reader goes on draining the pipe."""
        try:
            self._process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr is None or self._process.stderr.closed:
            return b""
        with self._process.stderr as said:
            return said.read()

    def _errors(self) -> bytes:
        """What the tool said until it ended; the pipe is drained meanwhile so that it can end."""
        try:
            _, errors = self._process.communicate(timeout=START_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            _, errors = self._process.communicate()
        return errors or b""

    def _failure(self) -> SourceError:
        if self._process.poll() is None:
            self._process.terminate()
        lines = self._errors().decode("utf-8", "replace").strip().splitlines()
        got = lines[-1] if lines else "no data"
        return SourceError(
            source=self.name,
            expected="a running capture",
            got=got,
            cause="no such interface, or capturing needs root or CAP_NET_RAW",
        )


class _Pipe(io.RawIOBase):
    """The bytes read for ``head`` again, then the pipe."""

    def __init__(self, head: bytes, pipe: BinaryIO) -> None:
        self._left, self._source, self._descriptor = head, pipe, pipe.fileno()

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._source.close()
        super().close()

    def fileno(self) -> int:
        return self._descriptor

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        data = self._left[: len(target)] if self._left else os.read(self._descriptor, min(len(target), PIPE))
        self._left = self._left[len(data) :] if self._left else b""
        target[: len(data)] = data
        return len(data)
