"""Learns six hours into a folder in child processes that kill themselves (SIGKILL) after so many statements.

``python kill_child.py FOLDER KILL...``: one child for each number, each resuming where the last stopped; then one that
finishes. Folding happens after nearly every batch, part by part as soon as there are ten ties. Prints the history that remains, as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from kit_baseline import connection, flow, history_of, pattern

from kanaria.baseline import state
from kanaria.baseline.pattern import PatternOfLife

HOURS = 6
state.LEAST_COMPACT_ROWS = 20
state.PARTED_TIES = 10
state.PARTS = 3


class Doomed:
    """An engine that dies after so many statements: before one, so after the one before it was done."""

    def __init__(self, engine: Any, statements: int) -> None:
        self._engine = engine
        self._left = statements

    def execute(self, *arguments: Any) -> Any:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return self._engine.execute(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def learn(learned: PatternOfLife) -> None:
    """The batches that are not in the history yet: each with a new address, one of a finding, and usual ones."""
    begin = learned.position()
    for hour in range(0 if begin is None else int(begin) + 1, HOURS):
        rows = [flow(hour, event_id=hour * 10 + n, dst_ip=f"198.51.100.{hour * n % 9}") for n in range(3)]
        learned.learn(connection(*rows), exclude_event_ids=[hour * 10 + 2] if hour % 4 == 3 else [], position=str(hour))


def child(folder: Path, statements: int) -> None:
    learned = pattern(folder)
    if statements:
        doomed = Doomed(learned.state.engine, statements)
        learned.state.engine = learned._engine = doomed  # type: ignore[assignment]
        learned._history._execute = doomed.execute
        learned.state.statements.engine = doomed  # type: ignore[assignment]
    learn(learned)


def in_a_child(folder: Path, statements: int) -> None:
    """Forked, so that nothing is imported twice; the parent never opens an engine before."""
    process = os.fork()
    if process == 0:
        child(folder, statements)
        os._exit(0)
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status) or (os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0), status


def main() -> None:
    folder, kills = Path(sys.argv[1]), [int(text) for text in sys.argv[2:]]
    for statements in (*kills, 0):
        in_a_child(folder, statements)
    left = pattern(folder)
    print(json.dumps({"position": left.position(), **history_of(left)}))


if __name__ == "__main__":
    main()
