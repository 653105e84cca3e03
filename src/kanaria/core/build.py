"""Which build of Kanaria this is."""

from __future__ import annotations

from pathlib import Path

import kanaria


def build() -> str:
    """The version, and the commit where the archive it was installed from was made from one."""
    named = Path(kanaria.__file__).with_name("commit.txt")
    return f"{kanaria.__version__} ({named.read_text('utf-8').strip() if named.is_file() else 'checkout'})"
