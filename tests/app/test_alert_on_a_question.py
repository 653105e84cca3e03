"""Alerts of other sensors about a question for a name: the device that sent it may have asked for another."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.running import Kanaria
from tests.app.test_records_of_others import hear

ALERT = (
    "01/10/2026-09:00:00.123456  [**] [1:1:1] EXAMPLE COINMINER Mining Pool [**] [Classification: x] [Priority: 2] "
    "{PROTO} 192.168.1.53:40000 -> 203.0.113.9:PORT\n"
)


@pytest.mark.parametrize(("proto", "port", "forwarded"), [("UDP", 53, True), ("TCP", 853, True), ("TCP", 3333, False)])
def test_a_resolver_may_have_asked_for_another(
    kanaria: Kanaria, tmp_path: Path, proto: str, port: int, forwarded: bool
) -> None:
    said = hear(kanaria, tmp_path, ALERT.replace("PROTO", proto).replace("PORT", str(port)))
    assert said.severity == "medium"
    assert "Compromised" not in said.words
    (advice,) = (one for one in said.document["incidents"][0]["recommendations"] if one["id"] == "look_who_asked")
    assert ("answers names for others" in advice["text"]["en"]) is forwarded
    assert ("203[.]0" in advice["text"]["en"] or "203.0.113[.]9" in advice["text"]["en"]) is not forwarded
