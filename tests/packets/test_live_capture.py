"""Capturing on loopback, and what is said when it cannot be done."""

from __future__ import annotations

import os
import socket
import threading
import time

import pytest

from kanaria.core.errors import SourceError
from kanaria.core.stream import ReadContext
from kanaria.core.types import Batch
from kanaria.formats.packets.capture import PcapFormat
from kanaria.sources.live import open_interface
from tests.programs import program
from tests.running import PATIENCE


def _needs_capture() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    program("tcpdump", "tcpdump")


@pytest.mark.privileged
def test_packets_on_loopback_arrive_while_the_capture_runs() -> None:
    _needs_capture()
    stream = open_interface("lo", filter_expression="udp port 39999")
    batches: list[Batch] = []
    seen = threading.Event()

    def follow() -> None:
        for batch in PcapFormat().read(stream, ReadContext()):
            batches.append(batch)
            if "connection" in batch.tables:
                seen.set()

    stream.head()
    reader = threading.Thread(target=follow)
    reader.start()
    try:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        ):
            server.bind(("127.0.0.1", 39999))
            for _ in range(600):
                sender.sendto(b"hello", ("127.0.0.1", 39999))
                server.sendto(b"welcome", server.recvfrom(100)[1])
                if seen.wait(0.1):
                    break
    finally:
        stream.close()
        reader.join(PATIENCE)
    assert seen.is_set()
    assert not reader.is_alive()
    rows = [row for batch in batches if "connection" in batch.tables for row in batch.tables["connection"].to_pylist()]
    assert rows[0]["open"]
    assert len({row["event_id"] for row in rows}) == 1
    assert (rows[0]["dst_port"], rows[0]["transport"]) == (39999, "udp")
    assert rows[0]["time"].timestamp() <= time.time()


@pytest.mark.privileged
def test_an_interface_that_is_not_there() -> None:
    _needs_capture()
    with pytest.raises(SourceError, match="nosuch0"):
        open_interface("nosuch0").head()


@pytest.mark.parametrize("name", ["", "-w", "a b", "x" * 65])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(SourceError, match="network interface"):
        open_interface(name)
