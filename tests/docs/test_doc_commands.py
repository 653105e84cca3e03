"""The commands that pages show are run, and print what the pages say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.docs import doc_commands, doc_pages


def run_by_tests() -> list[Path]:
    """Pages with commands, and of a page and its translation that show the very same ones the first."""
    first: dict[tuple[doc_pages.Block, ...], Path] = {}
    for page in doc_pages.written():
        blocks = doc_pages.blocks(page.read_text("utf-8"))
        if any(block.language == "console" for block in blocks):
            kept = (block for block in blocks if block.language == "console" or "file" in block.options)
            first.setdefault(tuple(replace(block, at=0) for block in kept), page)
    return list(first.values())


@pytest.mark.slow
@pytest.mark.parametrize("page", run_by_tests(), ids=doc_pages.name)
def test_commands_print_what_the_page_says(page: Path, tmp_path: Path) -> None:
    doc_commands.prepare(tmp_path)
    for block in doc_pages.blocks(page.read_text("utf-8")):
        if "file" in block.options:
            doc_commands.place(block, tmp_path)
        for item in doc_commands.shown(block) if block.language == "console" else ():
            status, got = doc_commands.run(item.command, tmp_path)
            wanted = {int(block.options["status"])} if "status" in block.options else {0, 1}
            assert status in wanted, "\n".join(got)
            assert doc_commands.matches(item.output, got), (
                f"{doc_pages.name(page)}:{block.at}: {item.command} printed\n"
                + "\n".join(got)
                + f"\n\nIf that is right: python -m tests.docs.doc_commands {doc_pages.name(page)}"
            )


def test_readme_shows_the_two_commands_the_makefile_has() -> None:
    makefile = (doc_pages.ROOT / "Makefile").read_text("utf-8")
    for readme in ("README.md", "README.ja.md"):
        text = (doc_pages.ROOT / readme).read_text("utf-8")
        shown = [line for block in doc_pages.blocks(text) if block.language == "sh" for line in block.lines]
        for target in ("demo", "test"):
            assert any(line.startswith(f"make {target} ") for line in shown)
            assert f"\n{target}:" in makefile


@pytest.mark.parametrize("page", doc_pages.written(), ids=doc_pages.name)
def test_commands_that_are_not_run_name_real_options(page: Path) -> None:
    """Commands in ``sh`` blocks need other people's files, but their options must exist."""
    from kanaria.app.reference.commands import helps

    known = dict(helps("en"))
    lines = [
        line for block in doc_pages.blocks(page.read_text("utf-8")) if block.language == "sh" for line in block.lines
    ]
    for line in lines:
        if "kanaria " not in line or "pip install" in line:
            continue
        words = line[line.index("kanaria ") :].split("|")[0].split("#")[0].split()
        path = max((name for name in known if words[: len(name.split())] == name.split()), key=len)
        for option in [word.split("=")[0] for word in words if word.startswith("-") and len(word) > 1]:
            assert f"{option}" in known[path], f"{line}: {path} has no {option}"


def test_make_targets_that_pages_name_exist() -> None:
    makefile = (doc_pages.ROOT / "Makefile").read_text("utf-8")
    for page in doc_pages.written():
        lines = [line for block in doc_pages.blocks(page.read_text("utf-8")) for line in block.lines]
        for line in lines:
            if line.startswith("make "):
                assert f"\n{line.split()[1]}:" in makefile, f"{doc_pages.name(page)}: {line}"


def test_a_cut_stands_for_at_least_one_line() -> None:
    got = ["a", "b", "c"]
    assert doc_commands.matches(got, got)
    assert doc_commands.matches(["a", "…"], got)
    assert doc_commands.matches(["a", "…", "c"], got)
    assert doc_commands.matches(["…", "c"], got)
    assert not doc_commands.matches(["a", "…", "b", "c"], got)
    assert not doc_commands.matches(["a", "b"], got)
    assert not doc_commands.matches(["b", "…"], got)
    assert not doc_commands.matches(["a", "b", "c", "…"], got)


def test_a_cut_inside_a_line_stands_for_any_text() -> None:
    assert doc_commands.same("… rules passed, [1,…]", "64 rules passed, [1,2,…]")
    assert not doc_commands.same("… rules passed", "64 rules failed")
    assert not doc_commands.same("a.c", "abc")
    assert doc_commands.refreshed(["… rules passed"], ["64 rules passed"]) == ["… rules passed"]


LINES = st.lists(st.text("abc", max_size=3), max_size=6)


@given(LINES)
def test_an_output_matches_itself_and_its_refreshed_cuts(got: list[str]) -> None:
    assert doc_commands.matches(got, got)
    assert doc_commands.refreshed(got, got) == got
    if len(got) >= 2:
        cut = [got[0], doc_commands.CUT]
        assert doc_commands.matches(doc_commands.refreshed(cut, got), got)


def test_commands_go_over_lines_while_a_quote_is_open() -> None:
    block = doc_pages.Block("console", ("$ echo 'a", "b'", "a", "b", "$ true"), 1)
    assert doc_commands.shown(block) == [
        doc_commands.Shown("echo 'a\nb'", ("a", "b")),
        doc_commands.Shown("true", ()),
    ]


def test_a_shown_part_is_found_again_when_its_words_changed() -> None:
    old = ["first 1", "…", "count 5 lines", "…"]
    new = ["first 2", "x", "y", "count 6 lines", "end"]
    assert doc_commands.refreshed(old, new) == ["first 2", "…", "count 6 lines", "…"]
