"""CSV and the table of indicators: complete, aligned, and inert in a spreadsheet or a terminal."""

from __future__ import annotations

import csv
import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanaria.core.text import width
from kanaria.core.types import Indicator, Text
from kanaria.report import export_csv, export_iocs
from tests.report.report_samples import analysis, dns_server, finding, fragment, incident, scanner

COMMENT = Text(en="seen", ja="観測")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_row_per_finding() -> None:
    story = dns_server()
    made = rows(export_csv.export(analysis(story, scanner(), fragment()), "en"))
    assert len(made) == len(story.findings) + 2
    assert made[0]["rule"] == "internet_facing_rdp_server"
    assert made[0]["time"] == "2026-06-08T01:00:00+00:00"
    assert made[0]["evidence"] == "capture.pcap:7"
    assert made[0]["bits"] == "9.0"
    assert made[-1]["time"] == made[-1]["remote"] == made[-1]["device"] == ""


def test_columns_are_a_promise() -> None:
    header = export_csv.export(analysis(), "en").splitlines()[0]
    assert header.split(",") == list(export_csv.COLUMNS)


def test_words_follow_the_language() -> None:
    assert "Moneroのマイニング" in export_csv.export(analysis(dns_server()), "ja")
    assert "Monero mining" in export_csv.export(analysis(dns_server()), "en")


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1+1", "＠a", "\r=1", "=cmd|' /C calc'!A0"]
)
def test_formulas_are_text(text: str) -> None:
    made = rows(export_csv.export(analysis(incident((finding(device=text),))), "en"))[0]["device"]
    assert made.startswith("'")
    assert not made.lstrip().startswith(("=", "+", "-", "@", "＝", "＠"))


@given(st.text(max_size=40))
def test_any_text_is_one_inert_cell(text: str) -> None:
    made = rows(export_csv.export(analysis(incident((finding(device=text),))), "en"))
    assert len(made) == 1
    cell = made[0]["device"]
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))
    assert not {unicodedata.category(char) for char in cell} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("ipv4", "203.0.113.5", "203.0.113[.]5"),
        ("ipv6", "2001:db8::5", "2001[:]db8::5"),
        ("domain", "pool.example.org", "pool[.]example[.]org"),
        ("url", "http://203.0.113.5/a.sh?x=https://b.example", "hxxp://203.0.113[.]5/a.sh?x=hxxps://b.example"),
        ("url", "HTTPS://a.example.org/", "hxxps://a[.]example[.]org/"),
        ("url", "ftp://a.example/x", "fxp://a[.]example/x"),
        ("url", "javascript:alert(1)", "javascript:alert(1)"),
        ("user_agent", "bot (+http://b.example/)", "bot (+hxxp://b.example/)"),
        ("wallet", "4AAA.rig", "4AAA.rig"),
        ("cookie", "hello\x1b[31m", "hello\\x1b[31m"),
    ],
)  # fmt: skip
def test_defanging(kind: str, value: str, shown: str) -> None:
    made = export_iocs.defanged(Indicator(type=kind, value=value, comment=COMMENT))
    assert made.lower() == shown.lower()
    assert "http" not in made.lower()


def test_values_stand_under_the_comment_they_share() -> None:
    one, two, three = (Indicator(type="ipv4", value=f"203.0.113.{n}", comment=COMMENT) for n in (1, 2, 3))
    other = Indicator(type="domain", value="pool.example.org", comment=Text(en="pool", ja="プール"))
    made = export_iocs.export(analysis(incident((finding(),), indicators=(one, other, two, three))), "ja").splitlines()
    table = made[2:]
    assert [line.split() for line in table[2:]] == [
        ["203.0.113[.]1", "観測"], ["203.0.113[.]2", "観測"], ["203.0.113[.]3", "観測"], ["pool[.]example[.]org", "プール"],
    ]  # fmt: skip
    starts = {
        width(line[: line.index(word)])
        for line, word in ((table[0], "コメント"), (table[2], "観測"), (table[5], "プール"))
    }
    assert len(starts) == 1


def test_long_values_stand_alone() -> None:
    wallet = Indicator(type="wallet", value="4" * 95, comment=COMMENT)
    made = export_iocs.export(analysis(incident((finding(),), indicators=(wallet,))), "en").splitlines()
    assert made[-2] == "4" * 95
    assert made[-1].strip() == "seen"


def test_no_indicators_is_said() -> None:
    assert export_iocs.export(analysis(), "en") == "No indicators.\n"
    assert "ありません" in export_iocs.export(analysis(fragment()), "ja")


@given(
    st.text(max_size=60),
    st.sampled_from(["ipv4", "ipv6", "domain", "url", "wallet", "user_agent", "cookie", "file", "account"]),
)
def test_nothing_can_be_clicked(value: str, kind: str) -> None:
    made = export_iocs.defanged(Indicator(type=kind, value=value, comment=COMMENT))
    assert "http://" not in made.lower() and "https://" not in made.lower()
    assert "\n" not in made and "\x1b" not in made
