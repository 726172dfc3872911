"""Tells the provider of a correction raised, holders of what it flags, and its raiser the answer.

A notice names objects and asks for what is to be done; it repeats no text of the correction.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from audit.events import PendingEntry
from catalog.entries import Bilingual
from catalog.notices.outbox import Notice, Recipient, enqueue
from catalog.quality.correction_reads import AffectedOutput, Correction
from catalog.quality.correction_targets import Target
from foundation.identity import Role


def tell_raised(
    connection: Connection, entry: PendingEntry, identifier: str, about: Target
) -> None:
    """Tell the provider's people that something of theirs is said to be wrong."""
    notice = Notice(
        kind="correction.raised",
        subject=identifier,
        to=(Recipient(organisation=about.provider, roles=(Role.PROVIDER, Role.STEWARD)),),
        title=Bilingual(zh=f"收到校核：{about.title.zh}", en=f"To verify: {about.title.en}"),
        body=Bilingual(
            zh="有用户提出数据可能有误，请在限期内核实、更正并反馈。",
            en="A user says that data may be wrong. Verify, correct and answer in time.",
        ),
        data={"correction": identifier},
    )
    enqueue(connection, entry, notice)


def tell_holders(
    connection: Connection,
    entry: PendingEntry,
    identifier: str,
    outputs: Sequence[AffectedOutput],
) -> None:
    """Tell each organisation which of its outputs rest on data that were found wrong."""
    for organisation in sorted({item.organisation for item in outputs}):
        held = [item for item in outputs if item.organisation == organisation]
        notice = Notice(
            kind="correction.flagged",
            subject=identifier,
            to=(Recipient(organisation=organisation),),
            title=Bilingual(
                zh=f"您有{len(held)}项成果所依据的数据已核实有误",
                en=f"{len(held)} of your outputs rest on data that were found wrong",
            ),
            body=Bilingual(
                zh="、".join(item.title_zh for item in held)
                + "。请评估影响；如需召回，由数据主管部门决定。",
                en=", ".join(item.title_en for item in held)
                + ". Judge what follows; a recall is the authority's to order.",
            ),
            data={"correction": identifier, "outputs": [item.output for item in held]},
        )
        enqueue(connection, entry, notice)


def tell_answered(connection: Connection, entry: PendingEntry, found: Correction) -> None:
    """Tell the one who raised a correction that it was answered."""
    notice = Notice(
        kind="correction.answered",
        subject=found.id,
        to=(Recipient(organisation=found.organisation, person=found.person),),
        title=Bilingual(
            zh=f"校核已反馈（{found.case_number}）",
            en=f"Your correction was answered ({found.case_number})",
        ),
        body=Bilingual(zh="请查看处理结果。", en="Read the outcome."),
        data={"correction": found.id},
    )
    enqueue(connection, entry, notice)
