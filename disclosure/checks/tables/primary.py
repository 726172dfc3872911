"""Which cells of a table fail a rule by themselves, and what the table's checks say.

All rules are always run. Contributors are people with a value, not rows; margins are cells like
any other. Order of categories, labels and types of keys play no part.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from disclosure.checks.tables.cells import ALL, FREQUENCIES, Cell, CellTable, Key
from disclosure.checks.tables.findings import Finding, Status, cells_named, worst
from disclosure.checks.tables.safety import Rule, failed_rules, group_of
from foundation.errors import Message
from policies.schema.checks import GradeChecks, SizeChecks

_LINE_SHORTEST: Final = 2


@dataclass(frozen=True)
class Judged:
    """The findings of one table, and every unsafe cell with the rules that it fails."""

    findings: tuple[Finding, ...]
    unsafe: Mapping[Key, tuple[Rule, ...]]

    @property
    def status(self) -> Status:
        """Return the worst status of all checks."""
        return worst(self.findings)

    def cells_failing(self, rule: Rule) -> tuple[Key, ...]:
        """Return the cells that fail one rule, in the table's order."""
        return tuple(key for key, rules in self.unsafe.items() if rule in rules)


def judge(table: CellTable, rules: GradeChecks, size: SizeChecks) -> Judged:
    """Run every primary check on one table."""
    whole = set(_whole(table))
    unsafe: dict[Key, tuple[Rule, ...]] = {}
    for cell in table.cells:
        failed = failed_rules(group_of(cell), table.statistic, rules)
        if cell.key in whole:
            failed = (*failed, Rule.WHOLE)
        if failed:
            unsafe[cell.key] = failed
    findings = [_size(table, size), *_of_cells(table, unsafe, rules), _negative(table)]
    return Judged(tuple(findings), unsafe)


def _whole(table: CellTable) -> Iterator[Key]:
    """Find the cells that hold all people of their row or column: everybody there is alike."""
    if table.statistic not in FREQUENCIES:
        return
    for line in _lines(table):
        filled = [cell.key for cell in line if cell.contributors]
        if len(line) >= _LINE_SHORTEST and len(filled) == 1:
            yield filled[0]


def _lines(table: CellTable) -> Iterable[list[Cell]]:
    lines: dict[tuple[int, Key], list[Cell]] = defaultdict(list)
    for cell in table.cells:
        for place, category in enumerate(cell.key):
            if category is not ALL:
                others = (*cell.key[:place], *cell.key[place + 1 :])
                lines[place, others].append(cell)
    return lines.values()


def _of_cells(
    table: CellTable, unsafe: Mapping[Key, tuple[Rule, ...]], rules: GradeChecks
) -> Iterator[Finding]:
    for rule, (good, bad, way_out) in _texts(rules).items():
        if not _applies(rule, table, rules):
            continue
        keys = tuple(key for key, failed in unsafe.items() if rule in failed)
        if not keys:
            yield Finding(rule.value, Status.PASS, good)
            continue
        named = cells_named(table.dimensions, keys)
        reason = Message(
            f"{len(keys)} 个单元格{bad.zh}：{named.zh}。",
            f"{len(keys)} cells {bad.en}: {named.en}.",
        )
        yield Finding(rule.value, Status.FAIL, reason, way_out, keys)


def _applies(rule: Rule, table: CellTable, rules: GradeChecks) -> bool:
    frequencies = table.statistic in FREQUENCIES
    return {
        Rule.CONTRIBUTORS: True,
        Rule.DOMINANCE: not frequencies,
        Rule.P_PERCENT: not frequencies,
        Rule.ZERO: rules.zeros_disclosive,
        Rule.WHOLE: frequencies,
        Rule.FREEDOM: table.statistic == "std",
    }[rule]


