"""A look at this machine: load, processes with their arguments, listening sockets, connections; one ``HostSample``.

In come an interval and a clock, out goes the sample, and from it rows of the ``host`` table. Works without
administrator rights; what they would have shown is counted in ``unseen``. Needs psutil (extra ``host``).
"""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kanaria.core.clock import Clock, SystemClock
from kanaria.core.errors import MissingExtra
from kanaria.core.values import dataclass

if TYPE_CHECKING:
    import psutil

INTERVAL = 1.0
"""Seconds over which load is measured: 100 clock ticks, so that one process's share is known to 1 %."""
_DELETED = " (deleted)"
_KERNEL_PARENT = 2  # kthreadd, the parent of every kernel thread of Linux
_GPU_TIMEOUT = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """A running program. ``cpu_percent`` is 100 for one busy core; ``executable`` is None where it may not be seen.

    ``deleted``: the file it was started from is gone. ``kernel``: a thread of the kernel, which has no program.
    """

    pid: int
    parent: int | None
    name: str
    command: tuple[str, ...]
    executable: str | None
    deleted: bool
    user: str | None
    cpu_percent: float
    kernel: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Socket:
    """A listening socket or a connection; ``pid`` is None where its owner may not be seen."""

    listening: bool
    transport: str
    local_ip: str
    local_port: int
    remote_ip: str | None
    remote_port: int | None
    pid: int | None
    established: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class HostSample:
    """One look. ``cpu_percent`` and ``gpu_percent`` are 100 when everything is busy; ``unseen`` counts by what."""

    time: datetime
    interval_us: int
    host_name: str
    cores: int
    cpu_percent: float
    gpu_percent: tuple[float, ...]
    processes: tuple[Process, ...]
    sockets: tuple[Socket, ...]
    unseen: Mapping[str, int] = field(default_factory=dict)


def sample(interval: float = INTERVAL, clock: Clock | None = None) -> HostSample:
    """Look at the machine for ``interval`` seconds. Raises MissingExtra without psutil."""
    psutil = _psutil()
    running = list(psutil.process_iter())
    psutil.cpu_percent()
    for process in running:
        with contextlib.suppress(psutil.Error):
            process.cpu_percent()
    time.sleep(interval)
    unseen: Counter[str] = Counter()
    load = psutil.cpu_percent()
    processes = tuple(shown for process in running if (shown := _process(psutil, process, unseen)) is not None)
    return HostSample(
        time=(clock or SystemClock()).now(), interval_us=int(interval * 1e6), host_name=platform.node(),
        cores=psutil.cpu_count() or 1, cpu_percent=load, gpu_percent=_gpus(), processes=processes,
        sockets=tuple(_sockets(psutil, unseen)), unseen=dict(unseen),
    )  # fmt: skip


def _psutil() -> Any:
    try:
        import psutil
    except ImportError as error:
        raise MissingExtra(package="psutil", extra="host", purpose="looking at this machine") from error
    return psutil


def _process(psutil: Any, process: psutil.Process, unseen: Counter[str]) -> Process | None:
    """None when it ended meanwhile."""
    try:
        with process.oneshot():
            load, name, parent = process.cpu_percent(), process.name(), process.ppid()
            command = _allowed(psutil, process.cmdline, unseen, "arguments") or []
            user = _allowed(psutil, process.username, unseen, "owners")
            kernel = not command and _KERNEL_PARENT in (process.pid, parent)
            executable = "" if kernel else _executable(psutil, process, unseen)
    except psutil.NoSuchProcess:
        return None
    path = executable.removesuffix(_DELETED) if executable else executable
    return Process(
        pid=process.pid, parent=parent, name=name, command=tuple(command), executable=path, user=user,
        deleted=bool(executable and executable.endswith(_DELETED)), cpu_percent=load,
        kernel=kernel,
    )  # fmt: skip


def _allowed(psutil: Any, look: Any, unseen: Counter[str], what: str) -> Any:
    try:
        return look()
    except psutil.NoSuchProcess:
        raise
    except (psutil.AccessDenied, KeyError, OSError):  # KeyError: a user id without a name
        unseen[what] += 1
        return None


def _executable(psutil: Any, process: psutil.Process, unseen: Counter[str]) -> str | None:
    """The file a process was started from, with Linux's mark on deleted ones, which psutil takes off."""
    try:
        return os.readlink(f"/proc/{process.pid}/exe")
    except PermissionError:
        unseen["programs"] += 1
        return None
    except OSError:
        path = _allowed(psutil, process.exe, unseen, "programs")
        return str(path) if path is not None else None


def _sockets(psutil: Any, unseen: Counter[str]) -> Iterator[Socket]:
    try:
        connections = psutil.net_connections(kind="inet")
    except psutil.AccessDenied:  # macOS tells nobody but root
        unseen["connections"] += 1
        return
    for entry in connections:
        listening = entry.status == psutil.CONN_LISTEN or (entry.type == 2 and not entry.raddr)
        if not entry.laddr or not (listening or entry.raddr):
            continue
        if entry.pid is None:
            unseen["owners of connections"] += 1
        yield Socket(
            listening=listening, transport="tcp" if entry.type == 1 else "udp", local_ip=entry.laddr.ip,
            local_port=entry.laddr.port, pid=entry.pid, remote_ip=entry.raddr.ip if entry.raddr else None,
            remote_port=entry.raddr.port if entry.raddr else None, established=entry.status == psutil.CONN_ESTABLISHED,
        )  # fmt: skip


def _gpus() -> tuple[float, ...]:
    """Load of NVIDIA GPUs in percent; empty without their tool."""
    command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_GPU_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    values = [line.strip() for line in done.stdout.splitlines()]
    return tuple(float(value) for value in values if value.isdigit())
