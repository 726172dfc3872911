"""When figures that are no table may leave: models, survival, histograms, correlations, ratios.

Every kind is declared with the counts that it was computed from; a kind that is not declared here
is not released. Extremes and quantiles are single people's values and are refused (OpenSAFELY: no
minimum or maximum). Sources: ACRO 1.0.2 (degrees of freedom, survival), DataSHIELD (parameters).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal

from disclosure.checks.tables.findings import Finding, Status
from disclosure.checks.tables.safety import Group, failed_rules
from foundation.errors import Message
from policies.schema.checks import GradeChecks

_NAMED_MAX: Final = 10


@dataclass(frozen=True)
class Model:
    """A fitted model's size: ``contributors`` are people, ``parameters`` include the intercept.

    ``indicators`` gives, for each yes-or-no regressor (each level of a category), how many people
    have it. ``patterns`` is how many different combinations of regressors there are, and
    ``smallest_pattern`` the people in the rarest. ``exact_fit`` says that no residual is left.
    """

    observations: int
    contributors: int
    parameters: int
    indicators: Mapping[str, int] = field(default_factory=dict)
    patterns: int | None = None
    smallest_pattern: int = 0
    exact_fit: bool = False


@dataclass(frozen=True)
class Survival:
    """A survival table or curve: people at risk at each printed time, in order of time."""

    at_risk: tuple[int, ...]


@dataclass(frozen=True)
class Percentile:
    """A figure that is some person's own value."""

    kind: Literal["minimum", "maximum", "median", "quantile", "range", "mode"]


@dataclass(frozen=True)
class Histogram:
    """People in each bin; ``edges_declared`` says that the edges were fixed without the data."""

    contributors: tuple[int, ...]
    edges_declared: bool


@dataclass(frozen=True)
class Correlation:
    """A correlation of two columns; ``perfect`` where it is exactly 1 or -1."""

    contributors: int
    perfect: bool


@dataclass(frozen=True)
class Ratio:
    """A share or quotient; ``within`` says that the numerator's people are of the denominator's."""

    numerator: Group
    denominator: Group
    within: bool


Declared = Model | Survival | Percentile | Histogram | Correlation | Ratio


def judge_figure(figure: Declared, rules: GradeChecks) -> tuple[Finding, ...]:
    """Run every check of one declared figure; each result is a pass or a failure with its reason.

    Of a kind that is not known, the result is a failure.
    """
    return tuple(_findings(figure, rules))


def _findings(figure: Declared, rules: GradeChecks) -> Iterable[Finding]:
    found: Iterable[Finding] = (_unknown(),)
    match figure:
        case Model():
            found = _model(figure, rules)
        case Survival():
            found = _survival(figure, rules)
        case Percentile():
            found = (_percentile(),)
        case Histogram():
            found = _histogram(figure, rules)
        case Correlation():
            found = _correlation(figure, rules)
        case Ratio():
            found = _ratio(figure, rules)
    return found


def _model(model: Model, rules: GradeChecks) -> Iterator[Finding]:
    people = min(model.observations, model.contributors)
    freedom = people - model.parameters
    yield _finding(
        "residual_freedom",
        freedom >= rules.residual_freedom_min,
        f"模型的残差自由度须不少于 {rules.residual_freedom_min}（按人数计）。",
        f"A model keeps at least {rules.residual_freedom_min} residual degrees of freedom, by "
        "people.",
        "请减少参数，或用更大的样本。",
        "Use fewer parameters or a larger sample.",
    )
    yield _finding(
        "parameters",
        model.parameters * 1000 <= rules.parameters_per_mille_max * people,
        f"模型参数个数不超过人数的 {rules.parameters_per_mille_max}‰。",
        f"A model has at most {rules.parameters_per_mille_max} parameters per thousand people.",
        "请减少参数或合并类别。",
        "Use fewer parameters, or merge categories.",
    )
    few = _few(model.indicators, people, rules.contributors_min)
    yield _finding(
        "indicators",
        not few,
        "每个虚拟变量的两侧均有足够的人。"
        if not few
        else f"虚拟变量一侧的人过少：{'、'.join(few)}。",
        "Enough people stand on both sides of each indicator."
        if not few
        else f"Too few people on one side of the indicators: {', '.join(few)}.",
        "请合并类别。",
        "Merge categories.",
    )
    yield _saturated(model, rules)


def _few(indicators: Mapping[str, int], people: int, least: int) -> list[str]:
    few = [name for name, count in indicators.items() if min(count, people - count) < least]
    return few[:_NAMED_MAX]


def _saturated(model: Model, rules: GradeChecks) -> Finding:
    full = model.patterns is not None and model.parameters >= model.patterns
    table_unsafe = full and model.smallest_pattern < rules.contributors_min
    return _finding(
        "saturated_model",
        not (model.exact_fit or table_unsafe or model.parameters >= model.observations),
        "模型不得饱和：完全拟合的模型等于一张分组表，其每组须有足够的人。",
        "A model is not saturated: one that fits exactly is a table of groups, and each group "
        "needs enough people.",
        "请去掉交互项，或改为提交分组表。",
        "Leave out interactions, or submit the table of groups.",
    )


