"""The first tables of every room, with the triggers that guard them."""

from alembic import op

from service.migrations.freeze import frozen_statements

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create everything."""
    connection = op.get_bind()
    for statement in frozen_statements(revision, connection.dialect.name):
        connection.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: history is append-only; restore a backup instead."""
    raise RuntimeError("this store only moves forward")
