"""Which data elements and code lists there are, and which of them a column may be bound to.

The rule file gives the first edition; what the authority added since stands beside it, and a newer
version of a code takes the place of the older one.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from catalog.datasets import DatasetDeclaration
from catalog.standards.store import standard_item
from foundation.canonical import digest
from foundation.errors import Conflict, Denied, InvalidInput, Message
from foundation.identity import Actor, Role
from foundation.two_people import check_natural_person
from policies.schema.standards import CodeListRule, ElementRule, StandardRules

ItemKind = Literal["element", "code_list"]
Item = TypeVar("Item", ElementRule, CodeListRule)


@dataclass(frozen=True)
class Dictionary:
    """All elements and code lists in force, by code."""

    elements: Mapping[str, ElementRule]
    code_lists: Mapping[str, CodeListRule]

    def values_of(self, element: ElementRule) -> tuple[str, ...]:
        """Return the values that an element's code list allows; none where it has no list."""
        found = self.code_lists.get(element.code_list or "")
        return () if found is None else tuple(value.value for value in found.values)


def dictionary(connection: Connection, rules: StandardRules) -> Dictionary:
    """Join the rule file's edition with what the authority added, the newest of each code."""
    elements = {found.code: found for found in rules.elements}
    lists = {found.code: found for found in rules.code_lists}
    query = select(standard_item.c.kind, standard_item.c.document)
    for row in connection.execute(query.order_by(standard_item.c.number)):
        if row.kind == "element":
            element = ElementRule.model_validate_json(row.document)
            elements[element.code] = element
        else:
            added = CodeListRule.model_validate_json(row.document)
            lists[added.code] = added
    return Dictionary(elements, lists)


def add_element(
    writer: Writer, actor: Actor, rules: StandardRules, element: ElementRule
) -> Recorded[ElementRule]:
    """Add a data element, or a newer version of one. Authority only; logged with its digest."""
    if element.pattern is not None:
        _check_pattern(element.pattern)

    def check(connection: Connection) -> None:
        known = dictionary(connection, rules)
        if element.code_list is not None and element.code_list not in known.code_lists:
            raise InvalidInput(
                "code_list_unknown",
                Message("所引代码表尚未登记。", "The code list named is not registered."),
                field="$.code_list",
            )
        _check_unregistered(connection, "element", rules.elements, element)

    return _add(writer, actor, "element", element, check)


def add_code_list(
    writer: Writer, actor: Actor, rules: StandardRules, code_list: CodeListRule
) -> Recorded[CodeListRule]:
    """Add a code list, or a newer edition of one. Authority only; logged with its digest."""
    values = [found.value for found in code_list.values]
    if len(set(values)) != len(values):
        raise InvalidInput(
            "code_value_repeated",
            Message("代码表中有重复的代码。", "A value stands twice in the code list."),
            field="$.values",
        )

    def check(connection: Connection) -> None:
        _check_unregistered(connection, "code_list", rules.code_lists, code_list)

    return _add(writer, actor, "code_list", code_list, check)


def check_bindings(
    connection: Connection, declaration: DatasetDeclaration, rules: StandardRules
) -> None:
    """Refuse a column bound to an element that is not there, or is of another type."""
    if not any(column.element for column in declaration.columns):
        return
    known = dictionary(connection, rules).elements
    for place, column in enumerate(declaration.columns):
        found = known.get(column.element or "")
        if column.element is not None and (found is None or found.type != column.type):
            raise InvalidInput(
                "element_unfit",
                Message(
                    f"列“{column.name}”所绑定的数据元不存在，或类型不同。",
                    f"The data element of {column.name!r} is not there, or of another type.",
                ),
                field=f"$.columns[{place}].element",
                rule="policies/standards",
            )


def _add(
    writer: Writer, actor: Actor, kind: ItemKind, item: Item, check: Callable[[Connection], None]
) -> Recorded[Item]:
    check_natural_person(actor)
    if not actor.has(Role.AUTHORITY):
        raise Denied(
            "authority_required",
            Message(
                "数据元和代码表由数据主管部门登记。",
                "Data elements and code lists are added by the data authority.",
            ),
            rule="policies/standards",
        )
    event = AuditEvent(
        EntryKind.STANDARD_ADDED,
        actor,
        public={
            "standard_kind": kind,
            "code": item.code,
            "version": item.version,
            "document": item.standard,
            "content_digest": digest(item.model_dump(mode="json")),
        },
    )

    def apply(connection: Connection, entry: PendingEntry) -> Item:
        check(connection)
        connection.execute(
            insert(standard_item).values(
                kind=kind,
                code=item.code,
                version=item.version,
                document=item.model_dump_json(),
                added_by=actor.person,
                added_us=entry.time_us,
            )
        )
        return item

    return writer.submit(event, apply)


def _check_unregistered(
    connection: Connection, kind: ItemKind, first_edition: Iterable[Item], item: Item
) -> None:
    """Refuse a version that is registered, of the rule file too, even where a newer one stands.

    The newest entry of a code is in force: an old version entered again would come back so.
    """
    query = select(standard_item.c.number).where(
        standard_item.c.kind == kind,
        standard_item.c.code == item.code,
        standard_item.c.version == item.version,
    )
    packaged = {(found.code, found.version) for found in first_edition}
    if (item.code, item.version) in packaged or connection.execute(query).first() is not None:
        raise _registered(item)


def _registered(item: ElementRule | CodeListRule) -> Conflict:
    return Conflict(
        "standard_exists",
        Message(
            f"“{item.code}”的这一版本已登记，请写明新版本。",
            f"This version of {item.code!r} is registered; name a newer one.",
        ),
        field="$.version",
    )


def _check_pattern(pattern: str) -> None:
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid as error:
        raise InvalidInput(
            "pattern_invalid",
            Message("格式表达式无效（RE2）。", "The pattern is not a valid RE2 expression."),
            field="$.pattern",
        ) from error
