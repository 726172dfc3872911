"""Files made from stored answers: the values are the answer's, and nothing else's (I15).

A synthetic answer never leaves. One behind which the engine failed reads as any other and cannot
leave either; what its refusal says, the answer's own licence can see by asking such a question.
"""

from sqlalchemy import Connection, select

from disclosure.answers import StoredAnswer, answer_by_id
from disclosure.checks.desk import CheckResult, answer_checks
from disclosure.given import evidence_in, table_of
from disclosure.plan_classes import closed_plan_class
from disclosure.release.encoding import encode_table, ordered
from disclosure.release.files import Placed, ReleasedFile, SourceKind
from disclosure.release.parquet import TOOL, encode_parquet
from disclosure.twins.answers import refuse_synthetic
from foundation.errors import Conflict, InvalidInput, Message, NotFound

ENCODERS = {"csv": encode_table, "parquet": encode_parquet}


class AnswerFiles:
    """The source of drafts that name a stored answer of their licence."""

    kind: SourceKind = "answer"

    def read(self, connection: Connection, placed: Placed) -> ReleasedFile:
        """Encode the answer anew. Raises NotFound, Conflict or InvalidInput."""
        answer = _require_answer(connection, placed)
        _check_class_open(connection, answer, placed.licence)
        encode = ENCODERS.get(placed.draft.format)
        if encode is None:
            raise _not_a_table(placed.draft.format)
        table = ordered(table_of(answer.given.content))
        return ReleasedFile(
            name=placed.draft.name,
            format=placed.draft.format,
            content=encode(table),
            source=self.kind,
            reproducible=True,
            findings=_findings(connection, answer, placed),
            table=table,
            sources=answer.given.sources,
            asked=answer.given.asked,
            answers=(answer.id,),
            entries=(answer.answered_index,),
            tools=TOOL,
        )


def _require_answer(connection: Connection, placed: Placed) -> StoredAnswer:
    refuse_synthetic(connection, placed.draft.reference, placed.licence)
    found = answer_by_id(connection, placed.draft.reference, placed.licence)
    if found is None:
        raise NotFound(
            "answer_unknown",
            Message("本授权下没有这个答案。", "There is no such answer under this licence."),
            field="answer_id",
        )
    return found


def _findings(
    connection: Connection, answer: StoredAnswer, placed: Placed
) -> tuple[CheckResult, ...]:
    given = answer.given
    evidence = evidence_in(given.summary)
    found = answer_checks(given.mode, table_of(given.content), evidence, placed.rules)
    if not all(item.passed for item in found) or not _failed(connection, answer):
        return found
    mode, contributors = found
    return (mode, CheckResult(contributors.check, False, _TOO_FEW))


def _failed(connection: Connection, answer: StoredAnswer) -> bool:
    closed = closed_plan_class.c
    query = select(closed.id).where(closed.closed_index == answer.answered_index)
    return connection.execute(query).first() is not None


def _check_class_open(connection: Connection, answer: StoredAnswer, licence: str) -> None:
    """Refuse, alike for every answer over the same data, while a kind of question is closed.

    The licence sees the closing by asking, so this tells it nothing; which of its answers the
    engine failed behind, it does not see here.
    """
    closed = closed_plan_class.c
    query = select(closed.description).where(
        closed.licence == licence, closed.reopened_us.is_(None)
    )
    named = f'"{answer.given.datasets[0]}"' if answer.given.datasets else ""
    if any(named in text for text in connection.execute(query).scalars()):
        raise Conflict(
            "plan_class_closed",
            Message(
                "本授权对该数据的一类查询已暂停，其答案暂不受理出域，等待数据主管部门查看。",
                "A kind of question of this licence over these data is closed; its answers are not "
                "taken until a person of the data authority has looked.",
            ),
            field="answer_id",
            rule="I14",
        )


def _not_a_table(name: str) -> InvalidInput:
    return InvalidInput(
        "file_format_not_tabular",
        Message(
            f"答案是一张表，只能存为 csv 或 parquet，不能存为 {name}。",
            f"An answer is a table: it leaves as csv or parquet, not as {name}.",
        ),
        field="name",
    )


_TOO_FEW = Message(
    "部分行的贡献主体数可能过少；请改用较粗的分组重新查询。",
    "Some rows may have too few contributors; ask again by fewer keys.",
)
