"""One Windows event, whatever it was exported as: from JSON of many exporters to ``WindowsEvent``.

Known shapes: the event itself as ``evtx_dump`` and Hayabusa write it, Winlogbeat (ECS and before), Wazuh, NXLog and
other flat objects, ``Get-WinEvent | ConvertTo-Json`` and ``Get-EventLog | ConvertTo-Json``. Names are compared without
case. Captions, levels and task names are localised and never looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import UTC, datetime, timedelta

from kanaria.core.late_regex import late_regex
from kanaria.core.values import dataclass
from kanaria.formats.logons.emit import number
from kanaria.formats.logons.windows_layout import by_position, from_message
from kanaria.formats.text_log import iso_time


@dataclass(frozen=True, slots=True)
class WindowsEvent:
    """``data`` holds the event's fields by name in lower case; ``channel`` is empty only where nothing tells it."""

    channel: str
    code: int
    time: datetime | None
    computer: str | None
    data: Mapping[str, str] = field(default_factory=dict)

    def get(self, *names: str) -> str | None:
        """The first of these fields that has a value; ``-`` is Windows' word for none."""
        for name in names:
            value = self.data.get(name, "").strip()
            if value and value != "-":
                return value
        return None


CODES = frozenset(
    (4, 1, 3, 21, 22, 25, 56, 131, 140, 200, 201, 301, 302, 551, 1149, 4624, 4625, 4648, 4672, 4688, 4740, 4768, 4769,
     4771, 4776, 4778, 5140, 5145, 5156, 7045, 4697, 4698, 4104, 1006, 1015, 1116, 1117)
)  # fmt: skip
"""Ids that mean something in a channel ``windows_rows`` knows. Of other events no field is taken, because most
events of a log are others: skipping them makes reading several times faster."""

# A provider writes to one channel, so it stands in where an export left the channel out.
_CHANNEL_OF = {
    "microsoft-windows-security-auditing": "Security",
    "microsoft-windows-terminalservices-remoteconnectionmanager":
        "Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational",
    "microsoft-windows-terminalservices-localsessionmanager":
        "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
    "microsoft-windows-remotedesktopservices-rdpcorets":
        "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS/Operational",
    "microsoft-windows-smbserver": "Microsoft-Windows-SMBServer/Security",
    "microsoft-windows-sysmon": "Microsoft-Windows-Sysmon/Operational",
    "linux-sysmon": "Linux-Sysmon/Operational",
    "microsoft-windows-windows defender": "Microsoft-Windows-Windows Defender/Operational",
    "microsoft-windows-powershell": "Microsoft-Windows-PowerShell/Operational",
    "powershellcore": "PowerShellCore/Operational",
    "openssh": "OpenSSH/Operational",
    "termdd": "System",
    "service control manager": "System",
}  # fmt: skip


def event(
    *, channel: object, provider: object, code: object, time: datetime | None, computer: object,
    data: Mapping[str, object] | None = None, values: list[str] | None = None, message: str = "", every: bool = False,
) -> WindowsEvent | None:  # fmt: skip
    """An event from its parts, or None without an event id. Names beat positions, positions beat the message."""
    number_of_event = number(scalar(code), 65_535)
    if number_of_event is None:
        return None
    named = (
        {key.lower().replace(" ", ""): scalar(value) for key, value in (data or {}).items()}
        if every or number_of_event in CODES
        else {}
    )
    if values and not any(name in named for name in ("targetusername", "subjectusername", "param1", "user")):
        named = {**by_position(number_of_event, values), **named}
    if not named and message:
        named = from_message(number_of_event, message)
    where = scalar(channel) or _CHANNEL_OF.get(scalar(provider).lower(), "")
    return WindowsEvent(where, number_of_event, time, scalar(computer) or None, named)


def scalar(value: object) -> str:
    """A value as text; XML turned to JSON wraps it in an object with attributes."""
    if type(value) is str:
        return value
    if isinstance(value, dict):
        value = next((value[key] for key in ("#text", "#Text", "_", "Value", "value", "$") if key in value), "")
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (list, tuple)):
        return " ".join(scalar(part) for part in value)
    return str(value)


