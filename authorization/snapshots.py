"""From the control store to the policy in force: every signed licence, compiled, and its people.

A licence whose document is not as the authority signed it is left out and named, never guessed.
The rest of the policy stands without it (I3, I12).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select

from authorization import store
from authorization.compile import CompiledLicence, compile_licence, domain_of, person_subject
from authorization.enforcer import Enforcer, PolicySnapshot
from authorization.licences import Licence, LicenceState, licences_in
from authorization.lines import Links
from authorization.signing import verify_licence
from authorization.validation import LicenceRuleset
from foundation.db import reading
from foundation.errors import Denied, InvalidInput, Message, SandgateError
from policies.load import PolicyPack
from policies.schema.access import AccessRules


@dataclass(frozen=True)
class Assembly:
    """A snapshot, and the licences left out of it with the refusal of each."""

    snapshot: PolicySnapshot
    left_out: tuple[tuple[str, SandgateError], ...]


def assemble(connection: Connection, pack: PolicyPack, authority_public_key: bytes) -> Assembly:
    """Build the snapshot of every active licence that verifies against the authority's key.

    Licences suspended since stay out of force by the board, and out of the next snapshot.
    """
    compiled: list[CompiledLicence] = []
    left_out: list[tuple[str, SandgateError]] = []
    rules = LicenceRuleset.of(pack)
    for licence in licences_in(connection, (LicenceState.ACTIVE,)):
        try:
            compiled.append(compile_stored(licence, authority_public_key, rules))
        except SandgateError as refusal:
            left_out.append((licence.id, refusal))
    lines = [line for licence in compiled for line in licence.lines]
    _check_size(len(lines), pack.rules(AccessRules).lines_max)
    links = member_links(connection, compiled)
    for found in compiled:
        links = links.joined(found.links)
    by_id = {found.id: found for found in compiled}
    return Assembly(PolicySnapshot(pack.access_model, lines, links, by_id), tuple(left_out))


def refresh(
    enforcer: Enforcer, engine: Engine, pack: PolicyPack, authority_public_key: bytes
) -> tuple[tuple[str, SandgateError], ...]:
    """Read the store, swap in what it says, and return the licences left out.

    Call it after a licence was activated, resumed or shut, and after a person was registered.
    """
    left_out: list[tuple[str, SandgateError]] = []

    def build() -> PolicySnapshot:
        with reading(engine) as connection:
            assembly = assemble(connection, pack, authority_public_key)
        left_out.extend(assembly.left_out)
        return assembly.snapshot

    enforcer.rebuild(build)
    return tuple(left_out)


def compile_stored(
    licence: Licence, authority_public_key: bytes, rules: LicenceRuleset
) -> CompiledLicence:
    """Verify and compile one stored licence. Raises Denied where the row is not its document."""
    signed = licence.signed()
    if signed is None:
        raise _row_differs()
    document = verify_licence(signed, authority_public_key)
    compiled = compile_licence(document, rules)
    row = (licence.id, licence.operator, licence.digest)
    term = (licence.valid_from_us, licence.valid_until_us)
    if row != (compiled.id, document.operator, compiled.digest):
        raise _row_differs()
    if term != (compiled.valid_from_us, compiled.valid_until_us):
        raise _row_differs()
    return compiled


def member_links(connection: Connection, licences: Iterable[CompiledLicence]) -> Links:
    """Link the people of each operator to their roles and all their organisations (g)."""
    table = store.affiliation
    people: dict[str, set[str]] = {}
    for row in connection.execute(select(table.c.person, table.c.organisation)):
        people.setdefault(row.person, set()).add(row.organisation)
    roles: dict[str, set[str]] = {}
    for row in connection.execute(select(store.person_role.c.person, store.person_role.c.role)):
        roles.setdefault(row.person, set()).add(row.role)
    return Links(
        members=frozenset(
            (person_subject(person), held, domain_of(licence.id))
            for licence in licences
            for person, belongs_to in people.items()
            if licence.document.operator in belongs_to
            for held in (
                *(f"org:{name}" for name in belongs_to),
                *(f"role:{role}" for role in roles.get(person, ())),
            )
        )
    )


def _check_size(lines: int, lines_max: int) -> None:
    if lines > lines_max:
        raise InvalidInput(
            "policy_too_large",
            Message(
                zh=f"访问规则共 {lines} 行，超过上限 {lines_max} 行，不予载入。",
                en=f"The access policy has {lines} lines, above its limit of {lines_max}.",
            ),
            field="lines_max",
            rule="policies/access",
        )


def _row_differs() -> Denied:
    return Denied(
        "licence_row_differs",
        Message(
            zh="授权记录与其签名文件不一致，不予生效。",
            en="The licence's record differs from its signed document, so it has no force.",
        ),
        field="document",
        rule="licence-signature",
    )
