"""What a spent level is answered with: which level, how much fits, who may reopen it and how."""

from collections.abc import Sequence

from disclosure.budgets.tree import RULE, Amount, Level, LevelKind
from disclosure.outcome import Refused
from foundation.clock import to_iso
from foundation.errors import Message

LEVEL_WORDS: dict[LevelKind, Message] = {
    LevelKind.POPULATION: Message("总体（终身）", "population (lifetime)"),
    LevelKind.LINEAGE: Message("数据谱系（终身）", "line of data (lifetime)"),
    LevelKind.PERIOD: Message("数据谱系的本期", "period of the line of data"),
    LevelKind.LICENCE: Message("授权", "licence"),
    LevelKind.PROJECT: Message("项目", "project"),
}

_RAISED = Message(
    zh="数据主管部门两名工作人员（一人附理由提出、另一人确认）可在规则上限内提高，新总额将向授权持有人公布",
    en="two persons of the data authority may raise it beneath the rule file's ceiling, one by "
    "proposing it with a reason and another by confirming; the new total is published to all "
    "licence holders",
)
_SIGNED = Message(
    zh="该额度写在授权文件中，须由数据主管部门另行起草并签发授权",
    en="this cap stands in the signed licence, so the data authority would have to draft and sign "
    "another licence",
)


class BudgetSpent(Refused):
    """A charge does not fit: ``level`` is the level that stopped it, ``fits`` what would pass."""

    def __init__(self, level: Level, fits: Amount, asked: Amount, period_ends_us: int) -> None:
        """Name the level, what fits and who may reopen it."""
        self.level = level
        self.fits = fits
        place, words = level.place, LEVEL_WORDS[level.place.kind]
        lack_zh, lack_en = _lack(level, asked)
        who = _who_reopens(level, period_ends_us)
        ask = _ask_instead(level, fits, asked)
        super().__init__(
            "budget_exhausted",
            Message(
                zh=f"隐私预算不足：{words.zh}“{place.name}”{lack_zh}{who.zh}。",
                en=f"The privacy budget is not enough: the {words.en} {place.name!r} {lack_en} "
                f"To reopen it, {who.en}.",
            ),
            field="question_nano_rho",
            rule=f"{RULE}: budgets.{place.kind}",
            way_out=ask,
        )


def spent_refusal(levels: Sequence[Level], stopped: Level, asked: Amount, ends_us: int) -> Refused:
    """Return the refusal of a charge that stopped at one of its levels."""
    fits = levels[0].remaining
    for level in levels:
        fits = fits.lesser(level.remaining)
    return BudgetSpent(stopped, fits, asked, ends_us)


def budget_missing() -> Refused:
    """Return the refusal of a licence that has no budget for a population."""
    return Refused(
        "budget_missing",
        Message(
            zh="本授权没有该总体的隐私预算，不能作聚合查询。",
            en="This licence has no privacy budget for the population of this data set.",
        ),
        field="budgets",
        rule=RULE,
        way_out=Message(
            zh="可请数据主管部门在授权中增列隐私预算。",
            en="Ask the data authority for a licence with a privacy budget.",
        ),
    )


def project_unknown(known: Sequence[str]) -> Refused:
    """Return the refusal of a question outside the projects that share a licence's budget."""
    names = ", ".join(sorted(known))
    return Refused(
        "project_unknown",
        Message(
            zh="本授权的隐私预算按项目划分，本次会话未指明其中的项目。",
            en="This licence divides its privacy budget over projects, and this session belongs "
            "to none of them.",
        ),
        field="project",
        rule=RULE,
        way_out=Message(
            zh=f"请在以下项目之一的会话中提问：{names}。",
            en=f"Ask from a session of one of these projects: {names}.",
        ),
    )


def relation_changed() -> Refused:
    """Return the refusal of a charge priced for a relation that no longer holds (I4)."""
    return Refused(
        "population_relation_changed",
        Message(
            zh="该总体的保护关系刚刚改变，本次定价作废；请重新提问。",
            en="The relation that protects this population has just changed, so this price "
            "is void; ask again.",
        ),
        field="population",
        rule="I4",
    )


def _lack(level: Level, asked: Amount) -> tuple[str, str]:
    left = level.remaining
    if asked.nano_rho > left.nano_rho:
        zh = f"只剩 {left.nano_rho} nano-ρ，本查询需要 {asked.nano_rho} nano-ρ。"
        en = f"has {left.nano_rho} nano-rho left, and this question needs {asked.nano_rho}."
    else:
        zh = f"的 δ 只剩 {left.delta_steps} 步（10⁻¹⁵），本查询需要 {asked.delta_steps} 步。"
        en = (
            f"has {left.delta_steps} delta steps of 10^-15 left, and this question needs "
            f"{asked.delta_steps}."
        )
    return zh, en


def _who_reopens(level: Level, period_ends_us: int) -> Message:
    kind = level.place.kind
    if kind in {LevelKind.LICENCE, LevelKind.PROJECT}:
        return _SIGNED
    if not level.cap.within(level.place.ceiling) or level.cap == level.place.ceiling:
        raised = Message(
            zh="已达规则文件的终身上限，任何人不得再提高",
            en="nobody can: the ceiling of the rule file is reached",
        )
    else:
        raised = _RAISED
    if kind is not LevelKind.PERIOD:
        return raised
    return Message(
        zh=f"本期于 {to_iso(period_ends_us)} 结束后自动重新开放；此前，{raised.zh}",
        en=f"wait for the next period, which begins at {to_iso(period_ends_us)}; before that, "
        f"{raised.en}",
    )


def _ask_instead(level: Level, fits: Amount, asked: Amount) -> Message:
    if asked.nano_rho <= level.remaining.nano_rho:
        return Message(
            zh="可改为按已公布的分组键提问（不消耗 δ），或重复已有查询（不再扣减）。",
            en="Group by keys whose values are declared, which spends no delta, or repeat an "
            "earlier question, which costs nothing.",
        )
    most = fits.nano_rho
    return Message(
        zh=f"可将 question_nano_rho 设为不超过 {most}，或重复已有查询（不再扣减）。",
        en=f"Set question_nano_rho to at most {most}, or repeat an earlier question, "
        "which costs nothing.",
    )
