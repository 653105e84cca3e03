"""Read captures in tests on either path."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from build_packets import Reader, read_capture

from kanaria.formats.packets import capture


@pytest.fixture(params=["plain", "compiled"])
def read(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """Rows by table and rejects of a capture given as bytes or stream, on the plain and on the compiled path."""
    monkeypatch.setattr(capture, "PLAIN_BYTES", 1 << 60 if request.param == "plain" else -1)
    return read_capture
