"""The same expressions on Spark give the same rows as on DuckDB."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import types
import warnings
from collections.abc import Iterator
from typing import Any

import ibis
import pytest
from kit_baseline import connection, flow, pattern

from kanaria.baseline import handful, program, shape

pytestmark = [pytest.mark.spark, pytest.mark.slow]


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    if importlib.util.find_spec("pyspark") is None or shutil.which("java") is None:
        pytest.skip("needs Java and PySpark")
    from pyspark.sql import SparkSession

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session = (
            SparkSession.builder.master("local[1]")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.sql.session.timeZone", "UTC")
            # Some rows do not repay compiling: plans are interpreted, and Java stops at its first compiler.
            .config("spark.sql.codegen.wholeStage", "false")
            .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
            .config("spark.sql.adaptive.enabled", "false")
            .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
            .getOrCreate()
        )
        yield session
        session.stop()


@pytest.mark.filterwarnings("ignore")
def test_scores_are_the_same_row_by_row(spark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handful, "MOST", -1)
    learned = pattern()
    learned.learn(connection(*(flow(hour, dst_ip=f"192.0.2.{hour % 7}") for hour in range(48))))
    learned.score(connection(flow(48), flow(48, dst_ip="198.51.100.7", src_bytes=10**8)))
    engine = learned.state.engine
    # Ibis imports this patch for pyarrow before 14.0.1 (CVE-2023-47248); ours is newer and the package is not needed.
    sys.modules.setdefault("pyarrow_hotfix", types.ModuleType("pyarrow_hotfix"))
    backend = ibis.pyspark.connect(spark)
    for name in ("rows", "ties", "totals", "quantities", "hourly", "calibration"):
        arrow = engine.execute(f"FROM baseline_{name}").to_arrow_table()
        spark.createDataFrame(arrow).createOrReplaceTempView(f"baseline_{name}")
    for name, step in program.score(program.tables(), 336.0).items():
        # Materialised like DuckDB's temporary tables: as views the steps would be planned anew inside each other.
        spark.sql(backend.compile(step)).localCheckpoint().createOrReplaceTempView(f"baseline_{name}")
    columns = ", ".join(shape.SCORED)
    got = [tuple(row) for row in spark.sql(f"SELECT {columns} FROM baseline_scored ORDER BY row").collect()]  # noqa: S608
    want = engine.execute(f"SELECT {columns} FROM baseline_scored ORDER BY row").fetchall()  # noqa: S608
    assert len(got) == len(want) == 2
    for mine, other in zip(want, got, strict=True):
        for name, left, right in zip(shape.SCORED, mine, other, strict=True):
            assert right == (pytest.approx(left, abs=1e-9) if isinstance(left, float) else left), name
