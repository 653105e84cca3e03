"""The second case live: the laboratory performs it, a service watches the wire, and a person hears while it goes on."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from kanaria.lab import cast
from tests.programs import programs
from tests.running import running
from tests.serve.serving import phone_inside, run, serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.privileged,
    pytest.mark.skipif(bool(cast.missing()), reason=cast.missing()),
]
LAB = (sys.executable, "-m", "kanaria", "lab", "dns-server")
SETTINGS = """\
store = "store"
language = "ja"
[[sources]]
kind = "interface"
interface = "lab0"
[[notify]]
url = "json://127.0.0.1:8099/"
digest = "none"
"""
SOON = 15.0
"""Seconds from the moment when the connection is plain to the message. Three where nothing else runs, a limit of five
is wanted; tests share their machine."""


@contextmanager
def laboratory(command: list[str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The case being performed; broken off at the end of the block."""
    started = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with running(started, signal.SIGINT) as lab:
        yield lab


def until_ready(lab: subprocess.Popen[str]) -> str:
    """Reads until the stage is set; returns the namespace to watch in."""
    assert lab.stdout is not None
    said = ""
    while "Enter" not in said:
        line = lab.stdout.readline()
        assert line, said
        said += line
    found = re.search(r"netns exec (\S+)", said)
    assert found, said
    return found[1]


def test_somebody_is_told_of_mining_on_a_server_while_it_goes_on(tmp_path: Path) -> None:
    programs({"dnsmasq": "dnsmasq-base", "smbd": "samba", "smbclient": "smbclient"})
    (tmp_path / "kanaria.toml").write_text(SETTINGS)
    quiet = [*LAB, "quiet.pcap", "--without", "rdp", "--without", "smb"]
    subprocess.run([*quiet, "--without", "mining"], cwd=tmp_path, check=True, capture_output=True)
    assert run(tmp_path, "analyze", "quiet.pcap", "--store", "store").returncode == 0  # eight days of what is normal
    live = [*LAB, "case.pcap", "--without", "rdp", "--without", "smb", "--live", "--wait", "--speed", "15"]
    with laboratory(live, tmp_path) as lab:
        where = until_ready(lab)
        with phone_inside(where, tmp_path) as arrived, serving(tmp_path, inside=where) as service:
            assert lab.stdin is not None
            lab.stdin.write("\n")
            lab.stdin.flush()
            service.wait_for(lambda: _high(arrived()))
            assert lab.poll() is None  # it goes on
            message = _high(arrived())[0]
            incident = re.search(r"i-[0-9a-f]{12}", message["message"])
            assert incident, message
            shown = run(tmp_path, "incident", "show", incident[0], "--store", "store", "--format", "json")
            assert service.end() == 0
    assert "この接続は今も続いています。" in message["message"]
    assert "192.168.10.53" in message["title"]
    found = {finding["rule"]: finding for finding in json.loads(shown.stdout)["findings"]}
    assert "high_priority_crypto_currency_mining" in found
    after = re.search(r"plain after (\d+) s", found["crypto_currency_mining_activity"]["why"]["en"])
    assert after
    began = datetime.fromisoformat(found["crypto_currency_mining_activity"]["time"]).timestamp()
    assert message["arrived"] - (began + int(after[1])) < SOON


def _high(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [message for message in messages if message["title"].startswith("[高]")]
