"""Which sentence says whether it worked, and whether it was meant: from an incident to the key of a phrase.

The short answer, the full one and the story ask here, so that they say one thing.
"""

from __future__ import annotations

from kanaria.core.glossary import (
    ASKED_FROM_OUTSIDE,
    asked_from_outside,
    in_browser,
    mining_only_named,
    mining_seen,
    speaks_of_mining,
)
from kanaria.core.rule_tags import INSTALLER
from kanaria.core.types import Incident


def outcome_words(incident: Incident) -> str:
    """What an outcome means depends on what it is: a find of a scan, a program that runs, an attack that got through,
    or mining that was named and not seen."""
    top, value = incident.hypotheses[0].name, incident.outcome.value
    asked = top in ASKED_FROM_OUTSIDE and asked_from_outside(incident.findings)
    if (top == "compromised_device" or asked) and value in {"failed", "no_sign_of_success"} and in_question(incident):
        return "outcome_not_seen"
    if not incident.outcome.because:
        return "outcome_nothing_known"
    if value != "possible":
        return f"outcome_{value}"
    if top == "internet_wide_scanner" and interface_answered(incident):
        return "outcome_found"
    if top == "compromised_device" and logged_on(incident):
        return "outcome_logged_on"
    return "outcome_active" if top == "compromised_device" else "outcome_possible"


def only_talk(incident: Incident) -> bool:
    """Whether mining was asked for and nothing else: no command, logon or program, of which one would ask what hole it
    came through."""
    return all(finding.stage in {None, "reconnaissance"} for finding in incident.findings)


def only_suspected(incident: Incident) -> bool:
    """Whether it is the shape of traffic alone that speaks of mining: then, and only then, its owner is to be asked."""
    return any(item.id == "ask_owner" for item in incident.recommendations)


def logged_on(incident: Incident) -> bool:
    """Whether all that shows success is a logon after many that failed: it is seen; whose it was is not."""
    speaking = [item for item in incident.evidence if item.about == "outcome" and item.bits > 0]
    return bool(speaking) and all(item.kind == "login_after_guessing" for item in speaking)


def in_question(incident: Incident) -> bool:
    """Whether something speaks of mining and nothing shows it."""
    return speaks_of_mining(incident.findings, incident.messages) and not mining_seen(incident.findings)


def interface_answered(incident: Incident) -> bool:
    """Whether a scan got an answer that shows what it looked for."""
    return any(item.kind == "interface_answered" and item.bits > 0 for item in incident.evidence)


def brings_a_program(incident: Incident) -> bool:
    """Whether an attempt carries a command or the address of a program: others read, log on or look something up."""
    return any(finding.values.keys() & _BROUGHT for finding in incident.findings)


_BROUGHT = frozenset(("payload.command", "payload.download_url"))


def asked_inside(incident: Incident) -> bool:
    """Whether every request came from the private network."""
    return any(item.kind == "own_client" for item in incident.evidence)


def aim_of_names(incident: Incident) -> str | None:
    """What is said of the intention where mining is only named, or somebody only wrote about it; else None."""
    top, findings = incident.hypotheses[0].name, incident.findings
    if top in ASKED_FROM_OUTSIDE and asked_from_outside(findings):
        return "aimed_asked_from_outside"
    if top == "compromised_device" and in_browser(findings):
        return "aimed_in_browser"
    only_names = mining_only_named(findings) and all(speaks_of_mining([one], ()) for one in findings)
    if top == "compromised_device" and only_names:
        return "aimed_named"
    kinds = {one.values.get("kind") for one in findings}
    if top != "benign" or not kinds or not kinds <= {"line", "text"}:
        return None
    return "aimed_text" if kinds == {"text"} or INSTALLER in findings[0].tags else "aimed_line"
