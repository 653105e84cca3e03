"""The wheel as users have it: alone, with each extra, on each Python, with the oldest and the newest packages.

Run by ``make test-install``; not part of ``make test``, because every environment is made anew.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.install import environments
from tests.install.environments import PYTHONS, ROOT, Environment

pytestmark = pytest.mark.install

EXPORTS = ("text", "markdown", "html", "json", "ocsf", "navigator", "misp", "csv", "iocs")
NOBODY = 65534
WITHOUT = {
    "host": "psutil",
    "windows": "evtx",
    "plot": "matplotlib",
    "exchange": "stix2",
    "spark": "sqlglot",
    "llm": "httpx2",
    "mcp": "mcp",
}
"""What an installation without the extra lacks; the message has to name it."""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environments.built(tmp_path_factory.getbasetemp().parent / f"kanaria-dist-{os.getppid()}")[0]


@pytest.fixture(scope="session")
def public() -> Iterator[Path]:
    """A folder that everybody may read; pytest closes its own to others."""
    with tempfile.TemporaryDirectory(prefix="kanaria-install-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture(scope="session")
def inputs(public: Path) -> Path:
    """One small file of every format that the tests have a sample of, and the bundled examples."""
    folder = public / "inputs"
    folder.mkdir()
    for sample in sorted((ROOT / "tests").glob("*/golden/*")):
        if sample.suffix in {".log", ".csv", ".xml", ".txt", ".binetflow", ".ndjson"}:
            shutil.copy(sample, folder / sample.name)
    for sample in (ROOT / "src" / "kanaria" / "app" / "examples").iterdir():
        shutil.copy(sample, folder / sample.name)
    for made in (folder, *folder.iterdir()):
        made.chmod(0o755 if made.is_dir() else 0o644)
    return folder


@pytest.fixture(scope="session")
def alone(wheel: Path, public: Path) -> Environment:
    return environments.make(public / "env", "3.11", str(wheel))


def works(environment: Environment, inputs: Path, folder: Path) -> None:
    """The main jobs end as they should, without a word of Python's on standard error."""
    for language, known in (("en", "coins"), ("ja", "マイニング")):
        demo = environment.run("demo", "--lang", language, folder=folder)
        assert (demo.returncode, demo.stderr) == (0, "")
        assert known in demo.stdout, demo.stdout[:500]
    read = environment.run("analyze", "--format", "json", inputs, folder=folder)
    assert read.returncode in {1, 3}, read.stderr
    document = json.loads(read.stdout)
    assert {incident["severity"] for incident in document["incidents"]} >= {"high", "informational"}
    assert len({item["format"] for item in document["inputs"]}) > 12
    asked = environment.run("explain", '{"id":1,"method":"mining.subscribe","params":[]}', folder=folder)
    assert "mining.subscribe" in asked.stdout and asked.returncode in {0, 1}, asked.stderr
    for command in (["devices", inputs / "dns-server.pcap"], ["rules", "test"], ["formats"], ["--version"]):
        done = environment.run(*command, folder=folder)
        assert done.returncode == 0 and done.stdout.strip(), f"{command}: {done.stderr}"


@pytest.mark.parametrize("version", PYTHONS)
def test_the_wheel_alone_works_on_each_python_with_the_newest_packages(
    version: str, wheel: Path, inputs: Path, alone: Environment, tmp_path: Path
) -> None:
    made = alone if version == "3.11" else environments.make(tmp_path / "env", version, str(wheel))
    works(made, inputs, tmp_path)


def test_the_wheel_works_with_the_oldest_packages_its_metadata_allows(
    wheel: Path, inputs: Path, tmp_path: Path
) -> None:
    oldest = ["--resolution", "lowest-direct"]
    works(environments.make(tmp_path / "env", "3.11", str(wheel), options=oldest), inputs, tmp_path)


def test_an_installation_brings_nothing_that_only_tests_have(alone: Environment) -> None:
    assert environments.modules(alone).isdisjoint({"pandas", "pytz", "pytest", "pyspark", "ibis-framework", "mypy"})


