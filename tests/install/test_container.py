"""The Containerfile: checked by hadolint, and built where a builder is there, on a base made by debootstrap."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.install.environments import MINUTES, ROOT
from tests.programs import program

FILE = ROOT / "Containerfile"
BASE, SUITE = "docker.io/library/debian:13-slim", "trixie"
Buildah = Callable[..., subprocess.CompletedProcess[str]]


def instructions() -> list[tuple[str, str]]:
    """Instruction and arguments, continued lines joined."""
    lines = [line for line in FILE.read_text("utf-8").splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    pairs = (line.split(maxsplit=1) for line in joined.splitlines() if line.strip())
    return [(name, arguments) for name, arguments in pairs]


def test_hadolint_has_nothing_to_say() -> None:
    beside = Path(sys.executable).with_name("hadolint")
    if not beside.exists():
        pytest.skip("hadolint is not installed here; make test installs it from requirements-test.lock")
    done = subprocess.run([str(beside), "--no-color", str(FILE)], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_it_runs_as_an_ordinary_user_on_a_release_that_is_named() -> None:
    found = instructions()
    assert {arguments.split()[0] for name, arguments in found if name == "FROM"} == {BASE}
    users = [arguments for name, arguments in found if name == "USER"]
    assert users and int(users[-1]) >= 1000
    assert f"--uid {users[-1]} " in FILE.read_text("utf-8")


def test_what_it_names_of_the_checkout_is_there_and_what_was_made_stays_outside() -> None:
    named = [word for _name, arguments in instructions() for word in arguments.split() if "/" in word or "." in word]
    inside = [word for word in named if word.startswith(("scripts/", "requirements"))]
    assert inside and all((ROOT / word).is_file() for word in inside), inside
    ignored = (ROOT / ".containerignore").read_text("utf-8")
    assert ignored == (ROOT / ".dockerignore").read_text("utf-8"), "podman reads one, docker the other"
    assert {".venv", "dist"} <= set(ignored.splitlines()) and ".git" not in ignored.splitlines()


@pytest.fixture
def buildah(tmp_path: Path) -> Iterator[Buildah]:
    """Buildah with storage of its own; containers are folders that are entered with chroot."""
    found = shutil.which("buildah")
    if not found or os.geteuid() != 0:
        pytest.skip("no buildah is installed here, or it may not make containers")
    storage = ["--root", str(tmp_path / "storage"), "--runroot", str(tmp_path / "run"), "--storage-driver", "vfs"]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [found, *storage, *arguments], env=os.environ | {"BUILDAH_ISOLATION": "chroot"},
            check=False, capture_output=True, text=True, timeout=MINUTES,
        )  # fmt: skip

    yield run
    run("rm", "--all")
    run("rmi", "--all", "--force")


def _base(buildah: Buildah, folder: Path) -> None:
    """The base image under its usual name, from Debian's packages and not from a registry of images."""
    system = folder / "debian"
    debootstrap = [program("debootstrap", "debootstrap"), "--variant=minbase", SUITE, str(system)]
    made = subprocess.run(debootstrap, check=False, capture_output=True, text=True, timeout=MINUTES)
    if made.returncode:
        pytest.skip(f"debootstrap could not fetch Debian {SUITE}: {made.stdout[-300:]}")
    scratch = buildah("from", "scratch").stdout.strip()
    added = buildah("add", "-q", scratch, str(system), "/")
    committed = buildah("commit", "-q", "--rm", scratch, BASE)
    assert added.returncode == committed.returncode == 0, added.stderr + committed.stderr
    shutil.rmtree(system)


def _registry(folder: Path) -> list[str]:
    """Options that let pip inside reach the packages that pip here reaches: its settings and certificates."""
    settings = configparser.RawConfigParser()
    settings.read("/etc/pip.conf")
    if not settings.has_section("global"):
        settings.add_section("global")
    options = []
    if certificates := os.environ.get("PIP_CERT"):
        shutil.copy(certificates, folder / "certificates.crt")
        settings.set("global", "cert", "/run/certificates.crt")
        options = ["-v", f"{folder / 'certificates.crt'}:/run/certificates.crt:ro"]
    with (folder / "pip.conf").open("w") as file:
        settings.write(file)
    return [*options, "-v", f"{folder / 'pip.conf'}:/etc/pip.conf:ro"]


@pytest.mark.install
def test_the_image_is_built_and_shows_the_demo_without_compiling_again(buildah: Buildah, tmp_path: Path) -> None:
    _base(buildah, tmp_path)
    clone = tmp_path / "kanaria"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    options = ["--pull-never", "--network", "host", *_registry(tmp_path)]
    built = buildah("bud", *options, "-f", str(clone / "Containerfile"), "-t", "kanaria", str(clone))
    assert built.returncode == 0, built.stderr[-3000:] + built.stdout[-3000:]
    container = buildah("from", "--pull-never", "localhost/kanaria").stdout.strip()
    shown = buildah("run", container, "--", "kanaria", "demo")
    assert shown.returncode == 0, shown.stderr
    assert "Internet-wide probe for mining pools" in shown.stdout
    assert "Preparing the readers" not in shown.stderr, "they were compiled when the image was built"
    who = buildah("run", container, "--", "sh", "-c", "id -u; kanaria --version")
    assert who.stdout.startswith("10001\n") and "(" in who.stdout, "not root, and the commit is named"
