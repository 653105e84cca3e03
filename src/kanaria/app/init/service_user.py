"""The user that the service runs as: whether it can run the program, read the settings and write the store.

What a ``chmod`` or ``chown`` of files that are Kanaria's own settles is done, and returned in words; what needs another
place is an error, before anything is installed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from kanaria.app.config import Config
from kanaria.app.secret_values import named
from kanaria.core.errors import SourceError

USER = "kanaria"
STATE = "/var/lib/kanaria"
"""Its home, and the only folder that the unit lets it write to besides its cache."""


def may(user: str, *command: str) -> str | None:
    """None where this user's command ends well, else the last thing it said. Needs root."""
    # The shell in between: what setpriv itself executes is still looked up with the rights of root.
    wanted = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "sh", "-c", 'exec "$@"', "sh", *command]
    done = subprocess.run(wanted, cwd="/", capture_output=True, text=True, check=False)
    if not done.returncode:
        return None
    return (done.stderr.strip().splitlines() or ["no"])[-1]


def must_run(user: str, python: str = sys.executable) -> None:
    """Raises SourceError where this user cannot run Kanaria with that interpreter, as in somebody's home folder."""
    complaint = may(user, python, "-c", "import kanaria.app.live.service")
    if complaint is not None:
        raise SourceError(
            source=python, expected=f"a program that the user {user} can run", got=complaint,
            cause="a home folder is closed to others; install where everybody may read, and run install-service from "
            "there: /usr/bin/python3 -m venv /opt/kanaria && /opt/kanaria/bin/pip install '.[serve]'",
        )  # fmt: skip


def made_readable(user: str, config: Path) -> Iterator[str]:
    """Let this user read the settings, and nobody else besides the owner. Yields what was done.

    Raises SourceError where a folder above them is closed.
    """
    if may(user, "test", "-r", str(config)) is not None:
        shutil.chown(config, group=user)
        config.chmod(0o640)
        yield f"{config}: 0640, {user}"
    if may(user, "test", "-r", str(config)) is not None:
        raise SourceError(
            source=str(config), expected=f"settings that the user {user} may read", got="permission denied",
            cause="put them into /etc/kanaria",
        )  # fmt: skip


def folders_to_write(settings: Config) -> list[str]:
    """The folders outside ``STATE`` that the service writes to: of the store and of the file for a SIEM."""
    wanted = [settings.store, str(Path(settings.serve.ocsf).parent) if settings.serve.ocsf else None]
    return [folder for folder in wanted if folder and not f"{folder}/".startswith(f"{STATE}/")]


def made_writable(user: str, settings: Config, config: Path) -> Iterator[str]:
    """Make the folders that it writes to, where systemd does not see to them. Yields what was done.

    Raises SourceError where no store is set, since this user's own folder is not that of who asks, and where a folder
    belongs to somebody else.
    """
    expected, advice = f"a place that the user {user} may write to", f'set store = "{STATE}/store"'
    if settings.store is None:
        raise SourceError(source=f"{config}: store", expected=expected, got="none", cause=advice)
    for name in folders_to_write(settings):
        folder = Path(name)
        if not folder.exists():
            folder.mkdir(parents=True)
            folder.chmod(0o700)
            shutil.chown(folder, user, user)
            yield f"{folder}: 0700, {user}"
        if may(user, "test", "-w", name) is not None:
            cause = advice if name == settings.store else "give it to that user with chown, or name another folder"
            raise SourceError(source=str(config), expected=expected, got=name, cause=cause)


def must_read(user: str, settings: Config) -> None:
    """Raises SourceError where this user may not read a file that the settings name for a secret or for TLS."""
    keys = [file for source in settings.sources for file in (source.certificate, source.key) if file]
    for file in (*named(settings, "file"), *keys):
        if not Path(file).exists():
            raise SourceError(source=file, expected=f"a file that the user {user} may read", got="nothing there")
        if may(user, "test", "-r", file) is not None:
            raise SourceError(
                source=file, expected=f"a file that the user {user} may read", got="permission denied",
                cause=f"chgrp {user} {file} && chmod 640 {file}",
            )  # fmt: skip
