"""Real programs for tests: installed from Debian's packages when they are missing and this is allowed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PLACES = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def program(name: str, package: str) -> str:
    """The path of a program; skips the test, visibly, where it cannot be had."""
    if found := shutil.which(name, path=PLACES):
        return found
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        pytest.skip(f"{name} is not installed (Debian's {package}), and only root can install it")
    with _one_at_a_time():
        if not shutil.which(name, path=PLACES):
            _install(package)
    if not (found := shutil.which(name, path=PLACES)):
        pytest.skip(f"{name} is not installed, and Debian's {package} cannot be installed here")
    return found


def programs(wanted: Mapping[str, str]) -> dict[str, str]:
    """The paths of several programs, given the package of each; what is missing is installed in one go."""
    missing = {name: package for name, package in wanted.items() if not shutil.which(name, path=PLACES)}
    if len(missing) > 1 and os.geteuid() == 0 and shutil.which("apt-get"):
        with _one_at_a_time():
            _install(*dict.fromkeys(missing.values()))
    return {name: program(name, package) for name, package in wanted.items()}


EVERYTHING = (
    "apache2", "dnsmasq-base", "fonts-ipaexfont-gothic", "gcc", "iproute2", "libc6-dev", "libgomp1", "nfdump", "nginx-light",
    "samba", "smbclient", "softflowd", "tcpdump", "tshark",
)  # fmt: skip
"""Packages that some test needs. Installed together before the first test, so that no result depends on their order."""


def install_everything() -> None:
    """What the tests need of Debian's packages, where this may be installed; tests skip visibly without."""
    if os.geteuid() == 0 and shutil.which("apt-get") and shutil.which("dpkg-query"):
        with _one_at_a_time():
            shown = ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n", *EVERYTHING]
            known = subprocess.run(shown, check=False, capture_output=True, text=True).stdout.split("\n")
            missing = [name for name in EVERYTHING if f"installed {name}" not in known]
            if missing:
                print(f"Installing Debian's {', '.join(missing)} …", flush=True)
                _install(*missing)


def japanese_font() -> str:
    """The name of an installed font that has Japanese; skips the test, visibly, where none can be had."""
    from kanaria.report import plots_style

    plots_style.japanese_font.cache_clear()
    if not (found := plots_style.japanese_font()):
        pytest.skip("no Japanese font is installed (Debian's fonts-ipaexfont-gothic)")
    return found


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Several workers may want packages at once; dpkg's own lock fails instead of waiting."""
    with (Path(tempfile.gettempdir()) / "kanaria-tests-apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(*packages: str) -> None:
    # RUNLEVEL=1 keeps a freshly installed server from starting by itself.
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    for command in (install, ["apt-get", "update", "-q"], install):
        done = subprocess.run(command, env=quiet, check=False, capture_output=True, timeout=900)
        if command is install and done.returncode == 0:
            return


if __name__ == "__main__":
    install_everything()
