"""Which build of Kanaria this is."""

from __future__ import annotations

from importlib.resources import files

from kanaria import __version__


def build() -> str:
    """The version, and the commit where the archive it was installed from was made from one."""
    named = files("kanaria").joinpath("commit.txt")
    return f"{__version__} ({named.read_text('utf-8').strip()})" if named.is_file() else f"{__version__} (checkout)"
