"""The process that owns a store answers others over a local socket: JSON-RPC 2.0, one message a line.

In: functions by name, of JSON values. The socket lies in the store's folder and is its owner's alone (0600); where its
path would be too long, or the disk knows no sockets, in a private folder of the system's. A file beside it says where
it is, of which process, and which version of these calls that speaks.
"""

from __future__ import annotations

import errno
import json
import os
import pwd
import shutil
import socket
import socketserver
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from kanaria.core.errors import KanariaError, SourceError, StoreBusy
from kanaria.store.alone import owned
from kanaria.store.database import plain

Json = Any
Functions = Mapping[str, Callable[..., Json]]
PROTOCOL = 1
"""Of the functions together; an owner of another one is not asked."""
FILE, SOCKET = "owner.json", "owner.sock"
SHORT_FOLDER = "kanaria-owner-"
LONGEST_PATH = 100
"""Bytes: Linux takes 107 and a zero, others 103."""
LONGEST_REQUEST = 1 << 20
PATIENCE = 3.0
"""Seconds until an owner that has just begun, or is about to end, has done so."""
ANSWER_WITHIN = 60.0
"""Seconds: a list of thousands of incidents takes less than one, what is normal some."""
_REFUSED, _UNKNOWN = -32000, -32601


@contextmanager
def answering(folder: Path, functions: Functions) -> Iterator[None]:
    """Answer others while open; only who owns the store may do this. What a killed owner left is removed."""
    _forget(folder)
    place = _place(folder)
    try:
        server = _Server(place, functions)
    except OSError:  # a disk that knows no sockets
        place = _short()
        server = _Server(place, functions)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="answers", daemon=True)
    thread.start()
    try:
        _record(folder, place)
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        _forget(folder)


