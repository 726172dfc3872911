"""A department asks: a draft, its head's sign-off, the submission that starts the provider's clock.

One person drafts, another (the department's head) signs what then stands, and neither decides.
The provider has 1 working day for what is shared unconditionally and 10 for the rest
(政务数据共享条例 art. 21), or what the jurisdiction's rule pack says.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, insert, update

from audit.events import AuditEvent, PendingEntry, Recorded
from audit.tags import EntryKind
from authorization.separation import check_another_person, check_natural_person, check_role
from authorization.sharing.demand_list import visible_demand
from authorization.sharing.form import ShareDraft, ShareForm, check_form
from authorization.sharing.parts import (
    STAFF,
    Document,
    SharingParts,
    asked_of_provider,
    check_department,
    published_entry,
    read_form,
    titled,
)
from authorization.sharing.states import (
    Share,
    ShareState,
    check_read,
    no_such_share,
    require_share,
    wrong_state,
)
from authorization.sharing.store import share_request
from authorization.sharing.telling import move_and_tell
from catalog.entries import ReturnAttribute, ShareAttribute
from catalog.matters.daily import Daily, DailyAct
from catalog.matters.matter import Counter, MatterKind, NewMatter
from catalog.matters.opening import complete_papers, conclude, open_matter, withdraw
from catalog.matters.reads import matters
from catalog.store import RegisteredEntry
from foundation.canonical import canonical_bytes, digest
from foundation.errors import Conflict, Denied, InvalidInput, Message, NotFound
from foundation.identity import Actor, Role
from foundation.ids import new_id

CASE_MATTERS_MAX = 500
_DRAFTED = Daily(DailyAct.SHARE_DRAFTS, share_request.c.drafted_by, share_request.c.drafted_us)


class Applying(SharingParts):
    """The requesting department's side of the desk."""

    def draft(
        self,
        actor: Actor,
        entry_id: str,
        raw: Mapping[str, Any],
        *,
        case: str = "",
        demand: str = "",
    ) -> Recorded[Share]:
        """Begin a request for a published entry; any field may still be missing.

        ``case`` follows on in the case of a demand. Raises NotFound, InvalidInput, Denied.
        """
        check_role(actor, *STAFF)
        document = _document(raw)
        share_id = new_id("shr")
        event = AuditEvent(
            EntryKind.SHARE_DRAFTED,
            actor,
            {
                "share": share_id,
                "document_digest": digest(document),
                "requester": actor.organisation,
            },
        )

        def apply(connection: Connection, entry: PendingEntry) -> Share:
            found = published_entry(connection, entry_id)
            check_department(connection, actor)
            if found.provider == actor.organisation:
                raise _own_data()
            _check_followed(connection, actor, case, demand)
            _DRAFTED.check(connection, self.clocks, entry.time_us, actor.person)
            insert_draft(connection, entry, actor, share_id, found, document, demand)
            matter = open_matter(
                connection,
                entry,
                self.clocks,
                NewMatter(
                    kind=MatterKind.SHARE_SIGN_OFF,
                    counter=Counter.ACCEPT,
                    deadline=None,
                    subject=share_id,
                    title=titled("共享申请审签", "Sign-off of a sharing request", found.entry.name),
                    applicant=actor.organisation,
                    applicant_person=actor.person,
                    handler=actor.organisation,
                    handler_roles=(Role.DEPARTMENT_HEAD,),
                    case=case,
                ),
            )
            return _remembered(connection, share_id, matter.id, matter.case)

        return self.writer.submit(event, apply)

    def revise(self, actor: Actor, share_id: str, raw: Mapping[str, Any]) -> Recorded[Share]:
        """Replace the form of one's own draft: a head who rewrote it could else sign it as well."""
        check_role(actor, *STAFF)
        document = _document(raw)
        facts = {"share": share_id, "document_digest": digest(document)}

        def apply(connection: Connection, entry: PendingEntry) -> Share:
            share = _own(connection, actor, share_id, ShareState.DRAFT)
            if actor.person != share.drafted_by:
                raise _of_another()
            if share.signed_by is not None:
                raise Conflict(
                    "share_signed",
                    Message(
                        "申请已由负责人审签，不能再改；请撤回后重新起草。",
                        "The head signed this request; withdraw it and draft another.",
                    ),
                    field="state",
                )
            entry.amend(requester=share.requester)
            _store(connection, share, document=_text(document), document_digest=digest(document))
            return require_share(connection, share_id)

        return self.writer.submit(AuditEvent(EntryKind.SHARE_DRAFTED, actor, facts), apply)

    def sign_off(self, actor: Actor, share_id: str, read_digest: str) -> Recorded[Share]:
        """Sign a complete draft as the requesting unit's head. Names everything that is missing.

        ``read_digest`` is of the form that the head read: another one is refused.
        """
        check_role(actor, Role.DEPARTMENT_HEAD)
        check_natural_person(actor)
        event = AuditEvent(EntryKind.SHARE_SIGNED, actor, {"share": share_id})

        def apply(connection: Connection, entry: PendingEntry) -> Share:
            share = _own(connection, actor, share_id, ShareState.DRAFT)
            check_another_person(actor, share.drafted_by)
            if share.signed_by is not None:
                raise wrong_state(share.state)
            check_read(share, read_digest)
            self._checked(share, entry, signed=True)
            conclude(connection, entry, share.matter, "signed_off")
            entry.amend(document_digest=share.document_digest)
            _store(connection, share, signed_by=actor.person)
            return require_share(connection, share_id)

        return self.writer.submit(event, apply)

    def submit(self, actor: Actor, share_id: str) -> Recorded[Share]:
        """Submit a signed request: from now on the provider's clock runs.

        Raises InvalidInput naming every missing field, and the sign-off, at once.
        """
        check_role(actor, *STAFF)
        event = AuditEvent(
            EntryKind.SHARE_SUBMITTED,
            actor,
            {"share": share_id, "policy_digest": self.policy_digest},
        )

        def apply(connection: Connection, entry: PendingEntry) -> Share:
            share = _own(connection, actor, share_id, ShareState.DRAFT)
            check_department(connection, actor)
            form = self._checked(share, entry, signed=share.signed_by is not None)
            found = published_entry(connection, share.entry)
            conditional = _check_shareable(found, form)
            matter = self._ask_provider(connection, entry, share, found, conditional)
            entry.amend(
                catalogue_entry=share.entry,
                provider=share.provider,
                requester=share.requester,
                document_digest=share.document_digest,
                conditional=conditional,
            )
            return move_and_tell(
                connection,
                entry,
                share,
                ShareState.SUBMITTED,
                conditional=int(conditional),
                submitted_us=entry.time_us,
                matter=matter,
                until_us=self.after_us(form.until),
            )

        return self.writer.submit(event, apply)

    def complete(self, actor: Actor, share_id: str, raw: Mapping[str, Any]) -> Recorded[Share]:
        """Hand in the papers that were asked for, signed by the head: the clock restarts."""
        check_role(actor, Role.DEPARTMENT_HEAD)
        check_natural_person(actor)
        document = _document(raw)
        facts = {"share": share_id, "document_digest": digest(document)}

        def apply(connection: Connection, entry: PendingEntry) -> Share:
            share = _own(connection, actor, share_id, ShareState.SUBMITTED)
            check_another_person(actor, share.drafted_by)
            today = self.today(entry)
            form = check_form(document, self.rules, signed=True, today=today)
            _check_shareable(published_entry(connection, share.entry), form)
            complete_papers(connection, entry, self.clocks, share.matter)
            _store(
                connection,
                share,
                document=_text(document),
                document_digest=digest(document),
                signed_by=actor.person,
                until_us=self.after_us(form.until),
            )
            return require_share(connection, share_id)

        return self.writer.submit(AuditEvent(EntryKind.SHARE_COMPLETED, actor, facts), apply)

    def withdraw(self, actor: Actor, share_id: str) -> Recorded[Share]:
        """Take a request back before it is decided."""
        check_role(actor, *STAFF)
        event = AuditEvent(EntryKind.SHARE_WITHDRAWN, actor, {"share": share_id})

        def apply(connection: Connection, entry: PendingEntry) -> Share:
            share = _own(connection, actor, share_id)
            if share.state is ShareState.DRAFT and share.signed_by is not None:
                return move_and_tell(connection, entry, share, ShareState.WITHDRAWN)
            withdrawn = move_and_tell(connection, entry, share, ShareState.WITHDRAWN)
            withdraw(connection, entry, share.matter)
            return withdrawn

        return self.writer.submit(event, apply)

    def _checked(self, share: Share, entry: PendingEntry, *, signed: bool) -> ShareForm:
        today = self.today(entry)
        raw = ShareDraft.model_validate_json(share.document).model_dump(mode="json")
        return check_form(raw, self.rules, signed=signed, today=today)

    def _ask_provider(
        self,
        connection: Connection,
        entry: PendingEntry,
        share: Share,
        found: RegisteredEntry,
        conditional: bool,
    ) -> str:
        deadline = "share_conditional" if conditional else "share_unconditional"
        title = titled("共享申请", "Sharing request", found.entry.name)
        asked = asked_of_provider(share, MatterKind.SHARE_REQUEST, Counter.ACCEPT, deadline, title)
        return open_matter(connection, entry, self.clocks, asked).id


