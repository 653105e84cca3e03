"""``kanaria knowledge``: what it says was taken, what was refused and why, in either language; nothing hostile passes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kanaria.app.commands.lists import REFUSED_SHOWN
from kanaria.core.japanese import in_japanese
from kanaria.core.versions import in_words
from kanaria.knowledge import listing
from tests.app.running import Kanaria

JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龯]")
EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"


def stix(pattern: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "indicator",
        "pattern": pattern,
        "pattern_type": "stix",
        "valid_from": "2026-01-01T00:00:00Z",
        **more,
    }


def bundle(*objects: Mapping[str, Any]) -> str:
    return json.dumps({"type": "bundle", "objects": objects})


def misp(**attribute: Any) -> str:
    return json.dumps({"Event": {"info": "x", "Attribute": [attribute]}})


def csv(kind: str, value: str) -> str:
    return f'type,value\n{kind},"{value}"\n'


# name: (file, its text, the value refused, the English reason, a word of the Japanese one)
REFUSED: dict[str, tuple[str, str, str, str, str]] = {
    "a private address": ("a.txt", "192.168.1.1\n", "192.168.1.1", "not an address of the Internet", "インターネット"),
    "a loopback address": ("a.txt", "127.0.0.1\n", "127.0.0.1", "not an address of the Internet", "インターネット"),
    "a private IPv6 address": ("a.txt", "fd00::1\n", "fd00", "not an address of the Internet", "インターネット"),
    "a name for everybody": ("a.txt", "mooo.com\n", "mooo.com", "dynamic DNS", "DNS"),
    "a registry's name": ("a.txt", "co.xy\n", "co.xy", "registries sell names below", "登録事業者"),
    "an account of every system": ("a.csv", csv("account", "root"), "root", "every system has", "どのシステムにもある"),
    "one with a domain in front": (
        "a.csv", csv("account", "CORP\\Administrator"), "Administrator", "every system has", "どのシステムにもある",
    ),
    "the hash of nothing": ("a.csv", csv("hash", EMPTY_MD5), EMPTY_MD5, "an empty file", "空のファイル"),
    "a hash that is none": ("a.csv", csv("hash", "abc123"), "abc123", "no hash", "ハッシュ値ではありません"),
    "a short file name": ("a.csv", csv("file", "/tmp/a.sh"), "a.sh", "too short", "短すぎて"),
    "words": ("a.csv", "value\nhello world\n", "hello world", "no address, name or URL", "いずれでもありません"),
    "a revoked indicator": (
        "a.json", bundle(stix("[ipv4-addr:value = '203.0.113.5']", revoked=True)), "203", "revoked by its author",
        "取り消し",
    ),
    "an expired indicator": (
        "a.json", bundle(stix("[ipv4-addr:value = '203.0.113.5']", valid_until="2020-01-01T00:00:00Z")), "203",
        "valid until 2020-01-01 only", "有効期限は2020-01-01まで",
    ),
    "another pattern language": (
        "a.json", bundle(stix("rule x { condition: true }", pattern_type="yara")), "rule x", "pattern language yara",
        "言語がyara",
    ),
    "a compound pattern": (
        "a.json", bundle(stix("[ipv4-addr:value = '203.0.113.5'] AND [domain-name:value = 'a.example']")), "203",
        "a compound pattern", "複合パターン",
    ),
    "a pattern of no value": (
        "a.json", bundle(stix("[file:size > 3]")), "file:size", "no comparison with one value", "1つの値との比較",
    ),
    "what no table has": (
        "a.json", bundle(stix("[mutex:name = 'xm']")), "xm", "no table has mutex:name", "mutex:nameを持つテーブル",
    ),
    "context of the sender's": (
        "a.json", misp(type="domain", value="a.example", to_ids=False), "a.example", "context only", "参考情報",
    ),
}  # fmt: skip


class TestImport:
    @pytest.mark.parametrize("name", REFUSED)
    @pytest.mark.parametrize("language", ["en", "ja"])
    def test_what_is_refused_is_named_with_the_reason(
        self, kanaria: Kanaria, tmp_path: Path, name: str, language: str
    ) -> None:
        file, text, value, english, japanese = REFUSED[name]
        (tmp_path / file).write_text(text, "utf-8")
        done = kanaria("knowledge", "import", file, "--folder", "facts", "--lang", language)
        first, *refused = done.out.splitlines()
        assert done.status == 0
        assert first == ("0 indicators taken" if language == "en" else "痕跡情報を0件登録")
        (line,) = refused
        assert value in line.replace("[.]", ".").replace("[:]", ":")
        assert line.startswith("refused: " if language == "en" else "登録せず: ")
        assert (english if language == "en" else japanese) in line
        assert not (tmp_path / "facts").exists(), "nothing was taken, so nothing is kept"

    @pytest.mark.parametrize("name", REFUSED)
    def test_no_reason_is_english_for_a_japanese_reader(self, kanaria: Kanaria, tmp_path: Path, name: str) -> None:
        file, text, _value, _english, _japanese = REFUSED[name]
        (tmp_path / file).write_text(text, "utf-8")
        done = kanaria("knowledge", "import", file, "--folder", "facts", LC_ALL="ja_JP.UTF-8")
        reason = done.out.splitlines()[1].rpartition(": ")[2]
        assert JAPANESE.search(reason), reason

    @pytest.mark.parametrize(
        ("language", "said"),
        [
            ("en", "5 indicators taken, 1 account, 2 domain, 1 hash, 1 ipv4"),
            ("ja", "痕跡情報を5件登録、account 1件、domain 2件、hash 1件、ipv4 1件"),
        ],
    )
    def test_what_is_taken_is_counted_by_kind(self, kanaria: Kanaria, tmp_path: Path, language: str, said: str) -> None:
        rows = ["account,wp_support9", "domain,a.example", "domain,b.example", f"hash,{'ab' * 16}", "ipv4,203.0.113.5"]
        (tmp_path / "list.csv").write_text("type,value\n" + "\n".join(rows) + "\n")
        assert kanaria("knowledge", "import", "list.csv", "--folder", "facts", "--lang", language).out == f"{said}\n"

    @pytest.mark.parametrize(
        ("language", "more"), [("en", "... and 7 more refused"), ("ja", "ほかに7件を登録していません")]
    )
    def test_a_long_list_of_refusals_is_cut_and_counted(
        self, kanaria: Kanaria, tmp_path: Path, language: str, more: str
    ) -> None:
        (tmp_path / "list.txt").write_text("".join(f"10.0.0.{n}\n" for n in range(REFUSED_SHOWN + 7)))
        lines = kanaria("knowledge", "import", "list.txt", "--folder", "facts", "--lang", language).out.splitlines()
        assert len(lines) == 1 + REFUSED_SHOWN + 1
        assert lines[-1] == more

    def test_hostile_values_are_printed_printable_and_cut(self, kanaria: Kanaria, tmp_path: Path) -> None:
        value = "\x1b]0;owned\x07\u202egnp.exe " + "A" * 500
        (tmp_path / "list.json").write_text(bundle(stix(f"[file:size = '{value}']"), stix(f"[x:y = '{value}']")))
        done = kanaria("knowledge", "import", "list.json", "--folder", "facts", "--lang", "ja")
        assert done.status == 0
        assert not set(done.out) & {"\x1b", "\x07", "\u202e"}
        assert max(map(len, done.out.splitlines())) < 160

    @pytest.mark.parametrize("text", ["{}", '{"objects": 3}', "[[1]]", '{"a": ', '{"Event": 1}'], ids=lambda text: text)
    @pytest.mark.parametrize("language", ["en", "ja"])
    def test_json_that_is_neither_is_an_error_in_words(
        self, kanaria: Kanaria, tmp_path: Path, text: str, language: str
    ) -> None:
        (tmp_path / "list.json").write_text(text)
        done = kanaria("knowledge", "import", "list.json", "--folder", "facts", "--lang", language)
        assert (done.status, done.out) == (2, "")
        assert "list.json" in done.err
        assert bool(JAPANESE.search(done.err)) == (language == "ja")

    def test_the_source_is_the_files_name_unless_named(self, kanaria: Kanaria, tmp_path: Path) -> None:
        (tmp_path / "list.txt").write_text("203.0.113.5\n")
        kanaria("knowledge", "import", "list.txt", "--folder", "facts")
        kanaria("knowledge", "import", "list.txt", "--folder", "facts", "--source", "例のCSIRT")
        kept = sorted((tmp_path / "facts" / "indicators").glob("*.yaml"))
        assert len(kept) == 2
        assert {"list.txt", "例のCSIRT"} == {json.loads(f.read_text().splitlines()[1][4:])["source"] for f in kept}

    def test_the_same_source_replaces_its_list(self, kanaria: Kanaria, tmp_path: Path) -> None:
        for address in ("203.0.113.5", "203.0.113.6"):
            (tmp_path / "list.txt").write_text(f"{address}\n")
            kanaria("knowledge", "import", "list.txt", "--folder", "facts", "--source", "x")
        (kept,) = (tmp_path / "facts" / "indicators").glob("*.yaml")
        assert "203.0.113.6" in kept.read_text()
        assert "203.0.113.5" not in kept.read_text()


class TestUpdate:
    @pytest.mark.parametrize(
        ("language", "said"),
        [
            ("en", "2 pool names taken, 1 known already, 2 refused"),
            ("ja", "プール名を2件登録、1件は登録済み、2件は登録せず"),
        ],
    )
    def test_a_pool_list_is_counted(self, kanaria: Kanaria, tmp_path: Path, language: str, said: str) -> None:
        names = "a.pool-one.example\nb.pool-two.example\nsupportxmr.com\nmooo.com\n10.1.2.3\n"
        (tmp_path / "pools.txt").write_text(names)
        done = kanaria("knowledge", "update", "--pools", "pools.txt", "--folder", "facts", "--lang", language)
        assert done.out.splitlines()[0] == said
        assert len(done.out.splitlines()) == 3

    @pytest.mark.parametrize(
        ("language", "said"), [("en", "asn.arrow: 2 address ranges"), ("ja", "asn.arrow: アドレス範囲2件")]
    )
    def test_network_data_is_counted(self, kanaria: Kanaria, tmp_path: Path, language: str, said: str) -> None:
        folder = tmp_path / "package"
        folder.mkdir()
        (folder / "asn-ipv4.csv").write_text(
            "192.0.2.0,192.0.2.255,64500,Example\n198.51.100.0,198.51.100.255,64501,Other\n"
        )
        done = kanaria("knowledge", "update", "--networks", "package", "--folder", "facts", "--lang", language)
        assert (done.status, done.out) == (0, f"{said}\n")

    @pytest.mark.parametrize("language", ["en", "ja"])
    def test_nothing_asked_for_is_an_error_in_words(self, kanaria: Kanaria, language: str) -> None:
        done = kanaria("knowledge", "update", "--lang", language)
        assert (done.status, done.out) == (2, "")
        assert all(name in done.err for name in ("--pools", "--networks", "--download"))
        assert bool(JAPANESE.search(done.err)) == (language == "ja")

    @pytest.mark.parametrize(
        ("line", "taken"),
        [
            ("0.0.0.0 pool-a.example", 1), ("127.0.0.1 pool-a.example # ad", 1), ("||pool-a.example^", 1),
            ("||pool-a.example^$third-party", 1), ("@@||pool-a.example^", 0), ("! comment", 0), ("# comment", 0),
            ("[Adblock Plus 2.0]", 0), ("stratum+tcp://pool-a.example:3333", 1), ("pool-a.example/path", 1),
            ("POOL-A.EXAMPLE", 1), ("pool-a.example.", 1), ("localhost", 0), ("-bad-.example", 0), ("a..example", 0),
            ("203.0.113.44", 1), ("203.0.113.44:3333", 1), ("", 0), ("pool_a.example", 1), ("https://pool-a.example/", 1),
        ],
        ids=lambda value: str(value) or "empty",
    )  # fmt: skip
    def test_every_form_of_list_is_read(self, kanaria: Kanaria, tmp_path: Path, line: str, taken: int) -> None:
        (tmp_path / "pools.txt").write_text(f"{line}\n")
        done = kanaria("knowledge", "update", "--pools", "pools.txt", "--folder", "facts")
        names = "name" if taken == 1 else "names"
        assert done.out.startswith(f"{taken} pool {names} taken, 0 known already"), done.out + done.err


class TestList:
    @pytest.mark.parametrize("kind", sorted(set(listing.KINDS) - {"indicators", "coins", "algorithms", "agents"}))
    def test_each_kind_is_listed_in_japanese(self, kanaria: Kanaria, kind: str) -> None:
        lines = kanaria("knowledge", "list", kind, "--lang", "ja").out.splitlines()
        assert lines
        assert all(line.startswith(f"{kind}  ") for line in lines)
        assert all(JAPANESE.search(line.rpartition("  [")[0]) for line in lines)

    @pytest.mark.parametrize("kind", listing.KINDS)
    def test_each_kind_is_listed_in_english_alone(self, kanaria: Kanaria, kind: str) -> None:
        for line in kanaria("knowledge", "list", kind, "--lang", "en").out.splitlines():
            assert not JAPANESE.search(line.rpartition("  [")[0]), line

    def test_affected_versions_are_in_the_readers_language(self, kanaria: Kanaria) -> None:
        said = kanaria("knowledge", "vulnerabilities", "--lang", "ja").out
        found = re.findall(r"影響: (.*?); (?:修正版|NVD|CISA|[A-Z])", said)
        assert len(found) > 20
        assert not [one for one in found if re.search(r"\b(?:before|to|up to|except|without|all)\b", one)]

    def test_the_short_form_lists_too(self, kanaria: Kanaria) -> None:
        assert kanaria("knowledge", "coins").out == kanaria("knowledge", "list", "coins").out != ""

    @pytest.mark.parametrize("language", ["en", "ja"])
    def test_an_unknown_kind_names_those_there_are(self, kanaria: Kanaria, language: str) -> None:
        done = kanaria("knowledge", "list", "spells", "--lang", language)
        assert (done.status, done.out) == (2, "")
        assert all(kind in done.err for kind in listing.KINDS)
        assert bool(JAPANESE.search(done.err)) == (language == "ja")


@pytest.mark.parametrize(
    ("phrase", "japanese"),
    [
        ("before 6.13.23; 6.14.0 to 7.4.10", "6.13.23より前、6.14.0〜7.4.10"),
        ("up to 4.3 without the updates of September 2014", "4.3以前で2014年9月の更新が未適用"),
        ("before 5.3.12; 5.4.0 to 5.4.1, as CGI", "5.3.12より前、5.4.0〜5.4.1(CGIとして動作する場合)"),
        ("2.0.0 to 2.3.15", "2.0.0〜2.3.15"),
        ("before 1.2", "1.2より前"),
    ],
)
def test_versions_in_japanese(phrase: str, japanese: str) -> None:
    assert in_words(phrase, "ja") == japanese
    assert in_words(phrase, "en") == phrase


def test_the_reasons_of_a_rule_test_are_japanese() -> None:
    assert in_japanese("0 findings: []") == "0件の検知: []"
    assert in_japanese("a hit and a miss") == "一致する例と一致しない例"
