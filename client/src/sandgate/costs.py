"""What a question costs, before it is asked (free, and the same for all data) and after."""

from dataclasses import dataclass
from typing import Any

from sandgate import figures, markup
from sandgate.language import pick, pick_from
from sandgate.shown import Shown


@dataclass(frozen=True)
class Cost:
    """What an answer took from the population's privacy budget; all zero for rows."""

    nano_rho: int
    epsilon_shown: str
    budget_nano_rho_remaining: int | None

    @property
    def spent(self) -> str:
        """The loss in ρ, with the ε it is shown as."""
        epsilon = f" (ε ≈ {self.epsilon_shown})" if self.epsilon_shown else ""
        return f"ρ {figures.rho(self.nano_rho)}{epsilon}"

    @property
    def left(self) -> str:
        """What the budget holds now; empty where the platform did not say."""
        if self.budget_nano_rho_remaining is None:
            return ""
        rho = figures.rho(self.budget_nano_rho_remaining)
        return pick(f"现余 ρ {rho}", f"ρ {rho} left")

    def __str__(self) -> str:
        return pick("，", ", ").join(part for part in (self.spent, self.left) if part)


@dataclass(frozen=True, repr=False)
class Estimate(Shown):
    """The price and expected error of a question; asking for it is free and touches no data."""

    details: dict[str, Any]
    kind = "estimate"

    @property
    def cost_nano_rho(self) -> int:
        """What the question would take from the privacy budget."""
        return int(self.details.get("cost_nano_rho") or 0)

    @property
    def columns(self) -> list[dict[str, Any]]:
        """The standard deviation and 95% half width of each noisy column; means have neither."""
        return list(self.details.get("columns") or self.details.get("aggregates") or [])

    @property
    def cost(self) -> Cost:
        """The price, and what would be left of the budget as it stands now."""
        left = self.details.get("budget_nano_rho_remaining")
        return Cost(self.cost_nano_rho, str(self.details.get("epsilon_shown") or ""), left)

    def plain(self) -> str:
        """Return the price and the expected error."""
        head, rows = self._error_table()
        table = [markup.plain_table(head, rows)] if rows else []
        return "\n".join([*self._lines(), *table])

    def html(self) -> str:
        """Return the price and the expected error as a card."""
        head, rows = self._error_table()
        body = [markup.paragraph(line) for line in self._lines()]
        if rows:
            body.append(markup.table(head, rows, [False] + [True] * (len(head) - 1)))
        return markup.card("plain", pick("预估（免费）", "Estimate (free)"), body)

    def facts(self) -> dict[str, Any]:
        """Return the gateway's figures."""
        return self.details

    def _error_table(self) -> tuple[list[str], list[list[str]]]:
        """Return one line a column: its noise, and its relative error at so many rows."""
        counts = list(next((_at_rows(column) for column in self.columns), {}))
        head = [pick("列", "Column"), "σ", pick("95% 区间半宽", "95% half width")]
        head += [pick(f"{count} 行时", f"at {count} rows") for count in counts]
        return head, [
            [str(column["name"]), *_noise(column), *(_percent(_at_rows(column)[c]) for c in counts)]
            for column in self.columns
        ]

    def _lines(self) -> list[str]:
        mode = self.details.get("mode")
        if mode == "rows":
            return [pick("返回脱敏明细，不耗隐私预算", "Masked rows; no privacy budget")]
        lines = [pick(f"将消耗 {self.cost.spent}", f"Would cost {self.cost.spent}"), self.cost.left]
        for error in self.details.get("relative_errors") or []:
            count, percent = figures.cell(error["count"]), figures.cell(error["percent"])
            lines.append(
                pick(
                    f"实际为 {count} 的组，相对误差约 ±{percent}%",
                    f"A group of {count} would be off by about ±{percent}%",
                )
            )
        if any(_at_rows(column) for column in self.columns):
            lines.append(
                pick(
                    "“… 行时”为区间半宽占该行数下最大可能值的比例",
                    "“at … rows”: the half width against the greatest value possible there",
                )
            )
        notes = pick_from(self.details.get("notes"))
        return [*lines, *([notes] if notes else [])]


def _noise(column: dict[str, Any]) -> tuple[str, str]:
    width = column.get("half_width_95", column.get("half_width"))
    shown = "–" if width is None else f"± {figures.cell(width)}"
    return figures.cell(column.get("sigma")), shown


def _at_rows(column: dict[str, Any]) -> dict[str, Any]:
    return dict(column.get("relative_error_at_rows") or {})


def _percent(share: Any) -> str:
    return f"± {100 * float(share):.3g}%"
