"""Every option of every command × a wrong value: status 2, nothing on standard output, its name, what would be right.

The options come from the commands, so that a new one is here without being entered; what a text may not be is entered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest

from kanaria.app.commands.main import cli
from tests.app.running import Kanaria
from tests.app.test_unattended import GOOD

FINE = GOOD.format(time="21/Jun/2026:07:01:00 +0000")
ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "analyze": ("a.log",), "ask": ("i-0", "who?"), "backup": ("b.tar.gz",), "baseline explain": ("a.log:1", "a.log"),
    "baseline learn": ("a.log",), "beacons": ("a.log",), "devices": ("a.log",), "explain": (FINE,), "incident export": ("i-0",),
    "incident set": ("i-0", "closed", "--why", "x"), "incident show": ("i-0",), "install-service": ("--config", "k.toml", "--print"),
    "knowledge import": ("list.txt", "--source", "x"), "lab dns-server": ("case.pcap",), "restore": ("b.tar.gz",),
    "rules convert": ("stratum_message_in_web_request",), "rules explain": ("stratum_message_in_web_request", "a.log"), "baseline show": ("192.0.2.1",),
}  # fmt: skip
"""What each needs besides, so that the option alone is wrong."""
WRONG_TEXTS: Mapping[str, tuple[str, str]] = {
    # option: a value that it may not have, and a part of what is said
    "--input-format": ("nosuch", "nosuch"), "--log-format": ("no field", "no field"), "--tz": ("Mars/Olympus", "Asia/Tokyo"),
    "--home": ("300.0.0.0/8", "a network such as"), "--since": ("soon", "soon"), "--rejects": ("no/such/f", "no/such/f"),
    "--output": ("no/such/f", "no/such/f"), "--listen": ("x", "x"), "--exporter": ("router", "router"),
    "--config": ("none.toml", "none.toml"), "--to": ("nosuch", "nosuch"), "--rules": ("none", "none"), "--channel": ("nobody", "nobody"),
    "--http": ("8765", "8765"), "--memory": ("lots", "lots"), "--cpu": ("two", "two"), "--pools": ("none", "none"),
    "--networks": ("none", "none"), "--from": ("none", "none"), "--exec": ("'", "--exec: expected a program and its arguments"), "--store": ("a.log", "a.log: expected a folder to keep incidents in"),
}  # fmt: skip
FREE = frozenset({
    "--why", "--who", "--notify", "--source", "--interface", "--capture-filter", "--root", "--folder",
})  # fmt: skip
"""Any text will do, or what is wrong shows only on the wire or the machine."""


def commands(command: click.Command = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, below in sorted(command.commands.items()):
            yield from commands(below, (*path, name))
    else:
        yield " ".join(path), command


COMMANDS = dict(commands())
OPTIONS = [
    (name, option) for name, command in COMMANDS.items() for option in command.params if isinstance(option, click.Option)
]  # fmt: skip


def long(option: click.Option) -> str:
    return max(option.opts, key=len)


def id_of(value: object) -> str:
    return long(value) if isinstance(value, click.Option) else str(value)


def wrong(option: click.Option) -> str | None:
    """A value that the option's type refuses."""
    if option.is_flag:
        return None
    if isinstance(option.type, click.Choice):
        return "nosuch"
    if isinstance(option.type, (click.types.IntParamType, click.types.FloatParamType)):
        return "x"
    return None


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(f"{FINE}\n")
    (tmp_path / "b.tar.gz").write_text("no archive")
    (tmp_path / "list.txt").write_text("203.0.113.7\n")
    (tmp_path / "k.toml").write_text(
        '[[sources]]\nkind = "stdin"\n[[notify]]\nurl = "webhook+http://127.0.0.1:9/"\nname = "a"\n'
    )


def test_every_option_is_known_here() -> None:
    assert len(OPTIONS) > 150
    texts = {long(option) for _name, option in OPTIONS if not option.is_flag and wrong(option) is None}
    assert texts == set(WRONG_TEXTS) | FREE


