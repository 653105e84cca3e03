"""CryptoNote's ``login``/``job``/``submit`` with XMRig's extensions, and its cousins Grin and Beam.

The method names are everyday words, so the parameters decide: a login with ``login`` and ``pass`` or a miner's own
members (``agent``, ``algo``, ``rigid``), a share with job, nonce and result of the right lengths, a job with a blob.
Sources: xmrig-proxy's STRATUM and STRATUM_EXT documents, Grin's and Beam's stratum documents, and public captures.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from kanaria.core.late_regex import late_regex
from kanaria.mining.json_scan import CutText
from kanaria.mining.shapes import Message, Shape, is_hex, item, named, text, texts
from kanaria.mining.wallets import looks_cut, split_login

# The methods of the three, as they are sent.
METHODS = frozenset(
    ("login", "submit", "job", "keepalived", "getjob", "getjobtemplate", "result", "solution", "status", "keepalive")
)
_LOGIN_MEMBERS = frozenset(
    ("login", "pass", "agent", "algo", "algo-perf", "algo-min-time", "rigid", "rig-id", "sig", "worker", "email", "url")
)
# Two points are ``login`` and ``pass`` and nothing else. Parameters without their method (a stream that begins in the
# middle) need a login in the form of an address or algorithms of miners, and one thing more: what else they have, the
# login of any application has too.
_LEAST_POINTS = 2
_LONE_POINTS = 4
_SHARE_MEMBERS = frozenset(("id", "job_id", "nonce", "result"))
# ``MinerName/1.2.3``, ``xmr-stak-cpu/1.3.0``, ``lolMiner 1.88``: a program with its version.
_PROGRAM = late_regex(r"[\w .+-]{2,40}[/ ]\(?v?\d+[.\d]+")
_ALGORITHM = late_regex(r"(?:cn|rx|argon2|astrobwt|ghostrider|kawpow|panthera|cryptonight|randomx|yes|verus)\b", re.I)


def recognise(message: Message) -> Shape | None:
    """The shape of a CryptoNote, Grin or Beam message, or None."""
    method = message.method
    if method in ("job", "result", "solution") or "api_key" in message.value:
        beam = _beam(message)
        if beam:
            return beam
    if "pre_pow" in message.mapping or method == "getjobtemplate" or "edge_bits" in message.mapping:
        grin = _grin(message)
        if grin:
            return grin
    if not method and "login" in message.value and ("pass" in message.value or "agent" in message.value):
        return _login(Message(message.value, message.complete, flat=True), least=_LONE_POINTS)
    if not method and (message.flat or set(message.value) >= _SHARE_MEMBERS):
        # A stream that begins behind ``"params":`` leaves the parameters alone.
        return _share(Message(message.value, message.complete, flat=True))
    if method == "login":
        return _grin_result(message) or _login(message)
    if method == "submit":
        return _share(message)
    if method == "job":
        return _job(message, message.mapping, "job")
    if method in ("keepalived", "getjob"):
        return _session_call(message)
    return _answer(message) if not method else _grin_result(message)


def _login(message: Message, least: int = _LEAST_POINTS) -> Shape | None:
    """A login, with how sure its members make it; see the module's first paragraph."""
    if isinstance(message.params, list):
        return _login_by_place(message)
    names = message.mapping
    login = text(names.get("login"))
    if login is None or isinstance(names.get("login"), (int, float)):
        return None
    agent, algorithms = text(names.get("agent")), texts(names.get("algo"))
    points = _login_points(message, names, login, agent)
    if points < least or (least == _LONE_POINTS and not _says_mining(login, algorithms, names)):
        return None
    grin = message.value.get("id") == "Stratum"
    return Shape(
        dialect="grin" if grin else "cryptonote",
        method="login",
        direction="client",
        login=login,
        password=text(names.get("pass")),
        agent=agent,
        algorithms=algorithms,
        coin="GRIN" if grin else None,
        confidence={_LEAST_POINTS: 0.6, _LEAST_POINTS + 1: 0.8}.get(points, 1.0),
        fields=named(names, "rigid", "worker"),
    )


def _says_mining(login: str, algorithms: Sequence[str], names: Mapping[str, object]) -> bool:
    """Whether one of the members is a miner's and nobody else's."""
    shortened = isinstance(names.get("login"), CutText) and looks_cut(login)
    return split_login(login).address is not None or shortened or any(_ALGORITHM.match(name) for name in algorithms)


def _login_points(message: Message, names: Mapping[str, object], login: str, agent: str | None) -> int:
    """Points for each member that speaks for mining, against for each that no miner sends."""
    address = split_login(login).address
    cut = isinstance(names.get("login"), CutText)
    points = 1 if "pass" in names else 0
    points += 3 if address and address.valid is not False else 2 if address else 0
    points += 2 if cut and looks_cut(login) else 0
    points += (3 if _PROGRAM.match(agent) else 1) if agent else 0
    points += 3 if any(_ALGORITHM.match(name) for name in texts(names.get("algo"))) else 0
    points += 1 if isinstance(names.get("rigid"), str) else 0
    points += 1 if message.value.get("id") == "Stratum" else 0
    strangers = 0 if message.flat else len(set(names) - _LOGIN_MEMBERS)
    points += 1 if not strangers and len(names) > 1 else -2 * strangers
    return points if message.envelope or message.flat else points - 2


