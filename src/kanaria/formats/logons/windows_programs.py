"""Programs in Windows events: process starts, services, scheduled tasks, and what Defender found.

One ``WindowsEvent`` of such a kind comes in, rows of ``process`` and ``alert`` go out. Field names are Sysmon's and
Microsoft's; a caption is never looked at.
"""

from __future__ import annotations

import re

from kanaria.core.late_regex import late_regex
from kanaria.formats.logons.emit import Taken, number
from kanaria.formats.logons.windows_event import WindowsEvent
from kanaria.formats.text_log import Row

_LARGEST_PID = 2**62
# Integrity levels of event 4688 are the last part of a SID (winnt.h).
_LEVELS = {"s-1-16-0": "Untrusted", "s-1-16-4096": "Low", "s-1-16-8192": "Medium", "s-1-16-8448": "Medium",
           "s-1-16-12288": "High", "s-1-16-16384": "System"}  # fmt: skip


def _common(found: WindowsEvent) -> Row:
    linux = found.channel.lower().startswith("linux")
    return {
        "time": found.time, "device": found.computer, "host_name": found.computer,
        "platform": "linux" if linux else "windows",
    }  # fmt: skip


def _account(domain: str | None, user: str | None) -> str | None:
    return f"{domain}\\{user}" if domain and user else user


def program_started(found: WindowsEvent) -> list[Taken]:
    """Sysmon's event 1 and Security 4688, whose ``ProcessId`` is that of the parent."""
    own = found.code == 4688
    path = found.get("newprocessname", "image")
    subject = _account(found.get("subjectdomainname"), found.get("subjectusername"))
    level = found.get("integritylevel") or _LEVELS.get((found.get("mandatorylabel") or "").lower())
    row = {
        **_common(found), "kind": "start", "process": path, "command": found.get("commandline") or path,
        "pid": number(found.get("newprocessid" if own else "processid"), _LARGEST_PID),
        "parent_pid": number(found.get("processid" if own else "parentprocessid"), _LARGEST_PID),
        "parent": found.get("parentimage", "parentprocessname"), "parent_command": found.get("parentcommandline"),
        "parent_user": found.get("parentuser"), "user": found.get("user") or subject, "integrity": level,
        "original_name": found.get("originalfilename"), "description": found.get("description"),
        "product": found.get("product"), "company": found.get("company"), "file_version": found.get("fileversion"),
        "directory": found.get("currentdirectory"), "hashes": found.get("hashes"),
        "logon_id": found.get("logonid", "subjectlogonid"),
    }  # fmt: skip
    return [("process", row)] if path or row["command"] else []


def service_installed(found: WindowsEvent) -> list[Taken]:
    """System 7045 and Security 4697."""
    return [("process", {
        **_common(found), "kind": "service", "process": found.get("servicename"),
        "command": found.get("imagepath", "servicefilename"), "user": found.get("accountname", "serviceaccount"),
    })]  # fmt: skip


_COMMAND = late_regex(r"<Command>(.*?)</Command>", re.DOTALL)
_ARGUMENTS = late_regex(r"<Arguments>(.*?)</Arguments>", re.DOTALL)


def job(found: WindowsEvent) -> list[Taken]:
    """Security 4698: the task is a document of its own."""
    content = found.get("taskcontent") or ""
    parts = [" ".join(text.split()) for pattern in (_COMMAND, _ARGUMENTS) for text in pattern.findall(content)]
    return [("process", {
        **_common(found), "kind": "job", "process": found.get("taskname"), "command": " ".join(parts) or None,
        "user": _account(found.get("subjectdomainname"), found.get("subjectusername")),
    })]  # fmt: skip


_LONGEST_SCRIPT = 16_384
"""Characters of a script that are looked at; Windows logs longer ones in several events."""


def script(found: WindowsEvent) -> list[Taken]:
    """PowerShell's 4104: what a script block says, as it was run."""
    text = found.get("scriptblocktext")
    user = found.get("user", "userid")
    row = {
        **_common(found),
        "kind": "script",
        "process": "PowerShell",
        "command": (text or "")[:_LONGEST_SCRIPT],
        "user": user,
    }
    return [("process", row)] if text else []


def defender(found: WindowsEvent) -> list[Taken]:
    """1116 and 1117 (1006 and 1015 of older versions): malware found, and what was done about it."""
    threat = found.get("threatname")
    path = found.get("path")
    return [("alert", {
        "time": found.time, "device": found.computer, "host_name": found.computer, "sensor": "defender",
        "signature": threat, "signature_id": found.get("threatid"), "category": found.get("categoryname"),
        "subject": path.removeprefix("file:_") if path else found.get("processname"),
    })] if threat else []  # fmt: skip
