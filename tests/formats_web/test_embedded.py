"""Access log lines inside other things: the sender is the line's own, and what a client wrote is never a sender."""

from __future__ import annotations

import html
import json

import pytest

from kanaria.formats.web.careful import LineParser

SENDER = "198.51.100.7"
LINE = f'{SENDER} - - [21/Jul/2025:15:40:57 +0000] "GET /a?b=c HTTP/1.1" 404 153 "-" "curl/7.68.0"'

AROUND = {
    "a table of Markdown": f"| 15:40 | `{LINE}` |",
    "a table of a database": f"| 7 | {LINE} |",
    "a row of psql": f" 7  | {LINE}",
    "a row of HTML": f"<tr><td>7</td><td>{html.escape(LINE)}</td></tr>",
    "an element of XML": f'<entry time="t"><message>{html.escape(LINE)}</message></entry>',
    "a patch": f"+{LINE}",
    "a call": f"console.log('{LINE}')",
    "a pair": f"ts=2025-07-21T15:40:57Z level=info msg={json.dumps(LINE)}",
    "a member of a printed document": f'  "textPayload": {json.dumps(LINE)},',
    "YAML": f"textPayload: {json.dumps(LINE)}",
    "a list of Ansible": f"        {json.dumps(LINE)},",
    "a cell": '2025-07-21,web01,"' + LINE.replace('"', '""') + '"',
    "Event Format": f"CEF:0|Example|web|1.0|100|access|3|src=192.0.2.1 msg={LINE}",
    "a prompt": f"root@web:~# {LINE}",
}


@pytest.mark.parametrize("name", AROUND)
def test_the_line_is_read_with_its_sender(name: str) -> None:
    row = LineParser().parse(AROUND[name].encode())
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
