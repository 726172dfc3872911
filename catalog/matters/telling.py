"""The words of a matter's notices: what moved, until when, and what is to be done now.

They name the case, the day and the law, and no content of the papers.
"""

from datetime import date

from catalog.entries import Bilingual
from catalog.matters.matter import Due, Matter
from catalog.notices.outbox import Notice, Recipient
from foundation.errors import Message
from foundation.identity import Role

RAISED_TO = {
    Role.DEPARTMENT_HEAD: Message("部门负责人", "the department head"),
    Role.HALL_REPRESENTATIVE: Message("首席代表", "the chief representative"),
    Role.PROVIDER: Message("承办单位", "the handling department"),
    Role.AUTHORITY: Message("数据主管部门", "the data authority"),
}


def reminder(moved: Matter, due: Due) -> Notice:
    """Tell the handler that a clock is about to end."""
    return _notice(
        "matter.reminded",
        moved,
        (handler_of(moved),),
        Bilingual(
            zh=f"办件{moved.case}将于{due.on}到期", en=f"Case {moved.case} is due on {due.on}"
        ),
        Bilingual(
            zh="请在期限内作出决定；确需延期的，请在到期前提出并说明理由。",
            en="Please decide it in time, or ask for an extension before then and say why.",
        ),
    )


def escalation(moved: Matter, due: Due, house: str, to: Role) -> Notice:
    """Tell the handler and the one above that a clock has ended and nobody has decided."""
    whom = RAISED_TO[to]
    return _notice(
        "matter.escalated",
        moved,
        (Recipient(organisation=house, roles=(to,)), handler_of(moved)),
        Bilingual(
            zh=f"办件{moved.case}已逾期，现提请{whom.zh}督办",
            en=f"Case {moved.case} is overdue and is raised to {whom.en}",
        ),
        Bilingual(
            zh=f"该办件应于{due.on}前办结。逾期不视为同意，请尽快作出决定。",
            en=f"It was to be decided by {due.on}. Silence grants nothing: please decide it.",
        ),
    )


def settled(moved: Matter, was: str, now: str) -> Notice:
    """Tell both sides that a provisional day is fixed, and whether it moved."""
    later = date.fromisoformat(now) > date.fromisoformat(was)
    zh, en = ("晚于", "later than") if later else ("不晚于", "no later than")
    return _notice(
        "matter.settled",
        moved,
        (handler_of(moved), applicant_of(moved)),
        Bilingual(
            zh=f"办件{moved.case}的到期日确定为{now}",
            en=f"The last day of case {moved.case} is now fixed: {now}",
        ),
        Bilingual(
            zh=f"该年度放假安排已公布。确定的日期{zh}原先暂定的{was}。",
            en=f"The year's holiday list is published. The day is {en} the provisional {was}.",
        ),
    )


def papers_wanted(moved: Matter) -> Notice:
    """Tell the applicant, once, that papers lack; the list itself stands in the matter."""
    count = len(moved.missing)
    return _notice(
        "matter.papers",
        moved,
        (applicant_of(moved),),
        Bilingual(
            zh=f"办件{moved.case}需补正材料{count}项（一次性告知）",
            en=f"Case {moved.case} lacks {count} papers: the one complete notice",
        ),
        Bilingual(
            zh="请登录平台查看清单并一次补齐。补正期间不计入办理期限，重新提交后重新计算。",
            en="Please see the list on the platform and complete them. The clock stands still, "
            "and starts afresh when you submit again.",
        ),
    )


def extension_wanted(moved: Matter, house: str) -> Notice:
    """Ask the data authority for its consent to an extension."""
    days = moved.extension_asked
    return _notice(
        "matter.extension",
        moved,
        (Recipient(organisation=house, roles=(Role.AUTHORITY,)),),
        Bilingual(
            zh=f"办件{moved.case}申请延期{days}个工作日，请予审核",
            en=f"An extension of {days} working days is asked for case {moved.case}",
        ),
        Bilingual(
            zh="须由数据主管部门另一人同意后方可延期。",
            en="It takes effect only with the consent of another person, of the data authority.",
        ),
    )


def extended(moved: Matter, due: Due, days: int) -> Notice:
    """Tell the applicant and the handler that the clock is longer, as the law asks."""
    return _notice(
        "matter.extended",
        moved,
        (applicant_of(moved), handler_of(moved)),
        Bilingual(
            zh=f"办件{moved.case}经同意延期{days}个工作日，至{due.on}",
            en=f"Case {moved.case} is extended by {days} working days, to {due.on}",
        ),
        Bilingual(
            zh="数据主管部门已同意延期，理由见办件记录。",
            en="The data authority has consented; the reason stands in the matter.",
        ),
    )


def applicant_of(moved: Matter) -> Recipient:
    """Return the applicant as a recipient."""
    return Recipient(organisation=moved.applicant, person=moved.applicant_person)


def handler_of(moved: Matter) -> Recipient:
    """Return who decides the matter as a recipient."""
    return Recipient(organisation=moved.handler, roles=moved.handler_roles)


def _notice(
    kind: str, moved: Matter, to: tuple[Recipient, ...], title: Bilingual, body: Bilingual
) -> Notice:
    about: dict[str, object] = {
        "matter": moved.id,
        "case": moved.case,
        "kind": str(moved.kind),
        "state": str(moved.state),
        "due_on": None if moved.due is None else moved.due.on,
    }
    return Notice(kind=kind, subject=moved.id, to=to, title=title, body=body, data=about)
