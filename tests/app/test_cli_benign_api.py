"""Legitimate API traffic is no mining, however many words it shares with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.app import benign_api
from tests.app.running import Kanaria

LAYOUT = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$request_body"'
STRATUM = (
    '203.0.113.9 - - [01/Jun/2026:00:00:09 +0000] "POST /rpc HTTP/1.1" 200 2 "-" "app/1.0" '
    '"{\\x22id\\x22: 1, \\x22method\\x22: \\x22mining.subscribe\\x22, \\x22params\\x22: [\\x22cpuminer/2.5.1\\x22]}"\n'
)


def analyse(kanaria: Kanaria, folder: Path, count: int, seed: int, extra: str = "") -> list[str]:
    """Rules that fired in the generated log."""
    with (folder / "api.log").open("w") as file:
        file.writelines(benign_api.lines(count, seed))
        file.write(extra)
    return fired(kanaria, count + bool(extra))


def fired(kanaria: Kanaria, count: int) -> list[str]:
    """Rules that fired in a log of so many lines."""
    document = kanaria("analyze", "api.log", "--log-format", LAYOUT, "--format", "json").document
    assert document["inputs"][0]["rows"] == count
    assert document["inputs"][0]["rejected"] == 0
    return [f"{f['rule']}: {f['why']['en']}" for incident in document["incidents"] for f in incident["findings"]]


def test_the_generator_repeats_itself_and_uses_every_program() -> None:
    first = list(benign_api.lines(2000, seed=5))
    assert first == list(benign_api.lines(2000, seed=5))
    assert first != list(benign_api.lines(2000, seed=6))
    text = "".join(first)
    assert all(
        word in text
        for word in ("blockchain.", "eth_", "ubus", "aria2", "zabbix", "graphql", "batch/v1", "sendMessage")
    )


def test_the_bodies_are_really_looked_at(tmp_path: Path, kanaria: Kanaria) -> None:
    assert analyse(kanaria, tmp_path, 500, seed=1, extra=STRATUM) != []


@pytest.mark.parametrize("seed", [1, 2])
def test_twenty_thousand_requests_give_no_finding(tmp_path: Path, kanaria: Kanaria, seed: int) -> None:
    assert analyse(kanaria, tmp_path, 20_000, seed) == []


@pytest.mark.slow
def test_a_quarter_of_a_million_requests_give_no_finding(tmp_path: Path, kanaria_process: Kanaria) -> None:
    """In processes of their own, where nobody notes every line of code that runs: the others show that."""
    command = [sys.executable, "-m", "tests.app.benign_api", "250000", "3"]
    with (tmp_path / "api.log").open("w") as file:
        subprocess.run(command, cwd=Path(__file__).parents[2], stdout=file, check=True)
    assert fired(kanaria_process, 250_000) == []
