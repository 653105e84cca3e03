"""Log lines out of what carries them: from one line of any shipper to the line that it carries.

Filebeat and Logstash (``message``, ``event.original``), Docker and Fluent Bit (``log``), journald (``MESSAGE``), Splunk
(``_raw``), Wazuh (``data``, ``full_log``), Google Cloud (``textPayload``, ``jsonPayload``), zeek-kafka
(``{"conn": {…}}``), the Elastic Common Schema of Filebeat's Zeek and Suricata modules, syslog, Kubernetes' CRI,
Docker Compose's names, and Fluentd's files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from kanaria.core.late_regex import late_regex
from kanaria.core.text import without_colours
from kanaria.formats.carriers.messages import TEXTS, envelope_of, of_object, text_of, windows_event

Object = Mapping[str, object]

LONGEST = 1 << 20
"""Bytes of a line that is looked into; shippers cut at 16 KiB to 1 MiB."""
_OBJECTS = ("jsonPayload", "payload", "result", "detail")
_ZEEK_LOGS = frozenset(("conn", "dns", "ssl", "http", "rdp", "smb_files", "smb_mapping", "dce_rpc", "ntlm", "ssh",
                        "kerberos", "notice", "known_services", "software"))  # fmt: skip
_SYSLOG = late_regex(
    rb"^(?:<\d{1,3}>)?(?:1 )?"
    rb"(?:[A-Z][a-z]{2}\s+\d{1,2}\s+(?:\d{4}\s+)?\d\d:\d\d:\d\d(?:\.\d+)?"
    rb"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?\s?(?:Z|[+-]\d\d:?\d\d)?)"
    rb"\s+(?:\S+\s+){1,2}?(?:[\w./@-]{1,64}(?:\[\d+\])?:|[\w./@-]{1,64}\s+(?:\d+|-)\s+\S+\s+(?:-|\[[^\]]*\]))\s+"
)
_CRI = late_regex(rb"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(?:Z|[+-]\d\d:\d\d) (?:stdout|stderr) [FP] ")
_COMPOSE = late_regex(rb"^[\w.@-]{1,120}\s+\| ")
_FLUENTD = late_regex(rb"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?\s?(?:Z|[+-]\d\d:?\d\d)\t[\w.*-]{1,200}\t(?=\{)")


def unwrap(line: bytes, *, syslog: bool = False) -> bytes | None:
    """The line that is carried, or several, or None where there is none; as ``syslog`` one line with what the carrier
    says of it."""
    line = line.strip()
    if not line or len(line) > LONGEST:
        return None
    line = line.removeprefix(b"\x1e").removeprefix(b"data: ")
    if match := _FLUENTD.match(line):
        line = line[match.end() :]
    if line.startswith(b"{"):
        return _from_json(line, syslog)
    for prefix in (_CRI, _COMPOSE) if syslog else (_CRI, _COMPOSE, _SYSLOG):
        if match := prefix.match(line):
            return line[match.end() :]
    return line if syslog and _SYSLOG.match(line) else None


def unwrap_object(value: Object, *, syslog: bool = False) -> bytes | None:
    """The same of an object that is a record of its own."""
    inner = envelope_of(value)
    around = {**value, **inner} if inner else value
    carried = windows_event(around) or _carried(around) or inner
    if isinstance(carried, str):
        message = of_object(value) if syslog else None
        text = message.as_syslog() if message else without_colours(carried).strip()
        return text.encode("utf-8", "surrogateescape" if message is None else "replace") or None
    return json.dumps(carried).encode() if carried else None


def _from_json(line: bytes, syslog: bool) -> bytes | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return unwrap_object(value, syslog=syslog) if isinstance(value, dict) else None


def _carried(value: Object) -> Object | str | None:
    """What an object carries: a text, or an object."""
    if "event_type" in value and "src_ip" in value:
        return None  # it is Suricata's own
    inner = value.get("data")
    if isinstance(inner, dict) and "event_type" in inner:
        return _numbers(inner)
    if ecs := _from_ecs(value):
        return ecs
    if len(value) == 1 and (name := next(iter(value))) in _ZEEK_LOGS and isinstance(value[name], dict):
        return {"_path": name, **_object(value[name])}
    original = _object(value.get("event")).get("original")
    for part in (original, *(value.get(name) for name in TEXTS)):
        if text := text_of(part):
            return _named(text, value) or text
    return next((_object(value[name]) for name in _OBJECTS if isinstance(value.get(name), dict)), None)


def _named(text: str, around: Object) -> Object | None:
    """A Zeek line with the name of its log, which stands in what the shipper says about it."""
    dataset = str(_at(around, "event", "dataset") or "").removeprefix("zeek.").replace("connection", "conn")
    file = str(_at(around, "log", "file", "path") or around.get("source") or "").rpartition("/")[2].partition(".")[0]
    log = next((name for name in (dataset, file) if name in _ZEEK_LOGS), None)
    if log is None or not text.lstrip().startswith("{"):
        return None
    try:
        return {"_path": log, **_object(json.loads(text))}
    except (ValueError, RecursionError):
        return None


def _object(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _numbers(event: Object) -> Object:
    """Wazuh turns numbers into texts; those that a reader needs as numbers become numbers again."""

    def plain(value: object) -> object:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return (
            int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 18 else value
        )

    return {key: plain(item) for key, item in event.items()}


# --- Elastic Common Schema: Filebeat's Zeek and Suricata modules ----------------------------------------------------


def _from_ecs(value: Object) -> Object | None:
    zeek, suricata = _object(value.get("zeek")), _object(_object(value.get("suricata")).get("eve"))
    if suricata:
        return _eve(value, suricata)
    dataset = str(_object(value.get("event")).get("dataset") or "").removeprefix("zeek.")
    convert = _DATASETS.get(dataset)
    return convert(value, _object(zeek.get(dataset))) if zeek and convert else None


def _at(value: Object, *path: str) -> object:
    for name in path:
        value = _object(value.get(name)) if name != path[-1] else value
    return value.get(path[-1])


def _eve(value: Object, eve: Object) -> Object:
    ends = {
        "timestamp": value.get("@timestamp"), "src_ip": _at(value, "source", "ip"),
        "src_port": _at(value, "source", "port"), "dest_ip": _at(value, "destination", "ip"),
        "dest_port": _at(value, "destination", "port"), "proto": _at(value, "network", "transport"),
    }  # fmt: skip
    dns = {"rrname": _at(value, "dns", "question", "name"), "rrtype": _at(value, "dns", "question", "type")}
    return {**ends, **({"dns": {**dns, **_object(eve.get("dns"))}} if dns["rrname"] else {}), **eve}


def _ends(value: Object, path: str) -> dict[str, object]:
    return {
        "_path": path, "ts": value.get("@timestamp"), "uid": _at(value, "zeek", "session_id"),
        "id.orig_h": _at(value, "source", "ip"), "id.orig_p": _at(value, "source", "port"),
        "id.resp_h": _at(value, "destination", "ip"), "id.resp_p": _at(value, "destination", "port"),
        "proto": _at(value, "network", "transport"),
    }  # fmt: skip


def _connection(value: Object, zeek: Object) -> Object:
    lasted = _at(value, "event", "duration")
    service = _at(value, "network", "protocol")
    return {
        **_ends(value, "conn"), "conn_state": zeek.get("state"), "history": zeek.get("history"),
        "duration": lasted / 1e9 if isinstance(lasted, (int, float)) else None,
        "service": "ssl" if service == "tls" else service,
        "orig_ip_bytes": _at(value, "source", "bytes"), "resp_ip_bytes": _at(value, "destination", "bytes"),
        "orig_pkts": _at(value, "source", "packets"), "resp_pkts": _at(value, "destination", "packets"),
    }  # fmt: skip


def _dns(value: Object, zeek: Object) -> Object:
    answers = _at(value, "dns", "answers")
    named = [item.get("data") for item in answers if isinstance(item, dict)] if isinstance(answers, list) else []
    question = {"query": _at(value, "dns", "question", "name"), "qtype_name": _at(value, "dns", "question", "type")}
    return {
        **_ends(value, "dns"), **zeek, "rcode_name": _at(value, "dns", "response_code") or zeek.get("rcode_name"),
        "answers": named or zeek.get("answers"), **{key: item for key, item in question.items() if item},
    }  # fmt: skip


def _ssl(value: Object, zeek: Object) -> Object:
    name = _at(value, "tls", "client", "server_name") or _at(zeek, "server", "name") or zeek.get("server_name")
    version = _at(value, "tls", "version")
    tls_version = f"TLSv{str(version).replace('.', '')}" if version else zeek.get("version")
    return {**_ends(value, "ssl"), "server_name": name, "version": tls_version, "established": zeek.get("established")}


def _notice(value: Object, zeek: Object) -> Object:
    return {**_ends(value, "notice"), **zeek}


_DATASETS: Mapping[str, Callable[[Object, Object], Object]] = {
    "connection": _connection, "dns": _dns, "ssl": _ssl, "notice": _notice,
}  # fmt: skip
