"""How much one question may lose: rule file, licence and grade each say, the least one holds.

Grades cap a question as epsilon at the fixed delta, turned into nano-rho by OpenDP's profile and
rounded down. Level 4 and important data are asked only with the authority's approval of the case.
"""

from disclosure.outcome import Refused
from disclosure.privacy import nano_rho_within
from foundation.errors import Message
from policies.schema.privacy import PrivacyRules

RULE = "policies/privacy"
OUT_OF_RANGE = "question_budget_out_of_range"


def cap_nano_rho(rules: PrivacyRules, grade: str | None, delta_steps: int = 0) -> int:
    """Return the most that one question over a grade may lose; the least of all where unknown.

    ``delta_steps`` is what a threshold may spend of the fixed delta first.
    """
    caps = rules.question_epsilon_max
    by_grade = {"L1": caps.L1, "L2": caps.L2, "L3": caps.L3, "L4": caps.L4}
    left = rules.epsilon_delta_steps - delta_steps
    if left <= 0:
        raise ValueError("thresholds spend less than the delta at which an epsilon is shown")
    wanted = by_grade.values() if grade is None else [by_grade[grade]]
    return min(nano_rho_within(epsilon, left) for epsilon in wanted)


def check_asked(
    rules: PrivacyRules,
    asked_nano_rho: int | None,
    licence_nano_rho_max: int,
    *,
    grade: str | None,
    important: bool,
    case_approved: bool,
    delta_steps: int,
) -> int:
    """Return the loss a question is priced at. Raises Refused outside the limits."""
    closed = important or grade in rules.question_epsilon_max.case_approval_grades
    if closed and not case_approved:
        raise case_not_approved()
    most = min(licence_nano_rho_max, cap_nano_rho(rules, grade, delta_steps))
    least = rules.question_nano_rho_min
    asked = min(rules.question_nano_rho_default, most) if asked_nano_rho is None else asked_nano_rho
    if not least <= asked <= most:
        raise _out_of_range(least, most)
    return asked


def case_not_approved() -> Refused:
    """Refuse a question over level 4 or important data without the authority's approval."""
    return Refused(
        "case_not_approved",
        Message(
            zh="查询涉及第 4 级或重要数据，须由数据主管部门逐案批准。",
            en="The question reads level 4 or important data, which needs the authority's "
            "approval of the case.",
        ),
        field="sql",
        rule=f"{RULE}: question_epsilon_max.case_approval_grades",
        way_out=Message(
            zh="请向数据主管部门申请逐案批准，或不使用这些列。",
            en="Ask the authority to approve the case, or leave those columns out.",
        ),
    )


def pure_needs_public_keys() -> Refused:
    """Refuse unknown keys under a pure-DP licence: their release loses delta."""
    return Refused(
        "pure_needs_public_keys",
        Message(
            zh="本授权采用纯差分隐私，不能按没有公开取值的列分组：阈值发布会消耗 δ。",
            en="This licence asks for pure differential privacy, so groups need public keys: "
            "showing groups past a threshold would lose delta.",
        ),
        field="group by",
        rule=RULE,
        way_out=Message(
            zh="请改用有公开取值的列、CASE 或分箱作分组。",
            en="Group by a column with public values, by a CASE, or by bins.",
        ),
    )


def answer_too_large(cells_max: int) -> Refused:
    """Refuse an answer that would take more noisy figures than an interactive one may."""
    return Refused(
        "cells_too_many",
        Message(
            zh=f"答案需要的加噪单元数超过上限 {cells_max}。",
            en=f"The answer would take more noisy figures than the {cells_max} allowed.",
        ),
        field="select",
        rule=f"{RULE}: mechanisms",
        way_out=Message(
            zh="请减少分组或聚合列；分位数可用更粗的网格。",
            en="Ask for fewer groups or aggregates; a quantile can use a coarser grid.",
        ),
    )


def range_not_provable() -> Refused:
    """Refuse a sum whose range the declared caps do not bound below 2^62."""
    return Refused(
        "sum_range_not_provable",
        Message(
            zh="声明的上下界过宽，无法证明求和不会溢出。",
            en="The declared bounds are too wide to prove that no sum can overflow.",
        ),
        field="select",
        rule=RULE,
        way_out=Message(
            zh="请用 LEAST/GREATEST 收窄上下界。",
            en="Clamp the column to narrower bounds with LEAST and GREATEST.",
        ),
    )


def too_little(rules: PrivacyRules) -> Refused:
    """Refuse a loss that is too small to be split over what is measured."""
    return _out_of_range(rules.question_nano_rho_min, None)


def _out_of_range(least: int, greatest: int | None) -> Refused:
    upper = "" if greatest is None else f" and at most {greatest}"
    upper_zh = "" if greatest is None else f"、不大于 {greatest}"
    return Refused(
        OUT_OF_RANGE,
        Message(
            zh=f"单次查询的隐私预算须不小于 {least}{upper_zh} nano-ρ，且足以分给各个聚合列。",
            en=f"The privacy budget of one question is at least {least}{upper} nano-rho, "
            "and large enough to be split over its aggregates.",
        ),
        field="question_nano_rho",
        rule=RULE,
    )
