"""``backup``, ``restore`` and ``install-service``: what an archive holds and who may read it, what is put back, limits."""

from __future__ import annotations

import io
import os
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.running import Kanaria
from tests.app.test_unattended import PROBE

LINE = PROBE.format(time="21/Jun/2026:07:01:00 +0000")


@pytest.fixture
def stored(kanaria: Kanaria, tmp_path: Path) -> str:
    """A store with one incident; what it lists."""
    (tmp_path / "a.log").write_text(f"{LINE}\n")
    kanaria("analyze", "a.log", "--store", "s")
    return kanaria("incident", "list", "--store", "s").out


def packed(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> None:
    """An archive that nobody's backup wrote."""
    with tarfile.open(path, "w:gz") as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    return info


class TestBackup:
    def test_it_says_where_the_archive_is_and_only_its_owner_may_read_it(
        self, kanaria: Kanaria, tmp_path: Path, stored: str
    ) -> None:
        done = kanaria("backup", "b.tar.gz", "--store", "s")
        assert (done.status, done.out, done.err) == (0, "b.tar.gz\n", "")
        assert (tmp_path / "b.tar.gz").stat().st_mode & 0o777 == 0o600

    def test_it_holds_the_store_and_nothing_of_the_process_that_has_it(
        self, kanaria: Kanaria, tmp_path: Path, stored: str
    ) -> None:
        (tmp_path / "s" / "rejected.jsonl").write_text("{}\n")
        kanaria("backup", "b.tar.gz", "--store", "s")
        with tarfile.open(tmp_path / "b.tar.gz") as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
        assert "incidents.sqlite" in names
        assert not names & {"run.lock", "owner.json", "owner.sock", "serve.json"}

    def test_one_that_is_there_already_is_replaced_whole(self, kanaria: Kanaria, tmp_path: Path, stored: str) -> None:
        (tmp_path / "b.tar.gz").write_text("an older one")
        assert kanaria("backup", "b.tar.gz", "--store", "s").status == 0
        assert tarfile.is_tarfile(tmp_path / "b.tar.gz")
        assert [file.name for file in tmp_path.glob(".*part")] == []

    @pytest.mark.parametrize(
        ("store", "archive", "said"),
        [
            ("none", "b.tar.gz", "none: expected a store to back up; got none"),
            ("empty", "b.tar.gz", "empty: expected a store to back up; got none"),
            ("a.log", "b.tar.gz", "a.log: expected a folder to keep incidents in; got a file"),
            ("s", "no/such/b.tar.gz", "no/such/b.tar.gz: expected a place to write the backup to; got No such file or directory"),
            ("s", "empty", "empty: expected a place to write the backup to; got Is a directory"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_done_is_said_in_a_line_and_leaves_nothing(
        self, kanaria: Kanaria, tmp_path: Path, stored: str, store: str, archive: str, said: str
    ) -> None:
        (tmp_path / "empty").mkdir()
        before = sorted(tmp_path.rglob("*"))
        for language in ("C.UTF-8", "ja_JP.UTF-8"):
            done = kanaria("backup", archive, "--store", store, LANG=language)
            assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1)
            assert (
                (said in done.err)
                if language == "C.UTF-8"
                else ("必要なもの" in done.err and "expected" not in done.err)
            )
        assert sorted(tmp_path.rglob("*")) == before

    def test_a_store_that_somebody_writes_to_is_copied_as_it_was_at_a_moment(
        self, kanaria: Kanaria, tmp_path: Path, stored: str
    ) -> None:
        with sqlite3.connect(tmp_path / "s" / "incidents.sqlite", isolation_level=None) as busy:
            busy.execute("BEGIN IMMEDIATE")
            busy.execute("DELETE FROM incident")
            assert kanaria("backup", "b.tar.gz", "--store", "s").status == 0
            busy.execute("ROLLBACK")
        busy.close()
        kanaria("restore", "b.tar.gz", "--store", "t")
        assert kanaria("incident", "list", "--store", "t").out == stored


class TestRestore:
    def test_it_comes_back_as_it_was_and_only_its_owner_may_read_it(
        self, kanaria: Kanaria, tmp_path: Path, stored: str
    ) -> None:
        kanaria("backup", "b.tar.gz", "--store", "s")
        done = kanaria("restore", "b.tar.gz", "--store", "deep/er/t")
        assert (done.status, done.out) == (0, "deep/er/t\n")
        assert kanaria("incident", "list", "--store", "deep/er/t").out == stored != ""
        assert (tmp_path / "deep/er/t").stat().st_mode & 0o077 == 0
        assert [file for file in (tmp_path / "deep/er").iterdir() if file.name.startswith(".kanaria-restore")] == []

    def test_what_was_told_stays_told(self, kanaria: Kanaria, tmp_path: Path, stored: str) -> None:
        kanaria("backup", "b.tar.gz", "--store", "s")
        kanaria("restore", "b.tar.gz", "--store", "t")
        assert "Nothing new since the last run" in kanaria("analyze", "a.log", "--store", "t").out

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"", "expected an archive of kanaria backup"), (b"no archive", "expected an archive of kanaria backup; got not a gzip file"),
            (b"\x1f\x8b\x08\x00" + b"x" * 40, "expected an archive of kanaria backup"),
        ],
    )  # fmt: skip
    def test_what_is_no_archive_is_named_and_makes_no_store(
        self, kanaria: Kanaria, tmp_path: Path, data: bytes, said: str
    ) -> None:
        (tmp_path / "b.tar.gz").write_bytes(data)
        done = kanaria("restore", "b.tar.gz", "--store", "t")
        assert done.status == 2 and said in done.err and len(done.err.splitlines()) == 1
        assert not (tmp_path / "t").exists() or list((tmp_path / "t").iterdir()) == []

    @pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
    def test_one_that_was_cut_is_named(self, kanaria: Kanaria, tmp_path: Path, stored: str, share: float) -> None:
        kanaria("backup", "b.tar.gz", "--store", "s")
        whole = (tmp_path / "b.tar.gz").read_bytes()
        (tmp_path / "b.tar.gz").write_bytes(whole[: int(len(whole) * share)])
        done = kanaria("restore", "b.tar.gz", "--store", "t")
        assert done.status == 2 and "expected an archive of kanaria backup" in done.err
        assert kanaria("incident", "list", "--store", "t").out == ""

    HOSTILE: tuple[tuple[str, Callable[[], tarfile.TarInfo]], ...] = (
        ("above", lambda: member("../evil")), ("absolute", lambda: member("/tmp/kanaria-evil")),
        ("far above", lambda: member("store/../../evil")), ("symbolic link", lambda: member("store/x", tarfile.SYMTYPE, "/etc/passwd")),
        ("hard link", lambda: member("store/x", tarfile.LNKTYPE, "../../etc/passwd")), ("pipe", lambda: member("store/x", tarfile.FIFOTYPE)),
        ("device", lambda: member("store/x", tarfile.CHRTYPE)),
    )  # fmt: skip

    @pytest.mark.parametrize(("name", "hostile"), HOSTILE, ids=lambda value: value if isinstance(value, str) else "")
    def test_one_that_would_write_elsewhere_writes_nothing_there(
        self, kanaria: Kanaria, tmp_path: Path, stored: str, name: str, hostile: Callable[[], tarfile.TarInfo]
    ) -> None:
        database = (tmp_path / "s" / "incidents.sqlite").read_bytes()
        packed(tmp_path / "b.tar.gz", (member("store/incidents.sqlite"), database), (hostile(), b""))
        kanaria("restore", "b.tar.gz", "--store", "t")
        assert not (tmp_path / "evil").exists() and not (tmp_path.parent / "evil").exists()
        assert not Path("/tmp/kanaria-evil").exists()
        assert not [
            file for file in (tmp_path / "t").rglob("*") if file.is_symlink() or not (file.is_file() or file.is_dir())
        ]

    def test_rights_in_the_archive_give_nobody_a_right(self, kanaria: Kanaria, tmp_path: Path, stored: str) -> None:
        database = (tmp_path / "s" / "incidents.sqlite").read_bytes()
        packed(tmp_path / "b.tar.gz", (member("store/incidents.sqlite", mode=0o6777), database))
        assert kanaria("restore", "b.tar.gz", "--store", "t").status == 0
        assert (tmp_path / "t" / "incidents.sqlite").stat().st_mode & 0o6022 == 0

    def test_neither_an_archive_nor_set_aside_is_wrong_use(self, kanaria: Kanaria) -> None:
        done, japanese = kanaria("restore", "--store", "t"), kanaria("restore", "--store", "t", LANG="ja_JP.UTF-8")
        assert (done.status, japanese.status) == (2, 2)
        assert "Missing argument 'ARCHIVE' or --set-aside." in done.err and "Missing" not in japanese.err

    def test_a_backup_replaces_nothing_unless_it_is_put_aside(
        self, kanaria: Kanaria, tmp_path: Path, stored: str
    ) -> None:
        kanaria("backup", "b.tar.gz", "--store", "s")
        refused = kanaria("restore", "b.tar.gz", "--store", "s")
        assert refused.status == 2 and "a backup replaces nothing: move the old store away first" in refused.err
        done = kanaria("restore", "b.tar.gz", "--store", "s", "--set-aside")
        assert done.status == 0 and done.out.startswith("Set aside: s/set-aside-")
        (aside,) = (tmp_path / "s").glob("set-aside-*")
        assert (aside / "incidents.sqlite").exists()
        assert kanaria("incident", "list", "--store", "s").out == stored

    def test_a_store_without_damage_is_left_as_it_is(self, kanaria: Kanaria, tmp_path: Path, stored: str) -> None:
        for language, words in (
            ("C.UTF-8", "Nothing is damaged.\n"),
            ("ja_JP.UTF-8", "壊れているものはありません。\n"),
        ):
            done = kanaria("restore", "--set-aside", "--store", "s", LANG=language)
            assert (done.status, done.out) == (0, words)
        assert kanaria("incident", "list", "--store", "s").out == stored