@pytest.mark.parametrize(("name", "option"), [pair for pair in OPTIONS if wrong(pair[1])], ids=id_of)
def test_a_value_of_another_type(kanaria: Kanaria, name: str, option: click.Option) -> None:
    arguments = (*name.split(), *ARGUMENTS.get(name, ()), long(option), wrong(option) or "")
    done, japanese = kanaria(*arguments), kanaria(*arguments, LANG="ja_JP.UTF-8")
    assert (done.status, done.out, japanese.status, japanese.out) == (2, "", 2, "")
    assert long(option) in done.err and long(option) in japanese.err
    assert "Invalid value" in done.err and "Invalid" not in japanese.err
    if isinstance(option.type, click.Choice):
        assert all(choice in done.err and choice in japanese.err for choice in option.type.choices)


FINE_SO = frozenset({
    ("init", "--store"), ("init", "--output"), ("demo", "--output"), ("incident export", "--output"), ("incident show", "--output"),
})  # fmt: skip
"""A place that is made, or is looked at only after an incident was found."""
OF_TEXT = [
    (name, option) for name, option in OPTIONS if long(option) in WRONG_TEXTS and (name, long(option)) not in FINE_SO
]  # fmt: skip


@pytest.mark.parametrize(("name", "option"), OF_TEXT, ids=id_of)
def test_a_text_that_means_nothing(kanaria: Kanaria, name: str, option: click.Option) -> None:
    value, said = WRONG_TEXTS[long(option)]
    given = ARGUMENTS.get(name, ())
    if long(option) in given:  # the last one counts
        given = tuple(word for word in given if word not in {"--config", "k.toml"})
    more = {"--exporter": ("--listen", "127.0.0.1:20559"), "--channel": ("--config", "k.toml")}.get(long(option), ())
    if long(option) == "--exporter":
        given = ("--seconds", "0.01")
    arguments = (*name.split(), *given, *more, long(option), value)
    done, japanese = kanaria(*arguments), kanaria(*arguments, LANG="ja_JP.UTF-8")
    assert done.status == japanese.status and done.status in ({2, 1} if name in {"doctor", "rules test"} else {2}), (
        done,
        japanese,
    )
    assert "Traceback" not in done.err + japanese.err
    if name in {"doctor", "rules test", "rules list", "rules coverage"}:
        assert said in done.out + done.err
        return
    assert done.out == japanese.out == ""
    assert said in done.err
    assert any("ぁ" <= letter <= "龯" for letter in japanese.err), japanese.err
    assert "expected" not in japanese.err


@pytest.mark.parametrize("name", COMMANDS)
class TestEach:
    def test_an_option_that_it_does_not_have(self, kanaria: Kanaria, name: str) -> None:
        arguments = (*name.split(), *ARGUMENTS.get(name, ()), "--no-such-option")
        done, japanese = kanaria(*arguments), kanaria(*arguments, LANG="ja_JP.UTF-8")
        assert (done.status, done.out, japanese.status, japanese.out) == (2, "", 2, "")
        assert "No such option" in done.err and "--no-such-option" in done.err
        assert "--no-such-option" in japanese.err and "No such option" not in japanese.err

    def test_its_help_has_an_example_and_every_option(self, kanaria: Kanaria, name: str) -> None:
        done, japanese = kanaria(*name.split(), "--help"), kanaria(*name.split(), "--help", LANG="ja_JP.UTF-8")
        assert (done.status, done.err, japanese.status) == (0, "", 0)
        assert f"Example: kanaria {name}" in done.out or f"| kanaria {name}" in done.out or "Example: " in done.out
        assert "例: " in japanese.out
        for option in COMMANDS[name].params:
            if isinstance(option, click.Option):
                assert long(option) in done.out and long(option) in japanese.out

    def test_an_argument_too_many(self, kanaria: Kanaria, name: str) -> None:
        command = COMMANDS[name]
        if any(one.nargs == -1 for one in command.params) or name == "baseline show":
            return
        wanted = [one for one in command.params if isinstance(one, click.Argument)]
        done = kanaria(*name.split(), *["a.log"] * len(wanted), "one-more", "and-more", LANG="C.UTF-8")
        assert (done.status, done.out) == (2, "")

    def test_an_argument_that_is_missing(self, kanaria: Kanaria, name: str) -> None:
        needed = [one for one in COMMANDS[name].params if isinstance(one, click.Argument) and one.required]
        if not needed:
            return
        done, japanese = kanaria(*name.split()), kanaria(*name.split(), LANG="ja_JP.UTF-8")
        assert (done.status, done.out, japanese.status) == (2, "", 2)
        assert "Missing argument" in done.err and "Missing" not in japanese.err
