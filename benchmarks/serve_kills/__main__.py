"""``kanaria serve`` killed again and again while its logs grow: is what it keeps and tells that of one nobody killed?

In: nothing, or ``--points N`` (default 200) and names of scenarios. Out: a line for each scenario with how many kills
hit what, and whether in the end every line was counted once, what is kept equals what a service keeps that nobody
disturbed (``kept_and_told.however_it_came``), and each news was told, under one id however often it was sent. Status 1
when something differs.

Scenarios: ``steady`` (a web log and Zeek's connections grow), ``slow disk`` (each sync takes 40 ms), ``fates`` (while
the service is dead its log is renamed, copied and truncated, deleted, replaced by a pipe, or may not be read for a
while), ``two`` (a second service is begun on the same store each time, which must give up), ``crowd`` (as ``steady``,
with so many incidents of a kind that they become one; which of them were told before is not compared).
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import faults, size
from benchmarks.kill_table import differing, kept
from benchmarks.serve_kills.kept_and_told import counted, however_it_came, told
from benchmarks.serve_kills.life import Disturbed, finish, warm
from benchmarks.serve_kills.logs import PROBE_EVERY, Growing
from benchmarks.serving import ACCESS, DNS, ZEEK, Json, Phone, write_settings

POINTS = size(200, 2)


def judged(one: Disturbed, received: Sequence[Json]) -> Iterator[str]:
    """What is wrong in the end."""
    yield from one.wrong
    words = {f"w{number}": 1 for number in range(7, one.growing.written, one.growing.every)}
    found = counted(one.folder)
    if found != words:
        lost, twice = len(words.keys() - found.keys()), sum(1 for count in found.values() if count > 1)
        yield f"of {len(words)} probes {lost} are lost and {twice} counted twice"
    news = told(one.folder)
    if bad := [ids for ids in news.values() if len(ids) != 1 or not ids[0]]:
        yield f"{len(bad)} incidents were not told as new once: {bad[:3]}"
    sent = {message["id"]: message.get("count", 1) for message in received if message["type"].startswith("incident")}
    if sum(sent.values()) < sum(map(len, news.values())):
        yield f"{sum(sent.values())} messages came of {len(news)}"


def undisturbed(one: Disturbed, folder: Path) -> tuple[Json, dict[str, list[str]]]:
    """The same logs read by a service that nobody kills."""
    (one.folder / "store").rename(folder)
    finish(one.folder, one.growing)
    whole, news = kept(one.folder), told(one.folder)
    shutil.rmtree(one.folder / "store")
    folder.rename(one.folder / "store")
    return whole, news


SCENARIOS: dict[str, Json] = {
    "steady": {}, "slow disk": {"fault": "slow"}, "fates": {"fates": True}, "two": {"second": True}, "crowd": {},
}  # fmt: skip
CROWD = 10
"""Every tenth line is an incident of its own: more than a hundred of a kind after twenty seconds."""


def row(name: str, points: int, folder: Path) -> tuple[list[str], bool]:
    """One line of the table, and whether all is as it must be."""
    phone = Phone(folder)
    try:
        (folder / "serve.log").touch()
        write_settings(folder, ACCESS + ZEEK + DNS, phone, severity="informational")
        one = Disturbed(folder, Growing(folder, CROWD if name == "crowd" else PROBE_EVERY), points, **SCENARIOS[name])
        one.run()
        received = phone.messages
        wrong = list(judged(one, received))
        if not one.fates:
            whole, news = undisturbed(one, folder.with_name(f"{folder.name}-aside"))
            wrong += [f"differs: {part}" for part in differing(however_it_came(whole), however_it_came(kept(folder)))]
            if name != "crowd" and news.keys() != told(folder).keys():
                wrong.append("incidents that were told")
    finally:
        phone.close()
    for what in wrong:
        print(f"{name}: {what}", file=sys.stderr, flush=True)
    hit = ", ".join(f"{what} {count}" for what, count in sorted(one.hit.items()))
    again = len(received) - len({message["id"] for message in received})
    cells = [name, str(points), hit, f"{one.growing.lines:,}", str(len(received)), str(again)]
    return [*cells, "; ".join(wrong) or "all equal"], not wrong


def main(arguments: Sequence[str] = ()) -> int:
    """Print the table; status 1 when something is lost, told twice or differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serve_kills")
    parser.add_argument("--points", type=int, default=POINTS)
    parser.add_argument("--keep", type=Path, help="Leave everything in this folder.")
    parser.add_argument("scenarios", nargs="*", help=f"of {', '.join(SCENARIOS)}")
    asked = parser.parse_args(arguments)
    faults.preloaded("benchmarks.serve_kills", arguments)
    warm()
    print("| scenario | kills | while (what was written) | lines | messages | of them sent again | in the end |")
    print("|---|---|---|---|---|---|---|")
    good = True
    for number, name in enumerate(asked.scenarios or SCENARIOS):
        with tempfile.TemporaryDirectory(prefix="serve-kills-") as made:
            folder = (asked.keep or Path(made)) / f"{number}"
            folder.mkdir(parents=True)
            cells, equal = row(name, asked.points, folder)
            print(f"| {' | '.join(cells)} |", flush=True)
            good = good and equal
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
