"""What could not be read is said first, in every format and in the exit status; and it is searched all the same."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanaria.core.coverage import Coverage
from kanaria.core.types import Analysis, InputSummary
from kanaria.report.write import unread_share
from tests.app.running import Kanaria

GOOD = '203.0.113.7 - - [02/Jan/2026:03:04:05 +0000] "GET /page HTTP/1.1" 200 512 "-" "Mozilla/5.0"'
STRANGE = "zzz 17 a line of no layout that anybody knows"
CALL = '{"id":1,"method":"mining.subscribe","params":[]}'
FIRST = "40 % of the records could not be read (2 of 5), and nothing is claimed of them."


@pytest.fixture
def partly(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.write_text("\n".join([GOOD, STRANGE, GOOD, STRANGE, GOOD]) + "\n")
    return path


@pytest.mark.parametrize("kind", ["text", "markdown", "html"])
def test_the_first_sentence_says_what_could_not_be_read(kanaria: Kanaria, partly: Path, kind: str) -> None:
    done = kanaria("analyze", "--format", kind, "access.log")
    assert done.status == 3
    shown = done.out.replace("\\", "").split("<main>")[-1].replace("\n", " ")
    assert FIRST in shown
    before = shown[: shown.index(FIRST)].replace("Kanaria report", "")
    assert "." not in before.split("</header>")[-1]
    assert "Nothing of mining was found in the other 3 records" in shown


def test_the_document_counts_what_could_not_be_read(kanaria: Kanaria, partly: Path) -> None:
    done = kanaria("analyze", "--format", "json", "access.log")
    coverage = done.document["coverage"]
    assert (coverage["records"], coverage["unread"], coverage["share"]) == (5, 2, 0.4)
    assert coverage["text"]["en"].startswith(FIRST)
    assert coverage["text"]["ja"].startswith("記録の40%(5件中2件)は読み取れず")
    assert [(item["rows"], item["rejected"], item["unread"]) for item in done.document["inputs"]] == [(5, 2, 2)]


@pytest.mark.parametrize("kind", ["ocsf", "stix", "navigator", "misp", "csv", "iocs"])
def test_formats_without_sentences_say_it_on_standard_error(kanaria: Kanaria, partly: Path, kind: str) -> None:
    done = kanaria("analyze", "--format", kind, "access.log")
    assert done.status == 3
    assert done.err.startswith(f"kanaria: {FIRST}")


def test_all_read_and_nothing_found_is_status_0_without_a_word_about_it(kanaria: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(f"{GOOD}\n" * 3)
    done = kanaria("analyze", "access.log")
    assert done.status == 0
    assert "could not be read" not in done.out
    document = kanaria("analyze", "--format", "json", "access.log").document
    assert document["coverage"] == {"records": 3, "unread": 0, "share": 0.0, "text": None}


def test_one_readable_file_does_not_speak_for_two_that_nobody_could_read(kanaria: Kanaria, tmp_path: Path) -> None:
    for name in ("one.log", "two.log"):
        (tmp_path / name).write_text(f"{STRANGE}\n" * 7)
    (tmp_path / "error.log").write_text(
        '2026/01/02 03:04:05 [error] 7#7: *1 open() "/srv/x" failed (2: No such file or directory), '
        'client: 203.0.113.7, server: _, request: "GET /x HTTP/1.1", host: "example.org"\n'
    )
    done = kanaria("analyze", "--format", "json", str(tmp_path))
    assert done.status == 3
    assert (done.document["coverage"]["records"], done.document["coverage"]["unread"]) == (15, 14)
    assert done.document["coverage"]["text"]["en"].startswith("93.3 % of the records could not be read (14 of 15)")


def test_an_input_that_is_no_text_counts_as_one_unread_record(kanaria: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(f"{GOOD}\n")
    (tmp_path / "picture.bin").write_bytes(bytes(range(256)) * 64)
    done = kanaria("analyze", "--format", "json", "access.log", "picture.bin")
    assert done.status == 3
    assert done.document["coverage"]["unread"] == 1


def test_nothing_readable_at_all_is_still_wrong_use(kanaria: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text(f"{STRANGE}\n" * 3)
    done = kanaria("analyze", "notes.txt")
    assert done.status == 2
    assert done.out.startswith("100 % of the records could not be read (3 of 3), and nothing is claimed of them")


def test_a_mining_message_in_a_log_of_no_known_format_is_found_with_its_sender(
    kanaria: Kanaria, tmp_path: Path
) -> None:
    (tmp_path / "app.log").write_text(
        f"{STRANGE}\nWARN 12:00:01 gateway client 203.0.113.9:40112 said {CALL} which is no request\n{STRANGE}\n"
    )
    done = kanaria("analyze", "--format", "json", "app.log")
    assert done.status == 3
    assert done.incident["entities"]["remotes"] == ["203.0.113.9"]
    assert done.incident["messages"][0]["method"] == "mining.subscribe"
    assert done.document["coverage"]["unread"] == 2


def test_lines_of_programs_nobody_knows_are_unread_and_those_of_cron_and_sshd_are_not(
    kanaria: Kanaria, tmp_path: Path
) -> None:
    (tmp_path / "syslog").write_text(
        "Jun  3 04:05:05 srv sshd[20]: Accepted publickey for alice from 192.0.2.10 port 50000 ssh2: ED25519 SHA256:a\n"
        "Jun  3 04:05:06 srv CRON[21]: (root) CMD (command -v debian-sa1 > /dev/null)\n"
        "Jun  3 04:05:07 srv frobnicator[22]: all is well\n"
    )
    done = kanaria("analyze", "--format", "json", "syslog")
    assert done.status == 3
    assert (done.document["coverage"]["records"], done.document["coverage"]["unread"]) == (3, 1)


def test_the_journal_counts_entries_of_programs_nobody_knows(kanaria: Kanaria, tmp_path: Path) -> None:
    entries = [
        {"__REALTIME_TIMESTAMP": "1768035600000000", "_HOSTNAME": "srv", "SYSLOG_IDENTIFIER": name, "MESSAGE": text}
        for name, text in [
            ("sshd", "Accepted publickey for alice from 192.0.2.10 port 50000 ssh2: ED25519 SHA256:abc"),
            ("frobnicator", "all is well"),
            ("gateway", f"bad request from 203.0.113.9: {CALL}"),
        ]
    ]
    (tmp_path / "journal.json").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    done = kanaria("analyze", "--format", "json", "journal.json")
    assert done.status == 3
    assert done.document["coverage"]["unread"] == 2
    assert done.incident["entities"]["remotes"] == ["203.0.113.9"]


def test_csv_stays_csv(kanaria: Kanaria, partly: Path) -> None:
    done = kanaria("analyze", "--format", "csv", "access.log")
    assert len(list(csv.reader(done.out.splitlines()))) == 1


@given(records=st.integers(1, 10**9), unread=st.integers(0, 10**9))
def test_any_unread_share_is_said_and_never_rounded_to_nothing_or_everything(records: int, unread: int) -> None:
    coverage = Coverage(records=records, unread=min(unread, records))
    read = InputSummary(path="a", format="combined", rows=records, rejected=0, unread=coverage.unread)
    claim = unread_share(Analysis(inputs=(read,), incidents=(), not_looked_at=()), "en")
    if not coverage.unread:
        assert claim is None
        return
    assert claim is not None
    assert f"({coverage.unread:,} of {records:,})" in claim.text
    if coverage.unread < records:
        assert coverage.percent not in ("0", "0.0", "100", "100.0")
        assert claim.text.startswith(f"{coverage.percent} % of the records could not be read")


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.booleans(), min_size=1, max_size=12))
def test_the_status_and_the_first_sentence_agree_for_any_mixture(
    kanaria: Kanaria, tmp_path: Path, lines: list[bool]
) -> None:
    (tmp_path / "access.log").write_text("".join(f"{GOOD if good else STRANGE}\n" for good in lines))
    done = kanaria("analyze", "access.log")
    unread = lines.count(False)
    assert done.status == (0 if not unread else 2 if unread == len(lines) else 3)
    assert ("could not be read" in done.out or "could be read" in done.out) is bool(unread)


def test_an_error_nobody_foresaw_has_a_status_of_its_own(kanaria_process: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(f"{GOOD}\n")
    (tmp_path / "sitecustomize.py").write_text(
        "import kanaria.app.commands.analyze_paths as run\n"
        "def broken(*_arguments, **_options):\n    raise ZeroDivisionError('on purpose')\n"
        "run.analyze_paths = broken\n"
    )
    done = kanaria_process("analyze", "access.log", PYTHONPATH=str(tmp_path))
    assert done.status == 70
    assert "ZeroDivisionError: on purpose" in done.err
    assert "this is an error in Kanaria itself; nothing is claimed of any input" in done.err
