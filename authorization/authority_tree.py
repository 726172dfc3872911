"""Which authority stands beneath which: nation, province, city, county. Power runs down only.

Each authority has at most one superior; a circle, or a tree deeper than the rules allow, is
refused when it is recorded, inside the write.
"""

from collections.abc import Mapping

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Table,
    insert,
    select,
)

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization.organisations import OrganisationKind, require_organisation
from authorization.policy_version import count_changes
from authorization.separation import check_role
from foundation.db import metadata
from foundation.errors import Conflict, InvalidInput, Message
from foundation.identity import Actor, Role
from policies.schema.access import AccessRules

RULE = "authority-tree"

authority_superior = Table(
    "authority_superior",
    metadata,
    Column("authority", ForeignKey("organisation.id"), primary_key=True),
    Column("superior", ForeignKey("organisation.id"), nullable=False),
    Column("since_us", BigInteger, nullable=False),
    CheckConstraint("authority <> superior", name="two_authorities"),
)
count_changes("authority_superior", "delegations", ("INSERT", "UPDATE", "DELETE"))


def place_authority(
    writer: Writer, actor: Actor, authority: str, superior: str, rules: AccessRules
) -> Recorded[tuple[str, str]]:
    """Put one authority beneath another, once. Raises InvalidInput or Conflict."""
    check_role(actor, Role.AUTHORITY)

    def apply(connection: Connection, entry: PendingEntry) -> tuple[str, str]:
        for field, name in (("authority", authority), ("superior", superior)):
            if require_organisation(connection, name, field).kind is not OrganisationKind.AUTHORITY:
                raise _invalid(
                    "not_an_authority", field, "该机构不是数据主管部门。", "It is no authority."
                )
        known = dict(tree(connection))
        if authority in known:
            raise Conflict(
                "authority_placed_already",
                Message(zh="该机关已登记上级机关。", en="This authority has its superior already."),
                field="$.authority",
                rule=RULE,
            )
        known[authority] = superior
        _check_tree(known, rules.authority_levels_max)
        connection.execute(
            insert(authority_superior).values(
                authority=authority, superior=superior, since_us=entry.time_us
            )
        )
        return authority, superior

    public = {"authority": authority, "superior": superior}
    return writer.submit(AuditEvent(EntryKind.AUTHORITY_PLACED, actor, public), apply)


def tree(connection: Connection) -> Mapping[str, str]:
    """Return each placed authority's superior."""
    table = authority_superior
    rows = connection.execute(select(table.c.authority, table.c.superior))
    return {row.authority: row.superior for row in rows}


def chain_above(known: Mapping[str, str], authority: str) -> tuple[str, ...]:
    """Return the authorities above one, nearest first. Raises InvalidInput for a circle."""
    chain: list[str] = []
    here = authority
    while here in known:
        here = known[here]
        if here == authority or here in chain:
            raise _invalid(
                "authority_circle",
                "superior",
                "上下级关系成环。",
                "The authorities would stand above themselves.",
            )
        chain.append(here)
    return tuple(chain)


def is_beneath(known: Mapping[str, str], lower: str, upper: str) -> bool:
    """Tell whether one authority stands beneath another, at any distance."""
    return upper in chain_above(known, lower)


def superiors(connection: Connection, authority: str) -> tuple[str, ...]:
    """Return the authorities above one, nearest first."""
    return chain_above(tree(connection), authority)


def _check_tree(known: Mapping[str, str], levels_max: int) -> None:
    if any(len(chain_above(known, name)) >= levels_max for name in known):
        raise _invalid(
            "authority_tree_too_deep",
            "superior",
            f"机关层级不得超过 {levels_max} 级。",
            f"Authorities stand in at most {levels_max} levels.",
        )


def _invalid(code: str, field: str, zh: str, en: str) -> InvalidInput:
    return InvalidInput(code, Message(zh, en), field=f"$.{field}", rule=RULE)
