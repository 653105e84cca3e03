"""Takes out of an environment the parts of packages that Kanaria never loads, and makes sure that it still works.

In: the interpreter that runs this belongs to the environment. Out: files are gone, one line says how much, status 0.
The parts are first set aside; when one of the imports or the round trip below then fails, they come back and status 1
says why, so a package that changed inside makes the environment larger and never broken. Installing a package anew
(`pip install --force-reinstall`) brings its parts back. `make test` runs in an environment that went through this.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

UNUSED = (
    "pyarrow/libarrow_flight*", "pyarrow/_flight*", "pyarrow/libarrow_python_flight*",  # remote procedure calls
    "pyarrow/libarrow_s3*", "pyarrow/_s3fs*",            # Amazon's storage; pyarrow.fs does without
    "pyarrow/libarrow_python.so", "pyarrow/libarrow_python*.so.*.*",  # copies under a second and third name
    "pyarrow/include", "pyarrow/includes", "pyarrow/src", "pyarrow/tests", "pyarrow/_pyarrow_cpp_tests*",
    "pyarrow/*.pyx", "pyarrow/*.pxi", "pyarrow/*.pxd",   # sources, for those who compile against it
    "numpy/**/tests", "numpy/_core/include", "numpy/_core/lib", "numpy/random/lib",
    "numpy/_core/_simd*.so", "numpy/_core/*_tests*.so",  # its own tests alone load these
    "pyarrow/_orc*", "pyarrow/_dataset_orc*", "pyarrow/_hdfs*", "pyarrow/_gcsfs*", "pyarrow/_azurefs*",
    # Python does the same beside these; Kanaria imports SQLAlchemy for bringing an old store up to date, and not else.
    "sqlalchemy/**/*_cy.*.so", "sqlalchemy/testing", "alembic/testing",
    "sqlalchemy/dialects/mysql", "sqlalchemy/dialects/oracle", "sqlalchemy/dialects/mssql",
    "numpy/f2py",                                        # wraps Fortran
    "numba/tests", "numba/**/tests", "numba/cuda",       # graphics cards
    "setuptools", "setuptools-*.dist-info", "pkg_resources", "_distutils_hack", "distutils-precedence.pth",  # of 3.11
    "pip/**/__pycache__",                                # compiled anew when used
)  # fmt: skip
"""Globs below the folder of packages: what the wheels bring for other purposes than running our imports."""

CHECK = """
import io
import duckdb, numba, numpy as np, pyarrow as pa, pyarrow.acero, pyarrow.compute as pc, pyarrow.csv, pyarrow.dataset
import pyarrow.fs, pyarrow.ipc, pyarrow.json, pyarrow.parquet
made = pa.table({"a": pa.array(np.arange(3)), "b": ["x", "y", None]})
duckdb.connect().register("made", made).execute("SELECT sum(a) FROM made WHERE b IS NOT NULL").to_arrow_table()
assert pc.sum(made.group_by("b").aggregate([("a", "sum")])["a_sum"]).as_py() == 3
assert pyarrow.csv.read_csv(io.BytesIO(b"a,b\\n1,2\\n")).num_rows == 1
assert pyarrow.json.read_json(io.BytesIO(b'{"a": 1}\\n')).num_rows == 1
packed = pa.BufferOutputStream()
with pa.ipc.new_file(packed, made.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
    writer.write_table(made)
assert pa.ipc.open_file(packed.getvalue()).read_all().equals(made)
import alembic.command, sqlalchemy
made = sqlalchemy.create_engine("sqlite://").connect()
assert made.execute(sqlalchemy.select(sqlalchemy.literal(1) + 1)).all() == [(2,)]
assert numba.njit(lambda x: x + 1)(np.int64(1)) == 2
"""
"""What Kanaria does with these packages, and what they import of each other for it."""


def unused(packages: Path) -> list[Path]:
    """The parts that are there, without those inside another one."""
    matched = {part for pattern in UNUSED for part in packages.glob(pattern)}
    return sorted(part for part in matched if matched.isdisjoint(part.parents))


def size(part: Path) -> int:
    """Bytes in the files of a part."""
    files = part.rglob("*") if part.is_dir() else [part]
    return sum(file.lstat().st_size for file in files if not file.is_dir())


def works() -> str:
    """What is wrong with the environment; nothing when it does its work."""
    done = subprocess.run([sys.executable, "-c", CHECK], check=False, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stderr.strip() or f"status {done.returncode}"


def move(part: Path, source: Path, target: Path) -> None:
    """Bring a part from one folder to the same place in another one of the same file system."""
    place = target / part.relative_to(source)
    place.parent.mkdir(parents=True, exist_ok=True)
    os.replace(part, place)


def main() -> int:
    """Status 1 when nothing was taken out, because something needs it or cannot be moved."""
    packages = Path(sysconfig.get_path("purelib"))
    parts = unused(packages)
    if not parts:
        return 0
    freed = sum(map(size, parts))
    aside = Path(tempfile.mkdtemp(prefix=".aside-", dir=packages))
    moved = []
    try:
        for part in parts:
            move(part, packages, aside)
            moved.append(part)
        wrong = works()
    except OSError as error:
        wrong = str(error)
    if wrong:
        for part in moved:
            move(aside / part.relative_to(packages), aside, packages)
        print(f"Parts thought unused are needed and were put back:\n{wrong}", file=sys.stderr)
    else:
        print(f"Left out {freed / 1e6:.0f} MB of packages that Kanaria never loads (scripts/slim.py).", file=sys.stderr)
    shutil.rmtree(aside)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
