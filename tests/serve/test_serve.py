"""``kanaria serve``: lines that a server writes become messages, and everything else stays quiet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.serve.serving import Serving, Sink, run, serving, sink

PROBES = [
    r'''"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n" 400 4076 "-" "-"''',
    r'''"{\"id\":3,\"method\":\"mining.submit\",\"params\":[\"miner1\",\"bf\",\"00000001\",\"504e86ed\",\"b2957c02\"]}\n"'''
    ''' 400 4076 "-" "-"''',
]
ORDINARY = '192.0.2.7 - - [21/Jun/2026:07:01:00 +0000] "GET / HTTP/1.1" 200 157 "-" "Mozilla/5.0"'
SETTINGS = """\
store = "store"
language = "ja"

[[sources]]
kind = "file"
path = "access.log"

[[notify]]
url = "{url}"
severity = "informational"
digest = "none"

[[notify]]
url = "env:PHONE"
name = "phone"
"""


@dataclass
class Told:
    """A service that was given ordinary lines and then two probes, and what came of it."""

    folder: Path
    sink: Sink
    service: Serving


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("serve")
    log = folder / "access.log"
    log.write_text(ORDINARY + "\n")
    with sink() as phone:
        (folder / "kanaria.toml").write_text(SETTINGS.format(url=phone.url("/all")))
        with serving(folder, PHONE=phone.url("/phone")) as service:
            with log.open("a") as server:
                for line in (ORDINARY, *PROBES):
                    print(line, file=server, flush=True)
            service.wait_for(lambda: phone.at("/all") and phone.at("/phone"))
            yield Told(folder, phone, service)


def test_a_probe_is_told_in_words_a_lock_screen_can_show(told: Told) -> None:
    (message,) = (item.content for item in told.sink.at("/all"))
    assert message["title"].startswith("[情報] マイニングプール・プロキシを探す")
    assert message["type"] == "info"
    assert "対応は必要ありません" in message["message"][:120]
    assert re.search(r"インシデント i-[0-9a-f]{12}、重大度: 情報", message["message"])


def test_what_needs_nothing_waits_for_the_digest_of_which_the_first_comes_soon(told: Told) -> None:
    (message,) = (item.content for item in told.sink.at("/phone"))
    assert message["title"] == "Kanaria: 対応は必要ありません(記録1件)"
    assert message["type"] == "info"
    assert message["message"].startswith("対応は必要ありません。")
    assert re.search(r"からの監視対象: \S*access\.log\([\d,]+件\)", message["message"])
    assert "成功した形跡のない探索や攻撃: インシデント1件" in message["message"]
    assert "理由を説明できない異常: 0件(上限の目安は1日1件)。" in message["message"]


def test_what_was_found_is_listed_while_the_service_runs(told: Told) -> None:
    done = run(told.folder, "incident", "list", "--store", "store", "--lang", "ja")
    assert done.returncode == 0
    assert "マイニングプール・プロキシを探す" in done.stdout


def test_a_second_service_on_the_same_store_is_refused_with_the_reason(told: Told) -> None:
    done = run(told.folder, "serve", "--config", "kanaria.toml", PHONE="json://127.0.0.1:9/")
    assert done.returncode == 2
    assert "ほかの処理が使用中" in done.stderr
