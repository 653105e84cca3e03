"""Which reader takes the records out of an input.

In: the beginning of an input. Out: the reader of its kind, or the records themselves.
"""

from __future__ import annotations

from typing import BinaryIO

from kanaria.formats.carriers import csv_exports, journal_entries, json_documents
from kanaria.formats.carriers.records import Reader, Record, Records


def reader_of(head: bytes) -> Reader | None:
    """How the records of such an input are read; None for one whose lines are its records."""
    if journal_entries.is_journal(head):
        return journal_entries.read
    if json_documents.is_document(head):
        return json_documents.read
    return csv_exports.read if csv_exports.columns_of(head) else None


def records(handle: BinaryIO, head: bytes) -> Records:
    """The records of an input that begins with ``head``."""
    reader = reader_of(head)
    return reader(handle) if reader else (Record(None, line) for line in iter(handle.readline, b""))
