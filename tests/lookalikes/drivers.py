"""People and programs that use a real server at a chance rhythm: a way of using it comes in, traffic on the wire goes out.

Run in a process of its own: ``python drivers.py WAY ADDRESS PORT [--tls]``; it goes on until it is killed. Needs nothing
but the standard library. Lines for the standard input of real clients come from ``keys``, ``readings`` and ``records``.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import os
import random
import select
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable

RNG = random.Random(7)
COMMANDS = ("ls -l /etc", "uptime", "cat /etc/hostname", "df", "echo done", "ls /usr", "date", "id")


def pause(mean: float) -> None:
    time.sleep(RNG.expovariate(1 / mean))


def connection(address: str, port: int, *, tls: bool) -> socket.socket:
    """A connection, tried until the server listens."""
    for _ in range(50):
        with contextlib.suppress(OSError):
            plain = socket.create_connection((address, port), timeout=5)
            plain.settimeout(None)
            if not tls:
                return plain
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            return context.wrap_socket(plain)
        time.sleep(0.1)
    raise SystemExit(f"nobody listens on {address} port {port}")


def keys() -> None:
    """A person at a shell: keys at the pace of typing, a pause to read after each command."""
    while True:
        for key in RNG.choice(COMMANDS):
            os.write(1, key.encode())
            pause(0.12)
        os.write(1, b"\n")
        pause(0.8)


def readings() -> None:
    """Sensor readings of nearly one size at chance times, a line each."""
    while True:
        line = f'{{"sensor":"boiler-{RNG.randint(1, 9)}","celsius":{RNG.uniform(20, 80):.2f},"at":{time.time():.3f}}}\n'
        os.write(1, line.encode())
        pause(0.6)


def records() -> None:
    """Writes to a database at chance times, as its command line takes them."""
    while True:
        os.write(1, f"SET order:{RNG.randint(100, 999)} {RNG.randbytes(60).hex()}\n".encode())
        pause(0.5)


def chat(address: str, port: int, *, tls: bool) -> None:
    """Somebody in a chat room: lines of all lengths, and an answer to every PING."""
    line = connection(address, port, tls=tls)
    name = f"u{os.getpid()}"
    line.sendall(f"NICK {name}\r\nUSER {name} 0 * :{name}\r\nJOIN #lab\r\n".encode())

    def listen() -> None:
        while data := line.recv(4096):
            for said in data.split(b"\r\n"):
                if said.startswith(b"PING"):
                    line.sendall(b"PONG" + said[4:] + b"\r\n")

    threading.Thread(target=listen, daemon=True).start()
    while True:
        pause(0.9)
        line.sendall(f"PRIVMSG #lab :{'word ' * RNG.randint(1, 30)}\r\n".encode())


def dashboard(address: str, port: int, *, tls: bool) -> None:
    """A page that is told of changes over a WebSocket, and pings."""
    line = connection(address, port, tls=tls)
    key = base64.b64encode(RNG.randbytes(16))
    line.sendall(
        b"GET / HTTP/1.1\r\nHost: dashboard.example.net\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: " + key + b"\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )

    def listen() -> None:
        while line.recv(65536):
            pass

    threading.Thread(target=listen, daemon=True).start()
    while True:
        time.sleep(2)
        mask = RNG.randbytes(4)
        line.sendall(
            struct.pack("!BB", 0x89, 0x84) + mask + bytes(byte ^ at for byte, at in zip(b"ping", mask, strict=True))
        )


def scrape(address: str, port: int, *, tls: bool) -> None:
    """A collector that asks an agent for its metrics every second, over one connection."""
    asking = http.client.HTTPConnection(address, port)
    asking.sock = connection(address, port, tls=tls)
    while True:
        asking.request("GET", "/metrics", headers={"User-Agent": "collector/1"})
        asking.getresponse().read()
        time.sleep(1)


def feed() -> None:
    """What the dashboard's server sends: a change at chance times, in nearly one length, a line each."""
    while select.select([], [1], [], 60)[1]:
        sys.stdout.write(
            f'{{"load":{RNG.uniform(1, 9):.3f},"queue":{RNG.randint(10, 99)},"jobs":"{RNG.randbytes(90).hex()}"}}\n'
        )
        sys.stdout.flush()
        pause(1.2)


WRITERS: dict[str, Callable[[], None]] = {"keys": keys, "readings": readings, "records": records, "feed": feed}
TALKERS: dict[str, Callable[..., None]] = {"chat": chat, "dashboard": dashboard, "scrape": scrape}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=[*WRITERS, *TALKERS])
    parser.add_argument("address", nargs="?", default="")
    parser.add_argument("port", nargs="?", type=int, default=0)
    parser.add_argument("--tls", action="store_true")
    wanted = parser.parse_args()
    with contextlib.suppress(BrokenPipeError, ConnectionError, KeyboardInterrupt):
        if wanted.way in WRITERS:
            WRITERS[wanted.way]()
        else:
            TALKERS[wanted.way](wanted.address, wanted.port, tls=wanted.tls)


if __name__ == "__main__":
    main()
