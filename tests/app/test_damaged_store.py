"""A store of which something was damaged: said in a line, put aside and begun anew, or brought back from a backup."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.running import Kanaria
from tests.app.test_cli_incident import DAY, SERVER, guessing
from tests.app.test_what_teaches import STRANGER, hourly, write

HISTORY, INCIDENTS = "baseline/pattern_of_life.duckdb", "incidents.sqlite"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with an incident and something learned, and a backup of it."""
    from click.testing import CliRunner

    from kanaria.app.commands.main import cli

    folder = tmp_path_factory.mktemp("made")
    write(folder / "auth.log", list(guessing(DAY, STRANGER)))
    write(folder / "conn.log", hourly(1))
    logs = [str(folder / "auth.log"), str(folder / "conn.log")]
    store = str(folder / "s")
    found = CliRunner().invoke(cli, ["analyze", "--store", store, *logs, "-o", str(folder / "first.txt")])
    assert found.exit_code == 1 or found.return_value == 1
    kept = CliRunner().invoke(cli, ["backup", "--store", store, str(folder / "kept.tar.gz")])
    assert kept.exit_code == 0, kept.output
    return folder


@pytest.fixture
def stored(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "s"


def nonsense(file: Path) -> None:
    file.write_bytes(b"no store" * 2_000)


def cut(size: int) -> Callable[[Path], None]:
    return lambda file: os.truncate(file, size)


def linked(file: Path) -> None:
    away = file.parent.parent / f"away-{file.name}"
    file.rename(away)
    file.symlink_to(away)


def a_pipe(file: Path) -> None:
    file.unlink(missing_ok=True)
    os.mkfifo(file)


def a_folder(file: Path) -> None:
    file.unlink(missing_ok=True)
    file.mkdir()


DAMAGE: tuple[tuple[str, Callable[[Path], None], str], ...] = (
    (INCIDENTS, nonsense, "not a database"),
    (INCIDENTS, cut(0), "cut to 0 bytes"),
    (INCIDENTS, cut(1), "cut to 1 bytes"),
    (INCIDENTS, cut(5_000), "malformed"),
    (INCIDENTS, linked, "a symbolic link"),
    (INCIDENTS, a_pipe, "a named pipe"),
    (INCIDENTS, a_folder, "a folder"),
    (HISTORY, nonsense, "not a valid DuckDB"),
    (HISTORY, cut(0), "cut to 0 bytes"),
    (HISTORY, Path.unlink, "something was learned"),
    (HISTORY, linked, "a symbolic link"),
    (HISTORY, a_pipe, "a named pipe"),
    ("run.lock", linked, "a symbolic link"),
    ("run.lock", a_pipe, "a named pipe"),
    ("owner.json", a_pipe, "a named pipe"),
    ("owner.sock", a_folder, "a folder"),
)


@pytest.mark.parametrize(("name", "damage", "said"), DAMAGE)
def test_what_is_damaged_is_named_and_put_aside(
    kanaria: Kanaria, stored: Path, name: str, damage: Callable[[Path], None], said: str
) -> None:
    damage(stored / name)
    damaged = (stored / name).read_bytes() if (stored / name).is_file() else b""
    refused = kanaria("analyze", "--store", "s", "conn.log")
    assert (refused.status, refused.out, len(refused.err.splitlines())) == (2, "", 1)
    assert said in refused.err and "kanaria restore --set-aside" in refused.err and "no space" not in refused.err
    done = kanaria("restore", "--set-aside", "--store", "s")
    assert done.status == 0 and said in done.out, done
    assert damaged in _all(stored)  # nothing was deleted
    assert kanaria("baseline", "show", "--store", "s").status == 0
    listed = kanaria("incident", "list", "--store", "s")
    assert listed.status == 0 and bool(listed.out) == (name != INCIDENTS)
    assert "Nothing is damaged" in kanaria("restore", "--set-aside", "--store", "s").out


def test_parts_that_cannot_be_read_cost_no_incident(kanaria: Kanaria, stored: Path) -> None:
    with sqlite3.connect(stored / INCIDENTS) as db:
        db.execute("UPDATE state SET content = x'0011' WHERE name = 'sources'")
    db.close()
    listed = kanaria("incident", "list", "--store", "s").out
    assert kanaria("analyze", "--store", "s", "conn.log").status == 2
    assert kanaria("restore", "--set-aside", "--store", "s").status == 0
    assert kanaria("incident", "list", "--store", "s").out == listed != ""
    assert kanaria("analyze", "--store", "s", "conn.log").status == 0


def test_a_backup_takes_the_place_of_a_damaged_store(kanaria: Kanaria, stored: Path) -> None:
    listed, normal = (kanaria(*words, "--store", "s").out for words in (("incident", "list"), ("baseline", "show")))
    nonsense(stored / INCIDENTS)
    (stored / HISTORY).unlink()
    assert kanaria("restore", "kept.tar.gz", "--store", "s").status == 2
    nonsense(stored.parent / "broken.tar.gz")
    assert kanaria("restore", "broken.tar.gz", "--set-aside", "--store", "s").status == 2
    assert (stored / INCIDENTS).read_bytes().startswith(b"no store")
    done = kanaria("restore", "kept.tar.gz", "--set-aside", "--store", "s")
    assert done.status == 0 and "set-aside-" in done.out
    assert kanaria("incident", "list", "--store", "s").out == listed != ""
    assert kanaria("baseline", "show", "--store", "s").out == normal
    assert kanaria("baseline", "show", SERVER, "--store", "s").status == 0


def test_a_doctor_names_what_is_damaged(kanaria: Kanaria, stored: Path) -> None:
    nonsense(stored / INCIDENTS)
    (stored.parent / "kanaria.toml").write_text('store = "s"\n[host]\ncheck = true\n')
    done = kanaria("doctor", "--config", "kanaria.toml")
    assert done.status == 1 and "not a database" in done.out and "--set-aside" in done.out
    done = kanaria("doctor", "--config", "kanaria.toml", "--lang", "ja")
    assert "壊れています" in done.out


def test_a_used_store_is_left_alone(kanaria: Kanaria, stored: Path) -> None:
    from kanaria.app.owning import owning

    with owning(stored, "analyze"):
        refused = kanaria("restore", "kept.tar.gz", "--set-aside", "--store", "s")
        assert refused.status == 2 and "another run is using it" in refused.err
        assert kanaria("restore", "--set-aside", "--store", "s").status == 2


def test_a_link_to_a_socket_is_not_connected_to(stored: Path, kanaria: Kanaria) -> None:
    from kanaria.app.owning import owning

    with owning(stored, "analyze"), socket.socket(socket.AF_UNIX) as strange:
        strange.bind(str(stored.parent / "strange.sock"))
        (stored / "owner.sock").unlink()
        (stored / "owner.sock").symlink_to(stored.parent / "strange.sock")
        refused = kanaria("incident", "list", "--store", "s")
        assert refused.status == 2 and "a symbolic link" in refused.err
        (stored / "owner.sock").unlink()


def _all(folder: Path) -> set[bytes]:
    return {path.read_bytes() for path in folder.rglob("*") if path.is_file()} | {b""}