def from_document(document: Mapping[str, object], *, every: bool = False) -> WindowsEvent | None:
    """The event a JSON object holds, or None when it holds none; with the fields of ``every`` kind if so wanted."""
    low = lowered(document)
    if inner := _mapping(low.get("event")):
        if system := _mapping(lowered(inner).get("system")):
            return _from_xml_shape(system, lowered(inner), every)
    if isinstance(low.get("winlog"), dict) or ("event_id" in low and "log_name" in low):
        return _from_beat(low, every)
    wazuh = _mapping(lowered(_mapping(low.get("data")) or low).get("win"))
    if wazuh:
        return _from_wazuh(lowered(wazuh), low, every)
    if "id" in low and ("logname" in low or "providername" in low):
        return _from_get_winevent(low, every)
    return _from_flat(low, every) if "eventid" in low else None


def lowered(value: Mapping[str, object]) -> dict[str, object]:
    """The same mapping with keys in lower case; of keys that become equal the first stays."""
    result: dict[str, object] = {}
    for key, item in value.items():
        result.setdefault(str(key).lower(), item)
    return result


def _mapping(value: object) -> Mapping[str, object]:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def attribute(value: object, name: str) -> object:
    """An attribute of an XML element turned to JSON, under any of the spellings converters use."""
    holder = _mapping(value)
    inner = _mapping(holder.get("#attributes") or holder.get("_attributes") or holder.get("$"))
    for place in (inner, holder):
        for key in (name, "@" + name):
            if key in place:
                return place[key]
    return None


def _from_xml_shape(raw: Mapping[str, object], whole: Mapping[str, object], every: bool) -> WindowsEvent | None:
    system = lowered(raw)
    time = system.get("timecreated")
    stamp = attribute(time, "SystemTime") or attribute(system.get("timecreated_attributes"), "SystemTime") or time
    provider = system.get("provider")
    name = attribute(provider, "Name") or attribute(system.get("provider_attributes"), "Name") or provider
    wanted = every or number(scalar(system.get("eventid"))) in CODES
    data, values = _fields(whole.get("eventdata")) if wanted else ({}, [])
    more, extra = _fields(whole.get("userdata")) if wanted else ({}, [])
    return event(
        channel=system.get("channel"), provider=name, code=system.get("eventid"), time=time_of(stamp),
        computer=system.get("computer"), data={**more, **data}, values=values or extra,
        every=every,
    )  # fmt: skip


def _fields(value: object, depth: int = 0) -> tuple[dict[str, object], list[str]]:
    """Named fields and unnamed values of EventData or UserData. UserData nests them in one element of its own."""
    named: dict[str, object] = {}
    unnamed: list[str] = []
    for key, item in _mapping(value).items():
        if key.lower() in ("#attributes", "@name", "@xmlns", "xmlns", "binary") or key.lower().endswith("_attributes"):
            continue
        if key.lower() == "data" and isinstance(item, (list, dict)):
            for name, text in _data_elements(item):
                if name:
                    named[name] = text
                else:
                    unnamed.append(text)
        elif isinstance(item, dict) and not scalar(item) and depth < 3:
            deeper, values = _fields(item, depth + 1)
            named.update(deeper)
            unnamed += values
        else:
            named[key] = item
    return named, unnamed


def _data_elements(item: object) -> Iterator[tuple[str, str]]:
    """``<Data>`` elements: named ones, and the texts of unnamed ones."""
    if isinstance(item, dict) and isinstance(item.get("#text"), list):
        item = item["#text"]
    for part in item if isinstance(item, list) else [item]:
        yield str(attribute(part, "Name") or ""), scalar(part)


def _from_beat(low: Mapping[str, object], every: bool) -> WindowsEvent | None:
    inner = lowered(_mapping(low.get("winlog"))) or low
    host = _mapping(low.get("host"))
    data = {**_mapping(inner.get("user_data")), **_mapping(inner.get("event_data"))}
    unnamed = [scalar(data[key]) for key in sorted(data, key=_param_order) if key.startswith("param")]
    return event(
        channel=inner.get("channel") or inner.get("log_name"),
        provider=inner.get("provider_name") or inner.get("source_name"), code=inner.get("event_id"),
        time=time_of(low.get("@timestamp")), computer=inner.get("computer_name") or host.get("name"), data=data,
        values=unnamed, message=scalar(low.get("message")),
        every=every,
    )  # fmt: skip


