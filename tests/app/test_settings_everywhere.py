"""One settings file for everything: whatever command asks for a store finds the one that the settings name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from kanaria.app.commands.main import cli
from tests.app.running import Kanaria

PROBE = r'203.0.113.9 - - [21/Jun/2026:07:01:00 +0000] "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}" 400 0'


def commands(group: click.Group, before: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command under its whole name."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*before, name))
        else:
            yield " ".join((*before, name)), command


def options(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts}


@pytest.mark.parametrize(
    ("name", "command"), [(name, command) for name, command in commands(cli) if "--store" in options(command)]
)
def test_what_takes_a_store_takes_settings(name: str, command: click.Command) -> None:
    assert name == "init" or "--config" in options(command)


@pytest.fixture
def incident(tmp_path: Path, kanaria: Kanaria) -> str:
    """An incident in a store that only the settings name."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/kanaria.toml").write_text('store = "kept"\n')
    (tmp_path / "a.log").write_text(f"{PROBE}\n")
    assert kanaria("analyze", "a.log", "--config", "etc/kanaria.toml").status == 0
    assert (tmp_path / "etc/kept/incidents.sqlite").is_file()
    return kanaria("incident", "list", "--config", "etc/kanaria.toml").out.split()[0]


def test_the_settings_store_is_asked_and_changed(incident: str, tmp_path: Path, kanaria: Kanaria) -> None:
    config = ("--config", "etc/kanaria.toml")
    for command in (
        ("incident", "show", incident),
        ("incident", "export", incident, "--format", "csv"),
        ("ask", incident, "did it work?"),
        ("incident", "set", incident, "acknowledged", "--why", "seen"),
        ("backup", "kept.tar.gz"),
    ):
        done = kanaria(*command, *config)
        assert done.status == 0, done.err
    assert "acknowledged" in kanaria("incident", "list", *config).out
    assert kanaria("incident", "show", incident).status == 2  # the user's own store has nothing


def test_what_is_learned_is_learned_where_the_settings_say(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "kanaria.toml").write_text('store = "kept"\n')
    (tmp_path / "dns.log").write_text(
        "".join(f"Mar  {day} 10:00:00 dnsmasq[7]: query[A] example.org from 192.168.1.20\n" for day in range(1, 10))
    )
    assert kanaria("baseline", "learn", "dns.log", "--config", "kanaria.toml").status == 0
    assert (tmp_path / "kept/baseline").is_dir()
    told = kanaria("baseline", "show", "--config", "kanaria.toml").out
    assert told == kanaria("baseline", "show", "--store", "kept").out
    assert told != kanaria("baseline", "show").out
