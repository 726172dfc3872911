"""A licence's life: its states and moves as one table, and the writes that make each move.

Drafting and activation are two people's acts (I8). A document is checked against the facts of
the moment twice, when drafted and when signed, inside the write that depends on it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy import Connection, RowMapping, insert, select, update

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization import store
from authorization.agreements import agreement_by_number
from authorization.documents import AccessMode, LicenceDocument
from authorization.organisations import group_of, organisations, served_by
from authorization.separation import (
    check_another_person,
    check_independent,
    check_natural_person,
    check_older_than,
    check_role,
)
from authorization.signing import (
    AuthorityKeys,
    SignedLicence,
    check_given_signature,
    document_bytes,
    document_digest,
    sign_licence,
)
from authorization.terms import check_term
from authorization.validation import LICENCE_PREFIX, LicenceFacts, LicenceRuleset, check_licence
from catalog.populations import mark_rows_held
from catalog.resources.consents import without_consent
from catalog.store import dataset_by_name
from catalog.zones.store import zone
from foundation.errors import Conflict, Message, NotFound
from foundation.identity import Actor, Role
from foundation.ids import new_id
from foundation.keys import KeyStore

RULE = "licence-states"
RowsCheck = Callable[[Connection, str], None]
BudgetsCheck = Callable[[Connection, LicenceDocument], None]


class LicenceState(StrEnum):
    """Where a licence stands."""

    DRAFTED = "drafted"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDED = "ended"
    EXPIRED = "expired"


STATE_WORDS_ZH: Mapping[LicenceState, str] = MappingProxyType(
    {
        LicenceState.DRAFTED: "待签发",
        LicenceState.ACTIVE: "生效",
        LicenceState.SUSPENDED: "暂停",
        LicenceState.ENDED: "终止",
        LicenceState.EXPIRED: "到期",
    }
)


class Move(StrEnum):
    """What can happen to a licence."""

    ACTIVATE = "activate"
    SUSPEND = "suspend"
    RESUME = "resume"
    END = "end"
    EXPIRE = "expire"


MOVE_WORDS_ZH: Mapping[Move, str] = MappingProxyType(
    {
        Move.ACTIVATE: "签发生效",
        Move.SUSPEND: "暂停",
        Move.RESUME: "恢复",
        Move.END: "终止",
        Move.EXPIRE: "转为到期",
    }
)


TRANSITIONS: Mapping[tuple[LicenceState, Move], LicenceState] = MappingProxyType(
    {
        (LicenceState.DRAFTED, Move.ACTIVATE): LicenceState.ACTIVE,
        (LicenceState.DRAFTED, Move.END): LicenceState.ENDED,
        (LicenceState.ACTIVE, Move.SUSPEND): LicenceState.SUSPENDED,
        (LicenceState.ACTIVE, Move.END): LicenceState.ENDED,
        (LicenceState.ACTIVE, Move.EXPIRE): LicenceState.EXPIRED,
        (LicenceState.SUSPENDED, Move.RESUME): LicenceState.ACTIVE,
        (LicenceState.SUSPENDED, Move.END): LicenceState.ENDED,
        (LicenceState.SUSPENDED, Move.EXPIRE): LicenceState.EXPIRED,
    }
)

MOVE_KINDS: Mapping[Move, EntryKind] = MappingProxyType(
    {
        Move.ACTIVATE: EntryKind.LICENCE_ACTIVATED,
        Move.SUSPEND: EntryKind.LICENCE_SUSPENDED,
        Move.RESUME: EntryKind.LICENCE_RESUMED,
        Move.END: EntryKind.LICENCE_ENDED,
        Move.EXPIRE: EntryKind.LICENCE_EXPIRED,
    }
)


@dataclass(frozen=True)
class Licence:
    """A licence as stored: its document's bytes, signature and state."""

    id: str
    authority: str
    operator: str
    state: LicenceState
    document: bytes
    digest: str
    signature: bytes | None
    drafted_by: str
    closure: str | None
    valid_from_us: int
    valid_until_us: int
    drafted_us: int

    def signed(self) -> SignedLicence | None:
        """Return the signed document, or None while it is a draft."""
        return None if self.signature is None else SignedLicence(self.document, self.signature)


def new_licence_id() -> str:
    """Make the identifier of a new licence."""
    return new_id(LICENCE_PREFIX)


