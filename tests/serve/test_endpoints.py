"""``/healthz``, ``/readyz``, ``/status`` and ``/metrics`` over HTTP, for what a service may be like; and where they are."""

from __future__ import annotations

import http.client
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kanaria.app.live.endpoints import FILE, OPENMETRICS, answering
from kanaria.app.live.state import COUNTERS, GAUGES, STUCK
from tests.running import PATIENCE

WELL: dict[str, Any] = {
    "alive": True, "ready": True, "started": 1_795_000_000.0, "last_batch_seconds": 0.25, "lag_seconds": 0.5,
    "free_bytes": 10**12, "batches": 7, "records": 1_234, "rejected": 2, "unread": 3, "news": 1,
    "events": {"bytes": 4_096, "rows": 55},
    "sources": [{"name": "access.log", "last": 1_795_000_100.0, "behind_bytes": 0, "behind_records": None, "records": 9,
                 "lost": 0, "refused": 0, "problem": ""}],
    "channels": [{"name": "phone", "waiting": 0, "sent": 4, "dead": 0}],
}  # fmt: skip


class House:
    """An answering port for a state that a test may change."""

    def __init__(self, store: Path) -> None:
        self.store, self.state, self.logged = store, dict(WELL), list[tuple[str, dict[str, Any]]]()

    @property
    def place(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.store / FILE).read_text())
        return found

    def log(self, what: str, /, **facts: Any) -> None:
        self.logged.append((what, facts))

    def get(self, path: str, method: str = "GET") -> tuple[int, str, dict[str, str]]:
        with closing(
            http.client.HTTPConnection(self.place["host"], self.place["port"], timeout=PATIENCE)
        ) as connection:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), {n.lower(): v for n, v in answer.getheaders()}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("store"))
    with answering("127.0.0.1:0", made.store, lambda: made.state, made.log):
        yield made


@pytest.fixture
def house(shared: House) -> House:
    shared.state = dict(WELL)
    shared.logged.clear()
    return shared


class TestHealth:
    @pytest.mark.parametrize(
        ("alive", "ready", "health", "readiness"),
        [(True, True, 200, 200), (True, False, 200, 503), (False, True, 503, 503), (False, False, 503, 503)],
    )
    def test_it_lives_when_it_takes_its_turns_and_is_ready_when_it_reads_too(
        self, house: House, alive: bool, ready: bool, health: int, readiness: int
    ) -> None:
        house.state |= {"alive": alive, "ready": ready}
        for path, status in (("/healthz", health), ("/readyz", readiness)):
            assert house.get(path)[:2] == (status, "ok\n" if status == 200 else "not ok\n")

    @pytest.mark.parametrize("path", ["/healthz", "/readyz", "/status", "/metrics"])
    def test_head_and_a_query_are_answered_alike(self, house: House, path: str) -> None:
        status, text, headers = house.get(path)
        assert house.get(f"{path}?verbose=1&x")[:2] == (status, text)
        assert house.get(path, "HEAD")[:2] == (status, "")
        assert int(house.get(path, "HEAD")[2]["content-length"]) == len(text.encode()) == int(headers["content-length"])

    @pytest.mark.parametrize(
        "path", ["/", "/healthz/", "/Healthz", "/status/x", "/../healthz", "/ack/x", "/metrics%00"]
    )
    def test_nothing_else_is_there(self, house: House, path: str) -> None:
        assert house.get(path)[:2] == (404, "not found\n")

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
    def test_nothing_can_be_changed(self, house: House, method: str) -> None:
        assert house.get("/status", method)[0] == 501

    def test_no_request_is_logged(self, house: House, capfd: pytest.CaptureFixture[str]) -> None:
        for path in ("/healthz", "/none"):
            house.get(path)
        assert (capfd.readouterr(), house.logged) == (("", ""), [])


class TestStatus:
    def test_it_is_what_the_service_says_of_itself(self, house: House) -> None:
        house.state |= {"notes": [{"en": "a note", "ja": "注意書き"}]}
        status, text, headers = house.get("/status")
        assert (status, json.loads(text)) == (200, house.state)
        assert headers["content-type"] == "application/json"
        assert "注意書き" in text, "for people, too"

    def test_it_is_asked_anew_each_time(self, house: House) -> None:
        for records in (1, 2, 3):
            house.state["records"] = records
            assert json.loads(house.get("/status")[1])["records"] == records


# What OpenMetrics allows in a line: a comment, or a name with labels and a number.
TOKEN = r"[a-zA-Z_:][a-zA-Z0-9_:]*"  # noqa: S105
LABELS = r"\{" + TOKEN + r'="(?:[^"\\\n]|\\["\\n])*"\}'
LINE = re.compile(
    rf"# (?:TYPE {TOKEN} (?:gauge|counter)|HELP {TOKEN} .+|EOF)|{TOKEN}(?:{LABELS})? -?\d+(?:\.\d+)?(?:e[+-]\d+)?"
)


