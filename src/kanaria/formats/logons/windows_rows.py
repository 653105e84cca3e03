"""What a Windows event means: from one ``WindowsEvent`` to rows of ``logon`` and of neighbouring tables.

Event ids are unique only inside their channel: an event 4625 of the Application channel is no failed logon. Where an
export has no channel the provider tells it; where neither is known the event is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kanaria.core.late_regex import late_regex
from kanaria.formats.logons.emit import Taken, address, endpoint, joined_fields, number
from kanaria.formats.logons.sshd import ssh_row
from kanaria.formats.logons.windows_event import WindowsEvent
from kanaria.formats.logons.windows_programs import defender, job, program_started, script, service_installed
from kanaria.formats.text_log import Row

TABLES: tuple[str, ...] = ("logon", "rdp", "smb", "process", "alert", "connection", "dns", "event")

_Reader = Callable[[WindowsEvent], "list[Taken]"]

_REMOTE_INTERACTIVE = 10
_SERVICES = {"sshd.exe": "ssh", "sshd-session.exe": "ssh", "w3wp.exe": "iis", "inetinfo.exe": "ftp", "ftpsvc": "ftp"}
_YES, _NO = "%%1842", "%%1843"


def rows_of(event: WindowsEvent, *, every: bool = False) -> list[Taken]:
    """Rows of one event; none for an event of no interest here, unless ``every`` event is wanted as such, too."""
    reader = _READERS.get((_short(event.channel), event.code))
    rows = reader(event) if reader else []
    return [*rows, _event(event)] if every else rows


def _event(event: WindowsEvent) -> Taken:
    channel = _short(event.channel)
    return "event", {
        "time": event.time, "device": event.computer, "host_name": event.computer, "channel": channel,
        "platform": "linux" if channel.startswith("linux") else "windows", "event_code": event.code,
        "fields": joined_fields(event.data),
    }  # fmt: skip


def _short(channel: str) -> str:
    """A channel without its publisher's prefix, in lower case."""
    return channel.strip().lower().removeprefix("microsoft-windows-")


def _common(event: WindowsEvent) -> Row:
    return {"time": event.time, "device": event.computer, "host_name": event.computer}


def _logon(event: WindowsEvent, **columns: object) -> list[Taken]:
    """One row of ``logon`` with what every event has; an account may carry its domain in front."""
    domain, _, user = str(columns.pop("account", None) or "").rpartition("\\")
    row = {
        **_common(event), "service": "windows", "event_code": event.code, "channel": event.channel,
        "user": user or None, "domain": domain or None,
    }  # fmt: skip
    return [("logon", {**row, **{key: value for key, value in columns.items() if value is not None}})]


def _target(event: WindowsEvent) -> dict[str, object]:
    """Account and client of the events of the Security channel that name them alike."""
    return {
        "account": event.get("targetusername", "targetuser"), "domain": event.get("targetdomainname"),
        "src_ip": address(event.get("ipaddress")), "src_port": number(event.get("ipport"), 65_535) or None,
        "client_name": event.get("workstationname", "workstation"),
    }  # fmt: skip


def _failure(event: WindowsEvent) -> str | None:
    """The most precise failure code; 0 means that there was no failure."""
    for name in ("substatus", "status", "failurecode", "errorcode"):
        value = event.get(name)
        if value and number(value, 2**32) != 0:
            return _hexadecimal(value)
    return None


def _hexadecimal(code: str) -> str:
    """A status the way event logs show it; PowerShell makes it a decimal, and a negative one of signed 32 bits."""
    decimal = code.removeprefix("-")
    if not (decimal.isascii() and decimal.isdigit() and len(decimal) <= 10):
        return code.lower()
    return f"0x{int(code) % 2**32:08x}" if int(decimal) > 0xFFFF else code


def _service(event: WindowsEvent, logon_type: int | None) -> str:
    program = (event.get("processname") or "").replace("\\", "/").rpartition("/")[2].lower()
    return "rdp" if logon_type == _REMOTE_INTERACTIVE else _SERVICES.get(program, "windows")


def _security_logon(event: WindowsEvent) -> list[Taken]:
    kind = number(event.get("logontype"))
    success = event.code == 4624
    return _logon(
        event, **_target(event), logon_type=kind, success=success, service=_service(event, kind),
        method=(event.get("authenticationpackagename") or "").lower() or None,
        reason=None if success else _failure(event) or event.get("failurereason"),
        privileged={_YES: True, _NO: False}.get(event.get("elevatedtoken") or ""),
    )  # fmt: skip


def _explicit_credentials(event: WindowsEvent) -> list[Taken]:
    """4648: a process on this machine used another account's password; whether that worked is not in the event."""
    return _logon(event, **_target(event), service=_service(event, None), reason="explicit credentials")


def _special_privileges(event: WindowsEvent) -> list[Taken]:
    """4672 says what a logon may do; the logon itself is another event, so there is no outcome here."""
    return _logon(event, account=event.get("subjectusername"), domain=event.get("subjectdomainname"), privileged=True)


