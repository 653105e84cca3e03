"""NetFlow v5, v9 and IPFIX datagrams into one-way flow records. No network here: bytes in, records out.

Layouts are those of Cisco's NetFlow v5 description, RFC 3954 (v9) and RFC 7011 (IPFIX), field numbers those of the IANA
IPFIX registry. Templates are kept per exporter and observation domain; data that comes before its template is counted,
not guessed. Sampled exporters' counters are multiplied by their sampling interval.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import field

from kanaria.core.remembered import remembered
from kanaria.core.values import dataclass

Record = dict[str, int | str]
"""``first`` and ``last`` (epoch microseconds), ``protocol``, endpoints, ``bytes``, ``packets``, ``flags``; for records
of both directions also ``bytes_rev``, ``packets_rev``, ``flags_rev``."""
_Template = tuple[tuple[int, int, int], ...]
"""(field number, length or 65535 for variable, enterprise number) of every field."""

_REVERSE = 29305
"""Enterprise number that marks the way back in bidirectional IPFIX records (RFC 5103)."""
_NUMBERS = {
    1: "bytes", 2: "packets", 4: "protocol", 6: "flags", 7: "src_port", 11: "dst_port", 23: "bytes_out",
    24: "packets_out", 32: "icmp", 139: "icmp", 176: "icmp_type", 177: "icmp_code", 178: "icmp_type", 179: "icmp_code",
    21: "last_up", 22: "first_up", 85: "bytes", 86: "packets", 231: "bytes", 232: "bytes_rev", 298: "packets",
    299: "packets_rev", 150: "first_s", 151: "last_s", 152: "first_ms", 153: "last_ms", 154: "first_ntp",
    155: "last_ntp", 156: "first_ntp", 157: "last_ntp", 160: "boot_ms", 34: "sampling", 50: "sampling", 305: "taken",
    306: "left_out", 309: "taken", 310: "out_of", 323: "event_ms", 158: "first_delta", 159: "last_delta",
    161: "duration_ms",
}  # fmt: skip
_ADDRESSES = {8: "src_ip", 12: "dst_ip", 27: "src_ip", 28: "dst_ip"}
_REVERSED = {"bytes": "bytes_rev", "packets": "packets_rev", "flags": "flags_rev"}
_NTP_EPOCH = 2_208_988_800
_V5_HEADER, _V5_RECORD = struct.Struct("!HHIIIIBBH"), struct.Struct("!4s4s4sHHIIIIHHBBBBHHBBH")
_MAX_TEMPLATES = 10_000
"""Templates kept at most; an exporter that announces more is broken or hostile."""


class CutOff(ValueError):
    """A datagram that ends too early; ``records`` are those that were whole."""

    def __init__(self, reason: str, records: list[Record]) -> None:
        super().__init__(reason)
        self.records = records


@dataclass(slots=True)
class Decoder:
    """Keeps what datagrams refer back to: templates and sampling intervals, by exporter."""

    templates: dict[tuple[str, int, int], _Template] = field(default_factory=dict)
    options: set[tuple[str, int, int]] = field(default_factory=set)
    sampling: dict[tuple[str, int], int] = field(default_factory=dict)
    without_template: int = 0

    def decode(self, datagram: bytes, exporter: str) -> list[Record]:
        """Records of one datagram.

        Raises ValueError for what is no NetFlow, and CutOff with the whole records of what ends too early.
        """
        version = int.from_bytes(datagram[:2], "big")
        if version not in (5, 9, 10):
            reason = f"expected NetFlow version 5, 9 or 10 (IPFIX); got {version}"
            raise ValueError(reason)
        records: list[Record] = []
        try:
            for record in _version5(datagram) if version == 5 else self._sets(datagram, exporter, version):
                records.append(record)
        except (struct.error, IndexError) as error:
            reason = f"NetFlow version {version} datagram is cut off"
            raise CutOff(reason, records) from error
        return records

    def _sets(self, data: bytes, exporter: str, version: int) -> Iterator[Record]:
        if version == 9:
            _v, _count, uptime, seconds, _sequence, domain = struct.unpack_from("!HHIIII", data)
            at, boot, end = 20, seconds * 1000 - uptime, len(data)
        else:
            _v, end, seconds, _sequence, domain = struct.unpack_from("!HHIII", data)
            at, boot = 16, 0
        while at + 4 <= end:
            number, length = struct.unpack_from("!HH", data, at)
            if length < 4:
                return
            body = data[at + 4 : min(at + length, end)]
            yield from self._set(number, body, (exporter, domain), version, (boot, seconds))
            at += length
            if at > len(data):
                raise IndexError

    def _set(
        self, number: int, body: bytes, who: tuple[str, int], version: int, clock: tuple[int, int]
    ) -> Iterator[Record]:
        if number in (0, 2):
            self._learn(body, who, version)
        elif number in (1, 3):
            self._learn_options(body, who, version)
        elif number >= 256:
            template = self.templates.get((*who, number))
            if template is None:
                self.without_template += 1
                return
            for values in _records(body, template):
                if (*who, number) in self.options:
                    self.sampling[who] = _one_in(values) or self.sampling.get(who, 1)
                else:
                    record = _finish(values, clock, self.sampling.get(who, 1))
                    if record:
                        yield record

    def _learn(self, body: bytes, who: tuple[str, int], version: int) -> None:
        at = 0
        while at + 4 <= len(body):
            number, count = struct.unpack_from("!HH", body, at)
            if number < 256:
                return  # padding
            at, fields = _fields(body, at + 4, count, version)
            self._keep((*who, number), fields)
            self.options.discard((*who, number))

    def _learn_options(self, body: bytes, who: tuple[str, int], version: int) -> None:
        at = 0
        while at + 6 <= len(body):
            number, first, second = struct.unpack_from("!HHH", body, at)
            if number < 256:
                return  # padding
            count = (first + second) // 4 if version == 9 else first
            at, fields = _fields(body, at + 6, count, version)
            self._keep((*who, number), fields)
            self.options.add((*who, number))

    def _keep(self, key: tuple[str, int, int], fields: _Template) -> None:
        if not fields:  # withdrawn (RFC 7011, 8.1)
            self.templates.pop(key, None)
        elif key in self.templates or len(self.templates) < _MAX_TEMPLATES:
            self.templates[key] = fields


def _fields(body: bytes, at: int, count: int, version: int) -> tuple[int, _Template]:
    fields = []
    for _ in range(count):
        number, length = struct.unpack_from("!HH", body, at)
        at, enterprise = at + 4, 0
        if version == 10 and number & 0x8000:
            number, enterprise, at = number & 0x7FFF, struct.unpack_from("!I", body, at)[0], at + 4
        fields.append((number, length, enterprise))
    return at, tuple(fields)


def _records(body: bytes, template: _Template) -> Iterator[Record]:
    """Raw values by name. A set ends with padding shorter than a record."""
    at = 0
    least = sum(1 if length == 65535 else length for _number, length, _enterprise in template)
    while least and at + least <= len(body):
        values: Record = {}
        for number, length, enterprise in template:
            if length == 65535:
                length, at = body[at], at + 1
                if length == 255:
                    length, at = int.from_bytes(body[at : at + 2], "big"), at + 2
            _put(values, number, enterprise, body[at : at + length])
            at += length
        if at > len(body):
            return
        yield values


def _put(values: Record, number: int, enterprise: int, data: bytes) -> None:
    if enterprise == _REVERSE:
        name = _REVERSED.get(_NUMBERS.get(number, ""), "")
    elif enterprise == 0:
        if number in _ADDRESSES and len(data) in (4, 16):
            address = _address(data)
            if address != "::" or _ADDRESSES[number] not in values:
                values[_ADDRESSES[number]] = address
            return
        name = _NUMBERS.get(number, "")
    else:
        return
    if name and len(data) <= 8:
        values[name] = int.from_bytes(data, "big")


def _finish(v: Record, clock: tuple[int, int], sampling: int) -> Record | None:
    """A record of the common names from raw values, or None when it is no flow."""
    if "src_ip" not in v or "dst_ip" not in v:
        return None
    first, last = (_when(v, side, clock) for side in ("first", "last"))
    times = _one_in(v) or sampling
    record: Record = {
        "first": first or last or clock[1] * 1_000_000, "last": last or first or clock[1] * 1_000_000,
        "protocol": v.get("protocol", 0), "src_ip": v["src_ip"], "dst_ip": v["dst_ip"],
        "src_port": v.get("src_port", 0), "dst_port": v.get("dst_port", 0), "flags": int(v.get("flags", 0)) & 0xFF,
        "bytes": int(v.get("bytes", v.get("bytes_out", 0))) * times,
        "packets": int(v.get("packets", v.get("packets_out", 0))) * times,
    }  # fmt: skip
    if record["protocol"] in (1, 58):
        icmp = int(v.get("icmp", int(v.get("icmp_type", 0)) * 256 + int(v.get("icmp_code", 0))))
        record["dst_port"] = icmp or record["dst_port"]
        record["src_port"] = 0
    for name in ("bytes_rev", "packets_rev"):
        if name in v:
            record[name] = int(v[name]) * times
    if "bytes_rev" in record:
        record["flags_rev"] = int(v.get("flags_rev", 0)) & 0xFF
    return record


def _one_in(v: Record) -> int:
    """How many packets each counted one stands for, 0 when that is not said: as an interval, as packets taken and
    left out in turn, or as so many out of a population (RFC 5477, 8.2)."""
    taken = int(v.get("taken", 0)) or 1
    if "out_of" in v:
        return int(v["out_of"]) // taken
    if "left_out" in v:
        return (taken + int(v["left_out"])) // taken
    return int(v.get("sampling", 0)) or int(v.get("taken", 0))


_NEVER = 1 << 62
_ROUND, _DAY_MS = 1 << 32, 86_400_000


def _since_start(boot: int, up: int, now: int) -> int:
    """Epoch milliseconds of an uptime in milliseconds, whose 32 bits go round every 49.7 days."""
    return boot + up - (_ROUND if boot + up > now + _DAY_MS else 0)


def _when(v: Record, side: str, clock: tuple[int, int]) -> int:
    """Epoch microseconds of a time in whichever of the registry's forms it came; 0 when it did not."""
    boot = int(v.get("boot_ms", clock[0]))
    if f"{side}_ms" in v:
        return int(v[f"{side}_ms"]) * 1000
    if f"{side}_up" in v:
        now = _NEVER if "boot_ms" in v else clock[1] * 1000
        return _since_start(boot, int(v[f"{side}_up"]), now) * 1000
    if f"{side}_ntp" in v:
        return _ntp(int(v[f"{side}_ntp"]))
    if f"{side}_delta" in v:
        return clock[1] * 1_000_000 - int(v[f"{side}_delta"])
    if side == "last" and "duration_ms" in v and "first_ms" in v:
        return (int(v["first_ms"]) + int(v["duration_ms"])) * 1000
    return int(v.get(f"{side}_s", 0)) * 1_000_000 or int(v.get("event_ms", 0)) * 1000


def _ntp(value: int) -> int:
    return ((value >> 32) - _NTP_EPOCH) * 1_000_000 + (((value & 0xFFFFFFFF) * 1_000_000) >> 32)


@remembered
def _address(packed: bytes) -> str:
    return str(ipaddress.ip_address(packed))


def _version5(data: bytes) -> Iterator[Record]:
    _v, count, uptime, seconds, nanos, _sequence, _type, _id, sampled = _V5_HEADER.unpack_from(data)
    boot = seconds * 1000 + nanos // 1_000_000 - uptime
    times, now = sampled & 0x3FFF or 1, seconds * 1000
    for index in range(count):
        f = _V5_RECORD.unpack_from(data, _V5_HEADER.size + index * _V5_RECORD.size)
        yield {
            "src_ip": _address(f[0]), "dst_ip": _address(f[1]),
            "packets": f[5] * times, "bytes": f[6] * times,
            "first": _since_start(boot, f[7], now) * 1000, "last": _since_start(boot, f[8], now) * 1000,
            "src_port": f[9], "dst_port": f[10], "flags": f[12], "protocol": f[13],
        }  # fmt: skip
