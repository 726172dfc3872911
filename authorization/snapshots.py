"""From the control store to the policy in force: licences, people and delegations, compiled.

A licence whose document is not as the authority signed it is left out and named, never guessed.
The rest of the policy stands without it (I3, I12). What did not change is not compiled again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, Row, select
from sqlalchemy.exc import SQLAlchemyError

from authorization import store
from authorization.compile import CompiledLicence, compile_licence, domain_of
from authorization.delegation_lines import AuthorityPolicy, authority_policy
from authorization.enforcer import Enforcer, PolicySnapshot
from authorization.index import DomainPolicy, Grounds, Pair
from authorization.licences import Licence, LicenceState, require_licence
from authorization.lines import Links
from authorization.membership import Membership
from authorization.policy_version import PolicyVersion, VersionReader, read_version
from authorization.signing import PublicKeys, verify_licence
from authorization.validation import LicenceRuleset
from authorization.zones import zone_policy
from foundation.db import reading
from foundation.errors import Denied, InvalidInput, Message, SandgateError, Unavailable
from policies.load import PolicyPack
from policies.schema.access import AccessRules

LeftOut = tuple[tuple[str, SandgateError], ...]


@dataclass(frozen=True)
class Assembly:
    """A snapshot, and the licences left out of it with the refusal of each."""

    snapshot: PolicySnapshot
    left_out: LeftOut


@dataclass
class _Parts:
    """What one version of the store was compiled to; kept to be reused for the next."""

    version: PolicyVersion
    membership: Membership
    authorities: AuthorityPolicy
    compiled: dict[tuple[object, ...], CompiledLicence]
    placed: dict[str, DomainPolicy]
    snapshot: PolicySnapshot


@dataclass
class Assembler:
    """Compiles what the store holds. ``root`` is the authority that holds every power by law."""

    pack: PolicyPack
    authority_public_key: PublicKeys
    root: str = ""
    _before: _Parts | None = field(default=None, repr=False)

    def assemble(self, connection: Connection, version: PolicyVersion) -> Assembly:
        """Build the snapshot of every active licence that verifies against the authority's key.

        Licences suspended since stay out of force by the board, and out of the next snapshot.
        Raises InvalidInput where the policy is larger than its limit.
        """
        before = self._before
        membership = self._membership(connection, version)
        if before is not None and before.version[1:] == version[1:]:
            authorities = before.authorities
        else:
            authorities = authority_policy(connection, self.root, membership.officers_of)
        compiled, left_out = self._compile(connection)
        placed = {
            domain_of(found.id): self._place(found, membership) for found in compiled.values()
        }
        in_zones = zone_policy(connection, compiled.values(), membership)
        placed.update(authorities.domains)
        placed.update(in_zones.domains)
        _check_size(
            sum(policy.line_count for policy in placed.values()),
            self.pack.rules(AccessRules).lines_max,
        )
        grounds = Grounds(
            licences={found.id: found for found in compiled.values()},
            shut=_shut(connection),
            origins={**authorities.origins, **in_zones.origins},
        )
        snapshot = self._snapshot(placed, authorities.links | in_zones.links, grounds)
        self._before = _Parts(version, membership, authorities, compiled, placed, snapshot)
        return Assembly(snapshot, tuple(left_out))

    def _membership(self, connection: Connection, version: PolicyVersion) -> Membership:
        before = self._before
        if before is not None and before.version.people == version.people:
            return before.membership
        return Membership.read(connection)

    def _snapshot(
        self, placed: dict[str, DomainPolicy], links: frozenset[Pair], grounds: Grounds
    ) -> PolicySnapshot:
        """Exchange in the last snapshot what differs from it."""
        if self._before is None:
            old: dict[str, DomainPolicy] = {}
            base = PolicySnapshot(self.pack.access_model, (), Links())
        else:
            old, base = self._before.placed, self._before.snapshot
        changes: dict[str, DomainPolicy | None] = dict.fromkeys(old.keys() - placed.keys())
        changes |= {name: policy for name, policy in placed.items() if old.get(name) is not policy}
        return base.replaced(changes, domains=links, grounds=grounds)

    def _compile(
        self, connection: Connection
    ) -> tuple[dict[tuple[object, ...], CompiledLicence], list[tuple[str, SandgateError]]]:
        known = {} if self._before is None else self._before.compiled
        rules = LicenceRuleset.of(self.pack)
        compiled: dict[tuple[object, ...], CompiledLicence] = {}
        left_out: list[tuple[str, SandgateError]] = []
        for row in _active(connection):
            key = tuple(row)
            try:
                compiled[key] = known.get(key) or compile_stored(
                    require_licence(connection, row.id), self.authority_public_key, rules
                )
            except SandgateError as refusal:
                left_out.append((row.id, refusal))
        return compiled, left_out

    def _place(self, licence: CompiledLicence, membership: Membership) -> DomainPolicy:
        """Index one licence, or take the index of the last time where nothing of it changed."""
        domain = domain_of(licence.id)
        members = membership.members_of_operator(licence.document.operator)
        before = self._before
        if before is not None and before.snapshot.licences.get(licence.id) is licence:
            return before.placed[domain].with_members(members)
        return DomainPolicy.of(domain, licence.lines, members, licence.links.objects)


class StoredPolicy:
    """The control store as the source of an ``Enforcer``: one row tells whether to build anew."""

    def __init__(self, engine: Engine, assembler: Assembler) -> None:
        """Read nothing yet."""
        self._engine = engine
        self._assembler = assembler
        self._reader = VersionReader(engine)
        self.left_out: LeftOut = ()

    def version(self) -> PolicyVersion:
        """Return the newest committed version. Raises Unavailable where it cannot be read."""
        return self._reader.read()

    def build(self) -> tuple[PolicyVersion, PolicySnapshot]:
        """Compile what changed. The version is read first, so it is never newer than the rest.

        Raises Unavailable where the store does not answer.
        """
        try:
            with reading(self._engine) as connection:
                version = read_version(connection)
                assembly = self._assembler.assemble(connection, version)
        except SQLAlchemyError as error:
            raise _not_current() from error
        self.left_out = assembly.left_out
        return version, assembly.snapshot

    def close(self) -> None:
        """Give up the reader's connection."""
        self._reader.close()