def _login_by_place(message: Message) -> Shape | None:
    """``["WALLET", "x", "agent"]``: only with a real address in front."""
    login = item(message.items, 0)
    address = split_login(login).address if login else None
    if login is None or address is None or address.valid is False:
        return None
    return Shape(
        dialect="cryptonote",
        method="login",
        direction="client",
        login=login,
        password=item(message.items, 1),
        agent=item(message.items, 2),
    )


def _share(message: Message) -> Shape | None:
    """``job_id``, ``nonce`` (4 or 8 bytes) and ``result`` (32 bytes); a cut one needs two of them."""
    names = message.mapping
    fits = [
        isinstance(names.get("job_id"), (str, int)),
        is_hex(names.get("nonce"), 8, 18),
        is_hex(names.get("result"), 64, 66),
    ]
    needed = 3 if message.complete else 2
    if sum(fits) < needed or ("result" in names and not fits[2]) or ("nonce" in names and not fits[1]):
        return None
    return Shape(
        dialect="cryptonote",
        method="submit",
        direction="client",
        algorithms=(algo,) if (algo := text(names.get("algo"))) else (),
        job_id=text(names.get("job_id")),
        nonce=text(names.get("nonce")),
        confidence=1.0 if message.complete else 0.8,
        fields=named(names, "result", "id"),
    )


def _job(message: Message, job: Mapping[str, object], method: str) -> Shape | None:
    """A blob of at least 39 bytes (the shortest CryptoNote header) with job id or target."""
    fits = [is_hex(job.get("blob"), 78), isinstance(job.get("job_id"), (str, int)), is_hex(job.get("target"), 4, 64)]
    if not fits[0] or sum(fits) < (3 if message.complete else 2):
        return None
    return Shape(
        dialect="cryptonote",
        method=method,
        direction="server",
        algorithms=(algo,) if (algo := text(job.get("algo"))) else (),
        job_id=text(job.get("job_id")),
        fields=named(job, "target", "height", "seed_hash"),
    )


def _session_call(message: Message) -> Shape | None:
    session = message.mapping.get("id")
    if not message.envelope or not isinstance(session, (str, int, type(None))) or isinstance(message.params, list):
        return None
    if message.method == "getjob" and session is None:
        return None
    return Shape(dialect="cryptonote", method=message.method, direction="client", confidence=0.9)


def _answer(message: Message) -> Shape | None:
    """Answers that carry a job, a keepalive's status or a Grin template."""
    result = message.result
    if not isinstance(result, dict):
        return None
    job = result.get("job")
    if isinstance(job, dict):
        return _job(message, job, "login")
    if result.get("status") == "KEEPALIVED":
        return Shape(dialect="cryptonote", method="keepalived", direction="server")
    return _job(message, result, "getjob") if "blob" in result else _grin_result(message)


def _grin(message: Message) -> Shape | None:
    """Grin's template request, job and share (Cuckoo cycle: ``edge_bits`` and a list of edges)."""
    names, method = message.mapping, message.method
    if method == "getjobtemplate":
        return Shape(dialect="grin", method=method, direction="client", coin="GRIN") if message.envelope else None
    if method == "job" and is_hex(names.get("pre_pow"), 64):
        fields = named(names, "height", "difficulty")
        job = text(names.get("job_id"))
        return Shape(dialect="grin", method=method, direction="server", coin="GRIN", job_id=job, fields=fields)
    if method == "submit" and "edge_bits" in names and "nonce" in names:
        return Shape(
            dialect="grin",
            method=method,
            direction="client",
            coin="GRIN",
            job_id=text(names.get("job_id")),
            nonce=text(names.get("nonce")),
            fields=named(names, "height", "edge_bits"),
        )
    return None


def _grin_result(message: Message) -> Shape | None:
    """Grin answers with the method's name beside the result, and its id is the word ``Stratum``."""
    result = message.result
    if isinstance(result, dict) and is_hex(result.get("pre_pow"), 64):
        fields = named(result, "height", "difficulty")
        return Shape(dialect="grin", method="getjobtemplate", direction="server", coin="GRIN", fields=fields)
    if message.value.get("id") != "Stratum" or message.method not in ("login", "status", "submit", "keepalive"):
        return None
    answered = "result" in message.value or "error" in message.value
    if not answered and message.method not in ("keepalive", "status"):
        return None
    return Shape(dialect="grin", method=message.method, direction="server" if answered else "client", coin="GRIN")


def _beam(message: Message) -> Shape | None:
    """Beam puts everything beside the method: ``api_key``; ``input``; ``nonce`` and ``output``; ``nonceprefix``."""
    value, method = message.value, message.method
    if method == "login" and isinstance(value.get("api_key"), str):
        return Shape(
            dialect="beam", method=method, direction="client", coin="BEAM", login=text(value["api_key"]), confidence=0.9
        )
    if method == "job" and is_hex(value.get("input"), 64, 64) and "difficulty" in value:
        fields = named(value, "difficulty", "height", "nonceprefix")
        return Shape(
            dialect="beam", method=method, direction="server", coin="BEAM", job_id=text(value.get("id")), fields=fields
        )
    if method == "solution" and is_hex(value.get("nonce"), 16, 16) and is_hex(value.get("output"), 64):
        nonce, job = text(value["nonce"]), text(value.get("id"))
        return Shape(dialect="beam", method=method, direction="client", coin="BEAM", job_id=job, nonce=nonce)
    if method == "result" and isinstance(value.get("code"), int) and ("nonceprefix" in value or "blockhash" in value):
        return Shape(dialect="beam", method=method, direction="server", coin="BEAM", fields=named(value, "description"))
    return None
