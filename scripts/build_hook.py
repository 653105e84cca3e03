"""Build hook: the commit that an archive was made from goes into it, so that ``kanaria --version`` can say it.

A wheel built from an sdist takes over what the sdist says; without Git there is no such file.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NAME = "commit.txt"


class CommitHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds ``kanaria/commit.txt``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it collects files; editable installations read Git's folder themselves."""
        if version == "editable":
            return
        inside = f"src/kanaria/{NAME}" if self.target_name == "sdist" else f"kanaria/{NAME}"
        carried = Path(self.root, "src", "kanaria", NAME)
        commit = carried.read_text("utf-8").strip() if carried.exists() else self._asked()
        if commit and not (self.target_name == "wheel" and carried.exists()):
            file = Path(tempfile.mkdtemp(), NAME)
            file.write_text(commit + "\n", "utf-8")
            build_data["force_include"][str(file)] = inside

    def _asked(self) -> str:
        if not Path(self.root, ".git").exists():  # the sources lie in somebody else's repository
            return ""
        asked = ["git", "describe", "--always", "--dirty", "--exclude=*"]
        done = subprocess.run(asked, cwd=self.root, check=False, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else ""
