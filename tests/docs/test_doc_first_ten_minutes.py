"""The tutorial about the first ten minutes is done as it stands: its settings, its commands, and what arrives."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.docs import doc_pages
from tests.serve.serving import Sink, run, serving, sink

PAGE = doc_pages.ROOT / "docs" / "tutorial" / "first-ten-minutes.md"
TOPIC = "ntfy://ntfy.sh/my-secret-topic"
PROBE = (
    r'203.0.113.9 - - [21/Jun/2026:07:01:00 +0000] "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}" 400 150'
)


def commands() -> list[str]:
    """Every ``kanaria`` command of the page, in order."""
    blocks = [block for block in doc_pages.blocks(PAGE.read_text("utf-8")) if block.language == "sh"]
    lines = [line.removeprefix("sudo /opt/kanaria/bin/") for block in blocks for line in block.lines]
    return [line for line in lines if line.startswith("kanaria ")]


def arguments(command: str, phone: Sink) -> list[str]:
    """What the page says, with a sink of ours as the phone."""
    return shlex.split(command.replace(TOPIC, phone.url("/phone")))[1:]


@pytest.mark.slow
def test_a_stranger_s_first_ten_minutes(tmp_path: Path) -> None:
    machine = tmp_path / "machine"
    log = machine / "var/log/nginx/access.log"
    for path, text in ((machine / "etc/nginx/nginx.conf", "http { access_log /var/log/nginx/access.log; }"), (log, "")):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    said = commands()
    assert [command.split()[1] for command in said] == [
        "init", "check-config", "notify", "serve", "status", "doctor", "incident", "install-service",
    ]  # fmt: skip
    with sink() as phone:
        init, check, test, _serve, status, doctor, incidents, _install = (arguments(c, phone) for c in said)
        assert run(tmp_path, *init, "--root", str(machine)).returncode == 0
        checked = run(tmp_path, *check)
        assert checked.returncode == 0, checked.stdout
        assert run(tmp_path, *test).returncode == 0
        assert [item.content["title"] for item in phone.at("/phone")] == ["Kanaria: test message"]
        with serving(tmp_path, config="") as service:
            with log.open("a") as server:
                server.write(f'{PROBE} "-" "-"\n')
            service.wait_for(lambda: len(phone.at("/phone")) == 2)
            digest = phone.at("/phone")[1].content
            assert digest["title"] == "Kanaria: nothing needs to be done (1 noticed)"
            assert "1 records" in run(tmp_path, *status).stdout
            well = run(tmp_path, *doctor)
            assert (well.returncode, well.stdout) == (0, "All is well.\n")
            assert "Internet-wide probe for mining pools" in run(tmp_path, *incidents).stdout
            assert service.end() == 0
        assert service.log.count("stopped records=1") == 1


def test_the_settings_the_page_shows_are_what_init_writes(tmp_path: Path) -> None:
    machine = tmp_path / "machine"
    (machine / "etc/nginx").mkdir(parents=True)
    (machine / "etc/nginx/nginx.conf").write_text("http { access_log /var/log/nginx/access.log; }")
    done = run(tmp_path, "init", "--root", str(machine), "--notify", TOPIC, "-o", "-")
    plain = [line for line in done.stdout.splitlines() if line and not line.startswith(("#", "store"))]
    (block,) = [block for block in doc_pages.blocks(PAGE.read_text("utf-8")) if block.language == "toml"]
    assert plain == [line.replace('"/var', f'"{machine}/var') for line in block.lines if line]
