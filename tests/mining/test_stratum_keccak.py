"""Keccak-256 against two independent implementations."""

from __future__ import annotations

import hashlib

from Crypto.Hash import keccak
from hypothesis import given
from hypothesis import strategies as st

from kanaria.mining.keccak import keccak256, sponge256


@given(st.binary(max_size=420))
def test_the_permutation_is_that_of_sha3(data: bytes) -> None:
    assert sponge256(data, 0x06) == hashlib.sha3_256(data).digest()


@given(st.binary(max_size=420))
def test_the_padding_is_that_of_the_original_keccak(data: bytes) -> None:
    assert keccak256(data) == keccak.new(digest_bits=256, data=data).digest()


def test_the_published_digest_of_nothing() -> None:
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
