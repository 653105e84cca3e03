"""A machine made of values, and the facts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from kanaria import knowledge
from kanaria.core.facts import Knowledge
from kanaria.host.sampler import HostSample, Process, Socket

NOW = datetime(2026, 1, 10, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def facts() -> Knowledge:
    return knowledge.load()


def make_process(*command: str, pid: int = 4000, **more: object) -> Process:
    name = str(more.pop("name", command[0].rpartition("/")[2] if command else "x"))
    values: dict[str, object] = {
        "pid": pid, "parent": 1, "name": name, "command": command, "executable": f"/usr/bin/{name}", "user": "www",
        "cpu_percent": 0.0, "kernel": False, "deleted": False,
    }  # fmt: skip
    return Process(**(values | more))  # type: ignore[arg-type]


def make_sample(
    *processes: Process, sockets: tuple[Socket, ...] = (), unseen: dict[str, int] | None = None
) -> HostSample:
    return HostSample(
        time=NOW, interval_us=1_000_000, host_name="srv.example", cores=4, cpu_percent=3.0, gpu_percent=(),
        processes=processes, sockets=sockets, unseen=unseen or {},
    )  # fmt: skip


@pytest.fixture
def process() -> Callable[..., Process]:
    return make_process


@pytest.fixture
def sample() -> Callable[..., HostSample]:
    return make_sample
