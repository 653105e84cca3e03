"""Measures detection on sources never trained on, and finds the weights: ``python -m benchmarks.detection [--write]``.

Prints Markdown. With ``--write`` the bits in ``knowledge/weights/grammar.yaml`` are replaced by those fitted on all
sources. Needs the folder of real data in ``KANARIA_DATA``; says so and stops without it.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections import defaultdict
from pathlib import Path

from benchmarks.detection import report, simulated, sources, train, variants
from benchmarks.detection.fit import Fitted
from benchmarks.detection.samples import Connection, Source
from kanaria.mining.grammar import AGAIN, LIMIT, MOST, PREFIX

HOMELAB_DAYS = 3.0
"""What zeek-homelab covers."""
LENGTHS = ("3 to 5", "6 to 11", "12 and more")
JOINED = ((100.0, 400.0), (600.0, 1500.0), (200.0, 2300.0))
"""Which seconds of look-alikes are seen by a sensor that joins them in the middle."""
WEIGHTS = Path(__file__).parents[2] / "src/kanaria/knowledge/weights/grammar.yaml"


def main() -> int:
    """Run everything; 0 when done, 2 when there is no real data."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    parser.add_argument("--write", action="store_true", help="replace the bits in the weights file")
    wanted = parser.parse_args()
    folder = os.environ.get("KANARIA_DATA")
    if not folder:
        print("expected the folder of real data in KANARIA_DATA; got nothing", file=sys.stderr)
        return 2
    real = sources.real(Path(folder))
    fitted = {
        "sequence": sequence(real, simulated.source(), simulated.lookalikes(), write=wanted.write),
        # Totals alone cannot tell the laboratory's look-alikes from mining; fitting on them would only teach silence.
        "flow": flow([*real, sources.homelab(Path(folder))]),
    }
    if wanted.write:
        for kind, weights in fitted.items():
            write(WEIGHTS, kind, weights)
    return 0


def sequence(real: list[Source], laboratory: Source, others: list[Source], *, write: bool) -> Fitted:
    """Message sequences: held-out tables, replays inside TLS, the laboratory by wrapping; then the final weights."""
    held, threshold, fitted = _fit([*real, laboratory, *others], "sequence")
    miners, alike = held[: len(real) + 1], held[len(real) + 1 :]
    print("### Message sequences\n")
    print(report.sources(miners, threshold), "\n")
    print(report.together("All real sources", miners[:-1], threshold), "\n")
    print("Protocols that push and acknowledge (synthetic), each by weights that never saw it:\n")
    print(report.sources(alike, threshold), "\n")
    print(report.together("All of them", alike, threshold), "\n")
    parts = [(f"{begin:g} to {end:g} s", *_joined(alike, begin, end, threshold)) for begin, end in JOINED]
    print("The same, joined in the middle:\n")
    print(report.table(("seen", "judged", "false", "share"), parts), "\n")
    print("By length of observation (the rarer of jobs and answered shares):\n")
    counted = report.lengths(held, threshold)
    rows = [(name, *one, f"{report.likelihood(*one):.1f}") for name, one in zip(LENGTHS, counted, strict=True)]
    print(report.table(("jobs and shares", "miners", "found", "benign", "false", "bits"), rows), "\n")
    print("Looked at again and again while still open:\n")
    print(report.while_open(held, threshold + AGAIN), "\n")
    print("Replays of real captures' lengths and timing inside TLS, by weights that never saw the source:\n")
    print(report.table(("replayed source", "TLS", "judged", "found", "recall"), _replays(miners, threshold)), "\n")
    print("The laboratory's miners (synthetic), by weights fitted without any of them:\n")
    print(report.table(("wrapping", "judged", "found", "recall"), _wrappings(miners[-1], threshold)), "\n")
    if write:
        write_lengths(WEIGHTS, counted)
    return fitted


def _joined(held: list[train.Held], begin: float, end: float, threshold: float) -> tuple[object, ...]:
    """Judged and false of parts of benign connections whose beginning nobody saw."""
    counted = [
        report.found(one, [variants.window(c, begin, end) for c in one.source.connections], threshold) for one in held
    ]
    judged, false = (sum(column) for column in zip(*counted, strict=True))
    return judged, false, report.share(false, judged, 1)


