"""What is left of the licence's privacy budget, level by level, and when it will be spent."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandgate import figures, markup
from sandgate.language import pick
from sandgate.levels import level_name, sentence_start
from sandgate.shown import Shown

_BAR_LENGTH = 10
_PPM = 1_000_000


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
        """Return each population's summary, its levels with bars, and its warnings."""
        return "\n\n".join("\n".join(_plain(line)) for line in self.populations) or _none()

    def html(self) -> str:
        """Return one card a population."""
        if not self.populations:
            return markup.card("plain", _title(), [markup.paragraph(_none())])
        return "".join(_card(line) for line in self.populations)

    def facts(self) -> dict[str, Any]:
        """Return the gateway's figures."""
        return {"populations": list(self.populations)}


def _title() -> str:
    return pick("隐私预算", "Privacy budget")


def _none() -> str:
    return pick("本授权未含隐私预算", "This licence has no privacy budget")


def _card(line: dict[str, Any]) -> str:
    body = [markup.paragraph(text) for text in _summary(line)]
    body += [markup.warning(text) for text in _warnings(line)]
    if _levels(line):
        head = [pick("额度", "Whose"), pick("剩余", "Left"), "", pick("总额", "Of")]
        rows: list[list[markup.Cell]] = [
            [name, left, markup.Bar(share), cap] for name, left, share, cap in _levels(line)
        ]
        body.append(markup.table(head, rows, [False, True, False, True]))
    body += [markup.paragraph(text, quiet=True) for text in _history(line)]
    return markup.card("plain", f"{_title()} · {line['population']}", body)


def _plain(line: dict[str, Any]) -> list[str]:
    lines = [f"{_title()} · {line['population']}", *_summary(line), *_warnings(line)]
    rows = [[name, _drawn(share), f"ρ {left}", cap] for name, left, share, cap in _levels(line)]
    if rows:
        head = [pick("额度", "Whose"), "", pick("剩余", "Left"), pick("总额", "Of")]
        lines.append(markup.plain_table(head, rows))
    return [*lines, *_history(line)]


def _summary(line: dict[str, Any]) -> Iterator[str]:
    left = figures.rho_short(line["budget_nano_rho_remaining"])
    total, spent = (
        figures.rho_short(line["budget_nano_rho"]),
        figures.rho_short(line["budget_nano_rho_spent"]),
    )
    shown = line.get("epsilon_shown") if int(line["budget_nano_rho_spent"]) else ""
    epsilon = f" (ε ≈ {shown})" if shown else ""
    yield pick(
        f"还可用 ρ {left}；本授权总额 ρ {total}，已用 ρ {spent}{epsilon}",
        f"ρ {left} can still be used; of this licence's ρ {total}, ρ {spent}{epsilon} is spent",
    )
    most = line.get("question_nano_rho_max")
    if most:
        yield pick(
            f"单个问题最多可用 ρ {figures.rho_short(most)}",
            f"One question may cost up to ρ {figures.rho_short(most)}",
        )
    delta = int(line.get("budget_delta_steps") or 0)
    if delta:
        held, rest = figures.delta(delta), int(line.get("budget_delta_steps_remaining") or 0)
        yield pick(
            f"取值未公开的分组另计 δ：余 {figures.delta(rest)}，共 {held}",
            f"For groups whose values are not public, δ {figures.delta(rest)} of {held} is left",
        )


def _levels(line: dict[str, Any]) -> list[tuple[str, str, float, str]]:
    """Return name, what is left, the share left and the cap of each level."""
    found = []
    for level in line.get("levels") or []:
        cap, left = int(level["cap_nano_rho"]), int(level["remaining_nano_rho"])
        share = left / cap if cap else 0.0
        name = _level_name(level)
        found.append((name, figures.rho_short(left), share, f"ρ {figures.rho_short(cap)}"))
    return found


def _level_name(level: dict[str, Any]) -> str:
    """Name a level, with the part of its own name that tells two of a kind apart."""
    own = str(level.get("level") or "").rpartition("/")[2]
    name = sentence_start(level_name(level.get("kind")))
    tells = level.get("kind") in {"lineage", "period", "project"} and own
    return f"{name} · {own}" if tells else name


def _warnings(line: dict[str, Any]) -> Iterator[str]:
    for warning in line.get("warnings") or []:
        name = sentence_start(level_name(warning.get("kind")))
        spent = figures.percent(int(warning["spent_ppm"]) / _PPM)
        text = pick(f"{name}的预算已用 {spent}", f"{name}: {spent} is spent")
        ends = warning.get("spent_by_us")
        if ends is not None:
            day = figures.day(int(ends))
            text += pick(f"，按目前速度将于 {day} 用完", f"; at this pace it ends on {day}")
        left = warning.get("questions_left_like_last")
        if left is not None:
            text += pick(
                f"，还够问 {left:,} 个与上一个同价的问题", f"; room for {left:,} more like the last"
            )
        yield text


def _history(line: dict[str, Any]) -> Iterator[str]:
    for raised in line.get("raises") or []:
        kind = str(raised["level"]).split("/")
        name = sentence_start(level_name(kind[-2] if len(kind) > 1 else kind[0]))
        before, after = (
            figures.rho_short(raised["from_nano_rho"]),
            figures.rho_short(raised["to_nano_rho"]),
        )
        day = figures.day(int(raised["raised_us"]))
        yield pick(
            f"{day}，{name}的总额由 ρ {before} 提高到 ρ {after}",
            f"{name}: raised from ρ {before} to ρ {after} on {day}",
        )


def _drawn(share: float) -> str:
    full = round(min(max(share, 0.0), 1.0) * _BAR_LENGTH)
    return "█" * full + "░" * (_BAR_LENGTH - full)
