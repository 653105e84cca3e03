"""Severity, title, first sentence, advice and every export of an incident say one thing, however little was seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.app.running import Kanaria

POOL = "pool.supportxmr.com"
SEEN = {
    "asked for": f"Dec  5 10:12:41 dnsmasq[812]: query[A] {POOL} from 192.168.1.20\n",
    "named in a log": f"2026-10-12 03:14:07 looked up {POOL}\n",
    "reported": json.dumps({"finding": {
        "category": "Malware: Cryptomining Bad IP", "eventTime": "2026-01-10T09:01:00Z", "findingClass": "THREAT",
        "connections": [{"destinationIp": "203.0.113.50", "destinationPort": 3333, "sourceIp": "192.168.1.5"}],
    }}) + "\n",
    "refused": f"1753112457.123 186 192.168.1.20 TCP_DENIED/403 0 CONNECT {POOL}:443 - HIER_NONE/- -\n",
    "reached": f"1753112457.123 186 192.168.1.20 TCP_TUNNEL/200 4523 CONNECT {POOL}:443 - HIER_DIRECT/203.0.113.50 -\n",
    "started": "Jul 21 15:40:57 rig01 agent[1]: started: /opt/a -o stratum+tcp://pool.example.com:4444 --donate-level 1\n",
    "mining": (
        f"[2025-07-21 15:40:57.123]  net      new job from {POOL}:3333 diff 100001 algo rx/0 height 2700000\n"
        "[2025-07-21 15:40:58.123]  cpu      accepted (1/0) diff 100001 (51 ms)\n"
    ),
}  # fmt: skip
LITTLE = {"asked for", "named in a log", "reported", "refused"}
EXPORTS = ("text", "markdown", "html", "csv", "stix", "misp", "ocsf")


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("name", SEEN)
def test_all_say_what_was_seen(kanaria: Kanaria, tmp_path: Path, name: str, language: str) -> None:
    (tmp_path / "given.log").write_text(SEEN[name], encoding="utf-8")
    incident = kanaria("analyze", "given.log", "--format", "json").incident
    title, severity = incident["title"][language], incident["severity"]
    assert (severity == "medium") is (name in LITTLE)
    assert ("mining coins" in incident["title"]["en"]) is (name == "mining")
    advice = [one["id"] for one in incident["recommendations"]]
    assert ("isolate" in advice) is (name not in LITTLE), "nobody pulls a plug for a name"
    for kind in EXPORTS:
        out = kanaria("analyze", "given.log", "--format", kind, "--lang", language).out
        plain = out.replace("\\u", "") if kind in {"text", "markdown", "html"} else out
        shown = "".join(plain.split()).replace("\\", "").replace("[.]", ".")
        assert "".join(title.split()) in shown or json.dumps(title)[1:-1] in out, kind
        if name != "mining":
            assert "mining coins" not in out.replace("programs for mining coins", "")
    short = " ".join(kanaria("analyze", "given.log", "--lang", "en").out.split())
    if name in LITTLE:
        assert "as after a break-in" not in short and "There is no sign that it worked" not in short
        assert "Mining itself was not seen" in short
