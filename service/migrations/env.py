"""Runs the revisions on the connection that ``service.migrate`` hands over."""

from alembic import context

from foundation.db import metadata
from service.migrate import import_stores

import_stores()
connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=False,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
