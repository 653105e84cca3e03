"""A store that several have open: nobody's end takes away what another still writes to."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from kanaria.store.incidents import IncidentStore

LOOK = """\
import sys
from pathlib import Path
from kanaria.store.incidents import IncidentStore
with IncidentStore(Path(sys.argv[1])) as store:
    store.all()
"""


def test_another_process_that_closes_the_store_is_not_taken_for_the_last(tmp_path: Path) -> None:
    with IncidentStore(tmp_path) as service:
        for number in range(3):
            with IncidentStore(tmp_path) as step:  # as every step of a service does
                step.save([], datetime.now(UTC), {f"before {number}": {"at": number}})
            subprocess.run([sys.executable, "-c", LOOK, str(tmp_path)], check=True)
            assert (tmp_path / "incidents.sqlite-wal").exists()
            service.save([], datetime.now(UTC), {f"after {number}": {"at": number}})
    with IncidentStore(tmp_path) as later:
        assert set(later.state()) == {f"{when} {number}" for when in ("before", "after") for number in range(3)}
