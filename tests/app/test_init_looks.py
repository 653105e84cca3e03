"""``kanaria init``: each thing it looks for on a machine, where that is, in which format, and what is in the way."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kanaria.app import config
from tests.app.running import Done, Kanaria

Look = Callable[..., list[dict[str, Any]]]
FORMAT = "$remote_addr $status"
MAIN = "etc/nginx/nginx.conf"
DEBIAN, FEDORA = "etc/apache2/apache2.conf", "etc/httpd/conf/httpd.conf"


def files(root: Path, contents: dict[str, str]) -> None:
    """Files below a root; a name that ends with / is a folder."""
    for name, text in contents.items():
        place = root / name
        if name.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


@pytest.fixture
def init(kanaria: Kanaria, tmp_path: Path) -> Callable[..., Done]:
    """``kanaria init`` of a machine with these files."""

    def run(contents: dict[str, str], *arguments: str) -> Done:
        files(tmp_path / "root", contents)
        (tmp_path / "root").mkdir(exist_ok=True)
        return kanaria("init", "--root", str(tmp_path / "root"), "-o", "out.toml", "--force", *arguments)

    return run


@pytest.fixture
def sources(init: Callable[..., Done], tmp_path: Path) -> Look:
    """The sources in the settings it writes, paths as the machine itself calls them."""

    def found(contents: dict[str, str]) -> list[dict[str, Any]]:
        assert init(contents).status == 0
        listed: list[dict[str, Any]] = tomllib.loads((tmp_path / "out.toml").read_text()).get("sources", [])
        root = str(tmp_path / "root")
        return [{**one, "path": one["path"].removeprefix(root)} if "path" in one else one for one in listed]

    return found


@pytest.fixture
def paths(sources: Look) -> Callable[[dict[str, str]], list[str]]:
    return lambda contents: [one["path"] for one in sources(contents)]


class TestNginx:
    @pytest.mark.parametrize("main", [MAIN, "usr/local/nginx/conf/nginx.conf", "usr/local/etc/nginx/nginx.conf"])
    def test_it_is_looked_for_where_packages_and_builds_keep_it(self, sources: Look, main: str) -> None:
        text = f"log_format own '{FORMAT}';\naccess_log /srv/www.log own;"
        assert sources({main: text}) == [{"kind": "file", "path": "/srv/www.log", "log_format": FORMAT}]

    @pytest.mark.parametrize(
        ("directives", "expected"),
        [
            ("access_log /a.log;", ["/a.log"]),
            ("access_log /a.log; access_log /b.log;", ["/a.log", "/b.log"]),
            ("access_log /a.log; access_log /a.log;", ["/a.log"]),
            ("access_log off;", []),
            ("access_log syslog:server=192.0.2.1;", []),
            ("access_log;", []),
            ("# access_log /a.log;", []),
            ("access_log /a.log; # and /b.log", ["/a.log"]),
            ("access_log '/with space/a.log';", ["/with space/a.log"]),
            ('access_log "/with \\"quote/a.log";', ['/with "quote/a.log']),
            ("access_log /logs/$host.log;", ["/logs/*.log"]),
            ("access_log /logs/${host}_$server_port.log;", ["/logs/*_*.log"]),
            ("http { server { location / { access_log /deep.log; } } }", ["/deep.log"]),
            ("error_log /error.log;", []),
            ("access_log\n    /two/lines.log\n    combined;", ["/two/lines.log"]),
        ],
    )
    def test_which_logs_it_writes(
        self, paths: Callable[[dict[str, str]], list[str]], directives: str, expected: list[str]
    ) -> None:
        assert paths({MAIN: directives}) == expected

    @pytest.mark.parametrize(
        ("directive", "layout"),
        [
            ("access_log /a.log;", None),
            ("access_log /a.log combined;", None),
            ("access_log /a.log own;", FORMAT),
            ("access_log /a.log own buffer=32k flush=5s if=$loggable;", FORMAT),
            ("access_log /a.log buffer=32k;", None),
            ("access_log /a.log escaped;", '{"ip":"$remote_addr"}'),
            ("access_log /a.log in_pieces;", "$remote_addr [$time_local] $status"),
            ("access_log /a.log nobody_defined_it;", None),
        ],
    )
    def test_in_which_format(self, sources: Look, directive: str, layout: str | None) -> None:
        formats = (
            f"log_format own '{FORMAT}';\n"
            'log_format escaped escape=json \'{"ip":"$remote_addr"}\';\n'
            "log_format in_pieces '$remote_addr '\n  '[$time_local] ' \"$status\";\n"
        )
        (log,) = sources({MAIN: f"{directive}\n{formats}"})  # a format may stand behind its use
        assert log.get("log_format") == layout

    @pytest.mark.parametrize(
        ("include", "place"),
        [
            ("/etc/nginx/conf.d/*.conf", "etc/nginx/conf.d/site.conf"),
            ("conf.d/*.conf", "etc/nginx/conf.d/site.conf"),
            ("sites-enabled/*", "etc/nginx/sites-enabled/shop"),
            ("/srv/sites/one.conf", "srv/sites/one.conf"),
        ],
    )
    def test_includes_are_followed(
        self, paths: Callable[[dict[str, str]], list[str]], include: str, place: str
    ) -> None:
        assert paths({MAIN: f"http {{ include {include}; }}", place: "access_log /a.log;"}) == ["/a.log"]

    def test_an_include_in_an_include_is_relative_to_the_main_file(
        self, paths: Callable[[dict[str, str]], list[str]]
    ) -> None:
        found = paths({
            MAIN: "include sites-enabled/*;",
            "etc/nginx/sites-enabled/shop": "include snippets/logs.conf;",
            "etc/nginx/snippets/logs.conf": "access_log /shop.log;",
        })  # fmt: skip
        assert found == ["/shop.log"]

    def test_a_file_that_includes_itself_ends(self, paths: Callable[[dict[str, str]], list[str]]) -> None:
        assert paths({MAIN: f"access_log /a.log; include /{MAIN};"}) == ["/a.log"]

    @pytest.mark.parametrize(
        ("main", "expected"),
        [
            (MAIN, "/etc/nginx/logs/a.log"),
            ("usr/local/nginx/conf/nginx.conf", "/usr/local/nginx/logs/a.log"),
        ],
    )
    def test_a_relative_name_is_below_the_folder_of_the_server(
        self, paths: Callable[[dict[str, str]], list[str]], main: str, expected: str
    ) -> None:
        """Its own build writes to logs/ beside conf/, and packages of nginx.org have /etc/nginx for it."""
        assert paths({main: "access_log logs/a.log;"}) == [expected]

    def test_bytes_that_are_no_text_do_no_harm(self, init: Callable[..., Done], tmp_path: Path) -> None:
        place = tmp_path / "root" / MAIN
        place.parent.mkdir(parents=True)
        place.write_bytes(b"# caf\xe9\naccess_log /a.log;\n")
        assert "/a.log" in init({}).out


class TestApache:
    @pytest.mark.parametrize("main", [DEBIAN, FEDORA, "etc/apache2/httpd.conf"])
    def test_it_is_looked_for_where_packages_keep_it(
        self, paths: Callable[[dict[str, str]], list[str]], main: str
    ) -> None:
        assert paths({main: "CustomLog /srv/www.log combined"}) == ["/srv/www.log"]

    @pytest.mark.parametrize(
        ("directives", "expected"),
        [
            ("CustomLog /a.log combined", ["/a.log"]),
            ("customlog /a.log combined", ["/a.log"]),
            ('CustomLog "/with space/a.log" combined', ["/with space/a.log"]),
            ("CustomLog /a.log combined env=!dontlog", ["/a.log"]),
            ("TransferLog /a.log", ["/a.log"]),
            ("CustomLog /a.log combined\nCustomLog /a.log common", ["/a.log"]),
            ("# CustomLog /a.log combined", []),
            ("ErrorLog /error.log", []),
            ("CustomLog", []),
            ('CustomLog "/open quote combined', []),
            ("CustomLog \\\n  /two/lines.log combined", ["/two/lines.log"]),
            ('CustomLog "|/usr/bin/rotatelogs /logs/a.%Y-%m-%d.log 86400" combined', ["/logs/a.*-*-*.log"]),
            ('CustomLog "|$/usr/sbin/rotatelogs -l -f /logs/a.%H.log 3600" combined', ["/logs/a.*.log"]),
            ('CustomLog "|/usr/bin/logger -t httpd" combined', []),
            ('CustomLog "|" combined', []),
            ("<VirtualHost *:80>\n  CustomLog /inside.log combined\n</VirtualHost>", ["/inside.log"]),
            ("CustomLog ${APACHE_LOG_DIR}/a.log combined", ["/var/log/apache2/a.log"]),
            ("Define LOGS /srv/logs\nCustomLog ${LOGS}/a.log combined", ["/srv/logs/a.log"]),
        ],
    )
    def test_which_logs_it_writes(
        self, paths: Callable[[dict[str, str]], list[str]], directives: str, expected: list[str]
    ) -> None:
        assert paths({DEBIAN: f"{directives}\n"}) == expected

    @pytest.mark.parametrize(
        ("directive", "layout"),
        [
            ("CustomLog /a.log combined", None),
            ("CustomLog /a.log common", None),
            ("CustomLog /a.log vhost_combined", None),
            ("CustomLog /a.log own", '%h %t "%r" %>s'),
            ('CustomLog /a.log "%h %>s"', "%h %>s"),
            ("CustomLog /a.log own env=loud", '%h %t "%r" %>s'),
            ("TransferLog /a.log", None),
        ],
    )
    def test_in_which_format(self, sources: Look, directive: str, layout: str | None) -> None:
        (log,) = sources({DEBIAN: f'LogFormat "%h %t \\"%r\\" %>s" own\n{directive}\n'})
        assert log.get("log_format") == layout

    @pytest.mark.parametrize(
        "include",
        ["IncludeOptional sites-enabled/*.conf", "Include /etc/apache2/sites-enabled/", "include sites-enabled"],
    )
    def test_includes_are_followed(self, paths: Callable[[dict[str, str]], list[str]], include: str) -> None:
        """A folder stands for every file below it."""
        found = paths({DEBIAN: include, "etc/apache2/sites-enabled/shop.conf": "CustomLog /shop.log combined"})
        assert found == ["/shop.log"]

    def test_relative_names_are_below_the_servers_root(self, paths: Callable[[dict[str, str]], list[str]]) -> None:
        """As Fedora's package has it: the main file in conf/, its parts and logs beside that."""
        found = paths({
            FEDORA: 'ServerRoot "/etc/httpd"\nInclude conf.d/*.conf\nCustomLog "logs/access_log" combined\n',
            "etc/httpd/conf.d/shop.conf": "CustomLog logs/shop_log combined\n",
        })  # fmt: skip
        assert sorted(found) == ["/etc/httpd/logs/access_log", "/etc/httpd/logs/shop_log"]

    @pytest.mark.parametrize(
        "line",
        ["export APACHE_LOG_DIR=/srv/logs", "APACHE_LOG_DIR='/srv/logs'", 'export APACHE_LOG_DIR="/srv/logs$SUFFIX"'],
    )
    def test_variables_of_debians_own_file_count(self, paths: Callable[[dict[str, str]], list[str]], line: str) -> None:
        found = paths({DEBIAN: "CustomLog ${APACHE_LOG_DIR}/a.log combined", "etc/apache2/envvars": f"{line}\n"})
        assert found == ["/srv/logs/a.log"]


