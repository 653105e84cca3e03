"""Network facts: CSV files become ranges that answer for single addresses and whole columns, IPv4 and IPv6."""

from __future__ import annotations

import ipaddress
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria import knowledge
from kanaria.core.errors import SourceError
from kanaria.core.facts import Knowledge
from kanaria.core.schema import from_rows
from kanaria.knowledge import NetworkTable
from kanaria.knowledge.networks import convert, default_directory

DAY = date(2026, 11, 21)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    (folder / "asn-ipv4.csv").write_text(
        '192.0.2.0,192.0.2.127,64500,"Example, Inc."\n198.51.100.0,198.51.100.255,64501,Zweites Netz\n', "utf-8"
    )
    (folder / "asn-ipv6.csv").write_text("2001:db8::,2001:db8:0:ffff:ffff:ffff:ffff:ffff,64502,Sixth\n", "utf-8")
    (folder / "asn-ipv4-num.csv").write_text("1,2,3,ignored\n", "utf-8")
    (folder / "asn-country-ipv4.csv").write_text("192.0.2.0,192.0.2.255,JP\n", "utf-8")
    (folder / "asn-country-ipv6.csv").write_text("2001:db8::,2001:db8::ffff,DE\n", "utf-8")
    (folder / "package.json").write_text('{"name": "nets", "version": "1.2", "license": "CC0-1.0"}', "utf-8")
    return folder


@pytest.fixture(scope="module")
def table(package: Path, tmp_path_factory: pytest.TempPathFactory) -> NetworkTable:
    target = tmp_path_factory.mktemp("home")
    report = knowledge.update(target, networks_from=package, today=DAY)
    assert report.ranges == (("asn.arrow", 3), ("country.arrow", 2))
    opened = NetworkTable.open(target / "networks")
    assert opened is not None
    return opened


@pytest.mark.parametrize(
    ("ip", "asn", "name", "country"),
    [
        ("192.0.2.0", 64500, "Example, Inc.", "JP"),
        ("192.0.2.127", 64500, "Example, Inc.", "JP"),
        ("192.0.2.128", None, None, "JP"),
        ("::ffff:192.0.2.5", 64500, "Example, Inc.", "JP"),
        ("198.51.100.77", 64501, "Zweites Netz", None),
        ("198.51.101.0", None, None, None),
        ("191.255.255.255", None, None, None),
        ("2001:db8::1", 64502, "Sixth", "DE"),
        ("2001:db8::1:0", 64502, "Sixth", None),
        ("2001:db7::", None, None, None),
        ("0.0.0.1", None, None, None),
        ("::", None, None, None),
        ("not an address", None, None, None),
        ("", None, None, None),
    ],
)
def test_single_addresses(table: NetworkTable, ip: str, asn: int | None, name: str | None, country: str | None) -> None:
    assert table.of_address(ip) == {"asn": asn, "as_name": name, "country": country}


def test_columns_keep_order_nulls_and_repeats(table: NetworkTable) -> None:
    ips = pa.chunked_array([["192.0.2.1", None, "x"], [], ["192.0.2.1", "2001:db8::1"]], pa.string())
    found = table.columns(ips)
    assert found["asn"].to_pylist() == [64500, None, None, 64500, 64502]
    assert found["country"].to_pylist() == ["JP", None, None, "JP", "DE"]
    assert table.columns(pa.array([], pa.string()))["asn"].to_pylist() == []


