"""A device, payout address or pool that an incident did not have is news, however well its kind is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kanaria.core.conversion import made, plain
from kanaria.core.types import Incident
from kanaria.incidents.judge import judge
from kanaria.store.alerts import LastNotice, alert, more_than, remember
from tests.incidents.building import DEVICE, around, case, facts, finding, message, record

WALLET = "4" + "A" * 94
AGAIN = timedelta(hours=24)


def mining(*devices: str, wallet: str = WALLET, remote: str = "203.0.113.90", pool: str = "") -> Incident:
    findings, rows, said = [], [], []
    for number, device in enumerate(devices):
        values = {"direction": "outbound", **({"knowledge.pool": pool} if pool else {})}
        findings.append(
            finding("monero_mining", number, id=f"f-{device}-{remote}", device=device, remote=remote, table="connection",
                    stage="impact", event_ids=(number,), values=values)
        )  # fmt: skip
        rows.append(
            record(number, number, "connection", device=device, remote=remote, values={"direction": "outbound"})
        )
        said.append(message(number, wallet=wallet, wallet_valid=True))
    return judge(case(*findings, messages=said, records=rows), around())


def told_of(incident: Incident) -> LastNotice:
    return remember(document(incident), None)


def document(incident: Incident) -> dict[str, object]:
    from kanaria.core.types import Analysis
    from kanaria.report.document import document as whole

    made = whole(Analysis(inputs=(), incidents=(incident,), not_looked_at=()), facts())
    found: dict[str, object] = made["incidents"][0]
    return found


def test_another_device_is_news_however_well_its_kind_is_known() -> None:
    before, now = mining(DEVICE), mining(DEVICE, "192.0.2.54")
    made = alert(now, told_of(before), news=True, again=AGAIN)
    assert made.kind == "escalated" and made.tell
    assert [reason.en for reason in made.because] == ["new device: 192.0.2.54"]
    assert "192.0.2.54" in made.because[0].ja


def test_the_same_devices_again_are_not() -> None:
    before = mining(DEVICE, "192.0.2.54")
    assert alert(before, told_of(before), news=True, again=AGAIN).kind == "repeated"


@pytest.mark.parametrize(("more", "said"), [({"wallet": "4" + "B" * 94}, "new payout address"), ({"remote": "203.0.113.91"}, "new pool or server")])  # fmt: skip
def test_another_wallet_or_pool_is_news(more: dict[str, str], said: str) -> None:
    found = alert(mining(DEVICE, **more), told_of(mining(DEVICE)), news=True, again=AGAIN)
    assert found.kind == "escalated"
    assert said in found.because[0].en


def test_a_known_pool_under_another_address_is_not() -> None:
    before = told_of(mining(DEVICE, pool="Example Pool"))
    now = mining(DEVICE, remote="203.0.113.91", pool="Example Pool")
    assert alert(now, before, news=True, again=AGAIN).kind == "repeated"


def test_what_an_older_store_did_not_keep_is_no_news() -> None:
    before = replace(told_of(mining(DEVICE)), who=None)
    assert alert(mining(DEVICE, "192.0.2.54"), before, news=True, again=AGAIN).kind == "repeated"
    assert made(LastNotice, plain(before)) == before


def test_somebody_new_opens_what_was_dismissed() -> None:
    assert more_than(document(mining(DEVICE)), document(mining(DEVICE, "192.0.2.54")))
    assert not more_than(document(mining(DEVICE)), document(mining(DEVICE)))
