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
from kanaria.mining.grammar import AGAIN, PREFIX

HOMELAB_DAYS = 3.0
"""What zeek-homelab covers."""
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
    laboratory = simulated.source()
    fitted = {
        "sequence": sequence([*real, laboratory]),
        # Totals alone cannot tell the laboratory's look-alikes from mining; fitting on them would only teach silence.
        "flow": flow([*real, sources.homelab(Path(folder))]),
    }
    if wanted.write:
        for kind, weights in fitted.items():
            write(WEIGHTS, kind, weights)
    return 0


def sequence(all_sources: list[Source]) -> Fitted:
    """Message sequences: held-out tables, replays inside TLS, the laboratory by wrapping; then the final weights."""
    held, threshold, fitted, slope = _fit(all_sources, "sequence")
    print("### Message sequences\n")
    print(report.sources(held, threshold), "\n")
    print(report.together(held, threshold), "\n")
    print("Looked at again and again while still open:\n")
    # A connection that is still open is judged more strictly, by bits as the rules count them.
    print(report.while_open(held, threshold + AGAIN / slope), "\n")
    print("Replays of real captures' lengths and timing inside TLS, by weights that never saw the source:\n")
    print(report.table(("replayed source", "TLS", "judged", "found", "recall"), _replays(held, threshold)), "\n")
    print("The laboratory's miners (synthetic), by weights fitted on real sources only:\n")
    print(report.table(("wrapping", "judged", "found", "recall"), _wrappings(held[-1], threshold)), "\n")
    return fitted


def flow(all_sources: list[Source]) -> Fitted:
    """Plain flow records: held-out table, then the final weights."""
    held, threshold, fitted, _ = _fit(all_sources, "flow")
    print("### Plain flow records\n")
    print(report.sources(held, threshold), "\n")
    print(report.budget(held[-1], threshold, HOMELAB_DAYS), "\n")
    return fitted


def _fit(all_sources: list[Source], kind: str) -> tuple[list[train.Held], float, Fitted, float]:
    """Held-out scores, the score of an alert, the weights of all sources, and how many bits a score of one is worth."""
    lessons = [train.lesson(one, kind) for one in all_sources]
    held = train.leave_one_out(lessons, kind)
    threshold = train.threshold(held)
    slope, shift = train.pinned(held) if kind == "sequence" else train.calibrate(held)
    fitted = train.learn(lessons, kind).scaled(slope, shift)
    print(f"{kind}: fewer than 0.1 % of benign connections reach {slope * threshold + shift:.1f} bits (held out)\n")
    return held, threshold, fitted, slope


def _replays(held: list[train.Held], threshold: float) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for one in held:
        miners = [c for c in one.source.connections if c.mining]
        if miners and one.source.family != "laboratory":
            for version in variants.TLS:
                judged, hits = report.found(one, [variants.in_tls(c, version) for c in miners], threshold)
                rows.append((one.source.name, version, judged, hits, report.share(hits, judged)))
    return rows


def _wrappings(held: train.Held, threshold: float) -> list[tuple[object, ...]]:
    groups: dict[str, list[Connection]] = defaultdict(list)
    for one in (*held.source.connections, *simulated.undecided().connections):
        if one.mining:
            groups[one.note.split()[-1]].append(one)
    rows: list[tuple[object, ...]] = []
    for wrapping, connections in groups.items():
        judged, hits = report.found(held, connections, threshold)
        rows.append((wrapping, judged, hits, report.share(hits, judged)))
    return rows


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