def flow(all_sources: list[Source]) -> Fitted:
    """Plain flow records: held-out table, then the final weights."""
    held, threshold, fitted = _fit(all_sources, "flow")
    print("### Plain flow records\n")
    print(report.sources(held, threshold), "\n")
    print(report.budget(held[-1], threshold, HOMELAB_DAYS), "\n")
    return fitted


def _fit(all_sources: list[Source], kind: str) -> tuple[list[train.Held], float, Fitted]:
    """Held-out scores, the score of an alert, and the weights of all sources."""
    lessons = [train.lesson(one, kind) for one in all_sources]
    held = train.leave_one_out(lessons, kind)
    threshold = train.threshold(held)
    slope, shift = train.pinned(held) if kind == "sequence" else train.calibrate(held)
    fitted = train.learn(lessons, kind).scaled(slope, shift)
    print(f"{kind}: at most 0.1 % of judged benign connections reach {slope * threshold + shift:.1f} bits (held out)\n")
    return held, threshold, fitted


def _replays(held: list[train.Held], threshold: float) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for one in held:
        miners = [c for c in one.source.connections if c.mining]
        if miners and one.source.family != "laboratory" and len(one.which):
            for version in variants.TLS:
                judged, hits = report.found(one, [variants.in_tls(c, version) for c in miners], threshold)
                rows.append((one.source.name, version, judged, hits, report.share(hits, judged)))
    return rows


def _wrappings(held: train.Held, threshold: float) -> list[tuple[object, ...]]:
    groups: dict[str, list[Connection]] = defaultdict(list)
    for one in held.source.connections:
        if one.mining:
            groups[one.note.split()[-1]].append(one)
    rows: list[tuple[object, ...]] = []
    for wrapping, connections in groups.items():
        judged, hits = report.found(held, connections, threshold)
        rows.append((wrapping, judged, hits, report.share(hits, judged)))
    return rows


def write_lengths(path: Path, counted: list[tuple[int, int, int, int]]) -> None:
    """Put the most bits that each length of observation was measured to be worth, and words for it, into the file."""
    text = path.read_text(encoding="utf-8")
    for name, (judged, found, benign, false) in zip(MOST, counted, strict=True):
        most = min(report.likelihood(judged, found, benign, false), LIMIT["sequence"])
        times = round(2.0 ** report.likelihood(judged, found, benign, false))
        en = (
            f"of connections looked at for so long, {found} of {judged} miners and {false} of {benign} others came "
            f"this far: at most {times} to 1"
        )
        ja = (
            f"同じ長さだけ観測した通信のうち、ここまで一致したのは"
            f"マイナー{judged}件中{found}件、その他{benign}件中{false}件です"
            f"(尤度比は最大 {times} 対 1)"
        )
        entry = re.compile(
            rf"(- id: {PREFIX}{name}\n(?:(?!- id:).*\n)*?    bits: )\S+(\n    because:\n      en: ).*(\n      ja: ).*"
        )
        text, count = entry.subn(rf'\g<1>{most:.2f}\g<2>"{en}"\g<3>"{ja}"', text)
        if count != 1:
            raise SystemExit(f"{path}: expected one weight {PREFIX}{name}; got {count}")
    path.write_text(text, encoding="utf-8")


def write(path: Path, kind: str, fitted: Fitted) -> None:
    """Replace the ``bits`` of every sign of a detector in the weights file; words and everything else stay."""
    text = path.read_text(encoding="utf-8")
    for name, bits in {kind: fitted.start, **fitted.bits}.items():
        pattern = rf"(- id: {PREFIX}{name}\n(?:(?!- id:).*\n)*?    bits: )\S+"
        text, count = re.subn(pattern, rf"\g<1>{bits + 0.0:.2f}", text)
        if count != 1:
            raise SystemExit(f"{path}: expected one weight {PREFIX}{name}; got {count}")
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
