import ast
import sys
from pathlib import Path

import pytest

from tests.parts import REPOSITORY

SOURCES = sorted((REPOSITORY / "client" / "src" / "sandgate").glob("*.py"))
ALLOWED = {*sys.stdlib_module_names, "pyarrow", "sandgate"}
LAZY = {"altair", "polars", "IPython", "IPython.display"}


def _imported(tree: ast.Module) -> set[str]:
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    return names | {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}


def _imported_lazily(tree: ast.Module) -> set[str]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = [c for c in calls if ast.unparse(c.func) == "importlib.import_module"]
    return {ast.literal_eval(call.args[0]) for call in named}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_the_client_imports_nothing_of_the_platform(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    optional = {"sqlalchemy"} if path.stem == "sqlalchemy_dialect" else set()
    assert {name.split(".")[0] for name in _imported(tree)} <= ALLOWED | optional
    assert _imported_lazily(tree) <= LAZY
