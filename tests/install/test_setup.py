"""``scripts/setup.sh`` where something is wrong: no registry, a package that is not the locked one, no uv, a stop half way.

With a lock of one small package, so that it takes seconds.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.install import environments
from tests.install.environments import MINUTES, ROOT

pytestmark = pytest.mark.install

PACKAGE = "click"
WAY_OUT = "Is this machine online, or behind a proxy"
NOWHERE = {
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple",
    "PIP_RETRIES": "0", "UV_HTTP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1", "UV_NO_CACHE": "1",
}  # fmt: skip


def block(name: str, lock: Path) -> str:
    """The lines of one package in a lock."""
    found = re.search(rf"^{name}==[^\n]*\n(?: +[^\n]*\n)+", lock.read_text("utf-8"), re.MULTILINE)
    assert found, f"{name} is not in {lock.name}"
    return found[0]


def other(lines: str) -> str:
    """The same package, with the hashes of files that are not its own."""
    return re.sub(r"sha256:\w+", "sha256:" + "0" * 64, lines)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (folder := tmp_path / "checkout").mkdir()
    shutil.copytree(ROOT / "scripts", folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "requirements.lock").write_text(block(PACKAGE, ROOT / "requirements.lock"))
    (folder / "requirements-test.lock").write_text(block("uv", ROOT / "requirements-test.lock"))
    return folder


def set_up(checkout: Path, *, has_uv: bool, **surroundings: str) -> subprocess.CompletedProcess[str]:
    programs = checkout.parent / "programs"
    programs.mkdir(exist_ok=True)
    if has_uv:
        (programs / "uv").symlink_to(environments.uv())
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL", "HTTP"))}
    own = kept | {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(checkout.parent), "LANG": "C.UTF-8"}
    return subprocess.run(
        ["bash", "scripts/setup.sh"], cwd=checkout, env=own | {"PYTHON": sys.executable} | surroundings,
        check=False, capture_output=True, text=True, timeout=MINUTES,
    )  # fmt: skip


def has_package(checkout: Path) -> bool:
    asked = [checkout / ".venv/bin/python", "-c", f"import {PACKAGE}"]
    return subprocess.run(asked, check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("has_uv", [True, False])
def test_a_registry_that_is_not_reached_is_said_with_the_way_out_and_the_next_try_begins_anew(
    checkout: Path, has_uv: bool
) -> None:
    failed = set_up(checkout, has_uv=has_uv, **NOWHERE)
    assert failed.returncode == 2 and WAY_OUT in failed.stderr, failed.stderr
    assert "Traceback" not in failed.stderr
    if has_uv:
        again = set_up(checkout, has_uv=False)
        assert again.returncode == 0 and "half made" in again.stderr, again.stderr
        assert has_package(checkout)


@pytest.mark.parametrize("has_uv", [True, False])
def test_a_package_that_is_not_the_locked_one_is_not_installed(checkout: Path, has_uv: bool) -> None:
    for name in ("requirements.lock", *([] if has_uv else ["requirements-test.lock"])):
        (checkout / name).write_text(other((checkout / name).read_text()))
    refused = set_up(checkout, has_uv=has_uv)
    assert refused.returncode == 2 and "do not match their hashes" in refused.stderr, refused.stderr
    assert not has_package(checkout)


def test_without_uv_pip_installs_the_same(checkout: Path) -> None:
    (checkout / "requirements-test.lock").write_text(other((checkout / "requirements-test.lock").read_text()))
    done = set_up(checkout, has_uv=False)
    assert done.returncode == 0 and "pip takes some minutes" in done.stderr, done.stderr
    assert has_package(checkout)


def test_a_python_that_is_too_old_is_named_before_anything_is_made(checkout: Path) -> None:
    old = checkout / "python"
    old.write_text("#!/bin/sh\ncase $1 in --version) echo Python 3.9.2 ;; *) exit 1 ;; esac\n")
    old.chmod(0o755)
    done = set_up(checkout, has_uv=False, PYTHON=str(old))
    assert done.returncode == 2 and "Python 3.11 or newer" in done.stderr and "Python 3.9.2" in done.stderr
    assert not (checkout / ".venv").exists()