class TestMetrics:
    def test_a_scraper_is_told_what_it_is(self, house: House) -> None:
        assert house.get("/metrics")[2]["content-type"] == OPENMETRICS

    @pytest.mark.parametrize(
        "changed",
        [
            {}, {"sources": [], "channels": []}, {"alive": False}, {"sources": WELL["sources"] * 3},
            {"sources": [{**WELL["sources"][0], "name": 'a "quoted" \\ name\nwith a line'}]},
            {"sources": [{**WELL["sources"][0], "name": "ログ/アクセス.log", "last": None, "behind_records": 7}]},
            {"channels": [{**WELL["channels"][0], "name": "}\n# EOF\nkanaria_up 0"}]},
            {"lag_seconds": 1e-7, "free_bytes": 0, "records": 10**15},
        ],
    )  # fmt: skip
    def test_every_line_is_one_that_openmetrics_allows(self, house: House, changed: dict[str, Any]) -> None:
        house.state |= changed
        text = house.get("/metrics")[1]
        lines = text.split("\n")
        assert lines.pop() == "" and lines[-1] == "# EOF" and lines.count("# EOF") == 1
        assert [line for line in lines if not LINE.fullmatch(line)] == []

    def test_each_is_described_before_its_number_and_counters_end_in_total(self, house: House) -> None:
        seen: dict[str, str] = {}
        for line in house.get("/metrics")[1].splitlines():
            if line.startswith("# TYPE"):
                _, _, name, kind = line.split()
                assert name not in seen, "described once"
                seen[name] = kind
            elif not line.startswith("#"):
                name = re.split(r"[ {]", line)[0]
                assert seen[name.removesuffix("_total")] == ("counter" if name.endswith("_total") else "gauge")
        assert seen == {**dict.fromkeys(GAUGES, "gauge"), **dict.fromkeys(COUNTERS, "counter")}

    @pytest.mark.parametrize(
        ("changed", "line"),
        [
            ({"alive": False}, "kanaria_up 0"), ({}, "kanaria_up 1"), ({}, "kanaria_records_total 1234"),
            ({"lag_seconds": 2.5}, "kanaria_lag_seconds 2.5"), ({}, "kanaria_events_rows 55"),
            ({}, 'kanaria_source_problem{source="access.log"} 0'),
            ({"sources": [{**WELL["sources"][0], "problem": "no permission"}]}, 'kanaria_source_problem{source="access.log"} 1'),
            ({"sources": [{**WELL["sources"][0], "behind_records": 40}]}, 'kanaria_source_backlog_records{source="access.log"} 40'),
            ({"sources": [{**WELL["sources"][0], "lost": 6}]}, 'kanaria_source_lost_total{source="access.log"} 6'),
            ({"channels": [{**WELL["channels"][0], "dead": 2}]}, 'kanaria_channel_messages_dead_total{channel="phone"} 2'),
        ],
    )  # fmt: skip
    def test_a_number_is_that_of_the_state(self, house: House, changed: dict[str, Any], line: str) -> None:
        house.state |= changed
        assert line in house.get("/metrics")[1].splitlines()

    def test_what_is_not_known_has_no_line(self, house: House) -> None:
        """A scraper takes a missing number for unknown, and 0 for 1970."""
        house.state |= {"sources": [{**WELL["sources"][0], "last": None}]}
        text = house.get("/metrics")[1]
        assert "kanaria_source_last_event_timestamp_seconds{" not in text
        assert "kanaria_source_backlog_records{" not in text


class TestWhere:
    def test_a_file_in_the_store_says_it_while_it_answers(self, tmp_path: Path) -> None:
        house = House(tmp_path)
        with answering("127.0.0.1:0", tmp_path, lambda: house.state, house.log):
            assert house.place == {"pid": os.getpid(), "host": "127.0.0.1", "port": house.place["port"]}
            assert house.place["port"] > 0
        assert not (tmp_path / FILE).exists()

    def test_off_is_nowhere(self, tmp_path: Path) -> None:
        with answering("off", tmp_path, lambda: pytest.fail("nobody asks"), lambda *_, **__: None):
            assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("listen", [lambda taken: f"127.0.0.1:{taken}", lambda _taken: "192.0.2.77:9477"])
    def test_a_place_that_cannot_be_had_is_no_reason_not_to_watch(
        self, house: House, tmp_path: Path, listen: Callable[[int], str]
    ) -> None:
        """Another port on loopback is taken, and the log says which."""
        wanted, other = listen(house.place["port"]), House(tmp_path)
        with answering(wanted, tmp_path, lambda: other.state, other.log):
            ((what, facts),) = other.logged
            assert (what, facts["wanted"], facts["instead"]) == ("port taken", wanted, other.place["port"])
            assert other.place["host"] == "127.0.0.1" and other.get("/healthz")[0] == 200

    def test_an_ipv6_address(self, tmp_path: Path) -> None:
        house = House(tmp_path)
        with answering("[::1]:0", tmp_path, lambda: house.state, house.log):
            assert house.place["host"] in {"::1", "127.0.0.1"}  # a machine may have no IPv6
            assert house.get("/readyz")[0] == 200


def test_a_service_hangs_after_two_minutes_without_a_turn() -> None:
    """As the doctor's words have it: "no batch was finished for two minutes"."""
    assert STUCK == 120.0
