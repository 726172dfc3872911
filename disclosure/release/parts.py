"""What every part of the desk works with, and the few words that all of them say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection, Engine, update

from audit.events import AuditEvent, PendingEntry, Recorded, Writer, no_effect
from audit.tags import EntryKind
from authorization.decisions import AccessRequest, check_decision, decide
from authorization.enforcer import Enforcer
from authorization.licences import licence_document
from authorization.lines import Action
from authorization.organisations import group_of, served_by
from authorization.revocation import SuspensionBoard
from authorization.separation import check_independent, check_natural_person, check_not_buying
from catalog.store import dataset_by_name
from disclosure.metering import ReleaseMeter
from disclosure.release.files import Sources
from disclosure.release.requests import Request
from disclosure.release.store import release_request
from foundation.errors import Conflict, Denied, Message, SandgateError
from foundation.identity import Actor
from foundation.keys import KeyStore
from policies.schema.disclosure import DisclosureRules

T = TypeVar("T")


@dataclass(frozen=True)
class DeskParts:
    """What the bootstrap hands the desk: store, log, keys, who may, which rules, who is billed."""

    engine: Engine
    writer: Writer
    keys: KeyStore
    board: SuspensionBoard
    enforcer: Enforcer
    rules: DisclosureRules
    meter: ReleaseMeter
    sources: Sources

    def submit(
        self,
        event: AuditEvent,
        apply: Callable[[Connection, PendingEntry], T],
        refused: EntryKind = EntryKind.RELEASE_REFUSED,
    ) -> Recorded[T]:
        """Write an entry with its effect; what refuses it is logged under a kind of refusals."""
        try:
            return self.writer.submit(event, apply)
        except SandgateError as refusal:
            named = {"licence", "release"} if refused is EntryKind.RELEASE_REFUSED else {"release"}
            self.log_refusal(refused, event.actor, _only(event.public, named), refusal)
            raise

    def log_refusal(
        self, kind: EntryKind, actor: Actor, public: Mapping[str, object], refusal: SandgateError
    ) -> None:
        """Log that something was refused, once."""
        if not refusal.logged:
            self.writer.submit(AuditEvent(kind, actor, {**public, "code": refusal.code}), no_effect)
            refusal.logged = True

    def check_may_ask(
        self, connection: Connection, actor: Actor, licence: str, request: Request, now_us: int
    ) -> None:
        """Ask the policy whether the actor may request the release of what the files rest on."""
        snapshot = self.enforcer.snapshot
        datasets = sorted({name for made in request.files for name in made.sources})
        for name in datasets:
            found = dataset_by_name(connection, name)
            declaration = None if found is None else found.declaration
            asked = AccessRequest(actor, licence, Action.RELEASE_REQUEST, declaration)
            check_decision(decide(snapshot, self.board, asked, now_us))


def set_request(connection: Connection, request: Request, **values: object) -> None:
    """Move a request on."""
    connection.execute(
        update(release_request).where(release_request.c.id == request.id).values(**values)
    )


def check_author(actor: Actor, request: Request) -> None:
    """Refuse whoever did not write the request."""
    if actor.person != request.author:
        raise Denied(
            "not_the_author",
            Message(
                "只有申请人本人可以修改、提交或撤回该申请。",
                "Only its author may change, submit or withdraw this request.",
            ),
            field="release",
            rule="separation-of-duties",
        )


def check_apart(connection: Connection, actor: Actor, request: Request) -> None:
    """Refuse who is too near to judge or read it: machines, its own group, and its payer's (I8)."""
    belongs_to = {actor.organisation, *served_by(connection, actor.person)}
    check_natural_person(actor)
    check_independent(belongs_to, group_of(connection, request.organisation))
    payer = licence_document(connection, request.licence).product.payer
    check_not_buying(belongs_to, group_of(connection, payer))


def bytes_differ() -> Conflict:
    """Say that what the desk made now is not what was named."""
    return Conflict(
        "release_bytes_differ",
        Message(
            "重新计算的结果与申请所列摘要不一致，不予放行。",
            "What the desk recomputed differs from what the request names; nothing leaves.",
        ),
        field="sha256",
        rule="I15",
    )


def _only(public: Mapping[str, object], names: set[str]) -> dict[str, object]:
    return {name: value for name, value in public.items() if name in names}
