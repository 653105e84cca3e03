"""Payout addresses of coins and their checksums: text in, ``Address`` (coin, valid or not) or None out.

Formats: CryptoNote base58 with Keccak-256 (Monero and relatives), Bitcoin base58check, bech32 and bech32m (BIP 173,
BIP 350), CashAddr (Bitcoin Cash, Kaspa), Ethereum with EIP-55. Prefix numbers are those of the coins' own chain
parameters. An address without a checksum (Ethereum in one case) has ``valid`` None: nothing can be said.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from kanaria.core.late_regex import late_regex
from kanaria.core.values import dataclass
from kanaria.mining.keccak import keccak256

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE58_VALUE = {char: value for value, char in enumerate(BASE58)}
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_VALUE = {char: value for value, char in enumerate(_BECH32)}

# CryptoNote base58 codes 8 bytes as 11 characters; a shorter last block of n bytes takes this many (CNS007).
_BLOCK_CHARS = (0, 2, 3, 5, 6, 7, 9, 10, 11)
_BLOCK_BYTES = {chars: size for size, chars in enumerate(_BLOCK_CHARS)}

# Network prefix (varint) to coin, main networks first; test and stage networks count as their coin.
CRYPTONOTE_PREFIXES = {
    18: "XMR", 19: "XMR", 42: "XMR", 53: "XMR", 54: "XMR", 63: "XMR", 24: "XMR", 25: "XMR", 36: "XMR",
    4146: "WOW", 6810: "WOW", 12208: "WOW", 178: "AEON", 114: "OXEN", 115: "OXEN", 116: "OXEN",
    28: "MSR", 29: "MSR", 52: "MSR", 6: "BCN", 18018: "ETN", 3914525: "TRTL", 90: "GRFT", 91: "GRFT", 102: "GRFT",
}  # fmt: skip

# base58check version bytes to coin. Coins that copied another's bytes (DigiByte: 30, Verus and Komodo: 60) are not told
# apart by the address.
BASE58CHECK_VERSIONS = {
    b"\x00": "BTC", b"\x05": "BTC", b"\x6f": "BTC", b"\xc4": "BTC", b"\x30": "LTC", b"\x32": "LTC",
    b"\x1e": "DOGE", b"\x16": "DOGE", b"\x3c": "RVN", b"\x7a": "RVN", b"\x4c": "DASH", b"\x10": "DASH",
    b"\x26": "BTG", b"\x17": "BTG", b"\x47": "VTC", b"\x52": "FIRO", b"\x1c\xb8": "ZEC", b"\x1c\xbd": "ZEC",
    b"\x20\x89": "ZEN", b"\x20\x96": "ZEN",
}  # fmt: skip

BECH32_PREFIXES = {
    "bc": "BTC", "tb": "BTC", "ltc": "LTC", "tltc": "LTC", "vtc": "VTC", "dgb": "DGB", "btg": "BTG", "grs": "GRS",
    "ckb": "CKB", "ckt": "CKB", "beam": "BEAM", "grin": "GRIN", "dero": "DERO",
}  # fmt: skip
_CASHADDR_PREFIXES = {"bitcoincash": "BCH", "kaspa": "KAS", "bchtest": "BCH", "kaspatest": "KAS"}

_CRYPTONOTE = late_regex(r"[1-9A-HJ-NP-Za-km-z]{90,120}")
_BASE58CHECK = late_regex(r"[1-9A-HJ-NP-Za-km-z]{26,36}")
_ETHEREUM = late_regex(r"0x[0-9a-fA-F]{40}")
_SEGWIT = late_regex(r"(?i:([a-z]{2,8})1([02-9ac-hj-np-z]{12,110}))")
_CASHADDR = late_regex(r"(?i:(bitcoincash|kaspa|bchtest|kaspatest):([02-9ac-hj-np-z]{42,112}))")


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """An address format recognised: ``valid`` is the checksum's verdict, None when the form carries none."""

    text: str
    coin: str | None
    kind: str
    valid: bool | None


@lru_cache(maxsize=4096)
def identify(text: str) -> Address | None:
    """The address this text is, or None when it has the form of no known address.

    A text of the right form whose checksum is wrong is returned with ``valid`` False.
    """
    if len(text) > 130:
        return None
    for form in (_ethereum, _cashaddr, _segwit, _cryptonote, _base58check):
        address = form(text)
        if address is not None:
            return address
    return None


