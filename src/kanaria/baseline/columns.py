"""The columns the pattern of life adds, with their Arrow types and one line of meaning each.

Bits are ``-log2`` of a probability: 0 is what always happens, 10 happens once in a thousand choices. Null means that
the row does not take part (no device of ours, an unanswered scan) or lacks what the column is about.
"""

from __future__ import annotations

import pyarrow as pa

COLUMNS: dict[str, tuple[pa.DataType, str]] = {
    "baseline.endpoint_bits": (pa.float64(), "the other side's address, backed off device, peers, network"),
    "baseline.endpoint_bits_device": (pa.float64(), "the address among what this device alone does"),
    "baseline.endpoint_bits_peers": (pa.float64(), "the address among what devices of the same role do"),
    "baseline.endpoint_bits_network": (pa.float64(), "the address among what all devices do"),
    "baseline.network_bits": (pa.float64(), "the other side's AS, else its /16 (IPv6: /32)"),
    "baseline.service_bits": (pa.float64(), "transport and server port, by side"),
    "baseline.name_bits": (pa.float64(), "registered domain of the name asked for or shown in the handshake"),
    "baseline.account_bits": (pa.float64(), "account or RDP cookie"),
    "baseline.agent_bits": (pa.float64(), "user agent of a web client, by side and without release numbers"),
    "baseline.hour_bits": (pa.float64(), "hour of the day, weekdays and weekends apart"),
    "baseline.volume_bits": (pa.float64(), "most surprising of bytes up, bytes down and duration"),
    "baseline.rate_bits": (pa.float64(), "most surprising of this hour's connections, peers, sources, failures, bytes"),
    "baseline.surprise_bits": (pa.float64(), "novelty + service + volume + rhythm"),
    "baseline.p_value": (pa.float64(), "how rarely an hour of such a device holds as much, together or in one respect"),
    "baseline.anomalous": (pa.bool_(), "the p-value is below what the alert budget allows, and nothing is learning"),
    "baseline.learning": (pa.bool_(), "there is not enough history yet, of the network or of this device"),
    "baseline.new_to_device": (pa.bool_(), "this device never had this address on the other side"),
    "baseline.new_to_network": (pa.bool_(), "no device ever had it"),
    "baseline.new_device": (pa.bool_(), "the device itself was never seen before"),
    "device.role": (pa.string(), "role of the acting device"),
    "device.critical": (pa.bool_(), "losing the acting device stops others: by role or by configuration"),
    "device.serves": (pa.string(), "what the acting device offers: tcp/53, udp/53, …"),
}
