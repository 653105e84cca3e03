"""Packets on an interface: mining is told while the connection is still open."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kanaria.lab import netns
from tests import live_mining
from tests.programs import program
from tests.serve.serving import phone_inside, run, serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.privileged,
    pytest.mark.skipif(bool(netns.available()), reason=netns.available()),
]


def test_mining_is_told_while_the_connection_is_open(tmp_path: Path) -> None:
    program("tcpdump", "tcpdump")
    (tmp_path / "kanaria.toml").write_text(
        'store = "store"\nlanguage = "ja"\n[[sources]]\nkind = "interface"\ninterface = "lab0"\n'
        'filter = "tcp port 3333"\n[[notify]]\nurl = "json://127.0.0.1:8099/"\ndigest = "none"\n'
    )
    with (
        netns.pair(f"kanaria-serve-{os.getpid()}") as pair,
        phone_inside(pair.client, tmp_path) as arrived,
        serving(tmp_path, inside=pair.client) as service,
        live_mining.pool(pair, 3333, "--speed", "50"),
    ):
        miner = live_mining.miner(pair, 3333, "--speed", "50", "--seconds", "100000")
        service.wait_for(arrived)
        first = arrived()[0]
        told = run(tmp_path, "incident", "list", "--store", "store", "--lang", "ja").stdout
        miner.kill()
        miner.communicate()
        assert service.end() == 0
        kept = run(tmp_path, "incident", "list", "--store", "store", "--lang", "ja").stdout
        messages = arrived()
    assert first["type"] == "failure"
    assert "この接続は今も続いています。" in first["message"]
    assert "マイニング" in first["title"]
    (incident,) = told.splitlines()  # it can be looked up while the connection is open
    assert incident.split()[0] in first["message"]
    assert [line.split()[0] for line in kept.splitlines()] == [incident.split()[0]]
    assert len([message for message in messages if message["title"] == first["title"]]) == 1  # its end is no news
