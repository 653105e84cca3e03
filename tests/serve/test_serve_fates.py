"""What may become of a file while ``kanaria serve`` follows it: whatever it is, each line counts once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kanaria.store.incidents import IncidentStore
from tests.serve.serving import serving

SETTINGS = 'store = "store"\nlanguage = "en"\n[serve]\nlisten = "off"\n'
SOURCE = '[[sources]]\nkind = "file"\npath = "{name}.log"\n'
HALF, SEEN = 20, 1.5
"""Lines before and after; and seconds in which the service sees what happened to a file."""


def lines(number: int, begin: int) -> str:
    """Probes that each pay another worker, all by one sender of this file's own."""
    request = '{{\\"id\\":1,\\"method\\":\\"mining.authorize\\",\\"params\\":[\\"w{0}-{1}\\",\\"x\\"]}}'
    return "".join(
        f'203.0.113.{number} - - [21/Jun/2026:07:{at // 60:02d}:{at % 60:02d} +0000] "{request.format(number, at)}" 400 150 "-" "-"\n'
        for at in range(begin, begin + HALF)
    )


def appended(log: Path) -> None:
    """Nothing happens."""


def deleted(log: Path) -> None:
    log.unlink()
    time.sleep(SEEN)


def emptied(log: Path) -> None:
    os.truncate(log, 0)
    time.sleep(SEEN)


def renamed(log: Path) -> None:
    log.rename(log.with_suffix(".log.1"))


def a_pipe(log: Path) -> None:
    log.unlink()
    os.mkfifo(log)
    time.sleep(SEEN)
    log.unlink()


def a_folder(log: Path) -> None:
    log.unlink()
    log.mkdir()
    time.sleep(SEEN)
    log.rmdir()


FATES: tuple[Callable[[Path], None], ...] = (appended, deleted, emptied, renamed, a_pipe, a_folder)


@pytest.mark.slow
def test_every_line_counts_once_whatever_becomes_of_its_file(tmp_path: Path) -> None:
    names = [fate.__name__ for fate in FATES]
    (tmp_path / "kanaria.toml").write_text(SETTINGS + "".join(SOURCE.format(name=name) for name in names))
    for number, name in enumerate(names, 1):
        (tmp_path / f"{name}.log").write_text(lines(number, 0))

    def workers() -> dict[str, list[str]]:
        with IncidentStore(tmp_path / "store") as store:
            said = [m["worker"] for kept in store.all() for m in kept.document["messages"]]
        return {name: sorted(w for w in said if w.startswith(f"w{n}-")) for n, name in enumerate(names, 1)}

    with serving(tmp_path) as service:
        service.wait_for(lambda: all(len(found) == HALF for found in workers().values()))
        for number, fate in enumerate(FATES, 1):
            log = tmp_path / f"{fate.__name__}.log"
            fate(log)
            with log.open("a") as server:
                server.write(lines(number, HALF))
        service.wait_for(lambda: all(len(found) == 2 * HALF for found in workers().values()))
        assert service.end() == 0
    assert workers() == {
        name: sorted(f"w{number}-{at}" for at in range(2 * HALF)) for number, name in enumerate(names, 1)
    }
