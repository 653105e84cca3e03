"""What a miner logs in with: one login text in, wallet, worker, difficulty and the address behind it out.

Pools let miners append a worker name, a payment id, a fixed difficulty or an e-mail address to the wallet:
``WALLET.worker``, ``WALLET.paymentid.worker``, ``WALLET+10000``, ``WALLET/worker``, ``WALLET~algorithm``.
"""

from __future__ import annotations

from kanaria.core.late_regex import late_regex
from kanaria.core.values import dataclass
from kanaria.mining.addresses import Address, identify

_SEPARATOR = late_regex(r"[./+~=,;:\s_@#-]")
_DIFFICULTY = late_regex(r"\+(\d{1,15})(?=[./+~]|$)")
_PAYMENT_ID = late_regex(r"(?:[0-9a-f]{16}|[0-9a-f]{64})")
_EMBEDDED = late_regex(
    r"(?<![0-9A-Za-z])(?:0x[0-9a-fA-F]{40}|(?:bitcoincash|kaspa):[02-9ac-hj-np-z]{42,112}"
    r"|(?:bc|tb|ltc)1[02-9ac-hj-np-z]{20,80}|[1-9A-HJ-NP-Za-km-z]{90,120}|[1-9A-HJ-NP-Za-km-z]{26,36})(?![0-9A-Za-z])"
)
# What an address cut off by a log or packet limit begins with; ordinary words and tokens that long are rare.
_CUT_ADDRESS = late_regex(r"(?:[48][1-9A-HJ-NP-Za-km-z]{29,}|0x[0-9a-fA-F]{12,39})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """A login taken apart. ``wallet`` is None when the text is only a worker name."""

    text: str
    wallet: str | None = None
    worker: str | None = None
    difficulty: str | None = None
    address: Address | None = None


def split_login(text: str) -> Login:
    """Take a login apart; the longest leading part that is an address is the wallet, else the part before the dot."""
    address = _leading_address(text)
    if address is None and "@" in text:
        return Login(text=text, wallet=text)
    if address is None:
        account, dot, worker = text.partition(".")
        return Login(text=text, wallet=account or None, worker=worker or None) if dot else Login(text=text)
    rest = text[len(address.text) :]
    difficulty = _DIFFICULTY.match(rest)
    if difficulty:
        rest = rest[difficulty.end() :]
    return Login(
        text=text,
        wallet=address.text,
        worker=_worker(rest),
        difficulty=difficulty[1] if difficulty else None,
        address=address,
    )


def looks_cut(text: str) -> bool:
    """Whether the text could be the beginning of an address that was cut off."""
    return bool(_CUT_ADDRESS.fullmatch(text))


def find_addresses(text: str) -> tuple[Address, ...]:
    """Addresses with a right checksum anywhere in a text (Ethereum in one case counts), in order, without repeats."""
    addresses = (identify(match[0]) for match in _EMBEDDED.finditer(text))
    return tuple(dict.fromkeys(address for address in addresses if address is not None and address.valid is not False))


def _leading_address(text: str) -> Address | None:
    ends = [match.start() for match in _SEPARATOR.finditer(text[:160])] + [len(text)]
    for end in ends[:4]:
        address = identify(text[:end])
        if address is not None:
            return address
    return None


def _worker(rest: str) -> str | None:
    """The worker name behind the wallet: without separator, payment id in front or e-mail behind."""
    name = rest.lstrip("./+~=,;:_#- ")
    head, dot, tail = name.partition(".")
    if dot and _PAYMENT_ID.fullmatch(head):
        name = tail
    elif _PAYMENT_ID.fullmatch(name) and len(name) == 64:
        return None
    head, slash, tail = name.partition("/")
    if slash and "@" in tail:
        name = head
    elif slash and "/" in tail:
        name = head
    return name or None
