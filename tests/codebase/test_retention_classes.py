"""Every kind of entry, and every private field that code writes, belongs to a class of record."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.retention.classes import Classes, RecordClass
from audit.tags import EntryKind
from foundation.errors import InvalidInput
from policies.load import load_policies
from policies.schema.retention import Erasure, RetentionRules
from service.retention import classes_of
from tests.parts import REPOSITORY
from tests.rule_files import changed_rules

PACKAGES = ("audit", "authorization", "catalog", "disclosure", "revenue", "sandbox", "service")
PRIVATE_PLACE = 3
RULES = load_policies().rules(RetentionRules)
CLASSES = classes_of(load_policies())
STATUTORY_FLOORS_MONTHS = {"network_records": 6, "use_records": 36, "question_text": 36}

Written = tuple[str, str, str]


def written_fields() -> Iterator[Written]:
    """Yield (place, kind or ``*``, field) for each private field of an event that code makes."""
    for package in PACKAGES:
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for function in ast.walk(tree):
                if isinstance(function, ast.FunctionDef):
                    yield from _fields_of(path.relative_to(REPOSITORY), function)


def _fields_of(path: Path, function: ast.FunctionDef) -> Iterator[Written]:
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "AuditEvent":
            private = next(
                (word.value for word in node.keywords if word.arg == "private"),
                node.args[PRIVATE_PLACE] if len(node.args) > PRIVATE_PLACE else None,
            )
            kind = _kind(node.args[0]) if node.args else "*"
            for field in _keys(private, function):
                yield f"{path}:{node.lineno}", kind, field


def _kind(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "EntryKind":
        return str(EntryKind[node.attr])
    return "*"


def _keys(node: ast.expr | None, function: ast.FunctionDef) -> Iterator[str]:
    """Spell out the keys of a private mapping; a name is followed to where it is made."""
    if isinstance(node, ast.Name):
        made = [
            item.value
            for item in ast.walk(function)
            if isinstance(item, ast.Assign | ast.AnnAssign)
            and item.value is not None
            and node.id in {getattr(one, "id", "") for one in _targets(item)}
        ]
        assert made or node.id in {one.arg for one in function.args.args}, ast.dump(node)
        for value in made:
            yield from _keys(value, function)
    elif node is not None:
        for found in ast.walk(node):
            if isinstance(found, ast.Dict):
                yield from (str(key.value) for key in found.keys if isinstance(key, ast.Constant))


def _targets(node: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target]


@pytest.mark.parametrize("kind", list(EntryKind))
def test_every_kind_of_entry_belongs_to_a_class(kind: EntryKind) -> None:
    assert CLASSES.of_kind(kind) is not None, f"{kind}: name it in policies/retention/"


def test_every_private_field_belongs_to_a_class() -> None:
    written = set(written_fields())
    assert {"sql", "reason", "engine", "name", "grounds"} <= {field for _, _, field in written}
    missing = [
        f"{place} {kind}/{field}"
        for place, kind, field in sorted(written)
        if CLASSES.of_field(kind, field) is None
    ]
    assert not missing, "name these fields in policies/retention/"


def test_every_kind_and_field_that_a_rule_names_is_there() -> None:
    with pytest.raises(ValueError, match="no entry kind"):
        Classes([_class(kinds=("query:unheard_of",))])
    with pytest.raises(ValueError, match="no entry kind"):
        Classes([_class(fields=("query:unheard:of/sql",))])


@pytest.mark.parametrize(("name", "months"), STATUTORY_FLOORS_MONTHS.items())
def test_the_terms_of_the_law_are_kept(name: str, months: int) -> None:
    found = next(item for item in RULES.classes if item.name == name)
    assert found.by_law
    assert found.minimum_months >= months


def test_the_ledgers_thirty_years_are_said_to_be_our_own_choice() -> None:
    found = next(item for item in RULES.classes if item.name == "ledger")
    assert (found.minimum_months, found.by_law, found.erasure) == (360, False, Erasure.NEVER)
    assert "非法律规定" in found.source


def test_no_class_names_its_data_bearing_word_readable() -> None:
    assert not CLASSES.readable("query:answer:released", "engine")
    assert CLASSES.readable("query:question:decided", "sql")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("maximum_months = 60", "maximum_months = 30"),
        ('fields = ["*/cell"]', 'fields = ["*/plan"]'),
        ('erasure = "purge"', 'erasure = "never"'),
        ('kinds = ["revenue"]', 'kinds = ["Revenue "]'),
    ],
)
def test_rules_that_contradict_themselves_are_refused(tmp_path: Path, old: str, new: str) -> None:
    copy = changed_rules(tmp_path / "policies", {})
    path = copy / "retention" / "national.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InvalidInput) as refusal:
        load_policies(copy)
    assert refusal.value.code == "policy_file_invalid"


def _class(kinds: tuple[str, ...] = (), fields: tuple[str, ...] = ()) -> RecordClass:
    return RecordClass(
        name="x",
        label_zh="x",
        label_en="x",
        minimum_months=1,
        maximum_months=None,
        purged=True,
        readable=False,
        kinds=kinds,
        fields=fields,
    )
