"""The tables of a store in SQLAlchemy's Core: what migrations are compared with and SQL is compiled from.

Nothing that runs every day imports this: a new store is made by ``schema.sql``, which ``kanaria.store.compile`` writes,
and daily statements are plain SQL that SQLite and PostgreSQL both understand. Times are ISO 8601 text in UTC, as in the
JSON documents: SQLite has no type for them, and they sort as they are.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, LargeBinary, MetaData, Table, Text, text

TABLES = MetaData()


def _name(column: str, *, null: bool = False) -> Column[str]:
    return Column(column, Text, nullable=null)


incident = Table(
    "incident", TABLES,
    Column("id", Text, primary_key=True), _name("state"), _name("merged_into", null=True),
    _name("document"),  # JSON, without what has tables of its own
   
    _name("severity"), _name("first_seen", null=True), _name("last_seen", null=True), _name("created"),
    _name("changed"),
    Index("incident_state", "state", "last_seen"),
)  # fmt: skip
finding = Table(
    "finding", TABLES,
    Column("id", Text, primary_key=True), Column("incident", Text, ForeignKey("incident.id"), nullable=False),
    Column("number", Integer),  # its place in the document; none when the incident only owns it
   
    _name("rule", null=True), _name("stage", null=True), _name("severity", null=True), _name("device", null=True),
    _name("remote", null=True), _name("time", null=True), _name("until", null=True), Column("bits", Float),
    _name("content", null=True),
    Index("finding_incident", "incident", "number"), Index("finding_rule", "rule"),
)  # fmt: skip
record = Table(
    "record", TABLES,
    Column("id", Text, primary_key=True),  # a digest of the rest
   
    _name("source", null=True), Column("line", Integer), _name("time", null=True), _name("quote"),
)  # fmt: skip
evidence = Table(
    "evidence", TABLES,
    Column("incident", Text, ForeignKey("incident.id"), primary_key=True), Column("number", Integer, primary_key=True),
    _name("id", null=True), _name("kind", null=True), _name("family", null=True), _name("about", null=True),
    Column("bits", Float), Column("record", Text, ForeignKey("record.id")), _name("content"),
    Index("evidence_record", "record"),
)  # fmt: skip
decision = Table(
    "decision", TABLES,
    Column("number", Integer, primary_key=True), _name("incident"), _name("time"), _name("who"), _name("was"),
    _name("became"), _name("why"),
)  # fmt: skip
told = Table("told", TABLES, Column("incident", Text, primary_key=True), _name("content"))
state = Table("state", TABLES, Column("name", Text, primary_key=True), Column("content", LargeBinary, nullable=False))
pair = Table(
    "pair", TABLES,
    Column("incident", Text, primary_key=True), Column("device", Text, primary_key=True),
    Column("remote", Text, primary_key=True),
)  # fmt: skip
news = Table(
    "news", TABLES,
    Column("number", Integer, primary_key=True), _name("incident"), _name("kind"), _name("created"), _name("content"),
    _name("told", null=True),
    Index("news_pending", "incident", sqlite_where=text("told IS NULL"), postgresql_where=text("told IS NULL")),
)  # fmt: skip
part = Table(
    "part", TABLES,
    Column("file", Text, primary_key=True), _name("kind"), Column("begins", BigInteger, nullable=False),
    Column("ends", BigInteger, nullable=False), Column("records", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)  # fmt: skip