@pytest.mark.parametrize(
    ("log", "path", "said"),
    [
        ("data/logs/proxy-host-1_access.log", "/data/logs/proxy-host-*_access.log", "Nginx Proxy Manager"),
        ("var/log/caddy/access.log", "/var/log/caddy/*.log", "Caddy"),
        ("var/log/traefik/access.log", "/var/log/traefik/access.log", "Traefik"),
        ("var/log/lighttpd/access.log", "/var/log/lighttpd/access.log", "lighttpd"),
        ("var/log/haproxy.log", "/var/log/haproxy.log", "HAProxy"),
    ],
)
def test_other_servers_are_known_by_their_logs_and_called_by_their_names(
    init: Callable[..., Done], tmp_path: Path, log: str, path: str, said: str
) -> None:
    for language, words in (("en", f"access log of {said}: "), ("ja", f"{said}のアクセスログ: ")):
        done = init({log: ""}, "--lang", language)
        assert f"{words}{tmp_path}/root{path}" in done.out


class TestSensors:
    @pytest.mark.parametrize(
        ("folder", "source"),
        [
            (place, {"kind": "zeek", "path": f"/{place}"})
            for place in ("opt/zeek/logs/current", "usr/local/zeek/logs/current", "var/log/zeek/current", "var/log/zeek",
                          "nsm/zeek/logs/current")
        ] + [("var/log/suricata", {"kind": "suricata", "path": "/var/log/suricata"})],
    )  # fmt: skip
    def test_their_folders_are_found(self, sources: Look, folder: str, source: dict[str, str]) -> None:
        assert sources({f"{folder}/": ""}) == [source]

    def test_of_several_folders_of_zeek_the_first_is_taken(self, sources: Look) -> None:
        listed = sources({"var/log/zeek/": "", "opt/zeek/logs/current/": ""})
        assert [one["path"] for one in listed] == ["/opt/zeek/logs/current"]

    def test_both_sensors_are_watched(self, sources: Look) -> None:
        listed = sources({"var/log/zeek/": "", "var/log/suricata/": ""})
        assert [one["kind"] for one in listed] == ["zeek", "suricata"]

    def test_a_file_in_the_place_of_a_folder_is_none(self, sources: Look) -> None:
        assert sources({"var/log/zeek": "a file", "var/log/suricata": "a file"}) == []


