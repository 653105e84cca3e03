"""Logs that came by mail are read as the server wrote them."""

from __future__ import annotations

import base64
import quopri
import textwrap
from pathlib import Path

import pytest

from tests.app.running import Kanaria

CALLS = [
    r'203.0.113.7 - - [02/Jan/2026:03:04:05 +0000] "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n" 400 484 "-" "-"',
    r'203.0.113.8 - - [02/Jan/2026:03:04:06 +0000] "{\"params\": [\"miner1\", \"password\"], \"id\": 2, \"method\": \"mining.authorize\"}\n" 400 484 "-" "-"',
    r'203.0.113.9 - - [02/Jan/2026:03:04:07 +0000] "{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"eth_getWork\",\"params\":[]}\n" 400 484 "-" "-"',
]  # fmt: skip
LOG = "\n".join(CALLS) + "\n"
WRAPPED = "\n".join(
    "\n".join(textwrap.wrap(line, 76, break_long_words=False, break_on_hyphens=False)) for line in CALLS
)
QUOTED = "".join(f"> {line}\n" for line in WRAPPED.split("\n"))
HEAD = "From: root@example.org\nSubject: strange lines\nMIME-Version: 1.0\n"


def _part(kind: str, encoding: str, body: str) -> str:
    return f"{HEAD}Content-Type: {kind}; charset=utf-8\nContent-Transfer-Encoding: {encoding}\n\n{body}\n"


MAILS = {
    "wrapped": WRAPPED + "\n",
    "quoted and wrapped": "On Monday root wrote:\n" + QUOTED,
    "quoted-printable": _part("text/plain", "quoted-printable", quopri.encodestring(LOG.encode()).decode()),
    "quoted-printable without headers": quopri.encodestring(LOG.encode()).decode(),
    "base64": _part("text/plain", "base64", base64.encodebytes(LOG.encode()).decode()),
    "html": _part("text/html", "8bit", "<html><body><pre>" + LOG.replace('"', "&quot;") + "</pre></body></html>"),
    "plain": _part("text/plain", "8bit", LOG),
}


@pytest.mark.parametrize("name", MAILS)
def test_every_line_of_a_mail_is_read_with_its_sender(kanaria: Kanaria, tmp_path: Path, name: str) -> None:
    (tmp_path / "mail.txt").write_text(MAILS[name])
    document = kanaria("analyze", "--format", "json", "mail.txt").document
    found = {remote for item in document["incidents"] for remote in item["entities"]["remotes"]}
    assert found == {"203.0.113.7", "203.0.113.8", "203.0.113.9"}
    methods = {message["method"] for item in document["incidents"] for message in item["messages"]}
    assert methods == {"mining.subscribe", "mining.authorize", "eth_getWork"}


def test_a_log_with_quotes_that_nobody_escaped_is_no_wrapped_mail(kanaria: Kanaria, tmp_path: Path) -> None:
    lines = [f'203.0.113.7 - - [02/Jan/2026:03:04:{n:02} +0000] "GET /"x HTTP/1.1" 404 9 "-" "a"' for n in range(9)]
    (tmp_path / "access.log").write_text("\n".join(lines) + "\n")
    (read,) = kanaria("analyze", "--format", "json", "access.log").document["inputs"]
    assert (read["format"], read["rows"], read["unread"]) == ("combined", 9, 0)
