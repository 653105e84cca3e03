"""Where something is written is looked at before any work, and the words are those of the writing itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from kanaria.app.run import engine
from tests.app.running import Kanaria

LINE = '203.0.113.7 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 512 "-" "curl/8.5.0"\n'


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("work was begun")

    monkeypatch.setattr(engine.Engine, "__init__", fail)


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    "command",
    [
        ("demo", "-o"), ("analyze", "a.log", "-o"), ("explain", "x", "-o"), ("analyze", "a.log", "--rejects"),
        ("incident", "show", "abc", "--plot", "-o"), ("incident", "export", "-o"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("place", "en", "ja"),
    [
        ("no/such/f", "No such file or directory", "ファイル"), ("folder", "Is a directory", "ディレクトリ"),
        ("a.log/f", "Not a directory", "ディレクトリ"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_said_before_the_work(
    kanaria: Kanaria, tmp_path: Path, command: tuple[str, ...], place: str, en: str, ja: str
) -> None:
    (tmp_path / "a.log").write_text(LINE)
    (tmp_path / "folder").mkdir()
    done = kanaria(*command, place)
    assert (done.status, done.out) == (2, "")
    assert place in done.err and en in done.err and "a place to write" in done.err
    japanese = kanaria(*command, place, LANG="ja_JP.UTF-8")
    assert japanese.status == 2 and ja in japanese.err


def test_what_can_be_written_is(kanaria: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(LINE)
    (tmp_path / "old").write_text("before")
    (tmp_path / "link").symlink_to("behind")
    for place in ("new", "old", "link", "/dev/null", "-"):
        assert kanaria("analyze", "a.log", "-o", place, "--rejects", "/dev/null").status == 0, place
    assert "Nothing of mining" in (tmp_path / "new").read_text()
    assert (tmp_path / "old").read_text() == (tmp_path / "behind").read_text() == (tmp_path / "new").read_text()


@pytest.mark.parametrize("store", ["a.log", "a.log/store", "postgresql://db.example/kanaria"])
def test_init_refuses_a_store_that_cannot_be_one_before_it_writes(kanaria: Kanaria, tmp_path: Path, store: str) -> None:
    (tmp_path / "a.log").write_text(LINE)
    (tmp_path / "root").mkdir()
    done = kanaria("init", "--root", "root", "-o", "s.toml", "--store", store)
    assert done.status == 2 and store in done.err and "expected a folder to keep incidents in" in done.err
    assert not (tmp_path / "s.toml").exists() and done.out == ""
    for fine in ("new/deep/store", "."):
        assert kanaria("init", "--root", "root", "-o", "s.toml", "--force", "--store", fine).status == 0


@pytest.mark.parametrize("place", ["a.log", "a.log/s.toml"])
def test_init_refuses_a_file_it_cannot_write_before_it_looks(kanaria: Kanaria, tmp_path: Path, place: str) -> None:
    (tmp_path / "a.log").write_text(LINE)
    done = kanaria("init", "-o", place)
    assert (done.status, done.out) == (2, "")
    assert (tmp_path / "a.log").read_text() == LINE