def cryptonote_decode(text: str) -> bytes | None:
    """CryptoNote base58 to bytes, or None when a character or a block value is impossible."""
    out = bytearray()
    for start in range(0, len(text), 11):
        block = text[start : start + 11]
        size = _BLOCK_BYTES.get(len(block))
        value = _base58_number(block)
        if size is None or value is None or value >> (8 * size):
            return None
        out += value.to_bytes(size, "big")
    return bytes(out)


def eip55(address: str) -> str:
    """The mixed-case form of a ``0x`` address (EIP-55)."""
    digits = address[2:].lower()
    digest = keccak256(digits.encode()).hex()
    return "0x" + "".join(c.upper() if int(d, 16) >= 8 else c for c, d in zip(digits, digest, strict=False))


def _ethereum(text: str) -> Address | None:
    if not _ETHEREUM.fullmatch(text):
        return None
    digits = text[2:]
    one_case = digits in (digits.lower(), digits.upper())
    return Address(text=text, coin="ETH", kind="ethereum", valid=None if one_case else eip55(text) == text)


def _cryptonote(text: str) -> Address | None:
    if not _CRYPTONOTE.fullmatch(text):
        return None
    data = cryptonote_decode(text)
    valid = data is not None and keccak256(data[:-4])[:4] == data[-4:]
    coin = CRYPTONOTE_PREFIXES.get(_varint(data)) if data is not None and valid else None
    if coin is None and text[0] in "48" and len(text) in (95, 106):
        coin = "XMR"
    return Address(text=text, coin=coin, kind="cryptonote", valid=valid)


def _base58check(text: str) -> Address | None:
    number = _base58_number(text) if _BASE58CHECK.fullmatch(text) else None
    if number is None:
        return None
    zeros = len(text) - len(text.lstrip("1"))
    body = number.to_bytes((number.bit_length() + 7) // 8, "big") if number else b""
    data = b"\0" * zeros + body
    # A version of one or two bytes, a 20-byte hash, a 4-byte checksum.
    if len(data) not in (25, 26):
        return None
    coin = BASE58CHECK_VERSIONS.get(data[:-24])
    valid = _double_sha256(data[:-4])[:4] == data[-4:]
    return Address(text=text, coin=coin, kind="base58check", valid=valid) if coin or valid else None


def _segwit(text: str) -> Address | None:
    match = _SEGWIT.fullmatch(text)
    if match is None or text not in (text.lower(), text.upper()):
        return None
    prefix, data = match[1].lower(), [_BECH32_VALUE[char] for char in match[2].lower()]
    coin = BECH32_PREFIXES.get(prefix)
    expanded = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    # 1 is bech32's constant, 0x2bc830a3 bech32m's (BIP 350).
    valid = _bech32_polymod(expanded + data) in (1, 0x2BC830A3)
    return Address(text=text, coin=coin, kind="bech32", valid=valid) if coin else None


def _cashaddr(text: str) -> Address | None:
    match = _CASHADDR.fullmatch(text)
    if match is None:
        return None
    prefix, data = match[1].lower(), [_BECH32_VALUE[char] for char in match[2].lower()]
    valid = _cashaddr_polymod([ord(c) & 31 for c in prefix] + [0] + data) == 0
    return Address(text=text, coin=_CASHADDR_PREFIXES[prefix], kind="cashaddr", valid=valid)


def _bech32_polymod(values: list[int]) -> int:
    generators = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
    check = 1
    for value in values:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(generators):
            check ^= generator if top >> bit & 1 else 0
    return check


def _cashaddr_polymod(values: list[int]) -> int:
    generators = (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)
    check = 1
    for value in values:
        top, check = check >> 35, (check & 0x07FFFFFFFF) << 5 ^ value
        for bit, generator in enumerate(generators):
            check ^= generator if top >> bit & 1 else 0
    return check ^ 1


def _varint(data: bytes) -> int:
    value = 0
    for index, byte in enumerate(data[:9]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            break
    return value


def _base58_number(text: str) -> int | None:
    value = 0
    for char in text:
        digit = _BASE58_VALUE.get(char)
        if digit is None:
            return None
        value = value * 58 + digit
    return value


def _double_sha256(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()
