"""Who may raise, refer and judge a correction: natural persons, and never the one who raised it."""

from sqlalchemy import Connection

from catalog.matters.matter import require_handler
from catalog.matters.reads import matter
from catalog.quality.correction_reads import Correction
from catalog.quality.keepers import is_steward
from foundation.errors import Denied, Message
from foundation.identity import Actor, Role
from foundation.two_people import check_another_person, check_natural_person, check_older_than

RULE = "政务数据共享条例（国令第809号）第二十六条"


def check_raiser(actor: Actor) -> None:
    """Refuse a regulator, who reads only. A service account may raise what it noticed."""
    if actor.has(Role.REGULATOR):
        raise Denied(
            "regulator_never_writes",
            Message(
                "监管人员只读，不得变更业务记录。",
                "A regulator reads and never changes business records.",
            ),
            rule="separation-of-duties",
        )


def check_objector(actor: Actor, stated: str, verified: str | None) -> None:
    """Refuse an objection that is not under the verified name of a natural person."""
    check_natural_person(actor)
    if verified is None:
        raise Denied(
            "identity_not_verified",
            Message(
                "异议须实名提出：您的身份尚未核验。",
                "An objection is raised under a verified name, and yours is not verified yet.",
            ),
            field="actor",
            rule=RULE,
            way_out=Message(
                "请由数据主管部门提出、安全管理员确认身份核验，或改为提出校核。",
                "Have the authority propose your identity and the security administrator confirm "
                "it, or raise a correction instead.",
            ),
        )
    if not stated.strip() or stated.strip() != verified.strip():
        raise Denied(
            "real_name_not_verified",
            Message(
                "异议须实名提出：所填姓名与已核验的登记姓名不一致。",
                "An objection is raised under one's verified name; the name given is not it.",
            ),
            field="$.real_name",
            rule=RULE,
            way_out=Message(
                "请填写本人登记并核验过的姓名，或改为提出校核。",
                "Give your registered, verified name, or raise a correction instead.",
            ),
        )


def check_referrer(connection: Connection, actor: Actor, found: Correction) -> None:
    """Refuse whoever may not refer it: only another person of the authority does."""
    _check_apart(connection, actor, found, found.referral)


def check_handler(connection: Connection, actor: Actor, found: Correction) -> None:
    """Refuse whoever may not judge it for the provider.

    A steward must be assigned to the data set; what one person judged, nobody else finishes.
    """
    _check_apart(connection, actor, found, found.matter)
    if not (actor.has(Role.PROVIDER) or actor.has(Role.DEPARTMENT_HEAD)):
        assigned = found.dataset_id is not None and is_steward(
            connection, actor.person, found.dataset_id
        )
        if not assigned:
            raise Denied(
                "steward_not_assigned",
                Message("您不是该数据集的数据专员。", "You are not a steward of this data set."),
                rule="roles",
            )
    if found.handler_person is not None and found.handler_person != actor.person:
        raise Denied(
            "correction_of_another",
            Message(
                "该校核由另一位经办人核实，请由其办结。",
                "Another person verified this; they finish it.",
            ),
            rule="separation-of-duties",
        )


def _check_apart(
    connection: Connection, actor: Actor, found: Correction, matter_id: str | None
) -> None:
    check_natural_person(actor)
    check_another_person(actor, found.person)
    check_older_than(actor, found.raised_us)
    opened = None if matter_id is None else matter(connection, matter_id)
    if opened is None:
        raise LookupError("a live correction has its matter")
    require_handler(actor, opened)
