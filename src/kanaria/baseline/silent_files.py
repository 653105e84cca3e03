"""Hosts with a log file of their own that ended while those of others go on.

Comes in: what is known of hosts and their logs, and which files a run was given. Goes out: the hosts that are silent.
That a file ends proves nothing: it may have been rotated, cut, or collected earlier. So a host counts as silent only if
its file was given, it has written in a rhythm, wrote nowhere else since, several others of the kind go on and did so
before, and one of two things shows that nothing was left out: the file is the current one and was last changed when its
last record was written; or an earlier run was given it, and it has nothing new where those of the others have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from kanaria.baseline.log_writers import Host
from kanaria.core.late_regex import late_regex
from kanaria.core.values import dataclass

# Numbered, dated or compressed names: an older part of a log, whose end says nothing.
_OLDER_PART = late_regex(
    r"\.(?:gz|bz2|xz|zst|lzma|z)$|\.\d{1,4}(?:\.log)?$|(?:19|20)\d\d[-._]?\d\d[-._]?\d\d", re.IGNORECASE
)
LEAST_OTHERS = 2


@dataclass(frozen=True)
class GivenFile:
    """A file that a run was given: when it was last changed (microseconds; None: unknown), and whether an earlier run
    was given it too."""

    changed: int | None
    again: bool


def silent_files(
    logs: Mapping[str, Mapping[str, Host]], files: Mapping[str, GivenFile]
) -> Iterator[tuple[str, Host, int, int]]:
    """Name, host, pause and number of others that go on, of each host that has gone silent and was not told of yet."""
    own = _own(logs, files)
    if len(own) <= LEAST_OTHERS:
        return
    now = max(host.last for host in own.values())
    regular = [host for host in own.values() if host.regular]
    for name, host in sorted(own.items()):
        pause = now - host.last
        if host.told or not host.regular or pause <= host.patience or not _complete(host, files[host.source]):
            continue
        going = [o for o in regular if o.last > host.last and now - o.last <= o.patience and o.first <= host.last]
        if len(going) < LEAST_OTHERS or 2 * len(going) <= len(regular) - 1:
            continue
        yield name, host, pause, len(going)


def _own(logs: Mapping[str, Mapping[str, Host]], files: Mapping[str, GivenFile]) -> dict[str, Host]:
    """The hosts that write into given files of their own, each with the log it wrote into last."""
    latest: dict[str, Host] = {}
    for hosts in logs.values():
        for name, host in hosts.items():
            if name not in latest or host.last >= latest[name].last:
                latest[name] = host
    return {name: host for name, host in latest.items() if not host.shared and host.source in files}


def _complete(host: Host, file: GivenFile) -> bool:
    """Whether there is reason to believe that the file has all that the host wrote."""
    if file.again:
        return True
    untouched = file.changed is not None and abs(file.changed - host.last) <= host.patience
    return untouched and not _OLDER_PART.search(host.source)
