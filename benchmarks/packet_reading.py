"""How fast captures become rows, and how much memory a million open flows take.

Makes captures of documentation addresses in a temporary folder, reads them on one core, and prints packets and
megabytes a second of processor time and the peak memory. ``python benchmarks/packet_reading.py [--flows 1000000]``
"""

from __future__ import annotations

import argparse
import resource
import struct
import tempfile
import time
from pathlib import Path

from benchmarks import size
from kanaria.core.stream import ReadContext
from kanaria.formats.packets import capture
from kanaria.sources import open_inputs

CLIENT_BYTES, SERVER_BYTES = 186, 1200


def write_conversations(path: Path, *, flows: int, rounds: int, at_once: int) -> None:
    """A capture of TCP connections of ``rounds`` requests and answers each, ``at_once`` of them interleaved."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        clock = 0
        for first in range(0, flows, at_once):
            ends = range(first, min(first + at_once, flows))
            for step in range(2 * rounds + 1):
                for flow in ends:
                    clock += 2
                    file.write(_record(clock, _frame(flow, step)))


def _frame(flow: int, step: int) -> bytes:
    """SYN first, then requests and answers in turn."""
    turn = (step - 1) // 2
    from_client = step == 0 or step % 2 == 1
    size = 0 if step == 0 else CLIENT_BYTES if from_client else SERVER_BYTES
    seq = (turn * (CLIENT_BYTES if from_client else SERVER_BYTES) + 1) if step else 0
    client = (b"\xc6\x12" + struct.pack(">H", flow >> 14 & 0xFFFF), 2000 + (flow & 0x3FFF))
    server = (b"\xcb\x00\x71\x05", 443)
    (src, sport), (dst, dport) = (client, server) if from_client else (server, client)
    tcp = struct.pack(">HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, 0, 5 << 4, 2 if step == 0 else 24, 9000, 0, 0)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 40 + size, 0, 0, 64, 6, 0) + src + dst
    return bytes(12) + b"\x08\0" + ip + tcp + b"\xaa" * size


def _record(clock: int, frame: bytes) -> bytes:
    second, part = divmod(clock, 1_000_000)
    return struct.pack("<IIII", 1_700_000_000 + second, part, len(frame), len(frame)) + frame


def measure(path: Path) -> tuple[int, int, float]:
    """(packets, connection rows, processor seconds) of reading the capture."""
    packets = rows = 0
    start = time.process_time()
    for stream in open_inputs([str(path)]):
        for batch in capture.PcapFormat().read(stream, ReadContext()):
            packets += batch.rows
            rows += batch.tables["connection"].num_rows if "connection" in batch.tables else 0
    return packets, rows, time.process_time() - start


def show(name: str, path: Path) -> None:
    packets, rows, seconds = measure(path)
    length = path.stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:24} {packets:>9,} packets {rows:>9,} flows {length / 1e6:7.0f} MB  "
        f"{packets / seconds / 1e6:5.2f} M packets/s {length / seconds / 1e6:6.0f} MB/s  peak {peak:5.0f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flows", type=int, default=size(1_000_000, 1_000), help="flows open at once in the last run")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "capture.pcap"
        capture.PLAIN_BYTES = -1  # every run on the compiled path; the first only loads the code
        write_conversations(path, flows=10, rounds=2, at_once=10)
        measure(path)
        write_conversations(path, flows=size(2_000, 200), rounds=size(200, 10), at_once=200)
        show("long conversations", path)
        write_conversations(path, flows=size(40_000, 2_000), rounds=10, at_once=2_000)
        show("short conversations", path)
        write_conversations(path, flows=arguments.flows, rounds=1, at_once=arguments.flows)
        show("all flows open at once", path)


if __name__ == "__main__":
    main()
