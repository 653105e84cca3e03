"""Remote Desktop as far as a sensor can follow it: what both sides say in the clear, and the rest in TLS.

In: a cookie and whether the password is right. Out: the connection's messages, or the connection itself. Inside TLS
only lengths are those of the protocol ([MS-RDPBCGR] 2.2.1, [MS-CSSP] 3.1.5); nothing logs on anywhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator

Messages = tuple[tuple[bool, int], ...]

SCREEN = 1400
"""Bytes of one piece of screen: what fits into a packet."""
_RIGHT, _WRONG = b"\1", b"\0"


def tpkt(x224: bytes) -> bytes:
    """A TPKT packet (RFC 1006) with an X.224 unit, whose first byte counts the others."""
    return struct.pack("!BBHB", 3, 0, len(x224) + 5, len(x224)) + x224


def request(cookie: str) -> bytes:
    """What the client says first: its cookie, and that it can do TLS and CredSSP."""
    asked = bytes.fromhex("0100080003000000")
    return tpkt(b"\xe0\0\0\0\0\0" + f"Cookie: mstshash={cookie}\r\n".encode() + asked)


ANSWER = tpkt(b"\xd0\0\0\x12\x34\0" + bytes.fromhex("0200080002000000"))
"""What the server says first: CredSSP, please."""


def logon(granted: bool) -> Messages:
    """Who sends how much: negotiation, challenge, proof of the password, and the server's key returned or an error."""
    return ((True, 60), (False, 280), (True, 600), (False, 62 if granted else 15))


def server_tls(certificate: str, key: str) -> ssl.SSLContext:
    """TLS 1.2, as the servers that were taken over in 2021 spoke it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


@contextlib.asynccontextmanager
async def serve(address: str, port: int, tls: ssl.SSLContext) -> AsyncIterator[int]:
    """Answer Remote Desktop while the block runs; gives the port. Whoever brings the right password sees a screen."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            await _receive(reader)
            writer.write(ANSWER)
            await writer.start_tls(tls)
            granted = False
            for from_client, size in logon(granted=True)[:3]:
                if from_client:
                    granted = (await reader.readexactly(size))[:1] == _RIGHT
                else:
                    writer.write(bytes(size))
            writer.write(bytes(logon(granted)[3][1]))
            while granted and await reader.readexactly(50):  # a movement of the mouse
                writer.write(bytes(SCREEN))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(accept, address, port)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def visit(
    address: str, port: int, *, source: str, cookie: str, granted: bool, seconds: float, pieces: int = 28
) -> None:
    """Try to log on; with the right password stay so long. Raises OSError when nobody answers."""
    reader, writer = await asyncio.open_connection(address, port, local_addr=(source, 0))
    writer.write(request(cookie))
    await _receive(reader)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    await writer.start_tls(context)
    for from_client, size in logon(granted)[:3]:
        if from_client:
            writer.write((_RIGHT if granted else _WRONG) + bytes(size - 1))
        else:
            await reader.readexactly(size)
    await reader.readexactly(logon(granted)[3][1])
    for _ in range(pieces if granted else 0):
        writer.write(bytes(50))
        await reader.readexactly(SCREEN)
        await asyncio.sleep(seconds / pieces)
    writer.close()
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()


async def _receive(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(4)
    return head + await reader.readexactly(int.from_bytes(head[2:], "big") - 4)
