"""Logons of everything else that writes to syslog: PAM, sudo, su, login, FTP and mail servers, remote desktops.

From one message and the name of its program to columns of ``logon``.
"""

from __future__ import annotations

from kanaria.core.late_regex import late_regex
from kanaria.formats.logons.emit import address
from kanaria.formats.logons.sshd import compiled
from kanaria.formats.text_log import Row

_PAM = late_regex(r"(?:pam_\w+\((?P<service>[\w.-]+):\w+\):\s+)?authentication failure; (?P<rest>.*)$")
_FAILURE = "authentication failure; "
_PAM_PAIR = late_regex(r"\b(\w+)=(\S*)")
_PAM_OLD_TAG = late_regex(r"^(?P<service>[\w.-]+)\(pam_\w+\)$")
# PAM names of services whose logons other tables and models know by another name.
_KNOWN = {
    "sshd": "ssh", "vsftpd": "ftp", "proftpd": "ftp", "pure-ftpd": "ftp", "ftp": "ftp", "ftpd": "ftp", "samba": "smb",
    "smbd": "smb", "dovecot": "imap", "smtp": "smtp", "xrdp-sesman": "rdp", "su-l": "su", "sudo-i": "sudo",
    "system-auth": "login", "remote": "telnet",
}  # fmt: skip


def pam_failure(message: str, tag: str) -> Row | None:
    """``authentication failure; … rhost=… user=…`` of pam_unix and its kin."""
    match = _PAM.search(message) if _FAILURE in message else None  # the expression takes ten times as long to say no
    if not match:
        return None
    old = _PAM_OLD_TAG.match(tag)
    service = match["service"] or (old["service"] if old else tag)
    pairs = dict(_PAM_PAIR.findall(match["rest"]))
    client = pairs.get("rhost", "")
    asker = None if service in ("sshd", "vsftpd") else pairs.get("logname")
    return {
        "service": _KNOWN.get(service, service), "user": pairs.get("user") or pairs.get("ruser") or asker or None,
        "success": False, "src_ip": address(client), "client_name": client or None if not address(client) else None,
        "method": "pam", "reason": "authentication failure",
    }  # fmt: skip


_OPENED = "session opened for user "
_SESSION = late_regex(r"(?:pam_\w+\(\S+:session\):\s+)?session opened for user (?P<user>[^\s(]+)")


def session_opened(message: str) -> str | None:
    """Whose session PAM opened, else None."""
    match = _SESSION.match(message) if _OPENED in message else None
    return match["user"] if match else None


_SUDO = late_regex(
    r"^\s*(?P<user>\S+) : (?:(?P<trouble>[^;=]*?) ; )?(?:HOST=\S* ; )?(?:TTY=\S* ; )?(?:CHROOT=.*? ; )?PWD=.*? ; "
    r"USER=(?P<target>\S+)(?: ; .*?)??(?: ; COMMAND=(?P<command>.*))?$"
)


def sudo_row(message: str) -> tuple[Row, str | None] | None:
    """The attempt and the command line it was for. ``user`` is who asked; running as root is privileged."""
    match = _SUDO.match(message)
    if not match:
        return None
    trouble = match["trouble"]
    row: Row = {
        "service": "sudo", "user": match["user"], "success": trouble is None, "reason": trouble,
        "privileged": match["target"] in ("root", "#0"),
    }  # fmt: skip
    return row, match["command"] if trouble is None else None


