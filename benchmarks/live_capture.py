"""Whether live capture keeps up: packets sent, read and lost, and the processor time it takes.

Two network namespaces joined by a cable: one sends TCP conversations at a fixed rate, in the other the reader runs as
``kanaria analyze --interface`` runs it. Needs root, ``ip`` and ``tcpdump``.
``python -m benchmarks.live_capture [--rate 50000] [--seconds 20]``
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import socket
import struct
import subprocess
import sys
import threading
import time

from benchmarks import size
from kanaria.core.stream import ReadContext
from kanaria.formats.packets.capture import PcapFormat
from kanaria.formats.packets.warm_up import warm_up
from kanaria.lab import netns
from kanaria.sources.live import open_interface

SKIPPED = 2
FLOWS = 2000  # at once
ROUNDS = 20  # a flow is two times as many packets long, then another takes its place
CLIENT_BYTES, SERVER_BYTES = 150, 750  # with 54 bytes of headers, 504 bytes a packet on average
BURST = 0.002  # seconds between bursts of the sender
_PORTS, _SEQ = 14 + 20, 14 + 20 + 4


def frames() -> list[tuple[bytearray, bytearray]]:
    """Per flow a packet of the client and one of the server; their sequence numbers go up with every sending."""
    return [
        (
            _frame((192, 0, 2, 10), 2000 + flow, (198, 18, flow >> 8, flow & 255), 443, CLIENT_BYTES),
            _frame((198, 18, flow >> 8, flow & 255), 443, (192, 0, 2, 10), 2000 + flow, SERVER_BYTES),
        )
        for flow in range(FLOWS)
    ]


def _frame(
    source: tuple[int, ...], source_port: int, target: tuple[int, ...], target_port: int, size: int
) -> bytearray:
    tcp = struct.pack(">HHIIBBHHH", source_port, target_port, 1, 1, 0x50, 0x18, 9000, 0, 0)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 40 + size, 0, 0, 64, 6, 0) + bytes(source) + bytes(target)
    # A broadcast address: the other namespace takes the frame in without knowing our hardware address.
    return bytearray(b"\xff" * 6 + b"\x02\0\0\0\0\1" + b"\x08\0" + ip + tcp + b"\xaa" * size)


def send(interface: str, rate: int, seconds: float) -> int:
    """Send at ``rate`` packets a second; how many were sent."""
    pairs = frames()
    turns = [(frame, len(frame) - 54) for pair in pairs for frame in pair]
    sent, place, begin = 0, 0, time.monotonic()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
        out.bind((interface, 0))
        while (passed := time.monotonic() - begin) < seconds:
            for _ in range(int(passed * rate) - sent):
                frame, size = turns[place]
                out.send(frame)
                (seq,) = struct.unpack_from(">I", frame, _SEQ)
                struct.pack_into(">I", frame, _SEQ, (seq + size) & 0xFFFFFFFF)
                place = (place + 1) % len(turns)
                sent += 1
                if sent % (ROUNDS * len(turns)) == 0:
                    _renew(pairs, sent // (ROUNDS * len(turns)))
            time.sleep(BURST)
    return sent


def _renew(pairs: list[tuple[bytearray, bytearray]], generation: int) -> None:
    """Other client ports: all flows are new ones."""
    for flow, (asked, answered) in enumerate(pairs):
        port = 2000 + (flow + generation * FLOWS) % 60_000
        struct.pack_into(">H", asked, _PORTS, port)
        struct.pack_into(">H", answered, _PORTS + 2, port)


def read(interface: str, seconds: float) -> dict[str, float]:
    """Capture for that time, reading as an analysis does; packets read and lost, flows, processor seconds."""
    warm_up()
    begin = time.process_time()
    stream = open_interface(interface, filter_expression="tcp port 443")
    stream.head()
    print("ready", flush=True)
    threading.Timer(seconds, stream.stop).start()
    packets = flows = 0
    for batch in PcapFormat().read(stream, ReadContext(open_flows=False)):
        packets += batch.rows
        flows += len(batch.tables.get("connection", ()))
    stream.ended()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "read": packets, "flows": flows, "dropped": stream.dropped or 0,
        "reader": time.process_time() - begin, "tool": children.ru_utime + children.ru_stime,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip


def measure(rate: int, seconds: float, *, whole: bool) -> tuple[int, dict[str, float]]:
    """Both sides in namespaces of their own: packets sent, and what the reader says; or the ``whole`` command."""
    again, listens = [sys.executable, "-m", "benchmarks.live_capture"], str(seconds + 3)
    with netns.pair(f"knbench{os.getpid()}") as pair:
        reading = [*again, "--read", pair.interface, "--seconds", listens]
        if whole:
            reading = [sys.executable, "-m", "kanaria", "analyze", "--interface", pair.interface, "--seconds", listens]
            reading += ["--capture-filter", "tcp port 443", "--format", "json"]
        reader = subprocess.Popen(
            ["ip", "netns", "exec", pair.server, *reading], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert reader.stdout is not None
        assert reader.stderr is not None
        (reader.stderr if whole else reader.stdout).readline()
        sending = [*again, "--send", pair.interface, "--rate", str(rate), "--seconds", str(seconds)]
        sender = ["ip", "netns", "exec", pair.client, *sending]
        sent = int(subprocess.run(sender, check=True, capture_output=True, text=True).stdout)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        said, _ = reader.communicate(timeout=seconds + 300)
    if not whole:
        return sent, json.loads(said)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    (read,) = json.loads(said)["inputs"]
    return sent, {"read": read["rows"], "reader": spent, "memory": after.ru_maxrss / 1024}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=size(50_000, 1_000), help="packets a second")
    parser.add_argument("--seconds", type=float, default=size(20.0, 1.0))
    parser.add_argument("--send", metavar="INTERFACE", help=argparse.SUPPRESS)
    parser.add_argument("--read", metavar="INTERFACE", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.send:
        print(send(wanted.send, wanted.rate, wanted.seconds))
        return 0
    if wanted.read:
        print(json.dumps(read(wanted.read, wanted.seconds)))
        return 0
    if reason := netns.available():
        print(reason, file=sys.stderr)
        return SKIPPED
    print("| what | sent a second | sent | read | lost | Kanaria, processor s | tcpdump, processor s | peak MB |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for rate, whole in ((wanted.rate // 5, False), (wanted.rate, False), (2 * wanted.rate, False), (wanted.rate, True)):
        sent, got = measure(rate, wanted.seconds, whole=whole)
        name, tool = ("whole command", "") if whole else ("reader", f"{got['tool']:.1f}")
        print(
            f"| {name} | {sent / wanted.seconds:,.0f} | {sent:,} | {got['read']:,.0f} | {sent - got['read']:,.0f} "
            f"| {got['reader']:.1f} | {tool} | {got['memory']:.0f} |",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
