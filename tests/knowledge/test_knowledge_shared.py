"""An entry that serves many is refused with a word, in facts of one's own and in imported lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from kanaria import knowledge
from kanaria.core.errors import KanariaError
from kanaria.knowledge.updater import refusal


@pytest.mark.parametrize("address", ["8.8.8.8", "9.9.9.9", "2606:4700:4700::1111", "mooo.com"])
def test_a_resolver_is_no_pool_in_an_imported_list(address: str) -> None:
    reason = refusal(address, knowledge.load())
    assert reason is not None and ("resolver" in reason or "anybody" in reason)


def test_an_address_of_its_own_is_taken() -> None:
    assert refusal("203.0.113.9", knowledge.load()) is None


@pytest.mark.parametrize("named", ["addresses: [8.8.8.8]", "domains: [mooo.com]"])
def test_facts_of_ones_own_are_refused_with_file_and_reason(tmp_path: Path, named: str) -> None:
    (tmp_path / "pools.yaml").write_text(
        f"date: 2026-11-29\nsource: test\npools:\n  - {{name: Mine, {named}, coins: [XMR]}}\n"
    )
    with pytest.raises(KanariaError, match="a host of the pool alone") as told:
        knowledge.load(tmp_path)
    assert "pools.yaml" in str(told.value)
