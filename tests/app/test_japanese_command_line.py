"""The command line speaks Japanese to whoever asks for it: help, complaints, errors, and why a record was refused.

What the program can say is found in its source; each of it has a Japanese entry, so a new message cannot stay English.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import kanaria
from kanaria.app import config_file
from kanaria.app.commands.japanese import in_help, speaking
from kanaria.app.commands.japanese.help_words import HELP
from kanaria.app.commands.main import cli
from kanaria.app.commands.options import asked_language
from kanaria.core.errors import ConfigError, MissingExtra, SourceError
from kanaria.core.japanese import in_japanese, templates
from kanaria.core.japanese.system import SYSTEM
from kanaria.core.text import width

SOURCE = Path(kanaria.__file__).parent
JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龯]")
HELP_NAMES = cli.context_settings["help_option_names"]
"""What a command calls its help is kept with it the first time it is asked."""
NAMES_ALONE = re.compile(r"(?:kanaria|--[a-z]+) [a-z]+|[\W\d_]*(?:(?:JSON|[a-z]+: |\{\}|\w+_\w+|--[\w-]+)[\W\d_]*)*")
"""Messages that are only names, numbers and signs need no words."""

ERRORS = {"ConfigError", "RuleError", "SourceError", "StoreBusy", "MissingExtra", "ActionError", "ModelError"}
COMPLAINTS = {"UsageError", "BadParameter"}
PASSED_ON = {"refuse": 2, "_error": 2}
"""Functions that make an error of their arguments from that one on."""


def _commands(command: click.Command, path: str = "kanaria") -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from _commands(inner, f"{path} {name}")


def _paragraphs() -> Iterator[tuple[str, str]]:
    for path, command in _commands(cli):
        for paragraph in (command.help or "").split("\n\n"):
            said = " ".join(paragraph.split())
            if said and not said.startswith("Example: "):
                yield path, said
        for option in command.params:
            said = " ".join((getattr(option, "help", None) or "").split())
            if said:
                yield f"{path} {option.opts[0]}", said


def _texts(node: ast.expr) -> Iterator[str]:
    """What an argument can say: a text, a template, either of two."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)


def _arguments(call: ast.Call) -> Iterator[ast.expr]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in ERRORS or any(word.arg == "expected" for word in call.keywords):
        yield from (word.value for word in call.keywords if word.arg in {"expected", "got", "cause", "purpose"})
    if name in COMPLAINTS | {"ModelError"}:
        yield from call.args[:1]
    if name in PASSED_ON and any(isinstance(one, ast.Constant | ast.JoinedStr) for one in call.args[2:3]):
        yield from call.args[PASSED_ON[name] :]


def _messages() -> Iterator[tuple[str, str]]:
    """(place, message) of whatever an error can say, and of the reasons why a record was refused."""
    for path in sorted(SOURCE.rglob("*.py")):
        module, of_a_format = path.relative_to(SOURCE), path.is_relative_to(SOURCE / "formats")
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                said = [text for argument in _arguments(node) for text in _texts(argument)]
            elif isinstance(node, ast.Constant | ast.JoinedStr) and of_a_format:
                said = [text for text in _texts(node) if text.startswith("expected ") and text.strip() != "expected"]
            else:
                continue
            yield from ((f"{module}:{node.lineno}", text) for text in said)


def _untranslated(said: str) -> bool:
    """Whether nothing stands for it: every hole is filled with a word that needs no translation."""
    return not JAPANESE.search(in_japanese(said.replace("{}", "x"))) and not NAMES_ALONE.fullmatch(said)


def test_every_help_text_has_its_japanese() -> None:
    missing = [f"{path}: {said}" for path, said in _paragraphs() if not JAPANESE.search(in_help(said))]
    assert missing == [], "add them to app/commands/japanese/help_words.py"


def test_no_help_text_is_left_over() -> None:
    assert set(HELP) - {said for _, said in _paragraphs()} == set()


def test_every_message_has_its_japanese() -> None:
    found = list(_messages())
    assert len({said for _, said in found}) > 200
    assert [f"{place}: {said}" for place, said in found if _untranslated(said)] == [], "add them to core/japanese"


@pytest.mark.parametrize("english", sorted(templates()))
def test_a_template_and_its_japanese_have_the_same_holes(english: str) -> None:
    from kanaria.core import japanese

    said = japanese._templates()[english]
    numbered = {int(number) for number in re.findall(r"\{(\d+)\}", said)}
    holes = len(re.findall(r"\{\}", said)) or len(numbered)
    if english in SYSTEM:  # numbers of lines in other programs say nothing to a reader
        assert holes <= english.count("{}") and numbered <= set(range(english.count("{}")))
    else:
        assert holes == english.count("{}") or (english.startswith("[Errno") and numbered <= {0, 1, 2})


@pytest.mark.parametrize(("path", "command"), list(_commands(cli)))
def test_a_help_page_is_japanese_and_fits(path: str, command: click.Command) -> None:
    with speaking("ja"):
        context = click.Context(
            command, info_name=path, terminal_width=80, max_content_width=80, help_option_names=HELP_NAMES
        )
        page = command.get_help(context)
    sentences = re.findall(r"\b[A-Z][a-z]+(?: [a-z]+){3,}", page)
    assert sentences == []
    said = [line for line in page.splitlines() if JAPANESE.search(line)]
    assert len(said) > 2
    assert max(map(width, said)) <= 80


