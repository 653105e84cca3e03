"""Values as JSON values and back: nothing is lost, older forms open, what does not fit says where."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanaria.core.conversion import made, made_of_text, marked, plain, unmarked
from kanaria.core.types import Evidence, Finding, Record, StratumMessage, Text
from kanaria.memory.open_findings import NOTHING, Carried, CarriedCases, pack, unpack

NOON = datetime(2026, 6, 21, 12, 0, 0, 250, tzinfo=UTC)
WORDS = Text(en="a miner", ja="マイナー")
PROOF = Evidence(
    id="e1", kind="probe", about="outcome", family="f", bits=-1.5, because=WORDS, time=NOON, quote="\udcff\x1b[31m"
)
FINDING = Finding(
    id="f1", rule="r", rule_version="1", title=WORDS, why=WORDS, severity="high", table="http", time=NOON, device="d",
    remote=None, key="k", bits=2.0, event_ids=(1, 2**62), evidence=(PROOF,), values={"status": "200"}, until=NOON,
)  # fmt: skip
MESSAGE = StratumMessage(
    event_id=1, dialect="v1", method="m", direction="client", time=NOON, fields={"@time": "no time at all"}
)
RECORD = Record(
    event_id=1, table="http", source="access.log", line=3, time=NOON, device=None, remote=None, quote="q",
    values={"time": NOON, "body": b"\xff", "names": ["a"], "status": 200, "said": None},
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.datetimes(timezones=st.just(UTC)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(min_size=1).filter(lambda n: n[0] != "@"), inner),
    max_leaves=8,
)


def by_json(value: object) -> object:
    """As a store keeps it, lone surrogates and all."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass"))  # fmt: skip


@pytest.mark.parametrize("value", [FINDING, MESSAGE, replace(RECORD, values={"status": 200})], ids=lambda v: type(v).__name__)  # fmt: skip
def test_a_value_comes_back_as_it_was(value: object) -> None:
    assert made(type(value), by_json(plain(value))) == value


def test_what_lacks_a_property_gets_the_default_and_what_is_unknown_is_passed_over() -> None:
    kept = plain(FINDING)
    del kept["known"], kept["since"]
    assert made(Finding, kept | {"mood": "good"}) == FINDING


@pytest.mark.parametrize("kept", [{}, {"en": 1, "ja": "x"}, [], None])
def test_what_does_not_fit_says_where(kept: object) -> None:
    with pytest.raises(ValueError, match=r"field|\$|Expected"):
        made(Text, kept)
    with pytest.raises(ValueError, match=r"field|\$|Expected"):
        made_of_text(Text, json.dumps(kept).encode())
    with pytest.raises(ValueError, match="truncated"):
        made_of_text(Text, b"{")


@given(JSON)
def test_values_of_any_type_say_what_they_are(value: object) -> None:
    assert unmarked(by_json(marked(value))) == value


def test_a_run_hands_on_what_it_found_and_what_rows_held() -> None:
    kept = by_json(pack(CarriedCases(), {"f1": [RECORD]}, NOON))
    assert unpack(kept) == Carried(later_requests={"f1": [RECORD]}, findings=[], messages=[], records=[], newest=NOON)  # type: ignore[arg-type]
    assert unpack(None) is NOTHING


def test_what_version_0_1_left_in_a_store_is_read() -> None:
    time = {"@time": NOON.isoformat()}
    kept = {
        "findings": [plain(FINDING) | {"time": time, "until": time, "evidence": [plain(PROOF) | {"time": time}]}],
        "messages": [plain(MESSAGE) | {"time": time}],
        "records": [plain(replace(RECORD, values={})) | {"time": time, "values": marked(RECORD.values)}],
        "later_requests": {},
        "newest": NOON.isoformat(),
    }
    carried = unpack(by_json(kept))  # type: ignore[arg-type]
    assert carried == Carried(findings=[FINDING], messages=[MESSAGE], records=[RECORD], later_requests={}, newest=NOON)
