"""Messages cut by a log: heard at every byte behind the method's name, and what no miner sends is not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.app.commands.main import cli
from kanaria.mining.stratum import decode
from tests.mining.test_stratum_dialects import TABLE

_NAMED = re.compile(r'"(?:method|type|identifier)":"[^"]+"')


def _wires() -> dict[str, tuple[str, int]]:
    """Every dialect's requests and calls as they are sent, and where the name of what they are ends."""
    texts = {name: json.dumps(wire, separators=(",", ":")) for name, (wire, _) in TABLE.items()}
    named = {name: _NAMED.search(text) for name, text in texts.items()}
    return {name: (texts[name], found.end()) for name, found in named.items() if found is not None}


WIRES = _wires()
SPELLED: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "nginx": lambda text: text.replace("\\", "\\x5C").replace('"', "\\x22"),
    "Apache and JSON": lambda text: text.replace('"', '\\"'),
}


@pytest.mark.parametrize("name", WIRES)
def test_a_message_is_heard_wherever_it_is_cut_behind_its_name(name: str) -> None:
    text, named = WIRES[name]
    unheard = [text[:end] for end in range(named, len(text)) if not decode(text[:end])]
    assert unheard == []


@settings(max_examples=200)
@given(st.data())
def test_a_cut_message_is_heard_in_the_spellings_of_logs(data: st.DataObject) -> None:
    text, named = WIRES[data.draw(st.sampled_from(sorted(WIRES)))]
    spelled = SPELLED[data.draw(st.sampled_from(sorted(SPELLED)))]
    cut = spelled(text[: data.draw(st.integers(named, len(text) - 1))])
    found = decode(f'203.0.113.9 - - [01/Jan/2026:00:00:00 +0000] "{cut}" 400 150 "-" "-"')
    assert found and all(message.truncated for message in found)


@pytest.mark.parametrize(
    "text",
    [
        '{"method":"login","params":{"username":"bob","password":"hunt',
        '{"method":"login","params":{"login":"bob","email":"bob@exa',
        '{"jsonrpc":"2.0","method":"login","params":["bob","sec',
        '{"jsonrpc":"2.0","method":"login","session":"00000',
        '{"method":"submit","params":{"form":"contact","nonce":"98',
        '{"method":"submit","params":{"job_id":"7","result":"done","no',
        '{"type":"auth","access_token":"ey',
        '{"type":"job","params":{"job_id":"1","state":"runn',
        '{"method":"job","params":{"job_id":"7","target":"deploy","de',
        '{"method":"user.login","params":{"login":"4',
        '{"method":"status","para',
    ],
)
def test_a_cut_message_with_a_member_no_miner_sends_is_not_mining(text: str) -> None:
    assert decode(text) == ()


@pytest.mark.parametrize("name", ["cryptonote login", "cryptonote submit", "monero getblocktemplate"])
def test_a_log_with_a_cut_message_is_no_all_clear(name: str, tmp_path: Path) -> None:
    text, named = WIRES[name]
    log = tmp_path / "access.log"
    lines = [SPELLED["nginx"](text[:end]) for end in (named, named + 12, named + 40)]
    log.write_text(
        "".join(f'203.0.113.9 - - [01/Jan/2026:00:00:00 +0000] "{line}" 400 150 "-" "-"\n' for line in lines)
    )
    done = CliRunner().invoke(cli, ["analyze", "--lang", "en", "--format", "json", str(log)], standalone_mode=False)
    (incident,) = json.loads(done.stdout)["incidents"]
    assert {finding["rule"] for finding in incident["findings"]} == {"stratum_message_in_web_request"}
    assert len(incident["messages"]) == 3
