"""House rules as checks: size, names, leftovers, secrets, and what the wheel may ship."""

import ast
import re
import subprocess
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from audit.sentences import KIND_SENTENCES
from audit.tags import EntryKind
from tests.parts import REPOSITORY

OUR_PACKAGES = (
    "audit",
    "authorization",
    "catalog",
    "disclosure",
    "foundation",
    "policies",
    "revenue",
    "sandbox",
    "service",
)
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
LEFTOVERS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError|not implemented|for now")


def tracked(pattern: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", pattern], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    found = [REPOSITORY / line for line in listed.stdout.splitlines()]
    return [path for path in found if path.exists()]


pytestmark = pytest.mark.skipif(not tracked("*.py"), reason="needs a git checkout: run it there")


@pytest.mark.parametrize("name", OUR_PACKAGES)
def test_no_other_distribution_ships_our_package_names(name: str) -> None:
    assert set(packages_distributions().get(name, [])) <= {"sandgate"}


def test_no_python_file_is_longer_than_the_limit() -> None:
    long = {
        str(path.relative_to(REPOSITORY)): count
        for path in tracked("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > FILE_LINES_MAX
    }
    assert long == {}


def test_no_function_is_longer_than_the_limit() -> None:
    long = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno} {node.name}"
        for path in tracked("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert long == []


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [path for path in tracked("*.py") if path.stem in BANNED_NAMES] == []


def test_nothing_unfinished_is_left_in_the_product() -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}:{number}"
        for path in tracked("*.py")
        if "tests" not in path.parts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if LEFTOVERS.search(line)
    ]
    assert found == []


def test_no_module_hides_a_cycle_behind_type_checking() -> None:
    hiding = [
        path
        for path in tracked("*.py")
        if "tests" not in path.parts and "TYPE_CHECKING" in path.read_text(encoding="utf-8")
    ]
    assert hiding == []


def test_locks_name_no_registry_host() -> None:
    locks = tracked("*.lock")
    assert locks
    assert [path for path in locks if "://" in path.read_text(encoding="utf-8")] == []


def test_every_module_opens_with_what_it_decides() -> None:
    silent = [
        str(path.relative_to(REPOSITORY))
        for path in tracked("*.py")
        if "tests" not in path.parts and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert silent == []


def test_every_entry_kind_follows_the_grammar_and_has_its_sentence() -> None:
    assert set(KIND_SENTENCES) == set(EntryKind)
    for kind in EntryKind:
        assert re.fullmatch(r"[a-z]+:[a-z]+:[a-z]+", kind.value), kind
        assert KIND_SENTENCES[kind].zh
        assert KIND_SENTENCES[kind].en


def test_every_entry_kind_is_used_somewhere() -> None:
    source = "\n".join(
        path.read_text(encoding="utf-8")
        for package in OUR_PACKAGES
        for path in (REPOSITORY / package).rglob("*.py")
        if path.name != "tags.py"
    )
    unused = [kind.name for kind in EntryKind if f"EntryKind.{kind.name}" not in source]
    assert unused == []


def test_every_promise_names_a_test_that_exists() -> None:
    text = (REPOSITORY / "SECURITY.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(tests/[a-z_/]+\.py)(?:::(test_\w+))?`", text))
    assert named
    for path, test in named:
        file = REPOSITORY / path
        assert file.exists(), path
        assert not test or f"def {test}(" in file.read_text(encoding="utf-8"), (path, test)