ONLY_NAMES = {"kanaria serve", "kanaria backup", "kanaria mcp"}
"""Commands whose output has no words of ours: a log in the settings' language, the name of an archive, JSON."""


def test_every_command_that_speaks_takes_the_language() -> None:
    """A command without ``--lang`` would print English to everybody."""
    mute = {
        path
        for path, command in _commands(cli)
        if not isinstance(command, click.Group) and "language" not in {option.name for option in command.params}
    }
    assert mute == ONLY_NAMES


def test_english_help_stays_english() -> None:
    with speaking("en"):
        assert not JAPANESE.search(cli.get_help(click.Context(cli, info_name="kanaria", help_option_names=HELP_NAMES)))


@pytest.mark.parametrize(
    ("arguments", "language"),
    [(["analyze", "--lang", "ja"], "ja"), (["--lang=en"], "en"), (["--lang", "fr"], "en"), ([], "en")],
)
def test_the_language_is_known_before_anything_is_parsed(
    arguments: list[str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setattr(config_file, "default_places", tuple)  # whatever settings this machine has
    assert asked_language(arguments) == language


@pytest.mark.parametrize(
    ("error", "japanese"),
    [
        (
            SourceError(source="/var/log/x", expected="a readable file", got="permission denied"),
            "/var/log/x: 必要なもの: 読み取れるファイル。実際: 権限がありません",
        ),
        (
            ConfigError(path="a.toml", line=3, key="sources[1].kind", expected="one of file, zeek", got="fil",
                        cause="did you mean file?"),
            "a.toml:3: sources[1].kind: 必要なもの: 次のいずれか: file, zeek。実際: 'fil'(「file」の誤りかもしれません)",
        ),
    ],
)  # fmt: skip
def test_an_error_in_japanese(error: SourceError | ConfigError, japanese: str) -> None:
    assert error.to("ja") == japanese
    assert error.to("en") == str(error)


def test_a_missing_extra_in_japanese() -> None:
    said = MissingExtra(package="evtx", extra="windows", purpose="reading Windows event log files").to("ja")
    assert said.startswith("Windowsイベントログファイルの読み取りには、パッケージevtxが必要です。インストール: ")


@pytest.mark.parametrize(
    ("reason", "japanese"),
    [
        ("expected one JSON object; got list", "1つのJSONオブジェクトが必要ですが、listです"),
        ("expected a client address, got -", "クライアントのアドレスが必要ですが、-です"),
        ("{gone}", "{gone}"),
        ("12 packets: headers cut short by the snap length or a damaged record",
         "12パケット: キャプチャ長の制限または破損により、ヘッダが途中で切れています"),
    ],
)  # fmt: skip
def test_a_reason_in_japanese(reason: str, japanese: str) -> None:
    assert in_japanese(reason) == japanese


def _kanaria(*arguments: str) -> subprocess.CompletedProcess[str]:
    surroundings = {**os.environ, "LC_ALL": "ja_JP.UTF-8", "PYTHONUTF8": "1", "COLUMNS": "80"}
    command = [sys.executable, "-m", "kanaria", *arguments]
    return subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("analyze",), "エラー: 引数'PATH...'、--interface、--listenのいずれかを指定してください。"),
        (("analyze", "/gone.log"), "kanaria: /gone.log: 必要なもの: ファイル、ディレクトリ、パターン、または -。実際: 何もありません"),
        (("analyze", "--lange", "ja"), "エラー: オプション'--lange'はありません。'--lang'の誤りかもしれません。"),
        (("analyze", "--seconds", "x", "a"), "エラー: '--seconds'の値が正しくありません: 'x'は正しい値(数値)ではありません。"),
        (("analyse",), "エラー: コマンド'analyse'はありません。"),
        (("explain", "--lang", "xx", "a"), "エラー: '--lang'の値が正しくありません: 'xx'は使えません。選択肢: 'ja', 'en'"),
    ],
)  # fmt: skip
def test_a_complaint_of_the_command(arguments: tuple[str, ...], said: str) -> None:
    done = _kanaria(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Error" not in done.stderr


def test_why_a_record_was_refused_is_said_in_the_report(tmp_path: Path) -> None:
    log = tmp_path / "eve.json"
    log.write_text('{"timestamp":"2026-01-01T00:00:00.000000+0000","event_type":"flow","src_ip":"192.0.2.1"}\n{"a"\n')
    done = _kanaria("analyze", "--input-format", "suricata", str(log))
    assert "が必要です" in done.stdout
    assert "expected" not in done.stdout + done.stderr


def test_two_quotations_are_not_taken_for_one(tmp_path: Path) -> None:
    done = _kanaria("install-service", "--config", str(tmp_path / "none")).stderr
    assert f"'--config'の値が正しくありません: パス「{tmp_path}/none」がありません。" in done
    assert in_japanese("Path '/it's' does not exist.") == "パス「/it's」がありません。"
