"""``check-config`` and ``doctor`` name what the service could not work with, before it has to; what works is not named."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from tests.app.running import Done, Kanaria
from tests.app.test_ordinary_user import closed

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
SOURCE = '[[sources]]\nkind = "file"\npath = "a.log"\n'
CHANNEL = '[[notify]]\nname = "phone"\nurl = "{url}"\n'
HOOK = "webhook+http://127.0.0.1:9/"
KEY = "whsec_" + base64.b64encode(b"k" * 32).decode()
GOOD = SOURCE + CHANNEL.format(url="json://127.0.0.1:9/")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.log").touch()
    (tmp_path / "empty").mkdir()
    return tmp_path


def check(kanaria: Kanaria, folder: Path, settings: str, *more: str, command: str = "check-config") -> Done:
    (folder / "k.toml").write_text(settings)
    return kanaria(command, "--config", "k.toml", *more)


def wrong(done: Done) -> list[str]:
    """What is said to be wrong."""
    return [line[4:] for line in done.out.splitlines() if line.startswith("--  ")]


class TestPlaces:
    """Rules, facts, the store, and the file for a SIEM."""

    @pytest.mark.parametrize(
        ("settings", "english", "japanese"),
        [
            ('store = "a.log"\n', "store: {}/a.log is no folder", "store: {}/a.log はフォルダではありません"),
            ('store = "a.log/deep/store"\n', "store: {}/a.log is no folder", "store: {}/a.log はフォルダではありません"),
            ('store = "nowhere"\n', "store: {}/nowhere is no folder", "store: {}/nowhere はフォルダではありません"),
            ('knowledge = "none"\n', "knowledge: {}/none: expected a folder with knowledge files (*.yaml); got no such folder",
             "knowledge: {}/none: 必要なもの: 知識ファイル(*.yaml)のあるフォルダ。実際: フォルダがありません"),
            ('knowledge = "a.log"\n', "knowledge: {}/a.log: expected a folder with knowledge files", "knowledge: {}/a.log: 必要なもの"),
            ('knowledge = "bad"\n', "knowledge: {}/bad/pools.yaml:2:1: expected valid YAML", "knowledge: {}/bad/pools.yaml:2:1: 必要なもの"),
            ('rules = ["none"]\n', "rules not loaded: {}/none: expected a readable file", "読み込めないルール: {}/none: 必要なもの: 読み取れるファイル"),
            ('rules = ["rules"]\n', "rules not loaded: {}/rules/x.yml:1:1: expected a log source", "読み込めないルール: {}/rules/x.yml:1:1: 必要なもの"),
            ('[serve]\nocsf = "a.log/events"\n', "serve.ocsf: {}/a.log is no folder", "serve.ocsf: {}/a.log はフォルダではありません"),
            ('[serve]\nocsf = "empty"\n', "serve.ocsf: {}/empty is no file", "serve.ocsf: {}/empty はファイルではありません"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_used_is_named(
        self, kanaria: Kanaria, folder: Path, settings: str, english: str, japanese: str
    ) -> None:
        (folder / "nowhere").symlink_to(folder / "gone")
        for name, text in (("bad/pools.yaml", "nonsense: [\n"), ("rules/x.yml", "title: x\n")):
            (folder / name).parent.mkdir()
            (folder / name).write_text(text)
        for language, words in (("en", english), ("ja", japanese)):
            done = check(
                kanaria, folder, settings + GOOD if "[serve]" not in settings else GOOD + settings, "--lang", language
            )
            (said,) = wrong(done)
            assert said.startswith(words.format(folder)), said
            assert done.status == 1

    @pytest.mark.parametrize(
        "settings",
        [
            'store = "empty"\n', 'store = "empty/not/there/yet"\n', 'store = "to-empty"\n', 'rules = ["empty"]\n',
            'store = "~/store"\n', "",
        ],
    )  # fmt: skip
    def test_what_can_be_made_when_it_is_needed_is_not(self, kanaria: Kanaria, folder: Path, settings: str) -> None:
        (folder / "to-empty").symlink_to(folder / "empty")
        before = sorted(folder.rglob("*"))
        done = check(kanaria, folder, settings + GOOD)
        assert (wrong(done), done.status) == ([], 0), done.out
        assert sorted(folder.rglob("*")) == sorted([*before, folder / "k.toml"]), "looking makes nothing"

    def test_a_file_for_a_siem_may_be_there_already(self, kanaria: Kanaria, folder: Path) -> None:
        for name in ("a.log", "new/events"):
            assert check(kanaria, folder, f'{GOOD}[serve]\nocsf = "{name}"\n').status == 0

    @pytest.mark.parametrize("settings", ['store = "empty/store"\n', 'store = "empty"\n'])
    def test_a_folder_that_nobody_may_write_to(
        self, kanaria: Kanaria, folder: Path, monkeypatch: pytest.MonkeyPatch, settings: str
    ) -> None:
        """As on a disk that is read-only, where also root is refused."""
        allowed = os.access
        monkeypatch.setattr(os, "access", lambda name, how: allowed(name, how) and not (how & os.W_OK))
        said = wrong(check(kanaria, folder, settings + GOOD))
        assert said == [f"store: {folder}/empty may not be written by this user"]
        said = wrong(check(kanaria, folder, settings + GOOD, "--lang", "ja"))
        assert said == [f"store: このユーザーは {folder}/empty に書き込めません"]
        (siem,) = wrong(check(kanaria, folder, f'{GOOD}[serve]\nocsf = "a.log"\n'))
        assert siem == f"serve.ocsf: {folder} may not be written by this user"

    @pytest.mark.ordinary_user
    @pytest.mark.skipif(os.geteuid() == 0, reason="root is forbidden nothing; run again as an ordinary user")
    def test_a_folder_of_somebody_else(self, kanaria: Kanaria, folder: Path) -> None:
        with closed(folder / "empty", mode=0o500):
            for store in ("empty", "empty/store"):
                (said,) = wrong(check(kanaria, folder, f'store = "{store}"\n{GOOD}'))
                assert said == f"store: {folder}/empty may not be written by this user"
        with closed(folder / "a.log", mode=0o400):
            (said,) = wrong(
                check(
                    kanaria,
                    folder,
                    f'{CHANNEL.format(url="json://127.0.0.1:9/")}[host]\ncheck = true\n[serve]\nocsf = "a.log"\n',
                )
            )
            assert said == f"serve.ocsf: {folder}/a.log may not be written by this user"

    def test_a_name_that_is_hostile_is_shown_harmlessly(self, kanaria: Kanaria, folder: Path) -> None:
        (folder / "a\x1b[2J").touch()
        done = check(kanaria, folder, f'store = "a\\u001b[2J"\n{GOOD}')
        assert "\x1b" not in done.out and "a\\x1b[2J is no folder" in done.out

    def test_a_broken_rule_among_good_ones_is_the_only_one_named(self, kanaria: Kanaria, folder: Path) -> None:
        page = (Path(__file__).parents[2] / "docs" / "how-to" / "write-a-rule.md").read_text()
        good = page.partition("```yaml file=my-rules/intranet_logon.yml\n")[2].partition("```")[0]
        for name, text in (("good", good), ("bad", good.replace("condition:", "kondition:"))):
            (folder / name).mkdir()
            (folder / name / "x.yml").write_text(text)
        assert check(kanaria, folder, f'rules = ["good"]\n{GOOD}').status == 0
        (said,) = wrong(check(kanaria, folder, f'rules = ["good", "bad"]\n{GOOD}'))
        assert "/bad/x.yml" in said and "/good/x.yml" not in said

    def test_all_of_them_are_named_at_once(self, kanaria: Kanaria, folder: Path) -> None:
        done = check(kanaria, folder, f'store = "a.log"\nrules = ["no"]\n{GOOD}[serve]\nocsf = "empty"\n')
        assert [line.partition(":")[0] for line in wrong(done)] == ["rules not loaded", "store", "serve.ocsf"]


class TestSources:
    @pytest.mark.parametrize(
        ("source", "words"),
        [
            ('kind = "file"\npath = "c.log"\nformat = "nosuch"\n', "expected"),
            ('kind = "file"\npath = "c.log"\nlog_format = "no field"\n', "settings: log_format: expected an Apache LogFormat"),
            ('kind = "file"\npath = "none.log"\n', "nothing there yet; it is watched as soon as it appears"),
            ('kind = "file"\npath = "none-*.log"\n', "nothing there yet; it is watched as soon as it appears"),
            ('kind = "file"\npath = "pipe"\n', "pipe is a pipe or a device, which cannot be followed"),
            ('kind = "zeek"\npath = "c.log"\n', "c.log is no folder"),
            ('kind = "suricata"\npath = "c.log"\n', "c.log is no folder"),
            ('kind = "docker"\npath = "c.log"\n', "c.log is no folder"),
            ('kind = "http"\ntoken = "env:NONE"\n', "expected the environment variable NONE"),
            ('kind = "http"\ntoken = "file:none"\n', "expected"),
            ('kind = "syslog"\nlisten = "192.0.2.77:514"\n', "192.0.2.77:514: expected an address of this machine to listen on"),
            ('kind = "netflow"\nlisten = "192.0.2.77:2055"\n', "expected an address of this machine to listen on"),
            ('kind = "http"\nlisten = "[2001:db8::1]:80"\ntoken = "x"\n', "expected an address of this machine to listen on"),
            ('kind = "syslog"\ncertificate = "c.log"\nkey = "c.log"\n', "expected"),
            ('kind = "interface"\ninterface = "nosuch7"\n', "there is no such interface"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_watched_is_named(self, kanaria: Kanaria, folder: Path, source: str, words: str) -> None:
        os.mkfifo(folder / "pipe")
        (folder / "c.log").touch()
        (said,) = wrong(check(kanaria, folder, f"{GOOD}[[sources]]\n{source}"))
        assert words in said
        (japanese,) = wrong(check(kanaria, folder, f"{GOOD}[[sources]]\n{source}", "--lang", "ja"))
        assert "expected" not in japanese and any("ぁ" <= letter <= "ん" for letter in japanese)

    @pytest.mark.parametrize(
        "source",
        [
            'kind = "file"\npath = "*.log"\n', 'kind = "file"\npath = "empty"\n', 'kind = "stdin"\n',
            'kind = "file"\npath = "b.log"\nlog_format = "%h %t \\"%r\\" %>s"\n', 'kind = "file"\npath = "b.log"\nformat = "combined"\n',
            'kind = "syslog"\n', 'kind = "syslog"\nlisten = "0.0.0.0:514"\n', 'kind = "netflow"\nlisten = "127.0.0.1:1"\n',
            'kind = "http"\nlisten = "127.0.0.2:8088"\ntoken = "x"\n', 'kind = "interface"\ninterface = "lo"\n',
            'kind = "interface"\ninterface = "any"\n', 'kind = "zeek"\npath = "empty"\n',
        ],
    )  # fmt: skip
    def test_what_can_be_watched_is_not(self, kanaria: Kanaria, folder: Path, source: str) -> None:
        (folder / "b.log").touch()
        done = check(kanaria, folder, f"{GOOD}[[sources]]\n{source}")
        assert (wrong(done), done.status) == ([], 0)
        assert sum(line.startswith("ok  source") for line in done.out.splitlines()) == 2

    def test_a_port_in_use_is_no_fault_for_it_may_be_by_this_very_service(self, kanaria: Kanaria, folder: Path) -> None:
        import socket

        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            assert (
                check(kanaria, folder, f'{GOOD}[[sources]]\nkind = "syslog"\nlisten = "127.0.0.1:{port}"\n').status == 0
            )

    def test_nothing_to_watch_and_nobody_to_tell(self, kanaria: Kanaria, folder: Path) -> None:
        assert wrong(check(kanaria, folder, "")) == [
            "There is nothing to watch: no [[sources]].",
            "Nobody is notified: there is no [[notify]] in the settings.",
        ]
        assert wrong(check(kanaria, folder, "", "--lang", "ja")) == [
            "監視対象がありません: [[sources]] を追加してください。",
            "通知先がありません: 設定に [[notify]] を追加してください。",
        ]


class TestChannels:
    @pytest.mark.parametrize(
        ("url", "keys", "words"),
        [
            ("nosuch://x", "", "notify 1: settings: notify phone: expected a URL that Apprise knows; got 'nosuch:…'"),
            ("env:NONE", "", "notify 1: settings: notify[1].url: expected the environment variable NONE"),
            ("webhook+http://", "", "notify 1: settings: notify.url: expected webhook+https:// with a host"),
            (HOOK, 'secret = "whsec_not base64!"\n', "notify 1: settings: notify.secret: expected whsec_ and Base64"),
            (HOOK, 'secret = "file:none"\n', "notify 1: "),
            ("json://127.0.0.1:9/", f'secret = "{KEY}"\n', "notify phone: secret has no effect here, only on webhook+https://…"),
            ("json://127.0.0.1:9/", "ocsf = true\n", "notify phone: ocsf has no effect here"),
            ("json://127.0.0.1:9/", f'ocsf = true\nsecret = "{KEY}"\n', "notify phone: secret, ocsf has no effect here"),
        ],
    )  # fmt: skip
    def test_what_would_not_reach_anybody_as_meant_is_named(
        self, kanaria: Kanaria, folder: Path, url: str, keys: str, words: str
    ) -> None:
        (said,) = wrong(check(kanaria, folder, SOURCE + CHANNEL.format(url=url) + keys))
        assert said.startswith(words), said
        (japanese,) = wrong(check(kanaria, folder, SOURCE + CHANNEL.format(url=url) + keys, "--lang", "ja"))
        assert japanese.startswith("通知先") and "not base64!" not in said + japanese

    @pytest.mark.parametrize("keys", ["", f'secret = "{KEY}"\n', f'secret = "{KEY}"\nocsf = true\n', "ocsf = true\n"])
    def test_a_webhook_may_be_signed_and_carry_events(self, kanaria: Kanaria, folder: Path, keys: str) -> None:
        done = check(kanaria, folder, SOURCE + CHANNEL.format(url=HOOK) + keys)
        assert (wrong(done), done.status) == ([], 0)

    def test_a_service_does_not_begin_with_a_secret_that_signs_nothing(self, folder: Path) -> None:
        """Each message would have failed instead, without a reason."""
        from kanaria.app.config import load
        from kanaria.app.live.telling import channels
        from kanaria.core.errors import ConfigError

        (folder / "k.toml").write_text(f'{SOURCE}{CHANNEL.format(url=HOOK)}secret = "whsec_not base64!"\n')
        with pytest.raises(ConfigError, match=r"notify\.secret: expected whsec_ and Base64"):
            channels(load(folder / "k.toml"))

    def test_the_severity_from_which_each_is_told_is_shown(self, kanaria: Kanaria, folder: Path) -> None:
        done = check(kanaria, folder, f'{GOOD}severity = "high"\n')
        assert done.out.splitlines()[-1] == "ok  notify phone: from high on"
        done = check(kanaria, folder, f'{GOOD}severity = "high"\n', "--lang", "ja")
        assert done.out.splitlines()[-1] == "ok  通知先 phone: 重大度「高」(high)以上"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "+25:00", "../etc/passwd", ""])
def test_a_zone_that_is_none_is_refused_with_its_line_by_every_command(
    kanaria: Kanaria, folder: Path, zone: str
) -> None:
    """``check-config`` said nothing, and ``serve`` spoke of an option that nobody had given."""
    settings = f'language = "en"\ntimezone = "{zone}"\n{GOOD}'
    done = check(kanaria, folder, settings)
    assert done.status == 2
    assert done.err.startswith("kanaria: k.toml:2: timezone: expected a zone such as Asia/Tokyo, +09:00 or UTC; got"), (
        done.err
    )
    for command in ("doctor", "status", "serve"):
        assert check(kanaria, folder, settings, command=command).err == done.err
    assert "k.toml:2: timezone: 必要なもの: " in check(kanaria, folder, settings, "--lang", "ja").err


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "UTC", "+09:00", "-03:30"])
def test_a_zone_that_is_one_is_not(kanaria: Kanaria, folder: Path, zone: str) -> None:
    assert check(kanaria, folder, f'timezone = "{zone}"\n{GOOD}').status == 0


def test_a_doctor_looks_at_the_settings_too(kanaria: Kanaria, folder: Path) -> None:
    """Without a service it says that there is none; what is wrong with the settings is for check-config to say."""
    done = check(kanaria, folder, f'store = "store"\n{GOOD}', command="doctor")
    assert done.status == 1 and "expected a running kanaria serve; got none" in done.out
