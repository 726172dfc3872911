"""The table of files handed to the desk: what the desk made of them, never the bytes that came."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Table, Text

from foundation.db import metadata
from foundation.guards import guard_append_only

release_upload = Table(
    "release_upload",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("licence", String(80), nullable=False),
    Column("organisation", String(80), nullable=False),
    Column("person", String(80), nullable=False),
    Column("session", String(80), nullable=False),
    Column("format", String(16), nullable=False),
    Column("arrow_table", LargeBinary),
    Column("words", Text),
    Column("json_value", Text),
    Column("content_digest", String(80), nullable=False),
    Column("entry_index", BigInteger, nullable=False),
    Column("received_us", BigInteger, nullable=False),
    Index("ix_release_upload_licence_received_us", "licence", "received_us"),
)

guard_append_only("release_upload")
