"""Which past approvals today's knowledge of houses would refuse: a list for people to look at.

An affiliate is sometimes learned of only after somebody of it approved. Nothing is undone by
itself: the authority and the regulator see the list, newest first, and decide.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from authorization import store
from authorization.groups import group_of, served_by
from disclosure.release.store import release_request, release_vote
from foundation.clock import to_iso
from sandbox.review_store import reviews


@dataclass(frozen=True)
class PastApproval:
    """One approval by somebody who is not apart from the house it was for; UTC microseconds."""

    kind: str
    subject: str
    organisation: str
    approved_by: str
    near: tuple[str, ...]
    approved_us: int

    def as_json(self) -> dict[str, object]:
        """Return it for a reader."""
        return {
            "kind": self.kind,
            "subject": self.subject,
            "organisation": self.organisation,
            "approved_by": self.approved_by,
            "near": list(self.near),
            "approved": to_iso(self.approved_us),
        }


def approvals_to_review(connection: Connection) -> list[PastApproval]:
    """Return the approvals of releases, notebooks and licences by who was not apart, newest first.

    Houses and memberships are those known now.
    """
    groups: dict[str, frozenset[str]] = {}
    houses: dict[str, frozenset[str]] = {}
    found: list[PastApproval] = []
    for kind, subject, organisation, person, time_us in _approvals(connection):
        if organisation not in groups:
            groups[organisation] = group_of(connection, organisation)
        if person not in houses:
            houses[person] = served_by(connection, person)
        near = tuple(sorted(groups[organisation] & houses[person]))
        if near:
            found.append(PastApproval(kind, subject, organisation, person, near, time_us))
    return sorted(found, key=lambda one: (-one.approved_us, one.subject))


def _approvals(connection: Connection) -> Iterator[tuple[str, str, str, str, int]]:
    vote, request = release_vote, release_request
    votes = (
        select(vote.c.request, request.c.organisation, vote.c.person, vote.c.voted_us)
        .join(request, request.c.id == vote.c.request)
        .where(vote.c.decision == "approve")
    )
    for row in connection.execute(votes):
        yield "release", row.request, row.organisation, row.person, row.voted_us
    approved = select(reviews).where(reviews.c.state == "approved")
    for row in connection.execute(approved):
        yield "notebook", row.id, row.organisation, row.reviewer, row.decided_us
    licence = store.licence
    signed = select(licence).where(licence.c.activated_by.is_not(None))
    for row in connection.execute(signed):
        yield "licence", row.id, row.operator, row.activated_by, row.changed_us
