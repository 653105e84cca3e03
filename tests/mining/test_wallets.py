"""Addresses: generated ones are valid, one changed character makes them invalid, logins come apart."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.mining.addresses import (
    BASE58,
    BASE58CHECK_VERSIONS,
    CRYPTONOTE_PREFIXES,
    cryptonote_decode,
    eip55,
    identify,
)
from kanaria.mining.keccak import keccak256
from kanaria.mining.wallets import find_addresses, looks_cut, split_login
from tests.encoding import base58check_encode, cryptonote_encode

KEYS = st.binary(min_size=64, max_size=64)
HASHES = st.binary(min_size=20, max_size=20)


def varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def cryptonote(prefix: int, body: bytes) -> str:
    data = varint(prefix) + body
    return cryptonote_encode(data + keccak256(data)[:4])


MONERO = cryptonote(18, bytes(range(64)))
SUBADDRESS = cryptonote(42, bytes(range(64)))
INTEGRATED = cryptonote(19, bytes(range(72)))
BITCOIN = base58check_encode(b"\x00" + bytes(range(20)))
ETHEREUM = eip55("0x" + bytes(range(20)).hex())


@pytest.mark.parametrize("prefix", sorted(CRYPTONOTE_PREFIXES))
def test_cryptonote_addresses_tell_their_coin(prefix: int) -> None:
    found = identify(cryptonote(prefix, bytes(range(64))))
    assert found is not None
    assert (found.kind, found.coin, found.valid) == ("cryptonote", CRYPTONOTE_PREFIXES[prefix], True)


def test_monero_forms_have_the_lengths_people_know() -> None:
    assert (len(MONERO), MONERO[0]) == (95, "4")
    assert (len(SUBADDRESS), SUBADDRESS[0]) == (95, "8")
    assert (len(INTEGRATED), INTEGRATED[0]) == (106, "4")
    found = identify(INTEGRATED)
    assert found is not None
    assert found.valid


@given(KEYS, st.data())
def test_a_changed_character_breaks_a_cryptonote_address(keys: bytes, data: st.DataObject) -> None:
    address = cryptonote(18, keys)
    at = data.draw(st.integers(0, len(address) - 1))
    other = data.draw(st.sampled_from([char for char in BASE58 if char != address[at]]))
    found = identify(address[:at] + other + address[at + 1 :])
    assert found is not None
    assert found.valid is False


@given(st.binary(max_size=80))
def test_cryptonote_base58_is_its_own_inverse(data: bytes) -> None:
    assert cryptonote_decode(cryptonote_encode(data)) == data


@given(st.sampled_from(sorted(BASE58CHECK_VERSIONS)), HASHES)
def test_base58check_addresses_tell_their_coin(version: bytes, payload: bytes) -> None:
    found = identify(base58check_encode(version + payload))
    assert found is not None
    assert (found.kind, found.coin, found.valid) == ("base58check", BASE58CHECK_VERSIONS[version], True)


@given(HASHES, st.data())
def test_a_changed_character_breaks_a_bitcoin_address(payload: bytes, data: st.DataObject) -> None:
    address = base58check_encode(b"\x05" + payload)
    at = data.draw(st.integers(0, len(address) - 1))
    other = data.draw(st.sampled_from([char for char in BASE58 if char != address[at]]))
    found = identify(address[:at] + other + address[at + 1 :])
    assert found is None or found.valid is False


# The test vectors of BIP 173 and BIP 350 and of the CashAddr and EIP-55 documents.
@pytest.mark.parametrize(
    ("address", "coin", "valid"),
    [
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "BTC", True),
        ("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "BTC", True),
        ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", "BTC", True),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", "BTC", False),
        ("bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a", "BCH", True),
        ("bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6q", "BCH", False),
        ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "ETH", True),
        ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", "ETH", False),
        ("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", "ETH", None),
    ],
)
def test_published_vectors(address: str, coin: str, valid: bool | None) -> None:
    found = identify(address)
    assert found is not None
    assert (found.coin, found.valid) == (coin, valid)


@pytest.mark.parametrize(
    "text", ["", "miner1", "x", "root", "0x12", "hello world", "a" * 500, "1" * 30, "bc1", "kaspa:"]
)
def test_ordinary_words_are_no_address(text: str) -> None:
    assert identify(text) is None


@given(st.text(max_size=140))
def test_any_text_is_an_address_or_not(text: str) -> None:
    found = identify(text)
    assert found is None or found.text == text
    assert split_login(text).text == text


@pytest.mark.parametrize(
    ("login", "wallet", "worker", "difficulty"),
    [
        (MONERO, MONERO, None, None),
        (f"{MONERO}.rig", MONERO, "rig", None),
        (f"{MONERO}/rig", MONERO, "rig", None),
        (f"{MONERO}+50000", MONERO, None, "50000"),
        (f"{MONERO}+50000.rig", MONERO, "rig", "50000"),
        (f"{MONERO}.{'ab' * 32}.rig", MONERO, "rig", None),
        (f"{MONERO}.{'ab' * 32}", MONERO, None, None),
        (f"{MONERO}.rig/me@example.com", MONERO, "rig", None),
        (f"{SUBADDRESS}~rx/0", SUBADDRESS, "rx/0", None),
        (f"{BITCOIN}.worker_1", BITCOIN, "worker_1", None),
        (f"{ETHEREUM}.rig/me@example.org", ETHEREUM, "rig", None),
        (f"{ETHEREUM}/group.rig/me@example.org", ETHEREUM, "group.rig", None),
        ("me@example.com", "me@example.com", None, None),
        ("account.worker", "account", "worker", None),
        ("miner1", None, None, None),
    ],
)
def test_logins_come_apart(login: str, wallet: str | None, worker: str | None, difficulty: str | None) -> None:
    found = split_login(login)
    assert (found.wallet, found.worker, found.difficulty) == (wallet, worker, difficulty)


@settings(max_examples=50)
@given(
    st.text(alphabet=st.characters(exclude_categories=("L", "N", "Cs")), max_size=30),
    st.text(alphabet=st.characters(exclude_categories=("L", "N", "Cs")), max_size=30),
    st.sampled_from([MONERO, SUBADDRESS, INTEGRATED, BITCOIN, ETHEREUM]),
)
def test_addresses_are_found_inside_text(before: str, after: str, address: str) -> None:
    assert address in [found.text for found in find_addresses(f"{before} {address} {after}")]


def test_the_beginning_of_an_address_looks_cut() -> None:
    assert looks_cut(MONERO[:40])
    assert looks_cut(ETHEREUM[:20])
    assert not looks_cut("administrator")
