"""Did it work: every branch of the evidence about the outcome."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kanaria.core.types import AnswerSizes, Evidence, HostObservation, InputSummary, Text
from kanaria.incidents.case import Case
from kanaria.incidents.outcomes import outcome_evidence
from kanaria.incidents.weighing import outcome
from tests.incidents.building import DEVICE, START, around, case, facts, finding, kinds, message, record, request


def about(told: Case, **more: Any) -> list[Evidence]:
    items = list(outcome_evidence(told, around(**more)))
    assert all(item.about == "outcome" for item in items)
    return items


def web(**values: Any) -> Case:
    return case(finding(), records=[request(1, **values)])


@pytest.mark.parametrize("status", [0, -1, 444, 499])
def test_a_closed_connection_is_a_refusal(status: int) -> None:
    (item,) = about(web(status=status))
    assert item.kind == "refused_unparsable_400"
    assert str(status) in item.because.en


def test_a_line_that_is_no_http_is_refused() -> None:
    items = about(web(status=400))
    assert kinds(items) == ["refused_unparsable_400"]
    assert outcome(items, facts().caps).value == "failed"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "client_error_4xx"), (404, "client_error_4xx"), (500, "server_error_5xx"), (503, "server_error_5xx"),
     (200, "success_2xx_alone"), (302, "success_2xx_alone"), (101, "success_2xx_alone")],
)  # fmt: skip
def test_a_status_by_itself(status: int, kind: str) -> None:
    items = about(web(status=status, method="GET", url="/x"))
    assert kinds(items) == [kind]
    assert outcome(items, facts().caps).value in {"failed", "no_sign_of_success"}


def test_no_status_says_nothing() -> None:
    items = about(web(method="GET"))
    assert items == []
    assert outcome(items, facts().caps).value == "no_sign_of_success"


def sizes(total: int, *pairs: tuple[int, int]) -> Any:
    return lambda _status, _path: AnswerSizes(total=total, sizes=pairs)


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        (sizes(100, (5123, 4)), "size_as_usual_for_status"),
        (sizes(100, (5123, 3)), "success_2xx_alone"),
        (sizes(100, (77, 99), (5123, 1)), "size_unusual_for_path"),
        (sizes(19, (77, 18), (5123, 1)), "success_2xx_alone"),
        (sizes(0), "success_2xx_alone"),
    ],
    ids=["usual", "too few others", "unusual", "too few known", "nothing known"],
)
def test_the_size_of_the_answer(answers: Any, kind: str) -> None:
    assert kinds(about(web(status=200, method="GET", url="/x?y", bytes_out=5123), answers=answers)) == [kind]


def test_sizes_are_asked_for_the_path_without_its_query() -> None:
    asked = []

    def answers(status: int | None, path: str | None) -> AnswerSizes:
        asked.append((status, path))
        return AnswerSizes(total=0, sizes=())

    about(web(status=200, method="GET", url="/x?secret=1", bytes_out=5), answers=answers)
    assert asked == [(200, None), (200, "/x")]


def test_the_size_of_a_refusal_decides_nothing() -> None:
    assert kinds(about(web(status=404, method="GET", bytes_out=5), answers=sizes(99, (5, 99)))) == ["client_error_4xx"]


def test_one_request_that_got_through_outweighs_a_hundred_refusals() -> None:
    refused = [request(n, n, status=400) for n in range(100)]
    through = request(100, 100, status=200, method="GET", url="/")
    items = about(case(finding(), records=[*refused, through]))
    decisive = [item for item in items if item.bits]
    assert "refused_unparsable_400" not in kinds(decisive)
    assert any("(100 requests)" in item.because.en and item.bits == 0 for item in items)
    assert outcome(items, facts().caps).value == "no_sign_of_success"


def test_a_mining_answer_in_the_log_is_a_sign() -> None:
    told = case(finding(), messages=[message(1, direction="server")], records=[request(1, status=200, method="POST")])
    assert "jsonrpc_result_in_answer" in kinds(about(told))


def dropped(status: int) -> tuple[Case, Any]:
    left: dict[str, Any] = {"payload.dropped": "/var/www/html/sh3ll.php"}
    exploit = request(1, status=200, method="GET", **left)
    later = request(9, 60, status=status, method="GET", url="/sh3ll.php")
    return case(finding(), records=[exploit]), {"sh3ll.php": (later,)}


def test_use_of_what_was_dropped_is_success() -> None:
    told, later = dropped(200)
    items = about(told, later_requests=later)
    assert "followup_uses_dropped_file" in kinds(items)
    assert outcome(items, facts().caps).value in {"possible", "confirmed"}


@pytest.mark.parametrize("status", [404, 403, 500])
def test_a_vain_look_for_what_was_dropped_is_none(status: int) -> None:
    told, later = dropped(status)
    assert "followup_uses_dropped_file" not in kinds(about(told, later_requests=later))


@pytest.mark.parametrize(("hours", "expected"), [(0.5, False), (1, True), (30, True)])
def test_silence_counts_from_an_hour_of_covered_log(hours: float, expected: bool) -> None:
    read = InputSummary(
        path="access.log", format="combined", rows=9, rejected=0, first=START, last=START + timedelta(hours=hours)
    )
    assert ("no_followup_in_window" in kinds(about(web(status=404), inputs=(read,)))) is expected


def test_silence_without_times_says_nothing() -> None:
    timeless = case(finding(seconds=None), records=[request(1, None, status=404)])
    read = InputSummary(path="access.log", format="combined", rows=9, rejected=0, last=START)
    assert kinds(about(timeless, inputs=(read,))) == ["client_error_4xx"]


def flow(direction: str = "outbound", **values: Any) -> Any:
    return record(1, 60, "connection", device=DEVICE, values={"direction": direction, **values})


def test_an_accepted_share_confirms() -> None:
    told = case(finding(), messages=[message(1, direction="server", fields={"accepted": "true"})], records=[flow()])
    items = about(told)
    assert kinds(items) == ["mining_share_accepted", "pool_sent_work"]
    assert outcome(items, facts().caps).value == "confirmed"


def test_work_for_a_stranger_who_came_in_is_not_ours() -> None:
    told = case(finding(), messages=[message(1, direction="server")], records=[flow("inbound")])
    assert [item.kind for item in about(told)] == ["jsonrpc_result_in_answer"]  # it answered, which is not mining


@pytest.mark.parametrize("bits", [6.9, 7.0, 12.0, None])
def test_the_shape_of_traffic_is_no_submit_that_was_answered(bits: float | None) -> None:
    grammar: dict[str, Any] = {"mining.grammar_bits": bits, "mining.grammar_because_en": "why"}
    assert kinds(about(case(finding(), records=[flow(**grammar)]))) == []


@pytest.mark.parametrize(
    ("seconds", "direction", "rule", "expected"),
    [
        (600, "outbound", "monero_mining", True),
        (-600, "outbound", "monero_mining", False),
        (600, "inbound", "monero_mining", False),
        (600, "outbound", "anomalous_smb", False),
        (None, "outbound", "monero_mining", False),
    ],
)
def test_mining_that_follows_the_request(seconds: float | None, direction: str, rule: str, expected: bool) -> None:
    mined = finding(rule, seconds, device=DEVICE, table="connection", values={"direction": direction})
    items = about(case(finding(), mined, records=[request(1, 0, status=200, method="GET", url="/")]))
    assert ("outbound_mining_after" in kinds(items)) is expected
    if expected:
        assert "10 min after" in next(i.because.en for i in items if i.kind == "outbound_mining_after")


@pytest.mark.parametrize(
    ("kind", "expected"), [("miner_process", 1), ("pool_connection", 1), ("cpu_step", 0), ("nothing", 0)]
)
def test_what_runs_on_the_host(kind: str, expected: int) -> None:
    host = (HostObservation(kind=kind, statement=Text(en="seen", ja="観測"), source="host"),)
    assert kinds(about(case(finding()), host=host)).count("outbound_mining_after") == expected
