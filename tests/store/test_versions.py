"""Stores of every version become one of today: the same incidents, the same decisions, the tables the code describes."""

from __future__ import annotations

import gzip
import json
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text

from kanaria.store import compile as compiling
from kanaria.store import versions
from kanaria.store.incidents import IncidentStore
from kanaria.store.migrations.versions.v0004_rows import _Plain
from kanaria.store.rows import put_rows, with_rows
from kanaria.store.schema import TABLES
from tests.app.running import Kanaria
from tests.app.test_cli_incident import DAY, guessing
from tests.store.postgres import postgres

OLDER = Path(__file__).parent / "older"
"""Made by ``kanaria analyze --store`` of commits that had that version: two password guessings, and a mining probe."""
GUESSED, PROBED = {"i-f00552b3dee1", "i-448707159683"}, "i-faae3213f7f9"


def older(version: int, store: Path) -> dict[str, Any]:
    """Put a store of that version there; its documents."""
    store.mkdir(parents=True)
    (store / "incidents.sqlite").write_bytes(gzip.decompress((OLDER / f"version-{version}.sqlite.gz").read_bytes()))
    with sqlite3.connect(store / "incidents.sqlite") as db:
        found = dict(db.execute("SELECT id, document FROM incident"))
    db.close()
    return {ident: json.loads(document) for ident, document in found.items()}


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_an_older_store_says_what_it_said(kanaria: Kanaria, tmp_path: Path, version: int) -> None:
    documents = older(version, tmp_path / "store")
    if version >= 4:  # its documents have tables of their own beside them
        documents = older(3, tmp_path / "whole")
    with IncidentStore(tmp_path / "store") as store:
        assert {kept.id: kept.document for kept in store.all()} == documents
        assert set(documents) == {*GUESSED, PROBED}
    done = kanaria("incident", "set", PROBED, "dismissed", "--why", "ours", "--store", "store")
    assert done.status == 0 and "dismissed" in done.out
    assert kanaria("incident", "show", PROBED, "--store", "store").out.endswith("open → dismissed (ours)\n")


@pytest.mark.parametrize("version", [1, 2, 3])
def test_runs_go_on_from_an_older_store(kanaria: Kanaria, tmp_path: Path, version: int) -> None:
    older(version, tmp_path / "store")
    # Version 3 names a file of what is normal, which is not among these: that it is gone is damage.
    assert kanaria("restore", "--set-aside", "--store", "store").status == 0
    first, second = (0, "203.0.113.9"), (6, "198.51.100.7")
    lines = [line for day, source in (first, second) for line in guessing(DAY + timedelta(days=day), source)]
    (tmp_path / "auth.log").write_text("\n".join(lines) + "\n")
    found = kanaria("analyze", "auth.log", "--store", "store", "--format", "json").document["incidents"]
    assert found and {incident["id"] for incident in found} <= GUESSED
    assert {incident["alert"]["tell"] for incident in found} == {version == 1}, "version 1 kept nothing of who was told"
    with IncidentStore(tmp_path / "store") as store:
        assert {kept.id for kept in store.all()} == {*GUESSED, PROBED}


@pytest.mark.parametrize("version", [0, 1, 2, 3, 4])
def test_every_way_leads_to_the_tables_the_code_describes(tmp_path: Path, version: int) -> None:
    if version:
        older(version, tmp_path / "store")
    with IncidentStore(tmp_path / "store"):
        pass
    engine = create_engine(f"sqlite:///{tmp_path}/store/incidents.sqlite")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).all() == [
            (f"{versions.VERSION:04}",)
        ]
        assert not differences(connection)
    engine.dispose()


def test_the_compiled_schema_is_that_of_the_code() -> None:
    assert compiling.FILE.read_text("utf-8") == compiling.sqlite_text(), "run python -m kanaria.store.compile"


