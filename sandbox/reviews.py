"""Reviews of notebooks: submitted → approved or returned, withdrawn from both; each step logged.

An approval binds the code, the environment, the rules, the licence and a term. Whoever approves
is a checker who did not write it and belongs to nobody of the author's group (I8).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update

from audit.events import AuditEvent, PendingEntry, Writer
from audit.tags import EntryKind
from authorization.organisations import group_of, served_by
from authorization.revocation import SuspensionBoard, check_in_force
from authorization.separation import check_may_vote, check_may_write
from foundation.clock import MICROSECONDS_PER_DAY
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, Message, NotFound, SandgateError
from foundation.identity import Actor, Role
from foundation.ids import new_id
from policies.schema.sessions import SessionRules
from sandbox.notebooks import Notebook, granted_datasets, kept_notebook, read_notebook
from sandbox.review_store import reviews

REVIEW_RULE = "notebook-review"


class ReviewState(StrEnum):
    """Where the review of a notebook stands."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


REVIEW_TRANSITIONS: Mapping[tuple[ReviewState, ReviewState], EntryKind] = {
    (ReviewState.SUBMITTED, ReviewState.APPROVED): EntryKind.REVIEW_APPROVED,
    (ReviewState.SUBMITTED, ReviewState.RETURNED): EntryKind.REVIEW_RETURNED,
    (ReviewState.SUBMITTED, ReviewState.WITHDRAWN): EntryKind.REVIEW_WITHDRAWN,
    (ReviewState.APPROVED, ReviewState.WITHDRAWN): EntryKind.REVIEW_WITHDRAWN,
}
"""Every step there is, with the entry that it is logged as."""

REVIEW_NAMES: Mapping[ReviewState, Message] = {
    ReviewState.SUBMITTED: Message("待审查", "submitted"),
    ReviewState.APPROVED: Message("已通过", "approved"),
    ReviewState.RETURNED: Message("已退回", "returned"),
    ReviewState.WITHDRAWN: Message("已撤销", "withdrawn"),
}


@dataclass(frozen=True)
class Review:
    """One review: whose notebook, under which licence, rules and environment, and its outcome."""

    id: str
    licence: str
    person: str
    organisation: str
    notebook_digest: str
    environment_digest: str
    policy_digest: str
    datasets: tuple[str, ...]
    cells: bytes
    state: ReviewState
    reviewer: str | None
    submitted_us: int
    decided_us: int | None
    valid_until_us: int | None

    @property
    def notebook(self) -> Notebook:
        """Return the notebook that was submitted. Raises Conflict where its bytes were changed."""
        try:
            found = kept_notebook(self.cells)
        except (ValueError, KeyError, TypeError) as error:
            raise _lost("review_notebook_changed", _CHANGED) from error
        if found.digest(self.environment_digest) != self.notebook_digest:
            raise _lost("review_notebook_changed", _CHANGED)
        return found


@dataclass(frozen=True)
class Ground:
    """What an approval rests on now: the rules in force, and what is installed for sessions."""

    policy_digest: str
    environment_digest: Callable[[], str]