def can_move(state: LicenceState, move: Move) -> bool:
    """Tell whether the state table has this move."""
    return (state, move) in TRANSITIONS


def check_move(state: LicenceState, move: Move) -> LicenceState:
    """Return the state after a move. Raises Conflict where the table has none."""
    if not can_move(state, move):
        raise Conflict(
            "licence_state",
            Message(
                zh=f"授权当前状态为“{STATE_WORDS_ZH[state]}”，不能{MOVE_WORDS_ZH[move]}。",
                en=f"The licence is {state}, a state in which nobody can {move} it.",
            ),
            field="state",
            rule=RULE,
        )
    return TRANSITIONS[state, move]


def licence_facts(connection: Connection, document: LicenceDocument) -> LicenceFacts:
    """Gather what exists now of all that a document names."""
    datasets = {
        grant.dataset: dataset_by_name(connection, grant.dataset) for grant in document.grants
    }
    agreement = agreement_by_number(connection, document.approvals.agreement)
    return LicenceFacts(
        organisations=organisations(connection),
        datasets={name: found.declaration for name, found in datasets.items() if found is not None},
        agreements={} if agreement is None else {agreement.number: agreement},
        operator_group=group_of(connection, document.operator),
        zone=zone(connection, document.zone),
        zones={name: found.zone for name, found in datasets.items() if found is not None},
        without_consent=without_consent(connection),
    )


def draft_licence(
    writer: Writer,
    actor: Actor,
    document: LicenceDocument,
    rules: LicenceRuleset,
) -> Recorded[Licence]:
    """Store a checked draft. Raises InvalidInput naming the field that breaks a rule."""
    check_role(actor, Role.AUTHORITY)
    data = document_bytes(document)
    digest = document_digest(data)

    def apply(connection: Connection, entry: PendingEntry) -> Licence:
        check_licence(document, licence_facts(connection, document), rules)
        if licence_by_id(connection, document.id) is not None:
            raise _already_drafted()
        term = check_term(document.valid_from, document.valid_until, rules.licences)
        connection.execute(
            insert(store.licence).values(
                id=document.id,
                authority=document.authority,
                operator=document.operator,
                document=data,
                document_digest=digest,
                state=str(LicenceState.DRAFTED),
                drafted_by=actor.person,
                valid_from_us=term[0],
                valid_until_us=term[1],
                drafted_us=entry.time_us,
                changed_us=entry.time_us,
            )
        )
        return require_licence(connection, document.id)

    public = {"licence": document.id, "operator": document.operator, "document_digest": digest}
    return writer.submit(AuditEvent(EntryKind.LICENCE_DRAFTED, actor, public), apply)


@dataclass(frozen=True)
class GivenSignature:
    """What the authority sent along, and the keys that it is checked with."""

    signature: bytes | None
    keys: AuthorityKeys


def activate_licence(
    writer: Writer,
    keys: KeyStore,
    actor: Actor,
    licence_id: str,
    rules: LicenceRuleset,
    *,
    check_rows: RowsCheck | None = None,
    check_budgets: BudgetsCheck | None = None,
    given: GivenSignature | None = None,
) -> Recorded[Licence]:
    """Bring a draft into force under the authority's signature; never by its drafter.

    ``given`` is the signature that the authority made outside; without it ``keys`` must hold a
    development authority's key.

    ``check_rows`` is asked, in the same commit, of each population whose rows the licence gives;
    ``check_budgets`` whether its budgets fit beside those of the licences in force.
    """
    check_role(actor, Role.AUTHORITY)
    check_natural_person(actor)

    def apply(connection: Connection, entry: PendingEntry) -> Licence:
        found = require_licence(connection, licence_id)
        check_another_person(actor, found.drafted_by)
        check_older_than(actor, found.drafted_us)
        check_not_of_operator(connection, actor, found)
        if found.valid_until_us <= entry.time_us:
            raise _term_over()
        document = LicenceDocument.model_validate_json(found.document)
        check_licence(document, licence_facts(connection, document), rules)
        if check_budgets is not None:
            check_budgets(connection, document)
        if given is None:
            signature = sign_licence(keys, document).signature
        else:
            signature = check_given_signature(found.document, given.signature, given.keys)
        _mark_rows_held(connection, document, check_rows)
        entry.amend(document_digest=found.digest, operator=found.operator)
        return move_licence(
            connection,
            entry,
            licence_id,
            Move.ACTIVATE,
            signature=signature,
            activated_by=actor.person,
        )

    event = AuditEvent(MOVE_KINDS[Move.ACTIVATE], actor, {"licence": licence_id})
    return writer.submit(event, apply)


