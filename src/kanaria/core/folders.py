"""Where this user's files lie, by the XDG Base Directory Specification, and who else may write there.

Nothing is made here.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path


def cache_folder() -> Path:
    """For what can be made anew at any time: compiled code, lists of fonts. ``$XDG_CACHE_HOME/kanaria``."""
    return _base("XDG_CACHE_HOME", ".cache") / "kanaria"


def _base(variable: str, below_home: str) -> Path:
    named = os.environ.get(variable, "")
    # The specification: a relative path is invalid and to be ignored.
    return Path(named) if os.path.isabs(named) else Path(os.path.expanduser("~")) / below_home


def private(folder: Path) -> bool:
    """Whether nobody but this user and root can put files into an existing folder, or another folder in its place.

    What is read back from a cache is trusted like code. A group that only this user is in is no other; a parent that
    all may write to, as /tmp, is good enough where only owners may rename (the sticky bit).
    """
    place = folder.absolute().resolve()
    try:
        own, *parents = (path.stat() for path in (place, *place.parents))
    except OSError:
        return False
    if own.st_uid not in {0, os.geteuid()} or _open_to_others(own):
        return False
    return not any(_open_to_others(state) and not state.st_mode & stat.S_ISVTX for state in parents)


def _open_to_others(state: os.stat_result) -> bool:
    if state.st_mode & stat.S_IWOTH:
        return True
    return bool(state.st_mode & stat.S_IWGRP) and state.st_gid != 0 and not _of_one(state.st_gid)


def _of_one(group: int) -> bool:
    """Whether a group is this user's alone, as distributions make one for each."""
    try:
        user, entry = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    return user.pw_gid == group and user.pw_name == entry.gr_name and set(entry.gr_mem) <= {user.pw_name}
