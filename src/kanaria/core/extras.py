"""How to add what an optional part needs to the environment that runs. Takes an extra; returns a command.

The command names the packages themselves and not ``kanaria[extra]``: Kanaria is in no package registry, so anybody
could register that name there.
"""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec

from kanaria.core.late_regex import late_regex

_WANTED = late_regex(r"""^(?P<requirement>[^;]+);.*\bextra\s*==\s*['"](?P<extra>[^'"]+)['"]""")


def requirements(extra: str) -> list[str]:
    """What the metadata of the running installation lists for an extra, such as ``evtx>=0.8``."""
    from importlib.metadata import PackageNotFoundError, requires  # 20 ms to import; only a missing extra needs it

    try:
        listed = requires("kanaria") or []
    except PackageNotFoundError:  # run from the sources, without an installation
        return []
    matches = (_WANTED.match(line) for line in listed)
    return [match["requirement"].strip() for match in matches if match and match["extra"] == extra]


def install_command(extra: str, package: str) -> str:
    """One line for a shell; it uses the environment's own pip, or uv where the environment has no pip."""
    wanted = requirements(extra) or [package]
    python = sys.executable or "python3"
    tool = [python, "-m", "pip", "install"] if find_spec("pip") else ["uv", "pip", "install", "--python", python]
    return shlex.join([*tool, *wanted])
