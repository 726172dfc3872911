"""What the licence grants, as an operator asks it: values, bounds, groups, joins; no count."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandgate import figures, markup, synthetic
from sandgate.language import pick, pick_from
from sandgate.shown import Shown

_USES = {
    "rows": ("脱敏明细", "masked rows"),
    "aggregate": ("差分隐私统计", "private statistics"),
    "verify": ("核验", "verification"),
    "unit": ("仅作隐私单元", "privacy unit, never shown"),
}
_MASKS = {
    "none": ("–", "–"),
    "redact": ("隐去", "redacted"),
    "partial": ("部分遮盖", "partly hidden"),
    "pseudonym": ("假名化", "pseudonym"),
    "generalise": ("泛化", "generalised"),
    "region": ("地区泛化", "region only"),
    "bucket": ("分档", "in bands"),
    "format": ("同格式假名", "same form, other value"),
    "null": ("置空", "emptied"),
}
_KEYS = {
    "public": ("全部显示", "all shown"),
    "parts": (
        "分段时全部显示，单个取值过门槛",
        "bins all shown, single values past a threshold",
    ),
    "threshold": ("过门槛才显示", "past a threshold"),
}
_TYPES = {
    "integer": ("整数", "whole number"),
    "decimal": ("小数", "decimal"),
    "text": ("文本", "text"),
    "date": ("日期", "date"),
    "boolean": ("是否", "yes or no"),
}
VALUES_SHOWN_MAX = 4


@dataclass(frozen=True, repr=False)
class Dataset(Shown):
    """One data set of the licence: its columns, what may be asked of each, its group sets."""

    details: dict[str, Any]
    kind = "dataset"

    @property
    def name(self) -> str:
        """The name to write in SQL."""
        return str(self.details["name"])

    @property
    def label(self) -> str:
        """What it is called, in the operator's language."""
        return _label(self.details)

    @property
    def columns(self) -> list[dict[str, Any]]:
        """The granted columns, as the gateway describes them."""
        return list(self.details.get("columns") or [])

    @property
    def group_sets(self) -> list[dict[str, Any]]:
        """The declared group keys, each with its caps and the measures that may be summed."""
        return list(self.details.get("group_sets") or [])

    def plain(self) -> str:
        """Return name, columns, group sets and what else may be asked."""
        tables = [markup.plain_table(*self._column_table())]
        if self.group_sets:
            tables.append(markup.plain_table(*self._group_table()))
        return "\n".join([self._title(), *tables, *self._lines()])

    def html(self) -> str:
        """Return the data set as a card."""
        head, rows = self._column_table()
        body = [markup.table(head, rows, [False] * len(head))]
        body += [markup.paragraph(line, quiet=True) for line in self._lines()]
        if self.group_sets:
            head, rows = self._group_table()
            body.append(markup.table(head, rows, [False] * len(head)))
        return markup.card("plain", self._title(), body)

    def facts(self) -> dict[str, Any]:
        """Return the gateway's description."""
        return self.details

    def _title(self) -> str:
        modes = " / ".join(self._use(str(mode)) for mode in self.details.get("modes") or [])
        title = f"{self.name} · {self.label} ({modes})"
        return f"【{synthetic.mark()}】{title}" if self.details.get("synthetic") else title

    def _use(self, mode: str) -> str:
        """Say how a data set may be asked; rows that no mask changes are not called masked."""
        masked = any(column.get("mask") not in {None, "none"} for column in self.columns)
        return pick("明细", "rows") if mode == "rows" and not masked else _word(_USES, mode)

    def _column_table(self) -> tuple[list[str], list[list[str]]]:
        """Return the table of columns; what no column has is left out."""
        head = [pick("列", "Column"), pick("含义", "Meaning"), pick("类型", "Type")]
        head += [pick("取值", "Values"), pick("作分组时", "As a group"), pick("脱敏", "Mask")]
        rows = [_column_row(column) for column in self.columns]
        kept = [
            place
            for place in range(len(head))
            if place < 3 or any(row[place] not in {"", "–"} for row in rows)  # noqa: PLR2004
        ]
        return [head[place] for place in kept], [[row[place] for place in kept] for row in rows]

    def _group_table(self) -> tuple[list[str], list[list[str]]]:
        head = [
            pick("预先备好的分组（最快）", "Groups made ready (fastest)"),
            pick("可合计、求平均", "SUM and AVG of"),
            pick("每个单元最多计入", "Each unit counts in at most"),
        ]
        return head, [_group_row(group) for group in self.group_sets]

    def _lines(self) -> list[str]:
        return [
            *self._unit_lines(),
            *(_join_line(join) for join in self.details.get("joins") or []),
            *_verification_lines(self.details.get("verification")),
        ]

    def _unit_lines(self) -> list[str]:
        unit, rows = self.details.get("unit"), self.details.get("rows_per_unit_max")
        if not unit:
            return []
        lines = [
            pick(
                f"COUNT(DISTINCT {unit}) 数隐私单元（人、户或机构），COUNT(*) 数记录",
                f"COUNT(DISTINCT {unit}) counts privacy units (people, households, "
                "organisations), COUNT(*) counts records",
            )
        ]
        if rows:
            lines.append(
                pick(f"每个单元最多计入 {rows} 行", f"At most {rows} rows of each unit are counted")
            )
        return lines


