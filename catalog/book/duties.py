"""Decides who may make which move of an entry (I8): three people of two houses see every text.

The department's own people draft and assess; its head, another person, signs off; a person of the
authority who had no hand in it and serves neither the department nor an affiliate reviews. Service
accounts draft at most.
"""

from sqlalchemy import Connection

from catalog.book.parts import Book, Revision
from catalog.entries import CatalogueEntry
from foundation.errors import Denied, InvalidInput, Message
from foundation.identity import Actor, Role
from foundation.two_people import (
    check_another_person,
    check_natural_person,
    check_older_than,
)


def is_own(actor: Actor, provider: str) -> bool:
    """Tell whether an actor belongs to the department whose entry it is."""
    roles = (Role.PROVIDER, Role.STEWARD, Role.DEPARTMENT_HEAD)
    return actor.organisation == provider and any(actor.has(role) for role in roles)


def sees_drafts(actor: Actor, provider: str) -> bool:
    """Tell whether an actor sees what is not published: its department and the authority do."""
    return is_own(actor, provider) or actor.has(Role.AUTHORITY)


def check_drafts(actor: Actor, provider: str) -> None:
    """Refuse anyone but the department's own people, and the authority on its behalf."""
    own = actor.organisation == provider and (actor.has(Role.PROVIDER) or actor.has(Role.STEWARD))
    if not own and not actor.has(Role.AUTHORITY):
        raise Denied(
            "provider_required",
            Message(
                "只有供数单位本单位人员或数据主管部门可以登记其数据。",
                "Only the providing department's own people or the data authority register its "
                "data.",
            ),
        )


def check_provider_code(
    book: Book, connection: Connection, provider: str, entry: CatalogueEntry
) -> None:
    """Refuse an entry under the credit code of another house than the department it is of."""
    check_code_is(book.credit_code(connection, provider), entry)


def check_code_is(known: str | None, entry: CatalogueEntry) -> None:
    """Refuse a provider code that is not the registered one; None is registered of nobody."""
    given = entry.provider.code
    if known is None or given == known:
        return
    raise InvalidInput(
        "provider_code_of_another",
        Message(
            f"提供单位代码 {given} 不是本单位登记的统一社会信用代码 {known}。",
            f"The provider code {given} is not the department's registered unified social credit "
            f"code {known}.",
        ),
        field="$.provider.code",
        rule="GB 32100-2015",
        way_out=Message(
            f"请填写 {known}；登记有误的，请先更正机构登记。",
            f"State {known}; where the registry is wrong, have it corrected first.",
        ),
    )


def check_signs_off(actor: Actor, revision: Revision) -> None:
    """Refuse anyone but the department's head, and a head who wrote or assessed the text."""
    if not actor.has(Role.DEPARTMENT_HEAD) or actor.organisation != revision.provider:
        raise Denied(
            "department_head_required",
            Message(
                "须由提供单位的部门负责人审签。",
                "The head of the providing department signs off its entries.",
            ),
            rule="政务数据共享条例 第十三条",
        )
    check_natural_person(actor)
    check_another_person(actor, revision.drafted_by)
    check_another_person(actor, revision.revised_by)
    if actor.person in {revision.secrecy_by, revision.personal_by}:
        raise Denied(
            "assessor_cannot_sign",
            Message(
                "本条目的评估由您录入，不得由您审签。",
                "You entered an assessment of this entry, so you do not sign it off.",
            ),
            field="actor",
            rule="I8",
            way_out=Message(
                "请由本单位另一位负责人审签，或由另一人重新录入评估。",
                "Another head of the department signs it, or another person enters the "
                "assessment anew.",
            ),
        )
    check_older_than(actor, revision.revised_us)


def check_reviews(book: Book, connection: Connection, actor: Actor, revision: Revision) -> None:
    """Refuse a reviewer who is not the authority's, or had a hand in what is reviewed."""
    check_authority(actor)
    check_natural_person(actor)
    for person in hands_in(revision):
        check_another_person(actor, person)
    check_older_than(actor, revision.submitted_us or 0)
    check_outside(book, connection, actor, revision.provider)


def hands_in(revision: Revision) -> tuple[str, ...]:
    """Return who wrote, assessed, signed and submitted a text: none of them reviews it."""
    hands = (
        revision.drafted_by,
        revision.revised_by,
        revision.secrecy_by,
        revision.personal_by,
        revision.signed_by,
        revision.submitted_by,
    )
    return tuple(person for person in hands if person is not None)


def check_outside(book: Book, connection: Connection, actor: Actor, provider: str) -> None:
    """Refuse who serves the department whose entry it is, or one of its affiliates."""
    if actor.organisation == provider:
        raise Denied(
            "reviewer_of_same_organisation",
            Message(
                "目录条目须由提供单位以外的数据主管部门人员审核。",
                "An entry is reviewed by the data authority, not by the department it is of.",
            ),
            rule="I8",
        )
    book.apart(connection, actor, provider)


def check_authority(actor: Actor) -> None:
    """Refuse anyone but the data authority."""
    if not actor.has(Role.AUTHORITY):
        raise Denied(
            "authority_required",
            Message(
                "目录条目由数据主管部门审核。",
                "The data authority reviews catalogue entries.",
            ),
        )