@given(st.ip_addresses())
@settings(max_examples=80)
def test_ranges_answer_like_a_plain_search(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        network = ipaddress.ip_network(f"{address}/{address.max_prefixlen - 8}", strict=False)
        (base / "asn-ipv4.csv").write_text(f"{network[0]},{network[-1]},64500,N\n", "utf-8")
        knowledge.update(base / "out", networks_from=base, today=DAY)
        opened = NetworkTable.open(base / "out" / "networks")
        assert opened is not None
        assert opened.of_address(str(address))["asn"] == 64500
        outside = network.broadcast_address + 1 if int(network[-1]) < 2**network.max_prefixlen - 1 else None
        assert outside is None or opened.of_address(str(outside))["asn"] is None


def test_provenance_names_the_package_and_its_licence(table: NetworkTable) -> None:
    assert table.provenance.source == "nets 1.2 (CC0-1.0)"
    assert table.provenance.date == DAY


def test_without_data_there_is_no_table_and_there_are_no_columns(tmp_path: Path, facts: Knowledge) -> None:
    assert NetworkTable.open(tmp_path) is None
    rows = from_rows("connection", [{"remote": "192.0.2.1"}])
    assert not {"knowledge.asn", "knowledge.country"} & set(
        knowledge.enrich({"connection": rows}, facts)["connection"].column_names
    )


def test_enrich_adds_the_remote_sides_network(table: NetworkTable, facts: Knowledge) -> None:
    rows = from_rows("connection", [{"remote": "192.0.2.1"}, {"remote": None}])
    found = knowledge.enrich({"connection": rows}, facts, table)["connection"]
    assert found["knowledge.asn"].to_pylist() == [64500, None]
    assert found["knowledge.as_name"].to_pylist() == ["Example, Inc.", None]
    assert found["knowledge.country"].to_pylist() == ["JP", None]


def test_a_folder_without_csv_is_refused(tmp_path: Path, table: NetworkTable) -> None:
    with pytest.raises(SourceError, match=r"asn-ipv4\.csv"):
        convert(tmp_path, tmp_path / "out", table.provenance)


@pytest.mark.parametrize("line", ["no address,192.0.2.1,1,N", "192.0.2.0,192.0.2.1,many,N", "192.0.2.0", "a,b,c,d,e"])
def test_lines_that_are_no_ranges_are_refused(tmp_path: Path, table: NetworkTable, line: str) -> None:
    (tmp_path / "asn-ipv4.csv").write_text(line + "\n", "utf-8")
    with pytest.raises(SourceError, match=r"asn-ipv4\.csv"):
        convert(tmp_path, tmp_path / "out", table.provenance)


def test_damaged_files_are_said_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "about.json").write_text('{"source": "s", "date": "2026-11-21", "files": ["asn.arrow"]}', "utf-8")
    (tmp_path / "asn.arrow").write_bytes(b"not arrow")
    with pytest.raises(SourceError, match="update"):
        NetworkTable.open(tmp_path)


def test_the_default_folder_follows_the_xdg_rule(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_directory() == tmp_path / "kanaria" / "networks"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_directory() == tmp_path / ".local" / "share" / "kanaria" / "networks"


@given(
    cuts=st.lists(st.integers(0, 2**32 - 1), min_size=4, max_size=24, unique=True),
    asked=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=30),
)
@settings(max_examples=25)
def test_many_ranges_answer_like_a_plain_search(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], asked: list[int]
) -> None:
    edges = sorted(cuts)
    ranges = [(edges[i], edges[i + 1], 64500 + i) for i in range(0, len(edges) - 1, 2)]
    base = tmp_path_factory.mktemp("ranges")
    lines = [f"{ipaddress.IPv4Address(low)},{ipaddress.IPv4Address(high)},{asn},N" for low, high, asn in ranges]
    (base / "asn-ipv4.csv").write_text("\n".join(reversed(lines)) + "\n", "utf-8")
    knowledge.update(base / "out", networks_from=base, today=DAY)
    opened = NetworkTable.open(base / "out" / "networks")
    assert opened is not None
    values = [*asked, *edges]
    plain = [next((asn for low, high, asn in ranges if low <= value <= high), None) for value in values]
    column = pa.array([str(ipaddress.IPv4Address(value)) for value in values])
    assert opened.columns(column)["asn"].to_pylist() == plain
