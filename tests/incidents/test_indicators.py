"""Indicators of an incident: what others can look for, and nothing that would point at everybody."""

from __future__ import annotations

from kanaria.incidents.context import indicators
from tests.incidents.building import case, finding, message


def test_addresses_and_logins_are_told_apart_and_one_letter_is_neither() -> None:
    sent = [message(1, wallet="blue1"), message(2, wallet="x"), message(3, wallet="4" * 95, wallet_valid=True)]
    found = {item.value: item.comment for item in indicators(case(finding(), messages=sent)) if item.type == "wallet"}
    assert {value: (comment.en, comment.ja) for value, comment in found.items()} == {
        "blue1": ("login, CryptoNote (Monero family)", "ログイン名、CryptoNote(Monero系)"),
        "4" * 95: ("payout address, CryptoNote (Monero family)", "送金先アドレス、CryptoNote(Monero系)"),
    }
