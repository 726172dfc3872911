"""What the licence grants, what is left of its budget, and a release that was asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandgate import figures, markup
from sandgate.language import pick, pick_from
from sandgate.shown import Shown

_USES = {
    "rows": ("脱敏明细", "masked rows"),
    "aggregate": ("差分隐私统计", "private statistics"),
    "unit": ("仅作隐私单元", "privacy unit, never shown"),
}
_MASKS = {
    "none": ("–", "–"),
    "redact": ("隐去", "redacted"),
    "partial": ("部分遮盖", "partly hidden"),
    "pseudonym": ("假名化", "pseudonym"),
    "generalise": ("泛化", "generalised"),
    "null": ("置空", "emptied"),
}


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
        """The declared group keys, each with the measures that may be summed."""
        return list(self.details.get("group_sets") or [])

    def plain(self) -> str:
        """Return name, columns and group sets."""
        head, rows = self._column_table()
        return "\n".join([self._title(), markup.plain_table(head, rows), *self._group_lines()])

    def html(self) -> str:
        """Return the data set as a card."""
        return markup.card("plain", self._title(), self.parts())

    def parts(self) -> list[str]:
        """Return the table of columns and the group sets as HTML parts."""
        head, rows = self._column_table()
        groups = [markup.paragraph(line, quiet=True) for line in self._group_lines()]
        return [markup.table(head, rows, [False] * len(head)), *groups]

    def facts(self) -> dict[str, Any]:
        """Return the gateway's description."""
        return self.details

    def _title(self) -> str:
        modes = " / ".join(_word(_USES, mode) for mode in self.details.get("modes") or [])
        return f"{self.name} · {self.label} ({modes})"

    def _column_table(self) -> tuple[list[str], list[list[str]]]:
        head = [pick("列", "Column"), pick("含义", "Meaning"), pick("类型", "Type")]
        head += [pick("可用方式", "May be asked as"), pick("脱敏", "Mask")]
        return head, [_column_row(column) for column in self.columns]

    def _group_lines(self) -> list[str]:
        lines = []
        for group in self.group_sets:
            keys, measures = ", ".join(group["keys"]), ", ".join(group.get("measures") or [])
            lines.append(
                pick(
                    f"可按 {keys} 分组，统计 COUNT 及 {measures or '（无度量）'} 的 SUM / AVG",
                    f"Group by {keys}: COUNT, and SUM / AVG of {measures or '(no measure)'}",
                )
            )
        if self.details.get("row_filters"):
            lines.append(pick("授权含行筛选条件", "The licence filters the rows"))
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


@dataclass(frozen=True, repr=False)
class Budget(Shown):
    """The privacy budget of this licence, population by population."""

    populations: tuple[dict[str, Any], ...]
    kind = "budget"

    def remaining_nano_rho(self, population: str) -> int:
        """Return what is left for one population."""
        for line in self.populations:
            if line["population"] == population:
                return int(line["budget_nano_rho_remaining"])
        raise KeyError(population)

    def plain(self) -> str:
        """Return the budget as a table."""
        return markup.plain_table(*self._lines())

    def html(self) -> str:
        """Return the budget as a card."""
        head, rows = self._lines()
        body = [markup.table(head, rows, [False, True, True, True, True])]
        return markup.card("plain", pick("隐私预算", "Privacy budget"), body)

    def facts(self) -> dict[str, Any]:
        """Return the gateway's figures."""
        return {"populations": list(self.populations)}

    def _lines(self) -> tuple[list[str], list[list[str]]]:
        head = [pick("总体", "Population"), pick("总额 ρ", "Total ρ"), pick("已用 ρ", "Spent ρ")]
        head += [pick("剩余 ρ", "Left ρ"), pick("对应 ε", "As ε")]
        return head, [_budget_row(line) for line in self.populations]


@dataclass(frozen=True, repr=False)
class ReleaseRequest(Shown):
    """A request that one stored answer may leave; two checkers of another organisation decide."""

    details: dict[str, Any]
    kind = "release"

    @property
    def release_id(self) -> str:
        """The request's own name."""
        return str(self.details.get("release_id") or self.details.get("id") or "")

    @property
    def state(self) -> str:
        """Where the request stands."""
        return str(self.details.get("state") or "")

    def plain(self) -> str:
        """Return name and state."""
        return f"{self._title()}: {self.release_id} {self.state}".rstrip()

    def html(self) -> str:
        """Return the request as a card."""
        facts = [
            (pick("申请编号", "Request"), self.release_id),
            (pick("答案编号", "Answer"), str(self.details.get("answer_id") or "")),
            (pick("状态", "State"), self.state),
        ]
        note = pick(
            "平台将重新计算并检查该答案，再由其他机构的两人审核；放行的是平台重新编码的文件。",
            "The desk recomputes and checks this answer, two people of another organisation "
            "decide, and the platform's own re-encoded file is what leaves.",
        )
        body = [markup.facts_list(facts), markup.paragraph(note, quiet=True)]
        return markup.card("good", self._title(), body)

    def facts(self) -> dict[str, Any]:
        """Return the gateway's description."""
        return self.details

    @staticmethod
    def _title() -> str:
        return pick("已提交出域申请", "Release requested")


def _label(details: dict[str, Any]) -> str:
    return pick_from({"zh": details.get("label_zh"), "en": details.get("label_en")})


def _word(words: dict[str, tuple[str, str]], name: Any) -> str:
    return pick(*words.get(str(name), (str(name), str(name))))


def _column_row(column: dict[str, Any]) -> list[str]:
    mask = column.get("mask")
    shown = mask.get("kind") if isinstance(mask, dict) else mask
    return [
        str(column["name"]),
        _label(column),
        str(column.get("type") or ""),
        _word(_USES, column.get("mode") or "–"),
        _word(_MASKS, shown or "none"),
    ]


def _budget_row(line: dict[str, Any]) -> list[str]:
    return [
        str(line["population"]),
        figures.rho(line["budget_nano_rho"]),
        figures.rho(line["budget_nano_rho_spent"]),
        figures.rho(line["budget_nano_rho_remaining"]),
        str(line.get("epsilon_shown") or "–"),
    ]
