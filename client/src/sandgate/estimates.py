"""What a question would cost and how exact it would be: free, and the same for all data."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandgate import figures, markup
from sandgate.answers import Answer
from sandgate.costs import Cost
from sandgate.language import pick, pick_from
from sandgate.levels import level_name
from sandgate.money import price_lines
from sandgate.shown import Shown

Asker = Callable[[str, int | None], Answer]
_SLOW = {"per_unit", "unranked"}


def _nobody(_text: str, _nano_rho: int | None) -> Answer:
    raise LookupError("this estimate was not made by a gateway")


@dataclass(frozen=True)
class Alternative:
    """A question close to the one asked that is more exact at the same price."""

    sql: str
    why: str
    cost_nano_rho: int
    error_gain: float
    question_nano_rho: int | None = None
    asker: Asker = field(default=_nobody, repr=False, compare=False)

    def ask(self) -> Answer:
        """Ask it at the estimate's own price; raise ``Refused`` where a rule says no."""
        return self.asker(self.sql, self.question_nano_rho)


@dataclass(frozen=True, repr=False)
class Estimate(Shown):
    """The price and expected error of a question; ``ask()`` asks it at that price."""

    details: dict[str, Any]
    sql: str = ""
    asker: Asker = field(default=_nobody, compare=False)
    kind = "estimate"

    @property
    def cost_nano_rho(self) -> int:
        """What the question would take from the privacy budget."""
        return int(self.details.get("cost_nano_rho") or 0)

    @property
    def columns(self) -> list[dict[str, Any]]:
        """The expected error of each noisy figure, as the gateway gives it."""
        return list(self.details.get("aggregates") or [])

    @property
    def cost(self) -> Cost:
        """The price, and what the budget holds before it is paid."""
        return Cost(
            self.cost_nano_rho,
            str(self.details.get("epsilon_shown") or ""),
            self.details.get("budget_nano_rho_remaining"),
            int(self.details.get("cost_delta_steps") or 0),
        )

    @property
    def alternatives(self) -> tuple[Alternative, ...]:
        """Questions that are more exact at the same price, the best first."""
        return tuple(
            Alternative(
                str(item["sql"]),
                pick_from(item.get("why")),
                int(item.get("cost_nano_rho") or 0),
                float(item.get("error_gain") or 1),
                self.details.get("question_nano_rho"),
                self.asker,
            )
            for item in self.details.get("alternatives") or []
        )

    @property
    def further_questions(self) -> int | None:
        """How many more questions like this one the budget has room for; None without a limit."""
        counted = [
            int(item["questions"])
            for item in self.details.get("further_questions") or []
            if item.get("questions") is not None
        ]
        return min(counted, default=None)

    def ask(self) -> Answer:
        """Ask the question at the price of this estimate."""
        return self.asker(self.sql, self.details.get("question_nano_rho"))

    def plain(self) -> str:
        """Return price, expected error, what is withheld, and what to ask instead."""
        head, rows = _error_table(self.columns)
        table = [markup.plain_table(head, rows)] if rows else []
        lines = [*self._price(), *table, *self._remarks()]
        for place, item in enumerate(self.alternatives):
            lines += [_gain(item), f"  alternatives[{place}].ask():"]
            lines += [f"    {line}" for line in item.sql.splitlines()]
        return "\n".join(lines)

    def html(self) -> str:
        """Return the estimate as a card; each cheaper form can be copied by one click."""
        head, rows = _error_table(self.columns)
        body = [markup.paragraph(line) for line in self._price()]
        if rows:
            body.append(markup.table(head, rows, [False] + [True] * (len(head) - 1)))
        body += [markup.paragraph(line, quiet=True) for line in self._remarks()]
        for place, item in enumerate(self.alternatives):
            hint = pick(
                f"点一下即全选，可复制；或运行 .alternatives[{place}].ask()",
                f"One click selects it all; or run .alternatives[{place}].ask()",
            )
            body += [markup.paragraph(_gain(item)), markup.copyable(item.sql, hint)]
        return markup.card("plain", pick("预估（免费，尚未提问）", "Estimate (free)"), body)

    def facts(self) -> dict[str, Any]:
        """Return the gateway's figures."""
        return self.details

    def _price(self) -> list[str]:
        if self.details.get("mode") == "rows":
            rows = pick("返回脱敏明细，不耗隐私预算", "Masked rows; no privacy budget")
            return [rows, *price_lines(self.details.get("money"))]
        cost = self.cost
        left = pick("，", ", ") + cost.left if cost.left else ""
        lines = [pick(f"价格：{cost.spent}{left}", f"Price: {cost.spent}{left}")]
        wanted = self.details.get("wanted")
        if wanted:
            lines.append(_promise(wanted))
        further = map(_further, self.details.get("further_questions") or [])
        return [*lines, *further, *price_lines(self.details.get("money"))]

    def _remarks(self) -> list[str]:
        lines = [_reading()] if self.columns else []
        formulas = ", ".join(self.details.get("formulas") or [])
        if formulas:
            lines.append(
                pick(
                    f"{formulas} 由带噪声的数值算出，不另收费，区间随答案给出",
                    f"{formulas}: made of the noisy figures at no further price; the interval "
                    "comes with the answer",
                )
            )
        lines += _withheld(self.details.get("suppression"))
        if self.details.get("road") in _SLOW:
            lines.append(
                pick("此问题在回答时现算，等待较久", "Computed while answering: the wait is longer")
            )
        notes = pick_from(self.details.get("notes"))
        return [*lines, *([notes] if notes else [])]


