"""``kanaria rules``: what a test of a rule came to, and what did not load, in the reader's language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kanaria.core.facts import Knowledge
from kanaria.detect import testing
from kanaria.detect.model import Failure, RuleSet
from tests.app.running import Kanaria

JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龯]")
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-rule.md"


@pytest.fixture(autouse=True)
def own_tests_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of the bundled rules take seconds and are run elsewhere."""
    every = testing.run_rule_tests

    def only_ours(ruleset: RuleSet, facts: Knowledge | None = None) -> list[Failure]:
        ours = tuple(rule for rule in ruleset.rules if rule.id == "intranet_logon_from_outside")
        return every(RuleSet(rules=ours), facts)

    monkeypatch.setattr(testing, "run_rule_tests", only_ours)


def own(tmp_path: Path, text: str, name: str = "own.yml") -> None:
    (tmp_path / name).write_text(text, "utf-8")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", r"\d+ rules passed, 0 tests failed, 1 rule not loaded\n"),
        ("ja", r"合格したルール\d+件、失敗したテスト0件、読み込めないルール1件\n"),
    ],
)
def test_a_rule_that_does_not_load_is_counted_and_named(
    kanaria: Kanaria, tmp_path: Path, language: str, said: str
) -> None:
    own(tmp_path, "title: [unfinished\n")
    done = kanaria("rules", "test", "--rules", "own.yml", "--lang", language)
    assert done.status == 1
    assert re.fullmatch(said, done.out)
    assert done.err.startswith("not loaded: " if language == "en" else "読み込めません: ")
    assert "own.yml" in done.err
    assert ("; got " in done.err, "。実際: " in done.err) == (language == "en", language == "ja")


@pytest.mark.parametrize("command", [("list",), ("convert", "web_log4shell"), ("explain", "web_log4shell", "a.log")])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_command_of_rules_says_what_did_not_load_in_that_language(
    kanaria: Kanaria, tmp_path: Path, command: tuple[str, ...], language: str
) -> None:
    own(tmp_path, "title: [unfinished\n")
    (tmp_path / "a.log").write_text('203.0.113.7 - - [21/Jun/2026:07:00:00 +0000] "GET / HTTP/1.1" 200 9 "-" "x"\n')
    done = kanaria("rules", *command, "--rules", "own.yml", "--lang", language)
    assert done.status == 0 and done.out
    assert bool(JAPANESE.search(done.err)) == (language == "ja")


def test_a_hostile_file_name_is_printed_printable(kanaria: Kanaria, tmp_path: Path) -> None:
    own(tmp_path, "title: [unfinished\n", "own\x1b[2J.yml")
    done = kanaria("rules", "list", "--rules", "own\x1b[2J.yml")
    assert done.err and "\x1b" not in done.err


@pytest.mark.parametrize(
    ("language", "said", "sum_"),
    [
        ("en", r"intranet_logon_from_outside: hit: expected \{'severity': 'high'\}; got \{'severity': 'low'\}",
         "1 test failed, 0 rules not loaded"),
        ("ja", r"intranet_logon_from_outside: hit: 必要なもの: \{'severity': 'high'\}。実際: \{'severity': 'low'\}",
         "失敗したテスト1件、読み込めないルール0件"),
    ],
)  # fmt: skip
def test_a_test_that_fails_says_what_was_wanted_and_what_came(
    kanaria: Kanaria, tmp_path: Path, language: str, said: str, sum_: str
) -> None:
    text = PAGE.read_text("utf-8").partition("```yaml file=my-rules/intranet_logon.yml\n")[2].partition("```")[0]
    own(tmp_path, text.replace("{severity: low, ", "{severity: high, "))
    done = kanaria("rules", "test", "--rules", "own.yml", "--lang", language)
    first, last = done.out.splitlines()
    assert done.status == 1
    assert re.fullmatch(said, first)
    assert last.endswith(sum_)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_rule_without_a_miss_is_told_so(kanaria: Kanaria, tmp_path: Path, language: str) -> None:
    text = PAGE.read_text("utf-8").partition("```yaml file=my-rules/intranet_logon.yml\n")[2].partition("```")[0]
    head, tests, rest = text.partition("  tests:\n")
    assert tests
    kept = rest.partition("  - name: another page")[0]
    own(tmp_path, head + tests + kept)
    done = kanaria("rules", "test", "--rules", "own.yml", "--lang", language)
    assert done.status == 1
    assert (
        "a hit and a miss" if language == "en" else "付属のテスト: 必要なもの: 一致する例と一致しない例"
    ) in done.out
