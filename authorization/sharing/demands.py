"""The demand list (需求清单): stated, matched against what exists, product before copy, or refused.

A demand is compared with products and services that there are before anybody copies data: who asks
for a copy all the same says why. It ends in a match or a reasoned refusal, never in silence.
"""

import json
from collections.abc import Sequence

from sqlalchemy import Connection, insert, update

from audit.events import AuditEvent, PendingEntry, Recorded
from audit.tags import EntryKind
from authorization.independence import check_apart
from authorization.organisations import organisations_of
from authorization.separation import (
    check_another_person,
    check_natural_person,
    check_older_than,
    check_role,
)
from authorization.sharing.candidates import Candidate, candidates
from authorization.sharing.demand_list import (
    Demand,
    DemandForm,
    Member,
    Outcome,
    no_such_demand,
    require_demand,
    team_of,
)
from authorization.sharing.demand_store import demand, demand_team
from authorization.sharing.parts import SharingParts, published_entry
from catalog.entries import Bilingual
from catalog.matters.daily import Daily, DailyAct
from catalog.matters.matter import Counter, MatterKind, NewMatter, require_handler
from catalog.matters.opening import conclude, open_matter, withdraw
from catalog.matters.reads import matter
from foundation.canonical import canonical_bytes, digest
from foundation.errors import Conflict, InvalidInput, Message
from foundation.identity import Actor, Role
from foundation.ids import new_id

STATERS = (
    *(Role.PROVIDER, Role.DEPARTMENT_HEAD, Role.STEWARD, Role.HALL_REPRESENTATIVE),
    *(Role.OPERATOR, Role.DEVELOPER),
)
_STATED = Daily(DailyAct.DEMANDS, demand.c.person, demand.c.stated_us)


class Demands(SharingParts):
    """States, staffs and decides demands."""

    def state(self, actor: Actor, form: DemandForm) -> Recorded[Demand]:
        """State a demand; what may meet it is looked up and kept with it.

        Raises InvalidInput where a copy is wanted without a reason, naming what exists instead.
        """
        check_role(actor, *STATERS)
        demand_id = new_id("dmd")
        document = form.model_dump(mode="json")
        event = AuditEvent(
            EntryKind.DEMAND_STATED,
            actor,
            {
                "demand": demand_id,
                "requester": actor.organisation,
                "document_digest": digest(document),
                "wanted": form.wanted,
            },
            {"reason": form.copy_reason},
        )

        def apply(connection: Connection, entry: PendingEntry) -> Demand:
            _STATED.check(connection, self.clocks, entry.time_us, actor.person)
            found = candidates(connection, form.data_items)
            _check_copy(form, found)
            matter = open_matter(
                connection, entry, self.clocks, _asked(self.authority, actor, demand_id, form)
            )
            connection.execute(
                insert(demand).values(
                    id=demand_id,
                    case_number=matter.case,
                    matter=matter.id,
                    requester=actor.organisation,
                    person=actor.person,
                    document=canonical_bytes(document).decode(),
                    document_digest=digest(document),
                    candidates=json.dumps([one.model_dump() for one in found]),
                    state="open",
                    stated_us=entry.time_us,
                    changed_us=entry.time_us,
                )
            )
            entry.amend(candidates=len(found))
            return require_demand(connection, demand_id)

        return self.writer.submit(event, apply)

    def assign_team(
        self, actor: Actor, demand_id: str, members: Sequence[Member]
    ) -> Recorded[Demand]:
        """Put a team on a demand (专项小组), with one lead, once. By the authority."""
        check_role(actor, Role.AUTHORITY)
        leads = [one for one in members if one.lead]
        if len(leads) != 1 or len({one.person for one in members}) != len(members):
            raise _one_lead()
        event = AuditEvent(
            EntryKind.DEMAND_TEAM_ASSIGNED,
            actor,
            {
                "demand": demand_id,
                "organisations": sorted({one.organisation for one in members}),
                "lead": leads[0].person,
            },
        )

        def apply(connection: Connection, entry: PendingEntry) -> Demand:
            found = _open(connection, demand_id)
            if team_of(connection, demand_id):
                raise _team_stands()
            for one in members:
                if one.organisation not in organisations_of(connection, one.person):
                    raise _no_member()
                connection.execute(
                    insert(demand_team).values(
                        demand=demand_id,
                        **one.model_dump(exclude={"lead"}),
                        lead="yes" if one.lead else "no",
                        assigned_by=actor.person,
                        assigned_us=entry.time_us,
                    )
                )
            return found

        return self.writer.submit(event, apply)

    def decide(
        self, actor: Actor, demand_id: str, outcome: Outcome, found: str, reason: str
    ) -> Recorded[Demand]:
        """End a demand: ``found`` names the product, service, entry or department that meets it.

        By the authority. A refusal needs a reason; a copy where a product or service exists too.
        """
        check_role(actor, Role.AUTHORITY)
        check_natural_person(actor)
        event = AuditEvent(
            EntryKind.DEMAND_MATCHED,
            actor,
            {"demand": demand_id, "outcome": str(outcome), "found": found},
            {"reason": reason},
        )

        def apply(connection: Connection, entry: PendingEntry) -> Demand:
            standing = _open(connection, demand_id)
            check_another_person(actor, standing.person)
            check_apart(connection, actor, standing.requester)
            check_older_than(actor, standing.stated_us)
            _check_handles(connection, actor, standing)
            _check_outcome(connection, standing, outcome, found, reason)
            conclude(connection, entry, standing.matter, str(outcome), reason)
            state = "refused" if outcome is Outcome.REFUSED else "matched"
            return _ended(
                connection,
                entry,
                demand_id,
                state=state,
                outcome=str(outcome),
                found=found,
                reason=reason,
                decided_by=actor.person,
            )

        return self.writer.submit(event, apply)

    def withdraw(self, actor: Actor, demand_id: str) -> Recorded[Demand]:
        """Take one's own organisation's demand back."""
        check_role(actor, *STATERS)
        event = AuditEvent(EntryKind.DEMAND_WITHDRAWN, actor, {"demand": demand_id})

        def apply(connection: Connection, entry: PendingEntry) -> Demand:
            standing = _open(connection, demand_id)
            if standing.requester != actor.organisation:
                raise no_such_demand()
            withdraw(connection, entry, standing.matter)
            return _ended(connection, entry, demand_id, state="withdrawn")

        return self.writer.submit(event, apply)


