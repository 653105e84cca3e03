"""``kanaria init``, ``check-config``, ``install-service``, ``backup`` and ``restore``: before and around the service."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import tomllib
from pathlib import Path

import pytest

from kanaria.app import config
from kanaria.app.init.apache_logs import apache_logs
from kanaria.app.init.nginx_logs import nginx_logs
from kanaria.core.errors import ConfigError
from tests.app.running import Kanaria

NGINX = """
user www-data; # nobody else
http {
    log_format timed '$remote_addr [$time_local] "$request" '
                     '$status $body_bytes_sent "$http_user_agent" $request_time';
    log_format json_lines escape=json '{"ip":"$remote_addr","request":"$request","status":$status}';
    access_log /var/log/nginx/access.log;
    include sites-enabled/*;
}
"""
SITE = """
server {
    access_log /var/log/nginx/shop.log timed buffer=32k flush=5s;
    location /api { access_log "/var/log/nginx/api.json" json_lines; }
    location = /healthz { access_log off; }
    location /other { access_log syslog:server=192.0.2.9 combined; }
    location /vhosts { access_log /var/log/nginx/$host.access.log combined; }
}
"""
APACHE = r"""
LogFormat "%h %l %u %t \"%r\" %>s %O" common
LogFormat "%v %a %t \"%r\" %>s \
 %D" timed
IncludeOptional sites-enabled/*.conf
CustomLog ${APACHE_LOG_DIR}/access.log combined
CustomLog "|/usr/bin/rotatelogs -l /var/log/apache2/daily.%Y%m%d.log 86400" timed
CustomLog "|/usr/bin/logger -t apache" combined
"""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """The files of a server with nginx, Apache, Zeek and Docker."""
    root = tmp_path / "root"
    for name, text in {
        "etc/nginx/nginx.conf": NGINX, "etc/nginx/sites-enabled/shop": SITE, "etc/apache2/apache2.conf": APACHE,
        "etc/apache2/envvars": "export APACHE_LOG_DIR=/var/log/web$SUFFIX\n",
        "etc/apache2/sites-enabled/a.conf": "<VirtualHost *:80>\nCustomLog logs/own.log \"%h %t\"\n</VirtualHost>\n",
        "var/log/nginx/access.log": "", "opt/zeek/logs/current/conn.log": "", "var/log/auth.log": "",
        "var/lib/docker/containers/abc/abc-json.log": "",
    }.items():  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_logs_of_nginx_are_found_with_their_formats(machine: Path) -> None:
    found = {log.path: log.layout for log in nginx_logs(machine / "etc/nginx/nginx.conf", machine)}
    assert found == {
        "/var/log/nginx/access.log": None,
        "/var/log/nginx/shop.log": '$remote_addr [$time_local] "$request" $status $body_bytes_sent "$http_user_agent"'
        " $request_time",
        "/var/log/nginx/api.json": '{"ip":"$remote_addr","request":"$request","status":$status}',
        "/var/log/nginx/*.access.log": None,
    }


def test_logs_of_apache_are_found_with_their_formats(machine: Path) -> None:
    found = {log.path: log.layout for log in apache_logs(machine / "etc/apache2/apache2.conf", machine)}
    assert found == {
        "/etc/apache2/logs/own.log": "%h %t",
        "/var/log/web/access.log": None,
        "/var/log/apache2/daily.***.log": '%v %a %t "%r" %>s  %D',
    }


def test_init_writes_settings_that_every_command_accepts(machine: Path, tmp_path: Path, kanaria: Kanaria) -> None:
    done = kanaria("init", "--root", str(machine), "--notify", "json://192.0.2.1/", "--lang", "ja")
    assert done.status == 0
    assert "+ nginxのアクセスログ: " in done.out
    assert "まだありません" in done.out  # logs the configuration names and nobody has written yet
    written = tmp_path / ".config/kanaria/kanaria.toml"
    settings = config.load(written)
    assert {source.kind for source in settings.sources} >= {"file", "zeek", "docker"}
    assert settings.notify[0].url == "json://192.0.2.1/"
    assert written.stat().st_mode & 0o777 == 0o600
    again = kanaria("init", "--root", str(machine), "--lang", "en")
    assert again.status == 2
    assert "--force writes over it" in again.err


def test_settings_of_the_first_version_are_converted(tmp_path: Path, kanaria: Kanaria) -> None:
    old = "home: [192.0.2.0/24]\ndevices: {critical: [192.0.2.53], roles: {192.0.2.53: dns_server}}\nrealert_hours: 2\n"
    (tmp_path / "old.yaml").write_text(old)
    assert kanaria("init", "--from", "old.yaml", "-o", "new.toml").status == 0
    assert config.load(tmp_path / "new.toml") == config.load(tmp_path / "old.yaml")
    assert tomllib.loads((tmp_path / "new.toml").read_text())["devices"]["roles"] == {"192.0.2.53": "dns_server"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('store = "x"\n[[sources]]\nkind = "fil"\n', ":3: sources[1].kind: expected one of file, zeek"),
        ('[[sources]]\nkind = "file"\n', ":1: sources[1]: expected path for a source of kind file"),
        ('[[sources]]\nkind = "stdin"\n\n[[sources]]\nkind = "journal"\ntoken = "x"\n', ":6: sources[2].token: expected"),
        ("[[notify]]\nurl = 1\n", ":2: notify[1].url: expected a text; got 1"),
        ('[[notify]]\nseverity = "high"\n', ":1: notify[1].url: expected this setting; got 'nothing'"),
        ('[[notify]]\nurl = "x"\nquiet = "22-7"\n', ":3: notify[1].quiet: expected hours such as 22:00-07:00"),
        ("[serve]\nlistne = 1\n", ":2: serve.listne: expected a known setting; got 'listne' (did you mean listen?)"),
        ("language = ja\n", ":1: expected a readable TOML file"),
        ("[notify]\nurl = 'x'\n", ":1: notify: expected [[notify]] tables"),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_file_and_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "k.toml").write_text(text)
    with pytest.raises(ConfigError) as error:
        config.load(tmp_path / "k.toml")
    assert f"k.toml{said}" in str(error.value)


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # Apprise looks for it
def test_check_config_says_what_cannot_work(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "kanaria.toml").write_text(
        '[[sources]]\nkind = "file"\npath = "a.log"\n[[sources]]\nkind = "http"\ntoken = "env:NO_SUCH"\n'
        '[[notify]]\nurl = "nosuch://x"\n[[notify]]\nurl = "json://192.0.2.1/"\n'
    )
    (tmp_path / "a.log").touch()
    done = kanaria("check-config", "--config", "kanaria.toml")
    assert done.status == 1
    assert [line[:2] for line in done.out.splitlines()] == ["ok", "--", "--", "ok"]
    assert "expected the environment variable NO_SUCH" in done.out
    assert "expected a URL that Apprise knows; got 'nosuch:…'" in done.out


def test_without_a_running_service_status_says_how_to_start_one(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "kanaria.toml").write_text('store = "store"\n')
    done = kanaria("status", "--config", "kanaria.toml")
    assert done.status == 2
    assert "expected a running kanaria serve; got none (start it with kanaria serve" in done.err


def test_the_unit_is_hardened_and_systemd_understands_it(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "kanaria.toml").write_text(
        '[[notify]]\nurl = "credential:phone"\n[[sources]]\nkind = "journal"\n[[sources]]\nkind = "kafka"\n'
        'brokers = "192.0.2.1:9093"\ntopics = ["zeek"]\noptions = { "sasl.password" = "credential:kafka" }\n'
        '[serve]\nocsf = "siem/events.json"\n'
    )
    done = kanaria("install-service", "--config", "kanaria.toml", "--root", "root", "--capture")
    assert done.status == 0
    unit = tmp_path / "root/etc/systemd/system/kanaria.service"
    text = unit.read_text()
    for name in ("phone", "kafka"):
        assert f"LoadCredential={name}:/etc/kanaria/credentials/{name}\n" in text
    assert f"ReadWritePaths={tmp_path}/siem\n" in text
    assert "AmbientCapabilities=CAP_NET_RAW\n" in text
    if shutil.which("systemd-analyze"):
        checked = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        judged = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", unit], capture_output=True, text=True, check=False
        )
        exposure = float(judged.stdout.split("Overall exposure level for kanaria.service: ")[1].split()[0])
        assert exposure < 3.0
    assert kanaria("uninstall-service", "--root", "root").status == 0
    assert not unit.exists()


def test_a_backup_brings_everything_back_and_replaces_nothing(tmp_path: Path, kanaria: Kanaria) -> None:
    probe = r'"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n" 400 4076 "-" "-"' + "\n"
    (tmp_path / "a.log").write_text(probe)
    assert kanaria("analyze", "a.log", "--store", "store").status == 0
    listed = kanaria("incident", "list", "--store", "store").out
    with sqlite3.connect(tmp_path / "store/incidents.sqlite") as busy:  # somebody else has it open
        assert kanaria("backup", "kept.tar.gz", "--store", "store").status == 0
    busy.close()
    refused = kanaria("restore", "kept.tar.gz", "--store", "store")
    assert refused.status == 2
    assert "a backup replaces nothing" in refused.err
    assert kanaria("restore", "kept.tar.gz", "--store", "other").status == 0
    assert kanaria("incident", "list", "--store", "other").out == listed
