"""How a web server usually answers: sizes per status and path, and who sends it things it cannot parse.

Comes in: ``http`` tables, batch by batch. Goes out: ``AnswerSizes`` for a status and path, counts of clients with
malformed requests. State is one append-only table of deltas in the engine the application passes in, aggregated on read
and compacted when it grows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from kanaria.core.limits import Limits
from kanaria.core.types import AnswerSizes

if TYPE_CHECKING:
    import duckdb

# Deltas are compacted when they are twice what the last compaction left, between these numbers of rows (3 and 60 MB).
# At the upper one (a setting) paths seen once are forgotten when the compacted table is still large: a path nobody else
# asks for has no usual size.
LEAST_COMPACT_ROWS = 100_000
SIZES_KEPT = 1_000
# Rows gathered before the engine counts them: about 60 MB of columns.
GATHERED_ROWS = 400_000
_KEPT = """
    WITH counted AS (SELECT status, path, bytes, sum(times)::BIGINT AS times FROM web_answers GROUP BY ALL),
    every AS (SELECT count(*) AS every FROM counted)
    SELECT status, CASE WHEN every <= $1 OR times > 1 THEN path END AS named, bytes, sum(times)::BIGINT AS n, every
    FROM counted CROSS JOIN every GROUP BY ALL ORDER BY n DESC, status, named, bytes LIMIT $1"""
"""What a service that begins anew knows of answers."""
_KEPT_CLIENTS = """
    SELECT status, client FROM (FROM web_malformed
        ORDER BY row_number() OVER (PARTITION BY status ORDER BY client), status LIMIT $1) ORDER BY ALL"""
"""And of clients: of every status alike, as ``_forget_clients`` has it."""
_COUNTED = ("status", "url", "bytes_out", "method", "src_ip")
_ANSWERS = pa.schema([("status", pa.int32()), ("path", pa.string()), ("bytes", pa.int64()), ("times", pa.int64())])
_MALFORMED = pa.schema([("status", pa.int32()), ("client", pa.string())])


def _columns(rows: Sequence[Sequence[Any]], number: int) -> list[list[Any]]:
    return [[row[place] for row in rows] for place in range(number)]


class WebProfile:
    """The answers of one server (or several: the run's logs together)."""

    def __init__(self, engine: duckdb.DuckDBPyConnection, limits: Limits = Limits()) -> None:  # noqa: B008  (frozen)
        self._engine, self._most, self._most_clients = engine, limits.web_answers, limits.web_clients
        self._kept, self._kept_clients = limits.web_answers_kept, limits.web_clients_kept
        self.forgotten = Counter[str]()
        """By limit, how many answers lost their path, and how many clients were let go of at once at most: the same may
        come again. And how many of both are more than was kept last."""
        self._rows = self._compacted = self._clients = 0
        self._settled = False
        self._dumped: dict[str, Any] | None = None
        self._waiting: list[pa.Table] = []
        engine.execute(
            "CREATE OR REPLACE TEMP TABLE web_answers (status INTEGER, path VARCHAR, bytes BIGINT, times BIGINT)"
        )
        engine.execute("CREATE OR REPLACE TEMP TABLE web_malformed (status INTEGER, client VARCHAR)")

    def absorb(self, http: pa.Table, *, from_engine: bool = False) -> None:
        """Count a batch of requests in. Small batches are gathered first: the engine's fixed cost is per statement.

        Of what an engine handed over (``from_engine``), one column keeps the memory of all columns, 0.9 kB a request:
        there, what waits is a copy.
        """
        counted = http.select(list(_COUNTED))
        self._waiting.append(counted.take(pa.array(np.arange(len(http)))) if from_engine else counted)
        if sum(len(table) for table in self._waiting) >= GATHERED_ROWS:
            self._count_in()

    @property
    def known(self) -> bool:
        """Whether there were any answers."""
        return self._rows > 0 or bool(self._waiting)

    def dump(self) -> dict[str, Any]:
        """What was counted, as JSON values, for ``begin_with``."""
        self._count_in()
        if self._dumped is None:
            answers = self._engine.execute(_KEPT, [self._kept]).fetchall()
            clients = self._engine.execute(_KEPT_CLIENTS, [self._kept_clients]).fetchall()
            self._dumped = {"answers": [answer[:4] for answer in answers], "malformed": clients}
            self.forgotten["web_answers_kept"] = max(0, answers[0][4] - self._kept) if answers else 0
            self.forgotten["web_clients_kept"] = max(0, self._clients - self._kept_clients)
        return self._dumped

    def begin_with(self, kept: Mapping[str, Any]) -> None:
        """Go on counting from what another one had counted; before anything else."""
        answers = pa.table(dict(zip(_ANSWERS.names, _columns(kept["answers"], 4), strict=True)), schema=_ANSWERS)
        malformed = pa.table(
            dict(zip(_MALFORMED.names, _columns(kept["malformed"], 2), strict=True)), schema=_MALFORMED
        )
        for name, rows in (("web_answers", answers), ("web_malformed", malformed)):
            self._engine.register("web_kept", rows)
            self._engine.execute(f"INSERT INTO {name} FROM web_kept")
            self._engine.unregister("web_kept")
        self._rows, self._clients = len(answers), len(malformed)

    def _count_in(self) -> None:
        if not self._waiting:
            return
        self._settled, self._dumped = False, None
        self._engine.register("web_batch", pa.concat_tables(self._waiting))
        self._waiting.clear()
        added = self._engine.execute(
            """INSERT INTO web_answers
               SELECT status, split_part(url, '?', 1), bytes_out, count(*) FROM web_batch
               WHERE status IS NOT NULL AND bytes_out IS NOT NULL GROUP BY ALL"""
        ).fetchone()
        clients = self._engine.execute(
            """INSERT INTO web_malformed
               SELECT status, src_ip FROM web_batch
               WHERE method IS NULL AND status IS NOT NULL AND src_ip IS NOT NULL
               EXCEPT FROM web_malformed"""
        ).fetchone()
        self._clients += int(clients[0]) if clients else 0
        self._forget_clients()
        self._engine.unregister("web_batch")
        self._rows += int(added[0]) if added else 0
        if self._rows > min(self._most, max(LEAST_COMPACT_ROWS, 2 * self._compacted)):
            self._compact()

    def answers(self, status: int | None, path: str | None) -> AnswerSizes:
        """The commonest answer sizes for a status and a path without query; None stands for any."""
        self._settle()
        asked = (status, path)
        if asked not in self._answered:
            rows = self._engine.execute(
                """SELECT bytes, sum(times)::BIGINT AS n FROM web_settled
                   WHERE ($1 IS NULL OR status = $1) AND ($2 IS NULL OR path = $2)
                   GROUP BY bytes ORDER BY n DESC, bytes""",
                [status, path],
            ).fetchall()
            sizes = tuple((b, n) for b, n in rows[:SIZES_KEPT])
            self._answered[asked] = AnswerSizes(total=sum(n for _, n in rows), sizes=sizes)
        return self._answered[asked]

    def malformed_sources(self, status: int) -> int:
        """How many different clients sent requests without a method that were answered with this status."""
        self._settle()
        return self._malformed.get(status, 0)

    def _settle(self) -> None:
        """What is asked of one state is counted once: an attacker decides how many records ask."""
        if self._settled and not self._waiting:
            return
        self._count_in()
        self._answered: dict[tuple[int | None, str | None], AnswerSizes] = {}
        self._engine.execute(
            """CREATE OR REPLACE TEMP TABLE web_settled AS
               SELECT status, path, bytes, sum(times)::BIGINT AS times FROM web_answers GROUP BY ALL ORDER BY path"""
        )
        rows = self._engine.execute("SELECT status, count(DISTINCT client) FROM web_malformed GROUP BY status")
        self._malformed = {int(status): int(count) for status, count in rows.fetchall()}
        self._settled = True

    def _compact(self) -> None:
        full = self._rows > self._most
        self._engine.execute(
            """CREATE OR REPLACE TEMP TABLE web_answers AS
               SELECT status, path, bytes, sum(times)::BIGINT AS times FROM web_answers GROUP BY ALL"""
        )
        self._rows = self._count()
        if full and self._rows > self._most // 2:
            once = self._engine.execute("SELECT count(*) FROM web_answers WHERE times = 1").fetchone()
            self._engine.execute(
                f"""CREATE OR REPLACE TEMP TABLE web_answers AS
                    SELECT status, CASE WHEN times > 1 THEN path END AS path, bytes, sum(times)::BIGINT AS times
                    FROM web_answers GROUP BY ALL ORDER BY times DESC LIMIT {self._most // 2}"""  # noqa: S608
            )
            self._rows = self._count()
            self.forgotten["web_answers"] += int(once[0]) if once else 0
        self._compacted = self._rows

    def _forget_clients(self) -> None:
        """Let go of half of too many clients, of every status the same number at most: three make it common, and a
        flood of one status must not hide another."""
        if self._clients <= self._most_clients:
            return
        self._engine.execute(
            f"""CREATE OR REPLACE TEMP TABLE web_malformed AS SELECT status, client FROM web_malformed
                QUALIFY row_number() OVER (PARTITION BY status ORDER BY rowid)
                    <= greatest(1, {self._most_clients} // 2 // (SELECT count(DISTINCT status) FROM web_malformed))"""  # noqa: S608
        )
        row = self._engine.execute("SELECT count(*) FROM web_malformed").fetchone()
        left = int(row[0]) if row else 0
        self.forgotten["web_clients"] = max(self.forgotten["web_clients"], self._clients - left)
        self._clients = left

    def _count(self) -> int:
        row = self._engine.execute("SELECT count(*) FROM web_answers").fetchone()
        return int(row[0]) if row else 0