def _ntlm_check(event: WindowsEvent) -> list[Taken]:
    failure = _failure(event)
    outcome = event.get("status", "errorcode") is not None
    return _logon(event, **_target(event), success=failure is None if outcome else None, method="ntlm", reason=failure)


def _kerberos(event: WindowsEvent) -> list[Taken]:
    failure = _failure(event)
    return _logon(event, **_target(event), service="kerberos", method="kerberos",
                  success=failure is None and event.code != 4771, reason=failure)  # fmt: skip


def _locked_out(event: WindowsEvent) -> list[Taken]:
    """4740 names the machine the attempts came from where other events have the domain."""
    return _logon(event, account=event.get("targetusername"), client_name=event.get("targetdomainname"),
                  reason="account locked out")  # fmt: skip


def _reconnected(event: WindowsEvent) -> list[Taken]:
    return _logon(
        event, account=event.get("accountname"), domain=event.get("accountdomain"), service="rdp", success=True,
        src_ip=address(event.get("clientaddress")), client_name=event.get("clientname"),
        logon_type=_REMOTE_INTERACTIVE,
    )  # fmt: skip


def _share(event: WindowsEvent) -> list[Taken]:
    row = {
        **_common(event), "action": "tree_connect" if event.code == 5140 else "file_open",
        "src_ip": address(event.get("ipaddress")), "src_port": number(event.get("ipport"), 65_535) or None,
        "share": event.get("sharename"), "path": event.get("relativetargetname"), "answered": True,
        "user": event.get("subjectusername"), "domain": event.get("subjectdomainname"),
    }  # fmt: skip
    row.pop("host_name")
    return [("smb", row)]


_PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmp6"}
_INBOUND = "%%14592"


def _filtering_platform(event: WindowsEvent) -> list[Taken]:
    """5156: "source" is this machine whoever opened the connection, so an inbound one is turned round."""
    local = address(event.get("sourceaddress")), number(event.get("sourceport"), 65_535)
    other = address(event.get("destaddress")), number(event.get("destport"), 65_535)
    src, dst = (other, local) if event.get("direction") == _INBOUND else (local, other)
    return _connection(event, src, dst, _PROTOCOLS.get(event.get("protocol") or ""), event.get("application"))


def _sysmon_connection(event: WindowsEvent) -> list[Taken]:
    src = address(event.get("sourceip")), number(event.get("sourceport"), 65_535)
    dst = address(event.get("destinationip")), number(event.get("destinationport"), 65_535)
    taken = _connection(event, src, dst, (event.get("protocol") or "").lower() or None, event.get("image"))
    for _table, row in taken:
        row["sni"] = event.get("destinationhostname")
    return taken


def _connection(
    event: WindowsEvent,
    src: tuple[str | None, int | None],
    dst: tuple[str | None, int | None],
    transport: str | None,
    process: str | None,
) -> list[Taken]:
    if src[0] is None or dst[0] is None:
        return []
    return [("connection", {
        "time": event.time, "src_ip": src[0], "src_port": src[1], "dst_ip": dst[0], "dst_port": dst[1],
        "transport": transport, "process": process, "open": True,
    })]  # fmt: skip


def _sysmon_dns(event: WindowsEvent) -> list[Taken]:
    """Sysmon's event 22; answers stand in one text, addresses IPv4-mapped, other records as ``type: 5 name``."""
    name = (event.get("queryname") or "").rstrip(".").lower()
    answers = [part.removeprefix("::ffff:") for part in (event.get("queryresults") or "").split(";") if part.strip()]
    row: Row = {"time": event.time, "device": event.computer, "query": name, "answers": answers or None,
           "process": event.get("image"),
           "rcode": {"0": "NOERROR", "9003": "NXDOMAIN"}.get(event.get("querystatus") or "")}  # fmt: skip
    return [("dns", row)] if name else []


def _rdp_authenticated(event: WindowsEvent) -> list[Taken]:
    """1149 is logged when the network level part succeeded: the name was accepted, a session may still be refused."""
    return _logon(event, account=event.get("param1"), domain=event.get("param2"), src_ip=address(event.get("param3")),
                  service="rdp", success=True, logon_type=_REMOTE_INTERACTIVE)  # fmt: skip


def _rdp_connection(event: WindowsEvent) -> list[Taken]:
    """131: somebody connected; no name and no outcome yet. Seen on the wire it would be a row of ``rdp`` as well."""
    src_ip, src_port = endpoint(event.get("clientip") or "")
    taken = _logon(event, src_ip=src_ip, src_port=src_port, service="rdp")
    return [*taken, ("rdp", {"time": event.time, "device": event.computer, "src_ip": src_ip, "src_port": src_port,
                             "answered": True})]  # fmt: skip


def _rdp_refused(event: WindowsEvent) -> list[Taken]:
    src_ip, src_port = endpoint(event.get("ipstring", "clientip") or "")
    return _logon(event, src_ip=src_ip, src_port=src_port, service="rdp", success=False,
                  logon_type=_REMOTE_INTERACTIVE, reason="user name or password is not correct")  # fmt: skip


