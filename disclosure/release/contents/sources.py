"""The desk's sources for words, foreign files and figures (see ``disclosure.release.files``).

Words and foreign files come from what ``intake`` kept; a figure is drawn anew from a table that
another source works out, so that it shows nothing else. All are functions of what is stored.
"""

from collections.abc import Callable
from dataclasses import replace

from pydantic import ValidationError
from sqlalchemy import Connection

from catalog.datasets import Frozen
from disclosure.checks.desk import CheckResult
from disclosure.release.contents.figures import Chart, FigureDrawer
from disclosure.release.contents.foreign import texts_of
from disclosure.release.contents.intake import Upload, json_text, require_upload
from disclosure.release.encoding import encode_table
from disclosure.release.files import FileDraft, Placed, ReleasedFile, SourceKind
from disclosure.release.parquet import encode_parquet
from foundation.errors import InvalidInput, Message

ReadFile = Callable[[Connection, Placed], ReleasedFile]
_TABULAR = frozenset({"answer", "table"})


class FigurePlan(Frozen):
    """What a figure draws: a chart, and the draft of the table that it is drawn from."""

    chart: Chart
    data: FileDraft


class TextSource:
    """Words, as Markdown: they explain; their numbers are traced to the tables beside them."""

    kind: SourceKind = "text"

    def read(self, connection: Connection, placed: Placed) -> ReleasedFile:
        """Make the file. Raises InvalidInput where the upload holds no words."""
        upload = _upload(connection, placed)
        if upload.file.text is None or placed.draft.format != "md":
            raise _other_format(placed.draft)
        return _made(placed, upload, upload.file.text.encode(), ())


class ForeignSource:
    """Anything else that came out of a session: non-reproducible, so treated as microdata."""

    kind: SourceKind = "foreign"

    def read(self, connection: Connection, placed: Placed) -> ReleasedFile:
        """Make the file. Raises InvalidInput where the draft's format is not the upload's."""
        upload = _upload(connection, placed)
        file = upload.file
        if file.format != placed.draft.format or file.text is not None:
            raise _other_format(placed.draft)
        return _made(placed, upload, _encoded(upload), (_not_recomputed(),))


class FigureSource:
    """Figures, drawn by the desk itself."""

    kind: SourceKind = "figure"

    def __init__(self, drawer: FigureDrawer, read: ReadFile) -> None:
        """Draw with ``drawer`` what ``read`` makes of the draft of the data."""
        self._drawer = drawer
        self._read = read

    def read(self, connection: Connection, placed: Placed) -> ReleasedFile:
        """Make the file. Raises InvalidInput for a plan that is none, and what its data refuses."""
        plan = figure_plan(placed.draft)
        inner = replace(placed, draft=plan.data)
        made = self._read(connection, inner)
        if made.table is None:
            raise _plan_refused()
        return ReleasedFile(
            name=placed.draft.name,
            format="png",
            content=self._drawer.draw(plan.chart, made.table),
            source="figure",
            reproducible=made.reproducible,
            findings=made.findings,
            table=made.table,
            sources=made.sources,
            asked=made.asked,
            answers=made.answers,
            entries=made.entries,
            tools=made.tools,
        )


def figure_plan(draft: FileDraft) -> FigurePlan:
    """Read the plan of a figure. Raises InvalidInput, naming what it lacks."""
    try:
        plan = FigurePlan.model_validate(dict(draft.plan))
    except ValidationError as error:
        raise _plan_refused() from error
    if plan.data.source not in _TABULAR or draft.format != "png":
        raise _plan_refused()
    return plan


def texts_in(file: ReleasedFile) -> list[str]:
    """Return every text that a file shows, its name included."""
    if file.table is not None:
        return [file.name, *texts_of(file.table)]
    return [file.name, file.content.decode("utf-8", "replace")]


def _upload(connection: Connection, placed: Placed) -> Upload:
    return require_upload(connection, placed.draft.reference, placed.licence)


def _encoded(upload: Upload) -> bytes:
    file = upload.file
    if file.table is None:
        return json_text(file.json_value).encode()
    return encode_parquet(file.table) if file.format == "parquet" else encode_table(file.table)


def _made(
    placed: Placed, upload: Upload, content: bytes, findings: tuple[CheckResult, ...]
) -> ReleasedFile:
    """Make a file of what a session handed in: never reproducible, so never released unseen."""
    return ReleasedFile(
        name=placed.draft.name,
        format=placed.draft.format,
        content=content,
        source=placed.draft.source,
        reproducible=False,
        findings=findings,
        table=upload.file.table,
        entries=(upload.entry_index,),
    )


def _not_recomputed() -> CheckResult:
    return CheckResult(
        "recomputed",
        passed=False,
        reason=Message(
            "该文件由会话交来，平台无法重新计算，按明细数据对待；"
            "请改为申请由平台计算的答案或表格，或由指定人员书面例外。",
            "This file came out of a session and cannot be computed anew, so it counts as "
            "microdata; ask for an answer or a table that the desk works out, or for a written "
            "exception.",
        ),
    )


def _other_format(draft: FileDraft) -> InvalidInput:
    return InvalidInput(
        "file_format_differs",
        Message(
            f"已交文件的内容不是“{draft.name}”所示的格式。",
            f"The file that was handed in is not what {draft.name!r} says.",
        ),
        field="name",
        way_out=Message(
            "说明文字用 text 来源与 .md；其余文件的扩展名须与交付时一致。",
            "Words are of source text and end in .md; other files keep the ending they had.",
        ),
    )


def _plan_refused() -> InvalidInput:
    return InvalidInput(
        "figure_plan_refused",
        Message(
            "图形申请须写明 chart（kind、x、y）与 data（来源为 answer 或 table 的文件），"
            "文件名以 .png 结尾。",
            "A figure names its chart (kind, x, y) and its data (a file of source answer or "
            "table); its name ends in .png.",
        ),
        field="plan",
        rule="policies/contents",
        way_out=Message(
            '例如 {"chart": {"kind": "bar", "x": "区县", "y": "人数"}, "data": {…}}。',
            'For example {"chart": {"kind": "bar", "x": "county", "y": "people"}, "data": {…}}.',
        ),
    )