def insert_draft(
    connection: Connection,
    entry: PendingEntry,
    actor: Actor,
    share_id: str,
    found: RegisteredEntry,
    document: Document,
    demand: str,
) -> None:
    """Write a new draft and name its entry and provider in the log."""
    connection.execute(
        insert(share_request).values(
            id=share_id,
            entry=found.id,
            provider=found.provider,
            requester=actor.organisation,
            drafted_by=actor.person,
            drafted_us=entry.time_us,
            document=_text(document),
            document_digest=digest(document),
            demand=demand,
            state=str(ShareState.DRAFT),
            changed_us=entry.time_us,
        )
    )
    entry.amend(catalogue_entry=found.id, provider=found.provider)


def _check_shareable(found: RegisteredEntry, form: ShareForm) -> bool:
    """Tell whether sharing is conditional. Raises Denied for what is withheld or not returned."""
    attribute = found.entry.share_attribute
    if attribute is ShareAttribute.WITHHELD:
        raise Denied(
            "share_withheld",
            Message("该目录条目依法不予共享。", "By law, this catalogue entry is not shared."),
            field="$.entry",
            rule="政务数据共享条例 第十五条",
            way_out=Message(
                "可登记数据需求，由主管部门研究可用的产品或服务。",
                "State a demand instead: the authority looks for a product or service.",
            ),
        )
    if form.region and found.entry.return_attribute is ReturnAttribute.NONE:
        raise Denied(
            "share_not_returned",
            Message(
                "该目录条目的回流属性为“不予回流”，不能按区域下沉。",
                "The entry's return attribute says none, so no region gets its rows back.",
            ),
            field="$.region",
            rule="回流属性",
        )
    downward = bool(form.region) and found.entry.return_attribute is not (
        ReturnAttribute.UNCONDITIONAL
    )
    return attribute is ShareAttribute.CONDITIONAL or downward