def test_a_migration_that_is_interrupted_has_not_been(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = older(3, tmp_path / "store")
    script = (
        "import os, signal, sys, pathlib\n"
        "from kanaria.store.migrations.versions import v0004_rows\n"
        "from kanaria.store import rows, incidents\n"
        "calls = iter(range(9))\n"
        "true = rows.put_rows\n"
        "rows.put_rows = lambda *a: os.kill(os.getpid(), signal.SIGKILL) if next(calls) == 2 else true(*a)\n"
        "incidents.IncidentStore(pathlib.Path(sys.argv[1]))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "store")], check=False, capture_output=True)
    assert done.returncode == -9, done.stderr
    with sqlite3.connect(tmp_path / "store" / "incidents.sqlite") as db:
        assert db.execute("PRAGMA user_version").fetchone() == (3,)
    db.close()
    with IncidentStore(tmp_path / "store") as store:
        assert {kept.id: kept.document for kept in store.all()} == documents


def test_a_store_of_a_newer_version_is_refused(kanaria: Kanaria, tmp_path: Path) -> None:
    older(3, tmp_path / "store")
    with sqlite3.connect(tmp_path / "store" / "incidents.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    done = kanaria("incident", "list", "--store", "store")
    assert done.status == 2 and "made by a newer Kanaria" in done.err


def test_a_day_needs_no_sqlalchemy(tmp_path: Path) -> None:
    """It takes half a second to import, and listing incidents a quarter."""
    script = (
        "import sys, pathlib\n"
        "from kanaria.store.incidents import IncidentStore\n"
        "with IncidentStore(pathlib.Path(sys.argv[1])) as store: store.all()\n"
        "print(sorted({'sqlalchemy', 'alembic'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "new")], check=True, capture_output=True, text=True
    )
    assert done.stdout == "[]\n"


def test_a_record_is_kept_once_and_goes_with_its_last_evidence(tmp_path: Path) -> None:
    (document,) = (d for d in older(3, tmp_path / "older").values() if d["id"] == PROBED)
    with IncidentStore(tmp_path / "store") as store:
        store.save([document, {**document, "id": "i-2", "findings": [{**document["findings"][0], "id": "f-2"}]}], DAY)
        kept = store.all()
        store.save([{**document, "evidence": []}], DAY)
    assert {one.id: one.document["evidence"] for one in kept} == {one: document["evidence"] for one in (PROBED, "i-2")}
    with sqlite3.connect(tmp_path / "store" / "incidents.sqlite") as db:
        quoted = [row[0] for row in db.execute("SELECT quote FROM record")]
        assert db.execute("SELECT count(*) FROM evidence").fetchone() == (len(document["evidence"]),)
    db.close()
    assert len(quoted) == len({(e["source"], e["line"], e["time"], e["quote"]) for e in document["evidence"]})


def test_postgresql_gets_the_same_tables_and_rows(tmp_path: Path) -> None:
    documents = older(3, tmp_path / "older")
    with postgres() as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            versions.upgrade(connection)
            assert not differences(connection)
            db: Any = _Plain(connection)
            kept = {ident: _insert(connection, db, ident, document) for ident, document in documents.items()}
            assert with_rows(db, kept) == documents
            rules = connection.execute(text("SELECT DISTINCT rule FROM finding WHERE severity = 'high'")).all()
        engine.dispose()
    assert {f["rule"] for d in documents.values() for f in d["findings"] if f["severity"] == "high"} == {
        r[0] for r in rules
    }


def differences(connection: Connection) -> list[Any]:
    """What an automatic migration would change."""
    context = MigrationContext.configure(connection)
    # Older SQLite tables let keys be null, which they are not.
    harmless = ("modify_nullable",) if connection.dialect.name == "sqlite" else ()
    return [one for one in compare_metadata(context, TABLES) if not any(name in str(one) for name in harmless)]


def _insert(connection: Connection, db: Any, ident: str, document: dict[str, Any]) -> str:
    connection.execute(
        text(
            "INSERT INTO incident (id, state, document, severity, created, changed)"
            " VALUES (:id, 'open', '{}', :severity, '', '')"
        ),
        {"id": ident, "severity": document["severity"]},
    )
    return put_rows(db, ident, document)
