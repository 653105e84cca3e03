"""Connections of this machine that the service looks at: what programs opened, each once, and a pool is an incident."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("psutil")

from kanaria.app.config import Config
from kanaria.app.live.host_samples import HostSamples
from kanaria.app.run.engine import Engine
from kanaria.app.run.setup import prepare
from kanaria.core.network import HomeNetworks
from kanaria.host import sampler
from kanaria.host.sampler import HostSample, Process, Socket

AT = datetime(2026, 6, 21, 12, 0, tzinfo=UTC)


def socket(local: int, remote: str | None, port: int | None, *, established: bool = True, pid: int = 7) -> Socket:
    return Socket(
        listening=remote is None, transport="tcp", local_ip="198.51.100.7", local_port=local, remote_ip=remote,
        remote_port=port, pid=pid, established=established,
    )  # fmt: skip


def looked(*sockets: Socket) -> HostSample:
    program = Process(
        pid=7, parent=1, name="worker", command=("worker",), executable="/tmp/worker", deleted=False, user="www-data",
        cpu_percent=0.0, kernel=False,
    )  # fmt: skip
    return HostSample(
        time=AT, interval_us=1_000_000, host_name="web", cores=2, cpu_percent=1.0, gpu_percent=(), processes=(program,),
        sockets=sockets,
    )  # fmt: skip


def test_what_a_program_opened_is_a_row_once_and_a_pool_an_incident(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = prepare(Config(), store=tmp_path)
    pool = next(address for pool in setup.facts.pools for address in pool.addresses)
    ssh, mining, trying = (
        socket(22, None, None),
        socket(40_000, pool, 443),
        socket(40_001, pool, 443, established=False),
    )
    looks = iter([looked(ssh, trying), looked(ssh, mining, socket(22, "203.0.113.9", 50_000)), looked(ssh, mining)])
    monkeypatch.setattr(sampler, "sample", lambda: next(looks))
    samples = HostSamples(30.0, HomeNetworks())
    samples._wake = lambda: None
    for _ in range(3):
        samples._look()
    found = list(samples.take())
    opened = [
        batch.tables["connection"].to_pylist() if "connection" in batch.tables else [] for _stream, batch in found
    ]
    assert [len(rows) for rows in opened] == [0, 1, 0]
    (row,) = opened[1]
    assert (row["src_ip"], row["dst_ip"], row["dst_port"], row["process"]) == ("198.51.100.7", pool, 443, "/tmp/worker")
    assert (row["device"], row["direction"]) == ("198.51.100.7", "outbound")
    with Engine(setup, lateness=timedelta(0)) as engine:
        judged = [engine.step(engine.arrived(stream, [batch])) for stream, batch in found]
    assert [len(one.changed) for one in judged] == [0, 1, 0]
    (incident,) = judged[1].changed
    assert incident.severity == "high"
