"""What an ordinary user is told where the system forbids something; root is forbidden nothing.

Where the suite runs as root, ``make test`` runs these once more as somebody else (``tests/ordinary_user.py``).
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.app.running import Kanaria

pytestmark = [
    pytest.mark.ordinary_user,
    pytest.mark.skipif(os.geteuid() == 0, reason="root is forbidden nothing; run again as an ordinary user"),
]

EXAMPLE = Path(__file__).parents[2] / "src" / "kanaria" / "app" / "examples" / "home-server-access.log"


@contextmanager
def closed(*places: Path, mode: int = 0) -> Iterator[None]:
    """Without permissions meanwhile; open again at the end, so that they can be removed."""
    before = [place.stat().st_mode for place in places]
    for place in places:
        place.chmod(mode)
    try:
        yield
    finally:
        for place, was in zip(places, before, strict=True):
            place.chmod(was)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return Path(shutil.copy(EXAMPLE, tmp_path / "access.log"))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (made := tmp_path / "own").mkdir()
    return made


def test_the_user_is_an_ordinary_one() -> None:
    """Else everything here would hold for nobody."""
    with pytest.raises(PermissionError):
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    with pytest.raises(OSError):
        os.setuid(0)


def test_what_may_not_be_read_is_named_and_everything_else_is_analysed(
    kanaria: Kanaria, tmp_path: Path, log: Path
) -> None:
    (folder := tmp_path / "closed").mkdir()
    secret = Path(shutil.copy(log, tmp_path / "secret.log"))
    with closed(secret, folder):
        done = kanaria("analyze", "--format", "json", ".")
        alone = kanaria("analyze", "secret.log")
    assert done.status == 3 and len(done.document["incidents"]) == 1
    said = "\n".join(note["en"] for note in done.document["notes"])
    assert "secret.log: expected a readable file; got permission denied" in said and "closed: could not be read" in said
    assert alone.status == 2 and "permission denied" in alone.err and "join the group" in alone.err


def test_a_machine_with_closed_folders_is_looked_at_all_the_same(kanaria: Kanaria, tmp_path: Path) -> None:
    """Docker's own folder is root's alone."""
    closed_ones = [tmp_path / "root" / name for name in ("var/lib/docker", "opt/zeek", "etc/apache2", "etc/nginx")]
    for place in closed_ones:
        place.mkdir(parents=True)
    (tmp_path / "root/var/log/suricata").mkdir(parents=True)
    with closed(*closed_ones):
        done = kanaria("init", "--root", "root", "-o", "out.toml", "--lang", "en")
    assert done.status == 0, done.err
    assert "+ logs of Suricata" in done.out
    assert "logs of Docker containers" in done.out and "CAP_DAC_READ_SEARCH" in done.out
    assert 'kind = "docker"' in (tmp_path / "out.toml").read_text()


@pytest.mark.parametrize(("mode", "way"), [(0o750, "sudo usermod -aG "), (0o700, "sudo setfacl -R -m u:")])
def test_a_log_in_a_closed_folder_is_not_called_missing(kanaria: Kanaria, tmp_path: Path, mode: int, way: str) -> None:
    """As Debian keeps those of Apache: whoever asks is told how to read them himself."""
    folder = tmp_path / "root/var/log/apache2"
    folder.mkdir(parents=True)
    (folder / "access.log").write_text("")
    (tmp_path / "root/etc/nginx").mkdir(parents=True)
    (tmp_path / "root/etc/nginx/nginx.conf").write_text("access_log /var/log/apache2/access.log;")
    with closed(folder, mode=mode & 0o077):
        done = kanaria("init", "--root", "root", "-o", "out.toml", "--lang", "en")
    assert f"you may not read it yet: {way}" in done.out and "nothing there yet" not in done.out


def test_settings_that_may_not_be_read_are_named_with_the_way_out(kanaria: Kanaria, tmp_path: Path, log: Path) -> None:
    """Those of the service hold secrets: inputs are read without them, what the service keeps is not taken for nothing."""
    (settings := tmp_path / "machine.toml").write_text("")
    with closed(settings):
        read, kept = kanaria("analyze", "access.log"), kanaria("incident", "list")
    assert read.status == 0 and "may not be read by this user: they are not" in " ".join(read.out.split())
    assert kept.status == 2 and "Permission denied" in kept.err and "name settings of your own" in kept.err


def test_a_report_that_may_not_be_written_is_said_and_leaves_nothing_behind(
    kanaria: Kanaria, own: Path, log: Path
) -> None:
    with closed(own, mode=0o555):
        for kind in ("html", "stix", "text"):
            done = kanaria("analyze", "--format", kind, "-o", "own/report", "access.log")
            assert done.status == 2
            assert done.err == "kanaria: own/report: expected a place to write the report to; got Permission denied\n"
        assert list(own.iterdir()) == []


@pytest.mark.parametrize(
    "command", [("analyze", "access.log"), ("baseline", "learn", "access.log"), ("serve", "--config", "kanaria.toml")]
)
def test_a_store_that_may_not_be_made_is_named_in_the_system_s_words(
    kanaria: Kanaria, own: Path, log: Path, command: tuple[str, ...]
) -> None:
    (log.parent / "kanaria.toml").write_text('store = "own/kept"\n[[sources]]\nkind = "file"\npath = "access.log"\n')
    with closed(own, mode=0o555):
        done = kanaria(*command, *([] if "serve" in command else ["--store", "own/kept"]))
        japanese = kanaria(*command, *([] if "serve" in command else ["--store", "own/kept"]), LANG="ja_JP.UTF-8")
    assert done.status == japanese.status == 2
    assert done.err.endswith("own/kept: expected a folder to keep incidents in; got Permission denied\n")
    assert "Errno" not in japanese.err and "権限がありません" in japanese.err


def test_a_store_that_may_only_be_read_is_shown_and_never_called_damaged(
    kanaria: Kanaria, own: Path, log: Path
) -> None:
    assert kanaria("analyze", "access.log", "--store", "own").status == 0
    with closed(*own.iterdir(), mode=0o444), closed(own, mode=0o555):
        listed = kanaria("incident", "list", "--store", "own")
        tried = [kanaria(*words, "--store", "own") for words in (("analyze", "access.log"), ("backup", "kept.tar.gz"))]
    assert listed.status == 0 and "Internet-wide probe" in listed.out
    for done in tried:
        assert done.status == 2 and "damaged" not in done.err and "Errno" not in done.err, done.err
    assert "ask as the user whose it is" in tried[1].err


def test_a_backup_goes_only_where_the_user_may_write(
    kanaria: Kanaria, kanaria_process: Kanaria, tmp_path: Path, own: Path, log: Path
) -> None:
    assert kanaria("analyze", "access.log", "--store", "kept").status == 0
    assert kanaria("backup", "kept.tar.gz", "--store", "kept").status == 0
    with closed(own, mode=0o555):
        for command in (
            ["backup", "own/b.tar.gz", "--store", "kept"],
            ["restore", "kept.tar.gz", "--store", "own/new"],
        ):
            done = kanaria_process(*command)
            assert done.status == 2 and "Permission denied" in done.err and "Errno" not in done.err, done.err
    with closed(tmp_path / "kept.tar.gz"):
        done = kanaria("restore", "kept.tar.gz", "--store", "new")
        assert done.status == 2 and "'kept.tar.gz' is not readable" in done.err


def test_a_capture_without_the_right_names_the_ways_to_get_it(kanaria: Kanaria) -> None:
    if not shutil.which("tcpdump", path="/usr/sbin:/usr/bin:/sbin:/bin"):
        pytest.skip("tcpdump is not installed")
    done = kanaria("analyze", "--interface", "lo")
    assert done.status == 2 and "capture as root with sudo" in done.err and "setcap cap_net_raw" in done.err


def test_settings_are_made_for_what_this_user_sees_and_say_what_it_does_not(
    kanaria: Kanaria, tmp_path: Path, log: Path
) -> None:
    (tmp_path / "kanaria.toml").write_text('store = "kept"\n[[sources]]\nkind = "file"\npath = "access.log"\n')
    with closed(log):
        done = kanaria("check-config", "--config", "kanaria.toml")
    assert done.status == 1 and "may not be read by this user; join the group that may" in done.out
    found = kanaria("init", "-o", "mine.toml")
    assert found.status == 0 and (tmp_path / "mine.toml").exists() and "Traceback" not in found.err
