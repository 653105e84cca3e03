"""The other ways of docs/how-to/install.md: uv tool, pipx, a Debian package; and what is built from the sdist."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.install import environments
from tests.install.environments import MINUTES, ROOT
from tests.programs import program

pytestmark = pytest.mark.install

VERSION = r"kanaria, version \d+\.\d+\.\d+ \([0-9a-f]{7,}\)"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What is committed, and nothing that was made in the checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("no Git here to clone with")
    subprocess.run(["git", "clone", "-q", str(ROOT), str(tmp_path / "sources")], check=True)
    return tmp_path / "sources"


def does_its_work(kanaria: Path, folder: Path) -> None:
    """The command shows the demo to somebody with an empty home folder, and says what it was built from."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    own = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8"}
    shown = subprocess.run([kanaria, "demo"], env=own, cwd=folder, check=False, capture_output=True, text=True)
    assert shown.returncode == 0 and "Internet-wide probe for mining pools" in shown.stdout, shown.stderr
    said = subprocess.run([kanaria, "--version"], env=own, cwd="/", check=False, capture_output=True, text=True)
    assert re.fullmatch(VERSION + "\n", said.stdout), said.stdout + said.stderr


def tool_of_uv(clone: Path, folder: Path) -> list[list[str]]:
    uv = environments.uv()
    return [[uv, "tool", "install", "-q", "."], [uv, "tool", "uninstall", "-q", "kanaria"]]


def tool_of_pipx(clone: Path, folder: Path) -> list[list[str]]:
    pipx = program("pipx", "pipx")
    return [[pipx, "install", "."], [pipx, "uninstall", "kanaria"]]


@pytest.mark.parametrize("way", [tool_of_uv, tool_of_pipx])
def test_a_tool_for_one_user_comes_from_the_sources_and_goes_again(
    way: Callable[[Path, Path], list[list[str]]], clone: Path, tmp_path: Path
) -> None:
    places = {"UV_TOOL_DIR": "tools", "UV_TOOL_BIN_DIR": "bin", "PIPX_HOME": "tools", "PIPX_BIN_DIR": "bin"}
    own = os.environ | {name: str(tmp_path / place) for name, place in places.items()} | {"HOME": str(tmp_path)}
    install, remove = way(clone, tmp_path)

    def run(*command: str) -> None:
        done = subprocess.run(command, cwd=clone, env=own, check=False, capture_output=True, text=True, timeout=MINUTES)
        assert done.returncode == 0, f"{command}: {done.stdout[-1000:]}{done.stderr[-2000:]}"

    run(*install)
    does_its_work(tmp_path / "bin" / "kanaria", tmp_path)
    run(*remove)
    assert not (tmp_path / "bin" / "kanaria").exists() and not (tmp_path / "tools" / "venvs" / "kanaria").exists()


@pytest.fixture
def package(clone: Path, extras: str) -> Path:
    """The Debian package that the script makes of the sources, with these optional parts."""
    if not shutil.which("dpkg-deb"):
        pytest.skip("no dpkg here to make a package with")
    python = "/usr/bin/python3"
    if subprocess.run([python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"], check=False).returncode:
        pytest.skip("this system's own Python is older than 3.11")
    made = subprocess.run(
        ["bash", "scripts/deb.sh"], cwd=clone, env=os.environ | {"UV": environments.uv(), "EXTRAS": extras},
        check=False, capture_output=True, text=True, timeout=MINUTES,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("dist/kanaria_") and "larger" not in made.stderr, made.stderr
    return clone / made.stdout.strip()


# A view of this system that is written to a folder of its own and ends with the command.
_BESIDE = """\
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root" || exit 77
mount -t tmpfs tmpfs "$1/root/opt"
mount --rbind /proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
exec chroot "$1/root" bash -ec "$2"
"""
_IN_AND_OUT = """\
cat > /tmp/kanaria.deb
dpkg --force-depends -i /tmp/kanaria.deb >&2
cd /
mkdir -m 700 /tmp/home-of-nobody && chown 65534:65534 /tmp/home-of-nobody
export HOME=/tmp/home-of-nobody
as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
$as_nobody kanaria --version
$as_nobody kanaria demo
touch access.log && chmod 644 access.log
printf '%s\n' 'store = "/tmp/home-of-nobody/store"' '[[sources]]' 'kind = "file"' 'path = "/access.log"' '[[notify]]' \
  'url = "ntfy://127.0.0.1:9/alarm"' > kanaria.toml && chmod 644 kanaria.toml
$as_nobody kanaria check-config --config kanaria.toml && echo "notifies: yes" || echo "notifies: no"
dpkg -r kanaria >&2
find /opt/kanaria /usr/bin/kanaria /usr/share/doc/kanaria 2>/dev/null | head -n 20 | sed 's/^/left: /'
"""


@pytest.mark.parametrize("extras", ["", "serve,plot"])
def test_a_package_for_debian_serves_every_user_and_takes_all_of_it_away(
    package: Path, extras: str, tmp_path: Path
) -> None:
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "setpriv"))):
        pytest.skip("needs root, to install packages")
    (folder := tmp_path / "view").mkdir()
    with package.open("rb") as content:
        done = subprocess.run(
            ["unshare", "-m", "--propagation", "private", "bash", "-ec", _BESIDE, "bash", str(folder), _IN_AND_OUT],
            stdin=content, check=False, capture_output=True, text=True, timeout=MINUTES,
        )  # fmt: skip
    if done.returncode == 77:
        pytest.skip("no overlay of the root folder can be mounted here")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(VERSION, lines[0]) and "Internet-wide probe for mining pools" in done.stdout, done.stdout[:500]
    assert [line for line in lines if line.startswith("left: ")] == []
    assert f"notifies: {'yes' if extras else 'no'}" in lines, done.stdout[-1000:]


def test_a_wheel_made_from_the_sdist_is_the_one_made_from_the_checkout(clone: Path, tmp_path: Path) -> None:
    def built(*arguments: str, source: Path) -> None:
        command = [sys.executable, "-m", "hatchling", "build", *arguments]
        subprocess.run(command, cwd=source, check=True, capture_output=True)

    built("-d", str(tmp_path / "dist"), source=clone)
    (wheel,), (sdist,) = (list((tmp_path / "dist").glob(kind)) for kind in ("*.whl", "*.tar.gz"))
    shutil.unpack_archive(sdist, tmp_path / "unpacked")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    built("-t", "wheel", "-d", str(tmp_path / "again"), source=unpacked)
    (again,) = (tmp_path / "again").iterdir()
    one, other = contents(wheel), contents(again)
    assert one == other


def contents(wheel: Path) -> dict[str, int]:
    """The files and their checksums; the list of them inside is in the order in which they were found."""
    with zipfile.ZipFile(wheel) as packed:
        return {item.filename: item.CRC for item in packed.infolist() if not item.filename.endswith("/RECORD")}
