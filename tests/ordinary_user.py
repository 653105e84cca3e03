"""Runs the tests marked ``ordinary_user`` once more as an ordinary user, where the suite itself runs as root.

CI is root, and root may read, write and capture everything: what an ordinary user is told is seen by an ordinary user
alone. The user here is one of a user namespace: the checkout stays its own, wherever it lies, and everything else is as
for anybody: no capability, no file without permission, nothing of other users, an empty home folder.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MARK = "ordinary_user"
NAMES = ("www-data", "daemon", "games")
"""Users that a system brings along; which one is of no matter, but it has a name, as ordinary users do."""


def becoming() -> list[str]:
    """What is put in front of a command that an ordinary user shall run."""
    known = {entry.pw_name: str(entry.pw_uid) for entry in pwd.getpwall()}
    user = next((known[name] for name in NAMES if name in known), "1000")
    return ["unshare", "--user", f"--map-user={user}", f"--map-group={user}"]


def cannot() -> str:
    """Why nobody can become an ordinary user here; empty if it is possible."""
    if not shutil.which("unshare"):
        return "unshare (util-linux) is not installed"
    tried = subprocess.run([*becoming(), "true"], check=False, capture_output=True, text=True)
    return tried.stderr.strip() or f"unshare ended with {tried.returncode}" if tried.returncode else ""


def main(arguments: list[str]) -> int:
    if os.geteuid() != 0:
        return 0  # an ordinary user ran them with all others
    if reason := cannot():
        print(f"SKIPPED what an ordinary user sees: {reason}", flush=True)
        return 0
    root = Path(__file__).parents[1]
    # Only files that name the mark are read: collecting all others would take longer than the tests.
    marked = [
        str(file) for file in sorted(root.glob("tests/**/test_*.py")) if f"mark.{MARK}" in file.read_text("utf-8")
    ]
    with tempfile.TemporaryDirectory(prefix="kanaria-home-") as home:
        own = os.environ | {"HOME": home, "TMPDIR": home}
        for name in [name for name in own if name.startswith("XDG_") or name in {"USER", "LOGNAME"}]:
            del own[name]
        pytest = [sys.executable, "-m", "pytest", "-m", f"{MARK} and not install", "-p", "no:cacheprovider"]
        print("The same as an ordinary user sees it:", flush=True)
        ended = subprocess.run([*becoming(), *pytest, *marked, *arguments], env=own, check=False, cwd=root)
        return ended.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
