"""The generated reference: present, complete, and about everything there is."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest

from kanaria.app import config, reference
from kanaria.app.reference import architecture, commands, errors, glossary, markup, settings
from kanaria.app.reference.__main__ import main
from kanaria.core import glossary as words
from kanaria.core.schema import TABLES
from kanaria.core.types import LANGUAGES
from kanaria.detect.loading import bundled
from kanaria.formats import registry
from tests.docs import doc_pages

FOLDER = doc_pages.ROOT / "docs" / "reference"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """As ``make docs`` writes them, in a process of their own: a command keeps how its help was called the first time
    it was asked, and tests ask in other ways."""
    folder = tmp_path_factory.mktemp("reference")
    subprocess.run([sys.executable, "-m", "kanaria.app.reference", str(folder)], check=True)
    return {path.name: path.read_text("utf-8") for path in folder.glob("*.md")}


@pytest.mark.parametrize(
    "name", sorted(reference.file_name(name, lang) for name in reference.PAGES for lang in LANGUAGES)
)
def test_committed_page_is_what_the_program_says_today(pages: dict[str, str], name: str) -> None:
    assert (FOLDER / name).read_text("utf-8") == pages[name], "the reference is stale: run make docs"


@pytest.mark.parametrize("name", sorted(reference.file_name("architecture", lang, "svg") for lang in LANGUAGES))
def test_the_committed_picture_shows_the_imports_of_today(name: str) -> None:
    picture = (FOLDER / name).read_text("utf-8")
    assert picture == reference.pictures()[name], "the picture is stale: run make docs"
    drawn = ElementTree.fromstring(picture)  # noqa: S314  (our own)
    lines = [line for line in drawn.iter("{http://www.w3.org/2000/svg}path") if line.get("class") == "import"]
    assert len(lines) == len(architecture.imports()) + 1, "one a pair of rooms, and one in the legend"


def test_a_room_without_a_place_in_the_picture_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    architecture.imports.cache_clear()
    monkeypatch.delitem(architecture.ROOMS, "wire")
    with pytest.raises(KeyError, match="wire"):
        architecture.picture("en")
    architecture.imports.cache_clear()


def test_no_page_is_left_over(pages: dict[str, str]) -> None:
    assert {path.name for path in FOLDER.glob("*.md")} == set(pages)


def test_the_command_writes_the_pages_and_leaves_other_files(pages: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "kanaria.schema.json").write_text("{}")
    assert main([str(tmp_path / "new" / "..")]) == 0
    assert {path.name for path in tmp_path.glob("*.md")} == set(pages)
    assert (tmp_path / "kanaria.schema.json").read_text() == "{}"
    assert main([]) == 2


def everything(command: click.Command, path: str) -> list[tuple[str, click.Command]]:
    inner = list(command.commands.items()) if isinstance(command, click.Group) else []
    return [(path, command), *(found for name, child in inner for found in everything(child, f"{path} {name}"))]


def test_every_command_and_option_is_in_the_reference(pages: dict[str, str]) -> None:
    from kanaria.app.commands.main import cli

    text = pages["commands.md"]
    for path, command in everything(cli, "kanaria"):
        if command.hidden:
            continue
        section = text.split(f"## {path}\n", 1)[1].split("\n## ", 1)[0]
        for parameter in command.params:
            for option in parameter.opts if isinstance(parameter, click.Option) else ():
                assert option in section, f"{path} {option}"


def test_every_command_has_an_example_and_its_options_have_words() -> None:
    from kanaria.app.commands.main import cli

    for path, command in everything(cli, "kanaria"):
        assert "Example: kanaria" in (command.help or ""), path
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{path} {parameter.name}"


def test_every_setting_is_documented_beside_its_declaration(pages: dict[str, str]) -> None:
    found = settings.settings()
    assert {re.split(r"[.\[]", setting.key)[0] for setting in found} == set(config.Config.__dataclass_fields__)
    for setting in found:
        assert setting.doc, setting.key
        for language in LANGUAGES:
            assert f"| `{setting.key}` |" in pages[reference.file_name("settings", language)]


def test_the_example_settings_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "kanaria.toml"
    path.write_text(settings.EXAMPLE)
    loaded = config.load(path)
    assert loaded.home == tuple(tomllib.loads(settings.EXAMPLE)["home"])
    assert loaded.devices.roles == {"192.0.2.53": "dns_server"}


def test_every_format_error_rule_and_column_has_its_place(pages: dict[str, str]) -> None:
    for language in LANGUAGES:
        page = {name: pages[reference.file_name(name, language)] for name in reference.PAGES}
        for known in registry.all_formats():
            assert f"\n## {known.name}\n" in page["formats"]
        for kind in errors.classes():
            assert f"| {kind.__name__} |" in page["errors"]
        for rule in bundled():
            assert f"\n## {rule.id}\n" in page["rules"]
        for schema in TABLES.values():
            assert f"\n## {schema.name}\n" in page["tables"]
            for column in schema.columns:
                assert f"| `{column.name}` |" in page["tables"]


def test_every_rule_is_explained_in_both_languages(pages: dict[str, str]) -> None:
    english, japanese = pages["rules.md"], pages["rules.ja.md"]
    for rule in bundled():
        for text in (rule.title, rule.description, rule.why, rule.runbook):
            assert text is not None, f"{rule.id} has no runbook"
            assert text.en, rule.id
            assert text.ja, rule.id
            assert markup.plain(text.en) in english
            assert markup.plain(text.ja) in japanese


def test_the_glossary_has_every_word_of_the_program_once(pages: dict[str, str]) -> None:
    for language in LANGUAGES:
        page = pages[reference.file_name("glossary", language)]
        for group in (words.HYPOTHESES, words.OUTCOMES, words.SEVERITIES, words.DIALECTS):
            for id_, text in group.items():
                assert page.count(f"| {markup.cell(id_)} | {markup.cell(text.en)} | {markup.cell(text.ja)} |") == 1
    terms = [term.en for term, _ in glossary.TERMS]
    assert terms == sorted(terms, key=str.casefold)


def test_help_is_as_wide_as_a_terminal_and_no_wider() -> None:
    for path, text in commands.helps("en"):
        assert text.startswith(f"Usage: {path} "), path
        assert max(len(line) for line in text.splitlines()) <= commands.WIDTH


def test_markup_keeps_hostile_text_in_its_place() -> None:
    assert markup.cell("a|b\n<script>*x*_y_") == "a\\|b &lt;script>\\*x\\*\\_y\\_"
    assert markup.code("a`b\nc") == "`a'b c`"
    assert markup.code("") == ""
    assert markup.table(("a",), [("x|y",)]) == ["| a |", "|---|", "| x\\|y |", ""]


def test_pages_say_that_they_are_generated(pages: dict[str, str]) -> None:
    for name, text in pages.items():
        assert "`make docs`" in text, name
        assert not re.search(r"[ \t]$", text, flags=re.MULTILINE), name
