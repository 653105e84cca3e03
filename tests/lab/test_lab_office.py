"""The invented office does what its description says, day by day; what is put in is where it is said to be, and nothing
of it belongs to anybody real."""

from __future__ import annotations

import ipaddress
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from kanaria.core import schema
from kanaria.lab import office

DAYS, DESKS = 13, 121
"""As few as the deviations need: the last one is on the thirteenth day, the widest reaches the 120th workstation."""
OURS = ipaddress.ip_network("10.0.0.0/8")
NOBODY = [ipaddress.ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15")]

Row = dict[str, Any]


@pytest.fixture(scope="module")
def log() -> office.Office:
    """Of the workstations that the deviations need ten do something of their own: what they do costs most."""
    works = office._workstation

    def some_work(world: Any, address: str) -> None:
        if address < "10.0.1.20":
            works(world, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(office, "_workstation", some_work)
        return office.generate(3, days=DAYS, workstations=DESKS)


@pytest.fixture(scope="module")
def rows(log: office.Office) -> list[Row]:
    wanted = ["event_id", "time", "src_ip", "dst_ip", "dst_port", "service", "state", "src_bytes", "dst_bytes", "sni",
              "duration_us", "direction", "device"]  # fmt: skip
    table: list[Row] = log.tables["connection"].select(wanted).to_pylist()
    return table


def put_in(log: office.Office, rows: list[Row], name: str) -> list[Row]:
    (one,) = [one for one in log.deviations if one.name == name]
    return [row for row in rows if row["event_id"] in set(one.event_ids)]


def day(row: Row) -> int:
    return int((row["time"] - office.START) / timedelta(days=1))


class TestShape:
    def test_tables_are_of_the_schema_and_in_order_of_time(self, log: office.Office) -> None:
        assert set(log.tables) == {"connection", "dns"}
        for name, table in log.tables.items():
            assert set(schema.TABLES[name].arrow.names) <= set(table.column_names)
            times = table["time"].to_pylist()
            assert times == sorted(times)

    def test_every_event_has_an_id_of_its_own(self, log: office.Office) -> None:
        ids = [id_ for table in log.tables.values() for id_ in table["event_id"].to_pylist()]
        assert len(set(ids)) == len(ids)

    def test_slices_by_the_hour_are_the_whole_log_again(self, log: office.Office) -> None:
        for width in (1, 24):
            parts = list(log.slices(width))
            for name, table in log.tables.items():
                ids = [id_ for part in parts if name in part for id_ in part[name]["event_id"].to_pylist()]
                assert ids == table["event_id"].to_pylist()

    def test_a_slice_is_of_its_hours_alone(self, log: office.Office) -> None:
        for part in log.slices(6):
            moments = [moment for table in part.values() for moment in table["time"].to_pylist()]
            blocks = {int(moment.timestamp() // (6 * 3600)) for moment in moments}
            assert len(blocks) == 1

    def test_the_same_seed_gives_the_same_log_and_another_one_another(self) -> None:
        small = {"days": 1, "workstations": 3, "deviations": False}
        one, again, other = (office.generate(seed, **small) for seed in (1, 1, 2))  # type: ignore[arg-type]
        assert all(one.tables[name].equals(again.tables[name]) for name in one.tables)
        assert not one.tables["connection"].equals(other.tables["connection"])

    def test_without_deviations_none_is_put_in(self) -> None:
        plain = office.generate(1, days=1, workstations=3, deviations=False)
        assert plain.deviations == ()
        assert office.POOL not in plain.tables["connection"]["dst_ip"].to_pylist()


class TestNobodyReal:
    def test_every_address_is_ours_or_for_documentation(self, rows: list[Row]) -> None:
        for text in {row[side] for row in rows for side in ("src_ip", "dst_ip")}:
            address = ipaddress.ip_address(text)
            assert address in OURS or any(address in network for network in NOBODY), text

    def test_every_name_is_below_example(self, log: office.Office, rows: list[Row]) -> None:
        names = {row["sni"] for row in rows if row["sni"]} | set(log.tables["dns"]["query"].to_pylist())
        assert names
        assert all(name.endswith(".example") for name in names)

    def test_networks_have_numbers_for_private_use(self, log: office.Office) -> None:
        numbers = {number for number in log.tables["connection"]["knowledge.asn"].to_pylist() if number}
        assert numbers
        assert all(64_512 <= number <= 65_534 for number in numbers)


class TestWhatBelongsThere:
    def test_workstations_rest_on_weekends(self, rows: list[Row]) -> None:
        desks = [row for row in rows if row["src_ip"].startswith(("10.0.1.", "10.0.2.")) and row["dst_port"] == 443]
        working = Counter(
            (office.START + timedelta(days=day(row))).weekday() for row in desks if row["dst_ip"] != "198.51.100.9"
        )
        assert set(working) <= {0, 1, 2, 3, 4}

    def test_they_work_by_day(self, rows: list[Row]) -> None:
        hours = Counter(
            row["time"].hour for row in rows if row["src_ip"].startswith("10.0.1.") and row["dst_ip"] != "198.51.100.9"
        )
        assert min(hours) >= 6
        assert sum(hours[hour] for hour in range(8, 17)) > 0.7 * sum(hours.values())

    def test_favourites_are_seven_visits_in_ten(self, rows: list[Row]) -> None:
        """Beside them popular sites, so a little more; the thirty most visited of each desk are its favourites."""
        shares = []
        for number in range(10):
            seen = Counter(row["dst_ip"] for row in rows if row["src_ip"] == f"10.0.1.{10 + number}" and row["sni"])
            if seen:
                shares.append(sum(count for _, count in seen.most_common(30)) / sum(seen.values()))
        assert 0.65 < sum(shares) / len(shares) < 0.95

    def test_the_backup_goes_out_every_night_at_two(self, rows: list[Row]) -> None:
        backups = [row for row in rows if row["src_ip"] == office.FILES and row["dst_ip"] == "203.0.113.200"]
        assert [day(row) for row in backups] == list(range(DAYS))
        assert {row["time"].hour for row in backups} == {2}
        assert all(1.2e9 < row["src_bytes"] < 5e9 for row in backups)

    def test_the_resolver_fetches_updates_every_night(self, rows: list[Row]) -> None:
        updates = [row for row in rows if row["sni"] == "updates.os.example"]
        assert {row["src_ip"] for row in updates} == {office.RESOLVER}
        assert len(updates) == DAYS

    def test_cameras_report_six_times_an_hour_to_one_cloud(self, rows: list[Row]) -> None:
        reports = Counter(row["src_ip"] for row in rows if row["sni"] == "cloud.camera.example")
        assert len(reports) == 8
        assert set(reports.values()) == {DAYS * 24 * 6}

    def test_printers_set_their_clocks(self, rows: list[Row]) -> None:
        clocks = Counter(row["src_ip"] for row in rows if row["dst_port"] == 123)
        assert len(clocks) == 5
        assert set(clocks.values()) == {DAYS * 24}

    def test_six_people_work_from_home_on_weekdays(self, rows: list[Row]) -> None:
        at_home = [row for row in rows if row["dst_port"] == 3389 and row["src_ip"].startswith("192.0.2.")]
        assert len({row["src_ip"] for row in at_home}) == 6
        assert {row["dst_ip"] for row in at_home} == {office.DESKTOP}
        assert all(7 <= row["time"].hour < 18 for row in at_home)

    def test_the_web_server_is_visited_around_the_clock(self, rows: list[Row]) -> None:
        visits = [row for row in rows if row["dst_ip"] == office.WEB]
        assert {row["time"].hour for row in visits} == set(range(24))
        assert {row["direction"] for row in visits} == {"inbound"}

    def test_names_are_asked_of_the_resolver(self, log: office.Office) -> None:
        assert set(log.tables["dns"]["dst_ip"].to_pylist()) == {office.RESOLVER}


class TestWhatDoesNot:
    def test_each_deviation_is_named_once(self, log: office.Office) -> None:
        assert Counter(one.name for one in log.deviations) == dict.fromkeys(office.DEVIATIONS, 1)

    def test_the_resolver_mines_for_six_hours(self, log: office.Office, rows: list[Row]) -> None:
        (mining,) = put_in(log, rows, "dns_server_mines")
        assert (mining["src_ip"], mining["dst_ip"]) == (office.RESOLVER, office.POOL)
        assert mining["duration_us"] == 6 * 3_600_000_000
        assert [row for row in rows if row["dst_ip"] == office.POOL] == [mining]

    def test_file_shares_are_opened_on_sixty_and_most_do_not_answer(self, log: office.Office, rows: list[Row]) -> None:
        opened = put_in(log, rows, "smb_fan_out")
        assert len({row["dst_ip"] for row in opened}) == 60
        assert len({row["src_ip"] for row in opened}) == 1
        assert max(row["time"] for row in opened) - min(row["time"] for row in opened) < timedelta(hours=1)
        assert Counter(row["state"] for row in opened)["S0"] > 30

    def test_forty_strangers_try_the_desktop_server(self, log: office.Office, rows: list[Row]) -> None:
        tried = put_in(log, rows, "rdp_from_new_networks")
        assert len({row["src_ip"] for row in tried}) == 40
        assert {(row["dst_ip"], row["dst_port"], row["time"].hour) for row in tried} == {(office.DESKTOP, 3389, 21)}

    def test_three_gigabytes_leave_at_night(self, log: office.Office, rows: list[Row]) -> None:
        (upload,) = put_in(log, rows, "night_upload")
        assert (upload["src_bytes"], upload["time"].hour, upload["direction"]) == (3_000_000_000, 3, "outbound")

    def test_the_device_that_is_named_takes_part(self, log: office.Office, rows: list[Row]) -> None:
        for one in log.deviations:
            for row in put_in(log, rows, one.name):
                assert one.device in (row["src_ip"], row["dst_ip"])

    def test_nothing_is_put_in_before_the_first_week_is_over(self, log: office.Office, rows: list[Row]) -> None:
        marked = {id_ for one in log.deviations for id_ in one.event_ids}
        assert min(day(row) for row in rows if row["event_id"] in marked) >= 7
