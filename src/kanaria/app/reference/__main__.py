"""``python -m kanaria.app.reference FOLDER``: write the generated pages and pictures into that folder."""

from __future__ import annotations

import sys
from pathlib import Path

from kanaria.app.reference import pages, pictures


def main(arguments: list[str]) -> int:
    """Write every page and picture; other files in the folder stay as they are. Status 2 without a folder."""
    if len(arguments) != 1:
        print("usage: python -m kanaria.app.reference FOLDER", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (pages() | pictures()).items():
        (folder / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
