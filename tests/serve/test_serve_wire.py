"""Packets on an interface: mining is told while the connection is still open."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from kanaria.lab import netns
from tests import live_mining
from tests.programs import program
from tests.serve.serving import serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.privileged,
    pytest.mark.skipif(bool(netns.available()), reason=netns.available()),
]

PHONE = """\
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        with open(sys.argv[1], "ab") as file:
            file.write(body + b"\\n")
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", 8099), Handler).serve_forever()
"""


def test_mining_is_told_while_the_connection_is_open(tmp_path: Path) -> None:
    program("tcpdump", "tcpdump")
    messages = tmp_path / "messages.jsonl"
    messages.touch()

    def titles() -> list[str]:
        return [json.loads(line)["title"] for line in messages.read_text("utf-8").splitlines()]

    (tmp_path / "kanaria.toml").write_text(
        'store = "store"\nlanguage = "ja"\n[[sources]]\nkind = "interface"\ninterface = "lab0"\n'
        'filter = "tcp port 3333"\n[[notify]]\nurl = "json://127.0.0.1:8099/"\ndigest = "none"\n'
    )
    with netns.pair(f"kanaria-serve-{os.getpid()}") as pair:
        phone = pair.start(pair.client, [sys.executable, "-c", PHONE, str(messages)])
        try:
            with serving(tmp_path, inside=pair.client) as service, live_mining.pool(pair, 3333, "--speed", "50"):
                miner = live_mining.miner(pair, 3333, "--speed", "50", "--seconds", "100000")
                service.wait_for(titles)
                first = json.loads(messages.read_text("utf-8").splitlines()[0])
                miner.kill()
                miner.communicate()
                assert service.end() == 0
        finally:
            phone.kill()
            phone.communicate()
    assert first["type"] == "failure"
    assert "この接続は今も続いています。" in first["message"]
    assert "マイニング" in first["title"]
