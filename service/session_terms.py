"""In which mode a session of a licence may open: by the grades of what the licence grants.

Where a granted column has the grade of the rule or above, only a reviewed notebook may work on the
real data; its people work on the synthetic twin. What the catalogue does not know counts highest.
"""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from authorization.documents import LicenceDocument
from catalog.datasets import DatasetDeclaration, Grade
from catalog.store import datasets
from foundation.errors import Denied, Message
from policies.schema.sessions import SessionRules
from sandbox.lifecycle import SessionMode

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
