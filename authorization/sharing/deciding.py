"""The provider decides: a no has reason and legal basis, a yes no conditions of the provider's own.

A condition is one that the published catalogue entry states; anything else a provider adds is
refused as obstructing (政务数据共享条例 art. 15), by name where its words give it away.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from audit.events import AuditEvent, PendingEntry, Recorded
from audit.tags import EntryKind
from authorization.independence import check_apart
from authorization.separation import (
    check_another_person,
    check_natural_person,
    check_older_than,
    check_role,
)
from authorization.sharing.parts import (
    DECIDERS,
    SharingParts,
    asked_of_provider,
    published_entry,
    titled,
)
from authorization.sharing.states import (
    Decision,
    Share,
    ShareState,
    check_read,
    no_such_share,
    require_share,
    wrong_state,
)
from authorization.sharing.telling import move_and_tell
from catalog.entries import Bilingual
from catalog.matters.matter import Counter, MatterKind
from catalog.matters.opening import conclude, open_matter
from foundation.errors import Denied, InvalidInput, Message
from foundation.identity import Actor, Role
from policies.schema.sharing import Obstruction, SharingRules

APPROVED, REFUSED = "approved", "refused"
Beside = Callable[[Connection, PendingEntry, Share], None]


class Deciding(SharingParts):
    """The provider's decision on a submitted request."""

    def approve(
        self,
        actor: Actor,
        share_id: str,
        conditions: Sequence[str] = (),
        *,
        read_digest: str = "",
        beside: Beside | None = None,
    ) -> Recorded[Share]:
        """Agree to share: the supply clock starts (20 working days). Raises Denied, Conflict.

        ``conditions`` may only repeat what the entry's 使用条件 say. ``beside`` is what the data
        hall checks and records of a seat, in the same commit. Where ``read_digest`` is given,
        another form than that one is not agreed to.
        """
        decision = Decision(outcome=APPROVED, conditions=(*conditions,))
        return self._decide(actor, share_id, decision, beside, read_digest)

    def refuse(
        self,
        actor: Actor,
        share_id: str,
        reason: str,
        legal_basis: str,
        *,
        beside: Beside | None = None,
    ) -> Recorded[Share]:
        """Refuse to share; a reason and a legal basis are both required. Raises InvalidInput."""
        _check_grounds(reason, legal_basis, self.rules)
        decision = Decision(outcome=REFUSED, reason=reason, legal_basis=legal_basis)
        return self._decide(actor, share_id, decision, beside)

    def _decide(
        self,
        actor: Actor,
        share_id: str,
        decided: Decision,
        beside: Beside | None,
        read_digest: str = "",
    ) -> Recorded[Share]:
        check_role(actor, *DECIDERS)
        if beside is None and not actor.has(Role.PROVIDER):
            raise _in_the_hall()
        check_natural_person(actor)
        event = AuditEvent(
            EntryKind.SHARE_DECIDED,
            actor,
            {
                "share": share_id,
                "outcome": decided.outcome,
                "policy_digest": self.policy_digest,
            },
            {"reason": decided.reason, "grounds": decided.legal_basis},
        )

        def apply(connection: Connection, entry: PendingEntry) -> Share:
            share = require_share(connection, share_id)
            check_may_decide(connection, actor, share)
            if read_digest:
                check_read(share, read_digest)
            if beside is not None:
                beside(connection, entry, share)
            decision = decided
            if decided.outcome == APPROVED:
                terms = published_entry(connection, share.entry).entry.use_conditions
                flags = check_conditions(decided.conditions, terms, self.rules)
                decision = decided.model_copy(update={"flags": flags})
            entry.amend(
                catalogue_entry=share.entry,
                provider=share.provider,
                requester=share.requester,
                document_digest=share.document_digest,
                flags=list(decision.flags),
            )
            conclude(connection, entry, share.matter, decision.outcome, decision.reason)
            matter = share.matter
            if decision.outcome == APPROVED:
                matter = self._ask_supply(connection, entry, share)
            return move_and_tell(
                connection,
                entry,
                share,
                ShareState.APPROVED if decision.outcome == APPROVED else ShareState.REFUSED,
                decided_by=actor.person,
                decided_us=entry.time_us,
                decision=decision.model_dump_json(),
                matter=matter,
            )

        return self.writer.submit(event, apply)

    def _ask_supply(self, connection: Connection, entry: PendingEntry, share: Share) -> str:
        name = published_entry(connection, share.entry).entry.name
        title = titled("共享数据供给", "Supply of shared data", name)
        asked = asked_of_provider(
            share, MatterKind.SHARE_SUPPLY, Counter.MATCH, "share_supply", title
        )
        return open_matter(connection, entry, self.clocks, asked).id


