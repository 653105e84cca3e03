"""``[host] check = true``: the service looks at the machine it runs on."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.running import running
from tests.serve.serving import run, serving, sink

pytest.importorskip("psutil")
SETTINGS = """\
store = "store"
language = "en"
[host]
check = true
every_seconds = 1
[[notify]]
url = "{url}"
digest = "none"
[serve]
listen = "off"
"""


def test_a_program_with_the_name_of_a_miner_is_told_once(tmp_path: Path) -> None:
    program = shutil.copy(shutil.which("sleep") or "/bin/sleep", tmp_path / "xmrig")  # it mines nothing
    with sink() as phone:
        (tmp_path / "kanaria.toml").write_text(SETTINGS.format(url=phone.url("/")))
        assert "ok  this machine" in run(tmp_path, "check-config", "--config", "kanaria.toml", "--lang", "en").stdout
        with running(subprocess.Popen([program, "600"])), serving(tmp_path) as service:
            service.wait_for(lambda: phone.received)
            service.wait_for(lambda: _times_seen(tmp_path) >= 3)
            assert len(phone.received) == 1
            assert service.end() == 0
    assert "Mining program started" in phone.received[0].content["title"]


def _times_seen(folder: Path) -> int:
    """The service looks every second, and a busy machine asks less often."""
    listed = run(folder, "incident", "list", "--store", "store", "--lang", "en").stdout
    found = re.search(r"seen (\d+) times", listed)
    return int(found[1]) if found else 1