def _survival(survival: Survival, rules: GradeChecks) -> Iterator[Finding]:
    least = rules.at_risk_min
    yield _finding(
        "at_risk",
        bool(survival.at_risk) and min(survival.at_risk) >= least,
        f"每个时点的在险人数不少于 {least}。",
        f"At least {least} people are at risk at each time.",
        "请截短时间轴。",
        "End the curve earlier.",
    )
    steps = [before - after for before, after in pairwise(survival.at_risk)]
    yield _finding(
        "survival_steps",
        all(step == 0 or step >= least for step in steps),
        f"相邻时点之间离开的人数为零或不少于 {least}。",
        f"Between two times nobody or at least {least} people leave.",
        "请用更疏的时点。",
        "Print fewer times.",
    )


def _percentile() -> Finding:
    return _finding(
        "percentile",
        False,
        "最小值、最大值、极差、中位数、分位数与众数是个别人的数值，不予发布。",
        "Minimum, maximum, range, median, quantile and mode are some person's own value and are "
        "not released.",
        "请改为发布均值，或发布按固定区间分组的人数。",
        "Publish a mean, or counts of people by fixed intervals.",
    )


def _histogram(histogram: Histogram, rules: GradeChecks) -> Iterator[Finding]:
    yield _finding(
        "bin_edges",
        histogram.edges_declared,
        "直方图的分组边界须事先声明，不得取自数据的最小值或最大值。",
        "A histogram's edges are declared beforehand, never taken from the data's own ends.",
        "请用整数边界，两端开放。",
        "Use round edges, open at both ends.",
    )
    counts = histogram.contributors
    ends = bool(counts) and min(counts[0], counts[-1]) >= rules.bin_contributors_min
    inner = all(
        count >= rules.contributors_min or (count == 0 and not rules.zeros_disclosive)
        for count in counts
    )
    yield _finding(
        "bins",
        ends and inner,
        f"每组不少于 {rules.contributors_min} 人，首末两组不少于 {rules.bin_contributors_min} 人。",
        f"Each bin has at least {rules.contributors_min} people, and the first and last at least "
        f"{rules.bin_contributors_min}.",
        "请合并相邻的组。",
        "Merge neighbouring bins.",
    )


def _correlation(correlation: Correlation, rules: GradeChecks) -> Iterator[Finding]:
    yield _finding(
        "residual_freedom",
        correlation.contributors - 2 >= rules.residual_freedom_min,
        f"相关系数的自由度不少于 {rules.residual_freedom_min}。",
        f"A correlation has at least {rules.residual_freedom_min} degrees of freedom.",
        "请用更大的样本。",
        "Use a larger sample.",
    )
    yield _finding(
        "perfect_correlation",
        not correlation.perfect,
        "相关系数不得恰为 1 或 -1：一列可由另一列完全推出。",
        "A correlation is not exactly 1 or -1: one column would give away the other.",
        "请换用其他列。",
        "Use another column.",
    )


def _ratio(ratio: Ratio, rules: GradeChecks) -> Iterator[Finding]:
    sides = (ratio.numerator, ratio.denominator)
    failed = {rule for side in sides for rule in failed_rules(side, "sum", rules)}
    yield _finding(
        "ratio_sides",
        not failed,
        "比率的分子与分母各自通过人数与集中度检查。",
        "Numerator and denominator of a ratio each pass the checks of people and concentration.",
        "请合并类别。",
        "Merge categories.",
    )
    rest = ratio.denominator.contributors - ratio.numerator.contributors
    yield _finding(
        "ratio_rest",
        not ratio.within or rest >= rules.contributors_min,
        f"占比之外的人数不少于 {rules.contributors_min}，占比不为零或百分之百。",
        f"At least {rules.contributors_min} people are outside a share; it is never 0 or 100 per "
        "cent.",
        "请合并类别。",
        "Merge categories.",
    )


def _unknown() -> Finding:
    return _finding(
        "unknown_figure",
        False,
        "未声明的统计量不予发布。",
        "A kind of figure that is not declared is not released.",
        "请改用已声明的统计量。",
        "Use a declared kind of figure.",
    )


def _finding(rule: str, passed: bool, zh: str, en: str, way_zh: str, way_en: str) -> Finding:
    if passed:
        return Finding(rule, Status.PASS, Message(zh, en))
    return Finding(rule, Status.FAIL, Message(zh, en), Message(way_zh, way_en))


def worst_of(figures: Sequence[Declared], rules: GradeChecks) -> Status:
    """Return the worst status over several figures; none at all is a failure."""
    found = [finding.status for figure in figures for finding in judge_figure(figure, rules)]
    return max(found, default=Status.FAIL)
