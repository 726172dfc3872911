"""One authoritative source for each data item (一数一源): who holds it, and who else claims it.

The first claim to an item stands. A second is refused as a source and becomes a matter for the
authority to decide; until it does, and if it never does, the first source stays.
"""

from collections.abc import Callable
from typing import Any, Literal

from sqlalchemy import Connection, Row, insert, select, update

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from catalog.datasets import Dataset, Frozen
from catalog.entries import Bilingual
from catalog.matters.clocks import Clocks
from catalog.matters.matter import Counter, MatterKind, NewMatter, require_handler
from catalog.matters.opening import conclude, open_matter
from catalog.matters.reads import matter
from catalog.quality.keepers import require_keeper, required_dataset
from catalog.quality.store import item_claim
from catalog.store import dataset_table
from foundation.errors import Conflict, InvalidInput, Message, NotFound
from foundation.identity import Actor, Role
from foundation.ids import new_id
from foundation.two_people import check_another_person, check_natural_person, check_older_than

ITEM_CHARACTERS_MAX = 200
Decision = Literal["keep", "replace"]
Apart = Callable[[Connection, Actor, str], None]
"""Refuses who serves an organisation or an affiliate of it (``authorization.independence``)."""


class ItemClaim(Frozen):
    """A data set's column as the source of an item; times are UTC microseconds."""

    id: str
    item: str
    dataset: str
    column: str
    provider: str
    state: Literal["authoritative", "contested", "refused", "replaced"]
    matter: str | None
    claimed_us: int
    decided_us: int | None = None


def claim_item(
    writer: Writer,
    clocks: Clocks,
    actor: Actor,
    authority: str,
    item: str,
    dataset_name: str,
    column: str,
) -> Recorded[ItemClaim]:
    """Claim a column as the authoritative source of an item; contested where there is one.

    ``item`` is the item's name or its code in the data-element dictionary.
    """
    item = " ".join(item.split())
    if not 0 < len(item) <= ITEM_CHARACTERS_MAX:
        raise InvalidInput(
            "item_invalid",
            Message(
                "请填写数据项名称（不超过200字）。", "Name the item in at most 200 characters."
            ),
            field="$.item",
        )
    claim = new_id("itm")
    public = {"claim": claim, "item": item, "dataset": dataset_name, "column": column}
    event = AuditEvent(EntryKind.SOURCE_CLAIMED, actor, public)

    def apply(connection: Connection, entry: PendingEntry) -> ItemClaim:
        dataset = required_dataset(connection, dataset_name)
        require_keeper(connection, actor, dataset)
        check_natural_person(actor)
        _check_new(connection, item, dataset, column)
        standing = source_of(connection, item)
        state, opened = "authoritative", None
        if standing is not None:
            state = "contested"
            asked = _asked(claim, item, actor, authority)
            opened = open_matter(connection, entry, clocks, asked).id
        connection.execute(
            insert(item_claim).values(
                id=claim,
                item=item,
                dataset_id=dataset.id,
                column_name=column,
                provider=dataset.provider,
                state=state,
                matter=opened,
                claimed_by=actor.person,
                claimed_us=entry.time_us,
            )
        )
        entry.amend(state=state, stands=None if standing is None else standing.dataset)
        return required_claim(connection, claim)

    return writer.submit(event, apply)


