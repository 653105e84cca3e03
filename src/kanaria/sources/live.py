"""Live capture: from an interface name to a ``Stream`` of pcap bytes, for the same reader as files.

tcpdump (or dumpcap) captures: it fills a kernel ring, drops its privileges, and is on every router; no capture code of
our own to keep right. Measured (``benchmarks/live_capture.py``) at 50,000 packets a second on two cores, sender and two
busy loops included: tcpdump lost none of 400,000, whether its ring had 128 or 512 MB and whatever its priority; dumpcap
was a quarter behind when it was stopped, so it is the second choice. ``-U`` costs nothing that could be measured, and
without it the file header comes only with the first 4 KB of packets. Whole packets are taken, because the kernel merges
segments to as much as 64 KB. ``dropped`` says what was lost. Capturing needs root or CAP_NET_RAW.
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
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path
from typing import BinaryIO, cast

from kanaria.core.errors import SourceError
from kanaria.core.late_regex import late_regex
from kanaria.core.plural import counted
from kanaria.core.text import printable
from kanaria.core.types import Text

RING_KIB = 128 << 10  # kernel ring: at 50,000 packets of 500 bytes a second it holds five seconds
PIPE = 1 << 20
HEADER = 24  # bytes of a pcap file header
START_SECONDS = 10.0
HAND_OVER = 1.25
"""Seconds a packet may be under way to the tool: the kernel hands on a part of the ring when it is full, or after the
second that tcpdump asks for. Stopped at once, tcpdump left behind 18 of 116 packets sent in its last 2.3 seconds, and
counted none of them as dropped."""
_SIOCGIFADDR = 0x8915  # linux/sockios.h
_DROPPED = late_regex(
    rb"(?P<tcpdump>\d+) packets? dropped by kernel|received/dropped on interface .*: \d+/(?P<dumpcap>\d+) "
)


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


def interfaces() -> list[str]:
    """Names of the interfaces there are, and ``any`` for all of them together."""
    return [*sorted(name for _, name in socket.if_nameindex()), "any"]


def addresses(name: str) -> list[str]:
    """Addresses of this machine on an interface (``any``: on all), as far as the kernel says: of IPv4 the first one."""
    names = interfaces() if name == "any" else [name]
    addresses = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for each in names:
            with contextlib.suppress(OSError):  # no such interface, or none without an address
                answer = fcntl.ioctl(asking, _SIOCGIFADDR, struct.pack("256s", each.encode()[:15]))
                addresses.append(socket.inet_ntoa(answer[20:24]))
    with contextlib.suppress(OSError):  # a kernel without IPv6
        for line in Path("/proc/net/if_inet6").read_text("ascii").splitlines():
            packed, *_, owner = line.split()
            if owner in names:
                addresses.append(socket.inet_ntop(socket.AF_INET6, bytes.fromhex(packed)))
    return addresses


class LiveStream:
    """A running capture. It ends when ``stop`` or ``close`` is called or the interface goes away."""

    path: Path | None = None
    size: int | None = None
    format_name = "pcap"

    def __init__(self, name: str, command: list[str]) -> None:
        self.name = name
        self.dropped: int | None = None
        """Packets the kernel had to drop, known after ``close``."""
        # In a session of its own the tool does not get the terminal's Ctrl-C: when to stop is said by ``stop`` only.
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, start_new_session=True
        )
        self._tool = command[0]
        self._head = self._said = b""
        self._opened = False
        self._stopped = threading.Event()
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
        threading.Thread(target=self._end, daemon=True).start()
        return cast(BinaryIO, _Pipe(head, cast(BinaryIO, self._process.stdout)))

    def stop(self) -> None:
        """Ask the capture to end, without waiting: the bytes end when what came until now was handed on."""
        self._stopped.set()

    def close(self) -> None:
        """Stop capturing and wait for the tool's end; what was captured can still be read to its end."""
        self._stopped.set()
        self._interrupt()
        self._finish()

    def _end(self) -> None:
        """What ``stop`` asks for, in a thread of its own."""
        self._stopped.wait()
        time.sleep(HAND_OVER)
        self._interrupt()
        # Who starts us in the background of a script has interrupts ignored, and the tool inherits that.
        for harder in (self._process.terminate, self._process.kill):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(START_SECONDS)
                return
            harder()

    def _interrupt(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def ended(self) -> Text | None:
        """What a reader must know about a capture read to its end: packets that were lost, or why it ended early."""
        self._finish()
        if self.dropped:
            count = f"{self.dropped:,}"
            return Text(
                en=f"{counted(self.dropped, 'packet was', 'packets were')} lost because this machine could not keep "
                "up; what they held was not seen "
                "(a --capture-filter leaves out what need not be read).",
                ja=f"処理が追いつかず、{count}個のパケットを取りこぼしました。その内容は見ていません"
                "(--capture-filter で不要な通信を除くと減らせます)。",
            )
        if self._stopped.is_set():
            return None
        reason = _last_line(self._said)
        return Text(en=f"the capture ended by itself: {reason}.", ja=f"キャプチャが途中で終了しました: {reason}")

    def _finish(self) -> None:
        self._said += self._wait() if self._opened else self._errors()
        if found := _DROPPED.search(self._said):
            self.dropped = int(found["tcpdump"] or found["dumpcap"])

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
        output = self._errors()
        lines = [
            line for line in output.decode("utf-8", "replace").splitlines() if self._tool.rpartition("/")[2] in line
        ]
        return SourceError(
            source=self.name,
            expected="a running capture",
            got=printable(lines[-1].strip()) if lines else _last_line(output),
            cause=self._cause(output),
        )

    def _cause(self, said: bytes) -> str:
        names = interfaces()
        if self.name not in names:
            return f"there is no interface {self.name}; there are: {', '.join(printable(name) for name in names)}"
        if re.search(rb"(?i)permi(ssion|tted)", said):
            return f"capture as root with sudo, or allow it to everybody: sudo setcap cap_net_raw+ep {self._tool}"
        wrong = re.search(rb"filter expression|capture filter", said)
        return "the capture filter may be wrong; man pcap-filter explains it" if wrong else ""


def _last_line(said: bytes) -> str:
    lines = [line for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    return printable(lines[-1].strip()) if lines else "no data"


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