@pytest.mark.parametrize("kind", EXPORTS)
def test_every_output_that_needs_no_extra_is_written(kind: str, alone: Environment, tmp_path: Path) -> None:
    log = ROOT / "src" / "kanaria" / "app" / "examples" / "home-server-access.log"
    done = alone.run("analyze", "--format", kind, "-o", "out", log, folder=tmp_path)
    assert done.returncode == 1, done.stderr
    assert (tmp_path / "out").stat().st_size > 200


def ask_for(extra: str, environment: Environment, folder: Path) -> tuple[int, str]:
    """Something that only this extra brings."""
    log = ROOT / "src" / "kanaria" / "app" / "examples" / "home-server-access.log"
    (folder / "Security.evtx").write_bytes(b"ElfFile\0" + bytes(4096))
    (folder / "llm.toml").write_text('[llm]\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "none"\n')
    commands: dict[str, list[str | Path]] = {
        "host": ["analyze", "--check-host", log],
        "windows": ["analyze", "Security.evtx"],
        "exchange": ["analyze", "--format", "stix", log],
        "plot": ["analyze", "--format", "html", log.with_name("dns-server.pcap")],
        "llm": ["analyze", "--writer", "llm", "--config", "llm.toml", log],
        "mcp": ["mcp", "--store", folder / "store"],
        "spark": ["rules", "convert", "web_log4shell", "--to", "spark"],
    }
    done = environment.run(*commands[extra], folder=folder)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("extra", sorted(WITHOUT))
def test_what_an_extra_brings_is_named_with_the_way_to_get_it(extra: str, alone: Environment, tmp_path: Path) -> None:
    _status, said = ask_for(extra, alone, tmp_path)
    assert "Traceback" not in said
    assert "kanaria[" not in said, "nobody may be sent to a name in a registry that is not ours"
    assert f"install --python {alone.python} " in said or f"{alone.python} -m pip install" in said, said[-500:]
    assert WITHOUT[extra] in said


@pytest.mark.parametrize("extra", sorted(set(WITHOUT) - {"spark"}))
def test_each_extra_does_what_it_is_for(extra: str, wheel: Path, tmp_path: Path) -> None:
    made = environments.make(tmp_path / "env", "3.11", f"{wheel}[{extra}]")
    status, said = ask_for(extra, made, tmp_path)
    assert status in {0, 1, 2, 3} and "Traceback" not in said, said[-500:]
    assert "install --python" not in said, said[-500:]


def test_an_extra_for_everything_names_each_other_one() -> None:
    listed = environments.extras()
    assert set(WITHOUT) <= set(listed)


def test_an_ordinary_user_without_a_home_uses_an_installation_of_root(alone: Environment, inputs: Path) -> None:
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root, to become somebody else")
    as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    log = inputs / "home-server-access.log"
    for surroundings in ({"HOME": None}, {"HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}):
        done = alone.run("analyze", log, before=as_nobody, folder=Path("/"), **surroundings)
        assert (done.returncode, done.stderr) == (1, ""), done.stderr


def test_nothing_asks_the_network(alone: Environment, inputs: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("needs root, to take the network away")
    done = alone.run("demo", before=["unshare", "-n"], folder=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_version_says_which_commit_it_was_built_from(alone: Environment) -> None:
    said = alone.run("--version").stdout
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    assert re.fullmatch(r"kanaria, version \d+\.\d+\.\d+ \([0-9a-f]+(-dirty)?\)\n", said), said
    assert commit.strip()[:7] in said


def test_the_archives_carry_what_they_should(tmp_path: Path) -> None:
    wheel, sdist = environments.built(tmp_path)
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    assert {"kanaria/py.typed", "kanaria/commit.txt"} <= set(names)
    assert any(name.endswith("LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]
    with tarfile.open(sdist) as unpacked:
        sources = unpacked.getnames()
    assert any(name.endswith("/pyproject.toml") for name in sources)
    assert not [name for name in sources if "/.venv/" in name or "/.git/" in name]
