"""In which mode a session of a licence may open: by the grades of what the licence grants.

Where a granted column has the grade of the rule or above, only a reviewed notebook may work on the
real data; its people work on the synthetic twin. What the catalogue does not know counts highest.
"""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from authorization.documents import LicenceDocument
from catalog.datasets import DatasetDeclaration, Grade
from catalog.store import datasets
from foundation.errors import Denied, InvalidInput, Message
from policies.schema.sessions import SessionRules
from sandbox.lifecycle import SessionMode

PROJECT_RULE = "licence-document"
RULE = "policies/sessions: production_needs_review_from_grade"


def granted_columns(document: LicenceDocument) -> Iterator[tuple[str, str]]:
    """Yield (data set, column) for each column that a licence lets anybody name or filter by."""
    for grant in document.grants:
        filters = (filter_only.column for filter_only in grant.filter_only)
        identifiers = () if grant.verify is None else grant.verify.identifiers
        own = (*grant.columns, *grant.join_only, *grant.aggregate_only, *filters, *identifiers)
        for column in dict.fromkeys(own):
            yield grant.dataset, column


def needs_review(connection: Connection, document: LicenceDocument, rules: SessionRules) -> bool:
    """Tell whether production under a licence is for reviewed notebooks only."""
    known = {one.declaration.name: one.declaration for one in datasets(connection)}
    grades = (_grade(known, name, column) for name, column in granted_columns(document))
    return any(grade >= rules.production_needs_review_from_grade for grade in grades)


def _grade(known: Mapping[str, DatasetDeclaration], dataset: str, column: str) -> Grade:
    declared = known.get(dataset)
    found = None if declared is None else declared.column(column)
    return Grade.L4 if found is None else found.grade


def mode_of_new(wanted: SessionMode | None, *, reviewed_only: bool) -> SessionMode:
    """Return the mode in which a session opens that a person asks for. Raises Denied."""
    if wanted is SessionMode.PRODUCTION and reviewed_only:
        raise Denied(
            "production_needs_review",
            Message(
                "本授权含高级别数据，人员只能在调试模式（合成数据）中工作；"
                "真实数据只由经审查的笔记本处理。",
                "This licence holds data of a high grade: people work in debug mode, on synthetic "
                "data; only a reviewed notebook runs on the data themselves.",
            ),
            field="$.mode",
            rule=RULE,
            way_out=Message(
                "请以 mode=debug 开通会话，提交笔记本审查，通过后转入生产运行。",
                "Open a session with mode=debug, submit the notebook for review, and move it to "
                "production once approved.",
            ),
        )
    if wanted is not None:
        return wanted
    return SessionMode.DEBUG if reviewed_only else SessionMode.PRODUCTION


def check_project(licence: LicenceDocument, project: str | None) -> None:
    """Refuse a session outside the projects over which its licence divides a budget.

    Such a session could ask nothing. Raises InvalidInput, naming the projects there are.
    """
    caps = (cap for budget in licence.budgets for cap in budget.project_caps)
    known = sorted({cap.project for cap in caps})
    if project in known or (project is None and not known):
        return
    names = ", ".join(known)
    if not known:
        raise InvalidInput(
            "project_unknown",
            Message(
                "本授权的隐私预算不按项目划分，会话不能指明项目。",
                "This licence divides no privacy budget over projects, so a session names none.",
            ),
            field="$.project",
            rule=PROJECT_RULE,
            way_out=Message("请去掉 project 后重试。", "Ask again without a project."),
        )
    given = project is not None
    raise InvalidInput(
        "project_unknown" if given else "project_missing",
        Message(
            f"本授权的隐私预算按项目划分，会话须指明其一：{names}。",
            f"This licence divides its privacy budget over projects; a session names one of them: "
            f"{names}.",
        ),
        field="$.project",
        rule=PROJECT_RULE,
        way_out=Message(
            f"请在 project 中填写其中之一：{names}。", f"Give one of them as project: {names}."
        ),
    )
