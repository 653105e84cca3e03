"""Formats have Japanese titles in Japanese lists, and keep every name of a product."""

from __future__ import annotations

import re

from kanaria.app.commands.lists import format_lines
from kanaria.app.format_titles import NAMED, title_of
from kanaria.formats import registry


def test_named_formats_exist_and_their_products_keep_their_names() -> None:
    known = {one.name: one.title for one in registry.all_formats()}
    assert NAMED <= known.keys()
    for name in NAMED:
        japanese = title_of(name, known[name], "ja")
        assert japanese != known[name]
        assert re.search("[ぁ-んァ-ヶ一-龥]", japanese) or name == "pcap", name
        assert title_of(name, known[name], "en") == known[name]


def test_a_format_that_nobody_named_keeps_its_title() -> None:
    assert title_of("new-format", "A new log", "ja") == "A new log"


def test_the_list_is_japanese_in_japanese() -> None:
    listed = [line for line in format_lines("ja") if not line.startswith(" ")]
    named = [line for line in listed if line.split()[0] in NAMED]
    assert len(named) == len(NAMED)
    assert all(re.search("[ぁ-んァ-ヶ一-龥]", line.split("  (")[0]) for line in named)