class Owner:
    """A connection to the process that owns a store. Use it with ``with``."""

    def __init__(self, connection: socket.socket, folder: Path) -> None:
        self._connection, self._folder = connection, folder
        self._lines = connection.makefile("rwb")
        self._number = 0

    def __enter__(self) -> Owner:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._lines.close()
        self._connection.close()

    def call(self, name: str, **values: Json) -> Json:
        """What the function of this name answers. Raises KanariaError with the owner's own words, and SourceError when
        it does not answer."""
        self._number += 1
        request = {"jsonrpc": "2.0", "id": self._number, "method": name, "params": values}
        try:
            self._lines.write(json.dumps(request, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
            self._lines.flush()
            answer = json.loads(self._lines.readline() or b"null")
        except (OSError, ValueError) as error:
            raise _silent(self._folder, str(error) or type(error).__name__) from error
        if answer is None:
            raise _silent(self._folder, "it closed the connection; its own output says why")
        if "error" in answer:
            raise KanariaError(answer["error"]["message"])
        return answer["result"]


def owner(folder: Path) -> Owner | None:
    """The process that owns the store, or None when nobody does. Raises StoreBusy when one does and cannot be asked."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            if not owned(folder):
                return None  # what a killed owner left is the next one's to remove
            plain(folder / FILE)
            return _connected(folder, json.loads((folder / FILE).read_text("utf-8")))
        except PermissionError as error:
            raise _not_yours(folder, error) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            if time.monotonic() >= until:
                raise _silent(folder, str(error)) from error
            time.sleep(0.02)


def _connected(folder: Path, owner: Mapping[str, Any]) -> Owner:
    if owner["protocol"] != PROTOCOL:
        raise StoreBusy(
            source=str(folder), expected=f"an owner that speaks version {PROTOCOL} of these calls",
            got=f"version {owner['protocol']} (Kanaria {owner['version']}, process {owner['pid']})",
            cause="Kanaria was updated while it ran: restart it",
        )  # fmt: skip
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        plain(Path(owner["socket"]), stat.S_ISSOCK)
        connection.settimeout(ANSWER_WITHIN)
        connection.connect(owner["socket"])
    except BaseException:
        connection.close()
        raise
    return Owner(connection, folder)


def _silent(folder: Path, words: str) -> StoreBusy:
    return StoreBusy(
        source=str(folder), expected="an answer of the process that uses this store", got=f"none ({words})",
        cause="it hangs, was stopped, or is of a version that answers nobody: end it, or wait until it has ended",
    )  # fmt: skip


def _not_yours(folder: Path, error: PermissionError) -> SourceError:
    """Whose it is, and how to ask as they."""
    name = ""
    with suppress(OSError, KeyError):
        name = pwd.getpwuid(folder.stat().st_uid).pw_name
    return SourceError(
        source=str(folder), expected="a store of yours", got=f"one of {name or 'somebody else'} ({error.strerror})",
        cause=f"ask as that user: sudo -u {name} kanaria …" if name else "ask as the user whose it is",
    )  # fmt: skip


# ---- the owner's side -----------------------------------------------------------------------------------------------


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, place: Path, functions: Functions) -> None:
        self.functions = functions
        super().__init__(str(place), _Handler)

    def server_bind(self) -> None:
        """Nobody can connect before it listens, and then only its owner."""
        super().server_bind()
        os.chmod(str(self.server_address), 0o600)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who asks may go away at any time; anything else is an error of ours, and the owner's output says which."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(socketserver.StreamRequestHandler):
    timeout = ANSWER_WITHIN

    def handle(self) -> None:
        assert isinstance(self.server, _Server)  # noqa: S101  (made by it)
        while line := self.rfile.readline(LONGEST_REQUEST):
            answer = json.dumps(_answer(line, self.server.functions), ensure_ascii=False)
            self.wfile.write(answer.encode("utf-8", "surrogatepass") + b"\n")


def _answer(line: bytes, functions: Functions) -> Json:
    try:
        request = json.loads(line)
        number, name, values = request.get("id"), request["method"], dict(request.get("params") or {})
    except (ValueError, AttributeError, KeyError, TypeError):
        return _error(None, -32700, "expected one JSON-RPC request a line")
    function = functions.get(name)
    if function is None:
        return _error(number, _UNKNOWN, f"no function {name!r}")
    try:
        return {"jsonrpc": "2.0", "id": number, "result": function(**values)}
    except KanariaError as error:
        return _error(number, _REFUSED, str(error))


def _error(number: object, code: int, message: str) -> Json:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}


def _place(folder: Path) -> Path:
    place = folder.absolute() / SOCKET
    return place if len(os.fsencode(place)) <= LONGEST_PATH else _short()


def _short() -> Path:
    """A place whose name is short, for this user alone."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    place = runtime if runtime and len(runtime) < 40 and os.access(runtime, os.W_OK) else "/tmp"  # noqa: S108  (0700)
    return Path(tempfile.mkdtemp(prefix=SHORT_FOLDER, dir=place)) / SOCKET


def _record(folder: Path, place: Path) -> None:
    from kanaria import __version__

    owner = {"pid": os.getpid(), "socket": str(place), "protocol": PROTOCOL, "version": __version__}
    part = folder / f"{FILE}.part"
    with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        json.dump(owner, file)
    part.replace(folder / FILE)


def _forget(folder: Path) -> None:
    """Remove the socket and what says where it is. Raises Damaged when something else lies there."""
    plain(folder / FILE)
    plain(folder / f"{FILE}.part")
    plain(folder / SOCKET, stat.S_ISSOCK)
    with suppress(OSError, ValueError, KeyError, TypeError):
        place = Path(json.loads((folder / FILE).read_text("utf-8"))["socket"])
        if place.name == SOCKET and place.parent.name.startswith(SHORT_FOLDER):
            shutil.rmtree(place.parent, ignore_errors=True)
    for name in (FILE, SOCKET, f"{FILE}.part"):
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError as error:
            if error.errno != errno.EROFS:
                raise
