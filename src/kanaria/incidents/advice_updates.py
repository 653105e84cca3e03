"""What to do about products whose vulnerabilities were tried: which versions are affected, and whether that matters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kanaria.core.facts import Vulnerability
from kanaria.core.types import Finding, Hypothesis, Language, Outcome, Recommendation, Record
from kanaria.core.versions import in_words
from kanaria.incidents.advice_pieces import REFUSED, advise
from kanaria.incidents.answers import found_at
from kanaria.incidents.case import Case, Surroundings, turned_away


def fended_off(case: Case, result: Outcome) -> bool:
    """Whether the server refused all of it: what runs nothing that was asked for needs no hand."""
    return result.value == "failed" or (result.value == "no_sign_of_success" and turned_away(case))


def update_products(case: Case, around: Surroundings, top: Hypothesis, result: Outcome) -> Iterator[Recommendation]:
    if result.value in REFUSED and top not in {"exploitation_attempt", "compromised_device"}:
        return
    products: dict[str, list[tuple[str, Finding, Vulnerability]]] = {}
    for cve, finding, vulnerability in aimed_at(case, around):
        products.setdefault(vulnerability.product, []).append((cve, finding, vulnerability))
    if len(products) > 1 and fended_off(case, result):
        yield _update_any(products)
        return
    for product, entries in products.items():
        holes = {cve: (finding, vulnerability) for cve, finding, vulnerability in entries}
        there = any(map(found_at, _records(case, [finding for _, finding, _ in entries])))
        yield _update(product, holes, failed=fended_off(case, result), there=there)


def _records(case: Case, findings: Sequence[Finding]) -> list[Record]:
    return [case.records[event] for finding in findings for event in finding.event_ids if event in case.records]


def _update_any(products: Mapping[str, Sequence[tuple[str, Finding, Vulnerability]]]) -> Recommendation:
    """One sentence about several products whose holes were tried in vain."""
    proof = dict.fromkeys(
        item.id for entries in products.values() for _, finding, _ in entries for item in finding.evidence
    )
    holes = {product: list(dict.fromkeys(cve for cve, _, _ in entries)) for product, entries in products.items()}
    en = "; ".join(f"{product} ({', '.join(cves)})" for product, cves in holes.items())
    ja = "、".join(f"{in_words(product, 'ja')}({'、'.join(cves)})" for product, cves in holes.items())
    return advise(
        "update_any", 0, tuple(proof),
        f"Nothing needs to be done unless you run one of these; then make sure that it is up to date: {en}.",
        f"次のいずれも使っていなければ、対応は必要ありません。使っている場合は、最新の版であることを確認してください: {ja}。",
    )  # fmt: skip


def _update(
    product: str, holes: Mapping[str, tuple[Finding, Vulnerability]], *, failed: bool, there: bool
) -> Recommendation:
    """What to make sure of about one product, with all its vulnerabilities that were tried; ``there``: an answer fits
    it, so that nobody is told that the attempt cannot work without it."""
    proof = dict.fromkeys(item.id for finding, _ in holes.values() for item in finding.evidence)
    holes_en = ", ".join(_hole(cve, vulnerability, "en") for cve, (_, vulnerability) in holes.items())
    holes_ja = "、".join(_hole(cve, vulnerability, "ja") for cve, (_, vulnerability) in holes.items())
    name = in_words(product, "ja")
    if failed:
        return advise(
            f"update_{next(iter(holes))}", 0, tuple(proof),
            f"Nothing needs to be done unless you run {product}; then make sure that it is not affected by {holes_en}.",
            f"{name} を使っていなければ、対応は必要ありません。使っている場合は、{holes_ja}の影響を受けない版であることを確認してください。",
        )  # fmt: skip
    if there:
        return advise(
            f"update_{next(iter(holes))}", 2, tuple(proof),
            f"{product} seems to run here: make sure it is not affected by {holes_en}.",
            f"{name} が動いているとみられます。{holes_ja}の影響を受けない版であることを確認してください。",
        )  # fmt: skip
    return advise(
        f"update_{next(iter(holes))}", 2, tuple(proof),
        f"If you run {product}, make sure it is not affected by {holes_en}. If you do not run it, the attempt cannot work.",
        f"{name} を使っている場合は、{holes_ja}の影響を受けない版であることを確認してください。使っていなければ、この攻撃は成立しません。",
    )  # fmt: skip


def _hole(cve: str, vulnerability: Vulnerability, language: Language) -> str:
    affected = in_words(vulnerability.affected, language)
    fixed = in_words(vulnerability.fixed, language) if vulnerability.fixed else ""
    if language == "ja":
        return f"{cve}(影響を受ける版: {affected}{f'。修正版: {fixed}' if fixed else ''})"
    return f"{cve} (affected: {affected}{f'; fixed in {fixed}' if fixed else ''})"


def aimed_at(case: Case, around: Surroundings) -> Iterator[tuple[str, Finding, Vulnerability]]:
    """The vulnerabilities that attempts aimed at, as far as facts are held."""
    for finding in case.findings:
        for cve in finding.cves:
            if cve in around.facts.vulnerabilities:
                yield cve, finding, around.facts.vulnerabilities[cve]
