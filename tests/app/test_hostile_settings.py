"""Settings files that somebody else may have made: refused in a line, soon, whatever is in them."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest

from tests.app.running import Kanaria

BAD = {
    "nested": "allowed: " + "[" * 5_000 + "]" * 5_000,
    "digits": "realert_hours: " + "9" * 5_000,
    "doubled": "allowed: {devices: [10.0.0.1]}\nallowed: {devices: [10.0.0.2]}",
    "doubled inside": "allowed:\n  devices: [10.0.0.1]\n  devices: [10.0.0.2]",
    "code": "allowed: !!python/object/apply:os.system ['touch pwned']",
    "control": "allowed:\0 x",
    "aliases": "a: &a [x]\nb: &b [*a, *a]\nallowed: {pools: *b}",
    "aliases of aliases": "home:\n- &a [x]\n"
    + "".join(f"- &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in pairwise("abcdefghijkl")),
    "an alias of itself": "allowed: {pools: &a [*a]}",
    "binary": "allowed: {pools: [!!binary aGVsbG8=]}",
    "endless": "realert_hours: .inf",
    "large": "# " + "x" * (2 << 20),
}


@pytest.mark.parametrize("what", sorted(BAD))
def test_what_cannot_be_settings_is_refused_in_a_line(kanaria: Kanaria, tmp_path: Path, what: str) -> None:
    (tmp_path / "k.yaml").write_text(BAD[what])
    done = kanaria("analyze", "--config", "k.yaml", "k.yaml")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("kanaria: k.yaml") and len(done.err) < 600 and "Traceback" not in done.err
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file_is_not_waited_for(kanaria: Kanaria, tmp_path: Path, kind: str) -> None:
    place = tmp_path / "k.yaml"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "device":
        place.symlink_to("/dev/zero")
    else:
        place.mkdir()
    done = kanaria("analyze", "--config", "k.yaml", str(tmp_path / "none.log"))
    assert done.status == 2 and done.err.startswith("kanaria: k.yaml")
