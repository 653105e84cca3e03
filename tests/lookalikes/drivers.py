"""People and programs that use a real server at a chance rhythm: a way of using it comes in, traffic on the wire goes out.

Run in a process of its own: ``python drivers.py WAY ADDRESS PORT [--tls]``; it goes on until it is killed. Needs nothing
but the standard library, uvicorn for ``events``, and confluent-kafka for ``consumer`` and ``producer``. Lines for the standard input of real clients come from ``keys``, ``readings`` and ``records``.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import os
import random
import re
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


def mailbox(address: str, port: int, *, tls: bool) -> None:
    """A mail program that waits for mail (IDLE), fetches the heads of what comes, and begins to wait anew every 5 s."""
    line = connection(address, port, tls=tls)

    def ask(tag: str, command: str) -> None:
        line.sendall(f"{tag} {command}\r\n".encode())
        answer(line, f"{tag} ".encode())

    answer(line, b"* OK")
    ask("a", "LOGIN lab lab")
    ask("b", "SELECT INBOX")
    while True:
        line.sendall(b"c IDLE\r\n")
        answer(line, b"+ idling")
        came = re.findall(rb"\* (\d+) EXISTS", line.recv(4096)) if select.select([line], [], [], 5)[0] else []
        line.sendall(b"DONE\r\n")
        answer(line, b"c OK")
        ask("d", f"FETCH {came[-1].decode()} (FLAGS ENVELOPE)" if came else "NOOP")


def post(address: str, port: int, *, tls: bool) -> None:
    """Mail that comes in at chance times."""
    line = connection(address, port, tls=tls)
    answer(line, b"* OK")
    line.sendall(b"a LOGIN lab lab\r\n")
    answer(line, b"a OK")
    while True:
        mail = f"From: a@example.net\r\nSubject: {'word ' * RNG.randint(1, 9)}\r\n\r\n{RNG.randbytes(99).hex()}\r\n"
        line.sendall(f"b APPEND INBOX {{{len(mail)}+}}\r\n{mail}\r\n".encode())
        answer(line, b"b OK")
        pause(1.5)


def messenger(address: str, port: int, *, tls: bool, says: bool = True) -> None:
    """Somebody in an XMPP room whose program has the server acknowledge, acknowledges itself, and pings."""
    line = connection(address, port, tls=tls)
    start = "<stream:stream to='lab.example.net' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
    room = "lab@rooms.lab.example.net"
    for said, heard in (
        (start, b"</stream:features>"),
        ("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>", b"<success"),
        (start, b"</stream:features>"),
        ("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>", b"</iq>"),
        ("<enable xmlns='urn:xmpp:sm:3'/>", b"<enabled"),
    ):
        line.sendall(said.encode())
        answer(line, heard)
    line.sendall(
        f"<presence to='{room}/u{os.getpid()}'><x xmlns='http://jabber.org/protocol/muc'/></presence>".encode()
    )
    threading.Thread(target=_acknowledge, args=(line,), daemon=True).start()
    while True:
        pause(1.5)
        body = "word " * RNG.randint(1, 12)
        line.sendall(
            f"<message to='{room}' type='groupchat'><body>{body}</body></message><r xmlns='urn:xmpp:sm:3'/>".encode()
            if says
            else b"<iq type='get' to='lab.example.net' id='p'><ping xmlns='urn:xmpp:ping'/></iq>"
        )


def _acknowledge(line: socket.socket) -> None:
    heard = 0
    while data := line.recv(65536):
        heard += len(re.findall(rb"<(?:message|presence|iq)\b", data))
        if b"<r " in data:
            line.sendall(f"<a xmlns='urn:xmpp:sm:3' h='{heard}'/>".encode())


def listener(address: str, port: int, *, tls: bool) -> None:
    """A telephone in the same room: hears, acknowledges, pings."""
    messenger(address, port, tls=tls, says=False)


def worker(address: str, port: int, *, tls: bool) -> None:
    """A service on NATS: takes tasks it is pushed, says so at once, and publishes a result for some of them later."""
    line = connection(address, port, tls=tls)
    line.sendall(b'CONNECT {"verbose":true,"name":"worker"}\r\nSUB tasks.> 1\r\n')
    due = time.monotonic() + 1
    while True:
        if select.select([line], [], [], max(0.0, due - time.monotonic()))[0]:
            data = line.recv(65536)
            if b"PING\r\n" in data:
                line.sendall(b"PONG\r\n")
            for reply in re.findall(rb"MSG \S+ \S+ (\S+) \d+\r\n", data):
                line.sendall(b"PUB " + reply + b" 4\r\n+ACK\r\n")
        else:
            result = f'{{"task":"{RNG.randbytes(8).hex()}","result":"{RNG.randbytes(16).hex()}"}}'
            line.sendall(f"PUB results {len(result)}\r\n{result}\r\n".encode())
            due = time.monotonic() + RNG.expovariate(1)


def tasks(address: str, port: int, *, tls: bool) -> None:
    """What publishes the tasks for ``worker``."""
    line = connection(address, port, tls=tls)
    line.sendall(b'CONNECT {"verbose":false}\r\nSUB ack 1\r\n')
    while True:
        while select.select([line], [], [], RNG.expovariate(0.7))[0]:
            if b"PING" in line.recv(65536):
                line.sendall(b"PONG\r\n")
        task = f'{{"task":"{RNG.randbytes(8).hex()}","input":"{RNG.randbytes(70).hex()}"}}'
        line.sendall(f"PUB tasks.lab ack {len(task)}\r\n{task}\r\n".encode())


def labourer(address: str, port: int, *, tls: bool) -> None:
    """A worker at a queue (beanstalkd): waits for a job, does it in its own time, deletes it, waits again."""
    line = connection(address, port, tls=tls)
    while True:
        line.sendall(b"reserve\r\n")
        number = answer(line, b"RESERVED ").split()[1].decode()
        pause(0.4)
        if RNG.random() < 0.3:
            line.sendall(f"touch {number}\r\n".encode())
            answer(line, b"TOUCHED")
        line.sendall(f"delete {number}\r\n".encode())
        answer(line, b"DELETED")


def queue(address: str, port: int, *, tls: bool) -> None:
    """What puts jobs there."""
    line = connection(address, port, tls=tls)
    while True:
        job = RNG.randbytes(RNG.randint(60, 64)).hex()
        line.sendall(f"put 0 0 60 {len(job)}\r\n{job}\r\n".encode())
        answer(line, b"INSERTED")
        pause(1)


def events(address: str, port: int, *, tls: bool) -> None:
    """A server that tells of changes in one long answer (server-sent events), and says that it is there in between."""
    import asyncio
    from collections.abc import AsyncIterator

    import uvicorn
    from sse_starlette import EventSourceResponse
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.routing import Route

    async def changes() -> AsyncIterator[dict[str, str]]:
        while True:
            yield {"event": "job", "data": f'{{"load":{RNG.uniform(1, 9):.3f},"job":"{RNG.randbytes(90).hex()}"}}'}
            await asyncio.sleep(RNG.expovariate(1 / 1.2))

    async def subscribed(_request: Request) -> EventSourceResponse:
        return EventSourceResponse(changes(), ping=2)

    assert not tls
    uvicorn.run(Starlette(routes=[Route("/", subscribed)]), host=address, port=port, log_level="error")


def _kafka(address: str, port: int, *, tls: bool) -> dict[str, object]:
    secured = {"security.protocol": "SSL", "enable.ssl.certificate.verification": False} if tls else {}
    return {"bootstrap.servers": f"{address}:{port}", "log_level": 0, **secured}


def producer(address: str, port: int, *, tls: bool) -> None:
    """Jobs of nearly one size and news of any at chance times, each acknowledged by the broker."""
    from confluent_kafka import Producer

    line = Producer({**_kafka(address, port, tls=tls), "linger.ms": 0, "acks": "all"})
    while True:
        size = 150 if RNG.random() < 0.7 else RNG.randint(10, 900)
        line.produce("jobs", RNG.randbytes(size).hex().encode(), partition=0)
        line.poll(0)
        pause(0.7)


def consumer(address: str, port: int, *, tls: bool) -> None:
    """Asks for records and is kept waiting for them, so many milliseconds as ``WAITS`` says (500, as the library has)."""
    from confluent_kafka import Consumer, TopicPartition

    waits = {"fetch.wait.max.ms": int(os.environ.get("WAITS", "500")), "fetch.queue.backoff.ms": 50}
    line = Consumer({**_kafka(address, port, tls=tls), **waits, "group.id": "lab", "auto.offset.reset": "earliest"})
    line.assign([TopicPartition("jobs", 0, 0)])
    while True:
        line.poll(1.0)


def bodies(address: str, port: int, *, tls: bool) -> None:
    """Messages for three queues at chance times, most of one size, by the broker's own program."""
    import subprocess

    while True:
        for queue in ("one", "many", "tls"):
            size = 150 if RNG.random() < 0.7 else RNG.randint(10, 900)
            url = f"amqp://guest:guest@{address}:{port}"
            subprocess.run(["amqp-publish", "-u", url, "-r", queue, "-b", RNG.randbytes(size).hex()], check=False)
        pause(0.4)


def answer(line: socket.socket, wanted: bytes) -> bytes:
    """What is said up to and with the wanted words."""
    heard = b""
    while wanted not in heard:
        if not (data := line.recv(65536)):
            raise SystemExit(f"the connection ended after {heard!r}, before {wanted!r}")
        heard += data
    return heard


def feed() -> None:
    """What the dashboard's server sends: a change at chance times, in nearly one length, a line each."""
    while select.select([], [1], [], 60)[1]:
        sys.stdout.write(
            f'{{"load":{RNG.uniform(1, 9):.3f},"queue":{RNG.randint(10, 99)},"jobs":"{RNG.randbytes(90).hex()}"}}\n'
        )
        sys.stdout.flush()
        pause(1.2)


WRITERS: dict[str, Callable[[], None]] = {"keys": keys, "readings": readings, "records": records, "feed": feed}
TALKERS: dict[str, Callable[..., None]] = {
    "chat": chat, "dashboard": dashboard, "scrape": scrape, "mailbox": mailbox, "post": post, "messenger": messenger,
    "listener": listener, "worker": worker, "tasks": tasks, "labourer": labourer, "queue": queue,
    "events": events, "producer": producer, "consumer": consumer, "bodies": bodies,
}  # fmt: skip


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
