"""Logs that grow, line by line by number, so that everybody who reads them reads the same."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

RATE = 60
"""Lines a second of each log."""
PROBE_EVERY = 600
"""Fewer than a hundred incidents of one kind: from then on they are told as one."""
FIRST = datetime(2026, 6, 21, 7, tzinfo=UTC)


def web_line(number: int, every: int = PROBE_EVERY) -> str:
    """Now and then one is a probe by another sender with words of its own."""
    moment = FIRST + timedelta(seconds=number)
    begin = f"{{}} - - [{moment:%d/%b/%Y:%H:%M:%S} +0000]"
    if number % every == 7 % every:
        nth = number // every
        sender = f"203.0.{113 + nth // 250}.{nth % 250 + 1}"
        request = f'{{\\"id\\":1,\\"method\\":\\"mining.authorize\\",\\"params\\":[\\"w{number}\\",\\"x\\"]}}'
        return f'{begin.format(sender)} "{request}" 400 150 "-" "-"\n'
    return f'{begin.format(f"192.0.2.{number % 9 + 1}")} "GET /{number} HTTP/1.1" 200 157 "-" "-"\n'


def zeek_line(number: int, _every: int = PROBE_EVERY) -> str:
    """An office's connections, and now and then one of a device that never did that before."""
    row = {
        "ts": (FIRST + timedelta(seconds=number)).timestamp(), "uid": f"C{number}",
        "id.orig_h": f"192.168.1.{number % 9 + 20}", "id.orig_p": 20_000 + number % 40_000,
        "id.resp_h": f"198.51.100.{number % 5 + 7}", "id.resp_p": 443, "proto": "tcp", "duration": 9.0,
        "orig_bytes": 900, "resp_bytes": 4_000, "orig_pkts": 9, "resp_pkts": 9, "conn_state": "SF",
    }  # fmt: skip
    return json.dumps(row) + "\n"


def dns_line(number: int, every: int = PROBE_EVERY) -> str:
    """Now and then one is a question for a mining pool by a device that never asked before: an incident of its own."""
    moment = FIRST + timedelta(seconds=number)
    asked = number % every == 9 % every
    device = f"10.1.{number // every // 250}.{number // every % 250 + 1}" if asked else "10.0.0.2"
    name = "pool.supportxmr.com" if asked else "www.example.org"
    return f"{moment:%b %e %H:%M:%S} dnsmasq[71]: query[A] {name} from {device}\n"


class Growing:
    """Logs that grow at a rate, as long as somebody calls ``catch_up``; fates change what lies under their names."""

    def __init__(self, folder: Path, every: int = PROBE_EVERY) -> None:
        self.every = every
        self.web, self.zeek, self.dns = folder / "access.log", folder / "zeek" / "conn.log", folder / "dnsmasq.log"
        self.zeek.parent.mkdir()
        self.written = 0
        self.paused = False
        """While nothing can be written into a pipe that nobody reads."""
        self._begun = time.monotonic()
        self.write(1)

    def write(self, until: int) -> None:
        """All lines up to a number."""
        for path, line in ((self.web, web_line), (self.zeek, zeek_line), (self.dns, dns_line)):
            with path.open("a") as log:
                log.writelines(line(number, self.every) for number in range(self.written, until))
        self.written = until

    @property
    def lines(self) -> int:
        return 3 * self.written

    def catch_up(self) -> None:
        """All lines that are due by now."""
        if not self.paused:
            self.write(max(self.written, int((time.monotonic() - self._begun) * RATE)))