@dataclass(frozen=True, repr=False)
class Datasets(Shown):
    """The data sets of the licence, in order; ``datasets["name"]`` gives one."""

    items: tuple[Dataset, ...]
    kind = "datasets"

    def __iter__(self) -> Iterator[Dataset]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, name: str) -> Dataset:
        for item in self.items:
            if item.name == name:
                return item
        raise KeyError(name)

    def plain(self) -> str:
        """Return every data set."""
        return "\n\n".join(item.plain() for item in self.items) or self._none()

    def html(self) -> str:
        """Return one card a data set."""
        return "".join(item.html() for item in self.items) or markup.paragraph(self._none())

    def facts(self) -> dict[str, Any]:
        """Return the gateway's list."""
        return {"datasets": [item.details for item in self.items]}

    @staticmethod
    def _none() -> str:
        return pick("本授权未含数据集", "This licence grants no data set")


def _label(details: dict[str, Any]) -> str:
    return pick_from({"zh": details.get("label_zh"), "en": details.get("label_en")})


def _word(words: dict[str, tuple[str, str]], name: Any) -> str:
    return pick(*words.get(str(name), (str(name), str(name))))


def _column_row(column: dict[str, Any]) -> list[str]:
    kind = _word(_TYPES, column.get("type") or "")
    measure = column.get("unit_of_measure")
    return [
        str(column["name"]),
        _label(column),
        f"{kind} ({measure})" if measure else kind,
        _values(column),
        _word(_KEYS, column["key"]) if column.get("key") else "",
        _word(_MASKS, column.get("mask") or "none"),
    ]


def _values(column: dict[str, Any]) -> str:
    """Write the public values, the first few and how many, or else the declared bounds."""
    values, count = column.get("public_values") or [], column.get("public_value_count") or 0
    if values:
        first = ", ".join(map(str, values[:VALUES_SHOWN_MAX]))
        more = pick(f"… 共 {count} 个", f", … ({count} in all)")
        return first + (more if count > VALUES_SHOWN_MAX else "")
    low, high = column.get("lower"), column.get("upper")
    if low is None and high is None:
        return ""
    ends = [pick("不限", "open") if end is None else figures.cell(end) for end in (low, high)]
    return f"{ends[0]} – {ends[1]}"


def _group_row(group: dict[str, Any]) -> list[str]:
    keys, measures = ", ".join(group["keys"]), ", ".join(group.get("measures") or [])
    groups, rows = group.get("groups_per_unit_max"), group.get("rows_per_group_max")
    if groups is None or rows is None:
        return [keys, measures or "–", "–"]
    return [
        keys,
        measures or "–",
        pick(
            f"{groups} 组，每组 {rows} 行",
            f"{groups} group{'' if groups == 1 else 's'}, {rows} "
            f"row{'' if rows == 1 else 's'} in each",
        ),
    ]


def _join_line(join: dict[str, Any]) -> str:
    columns = ", ".join(join["on"])
    if join.get("kind") == "unit":
        return pick(
            f"可与 {join['dataset']} 按 {columns} 连接（同一人群）",
            f"Can be joined to {join['dataset']} by {columns} (the same people)",
        )
    return pick(
        f"可与公开表 {join['dataset']} 按其 {columns} 列连接",
        f"Can be joined to the public table {join['dataset']} on its column {columns}",
    )


def _verification_lines(terms: dict[str, Any] | None) -> list[str]:
    if not terms:
        return []
    columns, named = ", ".join(terms["columns"]), ", ".join(terms["identifiers"])
    lines = [
        pick(
            f"可核验 {columns}：以 {named} 指明本人，凭其 {terms['consent_days_max']} 天内的同意，"
            "只答是、否或不明",
            f"Verification of {columns}: the person named by {named}, with their consent of the "
            f"last {terms['consent_days_max']} days; the answer is yes, no or unknown",
        )
    ]
    for column, names in (terms.get("ranges") or {}).items():
        listed = ", ".join(names)
        lines.append(pick(f"{column} 可核验的区间：{listed}", f"Ranges of {column}: {listed}"))
    return lines
