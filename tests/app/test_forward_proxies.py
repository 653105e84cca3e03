"""In the log of a forward proxy the client is inside and asks: it is the device, and never handed anything out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.app.running import Kanaria

POOL = "pool.supportxmr.com:443"
NATIVE = [
    f"1767323057.123  34567 192.168.1.20 TCP_TUNNEL/200 34567 CONNECT {POOL} - HIER_DIRECT/203.0.113.5 -",
    "1767323058.123    567 192.168.1.21 TCP_MISS/200 3345670 GET http://dl.example.net/xmrig-6.21.0-linux-static-x64.tar.gz"
    " - HIER_DIRECT/203.0.113.80 application/gzip",
    f"1767323059.123     12 192.168.1.22 TCP_DENIED/403 3800 CONNECT {POOL} - HIER_NONE/- text/html",
]


def _by_device(document: dict[str, Any]) -> dict[str, tuple[list[str], set[str]]]:
    return {
        item["entities"]["devices"][0]: (item["entities"]["remotes"], {f["rule"] for f in item["findings"]})
        for item in document["incidents"]
    }


def test_squid_shows_who_inside_reached_a_pool_fetched_a_miner_or_was_refused(kanaria: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "squid.log").write_text("\n".join(NATIVE) + "\n")
    done = kanaria("analyze", "--format", "json", "squid.log")
    assert done.document["coverage"]["unread"] == 0
    assert _by_device(done.document) == {
        "192.168.1.20": (["pool.supportxmr.com"], {"proxied_to_mining_pool"}),
        "192.168.1.21": (["dl.example.net"], {"miner_download"}),
        "192.168.1.22": (["pool.supportxmr.com"], {"mining_pool_refused_by_proxy"}),
    }


def test_a_tunnel_in_the_combined_layout_is_high_and_possible(kanaria: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "proxy.log").write_text(
        f'192.168.1.20 - - [02/Jan/2026:03:04:05 +0000] "CONNECT {POOL} HTTP/1.1" 200 34567 "-" "-" TCP_TUNNEL:HIER_DIRECT\n'
    )
    found = kanaria("analyze", "--format", "json", "proxy.log").incident
    assert (found["severity"], found["outcome"]["value"]) == ("high", "possible")
    assert found["hypotheses"][0]["name"] == "compromised_device"
    assert found["entities"] == {"devices": ["192.168.1.20"], "remotes": ["pool.supportxmr.com"]}


@pytest.mark.parametrize(
    "line",
    [
        f'203.0.113.7 - - [02/Jan/2026:03:04:05 +0000] "CONNECT {POOL} HTTP/1.1" 405 150 "-" "-"',
        f'203.0.113.7 - - [02/Jan/2026:03:04:05 +0000] "CONNECT {POOL} HTTP/1.1" 200 150 "-" "-"',
        f'172.17.0.1 - - [02/Jan/2026:03:04:05 +0000] "CONNECT {POOL} HTTP/1.1" 200 150 "-" "-"',
        f'192.168.1.9 - - [02/Jan/2026:03:04:05 +0000] "CONNECT {POOL} HTTP/1.1" 400 150 "-" "-"',
    ],
    ids=["outside, refused", "outside, answered", "behind a container bridge", "inside, refused by a web server"],
)
def test_who_asks_a_web_server_to_be_a_proxy_accuses_no_device(kanaria: Kanaria, tmp_path: Path, line: str) -> None:
    (tmp_path / "access.log").write_text(line + "\n")
    document = kanaria("analyze", "--format", "json", "access.log").document
    assert not [item for item in document["incidents"] if item["hypotheses"][0]["name"] == "compromised_device"]
