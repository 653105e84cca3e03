"""What a SIEM gets: OCSF lines in a file that rotates, and OCSF in the body of a signed webhook."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from standardwebhooks.webhooks import Webhook

from tests.serve.serving import serving, sink
from tests.serve.test_serve_acknowledge import ask

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
SETTINGS = """\
store = "store"
language = "en"
[[sources]]
kind = "file"
path = "dnsmasq.log"
format = "dnsmasq"
[[notify]]
url = "webhook+http://127.0.0.1:{port}/hook"
secret = "{secret}"
severity = "low"
digest = "none"
ocsf = true
[serve]
listen = "off"
ocsf = "siem/kanaria.ocsf"
ocsf_mb = 0.001
"""


def test_a_siem_gets_ocsf_in_a_file_and_in_a_webhook_that_the_standard_verifies(tmp_path: Path) -> None:
    (tmp_path / "dnsmasq.log").touch()
    with sink() as receiver:
        (tmp_path / "kanaria.toml").write_text(SETTINGS.format(port=receiver.port, secret=SECRET))
        with serving(tmp_path) as service:
            for number, device in enumerate(("10.0.0.7", "10.0.0.8"), 1):
                ask(tmp_path, device)
                service.wait_for(lambda seen=number: len(receiver.received) >= seen)  # type: ignore[misc]
            assert service.end() == 0
        bodies = [Webhook(SECRET).verify(item.body, item.headers) for item in receiver.received]
    names = sorted(path.name for path in (tmp_path / "siem").iterdir())
    assert names == ["kanaria.ocsf.1", "kanaria.ocsf.2"]
    lines = [
        json.loads(line)
        for name in reversed(names)
        for line in (tmp_path / "siem" / name).read_text("utf-8").splitlines()
    ]
    assert [event["class_uid"] for event in lines] == [2004, 2005] * 2
    assert {event["metadata"]["version"] for event in lines} == {"1.8.0"}
    for body in bodies:
        (incident,) = (event for event in body["ocsf"] if event["class_uid"] == 2005)
        assert incident["finding_info_list"] and body["incident"]["severity"] in {"low", "medium", "high"}
