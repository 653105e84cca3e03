"""The user that the service runs as: what it cannot do is said before anything is installed, what can be mended is."""

from __future__ import annotations

import os
import pwd
import shutil
import sys
from pathlib import Path

import pytest

from kanaria.app.config import Config
from kanaria.app.config_live import Service, Source
from kanaria.app.init.service_user import made_readable, made_writable, may, must_read, must_run
from kanaria.core.errors import SourceError
from tests.app.running import Kanaria

USER = "daemon"
pytestmark = pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="needs root and setpriv")


@pytest.fixture
def reached(tmp_path: Path) -> Path:
    """A folder that everybody can reach."""
    for place in (tmp_path, *tmp_path.parents):
        if not place.stat().st_mode & 0o001:
            place.chmod(place.stat().st_mode | 0o011)
    return tmp_path


def test_a_program_in_a_closed_home_is_named_with_the_way_out(reached: Path) -> None:
    home = reached / "home"
    home.mkdir(mode=0o700)
    (home / "python").symlink_to(sys.executable)
    with pytest.raises(SourceError) as caught:
        must_run(USER, str(home / "python"))
    assert "expected a program that the user daemon can run" in str(caught.value)
    assert "/opt/kanaria/bin/pip install '.[serve]'" in str(caught.value)
    assert "ホームフォルダ" in caught.value.text.ja


def test_settings_become_readable_for_that_user_and_for_nobody_else(reached: Path) -> None:
    config = reached / "kanaria.toml"
    config.write_text('language = "en"\n')
    config.chmod(0o600)
    assert may(USER, "test", "-r", str(config)) is not None
    assert len(list(made_readable(USER, config))) == 1
    assert may(USER, "test", "-r", str(config)) is None
    assert config.stat().st_mode & 0o777 == 0o640
    assert list(made_readable(USER, config)) == []
    closed = reached / "closed"
    closed.mkdir(mode=0o700)
    shutil.move(config, closed)
    with pytest.raises(SourceError, match="put them into /etc/kanaria"):
        list(made_readable(USER, closed / "kanaria.toml"))


def test_a_store_is_one_that_the_user_may_write(reached: Path) -> None:
    config, store = reached / "kanaria.toml", reached / "kept"
    assert list(made_writable(USER, Config(store="/var/lib/kanaria/store"), config)) == []  # systemd makes it
    outside = Config(store=str(store), serve=Service(ocsf=str(reached / "siem/events.json")))
    assert len(list(made_writable(USER, outside, config))) == 2
    assert (reached / "siem").stat().st_uid == pwd.getpwnam(USER).pw_uid
    assert store.stat().st_uid == pwd.getpwnam(USER).pw_uid
    mine = reached / "mine"
    mine.mkdir(mode=0o700)
    for wrong in (str(mine), None):
        with pytest.raises(SourceError, match='set store = "/var/lib/kanaria/store"'):
            list(made_writable(USER, Config(store=wrong), config))


def test_files_with_secrets_have_to_be_readable(reached: Path) -> None:
    password = reached / "password"
    password.write_text("x")
    password.chmod(0o600)
    options = {"sasl.password": f"file:{password}"}
    settings = Config(sources=(Source(kind="kafka", brokers="192.0.2.1:9092", topics=("zeek",), options=options),))
    with pytest.raises(SourceError, match=r"chgrp daemon .*/password && chmod 640 .*/password"):
        must_read(USER, settings)
    shutil.chown(password, group=USER)
    password.chmod(0o640)
    must_read(USER, settings)
    password.unlink()
    with pytest.raises(SourceError, match="got nothing there"):
        must_read(USER, settings)


def test_what_root_does_to_the_store_of_a_user_stays_the_user_s(tmp_path: Path, kanaria: Kanaria) -> None:
    probe = (
        r'203.0.113.9 - - [21/Jun/2026:07:01:00 +0000] "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}" 400 0'
    )
    (tmp_path / "a.log").write_text(f"{probe}\n")
    assert kanaria("analyze", "a.log", "--store", "mine").status == 0
    assert kanaria("backup", "b.tar.gz", "--store", "mine").status == 0
    state, user = tmp_path / "state", pwd.getpwnam(USER)
    state.mkdir()
    (tmp_path / "elsewhere").write_text("not of the store")
    shutil.chown(state, USER)
    assert kanaria("restore", "b.tar.gz", "--store", "state/store").status == 0
    (state / "store" / "link").symlink_to(tmp_path / "elsewhere")
    os.link(tmp_path / "elsewhere", state / "store" / "name")
    incident = kanaria("incident", "list", "--store", "state/store").out.split()[0]
    assert kanaria("incident", "set", incident, "dismissed", "--why", "x", "--store", "state/store").status == 0
    assert kanaria("analyze", "a.log", "--store", "state/store").status == 0
    owners = {place.name: place.lstat().st_uid for place in (state / "store").rglob("*")}
    assert (owners.pop("link"), owners.pop("name")) == (0, 0)  # no way to be given what lies elsewhere
    assert set(owners.values()) == {user.pw_uid}, owners
    assert {place.stat().st_uid for place in (tmp_path / "mine").rglob("*")} == {0}
