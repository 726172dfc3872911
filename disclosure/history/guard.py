"""Decides whether a statistic about persons may be given after what the licence was already told.

Refuses one that singles out a few people by itself, and one that an earlier one of the same
licence isolates a few people from (A, and A without x). Decides from question texts and declared
facts alone, so that the refusal discloses nothing of anyone; it names the earlier question's time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from sqlalchemy import Connection

from catalog.datasets import (
    Column,
    ColumnType,
    DatasetDeclaration,
    IdentifierKind,
    MaskKind,
)
from disclosure.gate.question import CheckedQuestion
from disclosure.history.parts import (
    DERIVED,
    Except,
    Facts,
    Part,
    Parts,
    Values,
    between,
    negated,
    part_key,
    set_key,
    share,
)
from disclosure.history.store import Remembered, add_remembered, find_remembered
from disclosure.history.summary import CountedSet, counted_sets
from disclosure.outcome import Refused
from foundation.clock import to_iso
from foundation.errors import Message
from policies.schema.history import HistoryRules

RULE = "policies/history"
_DAYS_IN_YEAR = 365


@dataclass(frozen=True)
class PersonExtract:
    """One extract of a licence: what is declared of it, and its columns in order."""

    declaration: DatasetDeclaration
    columns: Sequence[str]


@dataclass(frozen=True)
class ComparedSet:
    """One set that a statistic is over, whole and without each of its parts, by what remains."""

    dataset: str
    parts: Parts
    rests: Mapping[str, Part | None]

    @classmethod
    def of(cls, counted: CountedSet) -> "ComparedSet":
        """Take the digests of a set's rests once."""
        keys = {part: part_key(part) for part in counted.parts}
        rests: dict[str, Part | None] = {set_key(keys.values()): None}
        for part in counted.parts:
            rests[set_key(key for other, key in keys.items() if other is not part)] = part
        return cls(counted.dataset, counted.parts, rests)


@dataclass(frozen=True)
class QuestionSets:
    """The sets that a question's statistics are over, and what is declared of their columns."""

    sets: tuple[ComparedSet, ...]
    facts: Mapping[str, Facts]


def question_sets(
    checked: CheckedQuestion, extracts: Sequence[PersonExtract], rules: HistoryRules
) -> QuestionSets:
    """Read a rows question's statistics over extracts about persons; others give no set.

    Raises Refused where there are more of them, or of their conditions, than are compared.
    """
    about_persons = {
        item.declaration.name: item for item in extracts if item.declaration.subject == "person"
    }
    if not about_persons or not (checked.aggregates or checked.windows):
        return QuestionSets((), {})
    found = counted_sets(checked, {name: item.columns for name, item in about_persons.items()})
    sets = frozenset(one for one in found if not _is_empty(one.parts))
    if len(sets) > rules.sets_per_question_max:
        raise _too_many("sets_per_question_max", rules.sets_per_question_max)
    if any(len(one.parts) > rules.parts_per_set_max for one in sets):
        raise _too_many("parts_per_set_max", rules.parts_per_set_max)
    facts = {name: _facts(item.declaration, rules) for name, item in about_persons.items()}
    compared = map(ComparedSet.of, sets)
    ordered = sorted(compared, key=lambda one: (one.dataset, next(iter(one.rests))))
    return QuestionSets(tuple(ordered), facts)


def check_history(
    connection: Connection, licence: str, asked: QuestionSets, rules: HistoryRules
) -> None:
    """Raise Refused where a question, alone or after an earlier one, singles out too few.

    Reads the store only; a question that passes is held against the same store again where it is
    remembered, inside the writer.
    """
    for name, facts in asked.facts.items():
        sets = [one for one in asked.sets if one.dataset == name]
        rest_keys = {key for one in sets for key in one.rests}
        known = find_remembered(connection, licence, name, rest_keys, rules.candidates_max)
        among = {key: list(found) for key, found in known.items()}
        for one in sets:
            _check_single(one.parts, facts, rules)
            for rest_key, part in one.rests.items():
                rest = one.parts - {part}
                others = among.setdefault(rest_key, [])
                for other in others:
                    _check_pair(part, rest, other, facts, rules)
                others.append(Remembered(part, 0))  # the next set of this question meets it


def remember(
    connection: Connection,
    licence: str,
    asked: QuestionSets,
    rules: HistoryRules,
    *,
    asked_us: int,
    entry_index: int,
) -> None:
    """Check once more and keep the question; runs in the decision's apply, so one at a time.

    ``asked_us`` and ``entry_index`` are the decision entry's. Raises Refused as ``check_history``.
    """
    if not asked.sets:
        return
    check_history(connection, licence, asked, rules)
    rows = [(one.dataset, key, part) for one in asked.sets for key, part in one.rests.items()]
    add_remembered(connection, licence, rows, asked_us=asked_us, entry_index=entry_index)


