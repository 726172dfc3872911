"""A prepared question as the meter is told of it: what is asked, of which columns, at what loss."""

import pyarrow as pa

from disclosure.metering import QuestionUse
from disclosure.pipeline.preparing import Prepared
from disclosure.plan.model import canonical_of
from disclosure.scope import QuestionScope
from foundation.canonical import digest


def question_use(
    scope: QuestionScope, prepared: Prepared, *, answer: str = "", table: pa.Table | None = None
) -> QuestionUse:
    """Return a question's use. Of an answer's table only the number of governed rows is told."""
    priced = prepared.priced
    asked = prepared.canonical_sql if priced is None else canonical_of(priced.plan.question)
    rows = None if priced is not None else (0 if table is None else table.num_rows)
    return QuestionUse(
        question=prepared.question,
        licence=prepared.licence.document,
        organisation=scope.actor.organisation,
        asked=digest({"asked": asked}),
        sources={name: tuple(sorted(prepared.columns_read(name))) for name in prepared.datasets},
        cost_nano_rho=0 if priced is None else priced.cost_nano_rho,
        answer=answer,
        rows=rows,
        session=scope.session,
    )