def check_not_of_operator(connection: Connection, actor: Actor, licence: Licence) -> None:
    """Refuse whoever serves the operator, or an affiliate of it, as well as the authority (I8)."""
    belongs_to = {actor.organisation, *served_by(connection, actor.person)}
    check_independent(belongs_to, group_of(connection, licence.operator))


def move_licence(
    connection: Connection, entry: PendingEntry, licence_id: str, move: Move, **changes: object
) -> Licence:
    """Make one move inside an ``apply``. Raises Conflict where the state forbids it."""
    found = require_licence(connection, licence_id)
    state = check_move(found.state, move)
    table = store.licence
    connection.execute(
        update(table)
        .where(table.c.id == licence_id, table.c.state == str(found.state))
        .values(state=str(state), changed_us=entry.time_us, **changes)
    )
    return require_licence(connection, licence_id)


def licence_by_id(connection: Connection, licence_id: str) -> Licence | None:
    """Return a licence, or None."""
    query = select(store.licence).where(store.licence.c.id == licence_id)
    row = connection.execute(query).mappings().first()
    return None if row is None else _licence(row)


def require_licence(connection: Connection, licence_id: str) -> Licence:
    """Return a licence. Raises NotFound where there is none."""
    found = licence_by_id(connection, licence_id)
    if found is None:
        raise NotFound(
            "licence_unknown",
            Message(zh="没有这项授权。", en="There is no such licence."),
            field="licence",
            rule=RULE,
        )
    return found


def licence_document(connection: Connection, licence_id: str) -> LicenceDocument:
    """Return a licence's signed document. Raises NotFound where there is no such licence."""
    return LicenceDocument.model_validate_json(require_licence(connection, licence_id).document)


def licences_in(connection: Connection, states: Iterable[LicenceState]) -> list[Licence]:
    """Return the licences that stand in any of the states, oldest first."""
    table = store.licence
    query = select(table).where(table.c.state.in_([str(state) for state in states]))
    rows = connection.execute(query.order_by(table.c.drafted_us, table.c.id)).mappings()
    return [_licence(row) for row in rows]


def licences_without_consent(connection: Connection) -> list[Licence]:
    """Return the licences in force that grant data whose source does not consent."""
    barred = without_consent(connection)
    if not barred:
        return []
    return [
        found
        for found in licences_in(connection, (LicenceState.ACTIVE,))
        if barred.intersection(
            grant.dataset for grant in LicenceDocument.model_validate_json(found.document).grants
        )
    ]


_TELLS_MEMBERSHIP = frozenset({AccessMode.ROWS, AccessMode.VERIFY})


def _mark_rows_held(
    connection: Connection, document: LicenceDocument, check_rows: RowsCheck | None
) -> None:
    """Turn every population whose rows this licence gives into a mixed one, for good (I4)."""
    for grant in document.grants:
        found = dataset_by_name(connection, grant.dataset)
        population = None if found is None else found.declaration.population
        if _TELLS_MEMBERSHIP & set(grant.modes) and population is not None:
            if check_rows is not None:
                check_rows(connection, population)
            mark_rows_held(connection, population)


def _licence(row: RowMapping) -> Licence:
    return Licence(
        id=row["id"],
        authority=row["authority"],
        operator=row["operator"],
        state=LicenceState(row["state"]),
        document=bytes(row["document"]),
        digest=row["document_digest"],
        signature=None if row["signature"] is None else bytes(row["signature"]),
        drafted_by=row["drafted_by"],
        closure=row["closure"],
        valid_from_us=row["valid_from_us"],
        valid_until_us=row["valid_until_us"],
        drafted_us=row["drafted_us"],
    )


def _term_over() -> Conflict:
    return Conflict(
        "licence_term_over",
        Message(
            zh="该授权的期限已过，不能再生效；请另行起草。",
            en="The licence's term is over, so it cannot come into force; draft another.",
        ),
        field="$.valid_until",
        rule=RULE,
    )


def _already_drafted() -> Conflict:
    return Conflict(
        "licence_already_drafted",
        Message(zh="该编号的授权已存在。", en="A licence of this id already exists."),
        field="$.id",
        rule=RULE,
    )
