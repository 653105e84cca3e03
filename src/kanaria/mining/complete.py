"""From a recognised shape to a ``StratumMessage``: wallet and worker, coin, agent and version, known sample values.

Facts come from ``Knowledge`` when there is one; without it the address and the dialect still tell the coin.
``fields["coin_from"]`` says which it was, ``fields["confidence"]`` how sure the shape alone makes the message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from kanaria.core.facts import Knowledge, MinerAgent
from kanaria.core.late_regex import late_regex
from kanaria.core.types import StratumMessage
from kanaria.mining.shapes import Direction, Shape
from kanaria.mining.wallets import Login, split_login

# The coin a dialect was made for, when neither address nor algorithm says more.
DIALECT_COINS = {
    "stratum_v1": "BTC", "stratum_v2": "BTC", "getwork": "BTC", "cryptonote": "XMR", "websocket": "XMR",
    "eth_proxy": "ETH", "ethereum_stratum": "ETH", "zcash": "ZEC", "kawpow": "RVN", "ckb": "CKB", "grin": "GRIN",
    "beam": "BEAM",
}  # fmt: skip
# Kinds of sample values from the one that cannot be chance to those many miners share.
_SAMPLE_KINDS = ("wallet", "ntime", "nonce", "job_id", "agent", "worker", "password")
_VERSION = late_regex(r"(?:[^\s/]+[ ]|[^/]{1,60}/)v?(\d+[\w.+-]*)")


def complete(shape: Shape, truncated: bool, direction: Direction, knowledge: Knowledge | None) -> StratumMessage:
    """The message; ``direction`` is used only where the shape leaves the sender open."""
    login = split_login(shape.login) if shape.login else None
    wallet, worker = _wallet_and_worker(shape, login)
    coin, coin_from = _coin(shape, login, knowledge)
    fields = {"coin_from": coin_from} | {name: value for name, value in shape.fields.items() if value}
    if shape.confidence < 1:
        fields["confidence"] = f"{shape.confidence:.1f}"
    if login is not None and login.difficulty:
        fields["difficulty"] = login.difficulty
    miner = _miner(shape.agent, knowledge)
    if miner is not None:
        fields["miner"] = miner.name
    sample = _sample(shape, wallet, worker, knowledge)
    return StratumMessage(
        event_id=0,
        dialect=shape.dialect,
        method=shape.method,
        direction=shape.direction if shape.direction != "unknown" else direction,
        coin=coin,
        algorithms=shape.algorithms,
        wallet=wallet,
        wallet_valid=login.address.valid if login is not None and login.address is not None else None,
        worker=worker,
        password=shape.password,
        agent=shape.agent,
        agent_version=_version(shape.agent),
        job_id=shape.job_id,
        nonce=shape.nonce,
        sample=sample,
        truncated=truncated,
        fields=fields,
    )


def _wallet_and_worker(shape: Shape, login: Login | None) -> tuple[str | None, str | None]:
    """In ``mining.*`` a bare name is a worker; a CryptoNote login is an account whatever it looks like."""
    if login is None:
        # Claymore's miners write the wallet where others write the worker.
        address = split_login(shape.worker) if shape.worker else None
        if address is not None and address.address is not None:
            return address.wallet, address.worker
        return None, shape.worker
    if shape.worker == login.text:
        return login.wallet or login.text, login.worker
    if login.wallet is not None:
        return login.wallet, shape.worker or login.worker
    if shape.method.startswith("mining."):
        return None, shape.worker or login.text
    return login.text, shape.worker


def _coin(shape: Shape, login: Login | None, knowledge: Knowledge | None) -> tuple[str | None, str]:
    if login is not None and login.address is not None and login.address.coin and login.address.kind != "ethereum":
        return login.address.coin, "wallet"
    if shape.coin:
        return shape.coin, "shape"
    by_algorithm = _coin_of_algorithm(shape.algorithms, knowledge)
    if by_algorithm:
        return by_algorithm, "algorithm"
    if login is not None and login.address is not None and login.address.coin:
        return login.address.coin, "wallet"
    return DIALECT_COINS.get(shape.dialect), "dialect"


def _coin_of_algorithm(algorithms: tuple[str, ...], knowledge: Knowledge | None) -> str | None:
    """The one coin of a job's algorithm; a miner's list of everything it can do says nothing."""
    if knowledge is None or len(algorithms) != 1:
        return None
    coins = [coin.symbol for coin in knowledge.coins.values() if algorithms[0] in coin.algorithms]
    return coins[0] if len(coins) == 1 or (coins and "XMR" not in coins) else "XMR" if "XMR" in coins else None


def _version(agent: str | None) -> str | None:
    match = _VERSION.match(agent) if agent else None
    return match[1] if match else None


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _miner(agent: str | None, knowledge: Knowledge | None) -> MinerAgent | None:
    if agent is None or knowledge is None:
        return None
    return next((miner for miner in knowledge.agents if _compiled(miner.pattern).search(agent)), None)


def _sample(shape: Shape, wallet: str | None, worker: str | None, knowledge: Knowledge | None) -> str | None:
    if knowledge is None:
        return None
    seen = set(_values(shape, wallet, worker))
    names = {sample.kind: sample.name for sample in knowledge.samples if (sample.kind, sample.value) in seen}
    return next((names[kind] for kind in _SAMPLE_KINDS if kind in names), None)


def _values(shape: Shape, wallet: str | None, worker: str | None) -> Iterator[tuple[str, str]]:
    values = {
        "wallet": wallet, "worker": worker, "password": shape.password, "job_id": shape.job_id, "nonce": shape.nonce,
        "agent": shape.agent, "ntime": shape.fields.get("ntime"),
    }  # fmt: skip
    yield from ((kind, value) for kind, value in values.items() if value is not None)
    if shape.login is not None:
        yield from (("wallet", shape.login), ("worker", shape.login))
