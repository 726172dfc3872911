"""What later versions of a tariff and of a scheme have in common: who may make one, and for what.

A person of the authority proposes it, another approves it once, both for a licence in force that
they have no other part in.
"""

from typing import Protocol

from sqlalchemy import Connection

from authorization.licences import Licence, LicenceState, check_not_of_operator, require_licence
from authorization.separation import (
    check_another_person,
    check_natural_person,
    check_older_than,
    check_role,
)
from foundation.errors import SandgateError
from foundation.identity import Actor, Role

IN_FORCE = (LicenceState.ACTIVE, LicenceState.SUSPENDED)


class Proposed(Protocol):
    """A version as its approver finds it."""

    @property
    def proposed_by(self) -> str:
        """Who proposed it."""
        ...

    @property
    def proposed_us(self) -> int:
        """When it was proposed."""
        ...

    @property
    def approved_by(self) -> str | None:
        """Who approved it, if anybody."""
        ...


def check_author(actor: Actor) -> None:
    """Refuse all but natural persons of the authority. Raises Denied."""
    check_role(actor, Role.AUTHORITY)
    check_natural_person(actor)


def replaceable_licence(
    connection: Connection, actor: Actor, licence_id: str, refused: SandgateError
) -> Licence:
    """Return a licence in force that the actor has no other part in.

    Raises Denied, NotFound, or ``refused`` where the licence is not in force.
    """
    licence = require_licence(connection, licence_id)
    check_not_of_operator(connection, actor, licence)
    if licence.state not in IN_FORCE:
        raise refused
    return licence


def check_approver(actor: Actor, found: Proposed, refused: SandgateError) -> None:
    """Refuse whoever proposed it, and an account younger than it (I8).

    Raises Denied, or ``refused`` where somebody approved it already.
    """
    check_another_person(actor, found.proposed_by)
    check_older_than(actor, found.proposed_us)
    if found.approved_by is not None:
        raise refused
