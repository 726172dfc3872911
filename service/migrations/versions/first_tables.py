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
    dialect = connection.dialect.name
    for statement in frozen_statements(revision, dialect):
        # psycopg reads a lone % as a placeholder, sqlite3 does not
        text = statement.replace("%", "%%") if dialect == "postgresql" else statement
        connection.exec_driver_sql(text)


def downgrade() -> None:
    """Refuse: history is append-only; restore a backup instead."""
    raise RuntimeError("this store only moves forward")
