"""Importing pool lists: every known form is read, shared names are refused with the reason, the result loads."""

from __future__ import annotations

import os
import tarfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria import knowledge
from kanaria.core.errors import SourceError
from kanaria.knowledge import PoolIndex
from kanaria.knowledge.updater import read_list

DAY = date(2026, 11, 21)
LIST = """# comment
! another comment
[Adblock Plus 2.0]
0.0.0.0 hosts.example.com
127.0.0.1\ttabbed.example.com # why
plain.example.org
Upper.Example.ORG
ported.example.net:3333
https://url.example.net/path?x=1
||adblock.example.io^$third-party
||short.example.io^
@@||allowed.example.io^
/coinhive.min.js
*.wildcard.example
localhost
203.0.113.9
203.0.113.10:4444
2001:db8::5
# 0.0.0.0 off.example.com
trailing.example.com.
"""


def test_every_form_of_list_is_read() -> None:
    assert list(read_list(LIST)) == [
        "hosts.example.com",
        "tabbed.example.com",
        "plain.example.org",
        "upper.example.org",
        "ported.example.net",
        "url.example.net",
        "adblock.example.io",
        "short.example.io",
        "203.0.113.9",
        "203.0.113.10",
        "2001:db8::5",
        "trailing.example.com",
    ]


@given(st.text(max_size=200))
@settings(max_examples=100)
def test_any_text_gives_names_or_nothing(text: str) -> None:
    for name in read_list(text):
        assert name == name.lower()
        assert not set(name) & set(" /\n\"'{}")


def test_a_list_becomes_a_folder_that_loads(tmp_path: Path) -> None:
    (tmp_path / "miners.txt").write_text(
        "fresh-pool.example\nsub.fresh-pool.example\nmooo.com\nour.mooo.com\naws.amazon.com\nsupportxmr.com\n"
        "pool-x.supportxmr.com\n139.99.125.38\n203.0.113.44\n192.168.1.1\n",
        "utf-8",
    )
    report = knowledge.update(tmp_path / "out", pools_from=tmp_path / "miners.txt", today=DAY)
    assert (report.pools, report.already_known) == (3, 3)
    assert [name for name, _ in report.refused] == ["mooo.com", "aws.amazon.com", "192.168.1.1"]
    assert "dynamic DNS" in dict(report.refused)["mooo.com"]
    loaded = knowledge.load(tmp_path / "out" / "pools")
    added = loaded.pools[-1]
    assert set(added.domains) == {"fresh-pool.example", "our.mooo.com"}
    assert added.addresses == ("203.0.113.44",)
    assert added.provenance.date == DAY
    assert "miners.txt" in added.provenance.source
    index = PoolIndex(loaded.pools)
    assert index.of_host("sub.fresh-pool.example") is added
    assert index.of_host("other.mooo.com") is None


def test_a_folder_of_lists_gives_one_file_each_and_can_be_repeated(tmp_path: Path) -> None:
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "one.txt").write_text("a.pool-one.example\n", "utf-8")
    (lists / "two.txt").write_text("b.pool-two.example\n", "utf-8")
    for _ in range(2):
        assert knowledge.update(tmp_path / "out", pools_from=lists, today=DAY).pools == 2
    assert len(list((tmp_path / "out" / "pools").glob("*.yaml"))) == 2
    assert len(knowledge.load(tmp_path / "out" / "pools").pools) == len(knowledge.load().pools) + 2


def test_hostile_list_names_cannot_break_the_file(tmp_path: Path) -> None:
    evil = tmp_path / 'x"\nweights: [] #.txt'
    evil.write_text("good.pool.example\n\": {}\n'x'.example\n", "utf-8")
    knowledge.update(tmp_path / "out", pools_from=evil, today=DAY)
    assert knowledge.load(tmp_path / "out" / "pools").pools[-1].domains == ("good.pool.example",)


def test_a_list_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="readable list"):
        knowledge.update(tmp_path, pools_from=tmp_path / "none.txt", today=DAY)


def test_nothing_asked_nothing_done(tmp_path: Path) -> None:
    assert knowledge.update(tmp_path / "out", today=DAY) == knowledge.UpdateReport()
    assert not (tmp_path / "out").exists()


def test_a_download_without_npm_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="is npm installed"):
        knowledge.update(tmp_path / "out", today=DAY, download=True)


def test_a_download_unpacks_what_npm_brings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "package"
    source.mkdir()
    (source / "asn-ipv4.csv").write_text("192.0.2.0,192.0.2.255,64500,Example\n", "utf-8")
    with tarfile.open(tmp_path / "made.tgz", "w:gz") as archive:
        archive.add(source, "package")
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\ncp {tmp_path}/made.tgz asn.tgz\n', "utf-8")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{npm.parent}:/usr/bin:/bin")
    report = knowledge.update(tmp_path / "out", today=DAY, download=True)
    assert report.ranges == (("asn.arrow", 1),)
    assert (tmp_path / "asked").read_text() == "pack --silent @ip-location-db/asn @ip-location-db/asn-country\n"


@pytest.mark.data
def test_public_lists_are_read_without_shared_names(tmp_path: Path) -> None:
    root = os.environ.get("KANARIA_DATA")
    if not root:
        pytest.skip("KANARIA_DATA does not name the folder with real data")
    report = knowledge.update(tmp_path, pools_from=Path(root) / "knowledge" / "pools", today=DAY)
    assert report.pools > 1000
    assert report.already_known > 100
    index = PoolIndex(knowledge.load(tmp_path / "pools").pools)
    for name in ("mooo.com", "aws.amazon.com", "github.com", "www.example.com", "duckdns.org", "amazonaws.com"):
        assert index.of_host(name) is None, name