def _texts(rules: GradeChecks) -> dict[Rule, tuple[Message, Message, Message]]:
    """Return, for each rule, what is said where it holds, where it fails, and the way out."""
    least, units = rules.contributors_min, rules.dominance_units
    coarser = Message(
        "可合并类别、减少维度，或由系统隐去这些单元格。",
        "Merge categories, use fewer dimensions, or let these cells be hidden.",
    )
    return {
        Rule.CONTRIBUTORS: (
            Message(
                f"每个单元格的贡献主体（有值的人，非行数）不少于 {least}。",
                f"Each cell has at least {least} contributors (people with a value, not rows).",
            ),
            Message(f"的贡献主体少于 {least}", f"have fewer than {least} contributors"),
            coarser,
        ),
        Rule.DOMINANCE: (
            Message("没有单元格由少数主体占绝大部分。", "No cell is held by a few units."),
            Message(
                f"由最大的 {units} 个主体占 {rules.dominance_per_mille}‰ 以上",
                f"are held to {rules.dominance_per_mille} per mille by {units} units",
            ),
            coarser,
        ),
        Rule.P_PERCENT: (
            Message("最大主体的数值不能被估得过准。", "No largest unit can be guessed too well."),
            Message(
                f"会让次大主体把最大主体的数值估到误差 {rules.p_per_mille}‰ 以内",
                f"let the second largest unit guess the largest to {rules.p_per_mille} per mille",
            ),
            coarser,
        ),
        Rule.ZERO: (
            Message("没有空的或全为零的单元格。", "No cell is empty or all zeros."),
            Message("为空或全为零（等于说出整组人的情况）", "are empty or all zeros"),
            Message(
                "可合并类别，或隐去；本来不可能有人的组合可书面申请例外。",
                "Merge categories or let them be hidden; combinations that cannot occur may be "
                "excepted in writing.",
            ),
        ),
        Rule.WHOLE: (
            Message("没有一行（列）的人全在同一类别。", "In no row or column is everybody alike."),
            Message("包含其所在行（列）的全部人", "hold everybody of their row or column"),
            coarser,
        ),
        Rule.FREEDOM: (
            Message("标准差的自由度足够。", "Standard deviations have enough degrees of freedom."),
            Message(
                f"的标准差自由度少于 {rules.residual_freedom_min}",
                f"have fewer than {rules.residual_freedom_min} degrees of freedom",
            ),
            coarser,
        ),
    }


def _negative(table: CellTable) -> Finding:
    keys = tuple(cell.key for cell in table.cells if cell.negative)
    if not keys:
        return Finding(
            "negative_values",
            Status.PASS,
            Message("没有负的贡献值。", "No contribution is negative."),
        )
    named = cells_named(table.dimensions, keys)
    return Finding(
        "negative_values",
        Status.REVIEW,
        Message(
            f"{len(keys)} 个单元格含负值，集中度规则不适用，须人工复核：{named.zh}。",
            f"{len(keys)} cells hold negative values, for which the concentration rules do not "
            f"speak; a person must look: {named.en}.",
        ),
        Message(
            "可分开发布收入与支出，或由复核人写明理由。",
            "Publish gains and losses apart, or let the checker write the reason.",
        ),
        keys,
    )


def _size(table: CellTable, size: SizeChecks) -> Finding:
    levels = max(len(dimension.categories) for dimension in table.dimensions)
    fits = (
        len(table.dimensions) <= size.dimensions_max
        and levels <= size.levels_max
        and len(table.cells) <= size.cells_max
    )
    return Finding(
        "table_size",
        Status.PASS if fits else Status.FAIL,
        Message(
            f"表有 {len(table.dimensions)} 维（上限 {size.dimensions_max}）、每维至多 {levels} 类"
            f"（上限 {size.levels_max}）、{len(table.cells)} 个单元格（上限 {size.cells_max}）。",
            f"{len(table.dimensions)} dimensions (at most {size.dimensions_max}), up to {levels} "
            f"categories each (at most {size.levels_max}), {len(table.cells)} cells (at most "
            f"{size.cells_max}).",
        ),
        None if fits else Message("请减少维度或类别。", "Use fewer dimensions or categories."),
    )
