"""Golden pairs: every capture of ``golden_captures`` gives exactly the rows and rejects kept beside this file.

``KANARIA_REBASELINE=1 pytest tests/packets/test_packet_golden.py`` writes the outputs anew; review the difference.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

import pytest
from build_packets import Reader
from golden_captures import CAPTURES

GOLDEN = Path(__file__).parent / "golden"
WRAPPED = [name for name in CAPTURES if name.startswith(("link-", "tunnel-"))]


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _output(read: Reader, data: bytes) -> dict[str, object]:
    rows, rejects = read(data)
    tables = {
        name: [{key: _plain(value) for key, value in row.items() if value is not None} for row in found]
        for name, found in sorted(rows.items())
    }
    return {"tables": tables, "rejects": [[reject.row, reject.reason] for reject in rejects]}


@pytest.mark.parametrize("name", CAPTURES)
def test_golden_pair(name: str, read: Reader) -> None:
    output = _output(read, CAPTURES[name])
    expected = GOLDEN / f"{name}.json"
    if os.environ.get("KANARIA_REBASELINE"):
        GOLDEN.mkdir(exist_ok=True)
        expected.write_text(json.dumps(output, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert output == json.loads(expected.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", WRAPPED)
def test_link_type_and_tunnel_change_nothing(name: str, read: Reader) -> None:
    assert _output(read, CAPTURES[name]) == _output(read, CAPTURES["stratum"])


def test_no_golden_output_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(CAPTURES)
