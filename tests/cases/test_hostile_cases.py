"""The given attacks on the verdict, the decoder and the settings against what we expect of them.

The cases lie outside the repository; the table has only their names and file names. A row: case, arguments, what the
incidents must be (``severity hypothesis device`` of each, the most severe first; ``nothing``; ``harmless`` for at most
informational; ``mining found`` for any message at all), or a word that must (not) be in the output.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from click import ClickException
from click.testing import CliRunner

from kanaria.app.commands.main import cli
from kanaria.core.errors import KanariaError

CASES = Path(os.environ.get("KANARIA_DATA", "")) / "cases" / "hostile"

pytestmark = pytest.mark.skipif(
    not os.environ.get("KANARIA_DATA") or not CASES.is_dir(), reason="needs the folder KANARIA_DATA names"
)

# case                                       arguments                 expected
VERDICTS = """
A1-log-prefilter-u_method_value_first        a.log                     mining found
A1-log-prefilter-ws_30_all                   a.log                     mining found
A1-log-prefilter-ws_30_tab                   a.log                     mining found
A1-log-q-dbl-pct                             a.log                     mining found
A6-reverse-connection-clear                  a.pcap                    critical compromised_device 10.5.1.1
A7-midstream-high-pool-port                  a.pcap                    accused 10.5.4.1
A9-encap-geneve                              a.pcap                    critical compromised_device 10.0.45.1
A9-encap-ipfrag24                            a.pcap                    critical compromised_device -
B1-one-spoofed-udp                           a.pcap                    nothing
B2-stratum-docs-over-http                    a.pcap                    harmless
B3-reflection-echo                           a.pcap                    harmless
B3-reflection-http-trace                     a.pcap                    harmless
B4-syslog-forwarding                         a.pcap                    nothing
B5-unsolicited-dns-answer                    a.pcap                    nothing
C1-allowed-device-shared-resolver            --config k.yaml a.pcap    critical compromised_device 10.7.2.1
C3-borrowed-wallet                           --config k.yaml a.pcap    critical compromised_device 10.2.7.1
C4-miner-with-scanner-values                 a.pcap access.log         critical compromised_device 10.3.2.1
C5-exploit-plus-samples                      a.log                     medium exploitation_attempt -
C8-kanaria-yaml-in-evidence-folder           a.pcap                    critical compromised_device -
"""
# Another engineer's, or not met yet: it must end in an orderly way.
OPEN: frozenset[str] = frozenset()


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    """The command as somebody in that folder gives it: status and standard output (the message of an error)."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        result = CliRunner().invoke(cli, list(arguments), standalone_mode=False)
    finally:
        os.chdir(before)
    if isinstance(result.exception, ClickException | KanariaError):
        return 2, str(result.exception)
    assert result.exception is None, result.exception
    return (result.return_value if isinstance(result.return_value, int) else 0), result.stdout


def incidents(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    status, out = run(folder, "analyze", "--format", "json", "--lang", "en", *arguments)
    assert status in {0, 1, 3}, out
    found: list[dict[str, Any]] = json.loads(out)["incidents"]
    return found


def as_expected(found: list[dict[str, Any]], wanted: str) -> bool:
    accused = [i for i in found if i["hypotheses"][0]["name"] == "compromised_device"]
    match wanted.split():
        case ["nothing"]:
            return not found
        case ["harmless"]:
            return all(i["severity"] == "informational" and i not in accused for i in found)
        case ["mining", "found"]:
            return any(i["messages"] for i in found)
        case ["accused", device]:
            return any(device in i["entities"]["devices"] for i in accused)
        case [severity, hypothesis, device]:
            worst = found[0] if found else {"severity": "", "hypotheses": [{"name": ""}], "title": {"en": ""}}
            named = device == "-" or device in worst["title"]["en"]
            return (worst["severity"], worst["hypotheses"][0]["name"]) == (severity, hypothesis) and named
    raise AssertionError(wanted)


@pytest.mark.parametrize("row", VERDICTS.strip().splitlines(), ids=lambda row: row.split()[0])
def test_a_given_attack_gets_its_verdict(row: str) -> None:
    case, arguments, wanted = row[:45].strip(), row[45:71].split(), row[71:].strip()
    found = incidents(CASES / case, *arguments)
    if case in OPEN and not as_expected(found, wanted):
        pytest.xfail(f"{case}: {[(i['severity'], i['title']['en']) for i in found]}")
    assert as_expected(found, wanted), [(i["severity"], i["title"]["en"], i["hypotheses"][0]) for i in found]


def test_two_devices_are_two_incidents_or_both_are_named() -> None:
    found = incidents(CASES / "C2-two-devices-one-named", "a.pcap")
    titles = " ".join(i["title"]["en"] for i in found if i["severity"] == "critical")
    assert "10.7.1.1" in titles and "10.7.2.1" in titles


def test_thirty_more_machines_are_news(tmp_path: Path) -> None:
    case = CASES / "C6-worm-nothing-new"
    for day in ("day1.pcap", "day2.pcap"):
        shutil.copy(case / day, tmp_path / day)
    run(tmp_path, "analyze", "--store", "s", "day1.pcap")
    _, out = run(tmp_path, "analyze", "--store", "s", "--format", "json", "--lang", "en", "day2.pcap")
    told = [i for i in json.loads(out)["incidents"] if i["alert"]["tell"]]
    devices = {device for i in told for device in i["entities"]["devices"]}
    assert len(devices) >= 30
    reasons = " ".join(reason["en"] for i in told for reason in i["alert"]["because"])
    assert all(i["alert"]["kind"] == "new" for i in told) or "new device: " in reasons
    isolate = " ".join(r["text"]["en"] for i in told for r in i["recommendations"] if r["id"] == "isolate")
    assert all(device in isolate for device in devices)


def test_an_error_message_stays_short_whatever_aliases_stand_for() -> None:
    status, out = run(CASES / "D5-settings-alias-bomb", "analyze", "--config", "b.yaml", "b.yaml")
    assert status == 2
    assert len(out) < 1000


@pytest.mark.parametrize(("case", "hidden"), [("F1-markdown-www", "see www."), ("F2-invisible-letters", "\u3164")])
def test_what_a_page_could_act_on_does_not_come_through(case: str, hidden: str) -> None:
    _, out = run(CASES / case, "analyze", "--format", "markdown", "a.log")
    live = [line for line in out.splitlines() if not line.lstrip().startswith("- `")]
    assert live
    assert not any(hidden in line for line in live)


def test_eight_thousand_interfaces_cost_no_more_than_reading_them() -> None:
    import numpy as np

    from kanaria.formats.packets import container
    from kanaria.formats.packets.walk import walk_pcapng

    data = np.fromfile(CASES / "D1-pcapng-interfaces" / "a.pcapng", np.uint8)
    reader = container.PcapngReader(walk_pcapng)
    _, reached = reader.scan(data, 0, len(data), True)
    assert reached == len(data)
    assert len(reader._table) < 2 * len(reader._interfaces) + 16
