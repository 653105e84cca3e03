"""Where in a YAML file something stands: errors of pySigma and yaml become ``RuleError`` with line and column."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from sigma import exceptions as sigma_errors

from kanaria.core.errors import RuleError
from kanaria.core.late_regex import late_regex
from kanaria.detect.sql import Unsupported

# Where to point when the message quotes nothing that can be found in the file, and what should have been there.
_EXPECTED: tuple[tuple[type[Exception], str, str], ...] = (
    (sigma_errors.SigmaTypeError, "detection", "a value its modifiers can take"),
    (sigma_errors.SigmaModifierError, "detection", "a modifier of Sigma 2.1"),
    (sigma_errors.SigmaRegularExpressionError, "detection", "a valid regular expression"),
    (sigma_errors.SigmaConditionError, "condition", "a condition over the detections of this rule"),
    (sigma_errors.SigmaLogsourceError, "logsource", "a log source with product, category or service"),
    (sigma_errors.SigmaLevelError, "level", "informational, low, medium, high or critical"),
    (sigma_errors.SigmaStatusError, "status", "stable, test, experimental, deprecated or unsupported"),
    (sigma_errors.SigmaIdentifierError, "id", "a UUID"),
    (sigma_errors.SigmaTitleError, "title", "a title of text, at most 256 characters"),
    (sigma_errors.SigmaDateError, "date", "a date such as 2026-11-21"),
    (sigma_errors.SigmaTimespanError, "timespan", "a time span such as 15m or 24h"),
    (sigma_errors.SigmaCorrelationConditionError, "condition", "a correlation condition such as gte: 10"),
    (sigma_errors.SigmaCorrelationTypeError, "type", "a correlation type of Sigma 2.1"),
    (sigma_errors.SigmaCorrelationRuleError, "correlation", "a correlation with type, rules, timespan and condition"),
    (sigma_errors.SigmaRuleNotFoundError, "rules", "the name or id of a rule that is loaded too"),
    (sigma_errors.SigmaDetectionError, "detection", "named detections with at least one field or keyword"),
)

# How the parser of conditions says what it met, and after how many characters.
_STOPPED = late_regex(r"found (.+?)\s+\(at char (\d+)\)")


def place(file: str, node: yaml.Node | None, error: Exception) -> RuleError:
    """The error at the best place of its YAML document: at what the message quotes, else at the key it is about."""
    if isinstance(error, Unsupported):
        return at(file, _quoted(node, [error.got]), expected=error.expected, got=error.got, cause=error.cause)
    key, expected = next(
        ((key, text) for kind, key, text in _EXPECTED if isinstance(error, kind)), ("", "a Sigma rule")
    )
    # pySigma appends " in <absolute path>" when it knows the file; the place says that already.
    message = str(error.args[0]) if error.args else str(error)
    quoted = [text for text in re.findall(r"'\s*([^']+?)\s*'", message) if text]
    where = _quoted(node, quoted) or _mentioned(node, message) or _key(node, key) or node
    if stopped := _STOPPED.search(message):
        return _in_condition(file, node, expected, stopped)
    return at(file, where, expected=expected, got=message)


def _in_condition(file: str, node: yaml.Node | None, expected: str, stopped: re.Match[str]) -> RuleError:
    """A condition that cannot be read, with the place inside it where reading stopped."""
    key = _key(node, "condition")
    text = next((value.value for name, value in _pairs(node) if name is key), "")
    cause = f"after {stopped[2]} characters comes {stopped[1]}, where a name, 'not', '1 of' or '(' belongs"
    return at(file, key, expected=expected, got=text or stopped[1], cause=cause)


def _pairs(node: yaml.Node | None) -> Iterator[tuple[yaml.Node, Any]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key, value
            yield from _pairs(value)


def at(file: str, node: yaml.Node | None, *, expected: str, got: str, cause: str = "") -> RuleError:
    """An error at a YAML node, with lines and columns counted from 1."""
    mark = node.start_mark if node is not None else None
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    return RuleError(file=file, line=line, column=column, expected=expected, got=got, cause=cause)


def unreadable(file: str, error: yaml.YAMLError) -> RuleError:
    """The error for text that is no YAML at all."""
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or error).splitlines()[0]
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    cause = "quote values that begin with * & % @ ` or contain ': '"
    return RuleError(file=file, line=line, column=column, expected="valid YAML", got=problem, cause=cause)


def child(node: yaml.Node | None, *path: str) -> yaml.Node | None:
    """The key node at a path of mapping keys, or the deepest one that exists."""
    value = node
    for name in path:
        if not isinstance(node, yaml.MappingNode):
            break
        pair = next((pair for pair in node.value if pair[0].value == name), None)
        if pair is None:
            break
        value, node = pair
    return value


def _walk(node: yaml.Node | None, seen: set[int]) -> Iterator[yaml.ScalarNode]:
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _walk(key, seen)
            yield from _walk(value, seen)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _walk(item, seen)


def _quoted(node: yaml.Node | None, texts: list[str]) -> yaml.Node | None:
    scalars = list(_walk(node, set()))
    exact: Any = next((item for text in texts for item in scalars if item.value == text), None)
    parts = (item for text in texts for item in scalars if text in re.split(r"[|\s()]+", item.value))
    return exact or next(parts, None) or next((i for t in texts for i in scalars if t in i.value), None)


def _mentioned(node: yaml.Node | None, message: str) -> yaml.Node | None:
    """The longest scalar that stands, as a word of its own, in a message that quotes nothing."""
    words = set(message.split())
    return max((item for item in _walk(node, set()) if item.value in words), key=lambda i: len(i.value), default=None)


def _key(node: yaml.Node | None, name: str) -> yaml.Node | None:
    return next((item for item in _walk(node, set()) if item.value == name), None) if name else None