class ReviewDesk:
    """Takes notebooks in, and what reviewers decide of them."""

    def __init__(
        self,
        engine: Engine,
        writer: Writer,
        board: SuspensionBoard,
        rules: SessionRules,
        ground: Ground,
    ) -> None:
        """Join store, log, rules and what approvals rest on."""
        self._engine = engine
        self._writer = writer
        self._board = board
        self._rules = rules
        self._ground = ground

    def submit(self, actor: Actor, licence: str, datasets: list[str], text: str) -> Review:
        """Take a notebook in for review. The caller knows that the actor may use the licence.

        Raises InvalidInput for what is no notebook, Denied where the licence is shut.
        """
        notebook = read_notebook(text, self._rules)
        environment = self._ground.environment_digest()
        review_id, names = new_id("rev"), granted_datasets(datasets)
        row = {
            "id": review_id,
            "licence": licence,
            "person": actor.person,
            "organisation": actor.organisation,
            "notebook_digest": notebook.digest(environment),
            "environment_digest": environment,
            "policy_digest": self._ground.policy_digest,
            "datasets": json.dumps(names),
            "cells": notebook.canonical(),
            "state": ReviewState.SUBMITTED.value,
        }

        def apply(connection: Connection, entry: PendingEntry) -> Review:
            check_may_write(actor)
            check_in_force(connection, self._board, licence, entry.time_us)
            connection.execute(insert(reviews).values(submitted_us=entry.time_us, **row))
            return require_review(connection, review_id)

        public = {
            "review": review_id,
            "datasets": list(names),
            "cells": len(notebook.cells),
            **{
                name: row[name]
                for name in ("licence", "notebook_digest", "environment_digest", "policy_digest")
            },
        }
        event = AuditEvent(EntryKind.REVIEW_SUBMITTED, actor, public)
        return self._writer.submit(event, apply).value

    def decide(
        self, actor: Actor, review_id: str, *, approve: bool, notebook_digest: str, comment: str
    ) -> Review:
        """Approve or return exactly the notebook with this digest; a return says why.

        Raises Denied for whoever may not judge it, Conflict for another notebook.
        """
        if not approve and not comment.strip():
            raise InvalidInput(
                "comment_missing",
                Message("退回笔记本须说明理由。", "To return a notebook, say why."),
                field="$.comment",
                rule=REVIEW_RULE,
            )
        target = ReviewState.APPROVED if approve else ReviewState.RETURNED

        def check(connection: Connection, entry: PendingEntry, review: Review) -> dict[str, Any]:
            check_may_judge(connection, actor, review)
            if review.notebook_digest != notebook_digest:
                raise _lost("review_notebook_changed", _CHANGED)
            check_in_force(connection, self._board, review.licence, entry.time_us)
            decided = {"reviewer": actor.person, "decided_us": entry.time_us}
            if not approve:
                return decided
            self._check_ground(review)
            valid_us = self._rules.review_valid_days * MICROSECONDS_PER_DAY
            return {**decided, "valid_until_us": entry.time_us + valid_us}

        return self._move(actor, review_id, target, check, {"comment": comment})

    def withdraw(self, actor: Actor, review_id: str, reason: str) -> Review:
        """End a review or an approval: its own author's organisation, or the authority."""

        def check(_connection: Connection, _entry: PendingEntry, review: Review) -> dict[str, Any]:
            check_may_write(actor)
            if not (actor.has(Role.AUTHORITY) or actor.organisation == review.organisation):
                raise _unknown()
            return {}

        return self._move(actor, review_id, ReviewState.WITHDRAWN, check, {"reason": reason})

    def check_stands(
        self, connection: Connection, review_id: str, licence: str, now_us: int
    ) -> Review:
        """Return a review on which production may begin now. Raises Conflict, saying what is lost.

        A changed notebook, environment or rule, another licence, or a passed term loses it.
        """
        review = require_review(connection, review_id)
        if review.licence != licence:
            raise _unknown()
        if review.state is not ReviewState.APPROVED or review.valid_until_us is None:
            name = REVIEW_NAMES[review.state]
            raise _lost(
                "review_not_approved",
                Message(
                    f"该笔记本的审查{name.zh}，不能转入生产运行。",
                    f"The review of this notebook is {name.en}; it cannot go into production.",
                ),
            )
        if now_us >= review.valid_until_us:
            raise _lost(
                "review_expired",
                Message("该审查已过有效期。", "The approval of this notebook is past its term."),
            )
        self._check_ground(review)
        _ = review.notebook
        return review

    def reviews(self, licence: str | None = None) -> list[Review]:
        """Return reviews, newest first."""
        query = select(reviews).order_by(reviews.c.submitted_us.desc(), reviews.c.id)
        if licence is not None:
            query = query.where(reviews.c.licence == licence)
        with reading(self._engine) as connection:
            return [_review(row) for row in connection.execute(query)]

    def review(self, review_id: str) -> Review:
        """Return one review. Raises NotFound."""
        with reading(self._engine) as connection:
            return require_review(connection, review_id)

    def _check_ground(self, review: Review) -> None:
        if review.policy_digest != self._ground.policy_digest:
            raise _lost(
                "review_rules_changed",
                Message(
                    "审查之后规则包已变更，须重新审查。",
                    "The rules changed after this notebook was submitted.",
                ),
            )
        if review.environment_digest != self._ground.environment_digest():
            raise _lost(
                "review_environment_changed",
                Message(
                    "审查之后会话环境已变更，须重新审查。",
                    "The session environment changed after this notebook was submitted.",
                ),
            )

    def _move(
        self,
        actor: Actor,
        review_id: str,
        target: ReviewState,
        check: Callable[[Connection, PendingEntry, Review], dict[str, Any]],
        private: dict[str, str],
    ) -> Review:
        """Make one step of the table, logged; who may and from where is asked while writing."""
        kind = {new: kind for (_old, new), kind in REVIEW_TRANSITIONS.items()}[target]

        def apply(connection: Connection, entry: PendingEntry) -> Review:
            review = require_review(connection, review_id)
            columns = check(connection, entry, review)
            if (review.state, target) not in REVIEW_TRANSITIONS:
                raise _illegal(review.state, target)
            connection.execute(
                update(reviews)
                .where(reviews.c.id == review_id, reviews.c.state == review.state.value)
                .values(state=target.value, **columns)
            )
            entry.amend(licence=review.licence, notebook_digest=review.notebook_digest)
            if target is ReviewState.APPROVED:
                entry.amend(
                    environment_digest=review.environment_digest,
                    policy_digest=review.policy_digest,
                    datasets=list(review.datasets),
                    author=review.person,
                    valid_until_us=columns["valid_until_us"],
                )
            return require_review(connection, review_id)

        event = AuditEvent(kind, actor, {"review": review_id}, private)
        return self._writer.submit(event, apply).value


