"""One file of every format in a folder, named after the format: golden samples, examples, and binary ones made here."""

from __future__ import annotations

import json
import random
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from kanaria.core.stream import Format
from kanaria.formats import registry
from kanaria.formats.netflow_datagrams import MAGIC, frame
from tests.install.environments import ROOT
from tests.logon_formats.build_evtx import evtx
from tests.programs import program
from tests.reading_formats import BytesStream
from tests.running import running, unread, until
from tests.sensor_formats.test_netflow_wire import version5
from tests.sensor_formats.test_wrapped import CONN

LAYOUT = '%h %{X}i %t %>s %b "%r" %v'
"""What the golden sample of ``logformat`` is written in; without being told, such lines are a learned layout."""
EXAMPLES = ROOT / "src" / "kanaria" / "app" / "examples"
MAIL = (
    "From: logwatch@example.org\nTo: root@example.org\nSubject: web log\nContent-Type: text/plain; charset=utf-8\n\n"
    '203.0.113.7 - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 512 "-" "curl/8.5.0"\n'
)


def _nfcapd(folder: Path) -> bytes:
    """A file that nfdump's own collector wrote."""
    (made := folder / "collected").mkdir()
    port = random.randrange(20_000, 30_000)
    command = [program("nfcapd", "nfdump"), "-w", str(made), "-p", str(port), "-b", "127.0.0.1"]
    collector = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with running(collector, signal.SIGTERM):
        until(lambda: unread(port) == 0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(version5(), ("127.0.0.1", port))
        until(lambda: unread(port) == 0)
    data = next(made.glob("nfcapd.*")).read_bytes()
    shutil.rmtree(made)
    return data


MADE: Mapping[str, Callable[[Path], bytes]] = {
    "mail": lambda _: MAIL.encode(),
    "wrapped": lambda _: (
        json.dumps({"@timestamp": "2026-01-10T09:00:00.000Z", "message": json.dumps(CONN)}).encode() + b"\n"
    ),
    "nfcapd": _nfcapd,
    "netflow": lambda _: MAGIC + frame(1_768_003_260_000_000, "192.0.2.1", version5()),
    "evtx": lambda _: evtx(),
    "pcap": lambda _: (EXAMPLES / "dns-server.pcap").read_bytes(),
}


def _golden() -> dict[str, Path]:
    """The first golden sample that is taken for each format; what parsers make of samples is no sample."""
    found: dict[str, Path] = {}
    for path in sorted((ROOT / "tests").glob("*/golden/*")):
        if path.name.endswith(".expected.json") or path.parent.parent.name == "packets":
            continue
        if path.suffix == ".json" and path.with_suffix(".log").exists():
            continue
        known = registry.detect(BytesStream(path.read_bytes(), path.name))
        if known is not None and path.stem != "logformat":
            found.setdefault(known.name, path)
    return found


def _data(known: Format, golden: Mapping[str, Path], folder: Path) -> bytes:
    if known.name in MADE:
        return MADE[known.name](folder)
    if known.name in golden:
        return golden[known.name].read_bytes()
    return known.example.encode("utf-8") + b"\n"


def one_of_each(folder: Path) -> dict[str, Path]:
    """The files by format. Raises AssertionError for a format that nothing here is taken for: it needs a sample."""
    golden, made = _golden(), {}
    for known in registry.all_formats():
        if known.name == "logformat":
            continue
        data = _data(known, golden, folder)
        taken = registry.detect(BytesStream(data, known.name))
        assert taken and taken.name == known.name, f"no sample of {known.name}: add a golden file or a line to MADE"
        made[known.name] = folder / known.name
        made[known.name].write_bytes(data)
    return made
