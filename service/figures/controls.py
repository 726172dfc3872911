"""What a month of the log says of each control: how often each kind of its entries was written.

A control's finding is one of four, and none of them is a judgement: ``evidenced`` (its entries, or
the parts that stand for it, are there), ``quiet`` (nothing that would concern it happened),
``finding`` (an entry that should not be, or a part that does not stand), ``missing`` (it is in
daily use and nothing of it was written).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import Connection, func, select

from audit.reading import read_entries
from audit.store import entry
from audit.tags import EntryKind
from policies.load import PolicyPack
from policies.schema.controls import Control, ControlRules

Standing = Literal["evidenced", "quiet", "finding", "missing"]
PAGE = 1_000
REFUSALS = (
    *(EntryKind.REQUEST_REFUSED, EntryKind.QUESTION_REFUSED, EntryKind.REFUSALS_COALESCED),
    *(EntryKind.VERIFICATION_REFUSED, EntryKind.SESSION_REFUSED, EntryKind.PRODUCT_REFUSED),
    *(EntryKind.VOTE_REFUSED, EntryKind.LOGIN_REFUSED),
)
STEP_UP = "step_up_required"


def kinds_of(control: Control) -> tuple[EntryKind, ...]:
    """Return the kinds of entries that a control's prefixes name."""
    return tuple(
        kind
        for kind in EntryKind
        if any(kind == prefix or kind.startswith(f"{prefix}:") for prefix in control.kinds)
    )


def counted_kinds(connection: Connection, first: int, end: int) -> Mapping[str, int]:
    """Count the entries of each kind with ``first <= index < end``."""
    query = (
        select(entry.c.kind, func.count())
        .where(entry.c.idx >= first, entry.c.idx < end)
        .group_by(entry.c.kind)
    )
    return {str(row[0]): int(row[1]) for row in connection.execute(query)}


def refusals(connection: Connection, first: int, end: int) -> Mapping[str, int]:
    """Count refusals by code, those that were only counted in a flood too."""
    found: Counter[str] = Counter()
    place = first
    while page := read_entries(connection, first=place, end=end, kinds=REFUSALS, limit=PAGE):
        for one in page:
            public = one.public
            count = public.get("count", 1)
            found[str(public.get("code", one.kind))] += count if isinstance(count, int) else 1
        place = page[-1].index + 1
    return found


def judged(
    pack: PolicyPack,
    counts: Mapping[str, int],
    doctor: Mapping[str, bool],
    witnesses: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Return each control with what evidences it and how it stands."""
    return [
        _judged(control, pack, counts, doctor, witnesses)
        for control in pack.rules(ControlRules).controls
    ]


def _judged(
    control: Control,
    pack: PolicyPack,
    counts: Mapping[str, int],
    doctor: Mapping[str, bool],
    witnesses: Mapping[str, Any],
) -> dict[str, Any]:
    kinds = {str(kind): counts.get(str(kind), 0) for kind in kinds_of(control)}
    parts = {name: doctor.get(name, False) for name in control.doctor}
    contradicted = control.witness and bool(witnesses.get("contradicted"))
    sections = [
        {"file": path, "digest": digest}
        for path, digest in sorted(pack.file_digests.items())
        if path.partition("/")[0] in control.rules
    ]
    return {
        "id": control.id,
        "pillar": control.pillar,
        "name": {"zh": control.name_zh, "en": control.name_en},
        "promise": {"zh": control.promise_zh, "en": control.promise_en},
        "source": control.source,
        "entries": kinds,
        "parts": parts,
        "rules": sections,
        "standing": _standing(control, sum(kinds.values()), list(parts.values()), contradicted),
    }


def _standing(
    control: Control, entries: int, parts: Sequence[bool], contradicted: bool
) -> Standing:
    if contradicted or not all(parts) or (control.expects == "none" and entries):
        return "finding"
    if entries or parts or (control.rules and not control.kinds):
        return "evidenced"
    return "missing" if control.expects == "something" else "quiet"
