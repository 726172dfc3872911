"""The states of an entry and of a revision of it, and the only moves between them.

An entry is what everybody knows under one catalogue code; a revision is one text of it on its way
from draft to publication. The store refuses every other move as well (``catalog.book.store``).
"""

from enum import StrEnum


class EntryState(StrEnum):
    """目录条目状态."""

    DRAFT = "draft"  # 草稿
    SUBMITTED = "submitted"  # 待审
    REFUSED = "refused"  # 不予发布
    PUBLISHED = "published"  # 已发布
    CHANGE_SUBMITTED = "change_submitted"  # 变更待审
    WITHDRAWN = "withdrawn"  # 已下线
    DISCARDED = "discarded"  # 草稿作废


class RevisionState(StrEnum):
    """The state of one text of an entry."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    PUBLISHED = "published"
    REFUSED = "refused"
    DISCARDED = "discarded"


class Move(StrEnum):
    """What happened to an entry: one line of its history, under one entry of the log."""

    DRAFTED = "drafted"
    REVISED = "revised"
    ASSESSED = "assessed"
    SIGNED_OFF = "signed_off"
    SUBMITTED = "submitted"
    PUBLISHED = "published"
    RETURNED = "returned"
    REFUSED = "refused"
    CHANGE_BEGUN = "change_begun"
    WITHDRAWN = "withdrawn"
    DISCARDED = "discarded"


OPEN_REVISIONS = (RevisionState.DRAFT, RevisionState.SUBMITTED)
PUBLIC_MOVES = (Move.PUBLISHED, Move.WITHDRAWN)
"""The moves that subscribers and the change feed tell of."""

ENTRY_MOVES: frozenset[tuple[EntryState, EntryState]] = frozenset(
    {
        (EntryState.DRAFT, EntryState.SUBMITTED),
        (EntryState.DRAFT, EntryState.DISCARDED),
        (EntryState.SUBMITTED, EntryState.DRAFT),  # returned with what is missing
        (EntryState.SUBMITTED, EntryState.REFUSED),
        (EntryState.SUBMITTED, EntryState.PUBLISHED),
        (EntryState.REFUSED, EntryState.DRAFT),
        (EntryState.REFUSED, EntryState.DISCARDED),
        (EntryState.DISCARDED, EntryState.DRAFT),  # the code is free again for its department
        (EntryState.PUBLISHED, EntryState.CHANGE_SUBMITTED),
        (EntryState.PUBLISHED, EntryState.WITHDRAWN),
        (EntryState.CHANGE_SUBMITTED, EntryState.PUBLISHED),
        (EntryState.CHANGE_SUBMITTED, EntryState.WITHDRAWN),
        (EntryState.WITHDRAWN, EntryState.CHANGE_SUBMITTED),
    }
)
REVISION_MOVES: frozenset[tuple[RevisionState, RevisionState]] = frozenset(
    {
        (RevisionState.DRAFT, RevisionState.SUBMITTED),
        (RevisionState.DRAFT, RevisionState.DISCARDED),
        (RevisionState.SUBMITTED, RevisionState.DRAFT),
        (RevisionState.SUBMITTED, RevisionState.PUBLISHED),
        (RevisionState.SUBMITTED, RevisionState.REFUSED),
        (RevisionState.SUBMITTED, RevisionState.DISCARDED),
    }
)
