"""A PostgreSQL server of Debian's for one test: its own folder, its own socket, no port."""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.programs import program


@contextmanager
def postgres() -> Iterator[str]:
    """The SQLAlchemy URL of an empty database; skips the test, visibly, where there can be no server."""
    if os.geteuid() != 0:
        pytest.skip("only root can start PostgreSQL as its own user")
    program("pg_lsclusters", "postgresql")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not found:
        pytest.skip("PostgreSQL is not installed (Debian's postgresql)")
    user = pwd.getpwnam("postgres")
    with tempfile.TemporaryDirectory(prefix="kanaria-pg-") as name:
        os.chown(name, user.pw_uid, user.pw_gid)
        data = f"{name}/data"
        started = f"-k {name} -c listen_addresses= -c fsync=off"

        def run(*command: str) -> None:
            subprocess.run(command, check=True, user="postgres", group="postgres", cwd=name, capture_output=True)

        run(str(found[-1].with_name("initdb")), "-D", data, "--no-sync", "--auth=trust", "--locale=C", "-E", "UTF8")
        run(str(found[-1]), "-D", data, "-w", "-l", f"{name}/log", "-o", started, "start")
        try:
            yield f"postgresql+psycopg://postgres@/postgres?host={name}"
        finally:
            run(str(found[-1]), "-D", data, "-m", "immediate", "-w", "stop")
