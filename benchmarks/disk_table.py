"""A run with ``--store`` on a disk that is full or fails, then the same run again on a sound one: is all kept equal?

In: nothing, or ``--points N`` for each kind of failing disk (default 40) and ``--input``. Out: a line for each kind:
how many runs said so (status 2, the reason in a line, no traceback) or ended well because nothing that matters was
lost, and of how many everything kept was equal after the same run again. Status 1 when one did neither.

A full disk is a tmpfs of some size for the store, where this process may mount one, and every write from a chosen one
on that finds no space; a failing disk answers ``EIO`` to every write and sync from a chosen one on, or to one only.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import faults, size
from benchmarks.kill_table import INPUTS, Begun, Fault, copied, differing, kept, left_by, news, run, warm, ways

POINTS = size(40, 2)
SEED = 12
SIZES = (40, 80, 160, 320, 640, 1280)
"""Kilobytes of a store's disk: what a run keeps is about 1.5 MB."""
KINDS = {"enospc": "no space from a write on", "eio": "fails from an operation on", "eio-once": "fails once"}


def failed(way: Begun, fault: Fault, place: Path) -> Iterator[str]:
    """How a run on a disk that fails ended, and what is wrong after the same run again on a sound one."""
    copied(way.before, place)
    ended, _took = run(way.inputs, place, fault, "store")
    yield _how(ended)
    yield from _again(way, place)


def full(way: Begun, kilobytes: int, place: Path) -> Iterator[str]:
    """The same for a store on a disk of that size."""
    place.mkdir()
    disk = place / "store"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(disk)], check=True)
    try:
        ended, _took = run(way.inputs, place)
        shutil.copytree(disk, place / "copy", ignore=lambda _folder, names: [n for n in names if n.endswith(".sock")])
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    disk.rmdir()
    (place / "copy").rename(disk)
    yield _how(ended)
    yield from _again(way, place)


def _how(ended: str) -> str:
    """In one word how a run ended, or what it said when that was no clear answer."""
    if ended == "ended":
        return "ended well"
    said = ended.partition(": ")[2].strip()
    clear = ended.startswith("failed with status 2") and "Traceback" not in said and said.count("\n") <= 1
    return "said so" if clear else ended


def _again(way: Begun, place: Path) -> Iterator[str]:
    told = left_by(way, place) == "told"
    ended, _took = run(way.inputs, place)
    if ended != "ended":
        yield ended
        return
    yield from differing(way.whole, kept(place))
    if news(place) != ({} if told else way.told):
        yield "what the second report tells"


def rows(name: str, points: int, folder: Path) -> Iterator[tuple[list[str], bool]]:
    """The lines of the table, and whether all is as it must be."""
    warm(name, folder / "warm")
    both = ways(name, folder)
    seeded, number = random.Random(SEED), 0
    places = (folder / f"{number}" for number in range(100_000))
    for what, words in KINDS.items():
        outcomes = []
        for number in range(points):
            way = both[number % 2]
            last = max(n for numbers in way.operations.values() for n in numbers)
            outcomes.append(list(failed(way, Fault(what, seeded.randint(1, last)), next(places))))
        yield _row(name, words, outcomes)
    if _may_mount(folder):
        yield _row(
            name, f"tmpfs of {SIZES[0]} to {SIZES[-1]} kB", [list(full(both[0], s, next(places))) for s in SIZES]
        )


def _row(name: str, disk: str, outcomes: Sequence[Sequence[str]]) -> tuple[list[str], bool]:
    how = Counter(first for first, *_wrong in outcomes)
    for first, *wrong in outcomes:
        if wrong or first not in {"said so", "ended well"}:
            print(f"{name}, {disk}: {first}, {wrong}", file=sys.stderr, flush=True)
    equal = sum(1 for _first, *wrong in outcomes if not wrong)
    said, well = how["said so"], how["ended well"]
    return [name, disk, f"{len(outcomes)}", f"{said}", f"{well}", f"{equal}"], said + well == equal == len(outcomes)


def _may_mount(folder: Path) -> bool:
    place = folder / "may mount"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", str(place)]
    done = shutil.which("mount") and subprocess.run(command, check=False, capture_output=True).returncode == 0
    if done:
        subprocess.run(["umount", str(place)], check=True)
    return bool(done)


def main(arguments: Sequence[str] = ()) -> int:
    """Print the table; status 1 when something differs or was not said."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.disk_table")
    parser.add_argument("--points", type=int, default=POINTS)
    parser.add_argument("--input", choices=INPUTS, default="Zeek folder")
    asked = parser.parse_args(arguments)
    faults.preloaded("benchmarks.disk_table", arguments)
    print("| input | disk | runs | said so | ended well | equal after the same run again |")
    print("|---|---|---|---|---|---|")
    good = True
    with tempfile.TemporaryDirectory(prefix="disk-table-") as folder:
        for cells, equal in rows(asked.input, asked.points, Path(folder)):
            print(f"| {' | '.join(cells)} |", flush=True)
            good = good and equal
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
