"""The control store's history: Alembic revisions, shipped in the wheel and run at start."""