def _rdp_protocol_error(event: WindowsEvent) -> list[Taken]:
    """TermDD 56: the client broke the protocol, as password guessing tools do."""
    src_ip, src_port = endpoint(event.get("clientip") or "")
    if src_ip is None:  # another driver's event 56
        return []
    return _logon(event, src_ip=src_ip, src_port=src_port, service="rdp", reason="protocol error")


def _session(event: WindowsEvent) -> list[Taken]:
    """21 session logon, 25 reconnection; the address is the word LOCAL for the console."""
    src_ip = address(event.get("address"))
    return _logon(event, account=event.get("user"), src_ip=src_ip, success=True,
                  service="rdp" if src_ip else "windows",
                  logon_type=_REMOTE_INTERACTIVE if src_ip else None)  # fmt: skip


_SOCKET_ADDRESS = late_regex(r"(?:0x)?((?:[0-9a-fA-F]{2}){8,})")


def _smb_failure(event: WindowsEvent) -> list[Taken]:
    """551 gives the client as a name (``\\\\192.0.2.7``) and as the bytes of a socket address."""
    src_ip, src_port = _socket(event.get("clientaddress") or "")
    name = (event.get("clientname") or "").strip("\\").strip("[]") or None
    status = event.get("status")
    return _logon(
        event, account=event.get("username"), src_ip=src_ip or address(name), src_port=src_port, service="smb",
        success=False, logon_type=3, client_name=name, reason=_hexadecimal(status) if status else None,
    )  # fmt: skip


def _socket(text: str) -> tuple[str | None, int | None]:
    """Address and port of ``192.0.2.7:445`` or of a sockaddr in hexadecimal (family little endian, port big endian)."""
    match = _SOCKET_ADDRESS.fullmatch(text)
    if not match:
        return endpoint(text)
    raw = bytes.fromhex(match[1])
    family, port = int.from_bytes(raw[:2], "little"), int.from_bytes(raw[2:4], "big")
    if family == 2:
        return address(".".join(str(part) for part in raw[4:8])), port
    packed = raw[8:24] if family == 23 and len(raw) >= 24 else b""
    return address(":".join(packed[at : at + 2].hex() for at in range(0, 16, 2)) if packed else None), port


def _openssh(event: WindowsEvent) -> list[Taken]:
    """OpenSSH on Windows writes the text that it writes to syslog elsewhere."""
    row = ssh_row(event.get("payload") or "")
    return [("logon", {**_common(event), "event_code": event.code, "channel": event.channel, **row})] if row else []


def _gateway(event: WindowsEvent) -> list[Taken]:
    """RDP gateway: 200 and 302 let somebody in, 201 and 301 did not."""
    success = event.code in (200, 302)
    return _logon(event, account=event.get("username"), src_ip=address(event.get("ipaddress")), service="rdp",
                  success=success, reason=None if success else event.get("errorcode"))  # fmt: skip


_RDP = "terminalservices-remoteconnectionmanager/operational"
_CORE = "remotedesktopservices-rdpcorets/operational"
_LOCAL = "terminalservices-localsessionmanager/operational"
_GATEWAY = "terminalservices-gateway/operational"
_SYSMON = "sysmon/operational"
_LINUX = "linux-sysmon/operational"
_DEFENDER = "windows defender/operational"

_READERS: Mapping[tuple[str, int], _Reader] = {
    ("security", 4624): _security_logon, ("security", 4625): _security_logon,
    ("security", 4648): _explicit_credentials, ("security", 4672): _special_privileges,
    ("security", 4776): _ntlm_check, ("security", 4768): _kerberos, ("security", 4769): _kerberos,
    ("security", 4771): _kerberos, ("security", 4740): _locked_out, ("security", 4778): _reconnected,
    ("security", 5140): _share, ("security", 5145): _share, ("security", 4688): program_started,
    ("security", 4697): service_installed, ("security", 4698): job,
    ("security", 5156): _filtering_platform,
    (_RDP, 1149): _rdp_authenticated, (_CORE, 131): _rdp_connection, (_CORE, 140): _rdp_refused,
    (_LOCAL, 21): _session, (_LOCAL, 25): _session,
    ("smbserver/security", 551): _smb_failure,
    ("system", 56): _rdp_protocol_error, ("system", 7045): service_installed,
    ("openssh/operational", 4): _openssh, ("openssh/admin", 4): _openssh,
    (_GATEWAY, 200): _gateway, (_GATEWAY, 201): _gateway, (_GATEWAY, 301): _gateway, (_GATEWAY, 302): _gateway,
    (_SYSMON, 1): program_started, (_LINUX, 1): program_started, (_LINUX, 3): _sysmon_connection,
    **{(_DEFENDER, code): defender for code in (1006, 1015, 1116, 1117)},
    ("powershell/operational", 4104): script, ("powershellcore/operational", 4104): script,
    (_SYSMON, 3): _sysmon_connection, (_SYSMON, 22): _sysmon_dns,
}  # fmt: skip
