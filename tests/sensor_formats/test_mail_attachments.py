"""Logs attached to mails are read whatever they are called; what cannot be looked into is counted."""

from __future__ import annotations

import gzip
import json
from email.message import EmailMessage

import pytest

from kanaria.formats import registry
from tests.reading_formats import BytesStream, read_all

LINES = [f'198.51.100.{n} - - [10/Jan/2026:09:00:00 +0000] "GET /{n} HTTP/1.1" 200 51 "-" "-"' for n in range(1, 4)]
LOG = "".join(line + "\n" for line in LINES).encode()
CELLS = [line.replace('"', '""') for line in LINES]
ATTACHED = {
    "access.log": (LOG, "text/plain"),
    "access.log.1": (LOG, "application/octet-stream"),
    "access.log.gz": (gzip.compress(LOG), "application/gzip"),
    "export.csv": (("time,message\n" + "".join(f't,"{cell}"\n' for cell in CELLS)).encode(), "text/csv"),
    "export.json": (json.dumps([{"message": line} for line in LINES]).encode(), "application/json"),
}


def mail(body: str, name: str, data: bytes, kind: str) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", "b@example.org", "log"
    message.set_content(body)
    main, _, sub = kind.partition("/")
    message.add_attachment(data, maintype=main, subtype=sub, filename=name)
    return message.as_bytes()


def read(data: bytes) -> tuple[list[object], int]:
    known = registry.detect(BytesStream(data))
    assert known is not None and known.name == "mail"
    found = read_all(known, data)
    return [row["src_ip"] for row in found.rows_of("http")], sum(batch.unread for batch in found.batches)


@pytest.mark.parametrize("name", ATTACHED)
def test_an_attached_log_is_read_and_what_was_written_counted(name: str) -> None:
    data, kind = ATTACHED[name]
    assert read(mail("See the attachment.\n", name, data, kind)) == ([f"198.51.100.{n}" for n in range(1, 4)], 1)


@pytest.mark.parametrize("kind", ["application/zip", "application/octet-stream", "application/gzip"])
def test_an_attachment_that_cannot_be_looked_into_is_counted(kind: str) -> None:
    senders, unread = read(mail(LOG.decode(), "logs.zip", b"PK\x03\x04\0\0\0\0\1\2\3", kind))
    assert (len(senders), unread) == (3, 1)
