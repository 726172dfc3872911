"""Files of release requests that are tables: made by the table desk from a plan, encoded by us."""

from collections.abc import Callable, Mapping

import pyarrow as pa
from pydantic import ValidationError
from sqlalchemy import Connection

from disclosure.release.encoding import encode_table
from disclosure.release.files import Placed, ReleasedFile, SourceKind
from disclosure.release.parquet import TOOL, encode_parquet
from disclosure.release.tables.desk import Asker, TableDesk
from disclosure.release.tables.plan import TableRequest
from disclosure.release.tables.register import TableName
from foundation.canonical import digest
from foundation.errors import InvalidInput, Message

ENCODERS: Mapping[str, Callable[[pa.Table], bytes]] = {
    "csv": encode_table,
    "parquet": encode_parquet,
}


class TableFiles:
    """The source of drafts that name a table by its plan.

    The first making of a draft records the table in the register of released figures, with an
    entry of its own; every later one changes nothing and gives the same bytes.
    """

    kind: SourceKind = "table"

    def __init__(self, desk: TableDesk) -> None:
        """Keep the desk that recomputes."""
        self._desk = desk

    def read(self, connection: Connection, placed: Placed) -> ReleasedFile:
        """Make the file. Raises InvalidInput for a plan of another form, Refused, Denied."""
        encode = ENCODERS.get(placed.draft.format)
        if encode is None:
            raise InvalidInput(
                "file_format_not_tabular",
                Message(
                    f"表只能存为 csv 或 parquet，不能存为 {placed.draft.format}。",
                    f"A table leaves as csv or parquet, not as {placed.draft.format}.",
                ),
                field="name",
            )
        made = self._desk.recompute(
            connection,
            Asker(placed.licence, placed.organisation, placed.person),
            TableName(placed.request, placed.draft.name),
            table_request(placed.draft.plan),
        )
        plan = made.plan
        return ReleasedFile(
            name=placed.draft.name,
            format=placed.draft.format,
            content=encode(made.table),
            source=self.kind,
            reproducible=True,
            findings=made.findings,
            table=made.table,
            sources={plan.dataset: plan.columns},
            asked=digest({"table": plan.as_canonical()}),
            entries=(made.entry_index,),
            tools=TOOL,
        )


def table_request(document: Mapping[str, object]) -> TableRequest:
    """Read the plan of a draft. Raises InvalidInput naming the first field that is wrong."""
    try:
        return TableRequest.model_validate(dict(document))
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"]) or "sql"
        raise InvalidInput(
            "table_plan_invalid",
            Message(
                f"制表要求的字段“{place}”缺失、未知或取值不符。",
                f"The plan of the table has a missing, unknown or unfit field {place!r}.",
            ),
            field=f"plan.{place}",
            way_out=Message(
                '写法：{"sql": "SELECT … GROUP BY …", "margins": false, "rounding": 0}。',
                'Write {"sql": "SELECT … GROUP BY …", "margins": false, "rounding": 0}.',
            ),
        ) from None
