"""What sensors saw in several runs with one store is what they saw in one: whose a device is, doubles, and names."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.app.running import Kanaria
from tests.app.test_between_runs import runs, told
from tests.app.test_cli_incident import DAY, flow
from tests.app.test_earlier_rows import hello
from tests.app.test_what_teaches import write

RENTED, STRANGER = "198.18.7.7", "198.18.0.9"
"""A rented server, which has no private address."""


def rows(store: Path, columns: str, kind: str = "connection") -> list[tuple[Any, ...]]:
    """These columns of all kept rows of a table."""
    with duckdb.connect() as engine:
        places = [str(path) for path in (store / "events").glob(f"{kind}-*")]
        return engine.execute(f"SELECT {columns} FROM read_parquet(?) ORDER BY ALL", [places]).fetchall()  # noqa: S608


def visits(count: int) -> list[str]:
    """Strangers ask the rented server for pages, one a minute; in between it has one thing to ask of somebody."""
    asked = [flow(DAY + timedelta(minutes=n), n, f"198.18.1.{n}", RENTED, 443) for n in range(count)]
    return [*asked, flow(DAY + timedelta(minutes=count), 900, RENTED, STRANGER, 443)]


def test_a_single_conversation_is_of_the_server_that_earlier_runs_showed(kanaria: Kanaria, tmp_path: Path) -> None:
    """Alone it would be the stranger's, who opened it."""
    write(tmp_path / "one.log", visits(30))
    write(tmp_path / "two.log", [flow(DAY + timedelta(hours=2), 950, STRANGER, RENTED, 22)])
    write(tmp_path / "ssl.log", [hello(RENTED, DAY + timedelta(hours=3))])
    apart = runs(kanaria, "apart", ["one.log"], ["two.log"], ["ssl.log"], ["two.log", "ssl.log"])
    whole = runs(kanaria, "whole", ["one.log", "two.log", "ssl.log"])
    (note,) = [note["en"] for note in apart[1].document["notes"] if "counts as yours" in note["en"]]
    assert RENTED in note and note in [said["en"] for said in whole[0].document["notes"]]
    for kind in ("connection", "tls"):
        sides = rows(tmp_path / "whole", "event_id, direction, device, remote", kind)
        assert {device for _id, _direction, device, _remote in sides} == {RENTED}
        assert rows(tmp_path / "apart", "event_id, direction, device, remote", kind) == sides
    assert told(tmp_path / "apart") == told(tmp_path / "whole")


def test_one_private_address_in_any_run_says_that_nobody_has_to_guess(kanaria: Kanaria, tmp_path: Path) -> None:
    write(tmp_path / "office.log", [flow(DAY, 1, "192.168.1.9", STRANGER, 443)])
    write(tmp_path / "public.log", visits(30))
    apart = runs(kanaria, "apart", ["office.log"], ["public.log"])
    runs(kanaria, "whole", ["office.log", "public.log"])
    assert not [note for note in apart[1].document["notes"] if "counts as yours" in note["en"]]
    assert rows(tmp_path / "apart", "event_id, direction") == rows(tmp_path / "whole", "event_id, direction")


def test_what_nobody_counted_before_is_counted_when_it_is_read_again(kanaria: Kanaria, tmp_path: Path) -> None:
    """Whose networks are whose was said in the first run, and is not in the second."""
    write(tmp_path / "one.log", visits(30))
    (said,) = runs(kanaria, "store", ["--home", "198.18.7.0/24", "one.log"])
    (again,) = runs(kanaria, "store", ["one.log"])
    noted = [[note["en"] for note in one.document["notes"] if "counts as yours" in note["en"]] for one in (said, again)]
    assert noted[0] == [] and RENTED in noted[1][0]


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(12, 31), min_size=1, max_size=2, unique=True), again=st.booleans())
def test_whose_the_server_is_does_not_depend_on_the_runs(
    kanaria: Kanaria, tmp_path: Path, cuts: list[int], again: bool
) -> None:
    """From a dozen visitors on nobody else can be meant."""
    lines = visits(30)
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    names = _parts(folder, lines, sorted(cuts))
    inputs = [names[: n + 1] if again else [name] for n, name in enumerate(names)]
    runs(kanaria, str(folder / "apart"), *inputs)
    runs(kanaria, str(folder / "whole"), names)
    apart, whole = (rows(folder / name, "event_id, direction, device") for name in ("apart", "whole"))
    assert apart == whole and {device for _id, _direction, device in whole} == {RENTED}


def _parts(folder: Path, lines: Sequence[str], cuts: Sequence[int]) -> list[str]:
    """The lines in as many files as there are cuts and one more; those with lines are named."""
    edges, names = [0, *cuts, len(lines)], []
    for number, (low, high) in enumerate(itertools.pairwise(edges)):
        if high > low:
            write(folder / f"{number}.log", lines[low:high])
            names.append(str(folder / f"{number}.log"))
    return names
