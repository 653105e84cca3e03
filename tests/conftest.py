"""For all tests: property tests judge behaviour, never the speed of the machine; what takes long comes first."""

from __future__ import annotations

import functools
import gc
import itertools
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests import compiled, leftovers
from tests.running import Shared

# On CI the same examples every time, so that a landing does not depend on luck; elsewhere new ones every time.
settings.register_profile(
    "kanaria",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("kanaria")

WAITING = {"lab", "lookalikes", "serve"}
"""Folders whose slow tests mostly wait for services, clocks and real programs."""
PLAIN = Path(__file__).with_name("plain")


def pytest_configure(config: pytest.Config) -> None:
    """With ``-n``, files are handed out in the order below, and not by how many tests they hold."""
    leftovers.adopt()
    config.addinivalue_line("markers", f"{compiled.MARK}: runs compiled loops; run once before the suite, see there")
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


@pytest.fixture(scope="session", autouse=True)
def no_settings_of_the_machine() -> None:
    """Where Kanaria is installed for everybody, its settings are not those of the tests."""
    from kanaria.app import config_file

    config_file.MACHINE = Path(os.devnull) / "kanaria.toml"


@pytest.fixture(scope="session", autouse=True)
def programs_find_what_users_have() -> Iterator[None]:
    """Modules that only the tests bring are not there for programs that tests start: see ``tests/plain``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(PLAIN))
        yield


@pytest.fixture(scope="session", autouse=True)
def rules_are_read_once() -> Iterator[None]:
    """They are values that nobody changes; reading them took a twelfth of each run of a command in this process."""
    from kanaria.detect import loading

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "bundled", functools.cache(loading.bundled))
        yield


@pytest.fixture(scope="session", autouse=True)
def engines_of_tests_use_one_thread() -> Iterator[None]:
    """Engines that tests make for themselves: a day of an office took 8 s of processor time with two threads and 5 with
    one, and workers keep the other core busy. What a command makes has settings of its own, and stays as it is."""
    import duckdb

    connect = duckdb.connect

    def with_one_thread(*how: Any, **more: Any) -> duckdb.DuckDBPyConnection:
        return connect(*how, **more) if how or more else connect(config={"threads": 1})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb, "connect", with_one_thread)
        yield


@pytest.fixture(scope="session", autouse=True)
def what_is_compiled_once_is_kept_for_all(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Workers share the folder above their own."""
    own = tmp_path_factory.getbasetemp()
    Shared.cache = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "compiled"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """While 21,000 tests are collected nothing becomes garbage; looking for it took 5 of 11 s of processor time, in each
    worker. What was collected stays, and nobody needs to look at it again."""
    gc.disable()
    collected = yield
    gc.freeze()
    gc.enable()
    return collected


def pytest_unconfigure() -> None:
    """Whatever a test left running ends with the run."""
    leftovers.sweep()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: one that came last would keep a worker busy while the other has nothing to do.

    Those that wait for services are spread among those that compute: where all workers wait at once, the cores have
    nothing to do.
    """
    files = list(dict.fromkeys(item.path for item in items))
    slow = list(dict.fromkeys(item.path for item in items if item.get_closest_marker("slow")))
    waiting = [path for path in slow if path.parent.name in WAITING]
    computing = [path for path in slow if path not in waiting]
    order = {
        path: place for place, path in enumerate(in_turns(computing, waiting, [p for p in files if p not in slow]))
    }
    items.sort(key=lambda item: order[item.path])


def in_turns(computing: list[Path], waiting: list[Path], quick: list[Path]) -> Iterator[Path]:
    """One that waits after two that compute, and after a dozen quick ones, which take as long."""
    left = iter(waiting)
    for paths, every in ((computing, 2), (quick, 12)):
        for number, path in enumerate(paths, 1):
            yield path
            if number % every == 0:
                yield from itertools.islice(left, 1)
    yield from left
