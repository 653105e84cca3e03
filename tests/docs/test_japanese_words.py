"""Japanese is written one way everywhere: code, rules, knowledge and pages."""

from __future__ import annotations

import re

import pytest

from tests.docs.japanese_words import FORBIDDEN, texts, wrong


def test_every_term_has_one_spelling() -> None:
    found = [f"{place}: {'; '.join(said)}: {text.strip()[:80]}" for place, text in texts() if (said := wrong(text))]
    assert found == [], "see tests/docs/japanese_words.py for what is written instead"


def test_in_what_the_program_says_a_share_stands_close_to_its_sign() -> None:
    apart = re.compile(r"[0-9}] %")
    assert [
        f"{place}: {text.strip()[:80]}" for place, text in texts() if place.startswith("src") and apart.search(text)
    ] == []


@pytest.mark.parametrize(
    ("text", "better"),
    [
        ("Webサーバーが応答", "サーバ"),
        ("ユーザのプロセス", "ユーザー"),
        ("別のモデルが検知", "ルール"),
        ("暗号通貨の採掘", "暗号資産"),
        ("224 バイト", "空白を入れない"),
        ("{} ビット", "空白を入れない"),
        ("不明 が送りました", "送信元不明"),
        ("確率> 99.9%", "超"),
        ("SSHへのログオン", "SSHログイン"),
    ],
)
def test_another_spelling_is_found(text: str, better: str) -> None:
    assert any(better in said for said in wrong(text))


@pytest.mark.parametrize(
    "text",
    ["Webサーバの応答", "ユーザーエージェント", "言語モデルへの指示", "RDPのログオン", "224バイト", "セッション 3 つ"],
)
def test_right_words_pass(text: str) -> None:
    assert wrong(text) == []


def test_the_texts_of_every_kind_are_read() -> None:
    places = [place for place, _ in texts()]
    for part in ("report/phrases.py", "rules/", "knowledge/weights", "docs/how-to", "README.ja.md"):
        assert any(part in place for place in places)
    assert len(FORBIDDEN) > 25
