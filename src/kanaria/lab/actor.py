"""A machine of the laboratory: orders come in on standard input, a JSON object a line, and what they ask for is done.

Each order has an ``id`` and names what to ``do``; its answer, on standard output, has the id and an ``error``, empty
when it was done. Services answer when they listen and stay. Run it inside a network namespace:
``python -m kanaria.lab.actor``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from kanaria.lab import desktop, live
from kanaria.lab.mining import Plan

Order = dict[str, Any]
PAGE = 900
"""Bytes of a page: what the scripted sites send on average."""
WAIT = 10.0
"""Seconds for anything another machine must answer."""


async def serve_web(order: Order, services: contextlib.AsyncExitStack) -> None:
    """Pages over TLS."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % PAGE + bytes(PAGE))
            await writer.drain()
        writer.close()

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(order["certificate"], order["key"])
    server = await asyncio.start_server(accept, order["address"], 443, ssl=tls)
    await services.enter_async_context(server)


async def serve_desktop(order: Order, services: contextlib.AsyncExitStack) -> None:
    tls = desktop.server_tls(order["certificate"], order["key"])
    await services.enter_async_context(desktop.serve(order["address"], 3389, tls))


async def serve_pool(order: Order, services: contextlib.AsyncExitStack) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(order["certificate"], order["key"])
    await services.enter_async_context(
        live.pool(Plan(**order["plan"]), order["address"], order["port"], order["speed"], tls)
    )


async def ask(order: Order, _services: contextlib.AsyncExitStack) -> None:
    """A question to a name server, and its answer."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[bytes] = loop.create_future()

    class Asking(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, address: tuple[str | Any, int]) -> None:
            if not answered.done():
                answered.set_result(data)

    transport, _ = await loop.create_datagram_endpoint(
        Asking, local_addr=(order["source"], 0), remote_addr=(order["address"], 53)
    )
    try:
        transport.sendto(bytes.fromhex(order["question"]))
        await answered
    finally:
        transport.close()


async def visit(order: Order, _services: contextlib.AsyncExitStack) -> None:
    """A page over TLS."""
    reader, writer = await asyncio.open_connection(
        order["address"], 443, ssl=live.client_tls(), server_hostname=order["name"], local_addr=(order["source"], 0)
    )
    writer.write(f"GET / HTTP/1.1\r\nHost: {order['name']}\r\n\r\n".encode())
    await reader.readexactly(PAGE)
    writer.close()
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()


async def log_on(order: Order, _services: contextlib.AsyncExitStack) -> None:
    await desktop.visit(
        order["address"], 3389, source=order["source"], cookie=order["cookie"], granted=order["granted"],
        seconds=order["seconds"],
    )  # fmt: skip


async def mine(order: Order, _services: contextlib.AsyncExitStack) -> None:
    await live.run_miner(Plan(**order["plan"]), order["address"], order["port"], order["speed"], live.client_tls())


CAN: dict[str, Callable[[Order, contextlib.AsyncExitStack], Awaitable[None]]] = {
    "serve_web": serve_web, "serve_desktop": serve_desktop, "serve_pool": serve_pool, "ask": ask, "visit": visit,
    "log_on": log_on, "mine": mine,
}  # fmt: skip
_LASTING = frozenset({"log_on", "mine"})


async def _follow(order: Order, services: contextlib.AsyncExitStack) -> None:
    error = ""
    try:
        done = CAN[order["do"]](order, services)
        await (done if order["do"] in _LASTING else asyncio.wait_for(done, WAIT))
    except (OSError, TimeoutError, asyncio.IncompleteReadError) as problem:
        error = f"{type(problem).__name__}: {problem}"
    print(json.dumps({"id": order["id"], "error": error}), flush=True)


async def _main() -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with contextlib.AsyncExitStack() as services, asyncio.TaskGroup() as tasks:
        while line := await reader.readline():
            tasks.create_task(_follow(json.loads(line), services))


if __name__ == "__main__":
    asyncio.run(_main())
