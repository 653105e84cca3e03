"""Windows events that are exported as text, without their fields: programs, services and what Defender says."""

from __future__ import annotations

import csv
import io
import json

import pytest

from kanaria.formats import registry
from kanaria.formats.logons.windows_layout import from_message
from tests.reading_formats import BytesStream, read_all

STARTED = (
    "A new process has been created.\n\nCreator Subject:\n\tSecurity ID:\t\tS-1-5-18\n\tAccount Name:\t\ttanaka\n"
    "\tAccount Domain:\t\tEXAMPLE\n\tLogon ID:\t\t0x3E7\n\nTarget Subject:\n\tSecurity ID:\t\tS-1-0-0\n"
    "\tAccount Name:\t\t-\n\tAccount Domain:\t\t-\n\tLogon ID:\t\t0x0\n\nProcess Information:\n"
    "\tNew Process ID:\t\t0x1394\n\tNew Process Name:\tC:\\Temp\\a.exe\n\tToken Elevation Type:\t%%1936\n"
    "\tMandatory Label:\t\tS-1-16-8192\n\tCreator Process ID:\t0x4d2\n\tCreator Process Name:\tC:\\Windows\\cmd.exe\n"
    "\tProcess Command Line:\ta.exe -o pool.example.org:3333\n\nToken Elevation Type indicates the type of token."
)
SYSMON = (
    "Process Create:\r\nRuleName: -\r\nUtcTime: 2026-01-10 09:00:00.000\r\nProcessId: 5012\r\n"
    "Image: C:\\Temp\\a.exe\r\nOriginalFileName: xmrig.exe\r\nCommandLine: a.exe -o pool.example.org:3333\r\nUser: EXAMPLE\\tanaka"
)
DEFENDER = (
    "Microsoft Defender Antivirus has detected malware.\n For more information please see the following:\nhttps://example.org\n"
    " \tName: Trojan:Win64/CoinMiner\n \tID: 2147740399\n \tSeverity: Severe\n \tCategory: Trojan\n \tPath: file:_C:\\Temp\\a.exe\n"
)


@pytest.mark.parametrize(
    ("channel", "code", "message", "table", "expected"),
    [
        ("Security", 4688, STARTED, "process", {"process": "C:\\Temp\\a.exe", "user": "EXAMPLE\\tanaka", "parent": "C:\\Windows\\cmd.exe",
                                                "command": "a.exe -o pool.example.org:3333", "pid": 5012}),
        ("Microsoft-Windows-Sysmon/Operational", 1, SYSMON, "process", {"process": "C:\\Temp\\a.exe", "original_name": "xmrig.exe"}),
        ("Microsoft-Windows-Windows Defender/Operational", 1116, DEFENDER, "alert",
         {"signature": "Trojan:Win64/CoinMiner", "subject": "C:\\Temp\\a.exe"}),
    ],
)  # fmt: skip
def test_fields_of_a_rendered_message(
    channel: str, code: int, message: str, table: str, expected: dict[str, object]
) -> None:
    got = json.dumps({"LogName": channel, "Id": code, "ProviderName": channel.partition("/")[0],
                      "TimeCreated": "2026-01-10T09:00:00Z", "MachineName": "pc1", "Message": message})  # fmt: skip
    splunk = io.StringIO()
    csv.writer(splunk).writerows(
        [("_time", "host", "_raw"),
         ("2026-01-10T09:00:00Z", "pc1", f"01/10/2026 09:00:00 AM\nLogName={channel}\nEventCode={code}\n"
          f"ComputerName=pc1\nSourceName={channel.partition('/')[0]}\nMessage={message}")]
    )  # fmt: skip
    for data in (got.encode() + b"\n", splunk.getvalue().encode()):
        known = registry.detect(BytesStream(data))
        assert known is not None
        (row,) = read_all(known, data).rows_of(table)
        assert {name: row.get(name) for name in expected} == expected
        assert row["device"] == "pc1"


def test_a_service_that_was_installed() -> None:
    message = ("A service was installed in the system.\r\n\r\nService Name:  up\r\nService File Name:  C:\\Temp\\a.exe -k\r\n"
               "Service Type:  user mode service\r\nService Start Type:  auto start\r\nService Account:  LocalSystem")  # fmt: skip
    assert from_message(7045, message) | {"imagepath": ""} == {
        "servicename": "up", "imagepath": "", "servicetype": "user mode service", "starttype": "auto start",
        "accountname": "LocalSystem"}  # fmt: skip