class TestUnit:
    """What systemd is given."""

    @pytest.fixture
    def shown(self, kanaria: Kanaria, tmp_path: Path) -> Callable[..., list[str]]:
        def show(*options: str, settings: str = "") -> list[str]:
            (tmp_path / "k.toml").write_text(f'{settings}[[sources]]\nkind = "stdin"\n')
            done = kanaria("install-service", "--config", "k.toml", "--print", *options)
            return [f"status {done.status}", *done.out.splitlines(), *done.err.splitlines()]

        return show

    @pytest.mark.parametrize(("option", "key"), [("--memory", "MemoryHigh"), ("--cpu", "CPUQuota")])
    @pytest.mark.parametrize(
        ("value", "memory", "cpu"),
        [
            ("2G", True, False), ("512M", True, False), ("1.5G", True, False), ("50%", True, True), ("150%", True, True),
            ("infinity", True, False), ("1048576", True, False), ("lots", False, False), ("", False, False), ("2 G", False, False),
            ("-1", False, False), ("2G\nExecStartPre=/bin/false", False, False), ("2GB", False, False), ("%", False, False), ("٢G", False, False),
        ],
    )  # fmt: skip
    def test_a_limit_is_one_that_it_reads(
        self, shown: Callable[..., list[str]], option: str, key: str, value: str, memory: bool, cpu: bool
    ) -> None:
        """What it does not read it only logs, and sets no limit."""
        lines = shown(option, value)
        taken = memory if option == "--memory" else cpu
        assert (lines[0] == "status 0") is taken
        assert (f"{key}={value}" in lines) is taken
        assert taken or lines[1].startswith(f"kanaria: {option}: expected a limit such as")

    def test_what_is_not_asked_for_is_not_allowed(self, shown: Callable[..., list[str]]) -> None:
        plain, capturing = shown(), shown("--capture")
        assert "AmbientCapabilities=CAP_NET_RAW" in capturing and "AmbientCapabilities=CAP_NET_RAW" not in plain
        for line in (
            "NoNewPrivileges=yes",
            "ProtectSystem=strict",
            "UMask=0077",
            "StateDirectoryMode=0700",
            "User=kanaria",
        ):
            assert line in plain and line in capturing

    def test_only_credentials_that_settings_name_are_handed_over(self, shown: Callable[..., list[str]]) -> None:
        named = shown(settings='[[notify]]\nurl = "credential:phone"\nsecret = "credential:key"\n')
        assert sorted(line for line in named if line.startswith("LoadCredential=")) == [
            "LoadCredential=key:/etc/kanaria/credentials/key", "LoadCredential=phone:/etc/kanaria/credentials/phone",
        ]  # fmt: skip
        assert not [line for line in shown() if line.startswith("LoadCredential=")]

    def test_showing_it_installs_nothing(self, shown: Callable[..., list[str]], tmp_path: Path) -> None:
        shown("--root", "root")
        assert not (tmp_path / "root").exists()

    @pytest.mark.parametrize("language", ["en", "ja"])
    def test_a_settings_file_that_is_wrong_is_said_first(
        self, shown: Callable[..., list[str]], tmp_path: Path, language: str
    ) -> None:
        lines = shown("--lang", language, settings="nonsense = 1\n")
        assert lines[0] == "status 2" and "k.toml:1: nonsense" in lines[1]
        assert os.listdir(tmp_path) == ["k.toml"]
