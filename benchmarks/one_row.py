"""What a micro-batch of one row costs the service: a line, a look-up or a flow through every stage, in processor time.

In: nothing. Out: a table of milliseconds of processor time of a step that reads, understands, scores, judges, learns
and keeps one row, beside the budget where there is one: live latency is at least this. Rows are made here; the history
is young, and grows with each. The first steps are left out: what is planned once is planned then.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import size
from kanaria.app.config import load
from kanaria.app.live.judging import Arrived, Judging
from kanaria.sources.chunks import Chunk

WARM, MEASURED = size((6, 30), (2, 2))
BEGIN = datetime(2026, 6, 21, 7, tzinfo=UTC)
CONN = (
    b"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    b"#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\n"
    b"#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\n"
)


def web(when: datetime, number: int) -> str:
    return f'192.0.2.{number % 9} - - [{when:%d/%b/%Y:%H:%M:%S} +0000] "GET / HTTP/1.1" 200 512 "-" "example"\n'


def look_up(when: datetime, number: int) -> str:
    return f"{when:%b %e %H:%M:%S} dnsmasq[71]: query[A] n{number % 9}.example.com from 10.0.0.{number % 5 + 1}\n"


def flow(when: datetime, number: int) -> str:
    ends = f"10.0.0.5\t{50_000 + number}\t192.0.2.{number % 9 + 1}\t443"
    return f"{when.timestamp():.6f}\tC{number}\t{ends}\ttcp\tssl\t1.5\t900\t4000\tSF\n"


KINDS: dict[str, tuple[str | None, bytes, Callable[[datetime, int], str], int | None]] = {
    "web": (None, b"", web, 20),
    "dns": ("dnsmasq", b"", look_up, None),
    "flow": (None, CONN, flow, 150),
}
"""Format where it is given, header, one row, and milliseconds it may cost."""


def measure(kind: str, folder: Path) -> list[float]:
    """Milliseconds of each step but the first ones, sorted."""
    form, preamble, row, _ = KINDS[kind]
    (folder / "kanaria.toml").write_text('store = "store"\nlanguage = "en"\n')
    config = load(folder / "kanaria.toml")
    costs, line = [], preamble.count(b"\n") + 1
    with Judging(
        config, folder / "store", on_the_wire=kind == "flow", on_reject=print, on_alert=lambda *_: None
    ) as judging:
        for number in range(WARM + MEASURED):
            data = row(BEGIN + timedelta(seconds=number * 2), number).encode()
            chunk = Chunk(
                name=f"{kind}.log", place=kind, data=data, position={}, preamble=preamble, first_line=line + number,
                lines=1,
            )  # fmt: skip
            begun = time.process_time()
            judging.take_in([Arrived(source=kind, chunk=chunk, format=form)])
            judging.step()
            if number >= WARM:
                costs.append((time.process_time() - begun) * 1000)
    return sorted(costs)


def main() -> None:
    """Print the table."""
    print("| one row of | least ms | median ms | budget ms |\n|---|---:|---:|---:|")
    for kind, (_form, _preamble, _row, budget) in KINDS.items():
        with tempfile.TemporaryDirectory() as made:
            found = measure(kind, Path(made))
        print(f"| {kind} | {found[0]:.0f} | {found[len(found) // 2]:.0f} | {budget or '–'} |", flush=True)


if __name__ == "__main__":
    main()
