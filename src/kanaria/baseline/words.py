"""What is normal for a device, how surprising an event is, and how far learning got, in words of both languages.

A ``PatternOfLife`` and a device's address or a scored row come in; ``core.types.Text`` goes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kanaria.baseline.roles import ROLES
from kanaria.core.text import printable
from kanaria.core.types import Text

if TYPE_CHECKING:
    from kanaria.baseline.pattern import PatternOfLife

_SHOWN = 5
_KINDS: Mapping[str, Text] = {
    "endpoint": Text(en="addresses", ja="相手アドレス"),
    "network": Text(en="networks", ja="相手ネットワーク"),
    "service": Text(en="services", ja="サービス"),
    "name": Text(en="names", ja="名前"),
    "account": Text(en="accounts", ja="アカウント"),
    "agent": Text(en="programs", ja="プログラム"),
}
_FEATURES: tuple[tuple[str, Text], ...] = (
    ("baseline.endpoint_bits", Text(en="the address on the other side", ja="相手のアドレス")),
    ("baseline.network_bits", Text(en="the network it is in", ja="相手のネットワーク")),
    ("baseline.name_bits", Text(en="the name used", ja="使われた名前")),
    ("baseline.account_bits", Text(en="the account", ja="アカウント")),
    ("baseline.agent_bits", Text(en="the program that asked", ja="アクセスしたプログラム")),
    ("baseline.service_bits", Text(en="the service", ja="サービス")),
    ("baseline.volume_bits", Text(en="bytes or duration", ja="通信量または継続時間")),
    ("baseline.rate_bits", Text(en="how much the device does in this hour", ja="この1時間の活動量")),
    ("baseline.hour_bits", Text(en="the hour of the day", ja="時間帯")),
)
_LEVELS: tuple[tuple[str, Text], ...] = (
    ("device", Text(en="this device", ja="この機器にとって")),
    ("peers", Text(en="its peers", ja="同じ役割の機器にとって")),
    ("network", Text(en="the network", ja="ネットワーク全体にとって")),
)


def learning(learned_hours: int, wanted_hours: float) -> Text:
    """``learning (2 d 4 h of 7 d)``, or that learning is over."""
    if learned_hours >= wanted_hours:
        return Text(en=f"settled ({_span(learned_hours).en} learned)", ja=f"学習済み({_span(learned_hours).ja})")
    so_far, wanted = _span(learned_hours), _span(int(wanted_hours))
    return Text(en=f"learning ({so_far.en} of {wanted.en})", ja=f"学習中({wanted.ja}のうち{so_far.ja})")


def _span(hours: int) -> Text:
    days, rest = divmod(hours, 24)
    parts = [(days, "d", "日"), (rest, "h", "時間")]
    shown = [part for part in parts if part[0]] or [parts[1]]
    return Text(
        en=" ".join(f"{count} {unit}" for count, unit, _ in shown), ja="".join(f"{n}{unit}" for n, _, unit in shown)
    )


def status(pattern: PatternOfLife) -> Text:
    """Learning state, size, and alerts raised against the budget."""
    now, budget = pattern.status(), pattern.settings.alerts_per_day
    state = learning(now.learned_hours, now.wanted_hours)
    days = max(now.alert_days, 1)
    size = f"{now.sizes['bytes'] / 1e6:.1f} MB"
    return Text(
        en=f"{state.en}; {now.devices} devices, {now.ties} ties, {size}; "
        f"{now.alerts / days:.2f} anomaly alerts a day against a budget of {budget:g}",
        ja=f"{state.ja}。機器{now.devices}台、つながり{now.ties}件、{size}。"
        f"異常の通知は1日あたり{now.alerts / days:.2f}件(上限の目安は{budget:g}件)です。",
    )


def describe(pattern: PatternOfLife, device: str) -> tuple[Text, ...]:
    """What is normal for a device and how sure that is: one sentence each. Empty for a device never seen."""
    state = pattern.state
    row = state.engine.execute(
        f"SELECT actor, role, first, last FROM {state.alias}.devices WHERE device = $1",  # noqa: S608
        [device],
    ).fetchone()
    if row is None:
        return ()
    actor, role, first, last = row
    hours = state.one(
        f"""SELECT coalesce(sum(connections), 0) FROM {state.alias}.hourly
            WHERE actor = $1 AND hour = (SELECT max(hour) FROM {state.alias}.hourly)""",  # noqa: S608
        [actor],
    )
    now = pattern.status()  # a device that joins later learns for a time of its own
    age, own = int(last) + 1 - int(first), pattern.settings.device_warm_up_hours
    sure = learning(now.learned_hours, now.wanted_hours) if now.learning else learning(age, own)
    name = ROLES.get(role, Text(en=role, ja=role))
    has_role = role != "unknown"
    what = Text(
        en=f"looks like a {name.en}" if has_role else "shows no role yet",
        ja=f"は{name.ja}とみられます" if has_role else "の役割はまだわかりません",
    )
    sentences = [
        Text(
            en=f"{device} {what.en}: {sure.en}; {float(str(hours)):.0f} connections in the open hour.",
            ja=f"{device}{what.ja}。{sure.ja}。この1時間の接続は{float(str(hours)):.0f}件です。",
        )
    ]
    sentences += [text for kind in _KINDS for text in _usual(pattern, int(actor), kind)]
    return tuple(sentences)


def _usual(pattern: PatternOfLife, actor: int, kind: str) -> list[Text]:
    """The commonest values of one kind with their share of active hours."""
    values, count = usual(pattern, actor, kind, _SHOWN)
    if not values:
        return []
    shown = [(printable(text), percent(share)) for text, share in values]
    listed = ", ".join(f"{text} ({share} %)" for text, share in shown)
    listed_ja = "、".join(f"{_way(text) if kind == 'service' else text}({share}%)" for text, share in shown)
    name = _KINDS[kind]
    return [
        Text(en=f"Usual {name.en}, of {count}: {listed}.", ja=f"よくある{name.ja}(全{count}件): {listed_ja}。"),
    ]


def _way(service: str) -> str:
    """A service as it is kept, ``out udp/53``, with its direction in Japanese."""
    way, _, rest = service.partition(" ")
    return f"{_WAYS[way]} {rest}" if way in _WAYS else service


_WAYS = {"out": "発信", "in": "着信"}


def usual(pattern: PatternOfLife, actor: int, kind: str, most: int) -> tuple[list[tuple[str, float]], int]:
    """The commonest values of one kind, each with its share of active hours, and how many different ones there are."""
    state = pattern.state
    rows = state.engine.execute(
        f"""SELECT any_value(x.text), sum(weight) AS w, sum(sum(weight)) OVER () AS total, count(*) OVER () AS n
            FROM {state.alias}.ties t JOIN (SELECT DISTINCT id, text FROM {state.alias}.texts WHERE kind = $2) x
            ON x.id = t.value WHERE t.subject = $1 GROUP BY t.value
            ORDER BY round(w / total, 6) DESC, 1 LIMIT {most}""",  # noqa: S608
        [actor, kind],
    ).fetchall()
    return [(text, weight / total) for text, weight, total, _ in rows], int(rows[0][3]) if rows else 0


def percent(share: float) -> str:
    return f"{100 * share:.0f}" if share >= 0.095 else f"{100 * share:.2g}"


def explain(row: Mapping[str, object]) -> tuple[Text, ...]:
    """The bits of one scored row, largest first, with the three levels of the address and what they add up to."""
    if row.get("baseline.surprise_bits") is None:
        return (
            Text(
                en="Not scored: no device of ours acts in this record, or nobody answered a call from outside.",
                ja="評価の対象外です。自組織の機器の行動ではないか、外からの呼びかけに応答していません。",
            ),
        )
    bits = [(value, text) for name, text in _FEATURES if isinstance(value := row.get(name), float) and value > 0]
    features = [
        Text(en=f"{value:.1f} bits: {text.en}", ja=f"{value:.1f}ビット: {text.ja}")
        for value, text in sorted(bits, key=lambda part: -part[0])
    ]
    return (*features, *_levels(row), _sum(row))


def _levels(row: Mapping[str, object]) -> list[Text]:
    levels = [(text, row.get(f"baseline.endpoint_bits_{level}")) for level, text in _LEVELS]
    measured = [(text, value) for text, value in levels if isinstance(value, float)]
    if not measured:
        return []
    new = [
        (
            row.get("baseline.new_to_network"),
            Text(en="never seen on this network", ja="このネットワークで初めて現れた"),
        ),
        (row.get("baseline.new_to_device"), Text(en="never seen on this device", ja="この機器で初めて現れた")),
    ]
    seen = next((text for flag, text in new if flag is True), Text(en="seen before", ja="以前にも現れた"))
    return [
        Text(
            en=f"The address was {seen.en}; among what each level does: "
            + ", ".join(f"{text.en} {value:.1f}" for text, value in measured)
            + " bits.",
            ja=f"アドレスは{seen.ja}ものです。"
            + "、".join(f"{text.ja}{value:.1f}ビット" for text, value in measured)
            + "。",
        )
    ]


def _sum(row: Mapping[str, object]) -> Text:
    total, p = row["baseline.surprise_bits"], row.get("baseline.p_value")
    rare = f"{p:.2g}" if isinstance(p, float) else "1"
    if row.get("baseline.learning"):
        return Text(
            en=f"Together {total:.1f} bits. Still learning, so nothing follows from it yet.",
            ja=f"合計{total:.1f}ビットです。まだ学習中なので、判断には使いません。",
        )
    verdict = (
        Text(en="anomalous", ja="異常とみなします")
        if row.get("baseline.anomalous")
        else Text(en="within what the alert budget passes over", ja="通知の上限内では見送る程度です")
    )
    return Text(
        en=f"Together {total:.1f} bits; of such a device's hours {rare} hold as much: {verdict.en}.",
        ja=f"合計{total:.1f}ビットです。同じ役割の機器でこれほどの時間帯は{rare}の割合しかなく、{verdict.ja}。",
    )
