"""Stories as commands tell them: the reader's language, harmless markup, the JSON document and kept incidents."""

from __future__ import annotations

import re
from pathlib import Path

from kanaria.core.story import PARTS
from tests.app.running import Kanaria

PROBES = (
    '203.0.113.9 - - [21/Jun/2026:07:01:00 +0000] "{\\"id\\":1,\\"method\\":\\"mining.subscribe\\",\\"params\\":[]}\\n" 400 4076'
    ' "-" "-"\n'
    '203.0.113.9 - - [21/Jun/2026:07:02:00 +0000] "{\\"id\\":1,\\"jsonrpc\\":\\"2.0\\",\\"method\\":\\"login\\",\\"params\\":'
    '{\\"login\\":\\"blue1\\",\\"pass\\":\\"x\\",\\"agent\\":\\"<b>Windows</b> NT 6.1; Win64; x64\\"}}\\n" 400 4076 "-" "-"\n'
)


def test_the_command_tells_a_story_in_the_readers_language(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "access.log").write_text(PROBES)
    done = kanaria("analyze", "--style", "story", "--lang", "ja", "access.log")
    assert done.status == 0
    blocks = done.out.strip().split("\n\n")
    assert len(blocks) == 1 + len(PARTS), "a heading and five paragraphs"
    joined = done.out.replace("\n", "")
    for said in (
        "2026年6月21日07:01(UTC)",
        "203.0.113[.]9",
        "狙った攻撃ではありません",
        "誤送",
        "失敗に終わっています",
        "対応は必要ありません",
    ):
        assert said in joined, said
    assert not re.search(r"[ \t]$", done.out, re.MULTILINE)


def test_a_story_in_markdown_escapes_what_an_attacker_sent(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "access.log").write_text(PROBES)
    done = kanaria("analyze", "--style", "story", "--format", "markdown", "access.log")
    assert done.out.startswith("## ")
    assert "<b>" not in done.out


def test_the_document_and_a_kept_incident_carry_the_story(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "access.log").write_text(PROBES)
    done = kanaria("analyze", "--format", "json", "--store", "store", "access.log")
    told = done.incident["story"]
    assert list(dict.fromkeys(done.incident["story_parts"]["ja"])) == list(PARTS)
    assert len(done.incident["story_parts"]["en"]) == len(told["en"])
    assert {tuple(sorted(item)) for item in told["en"]} == {("checks", "evidence", "text", "writer")}
    shown = kanaria("incident", "show", done.incident["id"], "--store", "store", "--style", "story", "--lang", "en")
    assert told["en"][0]["text"] in shown.out


def test_without_an_incident_the_story_is_one_sentence(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "quiet.log").write_text(
        '203.0.113.5 - - [21/Jun/2026:07:00:00 +0000] "GET / HTTP/1.1" 200 12 "-" "-"\n'
    )
    done = kanaria("analyze", "--style", "story", "quiet.log")
    assert (done.status, done.out) == (0, "Nothing of mining was found in 1 record of 1 input.\n")


def test_the_page_shows_the_story_in_full_or_alone(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "access.log").write_text(PROBES)
    whole = kanaria("analyze", "--format", "html", "--lang", "ja", "access.log").out
    alone = kanaria("analyze", "--format", "html", "--style", "story", "--lang", "ja", "access.log").out
    for page in (whole, alone):
        assert page.startswith("<!doctype html>")
        assert "2026年6月21日07:01(UTC)" in page and "誤送" in page
        assert 'href="#i1e1"' in page and 'id="i1e1"' in page, "what a sentence cites is on the page"
    assert "メッセージごとの説明" in whole and "メッセージごとの説明" not in alone


def test_a_kept_incident_is_shown_in_every_format_that_carries_a_story(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "access.log").write_text(PROBES)
    id_ = kanaria("analyze", "--format", "json", "--store", "store", "access.log").incident["id"]
    for style in ("report", "story"):
        for kind in ("text", "markdown", "html", "json"):
            show = ("incident", "show", id_, "--store", "store", "--lang", "en", "--style", style, "--format", kind)
            done = kanaria(*show)
            assert (done.status, done.err) == (0, "")
            assert "Not an attack on this server" in done.out, (style, kind)
            assert "<b>" not in done.out or kind != "html"


def test_a_format_without_a_story_is_refused_with_the_style(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "access.log").write_text(PROBES)
    done = kanaria("analyze", "--style", "story", "--format", "csv", "access.log")
    assert done.status == 2 and "--style story" in done.err
