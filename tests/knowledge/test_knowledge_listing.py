"""The listing says every fact with its source, in the language asked for."""

from __future__ import annotations

import pytest

from kanaria.core.facts import Knowledge
from kanaria.knowledge import listing


def test_every_fact_of_every_kind_is_listed_once(facts: Knowledge) -> None:
    rows = listing.listing(facts)
    assert {row.kind for row in rows} == set(listing.KINDS) - {"indicators"}, "none is built in"
    assert len(rows) == sum(len(getattr(facts, kind)) for kind in listing.KINDS)
    assert len({(row.kind, row.id) for row in rows}) == len(rows)
    assert all(row.text and row.source for row in rows)


def test_rows_are_sorted_and_of_one_kind_when_asked(facts: Knowledge) -> None:
    rows = listing.listing(facts, "pools")
    assert [row.id for row in rows] == sorted(pool.name for pool in facts.pools)


def test_a_vulnerability_is_said_with_scores_by_scorer(facts: Knowledge) -> None:
    row = next(row for row in listing.listing(facts, "vulnerabilities") if row.id == "CVE-2023-22527")
    assert "NVD 9.8 (CVSS 3.1); Atlassian 10.0 (CVSS 3.0); KEV 2024-01-24" in row.text
    assert "affected: 8.0.0 to 8.5.3; fixed in: 8.5.4" in row.text


def test_japanese_rows_are_japanese(facts: Knowledge) -> None:
    rows = {row.id: row.text for row in listing.listing(facts, language="ja")}
    assert "マイニングプール" in rows["SupportXMR"]
    assert "終了" in rows["MineXMR"]
    assert "影響" in rows["CVE-2023-22527"]
    assert "計算資源の乗っ取り" in rows["T1496.001"]


def test_an_unknown_kind_is_refused(facts: Knowledge) -> None:
    with pytest.raises(KeyError):
        listing.listing(facts, "spells")
