"""Compiles once, while lint keeps the other core busy, what each worker would else compile for itself.

A fresh checkout has neither machine code nor tests as pytest reads them. Workers begin at the same moment, so each of
them would spend 40 s of processor time on the first (measured: 23 s for packets, 15 s for web logs and JSON) and 10 s on
the second. Afterwards this takes as long as collecting tests does. What fails here is told by the suite.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MARK = "compiles"


def main() -> int:
    """Collect all tests, run the marked ones, and read packets."""
    from kanaria.formats.packets.warm_up import warm_up

    pytest = [sys.executable, "-m", "pytest", "-q", "-m", MARK, "-p", "no:cacheprovider"]
    subprocess.run(
        pytest, cwd=Path(__file__).parents[1], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    warm_up()
    return 0


if __name__ == "__main__":
    sys.exit(main())
