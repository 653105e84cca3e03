"""Programs in Windows events: process starts, services, scheduled tasks, and what Defender found.

From one ``WindowsEvent`` of such a kind to rows of ``process`` and ``alert``. Field names are Sysmon's and
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


def _common(event: WindowsEvent) -> Row:
    linux = event.channel.lower().startswith("linux")
    return {
        "time": event.time, "device": event.computer, "host_name": event.computer,
        "platform": "linux" if linux else "windows",
    }  # fmt: skip


def _account(domain: str | None, user: str | None) -> str | None:
    return f"{domain}\\{user}" if domain and user else user


def program_started(event: WindowsEvent) -> list[Taken]:
    """Sysmon's event 1 and Security 4688, whose ``ProcessId`` is that of the parent."""
    own = event.code == 4688
    path = event.get("newprocessname", "image")
    subject = _account(event.get("subjectdomainname"), event.get("subjectusername"))
    level = event.get("integritylevel") or _LEVELS.get((event.get("mandatorylabel") or "").lower())
    row = {
        **_common(event), "kind": "start", "process": path, "command": event.get("commandline") or path,
        "pid": number(event.get("newprocessid" if own else "processid"), _LARGEST_PID),
        "parent_pid": number(event.get("processid" if own else "parentprocessid"), _LARGEST_PID),
        "parent": event.get("parentimage", "parentprocessname"), "parent_command": event.get("parentcommandline"),
        "parent_user": event.get("parentuser"), "user": event.get("user") or subject, "integrity": level,
        "original_name": event.get("originalfilename"), "description": event.get("description"),
        "product": event.get("product"), "company": event.get("company"), "file_version": event.get("fileversion"),
        "directory": event.get("currentdirectory"), "hashes": event.get("hashes"),
        "logon_id": event.get("logonid", "subjectlogonid"),
    }  # fmt: skip
    return [("process", row)] if path or row["command"] else []


def service_installed(event: WindowsEvent) -> list[Taken]:
    """System 7045 and Security 4697."""
    return [("process", {
        **_common(event), "kind": "service", "process": event.get("servicename"),
        "command": event.get("imagepath", "servicefilename"), "user": event.get("accountname", "serviceaccount"),
    })]  # fmt: skip


_COMMAND = late_regex(r"<Command>(.*?)</Command>", re.DOTALL)
_ARGUMENTS = late_regex(r"<Arguments>(.*?)</Arguments>", re.DOTALL)


def job(event: WindowsEvent) -> list[Taken]:
    """Security 4698: the task is a document of its own."""
    content = event.get("taskcontent") or ""
    parts = [" ".join(text.split()) for pattern in (_COMMAND, _ARGUMENTS) for text in pattern.findall(content)]
    return [("process", {
        **_common(event), "kind": "job", "process": event.get("taskname"), "command": " ".join(parts) or None,
        "user": _account(event.get("subjectdomainname"), event.get("subjectusername")),
    })]  # fmt: skip


_LONGEST_SCRIPT = 16_384
"""Characters of a script that are looked at; Windows logs longer ones in several events."""


def script(event: WindowsEvent) -> list[Taken]:
    """PowerShell's 4104: what a script block says, as it was run."""
    text = event.get("scriptblocktext")
    user = event.get("user", "userid")
    row = {
        **_common(event),
        "kind": "script",
        "process": "PowerShell",
        "command": (text or "")[:_LONGEST_SCRIPT],
        "user": user,
    }
    return [("process", row)] if text else []


def defender(event: WindowsEvent) -> list[Taken]:
    """1116 and 1117 (1006 and 1015 of older versions): malware found, and what was done about it."""
    threat = event.get("threatname")
    path = event.get("path")
    return [("alert", {
        "time": event.time, "device": event.computer, "host_name": event.computer, "sensor": "defender",
        "signature": threat, "signature_id": event.get("threatid"), "category": event.get("categoryname"),
        "subject": path.removeprefix("file:_") if path else event.get("processname"),
    })] if threat else []  # fmt: skip
