"""Lines that services and servers write when they are attacked, through the command: the rule that hears each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from kanaria.app.commands.main import cli

_ACCESS = '203.0.113.7 - - [02/Mar/2026:00:00:00 +0000] "{} HTTP/1.1" {} 10 "-" "-"'
_REDIS = (
    "1:M 02 Mar 2026 00:00:00.605 # Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host:"
    " commands to Redis. This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise your"
    " Redis instance. Connection {}aborted."
)
_CREATE = {
    "remote_addr": "203.0.113.7", "time": "2026-03-02T00:00:00Z", "method": "POST", "url": "/api/create", "status": 200,
    "request_body": json.dumps({"name": "a", "modelfile": "FROM ../../../etc/ld.so.preload"}),
}  # fmt: skip
HEARD = {
    "Jolokia by path": (_ACCESS.format("GET /api/jolokia/exec/java.lang:type=Memory/gc", 403), "web_activemq_jolokia"),
    "Jolokia by body": (_ACCESS.format("POST /api/jolokia", 200), "web_activemq_jolokia_probe"),
    "Ollama's own log": (
        '[GIN] 2026/03/02 - 00:00:00 | 200 |  1.2ms |     203.0.113.7 | POST     "/api/pull"',
        "web_ollama_probe",
    ),
    "Ollama and a path": (json.dumps(_CREATE), "web_ollama_traversal"),
    "Next.js": (
        _ACCESS.format("GET /admin", 200) + ' x-middleware-subrequest="middleware:middleware:middleware"',
        "web_next_middleware",
    ),
    "Redis, client named": (_REDIS.format("from 203.0.113.24:65231 "), "web_redis_cross_protocol"),
    "Redis, no client": (_REDIS.format(""), "web_redis_cross_protocol"),
    "Velocity": (
        '2026-03-02 00:00:00,123 ERROR [http-1] velocity - failed to parse $class.inspect("java.lang.Runtime").type',
        "web_velocity_template",
    ),
}


def _rules(folder: Path, line: str) -> set[str]:
    log = folder / "service.log"
    log.write_text(line + "\n")
    done = CliRunner().invoke(cli, ["analyze", "--lang", "en", "--format", "json", str(log)], standalone_mode=False)
    return {found["rule"] for incident in json.loads(done.stdout)["incidents"] for found in incident["findings"]}


@pytest.mark.parametrize("name", HEARD)
def test_the_attack_is_heard(name: str, tmp_path: Path) -> None:
    line, rule = HEARD[name]
    assert rule in _rules(tmp_path, line)


@pytest.mark.parametrize(
    "line",
    [
        _ACCESS.format("GET /api/jolokia/read/java.lang:type=Memory", 200),
        _ACCESS.format("POST /api/create", 200),
        _ACCESS.format("GET /search?q=x-middleware-subrequest", 200),
        "1:M 02 Mar 2026 00:00:00.605 * Ready to accept connections tcp",
        "2026-03-02 00:00:00,123 INFO velocity - class.inspect is documented at /docs",
    ],
)
def test_what_is_alike_is_no_attack(line: str, tmp_path: Path) -> None:
    assert not {rule for _line, rule in HEARD.values()} & _rules(tmp_path, line)