_IP = r"(?P<ip>[0-9a-fA-F.:]{3,45})"
# (programs, pattern, service, outcome; None where the line is of a mere connection). Groups: user, ip.
_LINES: tuple[tuple[tuple[str, ...], str, str, bool | None], ...] = tuple(
    (programs, pattern, service, success)
    for programs, pattern, service, success in (
        (("su",), r"^FAILED SU \(to (?P<user>[^)]*)\) ", "su", False),
        (("su",), r"^\(to (?P<user>[^)]*)\) \S+ on ", "su", True),
        (("su",), r"^FAILED su for (?P<user>\S+) by ", "su", False),
        (("su",), r"^Successful su for (?P<user>\S+) by ", "su", True),
        (("login",), r"^(?:FAILED LOGIN|TOO MANY LOGIN TRIES)\b.{0,80}? (?:(?i:from) '?(?P<ip>[^\s']+)'? )?"
         r"FOR '?(?P<user>[^',]*)'?", "login", False),
        (("login",), r"^ROOT LOGIN\s+(?i:on) \S+(?: (?i:from) '?(?P<ip>[^\s']+))?", "login", True),
        (("login",), r"^LOGIN ON \S+(?: BY (?P<user>\S+))?(?: FROM (?P<ip>\S+))?", "login", True),
        (("vsftpd",), rf'\[(?P<user>[^\]]*)\] FAIL LOGIN: Client "(?:::ffff:)?{_IP}"', "ftp", False),
        (("vsftpd",), rf'\[(?P<user>[^\]]*)\] OK LOGIN: Client "(?:::ffff:)?{_IP}"', "ftp", True),
        (("proftpd",), rf"\[(?:::ffff:)?{_IP}\]\)?.* USER (?P<user>.*?):? ?(?:\(Login failed\)|no such user)",
         "ftp", False),
        (("proftpd",), rf"\[(?:::ffff:)?{_IP}\]\)?.* USER (?P<user>.*?): Login successful", "ftp", True),
        (("ftpd",), rf"^connection from {_IP} ", "ftp", None),
        (("pure-ftpd",), rf"^\(.*?@{_IP}\) \[WARNING\] Authentication failed for user \[(?P<user>[^\]]*)\]",
         "ftp", False),
        (("pure-ftpd",), rf"^\(.*?@{_IP}\) \[INFO\] (?P<user>.*) is now logged in", "ftp", True),
        (("dovecot",), rf"-login: .*auth failed.*user=<(?P<user>[^>]*)>.*rip={_IP}", "imap", False),
        (("dovecot",), rf"-login: Login: user=<(?P<user>[^>]*)>.*rip={_IP}", "imap", True),
        (("postfix",), rf"\[{_IP}\]: SASL \S+ authentication failed(?:.*sasl_username=(?P<user>[^\s,]+))?",
         "smtp", False),
        (("postfix",), rf"client=\S*\[{_IP}\], sasl_method=\S+, sasl_username=(?P<user>[^\s,]+)", "smtp", True),
        (("xrdp-sesman",), rf"AUTHFAIL: user=(?P<user>.*) ip=(?:::ffff:)?{_IP} ", "rdp", False),
        (("in.telnetd", "telnetd"), rf"FAILED LOGIN .* FROM {_IP} FOR (?P<user>\S+)", "telnet", False),
        (("pvedaemon", "pveproxy"), rf"authentication failure; rhost=(?:::ffff:)?{_IP} user=(?P<user>\S+)",
         "proxmox", False),
        (("pvedaemon", "pveproxy"), r"successful auth for user '(?P<user>[^']*)'", "proxmox", True),
        (("cockpit-session", "cockpit-tls"), rf"authentication failure; .*rhost=(?:::ffff:)?{_IP}", "cockpit", False),
    )
)  # fmt: skip

_BY_PROGRAM = {name: [line for line in _LINES if name in line[0]] for line in _LINES for name in line[0]}
PROGRAMS = frozenset(_BY_PROGRAM) | {"sudo"}
METHODS = {"ftp": "password", "imap": "password", "smtp": "password", "su": "password", "login": "password"}


def service_row(program: str, message: str) -> Row | None:
    """Columns of ``logon`` when this program's message is about an attempt, else None."""
    for _programs, pattern, service, success in _BY_PROGRAM.get(program.partition("/")[0], ()):
        if match := compiled(pattern).search(message):
            parts = match.groupdict()
            named = parts.get("user") or ("root" if message.startswith("ROOT LOGIN") else None)
            return {
                "service": service, "user": named, "success": success,
                "src_ip": address(parts.get("ip")), "method": METHODS.get(service) if success is not None else None,
                **({"privileged": True} if parts.get("user") == "root" and service == "su" else {}),
            }  # fmt: skip
    return None
