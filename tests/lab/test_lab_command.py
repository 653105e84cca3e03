"""``kanaria lab``: what its options leave out, which seed gives which bytes, and what it says in either language."""

from __future__ import annotations

import itertools
import re
from functools import cache
from pathlib import Path

import pytest

from kanaria.lab import dns_server
from kanaria.lab.scenario import Conversation
from tests.app.running import Kanaria

PARTS = ("rdp", "smb", "mining")
LABELS = {"rdp": {"rdp"}, "smb": {"smb"}, "mining": {"mining"}}
"""What conversations of a part are called in the script."""
LEFT_OUT = [some for count in range(len(PARTS) + 1) for some in itertools.combinations(PARTS, count)]


@cache
def told(without: tuple[str, ...] = (), seed: int = 7) -> list[Conversation]:
    return dns_server.story(seed=seed, **{part: part not in without for part in PARTS})


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One ordinary day is as good as eight for what the command says."""
    monkeypatch.setattr(dns_server, "QUIET_DAYS", 0)


class TestWhatIsLeftOut:
    """``--without`` leaves out exactly the part it names, in every combination, and the quiet days stay."""

    @pytest.mark.parametrize("without", LEFT_OUT, ids=lambda some: "+".join(some) or "nothing")
    def test_only_the_named_parts_are_gone(self, without: tuple[str, ...]) -> None:
        labels = {one.label for one in told(without)}
        for part in PARTS:
            assert bool(labels & LABELS[part]) == (part not in without), part
        assert {"dns", "web"} <= labels

    @pytest.mark.parametrize("without", LEFT_OUT, ids=lambda some: "+".join(some) or "nothing")
    def test_the_story_is_in_order_of_time(self, without: tuple[str, ...]) -> None:
        starts = [one.start for one in told(without)]
        assert starts == sorted(starts)

    def test_quiet_days_are_the_same_with_and_without_an_attack(self) -> None:
        def quiet(without: tuple[str, ...]) -> list[tuple[float, str, str]]:
            story = told(without)
            return [(one.start, one.client.address, one.server.address) for one in story if one.label in ("dns", "web")]

        assert quiet(()) == quiet(PARTS)

    def test_the_attack_begins_after_the_quiet_days(self) -> None:
        begun = min(one.start for one in told() if one.label in PARTS)
        assert begun >= dns_server.QUIET_DAYS * dns_server.DAY

    def test_its_order_is_spray_logon_mining_file_sharing(self) -> None:
        story = told()
        first = {part: min(one.start for one in story if one.label in LABELS[part]) for part in PARTS}
        granted = [one.start for one in story if one.label == "rdp" and one.tags["granted"]]
        assert first["rdp"] < min(granted) < first["mining"] < first["smb"]


class TestWhoTakesPart:
    """The cast that the help names: strangers from outside, one server, one pool, peers outside."""

    def test_remote_desktop_comes_from_outside_to_the_server(self) -> None:
        rdp = [one for one in told() if one.label == "rdp"]
        assert {one.server for one in rdp} == {dns_server.SERVER}
        assert {one.server_port for one in rdp} == {3389}
        assert not any(one.client.address.startswith("192.168.") for one in rdp)

    def test_it_is_sprayed_by_many_and_one_gets_in(self) -> None:
        rdp = [one for one in told() if one.label == "rdp"]
        refused = {one.client for one in rdp if not one.tags["granted"]}
        entered = {one.client for one in rdp if one.tags["granted"]}
        assert len(refused) >= 5
        assert entered == {dns_server.INTRUDER}

    def test_the_server_itself_mines_with_one_pool(self) -> None:
        mining = [one for one in told() if one.label == "mining"]
        assert {(one.client, one.server) for one in mining} == {(dns_server.SERVER, dns_server.POOL)}

    def test_file_sharing_goes_outside(self) -> None:
        smb = [one for one in told() if one.label == "smb"]
        assert {one.server_port for one in smb} == {445}
        outside = {host for one in smb for host in (one.client, one.server)} - {dns_server.SERVER}
        assert outside == set(dns_server.SMB_PEERS)

    @pytest.mark.parametrize("seed", [1, 7, 2**31])
    def test_every_address_is_private_or_for_documentation(self, seed: int) -> None:
        for one in told(seed=seed):
            for host in (one.client, one.server):
                assert host.address.startswith(("192.168.10.", "192.0.2.", "198.51.100.", "203.0.113.")), host


class TestSeeds:
    def test_the_same_seed_tells_the_same_story(self) -> None:
        assert dns_server.story(seed=1) == told(seed=1)

    def test_another_seed_tells_another_one_with_the_same_parts(self) -> None:
        one, other = told(seed=1), told(seed=2)
        assert one != other
        assert {each.label for each in one} == {each.label for each in other}

    def test_the_command_writes_the_same_bytes_for_the_same_seed(
        self, kanaria: Kanaria, tmp_path: Path, quick: None
    ) -> None:
        for name, seed in (("a", "3"), ("b", "3"), ("c", "4")):
            assert kanaria("lab", "dns-server", f"{name}.pcap", "--seed", seed).status == 0
        bytes_of = {name: (tmp_path / f"{name}.pcap").read_bytes() for name in "abc"}
        assert bytes_of["a"] == bytes_of["b"] != bytes_of["c"]


class TestWhatItSays:
    @pytest.mark.parametrize(
        ("language", "said"), [("en", r"case\.pcap: [\d,]+ packets\n"), ("ja", r"case\.pcap: \d+パケット\n")]
    )
    def test_it_says_where_and_how_much(self, kanaria: Kanaria, quick: None, language: str, said: str) -> None:
        done = kanaria("lab", "dns-server", "case.pcap", "--lang", language)
        assert (done.status, done.err) == (0, "")
        assert re.fullmatch(said, done.out)

    def test_the_number_is_that_of_the_packets_in_the_file(self, kanaria: Kanaria, tmp_path: Path, quick: None) -> None:
        done = kanaria("lab", "dns-server", "case.pcap", "--without", "rdp", "--without", "mining")
        data, at, count = (tmp_path / "case.pcap").read_bytes(), 24, 0
        while at < len(data):
            at += 16 + int.from_bytes(data[at + 8 : at + 12], "little")
            count += 1
        assert done.out == f"case.pcap: {count:,} packets\n"

    def test_a_hostile_name_of_a_file_is_printed_printable(self, kanaria: Kanaria, quick: None) -> None:
        done = kanaria("lab", "dns-server", "a\x1b[31mb.pcap")
        assert done.status == 0
        assert "\x1b" not in done.out

    @pytest.mark.parametrize(("language", "word"), [("en", "a place to write to"), ("ja", "必要なもの")])
    def test_a_folder_that_is_not_there_is_named(self, kanaria: Kanaria, language: str, word: str) -> None:
        done = kanaria("lab", "dns-server", "none/case.pcap", "--lang", language)
        assert (done.status, done.out) == (2, "")
        assert "none/case.pcap" in done.err
        assert word in done.err

    @pytest.mark.parametrize(
        "arguments",
        [
            ("case.pcap", "--without", "dns"), ("case.pcap", "--seed", "seven"), ("case.pcap", "--speed", "0"),
            ("case.pcap", "--speed", "601"), (), ("case.pcap", "another.pcap"), ("case.pcap", "--lang", "fr"),
        ],
        ids=lambda arguments: " ".join(arguments) or "no file",
    )  # fmt: skip
    def test_wrong_options_are_wrong_usage_and_write_nothing(
        self, kanaria: Kanaria, tmp_path: Path, arguments: tuple[str, ...]
    ) -> None:
        done = kanaria("lab", "dns-server", *arguments)
        assert (done.status, done.out) == (2, "")
        assert not list(tmp_path.glob("*.pcap"))

    @pytest.mark.parametrize(("language", "word"), [("en", "Make traffic"), ("ja", "使い方")])
    def test_help_is_in_the_language_that_is_asked_for(self, kanaria: Kanaria, language: str, word: str) -> None:
        locale = {"LC_ALL": "ja_JP.UTF-8"} if language == "ja" else {}
        done = kanaria("lab", "--help", **locale)
        assert done.status == 0
        assert word in done.out
        assert "dns-server" in done.out

    def test_the_locale_decides_where_nothing_else_does(self, kanaria: Kanaria, quick: None) -> None:
        assert "パケット" in kanaria("lab", "dns-server", "case.pcap", LC_ALL="ja_JP.UTF-8").out