def check_may_judge(connection: Connection, actor: Actor, review: Review) -> None:
    """Refuse anyone but an independent, older, natural checker who is not the author."""
    check_may_vote(
        actor,
        author=review.person,
        group=group_of(connection, review.organisation),
        belongs_to=served_by(connection, actor.person),
        voters=(),
        requested_us=review.submitted_us,
    )


def require_review(connection: Connection, review_id: str) -> Review:
    """Return one review. Raises NotFound."""
    row = connection.execute(select(reviews).where(reviews.c.id == review_id)).one_or_none()
    if row is None:
        raise _unknown()
    return _review(row)


def _review(row: Row[Any]) -> Review:
    fields = row._asdict()
    fields["state"] = ReviewState(row.state)
    fields["datasets"] = tuple(json.loads(row.datasets))
    return Review(**fields)


_CHANGED = Message(
    "笔记本与所审查的不是同一份，审查因此失效。",
    "This is not the notebook that was reviewed, so its approval does not hold.",
)
_RESUBMIT = Message("请提交当前笔记本重新审查。", "Submit the notebook as it is now for review.")


def _lost(code: str, message: Message) -> SandgateError:
    return Conflict(code, message, field="review", rule=REVIEW_RULE, way_out=_RESUBMIT)


def _illegal(source: ReviewState, target: ReviewState) -> Conflict:
    was, wanted = REVIEW_NAMES[source], REVIEW_NAMES[target]
    return Conflict(
        "review_state",
        Message(
            f"审查{was.zh}，不能变为“{wanted.zh}”。",
            f"The review is {was.en}; it cannot become {wanted.en}.",
        ),
        field="state",
        rule=REVIEW_RULE,
    )


def _unknown() -> NotFound:
    return NotFound(
        "review_unknown",
        Message("没有这项笔记本审查。", "There is no such review of a notebook."),
        field="review",
    )


def check_own(review: Review, actor: Actor) -> None:
    """Refuse the use of a review by whoever is not of its author's organisation."""
    if actor.organisation != review.organisation or not actor.has(Role.OPERATOR):
        raise Denied(
            "review_not_yours",
            Message("该审查属于其他机构。", "This review is another organisation's."),
            field="review",
            rule=REVIEW_RULE,
        )