def _error_table(columns: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Return one line a figure: its 95 % half width, and the error in groups of some sizes."""
    counts = list(next((item["relative_error_at_rows"] for item in columns), {}))
    head = [pick("统计值", "Figure"), pick("误差（95%）", "Error (95%)")]
    head += [
        pick(f"{int(count):,} 行的组", f"in a group of {int(count):,} rows") for count in counts
    ]
    return head, [
        [str(item["name"]), _width(item), *(_at(item, count) for count in counts)]
        for item in columns
    ]


def _width(column: dict[str, Any]) -> str:
    """Write the half width that holds at every size; a quantile's is in places of rank."""
    width = column.get("half_width")
    if width is None:
        return pick("视组的大小", "by size")
    shown = figures.cell(float(width))
    if column.get("function") == "quantile":
        return pick(f"± {shown} 个名次", f"± {shown} places of rank")
    return f"± {shown}"


def _at(column: dict[str, Any], count: str) -> str:
    """Write the error in a group of so many rows: of means in their own unit, else in percent."""
    widths = column.get("half_width_at_rows")
    if widths:
        return f"± {float(widths[count]):,.3g}" if _small(widths[count]) else _whole(widths[count])
    return f"± {figures.percent(float(column['relative_error_at_rows'][count]))}"


def _small(width: Any) -> bool:
    return float(width) < 100  # noqa: PLR2004 - three figures are enough below, and no decimal above


def _whole(width: Any) -> str:
    return f"± {float(width):,.0f}"


def _reading() -> str:
    return pick(
        "百分比：计数和分位数相对于组内行数，合计相对于上下限所允许的最大值；"
        "均值和离散程度按原单位列出",
        "Percentages: of the group's rows for counts and quantiles, of the greatest total that "
        "the bounds allow for sums; means and spreads stand in their own unit",
    )


def _promise(wanted: dict[str, Any]) -> str:
    output, width = wanted["output"], figures.cell(float(wanted["half_width"]))
    if wanted.get("rows"):
        rows = figures.cell(int(wanted["rows"]))
        return pick(
            f"这是 {output} 在 {rows} 行的组中以 95% 的概率误差不超过 ±{width} 的最低价格",
            f"The least at which {output} is within ±{width} at 95%, in a group of {rows} rows",
        )
    return pick(
        f"这是 {output} 以 95% 的概率误差不超过 ±{width} 的最低价格",
        f"The least at which {output} is within ±{width} at 95%",
    )


def _further(item: dict[str, Any]) -> str:
    """Say how many more such questions there is room for, and whose budget ends first."""
    count = item.get("questions")
    if count is None:
        return pick("此类问题不受预算限制", "No budget limits questions like this")
    name = level_name(item.get("stops_at_level"))
    if not count:
        return pick(f"预算不够：{name}所剩不足", f"It does not fit: {name} has too little left")
    return pick(
        f"同样的价格还够问 {count:,} 次，最先用完的是{name}的预算",
        f"Room for {count:,} more at this price; {name} runs out first",
    )


def _withheld(suppression: dict[str, Any] | None) -> list[str]:
    if not suppression:
        return []
    shares = [
        pick(
            f"{int(units):,} 个主体的组有 {figures.percent(float(share))} 的可能不显示",
            f"a group of {int(units):,} stays hidden with a chance of "
            f"{figures.percent(float(share))}",
        )
        for units, share in suppression["withheld_share_at_units"].items()
    ]
    past = figures.cell(suppression["threshold_units"])
    return [
        pick(
            f"分组取值未公开，主体数（加噪后）达到 {past} 的组才显示：{'；'.join(shares)}",
            f"The group's values are not public, so a group shows from {past} people or units on "
            f"(after noise): {'; '.join(shares)}",
        )
    ]


def _gain(item: Alternative) -> str:
    times = f"{item.error_gain:.3g}"
    return pick(
        f"同样的价格，误差缩小到 1/{times}：{item.why}",
        f"{times} times more exact at the same price: {item.why}",
    )
