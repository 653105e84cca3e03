"""Every class of the error tree: place, what was expected, what came, the likely cause, in English and in Japanese."""

from __future__ import annotations

import errno
import re

import pytest

import kanaria.core.errors as tree
from kanaria.core.errors import (
    ActionError,
    ConfigError,
    KanariaError,
    MissingExtra,
    ModelError,
    RecordError,
    RuleError,
    SourceError,
    StoreBusy,
    UngroundedReport,
    in_words,
    sentence_in_japanese,
)

JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龯]")
EXAMPLES: dict[str, tuple[KanariaError, str, str]] = {
    "setting": (
        ConfigError(path="k.toml", key="home", expected="a list of texts", got=3, line=7),
        "k.toml:7: home: expected a list of texts; got 3", "k.toml:7: home: 必要なもの: 文字列のリスト。実際: 3",
    ),
    "setting without a line": (
        ConfigError(path="k.toml", key="home", expected="a list of texts", got="x"),
        "k.toml: home: expected a list of texts; got 'x'", "k.toml: home: 必要なもの: 文字列のリスト。実際: 'x'",
    ),
    "setting without a key": (
        ConfigError(path="k.toml", key="", expected="a new file", got="one that is there", cause="--force writes over it"),
        "k.toml: expected a new file; got 'one that is there' (--force writes over it)", "k.toml: 必要なもの: ",
    ),
    "rule": (
        RuleError(file="r.yml", line=3, column=9, expected="a folder with knowledge files (*.yaml)", got="no such folder"),
        "r.yml:3:9: expected a folder with knowledge files (*.yaml); got no such folder", "r.yml:3:9: 必要なもの: ",
    ),
    "rule without a column": (
        RuleError(file="r.yml", line=3, expected="a folder with knowledge files (*.yaml)", got="no such folder"),
        "r.yml:3: expected", "r.yml:3: 必要なもの: ",
    ),
    "rule without a line": (
        RuleError(file="r.yml", expected="a folder with knowledge files (*.yaml)", got="no such folder", cause="why"),
        "r.yml: expected a folder with knowledge files (*.yaml); got no such folder (why)", "r.yml: 必要なもの: ",
    ),
    "record": (
        RecordError(source="a.log", row=5, reason="expected 9 fields; got 3", raw=b"x"),
        "a.log:5: expected 9 fields; got 3", "",
    ),
    "source": (
        SourceError(source="a.log", expected="a file, a directory, a pattern or -", got="nothing there",
                    cause="a typing error, or the log is elsewhere", retry_after=5.0),
        "a.log: expected a file, a directory, a pattern or -; got nothing there (a typing error, or the log is elsewhere)",
        "a.log: 必要なもの: ",
    ),
    "busy": (
        StoreBusy(source="kept", expected="a store that no other run is using", got="another run is using it"),
        "kept: expected a store that no other run is using; got another run is using it", "kept: 必要なもの: ",
    ),
    "extra": (
        MissingExtra(package="stix2", extra="exchange", purpose="writing STIX"),
        "writing STIX needs the package stix2; install it with: ", "",
    ),
    "claims": (
        UngroundedReport(claims=("one", "two", "three", "four")), "4 claims without evidence: one; two; three", "",
    ),
    "action": (ActionError("systemctl enable: refused"), "systemctl enable: refused", ""),
    "model": (ModelError("no usable answer", final=True), "no usable answer", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_message_in_both_languages(name: str) -> None:
    error, english, japanese = EXAMPLES[name]
    assert str(error).startswith(english) and error.to("en") == str(error) == error.text.en
    assert error.to("ja").startswith(japanese) and error.text.ja == error.to("ja")
    if japanese:
        assert JAPANESE.search(error.to("ja")) and "expected" not in error.to("ja") and "; got" not in error.to("ja")


def test_there_is_no_class_that_is_not_looked_at_here() -> None:
    classes = {thing for thing in vars(tree).values() if isinstance(thing, type) and issubclass(thing, KanariaError)}
    assert {type(error) for error, *_ in EXAMPLES.values()} == classes - {KanariaError}


@pytest.mark.parametrize("name", [name for name, (error, *_) in EXAMPLES.items() if error.parts])
def test_it_can_be_taken_apart(name: str) -> None:
    """By who shows it elsewhere than in a terminal."""
    error, english, _japanese = EXAMPLES[name]
    assert error.parts is not None
    place, expected, got, cause = error.parts
    assert str(error) == f"{place}: expected {expected}; got {got}" + (f" ({cause})" if cause else "")
    assert english.startswith(place)


@pytest.mark.parametrize("name", [name for name, (error, *_) in EXAMPLES.items() if error.parts])
def test_a_message_that_was_kept_as_text_has_the_same_japanese(name: str) -> None:
    """The outbox and the state of a service keep English texts."""
    error = EXAMPLES[name][0]
    assert sentence_in_japanese(str(error)) == error.to("ja")


def test_what_a_caller_needs_is_there() -> None:
    config, rule, source = (EXAMPLES[name][0] for name in ("setting", "rule", "source"))
    assert isinstance(config, ConfigError) and (config.path, config.key, config.line, config.got) == (
        "k.toml",
        "home",
        7,
        3,
    )
    assert isinstance(rule, RuleError) and (rule.file, rule.line, rule.column) == ("r.yml", 3, 9)
    assert isinstance(source, SourceError) and (source.source, source.retry_after) == ("a.log", 5.0)
    record, extra, model, claims = (EXAMPLES[name][0] for name in ("record", "extra", "model", "claims"))
    assert isinstance(record, RecordError) and (record.source, record.row, record.raw) == ("a.log", 5, b"x")
    assert isinstance(extra, MissingExtra) and (extra.package, extra.extra) == ("stix2", "exchange")
    assert isinstance(model, ModelError) and model.final and not ModelError("x").final
    assert isinstance(claims, UngroundedReport) and len(claims.claims) == 4
    assert SourceError(source="a", expected="b", got="c").retry_after is None


def test_a_busy_store_is_an_input_that_is_away() -> None:
    """Whoever tries again after a SourceError tries again here, too."""
    assert issubclass(StoreBusy, SourceError)


@pytest.mark.parametrize(
    "value",
    ["x" * 10_000, ["x" * 100] * 1_000, {n: "x" * 50 for n in range(1_000)}, [[[[[["deep"]]]]]], b"\x00" * 5_000],
)
def test_what_came_is_shortened(value: object) -> None:
    """An alias of a YAML file can stand for more than any memory holds."""
    said = str(ConfigError(path="k", key="x", expected="less", got=value))
    assert len(said) < 260 and said.startswith("k: x: expected less; got ")


@pytest.mark.parametrize(
    ("number", "english", "japanese"),
    [
        (errno.ENOENT, "No such file or directory", "ファイルまたはディレクトリがありません"),
        (errno.EACCES, "Permission denied", "権限がありません"),
        (errno.ENOSPC, "No space left on device", "空き容量がありません"),
        (errno.ENOTDIR, "Not a directory", "ディレクトリではありません"),
        (errno.EISDIR, "Is a directory", "ディレクトリです"),
        (errno.ECONNREFUSED, "Connection refused", "接続を拒否されました"),
        (errno.EADDRINUSE, "Address already in use", "使用中"),
    ],
)
def test_what_the_system_says_has_words_in_both_languages(number: int, english: str, japanese: str) -> None:
    import os

    said = in_words(OSError(number, os.strerror(number), "/var/log/a.log"))
    assert said.en.startswith(f"/var/log/a.log: {english}")
    assert said.ja.startswith("/var/log/a.log: ") and JAPANESE.search(said.ja), said.ja
    if japanese:
        assert japanese.strip() and english not in said.ja


def test_what_may_not_be_read_comes_with_a_way_out() -> None:
    said = in_words(PermissionError(errno.EACCES, "Permission denied", "/var/log/a.log"))
    assert said.en.endswith("(run as a user who may read it, often by joining the group adm)")
    assert said.ja.endswith(")") and "adm" in said.ja
    assert "adm" not in in_words(OSError(errno.ENOENT, "No such file or directory", "x")).en


def test_an_error_of_ours_is_said_as_it_is() -> None:
    error = EXAMPLES["source"][0]
    assert in_words(error, "elsewhere") == error.text


def test_a_named_place_is_stronger_than_the_systems() -> None:
    assert in_words(OSError(errno.ENOENT, "No such file or directory", "/proc/self/fd/3"), "a.log").en.startswith(
        "a.log: "
    )
    assert in_words(OSError(errno.ENOENT, "No such file or directory")).en == "No such file or directory"


@pytest.mark.parametrize("said", ["something odd happened", "a: b; got c", "x: expected y", ""])
def test_what_has_no_japanese_is_a_quotation_and_not_lost(said: str) -> None:
    assert said in sentence_in_japanese(said)