def assemble(
    connection: Connection, pack: PolicyPack, authority_public_key: PublicKeys, root: str = ""
) -> Assembly:
    """Build the snapshot of a store once, from nothing (see ``Assembler.assemble``)."""
    return Assembler(pack, authority_public_key, root).assemble(
        connection, read_version(connection)
    )


def enforcer_of(
    engine: Engine, pack: PolicyPack, authority_public_key: PublicKeys, root: str
) -> Enforcer:
    """Return the enforcer of a store, which follows it: see ``StoredPolicy``."""
    source = StoredPolicy(engine, Assembler(pack, authority_public_key, root))
    return Enforcer(source.build()[1], source)


def refresh(
    enforcer: Enforcer, engine: Engine, pack: PolicyPack, authority_public_key: PublicKeys
) -> LeftOut:
    """Bring an enforcer up to what the store says, and return the licences left out.

    One that follows the store would do so by itself at its next decision; this does it now.
    """
    source = enforcer.source
    if isinstance(source, StoredPolicy):
        enforcer.follow(source)
        return source.left_out
    left_out: list[tuple[str, SandgateError]] = []

    def build() -> PolicySnapshot:
        with reading(engine) as connection:
            assembly = assemble(connection, pack, authority_public_key)
        left_out.extend(assembly.left_out)
        return assembly.snapshot

    enforcer.rebuild(build)
    return tuple(left_out)


def compile_stored(
    licence: Licence, authority_public_key: PublicKeys, rules: LicenceRuleset
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


def _active(connection: Connection) -> Iterable[Row[tuple[object, ...]]]:
    """Return what identifies each active licence; its document is read only where this is new."""
    table = store.licence
    names = ("id", "document_digest", "signature", "operator", "valid_from_us", "valid_until_us")
    query = select(*(table.c[name] for name in names)).where(
        table.c.state == str(LicenceState.ACTIVE)
    )
    return connection.execute(query.order_by(table.c.drafted_us, table.c.id)).all()


def _shut(connection: Connection) -> dict[str, str]:
    """Return the operators of licences out of force, so that they are told so, and no one else."""
    table = store.licence
    states = (LicenceState.SUSPENDED, LicenceState.ENDED, LicenceState.EXPIRED)
    query = select(table.c.id, table.c.operator).where(
        table.c.state.in_([str(state) for state in states]), table.c.signature.is_not(None)
    )
    return {row.id: row.operator for row in connection.execute(query)}


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


def _not_current() -> Unavailable:
    return Unavailable(
        "policy_not_current",
        Message(
            zh="访问规则已变更而未能重新载入，因此不予判定。",
            en="The access policy changed and could not be loaded again, so nothing is decided.",
        ),
        rule="policies/access",
        way_out=Message(zh="请恢复控制库后重试。", en="Restore the control store, then retry."),
    )
