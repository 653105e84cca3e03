"""Every page: its counterpart in the other language, its links, and what must not be in it."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path

import pytest

from tests.docs import doc_commands, doc_pages

PAGES = doc_pages.pages()
# One changelog and one set of release notes are enough; they list names and commands, not lessons.
ENGLISH_ONLY = {"CHANGELOG.md"}
ENGLISH = [page for page in PAGES if not doc_pages.is_japanese(page) and page.name not in ENGLISH_ONLY]
USAGE = re.compile("(?:Usage|使い方): ")
KANA = re.compile(r"[぀-ヿ]")


@pytest.mark.parametrize("page", ENGLISH, ids=doc_pages.name)
def test_both_languages_have_the_same_skeleton(page: Path) -> None:
    english, japanese = page.read_text("utf-8"), doc_pages.counterpart(page).read_text("utf-8")
    assert [level for level, _ in doc_pages.headings(english)] == [level for level, _ in doc_pages.headings(japanese)]
    assert targets(english) == targets(japanese)
    assert [essence(block) for block in doc_pages.blocks(english)] == [
        essence(block) for block in doc_pages.blocks(japanese)
    ]


def targets(text: str) -> list[str]:
    """Link targets without the language; a link from one language to the other counts as the same in both."""
    return sorted(re.sub(r"\.ja\.(md|png|svg)\b", r".\1", link.split("#")[0]) for link in doc_pages.links(text))


def essence(block: doc_pages.Block) -> tuple[str, tuple[str, ...]]:
    """What both languages share of a code block: all of it, of a help text the names, of a console block the commands
    without language."""
    if block.lines and (usage := USAGE.match(block.lines[0])):
        named = (re.match(r"  ((?:-\S+, )?-\S+|[a-z-]+(?=  ))", line) for line in block.lines)
        return block.info, (block.lines[0][usage.end() :], *(found[1] for found in named if found))
    if block.language != "console":
        return block.info, block.lines
    return block.info, tuple(re.sub(r" --lang \w+", "", item.command) for item in doc_commands.shown(block))


@pytest.mark.parametrize("page", [page for page in PAGES if doc_pages.is_japanese(page)], ids=doc_pages.name)
def test_a_japanese_page_has_an_english_one_and_is_in_japanese(page: Path) -> None:
    assert page.with_name(page.name.removesuffix(".ja.md") + ".md").exists()
    headings = doc_pages.headings(page.read_text("utf-8"))
    assert headings
    assert KANA.search("\n".join(doc_pages.prose(page.read_text("utf-8"))))


@pytest.mark.parametrize("page", PAGES, ids=doc_pages.name)
def test_a_page_begins_with_its_only_first_heading(page: Path) -> None:
    levels = [level for level, _ in doc_pages.headings(page.read_text("utf-8"))]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))


@pytest.mark.parametrize("page", PAGES, ids=doc_pages.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in doc_pages.links(page.read_text("utf-8")):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{doc_pages.name(page)}: {link}"
        assert target.is_relative_to(doc_pages.ROOT)
        if anchor:
            assert anchor in doc_pages.anchors(target.read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=doc_pages.name)
def test_a_page_links_to_its_own_language(page: Path) -> None:
    other = ("README.md", "README.ja.md")
    for link in doc_pages.links(page.read_text("utf-8")):
        if link.startswith("http") or not link.endswith(".md") or Path(link).name in (*other, *ENGLISH_ONLY):
            continue
        assert link.endswith(".ja.md") == doc_pages.is_japanese(page), link


NAMED = re.compile(r"`((?:src|docs|tests|benchmarks|scripts)/[\w./-]+)`")


@pytest.mark.parametrize("page", PAGES, ids=doc_pages.name)
def test_files_that_a_page_names_exist(page: Path) -> None:
    for path in NAMED.findall("\n".join(doc_pages.prose(page.read_text("utf-8")))):
        assert (doc_pages.ROOT / path).exists(), f"{doc_pages.name(page)} names {path}"


# Places that exist on one machine only. Paths of programs people run (/var/log, /etc) are fine.
PRIVATE = re.compile(
    r"(?:/home/\w|/root/|/tmp/|/mnt/|/opt/venv|localhost:\d|127\.0\.0\.1:\d|index-url|artifactory|nexus\.)"
)


@pytest.mark.parametrize("page", doc_pages.written(), ids=doc_pages.name)
def test_nothing_of_one_machine_is_in_a_page(page: Path) -> None:
    assert PRIVATE.findall(page.read_text("utf-8")) == []


def test_every_guide_is_linked_from_the_index() -> None:
    for index, ending in (("index.md", ".md"), ("index.ja.md", ".ja.md")):
        linked = set()
        for place in (Path("docs") / index, Path("docs/explanation") / index):
            folder = (doc_pages.ROOT / place).parent
            linked |= {
                (folder / link).resolve() for link in doc_pages.links((doc_pages.ROOT / place).read_text("utf-8"))
            }
        pages = [p for p in doc_pages.written() if "docs" in p.parts and doc_pages.is_japanese(p) == (ending != ".md")]
        missing = [doc_pages.name(p) for p in pages if p not in linked and not p.name.startswith("index.")]
        assert missing == []


@pytest.mark.parametrize("name", ["report.png", "report.ja.png"])
def test_pictures_are_small_pngs(name: str) -> None:
    data = (doc_pages.ROOT / "docs" / "images" / name).read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(data) < 300_000


@pytest.mark.parametrize("folder", ["docs", "src"])
def test_nobody_is_told_to_install_a_name_of_a_registry_that_is_not_ours(folder: str) -> None:
    wrong = re.compile(r"""\binstall\s[^\n`]*?(?<![\w./-])['"]?kanaria(\[|['"]|$)""", re.MULTILINE)
    places = [doc_pages.ROOT / "README.md", doc_pages.ROOT / "README.ja.md", *(doc_pages.ROOT / folder).rglob("*")]
    texts = {place: place.read_text("utf-8") for place in places if place.suffix in {".md", ".py", ".yaml"}}
    assert {str(place): match[0] for place, text in texts.items() if (match := wrong.search(text))} == {}
    assert wrong.search("pip install 'kanaria[serve]'")


@pytest.mark.parametrize("page", ["README.md", "README.ja.md"])
def test_the_table_of_extras_has_each_of_them(page: str) -> None:
    project = tomllib.loads((doc_pages.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    listed = re.findall(r"^\| `(\w+)` \|", (doc_pages.ROOT / page).read_text("utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted({*project["optional-dependencies"]} - {"all"})
