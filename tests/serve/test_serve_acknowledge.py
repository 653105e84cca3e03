"""Acknowledging: by a link in a message or by command; then nobody else is called, and reminders stop."""

from __future__ import annotations

import http.client
import re
import socket
import time
from contextlib import closing
from pathlib import Path

from tests.running import PATIENCE
from tests.serve.serving import Serving, Sink, run, serving, sink

LINE = "{when} dnsmasq[71]: query[A] pool.supportxmr.com from {device}\n"
SETTINGS = """\
store = "store"
language = "en"
[[sources]]
kind = "file"
path = "dnsmasq.log"
format = "dnsmasq"
[[notify]]
name = "first"
url = "{first}"
severity = "low"
digest = "none"
[[notify]]
name = "second"
url = "{second}"
severity = "low"
digest = "none"
escalate_minutes = {minutes}
[serve]
listen = "off"
acknowledge = "http://127.0.0.1:{port}"
acknowledge_listen = "127.0.0.1:{port}"
"""


def settings(folder: Path, phone: Sink, minutes: float) -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    urls = {"first": phone.url("/first"), "second": phone.url("/second")}
    (folder / "kanaria.toml").write_text(SETTINGS.format(**urls, port=port, minutes=minutes))
    (folder / "dnsmasq.log").touch()
    return port


def ask(folder: Path, device: str) -> None:
    with (folder / "dnsmasq.log").open("a") as log:
        log.write(LINE.format(when=time.strftime("%b %e %H:%M:%S"), device=device))


def fetch(method: str, url: str) -> tuple[int, str]:
    _, _, rest = url.partition("://")
    place, _, path = rest.partition("/")
    with closing(http.client.HTTPConnection(place, timeout=PATIENCE)) as connection:
        connection.request(method, f"/{path}", headers={"content-length": "0"} if method == "POST" else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def link_of(service: Serving, phone: Sink, number: int) -> tuple[str, str]:
    """The incident and the link of the n-th message that came to the first channel."""
    service.wait_for(lambda: len(phone.at("/first")) > number)
    text = phone.at("/first")[number].content["message"]
    link, incident = re.search(r"Acknowledge: (\S+)", text), re.search(r"i-[0-9a-f]{12}", text)
    assert link and incident, text
    return incident[0], link[1]


def state_of(folder: Path, incident: str) -> str:
    shown = run(folder, "incident", "list", "--store", "store", "--lang", "en").stdout
    return next(line for line in shown.splitlines() if line.startswith(incident)).split()[1]


def test_a_link_acknowledges_once_and_spares_the_next_in_line(tmp_path: Path) -> None:
    with sink() as phone:
        settings(tmp_path, phone, minutes=0.15)
        with serving(tmp_path) as service:
            ask(tmp_path, "10.0.0.7")
            incident, link = link_of(service, phone, 0)
            assert fetch("GET", link) == fetch("GET", link)  # looking changes nothing
            assert state_of(tmp_path, incident) == "open"
            assert fetch("GET", link[:-1] + ("0" if link[-1] != "0" else "1"))[0] == 404
            status, page = fetch("POST", link)
            assert (status, incident in page) == (200, True)
            assert fetch("POST", link)[0] == 404
            assert state_of(tmp_path, incident) == "acknowledged"
            ask(tmp_path, "10.0.0.8")  # this one nobody acknowledges
            service.wait_for(lambda: phone.at("/second"))
            assert service.end() == 0
        (called,) = (item.content for item in phone.at("/second"))
    assert "10.0.0.8" in called["title"]
    assert "Nobody has acknowledged this for" in called["message"]
    assert incident not in called["message"]