def _own(
    connection: Connection, actor: Actor, share_id: str, state: ShareState | None = None
) -> Share:
    """Return a request of the actor's own department, in a state if one is named."""
    share = require_share(connection, share_id)
    if share.requester != actor.organisation:
        raise no_such_share()
    if state is not None and share.state is not state:
        raise wrong_state(share.state)
    return share


def _remembered(connection: Connection, share_id: str, matter: str, case: str) -> Share:
    connection.execute(
        update(share_request)
        .where(share_request.c.id == share_id)
        .values(matter=matter, case_number=case)
    )
    return require_share(connection, share_id)


def _store(connection: Connection, share: Share, **changes: object) -> None:
    connection.execute(
        update(share_request).where(share_request.c.id == share.id).values(**changes)
    )


def _document(raw: Mapping[str, Any]) -> Document:
    try:
        return ShareDraft.model_validate(dict(raw)).model_dump(mode="json")
    except ValidationError as error:
        raise read_form(error) from error


def _text(document: Document) -> str:
    return canonical_bytes(document).decode()


def _check_followed(connection: Connection, actor: Actor, case: str, demand: str) -> None:
    """Refuse to follow on in a case, or on a demand, in which the department has no part.

    Case numbers are counted up: whoever could join any would read what was written in it.
    """
    if case and not any(
        actor.organisation in {one.applicant, one.handler}
        for one in matters(connection, case=case, limit=CASE_MATTERS_MAX)
    ):
        raise NotFound(
            "case_unknown", Message("没有该办件编号。", "There is no such case."), field="$.case"
        )
    if demand:
        visible_demand(connection, actor, demand)


def _of_another() -> Denied:
    return Denied(
        "share_draft_of_another",
        Message(
            "申请草稿由起草人本人修改；其他人员请另行起草。",
            "A draft is revised by whoever drafted it; anybody else drafts another.",
        ),
        field="actor",
        rule="separation-of-duties",
    )


def _own_data() -> InvalidInput:
    return InvalidInput(
        "share_own_data",
        Message("本部门自己的数据无需申请共享。", "A department needs no sharing of its own data."),
        field="$.entry",
    )
