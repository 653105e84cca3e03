"""A door before a broker of Kafka's protocol that lets in who proves the password by SASL; what follows is passed on."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

API_VERSIONS, HANDSHAKE, AUTHENTICATE = 18, 17, 36
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
Answer = Callable[[bytes], bytes | None]


@contextmanager
def sasl_before(address: str, port: int, user: str, password: str) -> Iterator[None]:
    """The broker at that address, behind a door at the port."""
    host, inner = address.rsplit(":", 1)
    with socket.create_server(("127.0.0.1", port)) as door:

        def wait() -> None:
            while True:
                try:
                    client, _from = door.accept()
                except OSError:
                    return
                behind = socket.create_connection((host, int(inner)))
                threading.Thread(target=_passed_on, args=(behind, client), daemon=True).start()
                threading.Thread(target=_asked, args=(client, behind, user, password), daemon=True).start()

        threading.Thread(target=wait, daemon=True).start()
        yield
        with suppress(OSError):
            door.shutdown(socket.SHUT_RDWR)


def _passed_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def _asked(client: socket.socket, behind: socket.socket, user: str, password: str) -> None:
    """Until it is let in, a client may ask for versions and prove itself; nothing else."""
    answer: Answer | None = None
    with closing(client), closing(behind), suppress(OSError, ConnectionError):
        while True:
            size = _exactly(client, 4)
            request = _exactly(client, struct.unpack(">i", size)[0])
            key, version, number = struct.unpack(">hhi", request[:8])
            named = struct.unpack(">h", request[8:10])[0]
            body = request[10 + max(0, named) :]
            if key == HANDSHAKE:
                mechanism = body[2:].decode()
                answer = _plain(user, password) if mechanism == "PLAIN" else _scram(mechanism, user, password)
                said = struct.pack(">hi", 0 if mechanism in MECHANISMS else 33, len(MECHANISMS))
                _reply(client, number, said + b"".join(_text(one) for one in MECHANISMS))
            elif key == AUTHENTICATE and answer is not None:
                proved = answer(body[4:])
                wrong = _text("not let in") if proved is None else struct.pack(">h", -1)
                said = struct.pack(">h", 58 if proved is None else 0) + wrong + struct.pack(">i", len(proved or b""))
                _reply(client, number, said + (proved or b"") + (struct.pack(">q", 0) if version else b""))
                if proved == b"" or (proved or b"").startswith(b"v="):
                    _passed_on(client, behind)
                    return
            elif key == API_VERSIONS:
                behind.sendall(size + request)
            else:
                return


def _plain(user: str, password: str) -> Answer:
    return lambda said: b"" if said == f"\0{user}\0{password}".encode() else None


def _scram(mechanism: str, user: str, password: str) -> Answer:
    """RFC 5802, as a server: the first message is answered with salt and count, the second with a proof."""
    kind = "sha256" if mechanism.endswith("256") else "sha512"
    salted = hashlib.pbkdf2_hmac(kind, password.encode(), b"salt", 4096)
    began: list[bytes] = []

    def mac(key: bytes, text: bytes) -> bytes:
        return hmac.digest(key, text, kind)

    def answer(said: bytes) -> bytes | None:
        if not began:
            bare = said.removeprefix(b"n,,")
            name, nonce = (part[2:] for part in bare.split(b",")[:2])
            if name.decode() != user:
                return None
            first = b"r=" + nonce + b"server,s=" + base64.b64encode(b"salt") + b",i=4096"
            began.append(bare + b"," + first)
            return first
        without, _, proof = said.rpartition(b",p=")
        text = began[0] + b"," + without
        key = mac(salted, b"Client Key")
        signed = mac(hashlib.new(kind, key).digest(), text)
        if base64.b64decode(proof) != bytes(a ^ b for a, b in zip(key, signed, strict=True)):
            return None
        return b"v=" + base64.b64encode(mac(mac(salted, b"Server Key"), text))

    return answer


def _exactly(source: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        if not (more := source.recv(count - len(data))):
            raise ConnectionError
        data += more
    return data


def _text(value: str) -> bytes:
    return struct.pack(">h", len(value)) + value.encode()


def _reply(client: socket.socket, number: int, body: bytes) -> None:
    client.sendall(struct.pack(">ii", len(body) + 4, number) + body)
