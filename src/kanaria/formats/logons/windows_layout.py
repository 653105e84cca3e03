"""The order of Windows event fields where their names are missing: by property number, and in rendered messages.

In come an event id and values or a message in any language; out go fields by their names in lower case. Order and names
are those of Microsoft's event manifests. A message is read by the structure every language keeps: headings, indented
``label: value`` lines, their order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from kanaria.core.late_regex import late_regex

_SUBJECT = "subjectusersid subjectusername subjectdomainname subjectlogonid "

PROPERTIES: Mapping[int, tuple[str, ...]] = {
    code: tuple(names.split())
    for code, names in {
        4624: _SUBJECT + "targetusersid targetusername targetdomainname targetlogonid logontype logonprocessname "
        "authenticationpackagename workstationname logonguid transmittedservices lmpackagename keylength processid "
        "processname ipaddress ipport impersonationlevel",
        4625: _SUBJECT + "targetusersid targetusername targetdomainname status failurereason substatus logontype "
        "logonprocessname authenticationpackagename workstationname transmittedservices lmpackagename keylength "
        "processid processname ipaddress ipport",
        4648: _SUBJECT + "logonguid targetusername targetdomainname targetlogonguid targetservername targetinfo "
        "processid processname ipaddress ipport",
        4672: _SUBJECT + "privilegelist",
        4688: _SUBJECT + "newprocessid newprocessname tokenelevationtype processid commandline targetusersid "
        "targetusername targetdomainname targetlogonid parentprocessname mandatorylabel",
        4740: "targetusername targetdomainname targetsid " + _SUBJECT,
        4768: "targetusername targetdomainname targetsid servicename servicesid ticketoptions status "
        "ticketencryptiontype preauthtype ipaddress ipport",
        4769: "targetusername targetdomainname servicename servicesid ticketoptions ticketencryptiontype ipaddress "
        "ipport status logonguid transmittedservices",
        4771: "targetusername targetsid servicename ticketoptions status preauthtype ipaddress ipport",
        4776: "packagename targetusername workstation status",
        4778: "accountname accountdomain logonid sessionname clientname clientaddress",
        5140: _SUBJECT + "objecttype ipaddress ipport sharename sharelocalpath accessmask accesslist",
        5145: _SUBJECT + "objecttype ipaddress ipport sharename sharelocalpath relativetargetname accessmask",
        5156: "processid application direction sourceaddress sourceport destaddress destport protocol",
        1149: "param1 param2 param3",
        131: "conntype clientip",
        140: "ipstring",
        21: "user sessionid address",
        25: "user sessionid address",
        56: "device clientip",
        7045: "servicename imagepath servicetype starttype accountname",
        4697: _SUBJECT + "servicename servicefilename servicetype servicestarttype serviceaccount",
        4698: _SUBJECT + "taskname taskcontent",
        1: "rulename utctime processguid processid image fileversion description product company originalfilename "
        "commandline currentdirectory user logonguid logonid terminalsessionid integritylevel hashes parentprocessguid "
        "parentprocessid parentimage parentcommandline parentuser",
        3: "rulename utctime processguid processid image user protocol initiated sourceisipv6 sourceip sourcehostname "
        "sourceport sourceportname destinationisipv6 destinationip destinationhostname destinationport",
        22: "rulename utctime processguid processid queryname querystatus queryresults image user",
        4: "process payload",
        4104: "messagenumber messagetotal scriptblocktext scriptblockid path",
    }.items()
}
_ELEVATED_FROM = 27
"""Version 2 of event 4624 has 27 properties, version 3 has 28; the last is the elevated token in both."""

Place = tuple[int, int]
"""Section and field of a rendered message; negative from the end."""

_DEFENDER: Mapping[str, Place] = {
    "threatname": (-1, 0), "severityname": (-1, 2), "categoryname": (-1, 3), "path": (-1, 4), "detectionuser": (-1, 8),
    "processname": (-1, 9),
}  # fmt: skip
_OLD_4688 = -4688
"""A started program as Windows 8.1 and Server 2012 R2 put it: no target, no label, no name of the parent."""
MESSAGES: Mapping[int, Mapping[str, Place]] = {
    4624: {
        "targetusername": (-4, 1), "targetdomainname": (-4, 2), "targetlogonid": (-4, 3), "processname": (-3, 1),
        "workstationname": (-2, 0), "ipaddress": (-2, 1), "ipport": (-2, 2), "authenticationpackagename": (-1, 1),
        "logontype": (1, 0),
    },
    4625: {
        "logontype": (1, 0), "targetusername": (2, 1), "targetdomainname": (2, 2), "status": (3, 1),
        "substatus": (3, 2), "processname": (4, 1), "workstationname": (5, 0), "ipaddress": (5, 1), "ipport": (5, 2),
        "authenticationpackagename": (6, 1),
    },
    4648: {"targetusername": (1, 0), "targetdomainname": (1, 1), "targetservername": (2, 0), "processname": (3, 1),
           "ipaddress": (4, 0), "ipport": (4, 1)},
    4672: {"subjectusername": (0, 1), "subjectdomainname": (0, 2), "subjectlogonid": (0, 3)},
    4688: {"subjectusername": (0, 1), "subjectdomainname": (0, 2), "subjectlogonid": (0, 3), "newprocessid": (2, 0),
           "newprocessname": (2, 1), "processid": (2, 4), "parentprocessname": (2, 5), "commandline": (2, 6)},
    _OLD_4688: {"subjectusername": (0, 1), "subjectdomainname": (0, 2), "subjectlogonid": (0, 3),
                "newprocessid": (1, 0), "newprocessname": (1, 1), "processid": (1, 3), "commandline": (1, 4)},
    5156: {"processid": (0, 0), "application": (0, 1), "direction": (1, 0), "sourceaddress": (1, 1),
           "sourceport": (1, 2), "destaddress": (1, 3), "destport": (1, 4), "protocol": (1, 5)},
    7045: {"servicename": (-5, 0), "imagepath": (-4, 0), "servicetype": (-3, 0), "starttype": (-2, 0),
           "accountname": (-1, 0)},
    1116: _DEFENDER, 1117: _DEFENDER, 1006: _DEFENDER, 1015: _DEFENDER,
    4740: {"targetusername": (1, 1), "targetdomainname": (2, 0)},
    4768: {"targetusername": (0, 0), "targetdomainname": (0, 1), "ipaddress": (2, 0), "ipport": (2, 1),
           "status": (3, 1)},
    4769: {"targetusername": (0, 0), "targetdomainname": (0, 1), "ipaddress": (2, 0), "ipport": (2, 1),
           "status": (3, 2)},
    4771: {"targetusername": (0, 1), "ipaddress": (2, 0), "ipport": (2, 1), "status": (3, 1)},
    4776: {"packagename": (0, 0), "targetusername": (1, 0), "workstation": (2, 0), "status": (3, 0)},
    4778: {"accountname": (0, 0), "accountdomain": (0, 1), "clientname": (2, 0), "clientaddress": (2, 1)},
    1149: {"param1": (-3, 0), "param2": (-2, 0), "param3": (-1, 0)},
    21: {"user": (-3, 0), "address": (-1, 0)},
    25: {"user": (-3, 0), "address": (-1, 0)},
}  # fmt: skip

_FIELD = late_regex(r"^(?P<indent>[ \t]*)(?P<label>[^\s:：\-][^:：\t]{0,79})[:：](?P<gap>[ \t]*)(?P<value>.*?)[ \t]*$")
# Sysmon's messages are English everywhere, and their labels are the names of the fields.
_SYSMON = late_regex(r"^UtcTime: ", re.MULTILINE)
_SYSMON_FIELD = late_regex(r"^([A-Za-z]{2,40}): (.*?)\r?$", re.MULTILINE)
_ADDRESS = late_regex(r"(?<![\w.])(?:\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?|\[[0-9a-fA-F:.]{2,45}\]:\d{1,5})(?![\w.]\w)")
_ALL_SINGLE = frozenset((1149, 21, 25, 4776, 7045))
_BY_ADDRESS = {131: "clientip", 140: "ipstring", 56: "clientip", 551: "clientaddress"}


def by_position(code: int, values: Sequence[str]) -> dict[str, str]:
    """Unnamed property values with their names; empty for an unknown event."""
    named = dict(zip(PROPERTIES.get(code, ()), values, strict=False))
    if code == 4624 and len(values) >= _ELEVATED_FROM:
        named["elevatedtoken"] = values[-1]
    return named


_SCRIPT_BLOCK, _STARTED = 4104, 4688
_AFTER_SCRIPT = re.compile(r"\n\s*ScriptBlock ID\s*[:\uff1a]")


def from_message(code: int, message: str) -> dict[str, str]:
    """The fields a rendered message holds, whatever its language; empty when it has not that event's structure."""
    if name := _BY_ADDRESS.get(code):
        match = _ADDRESS.search(message)
        return {name: match[0]} if match else {}
    if code == _SCRIPT_BLOCK:
        _caption, _end, rest = message.strip().partition("\n")
        return {"scriptblocktext": _AFTER_SCRIPT.split(rest, maxsplit=1)[0].strip()}
    if _SYSMON.search(message):
        return {match[1].lower(): match[2] for match in _SYSMON_FIELD.finditer(message)}
    parts = sections(message, keep_empty=code in _ALL_SINGLE)
    code = _OLD_4688 if code == _STARTED and len(parts) == 2 else code  # subject and program
    named = {}
    for name, (section, place) in MESSAGES.get(code, {}).items():
        if -len(parts) <= section < len(parts) and place < len(parts[section]):
            named[name] = parts[section][place]
    return named


def sections(message: str, *, keep_empty: bool = False) -> list[list[str]]:
    """The values of a message by heading. A ``label: value`` line that is not indented is a section of its own.

    ``keep_empty``: a label without a value is an empty value, for messages that have no headings.
    """
    groups: list[list[str]] = []
    for line in message.replace("\r", "\n").split("\n"):
        if line.lstrip().startswith(("http://", "https://")):
            groups.append([])  # a page to read stands where others have a heading
            continue
        field = _FIELD.match(line)
        if not field:
            continue
        if field["indent"] and groups:
            groups[-1].append(field["value"])
        elif field["indent"]:
            groups.append([field["value"]])  # a paste without what stands above the first field
        else:
            groups.append([field["value"]] if field["value"] or keep_empty else [])
    return [values for values in groups if values]
