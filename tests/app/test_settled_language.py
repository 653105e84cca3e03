"""Which language a command speaks: ``--lang``, else the settings' ``language``, else the locale's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.app.running import Done, Kanaria

LINE = """203.0.113.9 - - [21/Jun/2026:07:00:00 +0000] "{\\"id\\":1,\\"method\\":\\"mining.subscribe\\",\\"params\\":[]}" 400 150 "-" "-"\n"""
JAPANESE = re.compile("[\u3041-\u30ff]")
CHANNELS = '[[sources]]\nkind = "file"\npath = "gone.log"\n[[notify]]\nurl = "json://127.0.0.1:1/"\n'


@pytest.fixture
def ident(kanaria: Kanaria, tmp_path: Path) -> str:
    """Settings in Japanese, in a file and at the default place, and an incident in their store."""
    for place in (tmp_path, tmp_path / ".config/kanaria"):
        place.mkdir(parents=True, exist_ok=True)
        (place / "kanaria.toml").write_text(f'store = "{tmp_path}/store"\nlanguage = "ja"\n{CHANNELS}')
    (tmp_path / "access.log").write_text(LINE)
    done = kanaria("analyze", "access.log", "--store", "store", "--format", "json")
    return str(done.incident["id"])


def said(done: Done) -> str:
    return done.out + done.err


COMMANDS = (
    ("status", "--config", "kanaria.toml"),
    ("doctor", "--config", "kanaria.toml"),
    ("check-config", "--config", "kanaria.toml"),
    ("notify", "test", "--config", "kanaria.toml"),
    ("analyze", "access.log", "--config=kanaria.toml"),
    ("baseline", "show", "--config", "kanaria.toml"),
    ("ask", "ID", "what is it?", "--config", "kanaria.toml"),
    ("incident", "list"),
    ("incident", "show", "ID", "--config", "kanaria.toml"),
    ("incident", "export", "ID", "--format", "markdown"),
    ("incident", "set", "ID", "closed", "--why", "seen"),
    ("explain", LINE),
    ("formats",),
    ("analyze", "--help"),
    ("analyze", "nowhere.log", "--config", "kanaria.toml"),
    ("no-such-command",),
)


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # Apprise's
def test_commands_speak_as_the_settings_say(kanaria: Kanaria, ident: str) -> None:
    for command in COMMANDS:
        words = [ident if word == "ID" else word for word in command]
        assert JAPANESE.search(said(kanaria(*words))), command
        if command[0] not in {"no-such-command", "formats"}:  # the one has no --lang, the other Japanese samples
            english = said(kanaria(*words, "--lang", "en"))
            assert english and not JAPANESE.search(english), (command, english)


def test_settings_say_so_against_the_locale_too(kanaria: Kanaria, ident: str, tmp_path: Path) -> None:
    (tmp_path / "kanaria.toml").write_text(f'store = "store"\nlanguage = "en"\n{CHANNELS}')
    for command in ("status", "doctor", "check-config"):
        english = said(kanaria(command, "--config", "kanaria.toml", LANG="ja_JP.UTF-8"))
        assert english and not JAPANESE.search(english), (command, english)
    (tmp_path / "kanaria.toml").write_text('store = "store"\n')
    assert JAPANESE.search(said(kanaria("doctor", "--config", "kanaria.toml", LANG="ja_JP.UTF-8")))


def test_what_is_wrong_with_settings_is_said_in_their_language(kanaria: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "kanaria.toml").write_text('language = "ja"\nstoer = "x"\n')
    assert JAPANESE.search(kanaria("check-config", "--config", "kanaria.toml").err)
    for text in ('language = "fr"\n', "language = [1]\n", "language\n", "language = 'ja'\n" * 2, "\udcff"):
        (tmp_path / "kanaria.toml").write_bytes(text.encode(errors="surrogateescape"))
        done = kanaria("check-config", "--config", "kanaria.toml")
        assert done.status == 2 and done.err.startswith("kanaria: ") and not JAPANESE.search(done.err)


def test_programs_get_the_same_whatever_the_language(kanaria: Kanaria, ident: str) -> None:
    assert json.loads(kanaria("incident", "show", ident, "--format", "json").out)["id"] == ident
