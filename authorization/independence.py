"""Decides whether an approver stands apart from the house they decide about (I8).

Houses are compared with their affiliates, people with every house they serve or lately served.
"""

from collections.abc import Callable

from sqlalchemy import Connection

from authorization.groups import group_of, served_by
from authorization.separation import check_independent
from foundation.identity import Actor

Apart = Callable[[Connection, Actor, str], None]
"""Refuses an actor who serves an organisation, or an affiliate of it. Raises Denied."""


def check_apart_from_person(connection: Connection, actor: Actor, person: str) -> None:
    """Refuse who serves a house that another person serves or lately served. Raises Denied.

    The house for which the actor acts now does not count: two of one authority are two people.
    """
    for organisation in sorted(served_by(connection, person) - {actor.organisation}):
        check_apart(connection, actor, organisation)


def check_apart(connection: Connection, actor: Actor, organisation: str) -> None:
    """Refuse who serves, or lately served, this organisation or an affiliate. Raises Denied."""
    belongs_to = {actor.organisation, *served_by(connection, actor.person)}
    check_independent(belongs_to, group_of(connection, organisation))
