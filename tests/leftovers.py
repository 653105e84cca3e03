"""Nothing that a test run started outlives it, however the run ends, except by SIGKILL.

The run becomes the parent of what its programs leave behind (a child subreaper), takes SIGTERM as Ctrl-C, so that
fixtures are torn down, and ends whatever is still there when pytest has finished.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import threading
from types import FrameType

import psutil
import pytest

_PR_SET_CHILD_SUBREAPER = 36
_SECONDS = 2.0
"""Between asking what is left to end and ending it."""


def adopt() -> None:
    """Become the parent of orphans below this process, and treat SIGTERM as an interruption."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if threading.current_thread() is threading.main_thread():
        own = os.getpid()

        def interrupt(_number: int, _frame: FrameType | None) -> None:
            if os.getpid() != own:  # a fork, as of multiprocessing
                os._exit(128 + signal.SIGTERM)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: what follows is the tearing down
            raise KeyboardInterrupt

        signal.signal(signal.SIGTERM, interrupt)
        # In the background of a script Ctrl-C is ignored, and programs that tests start would inherit that.
        if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def sweep() -> list[str]:
    """End every process below this one; returns the commands of those that had not ended by themselves."""
    left = [process for process in psutil.Process().children(recursive=True) if _runs(process)]
    names = []
    for process in left:
        with contextlib.suppress(psutil.Error):
            names.append(" ".join(process.cmdline()) or process.name())
            process.terminate()
    _gone, alive = psutil.wait_procs(left, timeout=_SECONDS)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    return names


def _runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    adopt()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    sweep()
