"""Places where messages of real senders arrive: HTTP, mail, syslog. Each says what its reader sees first and then.

Nothing leaves the machine, and nobody waits: a message has arrived when sending it came back.
"""

from __future__ import annotations

import email
import email.policy
import html
import re
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any
from xml.etree import ElementTree

from tests.serve.serving import Received, sink


@dataclass(frozen=True)
class Arrived:
    """What a person sees of one message."""

    title: str
    body: str
    raw: bytes
    more: dict[str, Any] = field(default_factory=dict)
    """What a program reads besides."""

    @property
    def shown(self) -> str:
        """Title and text as a lock screen has them; syslog has both in one."""
        return f"{self.title}\n{self.body.replace(chr(13), '')}" if self.title else self.body


@dataclass(frozen=True)
class Receiver:
    """Somewhere a URL leads to, and what has come there."""

    url: str
    arrived: Callable[[], list[Arrived]]
    forget: Callable[[], None]
    refuse: Callable[[bool], None] = lambda _refuses: None


@contextmanager
def receiver(kind: str) -> Iterator[Receiver]:
    """One of ``KINDS``."""
    with ExitStack() as opened:
        if kind in _OF_BODY:
            yield opened.enter_context(_http(kind))
        elif kind == "mailto":
            yield opened.enter_context(_mail())
        else:
            yield opened.enter_context(_syslog())


@contextmanager
def _http(kind: str) -> Iterator[Receiver]:
    with sink() as kept:
        read = _OF_BODY[kind]

        def refuse(refuses: bool) -> None:
            kept.status["/in"] = 503 if refuses else 200

        yield Receiver(
            f"{kind}://127.0.0.1:{kept.port}/in", lambda: [read(one) for one in kept.received], kept.received.clear, refuse,
        )  # fmt: skip


def _of_json(got: Received) -> Arrived:
    content = got.content
    return Arrived(content["title"], content["message"], got.body, {"kind": content["type"]})


def _of_webhook(got: Received) -> Arrived:
    content = got.content
    return Arrived(content["title"], content["text"], got.body, content)


def _of_xml(got: Received) -> Arrived:
    fields = {one.tag.rpartition("}")[2]: one.text or "" for one in ElementTree.fromstring(got.body).iter()}  # noqa: S314
    return Arrived(fields["Subject"], fields["Message"], got.body, {"kind": fields["MessageType"]})


def _of_form(got: Received) -> Arrived:
    import urllib.parse

    fields = {key: values[0] for key, values in urllib.parse.parse_qs(got.body.decode()).items()}
    return Arrived(fields["title"], fields["message"], got.body, {"kind": fields["type"]})


_OF_BODY: dict[str, Callable[[Received], Arrived]] = {
    "json": _of_json, "xml": _of_xml, "form": _of_form, "webhook+http": _of_webhook,
}  # fmt: skip
KINDS = (*_OF_BODY, "mailto", "rsyslog")


class _Smtp(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as a client needs to hand a message over."""

    timeout = 20
    server: Any

    def handle(self) -> None:
        self._say("220 mail.example ESMTP")
        while line := self.rfile.readline():
            verb = line.decode("ascii", "replace").strip().upper()
            if verb == "DATA":
                self._say("354 go on")
                self.server.mails.append(self._data())
                self._say("250 kept")
            elif verb == "QUIT":
                return self._say("221 bye")
            elif verb.startswith("RCPT") and self.server.refuses:
                self._say("550 no such mailbox")
            elif verb.startswith("EHLO"):
                self.wfile.write(b"250-mail.example\r\n250 8BITMIME\r\n")
            else:
                self._say("250 ok")
        return None

    def _data(self) -> bytes:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def _mail() -> Iterator[Receiver]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Smtp) as server:
        server.daemon_threads = True
        server.mails, server.refuses = [], False  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()

        def refuse(refuses: bool) -> None:
            server.refuses = refuses  # type: ignore[attr-defined]

        mails: list[bytes] = server.mails  # type: ignore[attr-defined]
        yield Receiver(
            f"mailto://127.0.0.1:{server.server_address[1]}/?from=kanaria@example.org&to=oncall@example.org&mode=insecure",
            lambda: [_of_mail(one) for one in mails], mails.clear, refuse,
        )  # fmt: skip
        server.shutdown()
        thread.join()


def _of_mail(raw: bytes) -> Arrived:
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    part = mail.get_body(("plain", "html"))
    assert part is not None
    text = part.get_content()
    if part.get_content_type() == "text/html":
        text = html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"<br\s*/?>\r?\n?", "\n", text)))
    return Arrived(str(mail["subject"]), text, raw, {"to": str(mail["to"]), "html": part.get_content_type()})


@contextmanager
def _syslog() -> Iterator[Receiver]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listens:
        listens.bind(("127.0.0.1", 0))
        listens.settimeout(10)
        kept: list[bytes] = []

        def arrived() -> list[Arrived]:
            listens.setblocking(False)
            try:
                while True:
                    kept.append(listens.recv(65_536))
            except BlockingIOError:
                return [_of_syslog(one) for one in kept]

        yield Receiver(
            f"rsyslog://127.0.0.1:{listens.getsockname()[1]}", arrived, lambda: (arrived(), kept.clear()) and None
        )


def _of_syslog(raw: bytes) -> Arrived:
    found = re.fullmatch(r"<(\d+)>- \d+ (.*)", raw.decode(), re.DOTALL)
    assert found, raw
    return Arrived("", found[2], raw, {"priority": int(found[1])})
