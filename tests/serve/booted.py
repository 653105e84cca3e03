"""A real systemd beside this machine's own: on a copy-on-write view of its files, with processes of its own.

Nothing it writes reaches the machine; when the test ends, it ends, and its view is gone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.running import PATIENCE, running

BOOT_SECONDS = PATIENCE
# The control groups of this test, the namespaces, and what a container's own file systems are. $1 is the work folder,
# $2 the group; udev, which would look after the machine's devices, does not start where /sys cannot be written.
_BOOT = """\
set -e
for tree in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
    if [ -e "$tree/cgroup.procs" ]; then mkdir -p "$tree/$2"; echo $$ > "$tree/$2/cgroup.procs"; fi
done
exec unshare --mount --pid --fork --kill-child --cgroup --uts --ipc --net --propagation private bash -e -c '
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs tmpfs sys/fs/cgroup
if [ -e /sys/fs/cgroup/cgroup.procs ]; then
    mount -t cgroup2 cgroup2 sys/fs/cgroup
else
    mkdir sys/fs/cgroup/systemd sys/fs/cgroup/unified
    mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
    mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
fi
mount -t tmpfs tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for device in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
    set -- "$1" $device
    mknod -m 666 "dev/$2" c "$3" "$4"
done
mkdir dev/shm dev/pts dev/mqueue
mount -t tmpfs tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
mount -t mqueue mqueue dev/mqueue
ln -s pts/ptmx dev/ptmx
ip link set lo up
container=other exec chroot . /lib/systemd/systemd --system --unit=basic.target --log-target=console
' bash "$1"
"""


@dataclass(frozen=True)
class Booted:
    """``inside`` runs a command under that systemd, as root, on its view of the files."""

    root: Path
    process: int

    def inside(self, *command: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        into = ["nsenter", f"--target={self.process}", "--mount", "--pid", "--cgroup", "--uts", "--ipc", "--net"]
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "LC_", "KANARIA"))}
        return subprocess.run(
            [*into, "chroot", str(self.root), *command], capture_output=True, text=True, check=False, timeout=seconds,
            env={**kept, "HOME": "/root", "LANG": "C.UTF-8", "SYSTEMD_PAGER": ""},
        )  # fmt: skip

    def wait_for(self, wanted: str, *command: str, seconds: float = PATIENCE) -> str:
        """What the command says once it says what is wanted."""
        until = time.monotonic() + seconds
        while wanted not in (said := self.inside(*command).stdout):
            assert time.monotonic() < until, said
            time.sleep(0.5)
        return said


@contextmanager
def booted(folder: Path) -> Iterator[Booted]:
    """That systemd, up and running; skips the test, visibly, where it cannot be."""
    systemd = Path("/lib/systemd/systemd")
    if (
        os.geteuid()
        or not systemd.exists()
        or not all(map(shutil.which, ("unshare", "nsenter", "setpriv", "systemctl")))
    ):
        pytest.skip("a systemd of its own needs root and Debian's systemd")
    if any(Path(place).stat().st_dev != Path("/").stat().st_dev for place in (sys.prefix, sys.base_prefix, __file__)):
        pytest.skip("the program lies on another disk than /, which that systemd would not see")
    group = f"kanaria-test-{os.getpid()}"
    with (folder / "boot.log").open("wb") as log:
        outer = subprocess.Popen(
            ["bash", "-c", _BOOT, "bash", folder, group], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        with running(outer):  # --kill-child: the first process goes with it, and all of its own
            yield _up(folder, outer)
    finally:
        for tree in Path("/sys/fs/cgroup").glob(f"**/{group}"):
            _removed(tree)


def _up(folder: Path, outer: subprocess.Popen[bytes]) -> Booted:
    until = time.monotonic() + BOOT_SECONDS
    while time.monotonic() < until and outer.poll() is None:
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
        if children:
            found = Booted(folder / "root", int(children[0]))
            if found.inside("systemctl", "is-system-running").stdout.strip() in {"running", "degraded"}:
                return found
        time.sleep(0.2)
    said = (folder / "boot.log").read_text(errors="replace")[-500:]
    pytest.skip(f"no systemd of its own comes up here: {said}")


def _removed(tree: Path) -> None:
    """Remove a control group with all below it, once its last process is gone."""
    for _attempt in range(100):
        try:
            for place in (*sorted((place for place in tree.rglob("*") if place.is_dir()), reverse=True), tree):
                place.rmdir()
        except OSError:
            time.sleep(0.1)
        else:
            return