def decide_claim(
    writer: Writer,
    actor: Actor,
    apart: Apart,
    claim_id: str,
    decision: Decision,
    reason: str,
) -> Recorded[ItemClaim]:
    """Decide a contested claim: the standing source is kept, or the new one takes its place.

    ``apart`` refuses whoever serves one of the two departments, or an affiliate.
    """
    if not reason.strip():
        raise InvalidInput(
            "reason_missing", Message("请写明理由。", "Give a reason."), field="$.reason"
        )
    public = {"claim": claim_id, "decision": decision}
    event = AuditEvent(EntryKind.SOURCE_DECIDED, actor, public, {"reason": reason})

    def apply(connection: Connection, entry: PendingEntry) -> ItemClaim:
        row = _claim_row(connection, claim_id)
        if row.state != "contested" or row.matter is None:
            raise Conflict(
                "claim_not_contested",
                Message("该主张没有待裁定的争议。", "Nothing is to be decided about this claim."),
                field="claim",
            )
        opened = matter(connection, row.matter)
        if opened is None:
            raise LookupError("a contested claim has its matter")
        check_natural_person(actor)
        check_another_person(actor, row.claimed_by)
        check_older_than(actor, row.claimed_us)
        require_handler(actor, opened)
        for claim in claims(connection, row.item):
            if claim.state in {"authoritative", "contested"}:
                apart(connection, actor, claim.provider)
        decided = {"decided_by": actor.person, "decided_us": entry.time_us}
        if decision == "replace":
            _replace(connection, row.item)
        state = "authoritative" if decision == "replace" else "refused"
        connection.execute(
            update(item_claim).where(item_claim.c.id == claim_id).values(state=state, **decided)
        )
        conclude(connection, entry, row.matter, decision, reason)
        entry.amend(item=row.item, state=state)
        return required_claim(connection, claim_id)

    return writer.submit(event, apply)


def source_of(connection: Connection, item: str) -> ItemClaim | None:
    """Return the authoritative source of an item, or None."""
    query = _claims().where(item_claim.c.item == item, item_claim.c.state == "authoritative")
    row = connection.execute(query).first()
    return None if row is None else _claim(row)


def claims(connection: Connection, item: str | None = None) -> list[ItemClaim]:
    """List the claims, to one item or to all, by item and time."""
    query = _claims().order_by(item_claim.c.item, item_claim.c.claimed_us)
    if item is not None:
        query = query.where(item_claim.c.item == item)
    return [_claim(row) for row in connection.execute(query)]


def required_claim(connection: Connection, claim_id: str) -> ItemClaim:
    """Return a claim. Raises NotFound."""
    return _claim(_claim_row(connection, claim_id))


def _claim_row(connection: Connection, claim_id: str) -> Row[Any]:
    row = connection.execute(_claims().where(item_claim.c.id == claim_id)).first()
    if row is None:
        raise NotFound(
            "claim_unknown", Message("没有该主张。", "There is no such claim."), field="claim"
        )
    return row


def _claims() -> Any:
    return select(item_claim, dataset_table.c.name.label("dataset")).join_from(
        item_claim, dataset_table, item_claim.c.dataset_id == dataset_table.c.id
    )


def _claim(row: Row[Any]) -> ItemClaim:
    return ItemClaim(
        id=row.id,
        item=row.item,
        dataset=row.dataset,
        column=row.column_name,
        provider=row.provider,
        state=row.state,
        matter=row.matter,
        claimed_us=row.claimed_us,
        decided_us=row.decided_us,
    )


def _check_new(connection: Connection, item: str, dataset: Dataset, column: str) -> None:
    if dataset.declaration.column(column) is None:
        raise InvalidInput(
            "column_unknown",
            Message("该数据集没有这一列。", "The data set has no such column."),
            field="$.column",
        )
    known = claims(connection, item)
    if any(
        claim.dataset == dataset.declaration.name and claim.state in {"authoritative", "contested"}
        for claim in known
    ):
        raise Conflict(
            "claim_exists",
            Message("本数据集已对该数据项提出主张。", "The data set claims this item already."),
            field="$.item",
        )
    contested = next((claim for claim in known if claim.state == "contested"), None)
    if contested is not None:
        raise Conflict(
            "item_contested",
            Message(
                "该数据项的权威来源正在裁定，请待裁定后再提出。",
                "The source of this item is being decided; claim it after the decision.",
            ),
            field="$.item",
            rule="一数一源",
        )


def _replace(connection: Connection, item: str) -> None:
    table = item_claim.c
    connection.execute(
        update(item_claim)
        .where(table.item == item, table.state == "authoritative")
        .values(state="replaced")
    )


def _asked(claim: str, item: str, actor: Actor, authority: str) -> NewMatter:
    return NewMatter(
        kind=MatterKind.SOURCE_CLAIM,
        counter=Counter.MANAGE,
        deadline=None,
        subject=claim,
        title=Bilingual(zh=f"权威来源争议：{item}", en=f"A second source claims the item {item}"),
        applicant=actor.organisation,
        applicant_person=actor.person,
        handler=authority,
        handler_roles=(Role.AUTHORITY,),
    )
