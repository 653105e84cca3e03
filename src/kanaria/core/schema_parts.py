"""What the schema of a table is made of: a column, a table, and the columns that every table has."""

from __future__ import annotations

import pyarrow as pa

from kanaria.core.values import dataclass

TIME = pa.timestamp("us", tz="UTC")

UNPARSED = pa.schema([pa.field("line", pa.int64()), pa.field("raw", pa.binary())])
"""Columns of ``Batch.unparsed``."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its Arrow type, one line of meaning, and where it goes in OCSF and ECS (empty: nowhere)."""

    name: str
    type: pa.DataType
    doc: str
    ocsf: str = ""
    ecs: str = ""


@dataclass(frozen=True, slots=True)
class TableSchema:
    """A normalised table. ``ocsf_class`` is the OCSF event class uid, 0 where OCSF has none that fits."""

    name: str
    doc: str
    ocsf_class: int
    columns: tuple[Column, ...]

    @property
    def arrow(self) -> pa.Schema:
        return pa.schema([pa.field(column.name, column.type) for column in self.columns])

    def column(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


COMMON = (
    Column("event_id", pa.int64(), "stable id: source hash and record number (core.ids)", "metadata.uid", "event.id"),
    Column("time", TIME, "when it happened; null for a fragment without a time", "time", "@timestamp"),
    Column(
        "source",
        pa.string(),
        "file path, interface or collector it was read from",
        "metadata.log_name",
        "log.file.path",
    ),
    Column(
        "line",
        pa.int64(),
        "record number in the source, from 1 (line, packet or row)",
        "metadata.sequence",
        "log.offset",
    ),
    Column(
        "sensor",
        pa.string(),
        "what produced the record: nginx, zeek, pcap, …",
        "metadata.product.name",
        "observer.type",
    ),
    Column("src_ip", pa.string(), "address of the client", "src_endpoint.ip", "source.ip"),
    Column("src_port", pa.int32(), "port of the client", "src_endpoint.port", "source.port"),
    Column("dst_ip", pa.string(), "address of the server", "dst_endpoint.ip", "destination.ip"),
    Column("dst_port", pa.int32(), "port of the server", "dst_endpoint.port", "destination.port"),
    Column("device", pa.string(), "the internal side: address or host name", "device.ip", "host.ip"),
    Column("remote", pa.string(), "the other side seen from the device", "", "related.ip"),
    Column(
        "direction",
        pa.string(),
        "inbound, outbound, internal or external",
        "connection_info.direction",
        "network.direction",
    ),
    Column(
        "community_id",
        pa.string(),
        "Community ID v1 of the 5-tuple",
        "connection_info.community_uid",
        "network.community_id",
    ),
)


def table(name: str, doc: str, ocsf_class: int, *columns: Column) -> TableSchema:
    return TableSchema(name, doc, ocsf_class, COMMON + columns)