def check_may_decide(connection: Connection, actor: Actor, share: Share) -> None:
    """Refuse anyone but an independent, older person of the provider. Raises NotFound, Denied."""
    if actor.organisation != share.provider or share.submitted_us is None:
        raise no_such_share()
    if share.state is not ShareState.SUBMITTED:
        raise wrong_state(share.state)
    check_another_person(actor, share.drafted_by)
    check_another_person(actor, share.signed_by or "")
    check_apart(connection, actor, share.requester)
    check_older_than(actor, share.submitted_us)


def check_conditions(
    conditions: Sequence[str], terms: Bilingual, rules: SharingRules
) -> tuple[str, ...]:
    """Return the obstructions named in conditions that the catalogue itself states, as flags.

    Raises Denied for a condition that the catalogue does not state.
    """
    own = [one for one in conditions if not _stated(one, terms)]
    if own:
        raise _obstructs([found for one in own for found in obstructions(one, rules)], rules)
    return tuple(sorted({found.name for one in conditions for found in obstructions(one, rules)}))


def obstructions(text: str, rules: SharingRules) -> list[Obstruction]:
    """Return the kinds of obstruction whose words stand in a text, whatever case or spacing."""
    plain = "".join(text.casefold().split())
    return [
        kind
        for kind in rules.obstructions
        if any("".join(word.casefold().split()) in plain for word in kind.words)
    ]


def _stated(condition: str, terms: Bilingual) -> bool:
    plain = "".join(condition.split())
    return bool(plain) and any(plain in "".join(text.split()) for text in (terms.zh, terms.en))


def _obstructs(found: Sequence[Obstruction], rules: SharingRules) -> Denied:
    names = {kind.name: kind for kind in found}
    zh = "、".join(kind.label_zh for kind in names.values())
    en = "; ".join(kind.label_en for kind in names.values())
    return Denied(
        "share_condition_obstructs",
        Message(
            "提供单位不得在目录载明的使用条件之外另设条件、阻碍共享"
            + (f"（{zh}）。" if zh else "。"),
            "A provider adds no condition beyond those that the catalogue entry states"
            + (f" ({en})." if en else "."),
        ),
        field="$.conditions",
        rule=rules.conditions_document,
        way_out=Message(
            "请删除该条件；确需调整的，先变更目录条目的使用条件并经主管部门审核。",
            "Leave it out; to change what is asked of everyone, change the entry's use conditions.",
        ),
    )


def _check_grounds(reason: str, legal_basis: str, rules: SharingRules) -> None:
    missing = [
        (field, zh, en)
        for field, text, zh, en in (
            ("reason", reason, "理由", "reason"),
            ("legal_basis", legal_basis, "法律、行政法规或国务院决定依据", "legal basis"),
        )
        if not text.strip()
    ]
    if missing:
        raise InvalidInput(
            "share_refusal_ungrounded",
            Message(
                f"不同意共享须写明：{'、'.join(zh for _, zh, _ in missing)}。",
                f"A refusal to share names its {' and its '.join(en for _, _, en in missing)}.",
            ),
            field=f"$.{missing[0][0]}",
            rule=rules.refusal_document,
        )


def _in_the_hall() -> Denied:
    return Denied(
        "representative_decides_in_the_hall",
        Message(
            "首席代表须在岗并在政务数据大厅本席位办理。",
            "A chief representative decides in the data hall, on duty at the seat.",
        ),
        field="actor",
        rule="政务数据大厅",
        way_out=Message("请到岗并接办该办件。", "Come on duty and take the matter."),
    )