def _param_order(key: str) -> int:
    return number(key.removeprefix("param")) or 0


def _from_wazuh(win: Mapping[str, object], whole: Mapping[str, object], every: bool) -> WindowsEvent | None:
    system = lowered(_mapping(win.get("system")))
    return event(
        channel=system.get("channel"), provider=system.get("providername"), code=system.get("eventid"),
        time=time_of(system.get("systemtime") or whole.get("timestamp")), computer=system.get("computer"),
        data={**_mapping(win.get("userdata")), **_mapping(win.get("eventdata"))},
        every=every,
    )  # fmt: skip


def _from_get_winevent(low: Mapping[str, object], every: bool) -> WindowsEvent | None:
    properties = low.get("properties")
    values = [scalar(part) for part in properties] if isinstance(properties, list) else []
    return event(
        channel=low.get("logname"), provider=low.get("providername"), code=low.get("id"),
        time=time_of(low.get("timecreated")), computer=low.get("machinename"), values=values,
        message=scalar(low.get("message")),
        every=every,
    )  # fmt: skip


_TIMES = ("@timestamp", "utctime", "timecreated", "systemtime", "eventtime", "timegenerated", "eventreceivedtime",
          "timestamp", "time")  # fmt: skip
_MACHINES = ("computer", "computername", "hostname", "machinename", "host")


def _from_flat(low: Mapping[str, object], every: bool) -> WindowsEvent | None:
    """Fields beside the system's own, as NXLog, log management systems and published data sets write them."""
    strings = low.get("replacementstrings")
    inner = _mapping(low.get("payload"))
    payload, unnamed = _fields(inner.get("EventData") or inner.get("UserData") or low.get("eventdata"))
    fields = {key: value for key, value in low.items() if not isinstance(value, (list, dict))}
    time = next((when for key in _TIMES if (when := time_of(low.get(key)))), None)
    has_fields = payload or any(key in fields for key in ("targetusername", "subjectusername", "ipaddress", "clientip"))
    provider = next((low[key] for key in ("provider", "providername", "sourcename", "source", "provider_name")
                     if low.get(key)), "")  # fmt: skip
    parsed = event(
        channel=low.get("channel") or low.get("logname") or low.get("eventlog"), provider=provider,
        code=low.get("eventid"), time=time, computer=next((low[key] for key in _MACHINES if low.get(key)), None),
        data={**fields, **payload}, values=[scalar(part) for part in strings] if isinstance(strings, list) else unnamed,
        every=every,
    )  # fmt: skip
    if parsed is None or has_fields or isinstance(strings, list) or unnamed:
        return parsed
    from_text = from_message(parsed.code, scalar(low.get("message")))
    return WindowsEvent(parsed.channel, parsed.code, parsed.time, parsed.computer, {**parsed.data, **from_text})


_JSON_DATE = late_regex(r"^/Date\((-?\d{1,16})(?:[+-]\d{4})?\)/$")


def time_of(value: object) -> datetime | None:
    """ISO text (any fraction), ``/Date(ms)/``, epoch seconds or milliseconds, or PowerShell's object around them."""
    if isinstance(value, dict):
        inner = lowered(value)
        value = inner.get("value") or inner.get("systemtime") or inner.get("datetime") or inner.get("#text")
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return _epoch(float(value))
    text = str(value).strip()
    if match := _JSON_DATE.match(text):
        return _epoch(float(match[1]) / 1000)
    if re.fullmatch(r"\d{9,13}(?:\.\d{1,9})?", text):
        return _epoch(float(text))
    return iso_time(re.sub(r"(\.\d{6})\d+", r"\1", text))


def _epoch(seconds: float) -> datetime | None:
    if seconds > 1e11:  # later than the year 5000 in seconds: these are milliseconds
        seconds /= 1000
    if not 0 <= seconds < 1e10:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=round(seconds * 1e6))
