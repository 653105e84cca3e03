"""A service that was off for a night, and the archive that Zeek filled meanwhile."""

from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path

import pytest

from kanaria.store.incidents import IncidentStore
from tests.serve.serving import serving

POOLS = ("pool.supportxmr.com", "xmr.nanopool.org", "gulf.moneroocean.stream", "pool.hashvault.pro")
EVENING = 1_795_885_200


def asked(at: int, client: int, name: str) -> str:
    row = {
        "ts": at, "uid": f"C{at}{client}", "id.orig_h": f"10.0.0.{client}", "id.orig_p": 40_000, "id.resp_h": "10.0.0.53",
        "id.resp_p": 53, "proto": "udp", "trans_id": 7, "query": name, "qtype": 1, "qtype_name": "A", "rcode": 0,
        "rcode_name": "NOERROR", "answers": ["203.0.113.5"],
    }  # fmt: skip
    return json.dumps(row) + "\n"


def hour(logs: Path, number: int, *, over: bool) -> None:
    """Zeek notes what a client of this hour asked for; at its end the log goes to the folder of its day."""
    log = logs / "current" / "dns.log"
    with log.open("a") as zeek:
        zeek.writelines(asked(EVENING + 3600 * number + at, number + 1, POOLS[number]) for at in range(5))
    if not over:
        return
    begin, day = (22 + number) % 24, logs / ("2026-11-28" if number < 2 else "2026-11-29")
    day.mkdir(exist_ok=True)
    packed = day / f"dns.{begin:02d}:00:00-{(begin + 1) % 24:02d}:00:00.log.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    os.utime(packed, (EVENING, EVENING))
    log.unlink()


def watched(folder: Path, client: str) -> int:
    """Lines that one run of the service reads until it has found this client."""

    def found() -> bool:
        with IncidentStore(folder / "store") as store:
            return any(client in kept.document["entities"]["devices"] for kept in store.all())

    with serving(folder) as service:
        service.wait_for(found)
        assert service.end() == 0
    return int(re.findall(r"stopped .*records=(\d+)", service.log)[-1])


@pytest.mark.slow
def test_what_zeek_archived_while_the_service_was_off_counts_once(tmp_path: Path) -> None:
    logs, spool = tmp_path / "logs", tmp_path / "spool"
    spool.mkdir()
    logs.mkdir()
    (logs / "current").symlink_to(spool)
    (tmp_path / "kanaria.toml").write_text(
        'store = "store"\nlanguage = "en"\n[[sources]]\nkind = "zeek"\npath = "logs"\n[serve]\nlisten = "off"\n'
    )
    hour(logs, 0, over=False)
    assert watched(tmp_path, "10.0.0.1") == 5
    hour(logs, 0, over=True)  # the hour goes on for five lines, and ends
    hour(logs, 1, over=True)
    hour(logs, 2, over=True)
    hour(logs, 3, over=False)
    assert watched(tmp_path, "10.0.0.4") == 20
    assert watched(tmp_path, "10.0.0.4") == 0