def _check_single(parts: Parts, facts: Facts, rules: HistoryRules) -> None:
    least = Fraction(1, rules.single_cells_max)
    for arm in _arms(parts):
        if 0 < share(arm, facts) < least:
            raise _singled_out(parts)


def _arms(parts: Parts) -> Iterator[list[Part]]:
    """Return the set, and each side of its ORs: one narrow side adds a few people to many."""
    yield list(parts)
    for part in parts:
        if isinstance(part, Except):
            yield from ([*(parts - {part}), *negated([inner])] for inner in part.parts)


def _check_pair(
    part: Part | None, rest: Parts, other: Remembered, facts: Facts, rules: HistoryRules
) -> None:
    regions = between(part, other.part)
    left = sum((share([*rest, *region], facts) for region in regions), Fraction(0))
    if 0 < left < Fraction(1, rules.difference_cells_max):
        raise _isolated(part or other.part, other.asked_us)


def _is_empty(parts: Parts) -> bool:
    return any(isinstance(part, Values) and not part.values and not part.negated for part in parts)


def _facts(declaration: DatasetDeclaration, rules: HistoryRules) -> Facts:
    counts = {column.name: _count(column, rules) for column in declaration.columns}
    return Facts(counts, rules.undeclared_values)


def _count(column: Column, rules: HistoryRules) -> int:
    """Return how many values a column can show, as declared and after its mask."""
    if column.public_values:
        return len(column.public_values)
    if column.type is ColumnType.BOOLEAN:
        return 2
    if column.lower is not None and column.upper is not None:
        return (column.upper - column.lower) // _step(column) + 1
    if column.identifier is IdentifierKind.DIRECT:
        return rules.direct_identifier_values
    return rules.undeclared_values


def _step(column: Column) -> int:
    """Return how many stored values one shown value stands for; a date's step is in years."""
    if column.mask.kind is not MaskKind.GENERALISE:
        return 1
    return max(column.mask.step, 1) * (_DAYS_IN_YEAR if column.type is ColumnType.DATE else 1)


def _columns_of(parts: Sequence[Part]) -> str:
    names: set[str] = set()
    for part in parts:
        if isinstance(part, Except):
            names |= {_columns_of([inner]) for inner in part.parts}
        else:
            names |= set(getattr(part, "columns", None) or {getattr(part, "column", "")})
    return ", ".join(sorted(name.partition(DERIVED)[0] for name in names if name))


def _isolated(part: Part | None, asked_us: int) -> Refused:
    columns = _columns_of([part] if part is not None else [])
    when = (
        Message(f"本授权在 {to_iso(asked_us)} 问过的统计", f"one asked at {to_iso(asked_us)}")
        if asked_us
        else Message("同一查询中的另一项统计", "another one in this question")
    )
    return Refused(
        "history_difference",
        Message(
            f"此统计与{when.zh}只差在列 {columns} 的条件上，"
            "两者相减会单独显出极少数人，因此不予提供。",
            f"This statistic and {when.en} differ only in a condition on {columns}: one minus the "
            "other would show very few people by themselves.",
        ),
        field=columns or "where",
        rule=f"{RULE}/difference_cells_max",
        way_out=Message(
            "请把该列放入 GROUP BY，或让两次查询的条件相差得更宽。"
            "判断只依据查询文本与声明，不依据数据。",
            "Put the column into GROUP BY, or let the two differ by more. This was judged from the "
            "questions and declared facts, not from data.",
        ),
    )


def _singled_out(parts: Parts) -> Refused:
    columns = _columns_of(sorted(parts, key=repr))
    return Refused(
        "history_single",
        Message(
            f"此统计的条件（列 {columns}）窄到可能只剩个别人，因此不予提供。",
            f"The conditions of this statistic (on {columns}) are so narrow that they could leave "
            "a single person.",
        ),
        field=columns or "where",
        rule=f"{RULE}/single_cells_max",
        way_out=Message(
            "请减少条件或放宽取值，也可对这些列使用 GROUP BY。",
            "Use fewer or wider conditions, or put these columns into GROUP BY.",
        ),
    )


def _too_many(rule: str, limit: int) -> Refused:
    return Refused(
        "history_too_many_conditions",
        Message(
            f"一次查询中关于个人的带条件统计过多（上限 {limit}）。",
            f"The question holds too many conditions on statistics about persons (up to {limit}).",
        ),
        field="select",
        rule=f"{RULE}/{rule}",
        way_out=Message(
            "请用 GROUP BY 代替逐一列出的条件。", "Use GROUP BY instead of one condition each."
        ),
    )