class TestLogons:
    @pytest.mark.parametrize("place", ["var/log/auth.log", "var/log/secure"])
    def test_the_file_of_syslog_where_there_is_no_journal(self, sources: Look, place: str) -> None:
        assert sources({place: ""}) == [{"kind": "file", "path": f"/{place}"}]

    @pytest.mark.parametrize("journal", ["var/log/journal/", "run/log/journal/"])
    def test_the_journal_comes_before_the_file(
        self, sources: Look, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, journal: str
    ) -> None:
        self.with_journalctl(monkeypatch, tmp_path)
        assert sources({journal: "", "var/log/auth.log": ""}) == [
            {"kind": "journal", "path": f"/{journal[:-1]}", "start": "end"}
        ]

    def test_without_its_program_the_journal_cannot_be_read(
        self, sources: Look, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
        assert sources({"var/log/journal/": "", "var/log/auth.log": ""}) == [
            {"kind": "file", "path": "/var/log/auth.log"}
        ]

    @staticmethod
    def with_journalctl(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        program = folder / "bin/journalctl"
        program.parent.mkdir()
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def test_containers_are_watched_where_docker_keeps_them(sources: Look) -> None:
    assert sources({"var/lib/docker/containers/": ""}) == [{"kind": "docker", "path": "/var/lib/docker/containers"}]


class TestInterfaces:
    """Capturing is proposed and never begun by itself."""

    @pytest.mark.parametrize(
        ("contents", "proposed"),
        [
            ({"eth0/device": "", "eth0/operstate": "up\n"}, True),
            ({"eth0/device": "", "eth0/operstate": "unknown\n"}, True),
            ({"eth0/device": "", "eth0/operstate": "down\n"}, False),
            ({"eth0/device": ""}, False),
            ({"veth1/operstate": "up\n"}, False),
            ({"lo/operstate": "unknown\n"}, False),
            ({"br0/operstate": "up\n"}, True),
            ({"bond0/operstate": "up\n"}, True),
        ],
    )
    def test_of_those_that_carry_something(
        self, init: Callable[..., Done], tmp_path: Path, contents: dict[str, str], proposed: bool
    ) -> None:
        done = init({f"sys/class/net/{name}": text for name, text in contents.items()}, "--lang", "en")
        name = next(iter(contents)).partition("/")[0]
        assert (f"? packets on {name}: {name} — needs tcpdump" in done.out) is proposed
        written = (tmp_path / "out.toml").read_text()
        assert (f'# [[sources]]\n# kind = "interface"\n# interface = "{name}"' in written) is proposed
        assert "sources" not in tomllib.loads(written)


class TestInTheWay:
    def test_a_log_that_is_not_there_yet_is_watched_all_the_same(self, init: Callable[..., Done]) -> None:
        done = init({MAIN: "access_log /not/yet.log;"}, "--lang", "en")
        assert "- access log of nginx: " in done.out and "nothing there yet; watched as soon as it appears" in done.out

    def test_a_pattern_that_fits_nothing_yet(self, init: Callable[..., Done]) -> None:
        assert "nothing there yet" in init({MAIN: "access_log /logs/$host.log;"}, "--lang", "en").out

    def test_what_can_be_read_has_a_plus(self, init: Callable[..., Done]) -> None:
        done = init({MAIN: "access_log /a.log;", "a.log": ""}, "--lang", "en")
        assert done.out.startswith("+ access log of nginx: ") and "—" not in done.out

    @pytest.mark.skipif(os.geteuid() != 0, reason="root looks for the user that the service will have")
    def test_what_only_its_owner_may_read_needs_a_right(self, init: Callable[..., Done], tmp_path: Path) -> None:
        files(tmp_path / "root", {"a.log": ""})
        (tmp_path / "root/a.log").chmod(0o600)
        done = init({MAIN: "access_log /a.log;"}, "--lang", "en")
        assert f"let the service's user read it: setfacl -R -m u:kanaria:rX {tmp_path}/root/a.log" in done.out
        written = (tmp_path / "out.toml").read_text()
        assert "# let the service's user read it: setfacl" in written

    @pytest.mark.skipif(os.geteuid() != 0, reason="root looks for the user that the service will have")
    @pytest.mark.parametrize(("group", "said"), [("adm", False), ("root", True)])
    def test_a_group_that_may_read_it_is_named_unless_the_service_has_it(
        self, init: Callable[..., Done], tmp_path: Path, group: str, said: bool
    ) -> None:
        import grp
        import shutil

        try:
            grp.getgrnam(group)
        except KeyError:
            pytest.skip(f"no group {group} here")
        files(tmp_path / "root", {"a.log": ""})
        shutil.chown(tmp_path / "root/a.log", group=group)
        (tmp_path / "root/a.log").chmod(0o640)
        done = init({MAIN: "access_log /a.log;"}, "--lang", "en")
        assert (f"usermod -aG {group} kanaria" in done.out) is said


class TestWhatIsWritten:
    def test_nothing_to_watch_is_said_and_an_example_stands_there(
        self, init: Callable[..., Done], tmp_path: Path
    ) -> None:
        for language, told, noted in (
            ("en", "Nothing to watch was found.", "add it here"),
            ("ja", "監視対象が見つかりませんでした。", "ここに追加してください"),
        ):
            assert told in init({}, "--lang", language).out
            written = (tmp_path / "out.toml").read_text()
            assert noted in written and "sources" not in tomllib.loads(written)

    def test_example_settings_work_when_the_mark_is_taken_away(self, init: Callable[..., Done], tmp_path: Path) -> None:
        init({"sys/class/net/eth0/device": "", "sys/class/net/eth0/operstate": "up\n"})
        lines = (tmp_path / "out.toml").read_text().splitlines()
        marked = ("# [[", "# kind", "# interface", "# url", "# severity", "# digest =", "# home")
        settings = "\n".join(line.removeprefix("# ") if line.startswith(marked) else line for line in lines)
        (tmp_path / "out.toml").write_text(settings)
        read = config.load(tmp_path / "out.toml")
        assert read.sources[0].interface == "eth0"
        assert (read.notify[0].severity, read.notify[0].digest) == ("medium", "daily")

    def test_the_store_is_the_folder_that_is_named(self, init: Callable[..., Done], tmp_path: Path) -> None:
        init({}, "--store", "/srv/kanaria")
        assert tomllib.loads((tmp_path / "out.toml").read_text())["store"] == "/srv/kanaria"

    def test_without_one_it_is_the_data_folder(self, init: Callable[..., Done], tmp_path: Path) -> None:
        init({})
        assert tomllib.loads((tmp_path / "out.toml").read_text())["store"] == str(tmp_path / ".local/share/kanaria")

    @pytest.mark.parametrize("language", ["en", "ja"])
    def test_messages_will_be_in_the_language_that_is_asked_for(
        self, init: Callable[..., Done], tmp_path: Path, language: str
    ) -> None:
        init({}, "--lang", language)
        assert config.load(tmp_path / "out.toml").language == language

    @pytest.mark.parametrize(
        "url", ["ntfy://ntfy.sh/secret", 'json://192.0.2.1/"quoted"\\', "mailto://x:y@example.org"]
    )
    def test_whom_to_notify_is_taken_to_the_letter(self, init: Callable[..., Done], tmp_path: Path, url: str) -> None:
        init({}, "--notify", url)
        (channel,) = config.load(tmp_path / "out.toml").notify
        assert (channel.url, channel.severity, channel.digest) == (url, "medium", "daily")

    def test_a_dash_shows_the_settings_and_keeps_them_apart_from_what_is_said(
        self, kanaria: Kanaria, tmp_path: Path
    ) -> None:
        files(tmp_path / "root", {MAIN: "access_log /a.log;"})
        done = kanaria("init", "--root", "root", "-o", "-", "--lang", "en")
        assert tomllib.loads(done.out)["sources"][0]["kind"] == "file"
        assert "access log of nginx" in done.err

    def test_a_file_that_is_there_is_replaced_only_by_force(self, kanaria: Kanaria, tmp_path: Path) -> None:
        (tmp_path / "root").mkdir()
        (tmp_path / "mine.toml").write_text("mine")
        refused = kanaria("init", "--root", "root", "-o", "mine.toml", "--lang", "ja")
        assert (refused.status, (tmp_path / "mine.toml").read_text()) == (2, "mine")
        assert "--force" in refused.err
        assert kanaria("init", "--root", "root", "-o", "mine.toml", "--force").status == 0
        assert "store" in tomllib.loads((tmp_path / "mine.toml").read_text())

    def test_only_its_owner_reads_it_for_a_channels_address_is_a_secret(
        self, init: Callable[..., Done], tmp_path: Path
    ) -> None:
        (tmp_path / "out.toml").write_text("")
        (tmp_path / "out.toml").chmod(0o644)
        init({}, "--notify", "ntfy://ntfy.sh/secret")
        assert (tmp_path / "out.toml").stat().st_mode & 0o777 == 0o600

    def test_folders_on_the_way_are_made(self, kanaria: Kanaria, tmp_path: Path) -> None:
        (tmp_path / "root").mkdir()
        done = kanaria("init", "--root", "root", "-o", "new/folder/k.toml")
        assert done.status == 0 and "→ new/folder/k.toml" in done.out
        assert (tmp_path / "new/folder/k.toml").exists()

    def test_hostile_names_in_a_configuration_stay_values(self, sources: Look) -> None:
        name = 'x"]\n[serve]\nlisten = "0.0.0.0:1'
        (log,) = sources({MAIN: f"access_log '/{name}';"})
        assert log["path"] == f"/{name}"

    def test_names_in_a_configuration_are_shown_without_their_escapes(self, init: Callable[..., Done]) -> None:
        done = init({MAIN: "access_log '/\x1b[31mred.log';"}, "--lang", "en")
        assert "\x1b" not in done.out and "red.log" in done.out


class TestOldSettings:
    """``--from``: YAML of version 0.1 as TOML, with the same meaning."""

    @pytest.mark.parametrize(
        "old",
        [
            "home: [192.0.2.0/24, '2001:db8::/32']\n",
            "alerts_per_day: 2.5\n",
            "realert_hours: 2\n",
            "allowed: {pools: [pool.example], devices: [192.0.2.7], wallets: ['44x']}\n",
            "baseline: {half_life_days: 30, warm_up_days: 3, learn_incidents: true}\n",
            "devices:\n  critical: [gate]\n  roles: {192.0.2.53: dns_server, 'fe80::1': router, 'name with space': web_server}\n",
            "impact: {price_per_kwh: 0.31, currency: EUR}\n",
            "language: ja\n",
            "{}\n",
        ],
    )  # fmt: skip
    def test_each_kind_of_setting(self, kanaria: Kanaria, tmp_path: Path, old: str) -> None:
        (tmp_path / "old.yaml").write_text(old)
        done = kanaria("init", "--from", "old.yaml", "-o", "new.toml")
        assert done.status == 0, done.err
        assert config.load(tmp_path / "new.toml") == config.load(tmp_path / "old.yaml")

    def test_a_mistake_is_named_before_anything_is_written(self, kanaria: Kanaria, tmp_path: Path) -> None:
        (tmp_path / "old.yaml").write_text("hoem: []\n")
        done = kanaria("init", "--from", "old.yaml", "-o", "new.toml")
        assert done.status == 2 and "did you mean home?" in done.err
        assert not (tmp_path / "new.toml").exists()

    def test_it_can_be_shown_instead(self, kanaria: Kanaria, tmp_path: Path) -> None:
        (tmp_path / "old.yaml").write_text("realert_hours: 2\n")
        done = kanaria("init", "--from", "old.yaml", "-o", "-")
        assert (done.status, done.out) == (0, "realert_hours = 2\n")

    def test_a_file_that_is_not_there_is_named(self, kanaria: Kanaria) -> None:
        done = kanaria("init", "--from", "none.yaml", "-o", "new.toml")
        assert done.status == 2 and "none.yaml" in done.err