def _asked(authority: str, actor: Actor, demand_id: str, form: DemandForm) -> NewMatter:
    return NewMatter(
        kind=MatterKind.DEMAND,
        counter=Counter.MATCH,
        deadline=None,
        subject=demand_id,
        title=Bilingual(zh=f"数据需求：{form.title}", en=f"Data demand: {form.title}"),
        applicant=actor.organisation,
        applicant_person=actor.person,
        handler=authority,
        handler_roles=(Role.AUTHORITY,),
    )


def _check_copy(form: DemandForm, found: Sequence[Candidate]) -> None:
    if form.wanted != "copy" or form.copy_reason.strip():
        return
    ready = [one for one in found if one.kind != "entry"]
    zh = "、".join(one.name.zh for one in ready[:5])
    en = "; ".join(one.name.en for one in ready[:5])
    raise InvalidInput(
        "demand_copy_unreasoned",
        Message(
            "需求遵循“先产品、后数据”：要求提供数据副本须写明理由（copy_reason）。"
            + (f"现有可用的产品或服务：{zh}。" if zh else ""),
            "Product before copy: asking for a copy needs its reason (copy_reason)."
            + (f" What exists already: {en}." if en else ""),
        ),
        field="$.copy_reason",
        rule="先产品、后数据",
        way_out=Message(
            "请改为使用现有产品或服务，或写明理由。", "Use what exists, or say why it does not do."
        ),
    )


def _check_outcome(
    connection: Connection, standing: Demand, outcome: Outcome, found: str, reason: str
) -> None:
    ready = [one for one in standing.candidates if one.kind != "entry"]
    copies = outcome is Outcome.SHARING and bool(ready)
    if (outcome is Outcome.REFUSED or copies) and not reason.strip():
        raise InvalidInput(
            "demand_reason_missing",
            Message(
                "不予对接，或已有产品、服务而仍提供数据副本的，须写明理由。",
                "A refusal, or a copy where a product or service exists, needs a reason.",
            ),
            field="$.reason",
            rule="先产品、后数据",
        )
    if outcome is not Outcome.REFUSED and not found.strip():
        raise InvalidInput(
            "demand_match_missing",
            Message("请写明对接到的产品、服务、目录条目或部门。", "Name what meets the demand."),
            field="$.found",
        )
    if outcome is Outcome.SHARING:
        published_entry(connection, found)
    if outcome in {Outcome.PRODUCT, Outcome.SERVICE} and found not in {one.id for one in ready}:
        raise InvalidInput(
            "demand_match_unknown",
            Message(
                "所列产品或服务不在该需求的可用清单中。",
                "What is named is not among the products and services found for this demand.",
            ),
            field="$.found",
        )


def _open(connection: Connection, demand_id: str) -> Demand:
    found = require_demand(connection, demand_id)
    if found.state != "open":
        raise Conflict(
            "demand_over",
            Message("该需求已办结或撤回。", "This demand is over."),
            field="state",
        )
    return found


def _check_handles(connection: Connection, actor: Actor, standing: Demand) -> None:
    """Refuse whoever is of another authority than the one that was asked."""
    asked = matter(connection, standing.matter)
    if asked is None:
        raise LookupError("a demand has its matter")
    require_handler(actor, asked)


def _ended(connection: Connection, entry: PendingEntry, demand_id: str, **values: object) -> Demand:
    connection.execute(
        update(demand).where(demand.c.id == demand_id).values(changed_us=entry.time_us, **values)
    )
    entry.amend(state=values["state"])
    return require_demand(connection, demand_id)


def _one_lead() -> InvalidInput:
    return InvalidInput(
        "team_needs_one_lead",
        Message(
            "专项小组须有且仅有一名牵头人，成员不得重复。",
            "A team has one lead, and nobody twice.",
        ),
        field="$.members",
    )


def _team_stands() -> Conflict:
    return Conflict(
        "team_assigned",
        Message("该需求已组建专项小组。", "This demand has its team."),
        field="members",
    )


def _no_member() -> InvalidInput:
    return InvalidInput(
        "team_member_unknown",
        Message("成员须为所列机构的人员。", "A member belongs to the organisation named."),
        field="$.members",
    )
