"""Mining in requests that went out, and in web pages: who sent it, and what it is called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.app.running import Kanaria

LOGIN = json.dumps({"id": 1, "jsonrpc": "2.0", "method": "login",
                    "params": {"login": "4" + "A" * 94, "pass": "x", "agent": "XMRig/6.21.0"}})  # fmt: skip
POOL = "http://pool.example.org:3333/json_rpc"
LOGGED = {"time_iso8601": "2026-01-05T10:00:00Z", "request_method": "POST", "request_uri": POOL, "status": 200,
          "request_body": LOGIN}  # fmt: skip
ENTRY = {"startedDateTime": "2026-01-05T10:00:00.000Z", "time": 5, "response": {"status": 200},
         "request": {"method": "POST", "url": POOL, "headers": [], "postData": {"text": LOGIN}}}  # fmt: skip
FIND = {"en": "Find out which device sent it", "ja": "送信した機器を突き止めてください"}
ASK = {"en": "Find out which device sent it", "ja": "どの機器が送信したかを確認してください"}
CLOSE = {"en": "Close the page", "ja": "ページを閉じるか"}


def _archive(*entries: dict[str, Any]) -> str:
    return json.dumps({"log": {"version": "1.2", "entries": entries}})


def _advice(incident: dict[str, Any], language: str) -> str:
    return " ".join(item["text"][language] for item in incident["recommendations"])


@pytest.mark.parametrize("text", [json.dumps(LOGGED) + "\n", _archive(ENTRY)], ids=["proxy", "archive"])
def test_an_unknown_sender_of_mining_that_went_out_is_to_be_found(kanaria: Kanaria, tmp_path: Path, text: str) -> None:
    (tmp_path / "went.out").write_text(text)
    found = kanaria("analyze", "--format", "json", "went.out").incident
    assert (found["severity"], found["hypotheses"][0]["name"]) == ("medium", "compromised_device")
    for language, words in FIND.items():
        advice = _advice(found, language)
        assert words in advice
        assert "off the network" not in advice
    for language in ("en", "ja"):
        told = kanaria("analyze", "--lang", language, "went.out").out.replace("\n", " ")
        assert "Nothing needs to be done" not in told
        assert "対応は必要ありません" not in told


def test_with_its_client_it_is_that_devices(kanaria: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "went.out").write_text(json.dumps({"remote_addr": "192.168.1.5", **LOGGED}) + "\n")
    found = kanaria("analyze", "--format", "json", "went.out").incident
    assert found["entities"] == {"devices": ["192.168.1.5"], "remotes": ["pool.example.org"]}
    assert found["hypotheses"][0]["name"] == "compromised_device"


def test_of_a_request_that_may_have_come_in_the_sender_is_asked_for(kanaria: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "came.in").write_text(json.dumps({**LOGGED, "request_uri": "/json_rpc"}) + "\n")
    found = kanaria("analyze", "--format", "json", "came.in").incident
    assert "nothing" not in {item["id"] for item in found["recommendations"]}
    assert all(words in _advice(found, language) for language, words in ASK.items())


def test_a_strangers_message_is_still_nothing(kanaria: Kanaria, tmp_path: Path) -> None:
    came = {**LOGGED, "request_uri": "/json_rpc", "remote_addr": "203.0.113.7", "status": 404}
    (tmp_path / "came.in").write_text(json.dumps(came) + "\n")
    found = kanaria("analyze", "--format", "json", "came.in").incident
    assert found["recommendations"][0]["text"]["en"].startswith("Nothing needs to be done")


@pytest.mark.parametrize("answered", [True, False])
def test_a_page_that_mines_is_no_compromised_device(kanaria: Kanaria, tmp_path: Path, answered: bool) -> None:
    job = {"type": "job", "params": {"job_id": "1", "blob": "06" * 76, "target": "ffffff00"}}
    said = [{"type": "send", "data": json.dumps({"type": "auth", "params": {"site_key": "a"}})},
            {"type": "receive", "data": json.dumps(job)}]  # fmt: skip
    socket = {**ENTRY, "request": {"method": "GET", "url": "wss://pool.example.org/proxy", "headers": []},
              "response": {"status": 101}, "_webSocketMessages": said if answered else said[:1]}  # fmt: skip
    (tmp_path / "page.har").write_text(_archive(socket))
    found = kanaria("analyze", "--format", "json", "page.har").incident
    assert found["severity"] == "medium"
    assert "Web page that mines in a browser" in found["title"]["en"]
    assert "ブラウザでマイニングをするWebページ" in found["title"]["ja"]
    assert [item["id"] for item in found["recommendations"]] == ["close_page"]
    assert all(words in _advice(found, language) for language, words in CLOSE.items())
    full = kanaria("analyze", "--full", "page.har").out
    assert "Compromised device" not in full
    assert "break-in" not in full
