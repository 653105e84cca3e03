"""Access log lines inside other things: the sender is the line's own, and what a client wrote is never a sender."""

from __future__ import annotations

import html
import json
from collections.abc import Callable

import pytest

from kanaria.formats.web.careful import LineParser

SENDER = "198.51.100.7"
LINE = f'{SENDER} - - [21/Jul/2025:15:40:57 +0000] "GET /a?b=c HTTP/1.1" 404 153 "-" "curl/7.68.0"'

AROUND: dict[str, Callable[[str], str]] = {
    "a table of Markdown": lambda line: f"| 15:40 | `{line}` |",
    "a table of a database": lambda line: f"| 7 | {line} |",
    "a row of psql": lambda line: f" 7  | {line}",
    "a row of HTML": lambda line: f"<tr><td>7</td><td>{html.escape(line)}</td></tr>",
    "an element of XML": lambda line: f'<entry time="t"><message>{html.escape(line)}</message></entry>',
    "a patch": lambda line: f"+{line}",
    "a call": lambda line: f"console.log('{line}')",
    "a pair": lambda line: f"ts=2025-07-21T15:40:57Z level=info msg={json.dumps(line)}",
    "a member of a printed document": lambda line: f'  "textPayload": {json.dumps(line)},',
    "YAML": lambda line: f"textPayload: {json.dumps(line)}",
    "a list of Ansible": lambda line: f"        {json.dumps(line)},",
    "a cell": lambda line: '2025-07-21,web01,"' + line.replace('"', '""') + '"',
    "Event Format": lambda line: f"CEF:0|Example|web|1.0|100|access|3|src=192.0.2.1 msg={line}",
    "a prompt": lambda line: f"root@web:~# {line}",
}


@pytest.mark.parametrize("name", AROUND)
def test_the_line_is_read_with_its_sender(name: str) -> None:
    row = LineParser().parse(AROUND[name](LINE).encode())
    assert isinstance(row, dict)
    assert (row["src_ip"], row["url"], row["status"]) == (SENDER, "/a?b=c", 404)


@pytest.mark.parametrize(
    "line",
    [
        f'app 203.0.113.9 "GET / HTTP/1.1" 200 5 "{LINE}"',
        f'203.0.113.9 host [21/Jul/2025:15:40:57 +0000] "GET / HTTP/1.1" 200 5 "-" "x {LINE}',
    ],
)
def test_what_a_client_wrote_is_no_sender(line: str) -> None:
    row = LineParser().parse(line.encode())
    assert not isinstance(row, dict) or row["src_ip"] != SENDER
