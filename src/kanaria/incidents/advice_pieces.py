"""What advice is made of: the recommendation itself, lists of names, and whom a case names as pool or program."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from kanaria.core.text import defang, printable
from kanaria.core.types import Hypothesis, Outcome, OutcomeValue, Recommendation, Text
from kanaria.incidents.case import Case, Surroundings

NOTHING = "none"


REFUSED: frozenset[OutcomeValue] = frozenset({"failed", "no_sign_of_success"})


# A title is one line in a mail's subject; the advice to block or to isolate names all of them.
MOST_IN_TITLE = 8


# A firewall's operator works through a list; beyond this the JSON is the list.
MOST_NAMED = 200


Advice = Callable[[Case, Surroundings, Hypothesis, Outcome], Iterator[Recommendation]]


def advise(id: str, effort: int, evidence: tuple[str, ...], en: str, ja: str) -> Recommendation:
    return Recommendation(id=id, effort=effort, text=Text(en=en, ja=ja), evidence=evidence)


def listed(names: Sequence[str], most: int) -> Text:
    """The names one after the other, and how many more there are."""
    shown, more = [printable(name) for name in names[:most]], len(names) - most
    en, ja = ", ".join(shown), "、".join(shown)
    return Text(en=f"{en} and {more} more", ja=f"{ja} ほか{more}台") if more > 0 else Text(en=en, ja=ja)


def pools_named(case: Case) -> str:
    """Whom the devices mined for: of other sides inside, which pass work on, only when there is none outside. Who asked
    a device of ours for something is nobody's pool."""
    impact = [f for f in case.findings if f.stage == "impact" and f.values.get("dst_ip") != f.device]
    paid = list(dict.fromkeys(f.remote for f in impact if f.remote))
    outside = [remote for remote in paid if remote not in case.devices]
    if not paid:
        names = (f.values.get(name) for f in case.findings for name in ("mining.pool", "query"))
        paid = list(dict.fromkeys(printable(str(name)) for name in names if name))
    return ", ".join(defang(remote) for remote in (outside or paid)[:3])


def programs_in_lines(case: Case) -> str:
    """Programs for mining that lines name: nothing one could block connections to."""
    names = dict.fromkeys(printable(f.values["mining.named"]) for f in case.findings if f.values.get("mining.named"))
    return ", ".join(list(names)[:3])


def proxies_between(case: Case) -> Text:
    """The proxies that the mining went through: blocking at them is what stops it, and nothing is wrong with them."""
    through = dict.fromkeys(
        str(f.values["dst_ip"]) for f in case.findings if f.values.get("mining.target") and f.values.get("dst_ip")
    )
    shown = ", ".join(defang(printable(address)) for address in list(through)[:3])
    return Text(en=f" (through the proxy {shown})", ja=f"(プロキシ {shown} 経由の)") if shown else Text(en="", ja="")
